"""A change of measurements says which clients would be moved, and how many."""

from __future__ import annotations

import pytest

from gslb.steering.classes import compile_classes
from gslb.steering.latency import Cell, LatencyTable, parse_key
from gslb.steering.shift import shifted

US, EU = "aws/us-east-1", "aws/eu-central-1"


def classes(small, policy, *rows):
    cells = (Cell(parse_key(key), site, ms, None, 9999, small.now, "") for key, site, ms in rows)
    world = small.world(LatencyTable(tuple(cells)))
    return compile_classes(policy, small.sites(US, EU), 1, world), world


def routed(world) -> float:
    starts, pairs = (one.tolist() for one in world.ranges[4])
    ends = [*starts[1:], 1 << 32]
    return sum(
        end - start
        for start, end, pair in zip(starts, ends, pairs, strict=True)
        if world.geo.pair_asn[pair]
    )


def test_the_share_of_addresses_that_move_is_exact(small) -> None:
    policy = small.policy(small.rule(f"{US} {EU}", pick="latency"))
    before, world = classes(small, policy)
    after, _ = classes(
        small, policy, ("198.51.100.0/25", US, 1.0), ("198.51.100.0/25", EU, 90.0),
        ("AS64506/BR", EU, 1.0), ("AS64506/BR", US, 400.0),
    )  # fmt: skip
    moves = shifted(before, after, world)
    assert moves == {
        (US, EU): pytest.approx(512 / routed(world)),
        (EU, US): pytest.approx(128 / routed(world)),
    }
    assert list(moves) == [(US, EU), (EU, US)]


def test_nothing_moves_where_nothing_changes(small) -> None:
    policy = small.policy(
        small.rule(US, small.when(resolver="0.0.0.0/1", area="DE")),
        small.rule(f"{US} {EU}", pick="latency"),
    )
    before, world = classes(small, policy)
    assert shifted(before, before, world) == {}
    shares = small.policy(small.rule(f"{US} {EU}"))
    before, world = classes(small, shares)
    assert shifted(before, before, world) == {}
