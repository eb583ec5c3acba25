"""One checker as seen by those who count."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from healthcheck.model import Status
from healthcheck.voter import Voter
from healthcheck.votes import Vote

UP, DOWN, UNKNOWN = Status.UP, Status.DOWN, Status.UNKNOWN
LIFETIME = 17.0


class Sender:
    """Casts votes with ascending sequence."""

    def __init__(self) -> None:
        self.voter = Voter("ns1")
        self.sequence = 0

    def say(
        self,
        target: str,
        status: Status,
        now: float,
        *,
        group: str = "",
        failing: bool | None = None,
        age: float = 0.0,
    ) -> bool:
        self.sequence += 1
        bad = status is DOWN if failing is None else failing
        vote = Vote("ns1", target, status, bad, 1, self.sequence, age)
        return self.voter.cast(vote, group, LIFETIME, now)


def vote(life: int, sequence: int, status: Status = UP, target: str = "t") -> Vote:
    return Vote("ns1", target, status, status is DOWN, life, sequence, 0.0)


@pytest.mark.parametrize(("life", "sequence"), [(1, 5), (1, 4), (0, 9)])
def test_a_vote_that_is_not_newer_is_refused(life: int, sequence: int) -> None:
    voter = Voter("ns1")
    assert voter.cast(vote(1, 5), "", LIFETIME, 0.0)
    assert not voter.cast(vote(life, sequence, DOWN), "", LIFETIME, 1.0)
    ballot = voter.ballot("t", 1.0)
    assert ballot is not None
    assert ballot.vote.status is UP


def test_a_replay_is_refused_even_after_the_original_has_grown_old() -> None:
    voter = Voter("ns1")
    voter.cast(vote(1, 5, DOWN), "", LIFETIME, 0.0)
    voter.expire(100.0)
    assert not voter.cast(vote(1, 5, DOWN), "", LIFETIME, 100.0)


def test_a_new_life_begins_its_sequence_anew_and_ends_the_old_one() -> None:
    voter = Voter("ns1")
    voter.cast(vote(1, 500), "", LIFETIME, 0.0)
    assert voter.cast(vote(2, 1, DOWN), "", LIFETIME, 1.0)
    assert not voter.cast(vote(1, 501, UP, "other"), "", LIFETIME, 2.0)


def test_a_vote_is_valid_by_the_receivers_clock_less_its_age() -> None:
    sender = Sender()
    sender.say("t", UP, now=100.0, age=5.0)
    assert sender.voter.ballot("t", 112.0) is not None
    assert sender.voter.ballot("t", 112.1) is None


def test_a_vote_too_old_on_arrival_says_nothing() -> None:
    sender = Sender()
    assert sender.say("t", UP, now=100.0, age=18.0)
    assert sender.voter.ballot("t", 100.0) is None
    assert sender.voter.judged == 0


def test_what_has_grown_old_leaves_the_counts() -> None:
    sender = Sender()
    for number in range(4):
        sender.say(f"t{number}", DOWN, now=0.0, group="other")
    sender.say("ours", DOWN, now=10.0, group="ours")
    assert sender.voter.finds_all_down("ours")
    sender.voter.expire(18.0)
    assert not sender.voter.finds_all_down("ours")
    assert sender.voter.judged == 1


@pytest.mark.parametrize(
    ("unrelated", "ours", "believed"),
    [
        ("---", "-", False),
        ("---", "-++", True),  # we reach the group: what fails there does fail
        ("---", "---", False),
        ("-------+++", "-", True),  # 70 % is not more than 70 %
        ("--------++", "-", False),
        ("--", "-", True),  # two are too few to tell
        ("", "---", True),
        ("+++", "---", True),
    ],
)
def test_failures_are_believed_unless_nearly_all_that_is_unrelated_fails_too(
    unrelated: str, ours: str, believed: bool
) -> None:
    sender = Sender()
    for group, line in (("aws", unrelated), ("gcp", ours)):
        for number, sign in enumerate(line):
            sender.say(f"{group}{number}", UP if sign == "+" else DOWN, 0.0, group=group)
    assert sender.voter.finds_all_down("gcp") is not believed


def test_first_failures_count_before_their_run_is_complete() -> None:
    sender = Sender()
    for number in range(3):
        sender.say(f"t{number}", UP, 0.0, group="aws", failing=True)
    sender.say("t9", DOWN, 0.0, group="gcp")
    assert sender.voter.finds_all_down("gcp")


def test_turns_down_are_remembered_for_half_a_minute_while_they_last() -> None:
    sender = Sender()
    sender.say("a", UP, 0.0)
    sender.say("a", DOWN, 10.0)
    sender.say("b", DOWN, 20.0)  # from nothing known is a turn too
    sender.say("c", DOWN, 25.0)
    sender.say("a", DOWN, 30.0)  # again is none
    sender.say("b", UP, 32.0)
    assert list(sender.voter.turned_down(40.0)) == ["a", "c"]
    assert list(sender.voter.turned_down(40.1)) == ["c"]
    sender.voter.expire(40.1)
    assert sender.voter.turned == 1


def test_a_forgotten_target_leaves_nothing_behind() -> None:
    sender = Sender()
    sender.say("a", DOWN, 0.0)
    sender.voter.forget("a")
    sender.voter.forget("never seen")
    assert (sender.voter.judged, sender.voter.turned) == (0, 0)
    assert sender.voter.ballot("a", 0.0) is None


@given(
    st.lists(
        st.tuples(
            st.sampled_from("abcdef"),
            st.sampled_from(list(Status)),
            st.booleans(),
            st.sampled_from(["aws", "gcp"]),
            st.floats(0.0, 10.0),
        ),
        max_size=40,
    )
)
def test_the_running_counts_are_those_of_counting_again(
    steps: list[tuple[str, Status, bool, str, float]],
) -> None:
    """An oracle: the newest vote of each target, if it is fresh, counted from the start."""
    sender, now = Sender(), 0.0
    newest: dict[str, tuple[bool, str, float]] = {}
    for target, status, failing, group, later in steps:
        now += later
        sender.say(target, status, now, group=group, failing=failing)
        newest.pop(target, None)
        if failing or status is not UNKNOWN:
            newest[target] = (failing, group, now)
    sender.voter.expire(now)
    fresh = [(failing, group) for failing, group, at in newest.values() if at + LIFETIME >= now]
    assert sender.voter.judged == len(fresh)
    for ours in ("aws", "gcp"):
        unrelated = [failing for failing, group in fresh if group != ours]
        related = [failing for failing, group in fresh if group == ours]
        assert sender.voter.suspect or not sender.voter.finds_all_down(ours)
        assert sender.voter.finds_all_down(ours) is (
            len(unrelated) >= 3
            and sum(unrelated) > 0.7 * len(unrelated)
            and sum(related) > 0.7 * len(related)
        )
