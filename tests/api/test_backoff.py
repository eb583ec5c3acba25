"""Guessing gets slower and slower; nobody is locked out, nothing grows without end."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gslb.api.backoff import (
    FORGET_SECONDS,
    FREE_FAILURES,
    MAX_CALLERS,
    MAX_NETWORKS,
    MOST_SECONDS,
    Backoff,
    Rate,
    network_of,
)


@pytest.mark.parametrize(
    ("address", "network"),
    [
        ("192.0.2.77", "192.0.2.0/24"),
        ("2001:db8:1:2ff::5", "2001:db8:1:200::/56"),
        ("::ffff:192.0.2.77", "192.0.2.0/24"),
        ("fe80::1%eth0", "fe80::/56"),
        ("", ""),
    ],
)
def test_neighbours_count_as_one(address: str, network: str) -> None:
    assert network_of(address) == network


def test_delays_begin_after_ten_failures_and_double_up_to_a_minute() -> None:
    backoff, waits = Backoff(), []
    for _ in range(20):
        backoff.failed("a", 0.0)
        waits.append(backoff.seconds_left("a", 0.0))
    assert waits[: FREE_FAILURES - 1] == [0.0] * (FREE_FAILURES - 1)
    assert waits[FREE_FAILURES - 1 : FREE_FAILURES + 6] == [1, 2, 4, 8, 16, 32, 60]
    assert max(waits) == MOST_SECONDS
    assert backoff.seconds_left("b", 0.0) == 0


def test_ten_thousand_guesses_an_hour_are_impossible() -> None:
    backoff, now, guesses = Backoff(), 0.0, 0
    while now < 3600:
        backoff.failed("a", now)
        guesses += 1
        now += backoff.seconds_left("a", now)
    assert guesses < 100


def test_who_stops_guessing_is_forgotten() -> None:
    backoff = Backoff()
    for _ in range(FREE_FAILURES + 3):
        backoff.failed("a", 0.0)
    later = FORGET_SECONDS + 61
    backoff.failed("a", later)
    assert backoff.seconds_left("a", later) == 0


def test_strangers_cannot_make_it_grow() -> None:
    backoff = Backoff()
    for number in range(MAX_NETWORKS + 50):
        backoff.failed(str(number), 0.0)
    assert len(backoff) == MAX_NETWORKS


@given(st.lists(st.floats(0, 10), max_size=200))
def test_no_caller_gets_more_than_rate_and_burst(times: list[float]) -> None:
    rate, granted = Rate(10), 0
    for now in sorted(times):
        granted += rate.spend("a", now) == 0
    assert granted <= 20 + 10 * 10
    assert rate.spend("b", 0.0) == 0


def test_the_wait_that_is_told_is_enough() -> None:
    rate = Rate(10)
    while (wait := rate.spend("a", 0.0)) == 0:
        pass
    assert rate.spend("a", wait * 0.9) > 0
    assert rate.spend("a", wait + 1e-9) == 0


def test_callers_beyond_the_bound_are_forgotten() -> None:
    rate = Rate(1)
    for number in range(MAX_CALLERS + 1):
        rate.spend(str(number), 0.0)
    assert rate.spend("0", 0.0) == 0
