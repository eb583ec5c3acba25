"""Tries are counted by type and kind."""

from __future__ import annotations

from healthcheck.model import Kind
from healthcheck.tally import Count, Tally


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
        ("http", Kind.OK): Count(2, 0.75),
        ("tcp", Kind.OK): Count(1, 1.0),
        ("http", Kind.LATE): Count(1, 0.0),
    }
