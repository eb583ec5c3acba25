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
    ("a fence in front of a rule", [(REST, REST + "        fence: true\n      - name: late\n        to: aws/us-east-1\n")],
     ["W301", "W301"], "- name: rest", "its fence keeps every client at aws/us-east-1, gcp/asia-east1"),
    ("a catch-all in front of everything",
     [("      - name: asia\n        when: {area: asia}\n", "      - name: asia\n")],
     "W301", "- name: rest", 'rule "rest" is never reached: "asia"'),
    ("a catch-all in front of several rules", [(REST, REST + "      - {name: x, to: aws/us-east-1}\n      - {name: y, to: aws/us-east-1}\n")],
     ["W301"] * 3, "- name: rest", "the 2 rules after it can never be used"),
    ("a timeout above the interval", [("path: /healthz", "path: /healthz, timeout: 6s")],
     "W329", "https:", "timeout 6 s is longer than every 5 s"),
    ("a private address", [("192.0.2.12", "192.168.1.12"), ("2001:db8::12", "fd00::12")],
     "W328", 'b: {A: 192.168.1.12', "192.168.1.12 of aws/us-east-1/b (and 1 more of aws/us-east-1) is private"),
    ("an address of carriers", [("192.0.2.12", "100.64.0.1")], "W328", "b: {A: 100.64.0.1", "is private"),
    ("text behind a semicolon", [("mail A 192.0.2.25", "mail TXT v=DKIM1; p=x")], "W355", "mail TXT", "is a comment"),
    ("a rule behind one for every type",
     [(REST, "      - name: all\n        when: {qtype: [A, AAAA, HTTPS, CNAME]}\n        to: aws/us-east-1\n" + REST)],
     "W301", "- name: rest", "never reached"),
    ("no catch-all", [(REST, REST + "        when: {area: CN}\n")],
     "E206", "- name: rest", "some clients match no rule"),
    ("a fence around one zone",
     [("        then: [aws/us-east-1]", "        fence: true"), ('      b: {A: 203.0.113.32, AAAA: "2001:db8::32"}\n', "")],
     "W302", "- name: asia", "one zone"),
    ("a fence and then", [("then: [aws/us-east-1]", "then: [aws/us-east-1]\n        fence: true")],
     "W303", "then: [aws/us-east-1]", '"then" is never used'),
    ("to and then overlap", [("then: [aws/us-east-1]", "then: [gcp/asia-east1, aws/us-east-1]")],
     "W304", "- name: asia", 'gcp/asia-east1 in both "to" and "then"'),
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
    ("AAAA in some sites only", [*no_v6(both=False), BOTH], "W306", "- name: asia",
     'no AAAA in gcp/asia-east1, so IPv6 clients of rules "asia", "rest" go elsewhere'),
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
    ("a long TTL", [("ttl: 30", "ttl: 301")], "W310", "defaults: {ttl: 301", "TTL 301"),
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


def test_a_ttl_is_told_where_it_is_said_and_once_for_all_that_share_it(
    break_sound: Callable,
) -> None:
    more = "  api.example.com: {rules: [{to: aws/us-east-1}]}\n"
    found = break_sound(("ttl: 30", "ttl: 3600"), (WWW, more + WWW))
    assert found.at(found.only("W310")).startswith("ttl: 3600")
    own = WWW.replace("    rules", "    ttl: 1h\n    rules")
    found = break_sound((WWW, own))
    assert found.at(found.only("W310")).startswith("ttl: 1h")


PRIVATE = [
    ("192.0.2.53", "10.0.0.53"), ("198.51.100.53", "10.0.1.53"), ("192.0.2.11", "10.0.0.11"), ("192.0.2.12", "10.0.0.12"),
    ("203.0.113.31", "172.16.0.31"), ("203.0.113.32", "172.16.0.32"), ("2001:db8::", "fd00::"),
]  # fmt: skip


def test_a_zone_that_is_private_throughout_is_left_in_peace(break_sound: Callable) -> None:
    assert break_sound(*PRIVATE).codes == []
    assert break_sound(*PRIVATE[1:]).codes == ["W328", "W328"]  # one name server is public


