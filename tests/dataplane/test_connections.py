"""Limits of TCP connections, told as a dialogue of times: no sockets, no sleeping."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gslb.dataplane.connections import (
    LEAVE_SECONDS,
    LONGEST_LEAVE_SECONDS,
    UNTOLD_SECONDS,
    Connections,
)
from gslb.dataplane.settings import TcpSettings


def small(**changes: float) -> Connections[str]:
    base = {"max_connections": 4, "max_per_client": 2, "pressed_share": 1.0}
    return Connections(TcpSettings(**{**base, **changes}))


def test_a_silent_connection_has_three_seconds() -> None:
    open_ = small()
    open_.admit("a", 1, 100.0)
    assert open_.expired(102.9) == []
    assert open_.expired(103.0) == ["a"]


def test_after_a_message_it_has_ten_seconds_each_time() -> None:
    open_ = small()
    open_.admit("a", 1, 0.0)
    open_.received("a", 1, False, 2.0)
    assert open_.expired(11.9) == []
    open_.received("a", 1, False, 11.9)
    assert open_.expired(21.8) == []
    assert open_.expired(21.9) == ["a"]


def test_a_message_must_be_complete_within_two_seconds_of_its_first_octet() -> None:
    open_ = small()
    open_.admit("a", 1, 0.0)
    open_.received("a", 1, False, 1.0)
    open_.received("a", 0, True, 5.0)
    open_.received("a", 0, True, 6.9)  # more octets earn no more time
    assert open_.expired(6.9) == []
    assert open_.expired(7.0) == ["a"]


def test_a_trickling_first_message_earns_no_more_time_than_silence() -> None:
    open_ = small()
    open_.admit("a", 1, 0.0)
    open_.received("a", 0, True, 2.5)
    assert open_.expired(3.0) == ["a"]


def test_a_message_that_ends_and_another_that_begins_has_its_own_time() -> None:
    open_ = small()
    open_.admit("a", 1, 0.0)
    open_.received("a", 0, True, 1.0)
    open_.received("a", 1, True, 2.5)
    assert open_.expired(4.4) == []
    assert open_.expired(4.5) == ["a"]


def test_under_pressure_everybody_has_a_second_at_most() -> None:
    open_ = small(pressed_share=0.5)
    for number, name in enumerate("abc"):
        open_.admit(name, number, 0.0)
        open_.received(name, 1, False, 0.0)
    assert open_.expired(0.9) == []
    assert open_.expired(1.0) == ["a", "b", "c"]
    open_.remove("c")
    assert open_.expired(1.0) == []


def test_one_client_holds_no_more_than_its_share() -> None:
    open_ = small()
    assert open_.admit("a", 7, 0.0) == (True, None)
    assert open_.admit("b", 7, 0.0) == (True, None)
    assert open_.admit("c", 7, 0.0) == (False, None)
    assert open_.admit("d", 8, 0.0) == (True, None)
    open_.remove("a")
    assert open_.admit("c", 7, 0.0) == (True, None)


def test_when_full_the_longest_idle_gives_way_to_a_newcomer() -> None:
    open_ = small()
    for number, name in enumerate("abcd"):
        open_.admit(name, number, float(number))
    open_.received("a", 1, False, 5.0)  # so b is the longest idle
    assert open_.admit("e", 9, 6.0) == (True, "b")
    assert open_.all() == ["c", "d", "a", "e"]


def test_while_draining_each_may_stay_for_a_moment_after_its_last_message() -> None:
    open_ = small()
    for client, name in enumerate("abc"):
        open_.admit(name, client, 0.0)
    open_.received("b", 0, True, 0.9)
    open_.drain(1.0)
    open_.received("c", 1, False, 1.3)  # its answer tells it to leave
    assert open_.expired(1.3 + LEAVE_SECONDS - 0.01) == []
    assert open_.expired(1.3 + LEAVE_SECONDS) == ["c"]
    assert open_.expired(1.0 + UNTOLD_SECONDS) == ["a", "b", "c"]
    assert open_.draining


def test_while_draining_a_newcomer_is_still_served() -> None:
    """The kernel has let it in before we stopped listening; it may not have found time to ask."""
    open_ = small()
    open_.drain(1.0)
    open_.admit("a", 1, 1.1)
    assert open_.expired(1.1 + UNTOLD_SECONDS - 0.01) == []
    assert open_.expired(1.1 + UNTOLD_SECONDS) == ["a"]


def test_draining_ends_for_those_too_who_are_never_silent() -> None:
    open_ = small()
    open_.admit("a", 1, 0.0)
    open_.drain(1.0)
    open_.drain(3.0)  # said twice, it began when it was said first
    last = 1.0 + LONGEST_LEAVE_SECONDS
    open_.received("a", 1, True, last - 0.1)
    assert open_.expired(last - 0.1) == []
    assert open_.expired(last) == ["a"]


def test_what_is_gone_is_no_error() -> None:
    open_ = small()
    open_.remove("a")
    open_.received("a", 1, True, 0.0)
    assert len(open_) == 0


@given(st.lists(st.tuples(st.integers(0, 30), st.integers(0, 6), st.booleans()), max_size=80))
def test_the_limits_hold_whatever_comes_and_goes(events: list[tuple[int, int, bool]]) -> None:
    open_ = small()
    present: dict[str, int] = {}
    for now, (number, client, comes) in enumerate(events):
        name = f"c{number}"
        if not comes:
            open_.remove(name)
            present.pop(name, None)
        elif name not in present:
            admitted, evicted = open_.admit(name, client, float(now))
            if evicted is not None:
                del present[evicted]
            if admitted:
                present[name] = client
        assert set(open_.all()) == set(present)
        assert len(present) <= 4
        assert all(list(present.values()).count(c) <= 2 for c in present.values())
        assert sum(open_._clients.values()) == len(present)


@pytest.mark.parametrize("evicting", [True, False])
def test_places_of_a_client_are_freed(evicting: bool) -> None:
    open_ = small(max_connections=1, max_per_client=1)
    open_.admit("a", 1, 0.0)
    if evicting:
        assert open_.admit("b", 2, 1.0) == (True, "a")
    else:
        open_.remove("a")
    assert open_.admit("c", 1, 2.0)[0]
