"""Token buckets by network; time is passed in."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from gslb.dataplane.client import source_of
from gslb.dataplane.limits import MAX_BUCKETS, RateLimit, is_loopback, network_of

HERE = source_of("192.0.2.1")


def test_a_second_s_worth_at_once_and_then_the_rate() -> None:
    limit = RateLimit(10)
    assert [limit.allows(HERE, 5.0) for _ in range(12)] == [True] * 10 + [False] * 2
    assert limit.exceeded == 2
    assert [limit.allows(HERE, 5.25) for _ in range(3)] == [True, True, False]
    assert sum(limit.allows(HERE, 99.0) for _ in range(50)) == 10


def test_networks_are_24_and_56_and_do_not_share() -> None:
    limit = RateLimit(1)
    assert limit.allows(source_of("192.0.2.1"), 0.0)
    assert not limit.allows(source_of("192.0.2.255"), 0.0)
    assert limit.allows(source_of("192.0.3.1"), 0.0)
    assert limit.allows(source_of("2001:db8::1"), 0.0)
    assert not limit.allows(source_of("2001:db8:0:ff::1"), 0.0)
    assert limit.allows(source_of("2001:db8:0:100::1"), 0.0)
    assert network_of(source_of("::c0:2:0")) != network_of(source_of("0.192.0.2"))


def test_no_rate_is_no_limit() -> None:
    limit = RateLimit(0)
    assert all(limit.allows(HERE, 0.0) for _ in range(5000))


def test_loopback_is_not_limited() -> None:
    limit = RateLimit(1)
    for host in ("127.0.0.1", "127.255.3.4", "::1"):
        assert is_loopback(network_of(source_of(host)))
        assert all(limit.allows(source_of(host), 0.0) for _ in range(5))
    for host in ("126.255.255.255", "128.0.0.1", "2001:db8::1"):
        assert not is_loopback(network_of(source_of(host)))


def test_forged_sources_cannot_make_it_grow() -> None:
    limit = RateLimit(5)
    for number in range(MAX_BUCKETS + 100):
        limit.allows(HERE._replace(address=number << 8), 0.0)
        assert len(limit._buckets) <= MAX_BUCKETS


@given(st.lists(st.floats(0, 2), max_size=60))
def test_never_more_than_rate_times_time_and_one_second_s_worth(steps: list[float]) -> None:
    limit, now, allowed = RateLimit(3), 0.0, 0
    for step in steps:
        now += step
        allowed += limit.allows(HERE, now)
    assert allowed <= 3 + 3 * now + 1e-6


def test_a_clock_that_steps_back_gives_nothing_away() -> None:
    limit = RateLimit(2)
    assert [limit.allows(HERE, now) for now in (10.0, 10.0, 5.0, 5.1)] == [True, True, False, False]