def test_an_example_address_is_told_only_beside_real_ones(break_sound: Callable) -> None:
    real = [("192.0.2.11", "9.9.9.11"), ("192.0.2.12", "9.9.9.12"), ("2001:db8::1", "2620:fe::1")]
    found = break_sound(*real).only("W328")
    assert found.text.startswith("203.0.113.31 of gcp/asia-east1/a (and 3 more of gcp/asia-east1)")


@pytest.mark.parametrize(
    ("data", "cut"),
    [
        ("v=DKIM1; k=rsa; p=abc", True),
        ("v=DKIM1 ; k=rsa ; p=abc", True),
        ('"v=DKIM1"; k=rsa', True),
        ("( v=DKIM1; k=rsa\n      p=abc )", True),
        ("v=DMARC1;p=none", True),
        ('"v=DKIM1; k=rsa; p=abc"', False),
        ('"v=DKIM1; k=rsa" ; since May', False),
        ('( "v=spf1 " ; the first part\n      "-all" ) ; p=2', False),
        ("hello ; a greeting", False),
        ("v=DKIM1\\; k=rsa", False),
        ("hello", False),
    ],
)
def test_text_that_a_semicolon_cuts_off_is_told(
    break_sound: Callable, data: str, cut: bool
) -> None:
    found = break_sound(("mail A 192.0.2.25", f"mail A 192.0.2.25\n    t TXT {data}"))
    assert found.codes == (["W355"] if cut else [])
    assert all("put the text in quotes" in problem.hint for problem in found.problems)


def test_a_target_that_lacks_its_final_dot_is_told_so(break_sound: Callable) -> None:
    for name, hint in (("mx.example.net", "mx.example.net."), ("mx", '"mx."')):
        found = break_sound(("mail A 192.0.2.25", f"@ MX 10 {name}"))
        assert hint in found.only("W322").hint
        assert "dot" in found.only("W322").hint


@pytest.mark.parametrize(
    ("record", "hint"),
    [
        ("@ MX mail", "MX needs a preference: 10 mail"),
        ("@ SRV www", "SRV needs priority, weight and port: 0 10 443 www"),
        ("@ MX 10 a..b", ""),
    ],
)
def test_data_that_lacks_its_numbers_is_told_what_to_write(
    break_sound: Callable, record: str, hint: str
) -> None:
    assert break_sound(("mail A 192.0.2.25", record)).only("E255").hint == hint


def test_most_records_outside_the_zone_accuse_the_zone_once(break_sound: Callable) -> None:
    wrong = ("zone: example.com", "zone: example.org")
    two = (WWW, "  api.example.com: {rules: [{to: aws/us-east-1}]}\n" + WWW)
    found = [p for p in break_sound(wrong, two).problems if p.severity is Severity.ERROR]
    assert [(p.where.line, p.code) for p in found] == [(3, "E204")]
    assert found[0].hint == "did you mean zone: example.com?"
    alone = (" www.example.com:", " www.example.net:")
    found = break_sound(alone)
    assert found.only("E204").text.startswith("www.example.net is not in the zone")
    assert found.line(found.problems[0]) == "www.example.net:"
    half = break_sound(two, alone)  # as many are inside
    assert half.line(half.only("E204")) == "www.example.net:"


def test_names_without_the_zone_are_told_one_by_one(break_sound: Callable) -> None:
    more = "  api: {rules: [{to: aws/us-east-1}]}\n  www:\n    rules:\n"
    found = break_sound((WWW, more))
    assert [p.hint for p in found.problems] == [
        "did you mean api.example.com?",
        "did you mean www.example.com?",
    ]


def test_a_last_resort_that_is_refused_lacks_no_family(break_sound: Callable) -> None:
    found = break_sound(("ttl: 30", 'ttl: 30, last_resort: {CNAME: "http://sorry.example.net"}'))
    assert found.only("E204").text.startswith("http://sorry.example.net")
