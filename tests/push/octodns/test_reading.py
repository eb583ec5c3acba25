"""Records that octoDNS takes and those that it refuses: we agree on each, and say where."""

from __future__ import annotations

import tempfile
from pathlib import Path

import pytest

from gslb.policy.problems import Severity
from gslb.push.octodns.convert import policy_of
from gslb.push.octodns.reading import read_zone
from tests.push.octodns import lab

SERVERS = {"ns1.example.com": ["192.0.2.53"], "ns2.example.net": []}
POOLS = """\
      a: {values: [{value: 192.0.2.11}, {value: 192.0.2.12, weight: 3}]}
      b: {values: [{value: 192.0.2.21}]}
"""
RULES = """\
    - {geos: [EU-DE], pool: a}
    - {pool: b}
"""


def record(pools: str = POOLS, rules: str = RULES, more: str = "") -> str:
    """A dynamic A record; parts of it as given."""
    return (
        f"www:\n  type: A\n  ttl: 60\n  values: [192.0.2.1]\n{more}"
        f"  dynamic:\n    pools:\n{pools}    rules:\n{rules}"
    )


ACCEPTED = {
    "plain pools": record(),
    "a fallback": record("      a: {fallback: b, values: [{value: 192.0.2.11}]}\n      b: {values: [{value: 192.0.2.21}]}\n"),
    "all statuses": record(
        "      a: {values: [{value: 192.0.2.11, status: up}, {value: 192.0.2.12, status: down}]}\n"
        "      b: {values: [{value: 192.0.2.21, status: obey}]}\n"
    ),
    "weights to 100": record(
        "      a: {values: [{value: 192.0.2.11, weight: 100}, {value: 192.0.2.12, weight: 1}]}\n"
        "      b: {values: [{value: 192.0.2.21}]}\n"
    ),
    "a pool that the last rule uses again": record(rules="    - {geos: [EU-DE], pool: a}\n    - {geos: [AS], pool: b}\n    - {pool: a}\n"),
    "states and provinces": record(rules="    - {geos: [NA-US-CA, NA-CA-ON, NA-US-PR], pool: a}\n    - {pool: b}\n"),
    "the specific before the general": record(rules="    - {geos: [NA-US-CA], pool: a}\n    - {geos: [NA-US], pool: b}\n    - {pool: b}\n"),
    "subnets before geos": record(rules="    - {subnets: [10.0.0.0/8, '2001:db8::/32'], pool: a}\n    - {geos: [EU], pool: b}\n    - {pool: b}\n"),
    "subnets with geos": record(rules="    - {subnets: [10.0.0.0/8], geos: [EU], pool: a}\n    - {pool: b}\n"),
    "a narrow subnet before a wide one": record(rules="    - {subnets: [10.1.0.0/16], pool: a}\n    - {subnets: [10.0.0.0/8], pool: b}\n    - {pool: b}\n"),
    "a health check": record(more="  octodns: {healthcheck: {protocol: TCP, port: 8443}}\n"),
    "a list of records": "www:\n- {type: A, value: 192.0.2.1}\n- {type: TXT, value: hello}\n",
    "the apex": "'':\n  type: MX\n  value: {preference: 10, exchange: mail.example.com.}\n",
}  # fmt: skip

