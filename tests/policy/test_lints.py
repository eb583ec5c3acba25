"""Each lint says what it should, where it should, and nothing else does."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from gslb.policy.problems import Severity

WWW = "  www.example.com:\n    rules:\n"
REST = "      - name: rest\n        to: [aws/us-east-1, gcp/asia-east1]\n"
US = "      a: {A: 192.0.2.11, AAAA"
WHY = 'drained: {why: "CHG-1"}'
UNTIL = 'drained: {why: "CHG-1", until: "2026-12-01T06:00Z"}'


def drained(how: str) -> list[tuple[str, str]]:
    return [
        ("  aws/us-east-1:\n", f"  aws/us-east-1:\n    {how}\n"),
        ("  gcp/asia-east1:\n", f"  gcp/asia-east1:\n    {how}\n"),
    ]


def no_v6(*, both: bool = True) -> list[tuple[str, str]]:
    ends = ["31", "32"] + (["11", "12"] if both else [])
    return [(f', AAAA: "2001:db8::{end}"', "") for end in ends]


# Both sites stand in ``to`` of every rule, so that each family has somewhere to go.
BOTH = (
    "        to: gcp/asia-east1\n        then: [aws/us-east-1]",
    "        to: [gcp/asia-east1, aws/us-east-1]",
)


def test_the_sound_policy_has_no_problem(break_sound: Callable) -> None:
    assert break_sound().problems == []


CASES = [
    ("a rule behind a catch-all", [(REST, REST + "      - name: late\n        to: aws/us-east-1\n")],
     "W301", "- name: late", 'rule "late" is never reached: "rest"'),
    ("a rule behind one for every type",
     [(REST, "      - name: all\n        when: {qtype: [A, AAAA, HTTPS, CNAME]}\n        to: aws/us-east-1\n" + REST)],
     "W301", "- name: rest", "never reached"),
    ("no catch-all", [(REST, REST + "        when: {area: CN}\n")],
     "E206", "- name: rest", "some clients match no rule"),
    ("a fence around one zone",
     [("        then: [aws/us-east-1]", "        fence: true"), ('      b: {A: 203.0.113.32, AAAA: "2001:db8::32"}\n', "")],
     "W302", "- name: asia", "one zone"),
    ("a fence and then", [("then: [aws/us-east-1]", "then: [aws/us-east-1]\n        fence: true")],
     "W303", "- name: asia", "then is never used"),
    ("to and then overlap", [("then: [aws/us-east-1]", "then: [gcp/asia-east1, aws/us-east-1]")],
     "W304", "- name: asia", "gcp/asia-east1 in both to and then"),
    ("shares that are all 0", [("to: [aws/us-east-1, gcp/asia-east1]", "to: {aws/us-east-1: 0, gcp/asia-east1: 0}")],
     "W317", "- name: rest", "every share is 0"),
    ("weights that are all 0", [("11\"}", '11", weight: 0}'), ("12\"}", '12", weight: 0}')],
     "W317", "aws/us-east-1:", "every weight is 0"),
    ("everything drained for good", drained(WHY), "E209", "www.example.com:", "every endpoint"),
    ("everything drained for a time", drained(UNTIL), "W309", "www.example.com:", "every endpoint"),
    ("a type that only the spare site has", no_v6(both=False),
     "W305", "- name: asia", 'rule "asia" has no IPv6 site'),
    ("one type withheld by a rule", [*no_v6(both=False), ("        then: [aws/us-east-1]\n", "")],
     "W305", "- name: asia", 'AAAA of aws/us-east-1 is not served for www.example.com: rule "asia" has no IPv6 site'),
    ("AAAA in some sites only", [*no_v6(both=False), BOTH], "W306", "www.example.com:", "no AAAA in gcp/asia-east1"),
    ("no IPv6 at all", no_v6(), "W307", "www.example.com:", "AAAA queries get NODATA"),
    ("no IPv4 at all", [(f"A: {a}, ", "") for a in ("192.0.2.11", "192.0.2.12", "203.0.113.31", "203.0.113.32")],
     "W307", "www.example.com:", "no IPv4 endpoint"),
    ("no type for everybody",
     [*no_v6(both=False), ("        then: [aws/us-east-1]\n", ""), ("A: 192.0.2.11, ", ""), ("A: 192.0.2.12, ", ""),
      ("to: [aws/us-east-1, gcp/asia-east1]", "to: aws/us-east-1")],
     "E215", "www.example.com:", "nothing is served"),
    ("a target of one family",
     [BOTH, ("path: /healthz", "path: /healthz, target: 192.0.2.80"), ("      b: {A: 192.0.2.12, AAAA: \"2001:db8::12\"}\n", ""),
      ("      b: {A: 203.0.113.32, AAAA: \"2001:db8::32\"}\n", ""), (', AAAA: "2001:db8::31"', "")],
     ["W308", "W306"], "aws/us-east-1:", "IPv6 of aws/us-east-1/a is never seen"),
    ("one target for many", [("path: /healthz", "path: /healthz, target: probe.example.net")],
     ["W311", "W311"], "aws/us-east-1:", "aws/us-east-1: its 2 endpoints are judged by one target"),
    ("a long TTL", [("ttl: 30", "ttl: 301")], "W310", "www.example.com:", "TTL 301"),
    ("a promise that cannot be kept", [("ttl: 30", "ttl: 30, recover_in: 40s")],
     "W314", "www.example.com:", "is 47 s"),
    ("host names beside addresses", [('a: {A: 192.0.2.11, AAAA: "2001:db8::11"}', "a: {CNAME: lb.example.net}")],
     "W312", "www.example.com:", "aws/us-east-1/a"),
    ("a check across the border", [("aws/us-east-1", "alibaba/cn-beijing")],
     "W313", "alibaba/cn-beijing:", "mainland China"),
    ("a short timeout", [("path: /healthz", "path: /healthz, timeout: 400ms")],
     "W315", "https:", "timeout 400 ms"),
    ("a site that nobody uses", [("records:", '  aws/eu-west-1: {zones: {a: {A: 192.0.2.99, AAAA: "2001:db8::99"}}}\nrecords:')],
     "W316", "aws/eu-west-1:", "not used by any rule"),
    ("a rule list that nobody uses", [("records:", "policies:\n  spare: {rules: [{to: aws/us-east-1}]}\nrecords:")],
     "W316", "spare:", 'policy "spare" is not used'),
    ("a check that nobody uses", [("sites:", "  tcp: {type: tcp, port: 443}\nsites:")],
     "N404", "tcp:", 'check "tcp" is not used'),
    ("an address twice", [("203.0.113.31", "192.0.2.11")],
     "W318", "a: {A: 192.0.2.11", "192.0.2.11 of gcp/asia-east1/a is that of aws/us-east-1/a"),
    ("no room for the loss of a zone, no way out",
     [("ttl: 30", "ttl: 30, headroom: 50%"), ("        then: [aws/us-east-1]\n", "")],
     ["N408", "W319"], "- name: asia", 'rule "asia" knows no other site'),
    ("no room for the loss of a zone", [("ttl: 30", "ttl: 30, headroom: 50%")],
     ["N408", "N408"], "aws/us-east-1:", "aws/us-east-1: without zone a, 50% of its capacity is left and 25%"),
    ("one name server", [(", ns2.example.com: [198.51.100.53]", "")], "W320", "nameservers:", "fewer than two"),
    ("one address of two name servers", [("198.51.100.53", "192.0.2.53")], "W320", "nameservers:", "the same address"),
    ("glue that is missing", [("mail A 192.0.2.25", "sub NS ns.sub")], "W321", "sub NS ns.sub", "glue"),
    ("a target without records", [("mail A 192.0.2.25", "@ MX 1 mail")], "W322", "@ MX 1 mail", "mail.example.com, which has no records"),
    ("a target that is a CNAME", [("mail A 192.0.2.25", "mail CNAME x.example.net.\n    @ MX 1 mail")],
     "W324", "@ MX 1 mail", "a CNAME"),
    ("a slow target of a last resort", [("ttl: 30", "ttl: 30, last_resort: {CNAME: mail.example.com}")],
     "W325", "defaults:", "mail.example.com has TTL 3600"),
    ("a last resort of one family", [("ttl: 30", "ttl: 30, last_resort: {A: 192.0.2.250}")],
     "W323", "defaults:", "no IPv6 address"),
    ("a large answer", [("mail A 192.0.2.25", "mail TXT " + " ".join(["x" * 250] * 2))], "N403", "mail TXT", "resolvers without EDNS"),
    ("a larger answer", [("mail A 192.0.2.25", "mail TXT " + " ".join(["x" * 250] * 5))], "W326", "mail TXT", "over TCP"),
    ("an answer too large", [("mail A 192.0.2.25", "mail TXT " + " ".join(["x" * 250] * 17))], "E219", "mail TXT", "4096 are allowed"),
    ("an HTTPS record too large", [("ttl: 30", "ttl: 30, answer: {count: 8}, https: {alpn: [" + ", ".join(["x" * 128] * 8) + "]}")],
     "W326", "www.example.com:", "over TCP"),
    ("a name server elsewhere with addresses", [("ns2.example.com", "ns2.example.net")],
     "N402", "nameservers:", "not served"),
    ("a DS without a delegation", [("mail A 192.0.2.25", "mail DS 1 8 2 " + "00" * 32)], "W354", "mail DS", "no delegation"),
]  # fmt: skip


@pytest.mark.parametrize(
    ("changes", "codes", "line", "fragment"),
    [case[1:] for case in CASES],
    ids=[c[0] for c in CASES],
)
def test_a_lint_names_its_place_and_nothing_else_speaks_up(
    break_sound: Callable,
    changes: list[tuple[str, str]],
    codes: str | list[str],
    line: str,
    fragment: str,
) -> None:
    compiled = break_sound(*changes)
    wanted = [codes] if isinstance(codes, str) else codes
    assert sorted(compiled.codes) == sorted(wanted), [str(p) for p in compiled.problems]
    found = [p for p in compiled.problems if fragment in p.text]
    assert len(found) == 1, [str(p) for p in compiled.problems]
    assert compiled.line(found[0]).startswith(line)
    severity = {"E": Severity.ERROR, "W": Severity.WARNING, "N": Severity.NOTE}
    assert all(p.severity is severity[p.code[0]] for p in compiled.problems)
    assert (compiled.plan is None) is any(code.startswith("E") for code in wanted)


@pytest.mark.parametrize(
    ("site", "border"),
    [
        ("alibaba/cn-shanghai", True),
        ("alibaba/cn-hongkong", False),
        ("aws/cn-north-1", True),
        ("aws/ap-east-1", False),
        ("azure/chinaeast2", True),
        ("tencent/ap-guangzhou", True),
        ("tencent/ap-shanghai-fsi", True),
        ("tencent/ap-singapore", False),
        ("huawei/cn-north-4", True),
        ("gcp/asia-east2", False),
    ],
)
def test_only_sites_in_mainland_china_want_probes_from_there(
    break_sound: Callable, site: str, border: bool
) -> None:
    assert break_sound(("aws/us-east-1", site)).codes == (["W313"] if border else [])
    inside = (f"  {site}:\n", f"  {site}:\n    check: {{use: https, from: [cn]}}\n")
    assert break_sound(("aws/us-east-1", site), inside).codes == []


def test_a_site_without_checks_needs_no_vantage_point(break_sound: Callable) -> None:
    site = ("  aws/us-east-1:\n", "  aws/us-east-1:\n    check: false\n")
    assert break_sound(site, ("aws/us-east-1", "alibaba/cn-beijing")).codes == []


def test_the_default_headroom_loses_a_zone_quietly(break_sound: Callable) -> None:
    more = 'b: {A: 192.0.2.12, AAAA: "2001:db8::12"}'
    third = more + '\n      c: {A: 192.0.2.13, AAAA: "2001:db8::13"}'
    assert break_sound((more, third)).codes == []


def test_wildcards_and_steered_names_count_as_targets(break_sound: Callable) -> None:
    static = "@ MX 1 www\n    @ MX 2 a.wild\n    *.wild A 192.0.2.9\n    @ MX 0 ."
    assert break_sound(("mail A 192.0.2.25", static)).codes == []


def test_a_null_target_is_no_target(break_sound: Callable) -> None:
    assert break_sound(("mail A 192.0.2.25", "@ MX 0 .\n    _x._tcp SRV 0 0 0 .")).codes == []


def test_a_family_warning_comes_once_for_each_policy_not_for_each_name(
    break_sound: Callable,
) -> None:
    shared = [
        ("records:\n  www.example.com:\n", "policies:\n  web:\n"),
        (REST, REST + "records:\n" + "".join(f"  n{i}.example.com: {{policy: web}}\n" for i in range(9))),
    ]  # fmt: skip
    assert break_sound(*no_v6(), *shared).codes == ["W307"]
