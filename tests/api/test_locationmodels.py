"""What is shown of the cloud/region/zone tree."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from gslb.api.locationmodels import Location
from gslb.state.overrides import Kind, Override
from gslb.state.tree import Node

NOW = datetime(2026, 12, 1, 6, 0, tzinfo=UTC)


def node(path: str, up: int, down: int, unknown: int, *children: Node) -> Node:
    count = up + down + unknown
    return Node(path, count, up, down, unknown, 0, up, 0, count, up / count, None, children)


@pytest.mark.parametrize(
    ("counts", "status"),
    [
        ((2, 0, 0), "up"),
        ((1, 0, 1), "up"),
        ((0, 0, 2), "unknown"),
        ((0, 2, 0), "down"),
        ((1, 1, 0), "partly"),
    ],
)
def test_the_status_of_many_is_one_word(counts: tuple[int, int, int], status: str) -> None:
    assert Location.of(node("aws", *counts), (), NOW).status == status


def test_an_override_stands_where_it_begins() -> None:
    zones = [node(f"aws/r/{name}", 1, 0, 0) for name in ("az1", "az2")]
    tree = node("aws", 2, 0, 0, node("aws/r", 2, 0, 0, *zones))
    overrides = [
        Override(Kind.DRAIN, pattern, "ops", "x", NOW, None, id=number)
        for number, pattern in enumerate(("aws", "aws/*/az2", "gcp", "aws/r"))
    ]
    cloud = Location.of(tree, overrides, NOW)
    found = {one.path: [held.id for held in one.overrides] for one in flat(cloud)}
    assert found == {"aws": [0], "aws/r": [3], "aws/r/az1": [], "aws/r/az2": [1]}


def flat(location: Location) -> list[Location]:
    return [location, *(one for child in location.children for one in flat(child))]
