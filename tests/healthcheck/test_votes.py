"""Votes as values and as JSON."""

from __future__ import annotations

import json
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from healthcheck.model import Probe, Status
from healthcheck.tracker import Belief
from healthcheck.votes import (
    MAX_AGE,
    MAX_DETAIL,
    Doubt,
    Vote,
    VoteError,
    from_json,
    key_of,
    to_json,
    vote_of,
)

PROBE = Probe("https", "192.0.2.1", 443, 5.0, 2.0, 3, 2, host="www.example.com")
VOTE = Vote("ns1", key_of(PROBE), Status.DOWN, True, 7, 12, 0.5, Doubt.NONE, "HTTP 503 in 41 ms")

names = st.text(st.characters(categories=("L", "N", "P")), min_size=1, max_size=128)
votes = st.builds(
    Vote,
    checker=names,
    target=names,
    status=st.sampled_from(Status),
    failing=st.booleans(),
    life=st.integers(0, 2**63 - 1),
    sequence=st.integers(0, 2**63 - 1),
    age=st.floats(0.0, MAX_AGE),
    doubt=st.sampled_from(Doubt),
    detail=st.text(st.characters(categories=("L", "N", "P")), max_size=MAX_DETAIL),
)
anything = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5),
    lambda part: (
        st.lists(part, max_size=3) | st.dictionaries(st.text(max_size=4), part, max_size=3)
    ),
    max_leaves=5,
)


@given(votes)
def test_a_vote_survives_json(vote: Vote) -> None:
    assert from_json(json.loads(json.dumps(to_json(vote), allow_nan=False))) == vote


def test_keys_that_are_not_known_are_let_be() -> None:
    assert from_json({**to_json(VOTE), "colour": "green"}) == VOTE


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("v", 2),
        ("v", True),
        ("v", None),
        ("checker", ""),
        ("checker", "x" * 129),
        ("checker", "a\nb"),
        ("checker", 1),
        ("target", None),
        ("status", "sick"),
        ("status", ["up"]),
        ("status", ""),
        ("failing", 1),
        ("life", -1),
        ("life", True),
        ("life", 1.0),
        ("life", 2**63),
        ("seq", "1"),
        ("age", -0.1),
        ("age", float("nan")),
        ("age", float("inf")),
        ("age", 10**400),
        ("age", True),
        ("age", "0"),
        ("age", 86_401),
        ("doubt", "sometimes"),
        ("doubt", 0),
        ("detail", 5),
    ],
)
def test_a_wrong_field_is_refused(key: str, value: object) -> None:
    with pytest.raises(VoteError):
        from_json({**to_json(VOTE), key: value})


@pytest.mark.parametrize("key", sorted(set(to_json(VOTE)) - {"detail"}))
def test_a_missing_field_is_refused_but_for_the_detail(key: str) -> None:
    value = to_json(VOTE)
    del value[key]
    with pytest.raises(VoteError):
        from_json(value)


def test_a_missing_detail_is_an_empty_one() -> None:
    value = to_json(VOTE)
    del value["detail"]
    assert from_json(value) == replace(VOTE, detail="")


@given(st.dictionaries(st.sampled_from(sorted(to_json(VOTE))), anything), anything)
def test_nothing_that_json_can_say_raises_anything_else(
    fields: dict[str, object], whole: object
) -> None:
    for value in ({**to_json(VOTE), **fields}, whole):
        try:
            vote = from_json(value)
        except VoteError:
            continue
        assert 0 <= vote.age <= MAX_AGE
        assert len(vote.detail) <= MAX_DETAIL


def test_a_detail_cannot_move_the_cursor_of_a_terminal_nor_be_long() -> None:
    read = from_json({**to_json(VOTE), "detail": "\x1b[2Jgone\r\n" + "x" * 1_000})
    assert read.detail.startswith(" [2Jgone  x")
    assert len(read.detail) == MAX_DETAIL


def test_equal_probes_have_one_key_and_others_another() -> None:
    assert key_of(PROBE) == key_of(replace(PROBE, every=5, timeout=2))
    assert key_of(PROBE) == "3a6a5325257efd26c7c0a52382545a16"  # nodes must agree on it
    keys = {
        key_of(other)
        for other in (
            PROBE,
            replace(PROBE, port=8443),
            replace(PROBE, host="", path="www.example.com"),
            replace(PROBE, expect=((200, 200),)),
            replace(PROBE, extra=(("ca", "x"),)),
        )
    }
    assert len(keys) == 5


def test_a_vote_carries_the_age_of_its_verdict() -> None:
    belief = Belief(Status.UP, run=1, seen_at=10.0)
    vote = vote_of(
        belief, checker="ns1", target="t", life=1, sequence=2, now=12.5, detail="slow\ndown"
    )
    assert vote == Vote("ns1", "t", Status.UP, True, 1, 2, 2.5, Doubt.NONE, "slow down")


@pytest.mark.parametrize(("seen_at", "age"), [(None, 0.0), (20.0, 0.0), (-1e9, MAX_AGE)])
def test_an_age_is_always_one_that_may_be_sent(seen_at: float | None, age: float) -> None:
    belief = Belief(Status.UNKNOWN, seen_at=seen_at)
    vote = vote_of(belief, checker="ns1", target="t", life=1, sequence=2, now=12.5)
    assert vote.age == age
    assert from_json(to_json(vote)) == vote
