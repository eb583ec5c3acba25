"""Model to plan: names resolved, defaults filled in, every problem found and placed."""

from __future__ import annotations

import io
import sys
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from types import SimpleNamespace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gslb.policy.codes import CODES
from gslb.policy.compile import compile_model, compile_policies
from gslb.policy.effective import default_headroom
from gslb.policy.names import BadNameError, mail_name, read_host, read_name, read_owner
from gslb.policy.plan import (
    AvailabilityZone,
    Check,
    Endpoint,
    Families,
    Panic,
    Pick,
    Protect,
    Site,
    Spread,
    StaticRRset,
    Target,
    WhenAllDown,
)
from gslb.policy.problems import PolicyError, Severity, Where
from gslb.policy.reading import read_model
from gslb.policy.types import record_types
from gslb.wire.names import to_text, to_wire

EXAMPLE = Path("policies/example.com.yaml")
POLICIES = "policies:\n  web:\n    rules: [{to: [aws/us-east-1, gcp/asia-east1]}]\nrecords:\n"
RECORDS = "records:\n"


@pytest.fixture(scope="module")
def example():
    path = Path(__file__).parents[2] / EXAMPLE
    plan, problems = compile_policies([path])
    assert plan is not None, problems
    return plan, problems


# the example of the specification


def test_the_full_example_loads_without_an_error(example) -> None:
    plan, problems = example
    assert not [p for p in problems if p.severity is Severity.ERROR]
    (zone,) = plan.zones
    assert zone.apex == to_wire("example.com")
    assert [to_text(name) for name, _ in zone.names] == ["www.example.com.", "api.example.com."]
    assert (len(plan.hash), zone.ecs, zone.cuts) == (12, True, frozenset())


def test_the_full_example_has_the_rules_as_written(example) -> None:
    plan, _ = example
    www, api = plan.zones[0].policies
    assert [rule.name for rule in www.rules] == [
        "telecom-south-trial", "mainland-china", "eu-residency", "everyone-else",
    ]  # fmt: skip
    trial, china, europe, rest = www.rules
    assert trial.when is not None
    assert [term.text for term in trial.when.carrier] == ["cn-telecom"]
    assert [term.text for term in trial.when.area] == ["CN-GD", "CN-GX"]
    assert trial.to == (Target("alibaba/cn-shanghai", 80), Target("gcp/asia-east1", 20))
    assert china.then == ("gcp/asia-east1",)
    assert europe.fence
    assert europe.when is not None
    assert [term.text for term in europe.when.area] == ["eu27", "GB", "CH", "NO", "IS"]
    assert (rest.when, rest.pick, rest.tie_ms) == (None, Pick.LATENCY, 15.0)
    assert (www.ttl, api.ttl) == (30, 15)
    assert (www.count, www.spread, www.panic) == (2, Spread.ZONE, Panic(0.5, "all"))
    assert www.last_resort is not None
    assert www.last_resort.cname == to_wire("sorry.example.net")
    assert api.last_resort is None
    assert www.headroom["aws/us-east-1"] == 0.5
    assert record_types(www, plan.zones[0].sites) == (1,)
    assert record_types(api, plan.zones[0].sites) == (1, 28)


def test_the_full_example_has_the_checks_as_written(example) -> None:
    plan, _ = example
    www, api = plan.zones[0].policies
    plain = Check(
        type="https", port=443, path="/healthz", host=None, expect=((200, 299),), body=None,
        target=None, every=5.0, timeout=2.0, down_after=3, up_after=2, quorum=(2, 3), vantage=(),
    )  # fmt: skip
    assert www.checks["aws/us-east-1"] == plain
    assert www.checks["alibaba/cn-shanghai"] == Check(**{**fields(plain), "vantage": ("cn",)})
    assert api.checks["aws/us-east-1"] == Check(**{**fields(plain), "path": "/api/health"})
    assert www.checks["aws/us-east-1"] is www.checks["gcp/asia-east1"]


def fields(check: Check) -> dict[str, object]:
    return {name: getattr(check, name) for name in Check.__slots__}


