"""octoDNS itself judges what we write, and its rules say what our engine has to answer."""

from __future__ import annotations

import tempfile
from dataclasses import replace
from pathlib import Path
from random import Random
from typing import Any

import pytest

from gslb.policy.compile import compile_policies
from gslb.policy.names import name_text
from gslb.policy.plain import plain_plan
from gslb.policy.plan import Plan
from gslb.policy.types import STEERED_TYPES, TYPE_WORDS, record_types
from gslb.push.audience import audience
from gslb.push.octodns.convert import policy_of
from gslb.push.octodns.exporting import export_zone
from gslb.push.ours import our_answer
from gslb.steering.classes import compile_classes
from tests.push.octodns import lab

WORLD = lab.make_world()
EXAMPLES = sorted(
    file
    for file in (Path(__file__).parents[3] / "policies").glob("*.yaml")
    if not file.name.endswith(".expect.yaml")
)
SEEDS = range(120)
PLACES = {"where", "capacity_at", "hash"}  # of a plan: they differ with the text
EVERY = {one for space in lab.SPACE.values() for one in space}


def mixed_ups(records: list[dict[str, Any]]) -> set[str]:
    """Values that are never probed, in pools where others are: those are probed here (W360)."""
    found = set()
    for record in records:
        for pool in record["dynamic"]["pools"].values():
            kinds = {value.get("status") or "obey" for value in pool["values"]}
            if {"up", "obey"} <= kinds:
                found |= {v["value"] for v in pool["values"] if v.get("status") == "up"}
    return found


def usable(records: list[dict[str, Any]]) -> bool:
    return any(
        value.get("status") != "down"
        for record in records
        for pool in record["dynamic"]["pools"].values()
        for value in pool["values"]
    )


def usable_names() -> dict[int, list[dict[str, Any]]]:
    return {seed: one for seed in SEEDS if usable(one := lab.records_of_a_name(seed))}


def test_our_engine_answers_as_the_rules_of_octodns_mean() -> None:
    compared = 0
    for seed, records in usable_names().items():
        read = lab.read({"www": records})
        zone = read.zone
        policy = zone.policies[0]
        types = {TYPE_WORDS[one] for one in record_types(policy, zone.sites)}
        assert types == {record["type"] for record in records}
        random = Random(seed)
        for _ in range(4):
            down = set(random.sample(sorted(EVERY), random.choice([0, 3, 12, len(EVERY)])))
            up = EVERY - (down - mixed_ups(records))
            situation = lab.situation(zone, up)
            for record in records:
                rtype = STEERED_TYPES[record["type"]]
                people = audience(compile_classes(policy, zone.sites, rtype, WORLD), WORLD)
                theirs = read.theirs["www", record["type"]]
                for one in people:
                    ours = our_answer(policy, zone.sites, one.cls, rtype, situation).chances
                    found = {lab.plain(key): chance for key, chance in ours.items() if chance}
                    assert found == pytest.approx(lab.meaning(theirs, one.client, up)), (seed, one)
                    compared += 1
    assert compared > 5_000


def test_what_is_exported_loads_strictly_and_comes_back_the_same() -> None:
    for seed, records in usable_names().items():
        plan = lab.read({"www": records}).plan()
        exported, _ = export_zone(plan.zones[0])
        again = lab.read(exported)
        assert shape(again.plan()) == shape(plan), seed
        assert export_zone(again.zone)[0] == exported


def shape(plan: Plan) -> Any:
    """Return *plan* without `PLACES`."""

    def strip(value: Any) -> Any:
        if isinstance(value, dict):
            return {key: strip(one) for key, one in value.items() if key not in PLACES}
        return [strip(one) for one in value] if isinstance(value, list) else value

    return strip(plain_plan(plan))


def test_octodns_means_the_same_by_what_is_exported() -> None:
    for seed, records in usable_names().items():
        read = lab.read({"www": records})
        zone = read.zone
        again = lab.read(export_zone(zone)[0]).theirs
        for record in records:
            rtype = STEERED_TYPES[record["type"]]
            people = audience(compile_classes(zone.policies[0], zone.sites, rtype, WORLD), WORLD)
            was, now = read.theirs["www", record["type"]], again["www", record["type"]]
            for number in (1, 2, len(EVERY)):
                up = set(sorted(EVERY)[::number]) | mixed_ups(records)
                for one in people:
                    before = lab.meaning(was, one.client, up)
                    assert lab.meaning(now, one.client, up) == pytest.approx(before), (seed, one)


@pytest.mark.parametrize("file", EXAMPLES, ids=lambda file: file.stem)
def test_an_example_is_exported_loaded_and_read_again(file: Path) -> None:
    plan, _ = compile_policies([file])
    assert plan is not None
    zone = plan.zones[0]
    apex = name_text(zone.apex)
    exported, losses = export_zone(zone)
    assert losses, "capacity is never carried"
    with tempfile.TemporaryDirectory() as name:
        octets = lab.write(exported, Path(name), apex).read_bytes()
        assert lab.load(Path(name), apex)
    text, problems = policy_of(Path("x.yaml"), octets, apex, {})
    assert text is not None, problems
    sites = set(zone.sites)
    back = lab.Read({}, text, problems).zone
    assert sites & set(back.sites)
    assert all(any(name.startswith(site) for site in sites) for name in back.sites)
    assert export_zone(replace(back))[0].keys() == exported.keys()
