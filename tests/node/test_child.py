"""When a dead worker is started again."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from gslb.node.child import MAX_DELAY_SECONDS, SHORT_LIFE_SECONDS, Restarts


def test_a_worker_that_has_lived_is_started_again_at_once() -> None:
    """However often: each death of an old worker is a new story."""
    restarts = Restarts()
    assert [restarts.died(3600.0) for _ in range(5)] == [0.0] * 5
    assert restarts.count == 5


def test_a_worker_that_dies_at_its_start_waits_longer_each_time() -> None:
    """The first time at once, then doubling up to the bound."""
    restarts = Restarts()
    delays = [restarts.died(0.5) for _ in range(9)]
    assert delays == [0.0, 0.1, 0.2, 0.4, 0.8, 1.6, 3.2, MAX_DELAY_SECONDS, MAX_DELAY_SECONDS]


def test_a_long_life_forgives_the_short_ones() -> None:
    """After it the pauses begin anew."""
    restarts = Restarts()
    for _ in range(6):
        restarts.died(0.5)
    assert restarts.died(SHORT_LIFE_SECONDS) == 0.0
    assert [restarts.died(0.5), restarts.died(0.5)] == [0.0, 0.1]


@given(st.lists(st.floats(0.0, 1e9)))
def test_every_death_is_counted_and_every_pause_is_bounded(lives: list[float]) -> None:
    """No history of deaths makes a storm, or keeps a worker away for long."""
    restarts = Restarts()
    delays = [restarts.died(life) for life in lives]
    assert restarts.count == len(lives)
    assert all(0.0 <= delay <= MAX_DELAY_SECONDS for delay in delays)