def test_the_full_example_has_its_sites_and_drains(example) -> None:
    plan, _ = example
    sites = plan.zones[0].sites
    frankfurt = sites["aws/eu-central-1"]
    assert [endpoint.id for endpoint in frankfurt.endpoints] == [
        f"aws/eu-central-1/euc1-az{n}" for n in (1, 2, 3)
    ]
    drained = frankfurt.endpoints[2].drained
    assert drained is not None
    assert drained.why == "CHG-4821 kernel"
    assert drained.until == datetime(2026, 12, 1, 6, tzinfo=UTC)
    assert drained.where.line == 33
    assert sites["gcp/asia-east1"].endpoints[0].weight == 2
    assert sites["aws/us-east-1"].endpoints[0].aaaa is not None


def test_the_full_example_has_its_static_data(example) -> None:
    zone = example[0].zones[0]
    static = {to_text(owner): rrsets for owner, rrsets in zone.static.items()}
    assert static["status.example.com."][0].rtype == 5
    assert static["mail.example.com."] == (StaticRRset(1, 3600, (bytes((192, 0, 2, 25)),)),)
    assert [rrset.rtype for rrset in static["example.com."]] == [2, 15]
    assert static["ns1.example.com."] == (StaticRRset(1, 3600, (bytes((192, 0, 2, 53)),)),)
    soa = zone.soa
    assert (soa.mname, soa.rname) == (to_wire("ns1.example.com"), to_wire("hostmaster.example.com"))
    assert (soa.serial, soa.minimum) == (0, 60)


# references


REFERENCES = [
    ("an unknown site in to", ("to: gcp/asia-east1", "to: gcp/asia-east2"), "E201", "gcp/asia-east2",
     'unknown site "gcp/asia-east2"', 'did you mean "gcp/asia-east1"?'),
    ("an unknown site in a list", ("to: [aws/us-east-1, ", "to: [aws/us-west-1, "), "E201", "aws/us-west-1", "unknown site", ""),
    ("an unknown site in a map", ("to: [aws/us-east-1, gcp/asia-east1]", "to: {aws/us-east-1: 1, gcp/asia: 2}"), "E201", "gcp/asia:", "unknown site", ""),
    ("an unknown site in then", ("then: [aws/us-east-1]", "then: aws/us-east-11"), "E201", "aws/us-east-11", "unknown site", ""),
    ("a site twice", ("to: [aws/us-east-1, gcp/asia-east1]", "to: [aws/us-east-1, gcp/asia-east1, aws/us-east-1]"), "E205", "aws/us-east-1]", "given twice", ""),
    ("no site at all", ("to: [aws/us-east-1, gcp/asia-east1]", "to: []"), "E207", "[]", "no site", ""),
    ("an unknown check in defaults", ("check: https}", "check: htps}"), "E202", "htps", 'unknown check "htps"', 'did you mean "https"?'),
    ("an unknown check to be used", ("check: https}", "check: {use: htps}}"), "E202", "{use: htps}", "unknown check", ""),
    ("an unknown preset", ("type: https, path: /healthz", "preset: istoi"), "E222", "https:", "unknown preset", 'did you mean "istio"?'),
    ("a check without a type", ("type: https, path: /healthz", "path: /healthz"), "E223", "https:", "no type", ""),
    ("a tcp check without a port", ("type: https, path: /healthz", "type: tcp"), "E223", "https:", "needs a port", ""),
    ("a dns check without a name", ("type: https, path: /healthz", "type: dns"), "E223", "https:", "needs qname", ""),
    ("an exec check without a command", ("type: https, path: /healthz", "type: exec"), "E223", "https:", "needs command", ""),
    ("two rules of one name", ("- name: rest", "- name: asia"), "E205", "name: asia", "a second rule", ""),
    ("a name outside the zone", ("  www.example.com:", "  www.example.org:"), "E204", "www.example.org", "is not in the zone", ""),
    ("a relative name", ("  www.example.com:", "  www:"), "E204", "www", "is not in the zone", "did you mean www.example.com?"),
    ("a star inside a name", ("  www.example.com:", "  a.*.example.com:"), "E204", "a.*", "matches nothing", ""),
    ("a label too long", ("  www.example.com:", f"  {'w' * 64}.example.com:"), "E204", "www", "63 are allowed", ""),
    ("an alias that is an address", ('a: {A: 203.0.113.31, AAAA: "2001:db8::31"}', "a: {alias: 192.0.2.1}"), "E204", "192.0.2.1", "looks like an address", ""),
    ("an alias of one label", ('a: {A: 203.0.113.31, AAAA: "2001:db8::31"}', "a: {alias: lb}"), "E204", "lb", "a full host name", ""),
    ("an endpoint that is nobody", ("203.0.113.31", "0.0.0.0"), "E221", "0.0.0.0", "not the address of a host", ""),
    ("an IPv4 address in IPv6 clothes", ("2001:db8::31", "::ffff:203.0.113.31"), "E221", '"::ffff', "IPv4 address in IPv6 clothes", ""),
    ("refuse without a yes", ("ttl: 30", "ttl: 30, when_all_down: refuse"), "E213", "refuse", "without any answer", ""),
    ("a last resort that is not there", ("ttl: 30", "ttl: 30, when_all_down: last_resort"), "E214", "www.example.com", "there is no last_resort", ""),
    ("a panic that asks for one", ("ttl: 30", "ttl: 30, panic: {below: 50%, serve: last_resort}"), "E214", "www.example.com", "there is no last_resort", ""),
    ("a zone file that is not there", ("static: |\n    mail A 192.0.2.25", "static: missing.zone"), "E250", "missing.zone", "No such file", ""),
    ("a zone file elsewhere", ("static: |\n    mail A 192.0.2.25", "static: ../x.zone"), "E250", "../x.zone", "outside the folder", ""),
    ("steered and static", ("mail A 192.0.2.25", "www A 192.0.2.25"), "E210", "www.example.com:", "is steered, but line 6 has A", ""),
    ("steered below a cut", ("mail A 192.0.2.25", "www NS ns.example.net."), "E211", "www.example.com:", "is steered, but line 6 delegates www.example.com", ""),
    ("steered name server", ("ns1.example.com", "www.example.com"), "E210", "www.example.com:", "is steered, but line 4 has A", ""),
    ("a mistake in the zone text", ("mail A 192.0.2.25", "mail A 192.0.2.256"), "E255", "mail A", "one IPv4 address", ""),
    ("a zone of the root", ("zone: example.com", 'zone: "."'), "E204", '"."', "cannot be served", ""),
]  # fmt: skip


