"""A checker's trust in itself."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from healthcheck.confidence import Load, doubt_of
from healthcheck.model import Outcome, Status
from healthcheck.tracker import Belief
from healthcheck.votes import Doubt

MakeOutcome = Callable[..., Outcome]
WORKS = Belief(Status.UP, seen_at=0.0)
FAILED_ONCE = Belief(Status.UP, run=1, seen_at=0.0)
DEAD = Belief(Status.DOWN, seen_at=0.0)


@pytest.mark.parametrize(
    ("references", "doubt"),
    [
        ([], Doubt.NONE),
        ([WORKS, WORKS, WORKS], Doubt.NONE),
        ([WORKS, WORKS, DEAD], Doubt.NONE),
        ([WORKS, DEAD, FAILED_ONCE], Doubt.REFERENCES),
        ([FAILED_ONCE, FAILED_ONCE, WORKS], Doubt.REFERENCES),
        ([Belief(), Belief(), WORKS], Doubt.NONE),
    ],
)
def test_two_references_that_fail_are_our_own_fault(references: list[Belief], doubt: Doubt) -> None:
    assert doubt_of(Load(), references, 0.0) is doubt


def filled(line: str, make_outcome: MakeOutcome, start: float = 0.0) -> Load:
    load = Load()
    for number, sign in enumerate(line):
        load.note(WORKS, make_outcome(sign, start + number * 0.5))
    return load


@pytest.mark.parametrize(
    ("line", "overloaded"),
    [
        ("+" * 18 + "??", False),  # a tenth, not more
        ("+" * 17 + "???", True),
        ("-" * 17 + "???", True),  # failures are verdicts
        ("-" * 20, False),
        ("?" * 19, False),  # too few to mean anything
        ("?" * 20, True),
    ],
)
def test_more_than_a_tenth_without_a_verdict_is_overload(
    line: str, overloaded: bool, make_outcome: MakeOutcome
) -> None:
    assert filled(line, make_outcome).overloaded(10.0) is overloaded


def test_overload_is_over_a_minute_after_it_ended(make_outcome: MakeOutcome) -> None:
    load = filled("?" * 20, make_outcome)
    assert load.overloaded(59.0)
    assert not load.overloaded(61.0)
    for second in range(60, 100):
        load.note(WORKS, make_outcome("+", float(second)))
    assert not load.overloaded(100.0)


def test_what_never_worked_from_here_is_no_overload(make_outcome: MakeOutcome) -> None:
    """A host without IPv6 gets no verdict on half of its targets, all day."""
    load = Load()
    for second in range(60):
        load.note(WORKS, make_outcome("+", float(second)))
        load.note(Belief(tried=True), make_outcome("?", float(second)))
    assert not load.overloaded(60.0)


def test_references_are_named_before_overload(make_outcome: MakeOutcome) -> None:
    load = filled("?" * 20, make_outcome)
    assert doubt_of(load, [DEAD, DEAD, DEAD], 10.0) is Doubt.REFERENCES
    assert doubt_of(load, [WORKS], 10.0) is Doubt.OVERLOAD


def test_the_count_is_bounded(make_outcome: MakeOutcome) -> None:
    load = Load()
    for second in range(0, 100_000, 7):
        load.note(WORKS, make_outcome("+", float(second)))
    assert len(load._slices) <= 6
