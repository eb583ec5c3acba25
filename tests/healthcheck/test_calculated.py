"""Checks of checks: three-valued counting."""

from __future__ import annotations

from itertools import product

import pytest
from hypothesis import given
from hypothesis import strategies as st

from healthcheck.calculated import (
    Calculated,
    CalculatedError,
    all_of,
    any_of,
    at_least,
    count,
    evaluate,
    probes_of,
)
from healthcheck.model import Probe, Status

UP, DOWN, UNKNOWN = Status.UP, Status.DOWN, Status.UNKNOWN
PROBES = tuple(Probe("tcp", f"192.0.2.{n}", 443, 5.0, 2.0, 3, 2) for n in range(6))
A, B, C = PROBES[:3]


@pytest.mark.parametrize(
    ("said", "of_all", "of_any", "two_of"),
    [
        ((UP, UP, UP), UP, UP, UP),
        ((UP, UP, DOWN), DOWN, UP, UP),
        ((UP, DOWN, DOWN), DOWN, UP, DOWN),
        ((DOWN, DOWN, DOWN), DOWN, DOWN, DOWN),
        ((UP, UP, UNKNOWN), UNKNOWN, UP, UP),
        ((UP, UNKNOWN, DOWN), DOWN, UP, UNKNOWN),
        ((DOWN, DOWN, UNKNOWN), DOWN, UNKNOWN, DOWN),
        ((UNKNOWN, UNKNOWN, UNKNOWN), UNKNOWN, UNKNOWN, UNKNOWN),
    ],
)
def test_all_any_and_two_of_three(
    said: tuple[Status, ...], of_all: Status, of_any: Status, two_of: Status
) -> None:
    statuses = dict(zip((A, B, C), said, strict=True))
    assert evaluate(all_of(A, B, C), statuses.__getitem__) is of_all
    assert evaluate(any_of(A, B, C), statuses.__getitem__) is of_any
    assert evaluate(at_least(2, A, B, C), statuses.__getitem__) is two_of


def test_the_count_is_for_people() -> None:
    statuses = {A: UP, B: DOWN, C: UNKNOWN}
    assert str(count(at_least(2, A, B, C), statuses.__getitem__)) == (
        "1 of 3 up, 1 unknown, needs 2"
    )
    assert str(count(any_of(A, B), statuses.__getitem__)) == "1 of 2 up, needs 1"


def test_checks_may_rest_on_calculated_ones() -> None:
    check = all_of(A, any_of(B, C))
    statuses = {A: UP, B: DOWN, C: UP}
    assert evaluate(check, statuses.__getitem__) is UP
    assert list(probes_of(check)) == [A, B, C]


@pytest.mark.parametrize("needed", [-1, 0, 3])
def test_what_cannot_be_is_refused(needed: int) -> None:
    with pytest.raises(CalculatedError, match="cannot be"):
        at_least(needed, A, B)


def test_nothing_to_rest_on_is_refused() -> None:
    with pytest.raises(CalculatedError):
        all_of()


def test_depth_and_size_are_bounded() -> None:
    nested: Probe | Calculated = A
    for _ in range(4):
        nested = any_of(nested)
    with pytest.raises(CalculatedError, match="deep"):
        any_of(nested)
    wide = any_of(*([A] * 256))
    with pytest.raises(CalculatedError, match="more than 256 probes"):
        any_of(wide, A)


checks = st.recursive(
    st.sampled_from(PROBES),
    lambda parts: st.lists(parts, min_size=1, max_size=3).flatmap(
        lambda of: st.integers(1, len(of)).map(lambda needed: Calculated(tuple(of), needed))
    ),
    max_leaves=6,
).filter(lambda check: isinstance(check, Calculated))


@given(
    st.lists(st.sampled_from(PROBES), min_size=1, max_size=4, unique=True).flatmap(
        lambda of: st.integers(1, len(of)).map(lambda needed: Calculated(tuple(of), needed))
    ),
    st.lists(st.sampled_from(list(Status)), min_size=6, max_size=6),
)
def test_unknown_stands_for_exactly_what_could_still_be(
    check: Calculated, said: list[Status]
) -> None:
    """The status is known if and only if every way to fill in the unknown ones agrees."""
    statuses = dict(zip(PROBES, said, strict=True))
    open_ones = [p for p in PROBES if statuses[p] is UNKNOWN]
    ways = {
        evaluate(check, (statuses | dict(zip(open_ones, way, strict=True))).__getitem__)
        for way in product((UP, DOWN), repeat=len(open_ones))
    }
    status = evaluate(check, statuses.__getitem__)
    assert status is (ways.pop() if len(ways) == 1 else UNKNOWN)


@given(st.data())
def test_more_evidence_never_takes_back_what_was_known(data: st.DataObject) -> None:
    check = data.draw(checks)
    statuses = {p: data.draw(st.sampled_from(list(Status))) for p in PROBES}
    before = evaluate(check, statuses.__getitem__)
    known = {
        p: data.draw(st.sampled_from([UP, DOWN])) if status is UNKNOWN else status
        for p, status in statuses.items()
    }
    after = evaluate(check, known.__getitem__)
    assert after is not UNKNOWN
    assert before in (UNKNOWN, after)