@pytest.mark.parametrize(
    ("change", "code", "at", "text", "hint"),
    [case[1:] for case in REFERENCES],
    ids=[case[0] for case in REFERENCES],
)
def test_a_mistake_is_named_with_its_place(
    break_sound: Callable, change: tuple[str, str], code: str, at: str, text: str, hint: str
) -> None:
    compiled = break_sound(change)
    assert compiled.plan is None
    problem = next(p for p in compiled.problems if p.code == code and text in p.text)
    assert compiled.at(problem).startswith(at), compiled.at(problem)
    assert hint in problem.hint
    others = [p for p in compiled.problems if p != problem and p.severity is Severity.ERROR]
    assert others == []


def test_all_mistakes_are_found_at_once(break_sound: Callable) -> None:
    compiled = break_sound(
        ("to: gcp/asia-east1", "to: gcp/asia-east2"),
        ("check: https}", "check: htps}"),
        ("mail A 192.0.2.25", "mail A 192.0.2.256"),
        ("  www.example.com:", "  www.example.org:"),
    )
    errors = [p.code for p in compiled.problems if p.severity is Severity.ERROR]
    assert sorted(errors) == ["E201", "E202", "E204", "E255"]
    assert compiled.problems == sorted(compiled.problems)


def test_one_name_written_in_two_ways_is_one_name(break_sound: Callable) -> None:
    again = RECORDS + "  WWW.example.com.: {rules: [{to: aws/us-east-1}]}\n"
    compiled = break_sound((RECORDS, again))
    problem = compiled.only("E205")
    assert "is the same name as" in problem.text


def test_cnames_cannot_be_the_apex_nor_stand_beside_other_records(break_sound: Callable) -> None:
    handed = [
        (f'{{A: {v4}, AAAA: "2001:db8::{v6}"}}', f"{{CNAME: lb{v6}.example.net}}")
        for v4, v6 in (
            ("192.0.2.11", 11), ("192.0.2.12", 12), ("203.0.113.31", 31), ("203.0.113.32", 32),
        )
    ]  # fmt: skip
    assert break_sound(*handed).codes == []
    assert break_sound(*handed, ("  www.example.com:", "  example.com:")).codes.count("E212") == 1
    beside = break_sound(*handed, ("mail A 192.0.2.25", "www TXT x"))
    assert "other records" in beside.only("E210").text
    last = ("ttl: 30", "ttl: 30, last_resort: {CNAME: sorry.example.net}")
    assert break_sound(last).codes == []
    assert break_sound(last, ("  www.example.com:", "  example.com:")).codes == ["E212"]
    assert break_sound(last, ("mail A 192.0.2.25", "www TXT x")).codes == ["W312"]
    assert break_sound(*handed, ("ttl: 30", "ttl: 30, https: {}")).codes == ["E220"]


