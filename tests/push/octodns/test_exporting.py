"""What octoDNS cannot say is told, each loss at its place; what it can say is said."""

from __future__ import annotations

import tempfile
from fractions import Fraction
from pathlib import Path
from typing import Any

import pytest

from gslb.policy.compile import compile_policies
from gslb.policy.problems import Problem
from gslb.push.octodns.exporting import export_zone
from gslb.push.octodns.poolmaking import Part, PoolBook, Step, whole_weights
from tests.push.octodns import lab

HEAD = """\
version: 1
dns:
  zone: example.com
  nameservers: {ns1.example.com: [192.0.2.53], ns2.example.net: []}
checks:
  web: {type: https, port: 443, path: /ok, expect: 200}
defaults: {ttl: 60, check: web, answer: {count: 1}, panic: {below: 0}}
sites:
  aws/eu-central-1: {zones: {a: {A: 192.0.2.11}, b: {A: 192.0.2.12, weight: 2}}}
  aws/us-east-1: {zones: {a: {A: 192.0.2.21}, spare: {A: 192.0.2.22, weight: 0}}}
  gcp/asia-east1: {check: false, zones: {a: {A: 192.0.2.31}}}
records:
  www.example.com:
    rules:
"""


def export(rules: str, head: str = HEAD) -> tuple[dict[str, Any], list[Problem]]:
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "p.yaml"
        file.write_text(head + rules)
        plan, problems = compile_policies([file])
        assert plan is not None, problems
        records, losses = export_zone(plan.zones[0])
        lab.write(records, Path(folder))
        lab.load(Path(folder))
    return records["www"], losses


def dynamic(rules: str, head: str = HEAD) -> dict[str, Any]:
    record, _ = export(rules, head)
    found = record["dynamic"]
    assert isinstance(found, dict)
    return found


def texts(rules: str, head: str = HEAD) -> list[str]:
    return [f"{one.code} {one.text}" for one in export(rules, head)[1]]


def test_a_chain_ends_with_its_own_values_unprobed() -> None:
    pools = dynamic("      - {to: aws/eu-central-1, then: [gcp/asia-east1]}\n")["pools"]
    assert pools["aws-eu-central-1"]["fallback"] == "gcp-asia-east1"
    assert pools["gcp-asia-east1"] == {
        "fallback": "aws-eu-central-1-always",
        "values": [{"value": "192.0.2.31", "status": "up"}],
    }
    last = pools["aws-eu-central-1-always"]["values"]
    assert {value["status"] for value in last} == {"up"}
    assert [value.get("weight", 1) for value in last] == [1, 2]


def test_with_a_last_resort_the_chain_ends_and_the_values_stand_in() -> None:
    head = HEAD.replace(
        "    rules:",
        "    when_all_down: last_resort\n    last_resort: {A: [192.0.2.99]}\n    rules:",
    )
    record, _ = export("      - to: aws/eu-central-1\n", head)
    assert record["values"] == ["192.0.2.99"]
    assert "fallback" not in record["dynamic"]["pools"]["aws-eu-central-1"]


def test_standbys_are_a_pool_behind_the_others() -> None:
    pools = dynamic("      - to: aws/us-east-1\n")["pools"]
    assert pools["aws-us-east-1"]["fallback"] == "aws-us-east-1-standby"
    assert pools["aws-us-east-1-standby"]["values"] == [{"value": "192.0.2.22"}]


def test_a_pool_of_two_rules_is_copied() -> None:
    found = dynamic(
        "      - {when: {area: DE}, to: aws/eu-central-1}\n"
        "      - {when: {area: JP}, to: aws/eu-central-1}\n"
        "      - to: aws/eu-central-1\n"
    )
    assert [rule["pool"] for rule in found["rules"]] == [
        "aws-eu-central-1",
        "aws-eu-central-1-2",
        "aws-eu-central-1",
    ]


def test_cyclic_fallbacks_become_pools_of_each_rule() -> None:
    found = dynamic(
        "      - {when: {area: DE}, to: aws/eu-central-1, then: [gcp/asia-east1]}\n"
        "      - {to: gcp/asia-east1, then: [aws/eu-central-1]}\n"
    )
    assert len(found["pools"]) >= 4  # loading strictly has shown that none is in a loop


def test_shares_and_weights_are_multiplied() -> None:
    found = dynamic("      - to: {aws/eu-central-1: 60, gcp/asia-east1: 40}\n")
    values = next(pool for name, pool in found["pools"].items() if name == "rule-1")["values"]
    assert [value.get("weight", 1) for value in values] == [1, 2, 2]


def test_areas_behind_wider_ones_are_dead_and_left_out() -> None:
    found = dynamic(
        "      - {when: {area: europe}, to: aws/eu-central-1}\n"
        "      - {when: {area: [DE, JP]}, to: gcp/asia-east1}\n"
        "      - to: aws/us-east-1\n"
    )
    assert [rule.get("geos") for rule in found["rules"]] == [["AS-CY", "EU"], ["AS-JP"], None]


