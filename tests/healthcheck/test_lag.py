"""A loop that stood still is noticed, whatever runs first after it."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from healthcheck.lag import TICK, LagWatch


def test_ticks_in_time_show_no_lag() -> None:
    watch = LagWatch(0.0, 0.1)
    for number in range(1, 100):
        watch.tick(number * TICK)
    assert watch.during(0.0, 99 * TICK) == 0.0
    assert watch.worst < 1e-9


def test_a_stall_shows_before_its_tick_has_come() -> None:
    watch = LagWatch(0.0, 0.1)
    assert watch.during(0.0, 30.0) == 30.0 - TICK


def test_a_stall_counts_for_what_was_under_way_and_for_nothing_later() -> None:
    watch = LagWatch(0.0, 0.1)
    watch.tick(30.0)
    watch.tick(30.0 + TICK)
    assert watch.during(29.0, 30.06) == 30.0 - TICK
    assert watch.during(30.001, 30.06) == 0.0


def test_a_small_lag_is_not_remembered() -> None:
    watch = LagWatch(0.0, 0.1)
    watch.tick(TICK + 0.09)
    assert watch.during(0.0, TICK + 0.1) == 0.0
    assert 0.08 < watch.worst < 0.1


@given(st.floats(0.2, 1e4), st.floats(0.0, 0.04), st.booleans())
def test_no_order_of_timers_hides_a_stall(stall: float, before: float, tick_first: bool) -> None:
    """A try started just before the process stopped is judged just after, with or without a tick."""
    watch = LagWatch(0.0, 0.1)
    if tick_first:
        watch.tick(TICK + stall)
    assert watch.during(before, TICK + stall + 0.001) > 0.1