def test_the_apex_may_be_steered_with_addresses(break_sound: Callable) -> None:
    compiled = break_sound(
        ("  www.example.com:", "  example.com:"), ("mail A 192.0.2.25", "@ TXT x")
    )
    assert compiled.codes == []
    assert compiled.zone.names == ((to_wire("example.com"), 0),)


def test_wildcards_and_names_in_other_scripts_can_be_steered(break_sound: Callable) -> None:
    more = (
        '  "*.example.com": {policy: web}\n  bücher.example.com: {policy: web}\n'
        "  Upper.Example.COM.: {policy: web}\n"
    )
    compiled = break_sound((RECORDS, POLICIES + more))
    assert compiled.codes == []
    assert [to_text(name) for name, _ in compiled.zone.names] == [
        "*.example.com.", "xn--bcher-kva.example.com.", "upper.example.com.", "www.example.com.",
    ]  # fmt: skip


# settings


def test_names_with_equal_settings_share_one_policy(break_sound: Callable) -> None:
    more = POLICIES + "".join(
        f"  {name}.example.com: {{policy: web{extra}}}\n"
        for name, extra in (("a", ""), ("b", ""), ("c", ", ttl: 10"), ("d", ", ttl: 10"), ("e", ", ttl: 11"))
    )  # fmt: skip
    compiled = break_sound((RECORDS, more))
    assert compiled.codes == []
    assert [index for _, index in compiled.zone.names] == [0, 0, 1, 1, 2, 3]
    names = [(policy.name, policy.ttl) for policy in compiled.zone.policies]
    assert names == [("web", 30), ("c.example.com", 10), ("e.example.com", 11), ("www.example.com", 30)]  # fmt: skip


def test_what_nobody_says_is_filled_in(break_sound: Callable) -> None:
    (policy,) = break_sound(("defaults: {ttl: 30, check: https}\n", "")).zone.policies
    assert (policy.ttl, policy.count, policy.spread) == (30, 2, Spread.ZONE)
    assert policy.checks == {"gcp/asia-east1": None, "aws/us-east-1": None}
    assert policy.headroom == {"gcp/asia-east1": 1.0, "aws/us-east-1": 1.0}
    assert policy.capacity_at == {}
    assert policy.panic == Panic(0.5, "all")
    assert policy.when_all_down is WhenAllDown.SERVE_ALL
    assert (policy.last_resort, policy.https, policy.ignore_ecs) == (None, None, False)
    assert policy.families is Families.TOGETHER
    assert policy.protect == Protect(slow_start=300.0, damping=True, removal=(0.25, 30.0))


def test_the_closest_place_that_says_something_wins(break_sound: Callable) -> None:
    compiled = break_sound(
        ("ttl: 30", "ttl: 30, headroom: 10%, families: apart, answer: {count: 3, spread: none}"),
        ("  aws/us-east-1:\n", "  aws/us-east-1:\n    headroom: 20%\n"),
        (RECORDS, POLICIES + "  a.example.com: {policy: web, answer: {count: 1}}\n"),
        ("  web:\n", "  web:\n    answer: {count: 2}\n    ttl: 20\n    protect: {damping: off}\n"),
        ("  www.example.com:\n", "  www.example.com:\n    headroom: 40%\n"),
    )
    web, www = compiled.zone.policies
    assert (web.count, web.spread, web.ttl, web.families) == (1, Spread.NONE, 20, Families.APART)
    assert (www.count, www.ttl) == (3, 30)
    assert web.headroom == {"aws/us-east-1": 0.2, "gcp/asia-east1": 0.1}
    assert www.headroom == {"gcp/asia-east1": 0.4, "aws/us-east-1": 0.4}
    written = [compiled.text.splitlines()[at.line - 1] for at in web.capacity_at.values()]
    assert dict(zip(web.capacity_at, [line.strip() for line in written], strict=True)) == {
        "aws/us-east-1": "headroom: 20%",
        "gcp/asia-east1": compiled.text.splitlines()[6].strip(),  # the defaults
    }
    assert web.protect == Protect(300.0, damping=False, removal=(0.25, 30.0))


