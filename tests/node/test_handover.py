"""The handover step by step: at every moment exactly one of the two owns the node."""

from __future__ import annotations

from math import inf

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gslb.node.handover import OWNING_SECONDS, Act, Event, Handover, NotNowError, Phase

LIMIT = 300.0


def after(*events: Event) -> tuple[Handover, list[Act]]:
    """Return where *events*, a second apart, lead to, and everything that was done."""
    handover, done = Handover(), []
    for now, event in enumerate(events):
        handover, acts = handover.after(event, float(now), LIMIT)
        done += acts
    return handover, done


def test_a_replacement_that_works() -> None:
    handover, done = after(Event.WANTED, Event.HELLO, Event.READY, Event.SERVES)
    assert handover == Handover(Phase.OVER, inf)
    assert done == [Act.START, Act.LET_GO, Act.END]


def test_one_that_somebody_else_has_started_is_not_started_by_us() -> None:
    assert after(Event.HELLO, Event.READY, Event.SERVES)[1] == [Act.LET_GO, Act.END]


@pytest.mark.parametrize("failure", [Event.FAILED, Event.LOST, Event.LATE])
@pytest.mark.parametrize(
    ("before", "acts"),
    [
        ([Event.WANTED], [Act.KILL, Act.TELL]),
        ([Event.WANTED, Event.HELLO], [Act.KILL, Act.TELL]),
        ([Event.HELLO], [Act.KILL, Act.TELL]),
        ([Event.HELLO, Event.READY], [Act.KILL, Act.TAKE_BACK, Act.TELL]),
    ],
)
def test_whatever_fails_is_killed_before_anything_is_taken_back(
    before: list[Event], acts: list[Act], failure: Event
) -> None:
    handover, done = after(*before, failure)
    assert handover == Handover()
    assert done[-len(acts) :] == acts


def test_the_time_runs_from_the_start_and_anew_once_we_have_let_go() -> None:
    """Without checks and changes nobody may stay for as long as a large policy compiles."""
    assert after(Event.WANTED)[0].deadline == LIMIT
    assert after(Event.WANTED, Event.HELLO)[0].deadline == LIMIT
    assert after(Event.WANTED, Event.HELLO, Event.READY)[0].deadline == 2.0 + OWNING_SECONDS
    assert Handover().deadline == inf


@pytest.mark.parametrize(
    "events",
    [
        [Event.READY],
        [Event.SERVES],
        [Event.LOST],
        [Event.WANTED, Event.WANTED],
        [Event.HELLO, Event.HELLO],
        [Event.HELLO, Event.SERVES],
        [Event.HELLO, Event.READY, Event.SERVES, Event.LOST],
        [Event.HELLO, Event.READY, Event.SERVES, Event.LATE],
    ],
)
def test_what_comes_out_of_turn_changes_nothing(events: list[Event]) -> None:
    with pytest.raises(NotNowError):
        after(*events)


@given(st.lists(st.sampled_from(Event), max_size=40))
def test_there_is_always_one_owner_and_never_two(events: list[Event]) -> None:
    """Ours, unless we let go and have neither taken back nor ended; taken back only from the dead."""
    handover, ours, killed = Handover(), True, True
    for now, event in enumerate(events):
        try:
            handover, acts = handover.after(event, float(now), LIMIT)
        except NotNowError:
            continue
        for act in acts:
            if act is Act.START or event is Event.HELLO:
                killed = False
            elif act is Act.LET_GO:
                assert ours
                ours = False
            elif act is Act.KILL:
                killed = True
            elif act is Act.TAKE_BACK:
                assert killed
                assert not ours
                ours = True
            elif act is Act.END:
                assert not ours
        assert handover.ours is ours