LOSSES = {
    "a carrier": ("      - {name: x, when: {carrier: cn-telecom}, to: gcp/asia-east1}\n      - to: aws/eu-central-1\n", "W363", "knows no carrier"),
    "an AS": ("      - {name: x, when: {asn: 64500}, to: gcp/asia-east1}\n      - to: aws/eu-central-1\n", "W363", "knows no asn"),
    "a resolver": ("      - {name: x, when: {resolver: 192.0.2.0/24}, to: gcp/asia-east1}\n      - to: aws/eu-central-1\n", "W363", "knows no resolver"),
    "a province": ("      - {name: x, when: {area: [CN-GD, JP]}, to: gcp/asia-east1}\n      - to: aws/eu-central-1\n", "W363", "no code for CN-GD"),
    "areas and prefixes at once": ("      - {name: x, when: {area: DE, net: 192.0.2.0/24}, to: gcp/asia-east1}\n      - to: aws/eu-central-1\n", "W363", "not those of both"),
    "everybody but some": ("      - {name: x, when: {not: {area: DE}}, to: gcp/asia-east1}\n      - to: aws/eu-central-1\n", "W363", "everybody but some"),
    "a country without a part": ("      - {name: x, when: {area: US, not: {area: US-CA}}, to: gcp/asia-east1}\n      - to: aws/eu-central-1\n", "W363", "some of its parts"),
    "not, with more than areas": ("      - {name: x, when: {area: US, not: {net: 192.0.2.0/24}}, to: gcp/asia-east1}\n      - to: aws/eu-central-1\n", "W363", "areas only"),
    "prefixes behind areas": ("      - {name: x, when: {area: DE}, to: aws/eu-central-1}\n      - {name: y, when: {net: 192.0.2.0/24}, to: gcp/asia-east1}\n      - to: aws/eu-central-1\n", "W363", '"y" now stands before'),
    "latency": ("      - {name: x, pick: latency, to: [aws/eu-central-1, aws/us-east-1]}\n", "W364", "no pick: latency"),
    "hashing": ("      - {name: x, pick: hash, to: [aws/eu-central-1, aws/us-east-1]}\n", "W364", "no client keeps its site"),
    "fine shares": ("      - {name: x, to: {aws/eu-central-1: 1, gcp/asia-east1: 1000}}\n", "W364", "weights are 1 to 100"),
}  # fmt: skip


@pytest.mark.parametrize(("rules", "code", "what"), LOSSES.values(), ids=LOSSES)
def test_a_loss_is_told(rules: str, code: str, what: str) -> None:
    (found,) = texts(rules)
    assert found.startswith(code)
    assert what in found


SETTINGS = {
    "refuse": ("panic: {below: 0}", "panic: {below: 0}, when_all_down: refuse, acknowledge: true", "W364"),
    "panic": ("panic: {below: 0}", "panic: {below: 50%}", "W364"),
    "several addresses": ("count: 1", "count: 2", "N450"),
    "a check's codes": ("expect: 200", "expect: 200-399", "W365"),
    "a check of a kind": ("type: https, port: 443, path: /ok, expect: 200", "type: dns, qname: example.com", "W365"),
    "a drain's end": ("{A: 192.0.2.11}", '{A: 192.0.2.11, drained: {why: x, until: "2099-01-01T00:00Z"}}', "W364"),
    "an alias": ("{A: 192.0.2.11}", "{alias: lb.example.net}", "W362"),
    "a last resort of another kind": ("    rules:", "    last_resort: {AAAA: ['2001:db8::9']}\n    rules:", "W362"),
}  # fmt: skip


@pytest.mark.parametrize(("old", "new", "code"), SETTINGS.values(), ids=SETTINGS)
def test_a_lost_setting_is_told(old: str, new: str, code: str) -> None:
    head = HEAD.replace(old, new)
    codes = {one.split()[0] for one in texts("      - to: aws/eu-central-1\n", head)}
    more = {"W363"} if "alias" in new else set()  # it may have IPv6 addresses: no record of those
    assert codes == {code, *more}


def test_nothing_is_lost_of_what_octodns_can_say() -> None:
    rules = "      - {when: {area: DE}, to: aws/eu-central-1, then: [gcp/asia-east1]}\n      - to: gcp/asia-east1\n"
    assert texts(rules) == []


def test_weights_are_whole_and_small() -> None:
    assert whole_weights([Fraction(7)]) == ([1], 0)
    assert whole_weights([Fraction(35), Fraction(15)]) == ([7, 3], 0)
    weights, error = whole_weights([Fraction(1), Fraction(1000)])
    assert (weights, error > 0) == ([1, 100], True)


def test_no_pool_is_called_as_octodns_calls_none() -> None:
    step = Step("default", (Part("192.0.2.1", Fraction(1), "obey"),))
    assert PoolBook().chain([step], everybody=True) == "default-2"