def test_protections_can_be_tuned_and_switched_off(break_sound: Callable) -> None:
    words = "ttl: 30, protect: {slow_start: off, damping: off, removal: off}"
    (policy,) = break_sound(("ttl: 30", words)).zone.policies
    assert policy.protect == Protect(None, damping=False, removal=None)
    words = "ttl: 30, protect: {slow_start: 60s, removal: {share: 10%, per: 1m}}"
    (policy,) = break_sound(("ttl: 30", words)).zone.policies
    assert policy.protect == Protect(60.0, damping=True, removal=(0.1, 60.0))


def test_slow_start_lasts_five_ttls_where_that_is_longer(break_sound: Callable) -> None:
    (policy,) = break_sound(("ttl: 30", "ttl: 120")).zone.policies
    assert policy.protect.slow_start == 600.0


def test_refuse_is_taken_with_a_yes(break_sound: Callable) -> None:
    words = "ttl: 30, when_all_down: refuse, acknowledge: true"
    (policy,) = break_sound(("ttl: 30", words)).zone.policies
    assert policy.when_all_down is WhenAllDown.REFUSE


@pytest.mark.parametrize(
    ("site", "record", "expected"),
    [
        ("", "", {"path": "/healthz"}),
        ("check: false", "", None),
        ("", "check: false", None),
        ("check: false", "check: https", None),
        ("check: {use: https, from: cn, path: /s}", "", {"vantage": ("cn",), "path": "/s"}),
        ("check: {path: /s}", "check: {path: /r}", {"path": "/r"}),
        ("check: {from: cn, path: /s}", "check: {path: /r}", {"vantage": ("cn",), "path": "/r"}),
        ("check: {use: https, from: cn, path: /s}", "check: {use: http}",
         {"type": "http", "port": 80, "path": "/", "vantage": ("cn",)}),
        ("check: http", "", {"type": "http", "port": 80}),
        ("check: http", "check: https", {"type": "https", "port": 443, "path": "/healthz"}),
        ("", "check: {preset: istio}", {"type": "https", "port": 15021, "path": "/healthz"}),
        ("", "check: {use: istio}", {"type": "http", "port": 15021, "path": "/healthz/ready", "expect": ((200, 200),)}),
        ("", "check: {use: istio, every: 1s, down_after: 1}", {"every": 1.0, "down_after": 1, "port": 15021}),
        ("", "check: {use: dns, qname: example.net}",
         {"type": "dns", "port": 53, "path": None, "expect": (), "extra": (("qname", "example.net"),)}),
        ("", "check: {use: exec, command: [probe, -x]}",
         {"type": "exec", "port": None, "extra": (("command", "probe"), ("command", "-x"))}),
    ],
)  # fmt: skip
def test_a_check_is_a_template_and_what_site_and_record_change(
    break_sound: Callable, site: str, record: str, expected: dict[str, object] | None
) -> None:
    compiled = break_sound(
        (
            "sites:",
            "  http: {type: http}\n  istio: {preset: istio}\n  dns: {type: dns}\n  exec: {type: exec}\nsites:",
        ),
        ("  aws/us-east-1:\n", f"  aws/us-east-1:\n    {site}\n"),
        ("  www.example.com:\n", f"  www.example.com:\n    {record}\n"),
    )
    check = compiled.zone.policies[0].checks["aws/us-east-1"]
    if expected is None or check is None:
        assert check == expected
    else:
        assert {key: getattr(check.leaves[0], key) for key in expected} == expected


def test_drains_of_a_site_hold_its_endpoints_and_the_longer_drain_wins(
    break_sound: Callable,
) -> None:
    site = 'drained: {why: "site", until: "2026-12-01T06:00Z"}'
    compiled = break_sound(
        ("  aws/us-east-1:\n", f"  aws/us-east-1:\n    {site}\n"),
        ('AAAA: "2001:db8::11"', 'AAAA: "2001:db8::11", drained: {why: "own"}'),
        ('AAAA: "2001:db8::12"', 'AAAA: "2001:db8::12", drained: {why: "own", until: "2026-11-01T00:00Z"}'),
    )  # fmt: skip
    ends = compiled.zone.sites["aws/us-east-1"].endpoints
    assert [end.drained.why for end in ends if end.drained] == ["own", "site"]


