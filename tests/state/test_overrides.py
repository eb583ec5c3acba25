"""An operator's word holds from its beginning to its end, and nothing undoes it by accident."""

from __future__ import annotations

import random
from dataclasses import replace
from datetime import UTC, datetime, timedelta, timezone

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gslb.state.overrides import (
    AT_ONCE,
    DEFAULT_LASTS,
    GRADUAL,
    MAX_LASTS,
    MAX_REASON,
    NO_HOLD,
    Draft,
    Kind,
    Override,
    OverrideError,
    arrivals,
    covering,
    draft,
    hold,
    next_change,
    residual,
    rfc3339,
)

NOW = datetime(2026, 11, 24, 12, 0, tzinfo=UTC)
HOUR = timedelta(hours=1)


def make(kind: Kind = Kind.DRAIN, **more: object) -> Draft:
    arguments: dict[str, object] = {"location": "aws", "author": "ann", "reason": "CHG-1"} | more
    return draft(kind, now=NOW, **arguments)  # type: ignore[arg-type]


def stored(number: int = 1, **more: object) -> Override:
    base = Override(Kind.DRAIN, "aws", "ann", "CHG-1", NOW, NOW + HOUR, id=number)
    return replace(base, **more)  # type: ignore[arg-type]


def test_a_drain_ends_after_four_hours_unless_something_else_is_said() -> None:
    assert make().expires == NOW + DEFAULT_LASTS
    assert make(until=NOW + HOUR).expires == NOW + HOUR
    assert make(until=NOW + MAX_LASTS).expires == NOW + MAX_LASTS
    assert make(endless=True).expires is None


def test_times_are_kept_in_utc() -> None:
    until = (NOW + HOUR).astimezone(timezone(timedelta(hours=8)))
    assert make(until=until).expires == NOW + HOUR
    assert make(until=until).expires.tzinfo is UTC  # type: ignore[union-attr]
    assert rfc3339(until) == "2026-11-24T13:00:00Z"


def problems(**more: object) -> dict[str, str]:
    with pytest.raises(OverrideError) as caught:
        make(**more)
    return dict(caught.value.problems)


def test_every_reason_to_refuse_is_told_at_once() -> None:
    found = problems(location="a//b", author=" ", reason="", until=NOW - HOUR, ttl=-1)
    assert found.keys() == {"location", "author", "reason", "until", "ttl"}


@pytest.mark.parametrize(
    ("more", "field"),
    [
        ({"until": NOW + MAX_LASTS + timedelta(seconds=1)}, "until"),
        ({"until": NOW}, "until"),
        ({"until": datetime(2026, 11, 24, 13)}, "until"),
        ({"until": NOW + HOUR, "endless": True}, "until"),
        ({"reason": "x" * (MAX_REASON + 1)}, "reason"),
        ({"reason": "one\ntwo"}, "reason"),
        ({"author": "a\x1b[31m"}, "author"),
        ({"gradual": True, "ttl": 1800, "until": NOW + HOUR}, "until"),
        ({"kind": Kind.FORCE_UP, "gradual": True}, "gradual"),
    ],
)
def test_what_is_refused(more: dict[str, object], field: str) -> None:
    assert problems(**more).keys() == {field}


def test_a_drain_is_out_at_once_or_by_stages_of_one_ttl() -> None:
    assert stored().share(NOW) == 0.0
    slow = stored(stages=GRADUAL, ttl=60)
    seen = [slow.share(NOW + timedelta(seconds=s)) for s in (-5, 0, 59, 60, 119, 120, 3000)]
    assert seen == [0.5, 0.5, 0.5, 0.25, 0.25, 0.0, 0.0]
    assert slow.off_at == NOW + timedelta(seconds=120)
    assert stored(kind=Kind.FORCE_DOWN).share(NOW) == 1.0


def test_safe_to_stop_is_ten_ttls_or_a_quarter_of_an_hour_after_the_last_answer() -> None:
    assert residual(30) == timedelta(minutes=15)
    assert residual(300) == timedelta(seconds=3000)
    slow = stored(stages=GRADUAL, ttl=300)
    assert slow.safe_to_stop_at == NOW + timedelta(seconds=600 + 3000)
    assert slow.to_json()["safe_to_stop_at"] == "2026-11-24T13:00:00Z"
    assert stored(kind=Kind.FORCE_UP).to_json()["safe_to_stop_at"] is None


