"""Fixtures of the system tests."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.system.nodes import Node, until
from tests.system.standins import stand_ins
from tests.system.worlds import EAST, EUROPE, WEST, World


@pytest.fixture
def node(tmp_path: Path) -> Iterator[Node]:
    """A node on 127.0.0.1 with a policy of its own, not started; whatever runs on it ends here."""
    made = Node(tmp_path / "node")
    yield made
    made.stop()


@pytest.fixture(scope="session")
def standing(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Node]:
    """One server for all tests that change nothing but its policies; its log is that of them all."""
    made = Node(tmp_path_factory.mktemp("standing"))
    made.start()
    until(lambda: made.events("policies"), "the policies are compiled")
    yield made
    made.stop()


@pytest.fixture
def usual(standing: Node) -> Node:
    """The server that stands, with the usual policy."""
    standing.write_policy("192.0.2.1")
    assert standing.reload()[0] == 0
    return standing


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Have one test process run all tests of the server that stands, so that there is one."""
    for item in items:
        if isinstance(item, pytest.Function) and "standing" in item.fixturenames:
            item.add_marker(pytest.mark.xdist_group("standing"))


@pytest.fixture
def world(tmp_path: Path) -> Iterator[World]:
    """A node with checks, not started, and everything that it looks at, serving."""
    made = World(tmp_path / "node")
    with stand_ins([*EAST, *WEST, *EUROPE], made.port) as ends:
        made.ends = ends
        yield made
        made.node.stop()