def test_endpoints_in_a_list_are_numbered_from_the_second(break_sound: Callable) -> None:
    compiled = break_sound(
        ('b: {A: 192.0.2.12, AAAA: "2001:db8::12"}',
         'b: [{A: 192.0.2.12, AAAA: "2001:db8::12"}, {alias: lb.example.net, weight: 7}]'),
    )  # fmt: skip
    ends = compiled.zone.sites["aws/us-east-1"].endpoints
    assert [(e.id, e.weight) for e in ends] == [
        ("aws/us-east-1/a", 1), ("aws/us-east-1/b", 1), ("aws/us-east-1/b/2", 7),
    ]  # fmt: skip
    assert ends[2].alias == to_wire("lb.example.net")


def test_terms_of_conditions_keep_their_places(break_sound: Callable) -> None:
    compiled = break_sound(
        ("when: {area: asia}", "when: {asn: [AS4134, 4837], not: {area: CN, qtype: [AAAA]}}")
    )
    when = compiled.zone.policies[0].rules[0].when
    assert when is not None
    assert [term.text for term in when.asn] == ["4134", "4837"]
    assert [term.text for term in when.excluded[0].area] == ["CN"]
    spots = [when.asn[0], when.asn[1], when.excluded[0].area[0], when.excluded[0].qtype[0]]
    lines = compiled.text.split("\n")
    ahead = [lines[t.where.line - 1][t.where.column - 1 :] for t in spots]
    assert [text.split(",")[0].rstrip("]} ") for text in ahead] == ["AS4134", "4837", "CN", "AAAA"]


def test_subnets_are_read_only_where_answers_depend_on_the_client(break_sound: Callable) -> None:
    assert break_sound().zone.ecs
    alike = ("        when: {area: asia}\n", "")
    rest = ("      - name: rest\n        to: [aws/us-east-1, gcp/asia-east1]\n", "")
    assert not break_sound(alike, rest).zone.ecs
    assert break_sound(alike, rest, ("name: asia", "name: asia\n        pick: hash")).zone.ecs
    assert not break_sound(("ttl: 30", "ttl: 30, ignore_ecs: true")).zone.ecs


# the zone


def test_a_zone_file_is_read_and_its_problems_have_its_lines(
    break_sound: Callable, tmp_path: Path
) -> None:
    (tmp_path / "example.zone").write_bytes(
        b"@ SOA ns9 host.master 7 1 2 3 4\r\nmail A 192.0.2.25\r\nbad A 1\r\n"
    )
    change = ("static: |\n    mail A 192.0.2.25", "static: example.zone")
    compiled = break_sound(change)
    assert [(p.where, p.code) for p in compiled.problems] == [
        (Where(tmp_path / "example.zone", 1, 1), "N401"),
        (Where(tmp_path / "example.zone", 3, 1), "E255"),
    ]
    (tmp_path / "example.zone").write_text(
        "@ 900 SOA ns9 host.master 7 1 2 3 4\nmail A 192.0.2.25\n"
    )
    before = break_sound(change).plan
    assert before is not None
    soa = before.zones[0].soa
    assert (soa.mname, soa.rname) == (
        to_wire("ns9.example.com"),
        to_wire("host.master.example.com"),
    )
    assert (soa.serial, soa.refresh, soa.minimum, soa.ttl) == (0, 1, 4, 900)
    (tmp_path / "example.zone").write_text("mail A 192.0.2.26\n")
    after = break_sound(change).plan
    assert after is not None
    assert after.hash != before.hash


def test_a_zone_file_that_is_not_text_is_refused(break_sound: Callable, tmp_path: Path) -> None:
    (tmp_path / "example.zone").write_bytes(b"mail A 192.0.2.25\n\xff\xfe")
    compiled = break_sound(("static: |\n    mail A 192.0.2.25", "static: example.zone"))
    assert compiled.only("E250").where == Where(tmp_path / "example.zone", 2, 1)


def test_the_soa_of_the_dns_block_wins_over_that_of_the_text(break_sound: Callable) -> None:
    compiled = break_sound(
        ("mail A 192.0.2.25", "@ 900 SOA ns9 host.master 7 1 2 3 4"),
        ("  static: |", "  soa: {serial: 99, refresh: 11, contact: a.b@example.net}\n  static: |"),
    )
    assert compiled.codes == ["N400"]
    soa = compiled.zone.soa
    assert (soa.serial, soa.refresh, soa.retry) == (99, 11, 2)
    assert soa.rname == to_wire("a\\.b.example.net")