REFUSED = {  # name → text, line and column of the first problem, what is said of it
    "weight 0": (record("      a: {values: [{value: 192.0.2.11, weight: 0}, {value: 192.0.2.12}]}\n      b: {values: [{value: 192.0.2.21}]}\n"), "7:20", "1 to 100"),
    "weight 101": (record("      a: {values: [{value: 192.0.2.11, weight: 101}, {value: 192.0.2.12}]}\n      b: {values: [{value: 192.0.2.21}]}\n"), "7:20", "1 to 100"),
    "the weight of a single value": (record("      a: {values: [{value: 192.0.2.11, weight: 5}]}\n      b: {values: [{value: 192.0.2.21}]}\n"), "7:10", "single value"),
    "another status": (record("      a: {values: [{value: 192.0.2.11, status: maybe}]}\n      b: {values: [{value: 192.0.2.21}]}\n"), "7:20", "up, down or obey"),
    "a value of another type": (record("      a: {values: [{value: '2001:db8::1'}]}\n      b: {values: [{value: 192.0.2.21}]}\n"), "7:20", "type A"),
    "a pool without values": (record("      a: {fallback: b}\n      b: {values: [{value: 192.0.2.21}]}\n"), "7:10", "no values"),
    "a pool that nobody uses": (record(rules="    - {pool: b}\n"), "6:5", "not used"),
    "a fallback that is no pool": (record("      a: {fallback: c, values: [{value: 192.0.2.11}]}\n      b: {values: [{value: 192.0.2.21}]}\n"), "7:21", "which is no pool"),
    "a loop": (record("      a: {fallback: b, values: [{value: 192.0.2.11}]}\n      b: {fallback: a, values: [{value: 192.0.2.21}]}\n"), "7:10", "loop"),
    "no pools": (record("", RULES), "6:5", "no pools"),
    "no rule for everybody": (record(rules="    - {geos: [EU-DE], pool: a}\n    - {geos: [AS], pool: b}\n"), "11:7", "for everybody"),
    "two rules for everybody": (record(rules="    - {pool: a}\n    - {pool: b}\n"), "11:7", "as rule 1 is"),
    "a rule without a pool": (record(rules="    - {geos: [EU-DE], pool: a}\n    - {geos: [AS]}\n    - {pool: b}\n"), "11:7", "no pool"),
    "a pool of two rules": (record(rules="    - {geos: [EU-DE], pool: a}\n    - {geos: [AS], pool: a}\n    - {pool: b}\n"), "11:7", "another rule's"),
    "the general before the specific": (record(rules="    - {geos: [EU], pool: a}\n    - {geos: [EU-DE], pool: b}\n    - {pool: b}\n"), "11:15", "taken by EU"),
    "the same geo twice": (record(rules="    - {geos: [EU-DE], pool: a}\n    - {geos: [EU-DE], pool: b}\n    - {pool: b}\n"), "11:15", "taken by EU-DE"),
    "a geo with its parent": (record(rules="    - {geos: [NA-US, NA], pool: a}\n    - {pool: b}\n"), "10:15", "taken by NA"),
    "an unknown continent": (record(rules="    - {geos: [XX], pool: a}\n    - {pool: b}\n"), "10:15", "no geo code"),
    "an unknown country": (record(rules="    - {geos: [EU-UK], pool: a}\n    - {pool: b}\n"), "10:15", "no geo code"),
    "a country of another continent": (record(rules="    - {geos: [EU-CY], pool: a}\n    - {pool: b}\n"), "10:15", "no geo code"),
    "an unknown state": (record(rules="    - {geos: [NA-US-XX], pool: a}\n    - {pool: b}\n"), "10:15", "no geo code"),
    "subnets after geos": (record(rules="    - {geos: [EU], pool: a}\n    - {subnets: [10.0.0.0/8], pool: b}\n    - {pool: b}\n"), "11:7", "before those of geos"),
    "subnets with geos after geos": (record(rules="    - {geos: [EU], pool: a}\n    - {subnets: [10.0.0.0/8], geos: [AS], pool: b}\n    - {pool: b}\n"), "11:7", "before those of geos alone"),
    "a wide subnet before a narrow one": (record(rules="    - {subnets: [10.0.0.0/8], pool: a}\n    - {subnets: [10.1.0.0/16], pool: b}\n    - {pool: b}\n"), "11:18", "taken by 10.0.0.0/8"),
    "no subnet": (record(rules="    - {subnets: [10.0.0.1/8], pool: a}\n    - {pool: b}\n"), "10:18", "not a subnet"),
    "another protocol": (record(more="  octodns: {healthcheck: {protocol: GRPC}}\n"), "5:26", "not one of"),
    "no values of the record": (record().replace("  values: [192.0.2.1]\n", ""), "2:3", "no values"),
    "no type": ("www: {value: 192.0.2.1}\n", "1:6", "no type"),
    "a negative TTL": ("www: {type: A, ttl: -1, value: 192.0.2.1}\n", "1:21", "seconds"),
    "an at sign": ("'@': {type: A, value: 192.0.2.1}\n", "1:6", "apex"),
    "no address": ("www: {type: A, value: 192.0.2}\n", "1:23", "IPv4"),
    "a CNAME beside others": ("www:\n- {type: A, value: 192.0.2.1}\n- {type: CNAME, value: example.net.}\n", "2:1", "alone"),
}  # fmt: skip


def octodns_takes(text: str) -> bool:
    """Whether octoDNS loads *text* strictly, but for the order of keys."""
    with tempfile.TemporaryDirectory() as folder:
        (Path(folder) / "example.com.yaml").write_text(text)
        try:
            lab.load(Path(folder), enforce_order=False)
        except Exception:  # noqa: BLE001  some of its refusals are crashes
            return False
    return True


@pytest.mark.parametrize("text", ACCEPTED.values(), ids=ACCEPTED)
def test_what_octodns_takes_is_taken(text: str) -> None:
    assert octodns_takes(text)
    policy, problems = policy_of(Path("example.com.yaml"), text.encode(), "example.com", SERVERS)
    assert policy is not None, problems


