"""Who gets on has a vote; who stands still has none, unless it is most of them at once."""

from __future__ import annotations

from gslb.node.seats import Seats
from gslb.node.talk import SILENT_SECONDS
from healthcheck.tracker import HOLD_AT_MOST

LATER = SILENT_SECONDS + 1.0


def seats(*names: str) -> Seats:
    made = Seats("own")
    for name in names:
        made.beat(name, 1, 5.0, 0.0)
    assert made.seated(0.0) == {"own", *names}
    return made


def test_our_own_checker_always_votes() -> None:
    """Alone, its word is all there is."""
    assert Seats("own").seated(1e9) == {"own"}


def test_one_that_stands_still_loses_its_seat_and_gets_it_back() -> None:
    """Alive is one whose count of completed probes rises, whatever it says besides (F16)."""
    made = seats("a", "b")
    made.beat("a", 2, 5.0, LATER)
    made.beat("b", 1, 5.0, LATER)
    assert made.silent(LATER) == ["b"]
    assert made.seated(LATER) == {"own", "a"}
    assert not made.held
    made.beat("b", 2, 5.0, LATER + 1)
    assert made.seated(LATER + 1) == {"own", "a", "b"}


def test_slow_probes_are_waited_for() -> None:
    """Three intervals, where that is more."""
    made = Seats("own")
    made.beat("a", 1, 60.0, 0.0)
    assert made.seated(179.0) == {"own", "a"}
    assert made.seated(181.0) == {"own"}


def test_when_most_fall_silent_at_once_they_are_still_counted() -> None:
    """Our own uplink, most likely: no quorum, so what was known is held; not for ever."""
    made = seats("a", "b")
    assert made.seated(LATER) == {"own", "a", "b"}
    assert made.held
    assert made.seated(LATER + HOLD_AT_MOST) == {"own", "a", "b"}
    assert made.seated(LATER + HOLD_AT_MOST + 1.0) == {"own"}
    assert made.seated(LATER + HOLD_AT_MOST + 2.0) == {"own"}
    assert not made.held


def test_one_of_two_may_go() -> None:
    """A node with one agent does not stop judging when that is gone."""
    assert seats("a").seated(LATER) == {"own"}


def test_whoever_has_no_right_any_more_goes_at_once() -> None:
    """A revoked token is no outage."""
    made = seats("a", "b", "c")
    for name in "abc":
        made.forget(name)
    assert made.seated(1.0) == {"own"}
    assert made.known == {"own"}
