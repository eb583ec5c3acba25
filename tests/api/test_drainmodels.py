"""What requests may say, and how a drain's end is told."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta, timezone

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from gslb.api.drainmodels import MAX_SECONDS, Drain, DrainPlan, DrainRequest
from gslb.state.overrides import GRADUAL, Kind, Override
from gslb.steering.draineffect import DrainPlan as Effect

NOW = datetime(2026, 12, 1, 6, 0, tzinfo=UTC)


def request(**more: object) -> DrainRequest:
    return DrainRequest.model_validate({"location": "aws", "reason": "x", **more})


@given(st.integers(1, MAX_SECONDS))
def test_seconds_count_from_the_beginning(seconds: int) -> None:
    assert request(seconds=seconds).end(NOW) == NOW + timedelta(seconds=seconds)


def test_a_time_is_taken_as_it_is_and_nothing_said_is_left_open() -> None:
    east = timezone(timedelta(hours=8))
    assert request(until=NOW.astimezone(east)).end(NOW) == NOW
    assert request().end(NOW) is None
    assert request(without_end=True).end(NOW) is None


@pytest.mark.parametrize(
    "text", ["", "/", "a b", "aws;", "a//b", "a/b/c/d/e", "a\n", "*a" * 9, "x" * 254, "é"]
)
def test_a_location_that_can_name_nothing_is_refused(text: str) -> None:
    with pytest.raises(ValidationError):
        request(location=text)


def test_a_location_is_kept_in_its_one_spelling() -> None:
    assert request(location="/aws/us-east-1/").location == "aws/us-east-1"


def test_an_override_is_shown_with_its_stage_and_times() -> None:
    override = Override(
        Kind.DRAIN, "aws", "ops", "x", NOW, None, stages=GRADUAL, ttl=60, forced=True, id=5
    )
    shown = Drain.of(override, NOW + timedelta(seconds=61))
    assert (shown.share, shown.gradual, shown.forced, shown.expires) == (0.25, True, True, None)
    assert shown.dns_off_at == NOW + timedelta(seconds=120)
    assert shown.safe_to_stop_at == NOW + timedelta(seconds=120, minutes=15)
    assert '"created":"2026-12-01T06:00:00Z"' in shown.model_dump_json()
    force = Drain.of(Override(Kind.FORCE_UP, "aws", "ops", "x", NOW, None, id=6), NOW)
    assert force.dns_off_at is force.safe_to_stop_at is None


EFFECT = Effect(("a/b/c",), (), 1, 120, 0.5, (), (), ())


def test_a_plan_tells_when_it_is_safe_to_stop() -> None:
    at_once = DrainPlan.of(EFFECT, request(), NOW)
    assert (at_once.dns_off_at, at_once.safe_to_stop_at) == (NOW, NOW + timedelta(seconds=1200))
    gradual = DrainPlan.of(EFFECT, request(gradual=True), NOW)
    assert gradual.dns_off_at == NOW + timedelta(seconds=240)
    assert gradual.safe_to_stop_at == NOW + timedelta(seconds=1440)
    forced = DrainPlan.of(EFFECT, request(kind="force-up"), NOW)
    assert forced.dns_off_at is forced.safe_to_stop_at is None
