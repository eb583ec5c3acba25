"""Fixtures of the system tests."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.system.nodes import Node


@pytest.fixture
def node(tmp_path: Path) -> Iterator[Node]:
    """A node on 127.0.0.1 with a policy of its own, not started; whatever runs on it ends here."""
    made = Node(tmp_path / "node")
    yield made
    made.stop()
