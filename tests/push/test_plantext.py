"""What people are told of a plan: who is answered otherwise, what is lost, what stops it."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import replace
from typing import Any

import pytest

from gslb.policy.plan import ZonePlan
from gslb.push.compile import desire
from gslb.push.dialects import DIALECTS
from gslb.push.fidelity import measure_fidelity
from gslb.push.objects import Actual
from gslb.push.plan import Request, make_plan
from gslb.push.plantext import FORCE, apply_command, plan_json, plan_markdown, plan_text
from gslb.push.provider import Dialect
from gslb.push.traffic import moved, traffic
from tests.push import lab
from tests.push.test_plan import ALL, applied, planned, zone_of
from tests.steering import lab as steering


def told(
    dialect: Dialect,
    zone: ZonePlan,
    actual: Actual,
    generation: int = 1,
    drained: Iterable[str] = (),
    **more: object,
) -> dict[str, Any]:
    """Return the JSON of a plan, as programs get it."""
    situation = replace(steering.situation(drained=drained, check=None), health={})
    desired = desire(zone, lab.WORLD, situation)
    rendered = dialect.render(desired, lab.OWNER)
    request = Request(lab.OWNER, generation, **more)  # type: ignore[arg-type]
    plan = make_plan(dialect, desired, rendered, actual, request)
    fidelity = measure_fidelity(zone, lab.WORLD, situation, desired, rendered, dialect)
    found = traffic(
        dialect,
        zone,
        lab.WORLD,
        desired,
        (actual.rrsets, actual.supports),
        (rendered.rrsets, rendered.supports),
    )
    said: dict[str, Any] = json.loads(json.dumps(plan_json(plan, fidelity, found)))
    return said


def pushed(dialect: Dialect, zone: ZonePlan) -> Actual:
    return applied(dialect, planned(dialect, zone, Actual()), Actual())


@pytest.mark.parametrize("dialect", ALL)
def test_a_first_plan_names_what_is_new(dialect: Dialect) -> None:
    said = told(dialect, zone_of(names=3), Actual())
    text = "\n".join(plan_text(said))
    assert "+ n1.example.com. and 2 more  A  203.0.1.1" in text
    assert f"to carry it out: gslb push apply {said['hash']}" in text
    assert said["moved"] == 1.0
    assert "100 % of the answers differ" in text


@pytest.mark.parametrize("dialect", ALL)
def test_a_second_plan_is_told_to_be_empty(dialect: Dialect) -> None:
    zone = zone_of()
    said = told(dialect, zone, pushed(dialect, zone))
    assert said["empty"]
    assert said["moved"] == 0
    assert "  no changes: the copy is as it should be" in plan_text(said)
    assert "No changes: the copy is as it should be." in plan_markdown(said)
    assert not any("apply" in line for line in plan_text(said))


@pytest.mark.parametrize("dialect", ALL)
def test_a_drain_is_told_in_shares_of_traffic(dialect: Dialect) -> None:
    """The address of the drained zone goes to nothing, and the line says why."""
    zone = zone_of()
    said = told(dialect, zone, pushed(dialect, zone), 2, ["aws/eu-central-1/z0"], drain=True)
    (line,) = [one for one in plan_text(said, verbose=True) if "203.0.1.5 " in one]
    before, _, after = line.partition("→")
    assert after.strip() == "0 %  (drained)"
    share = next(one["before"]["203.0.1.5"] for one in said["traffic"] if one["type"] == "A")
    assert 0 < share < 1
    assert 0 < said["moved"] < 1
    assert before.strip().startswith("203.0.1.5")


def test_shares_of_traffic_sum_to_one_and_weigh_each_name_alike() -> None:
    dialect, zone = DIALECTS["route53"], zone_of(policies=2, names=4)
    actual = pushed(dialect, zone)
    desired = desire(zone, lab.WORLD, replace(steering.situation(check=None), health={}))
    rendered = dialect.render(desired, lab.OWNER)
    found = traffic(dialect, zone, lab.WORLD, desired, (actual.rrsets, actual.supports),
                    (rendered.rrsets, rendered.supports))  # fmt: skip
    for one in found:
        assert sum(one.before.values()) == pytest.approx(1)
        assert sum(one.after.values()) == pytest.approx(1)
    half = [replace(one, differs=float(one.policy == "policy0")) for one in found]
    assert moved(half) == pytest.approx(0.5)


@pytest.mark.parametrize("dialect", ALL)
def test_a_stop_names_the_flag_that_goes_on_or_says_there_is_none(dialect: Dialect) -> None:
    zone = zone_of()
    fewer = zone_of(sites=["aws/us-east-1", "gcp/asia-east1", "gcp/europe-west3"])
    said = told(dialect, fewer, pushed(dialect, zone), 2)
    stops = [line for line in plan_text(said) if "STOPPED" in line]
    assert stops
    assert all(f"{FORCE} goes on all the same" in line for line in stops)
    assert apply_command(said) == f"gslb push apply {said['hash']} {FORCE}"
    assert any(line.startswith("> - ") for line in plan_markdown(said))
    stale = told(dialect, fewer, pushed(dialect, zone), 0)
    assert "nothing overcomes this" in "\n".join(plan_text(stale))
    assert apply_command(stale) == "not possible while it is stopped"


def test_what_cannot_be_said_is_listed_with_its_weight() -> None:
    """Cloud DNS knows no countries; the text says so, and by how much answers differ."""
    said = told(DIALECTS["clouddns"], zone_of(), Actual())
    text = "\n".join(plan_text(said, verbose=True))
    assert "approximated  www.example.com. A: " in text
    assert "geo.nearest-region" in text
    assert {one["verdict"] for one in said["records"]} <= {"exact", "approximated", "impossible"}


def test_names_without_an_endpoint_are_told_to_stay_as_they_are() -> None:
    zone = zone_of(sites=["aws/us-east-1", "gcp/asia-east1", "gcp/europe-west3"])
    everything = [e.id for site in zone.sites.values() for e in site.endpoints]
    said = told(DIALECTS["route53"], zone, pushed(DIALECTS["route53"], zone), 2, everything)
    text = "\n".join(plan_text(said))
    assert "not pushed: what is there stays" in text
    assert "impossible    www.example.com. A: " in text
    assert said["counts"]["delete"] == 0


def test_markdown_keeps_its_table_whatever_names_hold() -> None:
    said = told(DIALECTS["route53"], zone_of(), Actual())
    record: Mapping[str, Any] = {**said["records"][0], "names": ["a|b`c*_.example.com."]}
    (row,) = [
        line
        for line in plan_markdown({**said, "records": [record]})
        if line.startswith("| ") and "example.com" in line
    ]
    assert row.count("|") - row.count("\\|") == 6
    assert "\\|" in row


@pytest.mark.parametrize("dialect", ALL)
def test_an_assumed_empty_zone_is_said_to_be_assumed(dialect: Dialect) -> None:
    said = {**told(dialect, zone_of(), Actual()), "assumed_empty": True}
    assert "the zone was not read; it is taken to be empty" in "\n".join(plan_text(said))
    assert not any("carry it out" in line for line in plan_text(said))