@pytest.mark.parametrize("style", ["|", "|-", "|2", "|  # why", "|+"])
def test_lines_of_a_block_of_zone_text_are_lines_of_the_file(
    break_sound: Callable, style: str
) -> None:
    compiled = break_sound(("static: |\n", f"static: {style}\n"), ("mail A", "\n    ; x\n    mail AA"))  # fmt: skip
    problem = compiled.only("E254")
    assert compiled.at(problem).startswith("mail AA 192.0.2.25")


def test_lines_of_other_text_have_the_place_of_the_text(break_sound: Callable) -> None:
    compiled = break_sound(("static: |\n    mail A 192.0.2.25", 'static: "a A 192.0.2.1\\nb AA x"'))
    assert compiled.at(compiled.only("E254")).startswith('"a A')


# several files


def sound_in(folder: Path, zone: str, text: str) -> Path:
    file = folder / f"{zone}.yaml"
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(text.replace("example.com", zone))
    return file


def test_a_folder_is_its_policies_and_nothing_else(break_sound: Callable, tmp_path: Path) -> None:
    text = break_sound().text
    folder = tmp_path / "policies"
    first = sound_in(folder, "a.example", text)
    checks = "checks:\n  https: {type: https, path: /healthz}\n"
    assert checks in text
    sound_in(folder / "deep", "b.example", text.replace(checks, "include: [part.yaml]\n"))
    (folder / "deep/part.yaml").write_text(checks)
    (folder / "a.expect.yaml").write_text("dns: {}\n")
    (folder / ".git").mkdir()
    (folder / ".git/x.yaml").write_text("dns: {}\n")
    (folder / "notes.txt").write_text("dns: {}\n")
    plan, problems = compile_policies([folder, first])
    assert problems == []
    assert plan is not None
    assert [to_text(zone.apex) for zone in plan.zones] == ["a.example.", "b.example."]


def test_a_folder_without_policies_is_a_mistake(tmp_path: Path) -> None:
    plan, problems = compile_policies([tmp_path])
    assert plan is None
    assert [p.code for p in problems] == ["E218"]


def test_a_zone_is_served_by_one_file(break_sound: Callable, tmp_path: Path) -> None:
    other = tmp_path / "other.yaml"
    other.write_text(break_sound().text)
    plan, problems = compile_policies([tmp_path / "example.com.yaml", other])
    assert plan is None
    (problem,) = problems
    assert (problem.code, problem.where.path) == ("E217", other)


def test_names_hidden_by_another_zone_are_told(break_sound: Callable, tmp_path: Path) -> None:
    child = sound_in(tmp_path, "www.example.com", break_sound().text)
    _, problems = compile_policies([tmp_path / "example.com.yaml", child])
    assert [p.code for p in problems] == ["W327"]


def test_standard_input_is_read_once_and_placed(
    break_sound: Callable, monkeypatch: pytest.MonkeyPatch
) -> None:
    text = break_sound().text.replace("mail A 192.0.2.25", "mail AA x")
    monkeypatch.setattr(sys, "stdin", SimpleNamespace(buffer=io.BytesIO(text.encode())))
    plan, problems = compile_policies([Path("-")])
    assert plan is None
    assert [(str(p.where), p.code) for p in problems] == [("-:6:5", "E254")]


def test_equal_files_have_equal_hashes_in_any_order(break_sound: Callable, tmp_path: Path) -> None:
    one = break_sound()
    other = sound_in(tmp_path, "b.example", one.text)
    first, _ = compile_policies([tmp_path / "example.com.yaml", other])
    second, _ = compile_policies([other, tmp_path / "example.com.yaml"])
    assert first is not None
    assert second is not None
    assert first.hash == second.hash
    assert one.plan is not None
    assert first.hash != one.plan.hash


# names


label = st.from_regex(r"[a-z0-9_]([a-z0-9_-]{0,20}[a-z0-9_])?", fullmatch=True)


@given(st.lists(label, min_size=1, max_size=6), st.booleans())
def test_plain_names_are_read_like_any_others(labels: list[str], dot: bool) -> None:
    text = ".".join(labels) + "." * dot
    assert read_name(text) == to_wire(text) == read_name(text.upper())


