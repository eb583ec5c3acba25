"""Flap damping, on a made-up clock."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from math import inf

import pytest
from hypothesis import given
from hypothesis import strategies as st

from healthcheck.damping import LONGEST_HOLD, Damped, damp, hold
from healthcheck.model import Outcome, Probe, Status
from healthcheck.tracker import Belief, observe

MakeOutcome = Callable[..., Outcome]
UP, DOWN, UNKNOWN = Status.UP, Status.DOWN, Status.UNKNOWN


def follow(moves: Iterable[tuple[float, Status]]) -> Damped:
    damped = Damped()
    for at, seen in moves:
        damped = damp(damped, seen, at)
    return damped


def test_the_hold_down_doubles_from_half_a_minute_to_a_quarter_of_an_hour() -> None:
    assert [hold(level) for level in range(10)] == [0, 0, 30, 60, 120, 240, 480, 900, 900, 900]


def test_the_first_down_is_not_held() -> None:
    assert follow([(0.0, UP), (100.0, DOWN), (101.0, UP)]).status is UP


def test_the_second_down_within_ten_minutes_is_held_for_half_a_minute() -> None:
    held = follow([(0.0, UP), (100.0, DOWN), (110.0, UP), (120.0, DOWN), (121.0, UP)])
    assert held.status is DOWN
    assert held.wake_at == 151.0  # the hold-down is over at 150, the quiet half minute at 151
    assert damp(held, UP, 150.9).status is DOWN
    assert damp(held, UP, 151.0).status is UP


def test_each_further_down_doubles_the_hold() -> None:
    damped, at, holds = Damped(), 0.0, []
    for _ in range(8):
        damped = damp(damped, DOWN, at)
        holds.append(damped.held_until - at)
        damped = damp(damped, UP, at + 1.0)
        at = max(at + 1.0, damped.wake_at if damped.wake_at < inf else 0.0)
        damped = damp(damped, UP, at)
        assert damped.status is UP
        at += 1.0
    assert holds == [0, 30, 60, 120, 240, 480, 900, 900]


def test_ten_quiet_minutes_take_one_step_off() -> None:
    moves = [(0.0, DOWN), (1.0, UP), (2.0, DOWN), (3.0, UP), (40.0, UP)]  # back at 40, level 2
    assert follow([*moves, (639.0, DOWN)]).level == 3
    assert follow([*moves, (640.0, DOWN)]).level == 2
    assert follow([*moves, (40.0 + 5 * 600.0, DOWN)]).level == 1


def test_a_failure_while_held_starts_the_quiet_time_again_but_is_no_new_down() -> None:
    held = follow([(0.0, DOWN), (1.0, UP), (2.0, DOWN), (20.0, UP), (25.0, DOWN), (28.0, UP)])
    assert (held.status, held.level, held.held_until) == (DOWN, 2, 32.0)
    assert held.wake_at == 58.0


def test_unknown_ends_a_hold_at_once() -> None:
    """To keep a target out without evidence would be the wrong way round."""
    held = follow([(0.0, DOWN), (1.0, UP), (2.0, DOWN), (3.0, UNKNOWN)])
    assert held.status is UNKNOWN
    assert damp(held, UP, 4.0).status is UP


def test_the_way_through_unknown_does_not_reset_the_level() -> None:
    moves = [(0.0, DOWN), (1.0, UP), (2.0, DOWN), (3.0, UNKNOWN), (4.0, DOWN)]
    assert follow(moves).level == 3


@pytest.mark.parametrize(
    ("every", "down_after", "up_after"),
    [(5.0, 3, 3), (5.0, 3, 2), (5.0, 1, 1), (1.0, 3, 3), (1.0, 1, 1), (2.0, 1, 2), (0.5, 1, 1)],
)
@pytest.mark.parametrize("phase", [0.0, 3.1, 7.9])
def test_a_target_that_toggles_every_8_s_changes_the_answers_12_times_an_hour_at_most(
    every: float, down_after: int, up_after: int, phase: float, make_outcome: MakeOutcome
) -> None:
    probe = Probe("tcp", "192.0.2.1", 443, every, 0.5, down_after, up_after)
    belief, damped, at, changes, raw = Belief(), Damped(), 0.0, 0, 0
    while at < 3_600.0:
        sign = "+" if int((at + phase) // 8.0) % 2 == 0 else "-"
        step = observe(probe, belief, make_outcome(sign, at))
        belief = step.belief
        raw += step.transition is not None
        after = damp(damped, belief.status, at)
        changes += after.status is not damped.status
        damped = after
        at += step.again or every
    assert changes <= 12
    if every <= 2.0 and up_after < 3:
        assert raw > 100  # it is the damping that did it


def test_a_slow_toggle_meets_the_longest_hold() -> None:
    """A minute up between two minutes down wears nothing off."""
    damped, at, changes = Damped(), 0.0, 0
    while at < 6 * 3_600.0:
        seen = UP if int(at // 60.0) % 2 == 0 else DOWN
        after = damp(damped, seen, at)
        changes += after.status is not damped.status
        damped = after
        at += 1.0
    assert damped.level == 7
    assert changes <= 2 * (7 + 6 * 3_600 / LONGEST_HOLD)


moves = st.lists(
    st.tuples(st.floats(0.0, 2_000.0), st.sampled_from([UP, DOWN, UNKNOWN])), max_size=60
)


@given(moves)
def test_a_down_is_never_delayed_and_a_return_never_early(
    steps: list[tuple[float, Status]],
) -> None:
    damped, at = Damped(), 0.0
    for later, seen in steps:
        at += later
        before, damped = damped, damp(damped, seen, at)
        if seen is not UP:
            assert damped.status is seen
        if before.status is DOWN and damped.status is UP:
            assert at >= before.held_until
        if damped.status is DOWN and seen is UP:
            assert at < damped.wake_at <= at + LONGEST_HOLD
        else:
            assert damped.wake_at == inf


@given(moves)
def test_who_stays_up_comes_back(steps: list[tuple[float, Status]]) -> None:
    damped, at = Damped(), 0.0
    for later, seen in steps:
        at += later
        damped = damp(damped, seen, at)
    damped = damp(damped, UP, at)
    if damped.status is not UP:
        damped = damp(damped, UP, damped.wake_at)
    assert damped.status is UP
