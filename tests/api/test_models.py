"""What requests may say, and how a drain's end is told."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta, timezone

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from gslb.api.models import MAX_SECONDS, Drain, DrainPlan, DrainRequest, Location
from gslb.state.overrides import GRADUAL, Kind, Override
from gslb.state.tree import Node
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


def node(path: str, up: int, down: int, unknown: int, *children: Node) -> Node:
    count = up + down + unknown
    return Node(path, count, up, down, unknown, 0, up, 0, count, up / count, None, children)


@pytest.mark.parametrize(
    ("counts", "status"),
    [
        ((2, 0, 0), "up"),
        ((1, 0, 1), "up"),
        ((0, 0, 2), "unknown"),
        ((0, 2, 0), "down"),
        ((1, 1, 0), "partly"),
    ],
)
def test_the_status_of_many_is_one_word(counts: tuple[int, int, int], status: str) -> None:
    assert Location.of(node("aws", *counts), (), NOW).status == status


def test_an_override_stands_where_it_begins() -> None:
    zones = [node(f"aws/r/{name}", 1, 0, 0) for name in ("az1", "az2")]
    tree = node("aws", 2, 0, 0, node("aws/r", 2, 0, 0, *zones))
    overrides = [
        Override(Kind.DRAIN, pattern, "ops", "x", NOW, None, id=number)
        for number, pattern in enumerate(("aws", "aws/*/az2", "gcp", "aws/r"))
    ]
    cloud = Location.of(tree, overrides, NOW)
    found = {one.path: [held.id for held in one.overrides] for one in flat(cloud)}
    assert found == {"aws": [0], "aws/r": [3], "aws/r/az1": [], "aws/r/az2": [1]}


def flat(location: Location) -> list[Location]:
    return [location, *(one for child in location.children for one in flat(child))]
