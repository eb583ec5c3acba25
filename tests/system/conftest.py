"""Fixtures of the system tests."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.system.nodes import Node
from tests.system.standins import stand_ins
from tests.system.worlds import EAST, EUROPE, WEST, World


@pytest.fixture
def node(tmp_path: Path) -> Iterator[Node]:
    """A node on 127.0.0.1 with a policy of its own, not started; whatever runs on it ends here."""
    made = Node(tmp_path / "node")
    yield made
    made.stop()


@pytest.fixture
def world(tmp_path: Path) -> Iterator[World]:
    """A node with checks, not started, and everything that it looks at, serving."""
    made = World(tmp_path / "node")
    with stand_ins([*EAST, *WEST, *EUROPE], made.port) as ends:
        made.ends = ends
        yield made
        made.node.stop()
