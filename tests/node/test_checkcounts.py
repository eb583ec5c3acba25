"""Counters of checks go on over the lives of checkers."""

from __future__ import annotations

from gslb.node.checkcounts import CheckCounts
from gslb.node.moves import Move
from gslb.state.board import Standing
from healthcheck.messages import Heartbeat
from healthcheck.model import Kind, Status
from healthcheck.tally import BOUNDS
from healthcheck.votes import Doubt

NO_TRIES = (0,) * len(BOUNDS)


def beat(life: int, *counts: tuple[str, Kind, int, float]) -> Heartbeat:
    told = tuple((type_, kind, (n, *NO_TRIES), took) for type_, kind, n, took in counts)
    return Heartbeat("here", life, 1, 1, 1, 1, 0, 0, 0.0, Doubt.NONE, told)


def tries(counts: CheckCounts) -> dict[tuple[str, Kind], tuple[int, float]]:
    return {key: (sum(n), took) for key, (n, took) in counts.tries().items()}


def test_each_word_of_a_checker_replaces_the_one_before() -> None:
    counts = CheckCounts()
    counts.hear(beat(1, ("http", Kind.OK, 3, 0.5)))
    counts.hear(beat(1, ("http", Kind.OK, 5, 0.75), ("http", Kind.TIMEOUT, 1, 2.0)))
    assert tries(counts) == {("http", Kind.OK): (5, 0.75), ("http", Kind.TIMEOUT): (1, 2.0)}


def test_another_checker_goes_on_where_the_last_one_ended() -> None:
    counts = CheckCounts()
    counts.hear(beat(1, ("http", Kind.OK, 3, 0.5)))
    counts.hear(beat(2))
    assert tries(counts) == {("http", Kind.OK): (3, 0.5)}
    counts.hear(beat(2, ("http", Kind.OK, 4, 0.5), ("tcp", Kind.OK, 1, 0.1)))
    counts.hear(beat(3, ("tcp", Kind.OK, 2, 0.1)))
    assert tries(counts) == {("http", Kind.OK): (7, 1.0), ("tcp", Kind.OK): (3, 0.2)}


def test_changes_are_counted_by_place_and_not_those_of_operators() -> None:
    counts = CheckCounts()
    up, down = Standing(Status.UP, Status.UP), Standing(Status.DOWN, Status.UP)
    for endpoint, by_operator in (("aws/r/z", False), ("aws/r/z/2", False), ("aws/r/y", True)):
        counts.moved(Move((endpoint, None), up, down, by_operator, None))
    counts.moved(Move(("aws/r/z", None), down, up, False, None))
    assert counts.transitions == {("aws/r", "z", "down"): 2, ("aws/r", "z", "up"): 1}