@given(st.text(max_size=40))
def test_any_text_is_a_name_or_refused(text: str) -> None:
    try:
        wire = read_name(text)
    except BadNameError:
        return
    assert 1 <= len(wire) <= 255
    assert wire == wire.lower()


def test_names_of_hosts_and_mailboxes_are_read_for_what_they_are() -> None:
    assert mail_name("a.b@example.com") == to_wire("a\\.b.example.com")
    assert mail_name("hostmaster.example.com") == to_wire("hostmaster.example.com")
    for text in ("@example.com", "é@example.com", f"{'a' * 64}@example.com"):
        with pytest.raises(BadNameError):
            mail_name(text)
    for text in ("lb", "*.example.com", "192.0.2.1", "a..b"):
        with pytest.raises(BadNameError):
            read_host(text)
    apex = to_wire("example.com")
    assert read_owner("*.a.example.com", apex) == to_wire("*.a.example.com")
    for text in ("xexample.com", "com", "a*.example.com", "*.*.example.com"):
        with pytest.raises(BadNameError):
            read_owner(text, apex)


# headroom


@given(st.integers(1, 12), st.integers(0, 3))
def test_the_default_headroom_is_what_the_loss_of_one_zone_needs(zones: int, idle: int) -> None:
    where = Where(Path("p.yaml"))

    def zone(number: int, weight: int) -> AvailabilityZone:
        end = Endpoint(f"c/r/{number}", weight, bytes(4), None, None, None, None, where)
        return AvailabilityZone(str(number), (end,))

    weights = [1] * zones + [0] * idle
    site = Site("c/r", tuple(zone(i, w) for i, w in enumerate(weights)), 0, None, where)
    headroom = default_headroom(site)
    if zones == 1:
        assert headroom == 0
        return
    left, fewer = (zones - 1) / zones, (zones - 2) / zones
    assert left * (1 + headroom) == pytest.approx(1)
    assert fewer * (1 + headroom) < 1


# whatever is written


SOUND_LINES = (Path(__file__).parents[2] / EXAMPLE).read_text().splitlines()
WORDS = [
    "aws/us-east-1", "alibaba/cn-shanghai", "https", "tcp", "www.example.com", "example.com", "ns1.example.com",
    "0", "-1", "1000", "50%", "true", "false", "~", "[]", "{}", '""', "*", "x", "192.0.2.1", '"::"', "refuse",
    "last_resort", "hash", "A", "CN", "{CNAME: mail.example.com}", "{use: tcp, from: [cn]}", "{A: 192.0.2.1}",
]  # fmt: skip
edits = st.lists(
    st.tuples(
        st.integers(0, len(SOUND_LINES) - 1),
        st.sampled_from(["drop", "twice", "value", "word"]),
        st.sampled_from(WORDS),
        st.integers(0, 7),
    ),
    max_size=6,
)


def edited(changes: list[tuple[int, str, str, int]]) -> str:
    lines = list(SOUND_LINES)
    for number, how, word, at in changes:
        line = lines[number]
        if how == "drop":
            lines[number] = ""
        elif how == "twice":
            lines[number] = f"{line}\n{line}"
        elif how == "value" and ": " in line:
            lines[number] = f"{line[: line.index(': ')]}: {word}"
        else:
            parts = line.split(" ")
            parts[-1 - at % len(parts)] = word
            lines[number] = " ".join(parts)
    return "\n".join(lines) + "\n"


@settings(max_examples=300)
@given(edits)
def test_no_policy_makes_the_compiler_fail_and_no_problem_lacks_a_place(
    changes: list[tuple[int, str, str, int]],
) -> None:
    octets = edited(changes).encode()
    try:
        parsed, document = read_model(Path("p.yaml"), octets=octets)
    except PolicyError:
        return  # of the text or the model: not the compiler's
    zone, problems, _ = compile_model(parsed, document, octets)
    last = octets.count(b"\n") + 1
    assert all(1 <= p.where.line <= last and p.where.column >= 1 for p in problems)
    assert {p.code for p in problems} <= set(CODES)
    if zone is not None and not any(p.severity is Severity.ERROR for p in problems):
        for name, index in zone.names:
            assert record_types(zone.policies[index], zone.sites), to_text(name)
            assert all(s in zone.sites for r in zone.policies[index].rules for s in r.sites)
