"""One id in two zones is one place for drains, and as many targets as there are addresses."""

from __future__ import annotations

from pathlib import Path

from gslb.policy.compile import compile_policies
from gslb.policy.plan import Check, Plan
from gslb.wire.names import to_wire

POLICY = """\
version: 1
dns:
  zone: {zone}
  nameservers: {{ns1.{zone}: [192.0.2.53], ns2.{zone}: [198.51.100.53]}}
checks: {{web: {{type: http, path: /}}, ping: {{type: icmp}}, both: {{all: [web, ping]}}}}
defaults: {{check: web}}
sites:
  aws/us-east-1: {{zones: {{a: {{A: {address}}}}}}}
  gcp/us-east1: {{zones: {{a: {{A: 192.0.2.9}}}}}}
records:
  www.{zone}: {{rules: [{{to: [aws/us-east-1, gcp/us-east1]}}]}}
  off.{zone}: {{check: false, rules: [{{to: aws/us-east-1}}]}}
"""


def plan(folder: Path, **zones: str) -> Plan:
    for name, address in zones.items():
        text = POLICY.format(zone=f"{name}.example", address=address)
        (folder / f"{name}.yaml").write_text(text)
    made, problems = compile_policies([folder])
    assert made is not None, problems
    return made


def checks(made: Plan, site: str) -> list[Check | None]:
    return [zone.policies[0].checks[site] for zone in made.zones]


def test_an_id_with_other_addresses_has_a_check_of_its_own(tmp_path: Path) -> None:
    """Where the addresses are the same the check is one, and so is what is known."""
    made = plan(tmp_path, one="192.0.2.1", three="192.0.2.1", two="192.0.2.2")
    first, same, other = checks(made, "aws/us-east-1")
    assert first is not None
    assert other is not None
    assert first == same != other
    assert (first.scope, other.scope) == (None, to_wire("two.example"))
    assert len(set(checks(made, "gcp/us-east1"))) == 1
    assert [zone.policies[1].checks["aws/us-east-1"] for zone in made.zones] == [None] * 3


def test_what_a_calculated_check_rests_on_is_told_apart_too(tmp_path: Path) -> None:
    """Its parts are what is probed."""
    calculated = (
        "checks: {web: {type: http, path: /}, ping: {type: icmp}, both: {all: [web, ping]}}"
    )
    for name, address in (("one", "192.0.2.1"), ("two", "192.0.2.2")):
        text = POLICY.format(zone=f"{name}.example", address=address)
        assert calculated in text
        text = text.replace("defaults: {check: web}", "defaults: {check: both}")
        (tmp_path / f"{name}.yaml").write_text(text)
    made, problems = compile_policies([tmp_path])
    assert made is not None, problems
    first, other = checks(made, "aws/us-east-1")
    assert first is not None
    assert other is not None
    assert [one.scope for one in (first, *first.leaves)] == [None] * 3
    assert [one.scope for one in (other, *other.leaves)] == [to_wire("two.example")] * 3


def test_zones_that_agree_are_left_as_they_are(tmp_path: Path) -> None:
    """The common case."""
    made = plan(tmp_path, one="192.0.2.1", two="192.0.2.1")
    found = [check for site in ("aws/us-east-1", "gcp/us-east1") for check in checks(made, site)]
    assert len(found) == 4
    assert {check.scope for check in found if check is not None} == {None}
