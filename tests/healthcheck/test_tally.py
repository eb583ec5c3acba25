"""Tries are counted by type and kind."""

from __future__ import annotations

from itertools import pairwise

from healthcheck.model import Kind
from healthcheck.tally import BOUNDS, Count, Tally


def bucketed(*times: float) -> list[int]:
    """Return how many of *times* are in each bucket; none is above the last bound."""
    bounds = (-1.0, *BOUNDS)
    counts = [sum(low < t <= high for t in times) for low, high in pairwise(bounds)]
    return [*counts, 0]


def test_tries_are_counted_with_their_time() -> None:
    tally = Tally()
    for type_, kind, seconds in (
        ("http", Kind.OK, 0.25),
        ("http", Kind.OK, 0.5),
        ("tcp", Kind.OK, 1.0),
        ("http", Kind.LATE, 0.0),
    ):
        tally.add(type_, kind, seconds)
    assert tally.completed == 4
    assert tally.counts == {
        ("http", Kind.OK): Count(bucketed(0.25, 0.5), 0.75),
        ("tcp", Kind.OK): Count(bucketed(1.0), 1.0),
        ("http", Kind.LATE): Count(bucketed(0.0), 0.0),
    }


def test_a_bound_belongs_to_the_bucket_below_it_and_nothing_is_too_long() -> None:
    tally = Tally()
    for seconds in (0.0, BOUNDS[0], BOUNDS[0] + 1e-6, BOUNDS[-1], 1e9):
        tally.add("tcp", Kind.OK, seconds)
    assert tally.counts["tcp", Kind.OK].buckets == [2, 1, *[0] * (len(BOUNDS) - 3), 1, 1]
