"""When a copy is pushed: debounced, spaced, drains at once, stopped when somebody newer pushes."""

from __future__ import annotations

from math import inf

from hypothesis import given
from hypothesis import strategies as st

from gslb.push.reconcile import (
    COMPARE_EVERY,
    DEBOUNCE,
    FIRST_RETRY,
    GAP,
    LAST_RETRY,
    MAX_DEBOUNCE,
    Due,
    Result,
    Schedule,
)


def settled(now: float = 0.0) -> Schedule:
    """A schedule whose first push, of generation 1, is done."""
    schedule = Schedule()
    schedule.changed(1, now)
    assert schedule.take(now) == Due(1)
    schedule.ended(Result.DONE, now)
    return schedule


def test_nothing_is_due_before_anything_is_desired() -> None:
    schedule = Schedule()
    assert schedule.take(1e6) is None
    assert schedule.wake_at() == inf


def test_the_first_desired_state_is_compared_at_once() -> None:
    assert settled().pushed == 1


def test_a_change_waits_for_others_and_for_the_gap() -> None:
    schedule = settled()
    schedule.changed(2, 1.0)
    schedule.changed(3, 2.0)
    assert schedule.wake_at() == GAP
    assert schedule.take(GAP - 0.1) is None
    assert schedule.take(GAP) == Due(3)
    schedule.ended(Result.DONE, GAP)
    schedule.changed(4, 100.0)
    assert schedule.take(100.0 + DEBOUNCE - 0.1) is None
    assert schedule.take(100.0 + DEBOUNCE) == Due(4)


def test_changes_without_end_do_not_put_a_push_off_for_ever() -> None:
    schedule = settled()
    for tick in range(12):
        schedule.changed(2 + tick, 100.0 + tick)
    assert schedule.wake_at() == 100.0 + MAX_DEBOUNCE


def test_a_drain_jumps_the_queue() -> None:
    schedule = settled()
    schedule.changed(2, 0.1)
    schedule.changed(3, 0.2, drain=True)
    assert schedule.take(0.2) == Due(3, drain=True)
    schedule.ended(Result.DONE, 0.3)
    assert schedule.wake_at() > GAP


def test_a_drain_waits_for_what_is_under_way_and_for_nothing_else() -> None:
    schedule = settled()
    schedule.changed(2, 20.0, drain=True)
    assert schedule.take(20.0)
    schedule.changed(3, 20.1, drain=True)
    assert schedule.take(20.1) is None
    schedule.ended(Result.UNAVAILABLE, 20.2)
    assert schedule.take(20.2) == Due(3, drain=True)


def test_a_drain_that_failed_is_still_one_when_it_is_tried_again() -> None:
    schedule = settled()
    schedule.changed(2, 20.0, drain=True)
    schedule.take(20.0)
    schedule.ended(Result.UNAVAILABLE, 20.0, jitter=0.5)
    assert schedule.wake_at() == 20.0 + GAP  # the gap holds for tries again, too
    assert schedule.take(30.0) == Due(2, drain=True)


def test_failures_wait_longer_and_longer_but_not_for_ever() -> None:
    schedule = settled()
    schedule.changed(2, 100.0)
    now, waits = 100.0 + DEBOUNCE, []
    for _ in range(12):
        assert schedule.take(now)
        schedule.ended(Result.FAILED, now, jitter=0.5)
        waits.append(schedule.wake_at() - now)
        now = schedule.wake_at()
    assert waits[0] == max(GAP, FIRST_RETRY)
    assert waits == sorted(waits)
    assert waits[-1] == LAST_RETRY
    schedule.retry()
    assert schedule.failures == 0


def test_it_is_compared_now_and_then() -> None:
    schedule = settled()
    assert schedule.wake_at() == COMPARE_EVERY
    assert schedule.take(COMPARE_EVERY) == Due(1)


def test_what_was_not_read_back_is_compared_once_the_gap_is_over() -> None:
    schedule = settled()
    schedule.changed(2, 100.0, drain=True)
    schedule.take(100.0)
    schedule.confirm(101.0)
    schedule.ended(Result.DONE, 101.0)
    assert schedule.take(100.0 + GAP - 0.1) is None
    assert schedule.take(100.0 + GAP) == Due(2)
    schedule.ended(Result.DONE, 110.0)
    assert schedule.wake_at() == 100.0 + GAP + COMPARE_EVERY


def test_a_push_that_is_cut_for_a_drain_is_part_of_the_next() -> None:
    """The drain goes first; what the push was to bring comes with it."""
    schedule = settled()
    schedule.changed(2, 100.0)
    schedule.take(102.0)
    assert not schedule.urgent
    schedule.changed(3, 103.0, drain=True)
    assert schedule.urgent
    schedule.ended(Result.CUT, 103.0)
    assert schedule.take(103.0) == Due(3, drain=True)
    assert schedule.failures == 0


def test_somebody_newer_stops_it_until_there_is_something_newer_here() -> None:
    schedule = settled()
    schedule.changed(2, 100.0)
    schedule.take(110.0)
    schedule.ended(Result.STALE, 110.0)
    assert schedule.take(1e9) is None
    assert schedule.wake_at() == inf
    assert not schedule.changed(2, 2e9)
    schedule.changed(3, 2e9)
    assert schedule.take(2e9 + DEBOUNCE) == Due(3)


def test_what_is_held_is_not_tried_again_before_its_time() -> None:
    schedule = settled()
    schedule.changed(2, 100.0)
    schedule.take(102.0)
    schedule.ended(Result.HELD, 102.0)
    assert schedule.pushed == 1
    assert schedule.wake_at() == 102.0 + COMPARE_EVERY


_steps = st.lists(
    st.tuples(
        st.sampled_from(["change", "drain", "old", "wait"]),
        st.floats(0, 30),
        st.sampled_from(Result),
    ),
    max_size=60,
)


@given(_steps)
def test_whatever_happens_pushes_are_spaced_and_never_go_back(
    steps: list[tuple[str, float, Result]],
) -> None:
    """Two pushes of which the second carries no drain are GAP apart; generations only rise."""
    schedule, now, newest, last, pushed = Schedule(), 0.0, 1, -inf, 0
    schedule.changed(1, 0.0)
    for what, seconds, outcome in steps:
        now += seconds
        if what in {"change", "drain"}:
            newest += 1
            schedule.changed(newest, now, drain=what == "drain")
        elif what == "old":
            assert not schedule.changed(newest - 1, now)
        due = schedule.take(now)
        if due is None:
            assert schedule.wake_at() > now
            continue
        assert due.generation == newest
        assert due.drain or now - last >= GAP
        last = now
        schedule.ended(outcome, now)
        assert schedule.pushed >= pushed
        pushed = schedule.pushed


@given(st.lists(st.floats(0.01, 30), min_size=1, max_size=40))
def test_every_change_is_pushed_soon(pauses: list[float]) -> None:
    """With a provider that works none waits longer than MAX_DEBOUNCE and GAP."""
    schedule, now = settled(), 0.0
    waiting: dict[int, float] = {}
    for number, pause in enumerate(pauses, 2):
        end = now + pause
        while schedule.wake_at() <= end:
            at = max(now, schedule.wake_at())
            due = schedule.take(at)
            assert due is not None
            schedule.ended(Result.DONE, at)
            assert all(at - since <= MAX_DEBOUNCE + GAP for since in waiting.values())
            waiting.clear()
        now = end
        schedule.changed(number, now)
        waiting[number] = now
    assert schedule.wake_at() <= min(waiting.values()) + MAX_DEBOUNCE + GAP