@pytest.mark.parametrize(("text", "at", "why"), REFUSED.values(), ids=REFUSED)
def test_what_octodns_refuses_is_refused_at_its_place(text: str, at: str, why: str) -> None:
    assert not octodns_takes(text)
    policy, problems = policy_of(Path("example.com.yaml"), text.encode(), "example.com", SERVERS)
    errors = [one for one in problems if one.severity is Severity.ERROR]
    assert policy is None
    assert str(errors[0].where) == f"example.com.yaml:{at}", errors
    assert why in errors[0].text + errors[0].hint
    assert errors[0].code in {"E270", "E271", "E272", "E273", "E251", "E255", "E257"}


def test_a_target_without_its_final_dot_is_refused() -> None:
    """What octoDNS checks as best practice only; in zone-file text it would be below the zone."""
    text = b"www: {type: CNAME, value: example.net}\n"
    _, problems = policy_of(Path("x.yaml"), text, "example.com", SERVERS)
    assert [str(one) for one in problems] == [
        'x.yaml:1:27: error[E270] www.example.com CNAME: CNAME value "example.net" has no final dot'
    ]


def test_a_code_that_octodns_crashes_on_is_refused() -> None:
    text = record(rules="    - {geos: [AS-CN-GD], pool: a}\n    - {pool: b}\n")
    _, problems = read_zone(Path("x.yaml"), text.encode(), "example.com")
    assert [one.code for one in problems] == ["E272"]


def test_every_problem_is_told_at_once() -> None:
    text = record(
        "      a: {values: [{value: 192.0.2.11, weight: 0}, {value: no}]}\n      b: {values: [{value: 192.0.2.21}]}\n",
        "    - {geos: [EU-UK, XX], pool: c}\n    - {pool: b}\n",
    )
    _, problems = read_zone(Path("x.yaml"), text.encode(), "example.com")
    assert len(problems) == 6


LOST = {
    "an unknown key of a pool": (record("      a: {values: [{value: 192.0.2.11}], ratio: 3}\n      b: {values: [{value: 192.0.2.21}]}\n"), "7:42", "ratio"),
    "the latency switch": (record(more="  octodns: {route53: {healthcheck: {measure_latency: true}}}\n"), "5:37", "measure_latency"),
    "providers": (record(more="  octodns: {excluded: [ns1]}\n"), "5:13", "providers"),
    "a type that we do not serve": (record() + "old: {type: DNAME, value: example.net.}\n", "12:6", "DNAME"),
    "a provider's own type": (record() + "a: {type: Route53Provider/ALIAS, value: x.}\n", "12:4", "ALIAS"),
    "an ignored record": (record() + "a: {type: A, value: 192.0.2.9, octodns: {ignored: true}}\n", "12:4", "ignores"),
    "the deprecated geo": ("www:\n  type: A\n  values: [192.0.2.1]\n  geo: {EU: [192.0.2.2]}\n", "4:3", "geo"),
    "checks over UDP": (record(more="  octodns: {healthcheck: {protocol: UDP, port: 53}}\n"), "2:3", "UDP"),
    "values as hosts": (record(more="  octodns: {healthcheck: {host: null}}\n"), "5:26", "Host"),
    "one of a pool that is not probed": (record("      a: {values: [{value: 192.0.2.11, status: up}, {value: 192.0.2.12}]}\n      b: {values: [{value: 192.0.2.21}]}\n"), "7:7", "192.0.2.11"),
}  # fmt: skip


@pytest.mark.parametrize(("text", "at", "what"), LOST.values(), ids=LOST)
def test_what_is_lost_is_named_at_its_place(text: str, at: str, what: str) -> None:
    policy, problems = policy_of(Path("example.com.yaml"), text.encode(), "example.com", SERVERS)
    assert policy is not None, problems
    assert [str(one.where) for one in problems] == [f"example.com.yaml:{at}"], problems
    assert problems[0].severity is Severity.WARNING
    assert what in problems[0].text


def test_what_only_our_own_rules_forbid_is_told_at_its_place_too() -> None:
    text = record(
        "      a: {values: [{value: 192.0.2.11}]}\n      b: {values: [{value: 0.0.0.0}]}\n"
    )
    policy, problems = policy_of(Path("example.com.yaml"), text.encode(), "example.com", SERVERS)
    assert policy is None
    assert [(str(one.where), one.code) for one in problems] == [("example.com.yaml:8:7", "E221")]


def test_without_name_servers_there_is_no_zone() -> None:
    policy, problems = policy_of(Path("x.yaml"), record().encode(), "example.com", {})
    assert policy is None
    assert [one.code for one in problems] == ["E274"]