def test_what_takes_away_wins() -> None:
    drain, up, down = (
        stored(1),
        stored(2, kind=Kind.FORCE_UP),
        stored(3, kind=Kind.FORCE_DOWN),
    )
    held = hold((up, drain, down), NOW)
    assert held.drain is drain
    assert held.share == 0.0
    assert held.force is down
    assert hold((up,), NOW).force is up


def test_of_drains_the_one_that_leaves_least_counts_then_the_longest() -> None:
    gradual, short, long = stored(1, stages=GRADUAL, ttl=60), stored(2), stored(3, expires=None)
    assert hold((gradual, short, long), NOW).drain is long
    assert hold((gradual, short), NOW).drain is short
    assert hold((gradual,), NOW).share == 0.5


def test_an_expired_override_holds_nothing() -> None:
    assert hold((stored(expires=NOW),), NOW) == NO_HOLD
    assert hold((stored(expires=NOW + timedelta(microseconds=1)),), NOW) != NO_HOLD


moments = st.integers(-100, 100_000).map(lambda s: NOW + timedelta(seconds=s))
overrides = st.builds(
    Override,
    kind=st.sampled_from(Kind),
    pattern=st.sampled_from(("aws", "aws/*/a", "aws/x/a", "gcp")),
    author=st.just("ann"),
    reason=st.just("why"),
    created=moments,
    expires=st.none() | moments,
    stages=st.sampled_from((AT_ONCE, GRADUAL)),
    ttl=st.sampled_from((0, 30, 300)),
    id=st.integers(1, 10**6),
)
many = st.lists(overrides, max_size=6, unique_by=lambda one: one.id)


@given(many, moments, st.randoms(use_true_random=False))
def test_the_order_of_overrides_does_not_matter(
    found: list[Override], at: datetime, chance: random.Random
) -> None:
    shuffled = list(found)
    chance.shuffle(shuffled)
    assert hold(found, at) == hold(shuffled, at)


@given(many, overrides, moments)
def test_another_override_never_gives_back_what_a_drain_took(
    found: list[Override], another: Override, at: datetime
) -> None:
    assert hold([*found, another], at).share <= hold(found, at).share


@given(many, moments, moments)
def test_nothing_changes_by_itself_before_the_next_change(
    found: list[Override], one: datetime, other: datetime
) -> None:
    at, later = sorted((one, other))
    change = next_change(found, at)
    if change is None or later < change:
        assert hold(found, at) == hold(found, later)
    else:
        assert change > at


@given(overrides)
def test_a_drain_only_ever_takes_more(one: Override) -> None:
    shares = [one.share(one.created + timedelta(seconds=s)) for s in range(0, 1000, 7)]
    assert shares == sorted(shares, reverse=True)


def test_covering_goes_by_the_pattern() -> None:
    found = (stored(1, pattern="aws/*/a"), stored(2, pattern="gcp"), stored(3, pattern="*"))
    assert [one.id for one in covering(found, "aws/x/a")] == [1, 3]


@given(st.integers(0, 86_400))
def test_what_still_arrives_fades_to_nothing(ttl: int) -> None:
    """Within the time after which it is safe to stop."""
    found = arrivals(ttl)
    shares = [one.share for one in found]
    assert shares == sorted(shares, reverse=True)
    assert shares[-1] == 0.0
    assert found[-1].seconds <= residual(ttl).total_seconds()


def test_one_resolver_of_ten_keeps_short_answers_longer() -> None:
    """A fleet that is played through (failures F14): resolvers ask at random, some stretch."""
    ttl, count, rng = 30, 20_000, random.Random(7)
    ends = []
    for _ in range(count):
        keeps = 300 if rng.random() < 0.1 else ttl
        ends.append(rng.uniform(0, keeps))  # seconds after the drain at which its answer runs out
    for one in arrivals(ttl):
        still = sum(end > one.seconds for end in ends) / count
        assert one.share == pytest.approx(still, abs=0.02)
