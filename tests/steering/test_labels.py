"""Labels follow what is rendered: records, rules, reasons, and the places of addresses."""

from __future__ import annotations

from dataclasses import replace

import pytest

from gslb.answers.model import Body
from gslb.policy.plan import Https
from gslb.steering import labels as module
from gslb.steering.labels import OTHER, LabelChange, Labels, Places
from gslb.steering.records import address_body, cname_body, https_body, targets_of
from gslb.steering.render import Renderer
from gslb.wire.names import to_wire
from tests.steering import lab

US, EU, *_ = lab.SITES


@pytest.fixture(scope="module")
def world(small):
    return small.world()


def plan_of(*policies):
    return lab.plan(lab.zone_plan(list(policies), lab.sites(US, EU)))


def rendered(world, *policies) -> Renderer:
    renderer = Renderer(plan_of(*policies), world, 1)
    renderer.content(lab.situation())
    return renderer


def test_every_choice_has_a_record_a_rule_and_a_reason(world) -> None:
    renderer = rendered(world, lab.policy(lab.rule(US, then=[EU], name="all")))
    labels = renderer.labels
    assert labels.records == ("www.example.com",)
    assert set(labels.choices) == {(0, "all")}
    assert labels.reasons == {n: {US: "preferred"} for n in range(len(labels.choices))}
    assert labels.places[lab.address(f"{US}/z1")] == ((US, "z1"),)


def test_a_patch_says_which_reasons_are_others(world) -> None:
    renderer = rendered(world, lab.policy(lab.rule(US, then=[EU], name="all")))
    renderer.patch(lab.situation(down=lab.ids(lab.sites(US))))
    change = renderer.relabelled
    assert change.reasons
    assert all(why == {EU: "failover"} for why in change.reasons.values())
    assert all(renderer.labels.reasons[n] == why for n, why in change.reasons.items())
    renderer.patch(lab.situation(down=lab.ids(lab.sites(US))))
    assert renderer.relabelled == LabelChange()


def test_beyond_the_bound_records_are_counted_together(world, monkeypatch) -> None:
    monkeypatch.setattr("gslb.steering.render.MAX_RECORDS", 1)
    one = lab.policy(lab.rule(US))
    labels = rendered(world, one, replace(one, ttl=77)).labels
    assert len(labels.records) == 1
    assert {record for record, _ in labels.choices} == {0}
    assert set(labels.reasons) == set(range(len(labels.choices)))


def test_beyond_the_bound_places_are_counted_together(world, monkeypatch) -> None:
    monkeypatch.setattr(module, "MAX_PLACES", 2)
    found = rendered(world, lab.policy(lab.rule(f"{US} {EU}"))).labels.places
    assert len({place for places in found.values() for place in places}) == 3
    assert (OTHER, OTHER) in {place for places in found.values() for place in places}
    assert Places().of([]) == {}


def test_an_address_that_moves_has_its_new_place_and_other_sites_keep_theirs() -> None:
    labels = Labels((), (), {}, {b"a": (("x/1", "old"), ("y/1", "b"))})
    labels.take(LabelChange(places={b"a": (("x/1", "new"),)}))
    assert labels.places[b"a"] == (("x/1", "new"), ("y/1", "b"))


def test_labels_are_read_back(world) -> None:
    labels = rendered(world, lab.policy(lab.rule(US, then=[EU]))).labels
    assert Labels.from_json(labels.to_json()) == labels


@pytest.mark.parametrize("octets", [b"", b"{}", b"[]", b"[1,2,3,4]", b"[[],[[1]],[],{}]", b"\xff"])
def test_damaged_labels_are_a_value_error(octets: bytes) -> None:
    with pytest.raises(ValueError):  # noqa: PT011 - of json, of int, ours
        Labels.from_json(octets)


APEX = to_wire("example.com")
FOUR, SIX = [bytes([192, 0, 2, n]) for n in (1, 2)], [bytes(15) + b"\1"]


@pytest.mark.parametrize(
    ("body", "targets"),
    [
        (address_body(1, 30, FOUR), FOUR),
        (address_body(28, 30, SIX, rotate=False), SIX),
        (cname_body(APEX, 30, to_wire("LB.example.com")), [to_wire("lb.example.com")]),
        (cname_body(APEX, 30, to_wire("lb.example.net")), [to_wire("lb.example.net")]),
        (https_body(30, Https(1, ("h2",), None, True), FOUR, SIX), [*FOUR, *SIX]),
        (https_body(30, Https(1, ("h2",), 8443, False), FOUR, SIX), []),
        (Body(b"\xc0\x0c soa and so on", authority=1), []),
    ],
)
def test_a_body_tells_what_it_leads_to(body: Body, targets: list[bytes]) -> None:
    assert targets_of(body, APEX) == targets
