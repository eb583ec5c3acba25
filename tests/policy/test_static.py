"""Zone-file text and what becomes of it."""

from __future__ import annotations

from pathlib import Path

import dns.rdata
import dns.rdataclass
import dns.rdatatype
import pytest
from hypothesis import given
from hypothesis import strategies as st

from gslb.policy.plan import StaticRRset
from gslb.policy.problems import Problem, Severity, Where
from gslb.policy.static import NameServer, StaticData, build_static
from gslb.policy.zonetext import DEFAULT_TTL, read_records
from gslb.wire.names import to_wire

ZONE = Path("example.com.zone")
APEX = to_wire("example.com")
A, NS, CNAME, SOA, MX, TXT, AAAA, DS, HTTPS = 1, 2, 5, 6, 15, 16, 28, 43, 65
SERVER = NameServer(
    to_wire("ns1.example.com"), (bytes((192, 0, 2, 53)),), (), Where(Path("p.yaml"), 4, 5)
)


def place(line: int) -> Where:
    return Where(ZONE, line + 1, 1)


def build(text: str, *servers: NameServer) -> tuple[StaticData, list[Problem]]:
    records, problems = read_records(text, APEX, place)
    data, found = build_static(records, APEX, servers or (SERVER,), ns_ttl=86_400, glue_ttl=3600)
    return data, sorted(problems + found)


def said(problems: list[Problem]) -> list[tuple[int, str]]:
    return [(problem.where.line, problem.code) for problem in problems]


def name(text: str) -> bytes:
    return to_wire(f"{text}.example.com")


def test_records_of_any_type_are_served_as_written() -> None:
    data, problems = build(
        "@ MX 10 mail\n"
        "mail 60 IN A 192.0.2.25\n"
        "      IN 60 A 192.0.2.26\n"
        "svc HTTPS 1 . alpn=h2,h3 ipv4hint=192.0.2.1\n"
        "odd TYPE65280 \\# 4 0a000001\n"
        "a TYPE1 \\# 4 c0000201\n"
    )
    assert problems == []
    assert data.rrsets[APEX][1] == StaticRRset(MX, 3600, (b"\0\x0a" + name("mail"),))
    addresses = bytes((192, 0, 2, 25)), bytes((192, 0, 2, 26))
    assert data.rrsets[name("mail")] == (StaticRRset(A, 60, addresses),)
    assert data.find(name("odd"), 65_280) == StaticRRset(65_280, 3600, (b"\x0a\0\0\1",))
    assert data.find(name("a"), A) == StaticRRset(A, 3600, (bytes((192, 0, 2, 1)),))
    svc = data.find(name("svc"), HTTPS)
    assert svc is not None
    params = b"\0\1\0\6\2h2\2h3" + b"\0\4\0\4" + bytes((192, 0, 2, 1))
    assert svc.rdatas == (b"\0\1\0" + params,)


def test_ttl_and_origin_carry_on_as_in_zone_files() -> None:
    data, problems = build(
        "first A 192.0.2.1\n$TTL 1h30m\nsecond A 192.0.2.2\n$ORIGIN sub\nthird A 192.0.2.3\n"
        "fourth.example.com. A 192.0.2.4\n$ORIGIN other.example.com.\n@ A 192.0.2.5\n"
    )
    assert problems == []
    found = {owner: rrset.ttl for owner, (rrset, *_) in data.rrsets.items() if owner != APEX}
    found.pop(name("ns1"))
    assert found == {
        name("first"): DEFAULT_TTL,
        name("second"): 5400,
        name("third.sub"): 5400,
        name("fourth"): 5400,
        name("other"): 5400,
    }


def test_owners_are_lower_case_and_rdata_keeps_its_case() -> None:
    data, _ = build("MaiL CNAME Target.Example.NET.\n")
    assert data.find(name("mail"), CNAME) == StaticRRset(
        CNAME, 3600, (b"\6Target\7Example\3NET\0",)
    )


def test_parentheses_comments_and_quotes_span_and_hide_what_they_should() -> None:
    data, problems = build(
        'a TXT ( "one ; not a comment" ; a comment with "(\n'
        '        "two" )\n'
        "\n"
        "; whole-line comment (\n"
        'b TXT "a \\" ( b"\n'
        "c TXT plain ; (\n"
    )
    assert problems == []
    assert data.find(name("a"), TXT) == StaticRRset(TXT, 3600, (b"\x13one ; not a comment\3two",))
    assert data.find(name("b"), TXT) == StaticRRset(TXT, 3600, (b'\x07a " ( b',))
    assert data.find(name("c"), TXT) == StaticRRset(TXT, 3600, (b"\5plain",))


def test_names_in_other_scripts_become_a_labels() -> None:
    data, problems = build("bücher A 192.0.2.1\n")
    assert problems == []
    assert name("xn--bcher-kva") in data.rrsets


@pytest.mark.parametrize(
    ("text", "code", "fragment"),
    [
        ("a A 192.0.2.300", "E255", "a.example.com A: one IPv4 address is wanted"),
        ("a A 192.0.2.1 192.0.2.2", "E255", "one IPv4 address"),
        ("a AAAA 192.0.2.1", "E255", "one IPv6 address"),
        ("a MX mail", "E255", "a.example.com MX: expecting an integer"),
        ("a HTTPS 0 b alpn=h2", "E255", "parameters in AliasMode"),
        ('a TXT "abc', "E255", "a.example.com TXT"),
        ("a A", "E255", "one IPv4 address"),
        ("a AA 192.0.2.1", "E254", "unknown record type AA"),
        ("a ANY 192.0.2.1", "E254", "class ANY"),
        ("a CH TXT x", "E254", "only IN is served"),
        ("a AXFR x", "E254", "a type for questions"),
        ("a DNAME b", "E254", "DNAME is not served"),
        ("a RRSIG A 8 2 60 1 1 1 x. YQ==", "E254", "not signed here"),
        ("a 2147483648 A 192.0.2.1", "E251", "TTL 2147483648"),
        ("a " + "9" * 5000 + " A 192.0.2.1", "E251", "9999"),
        ("a 5x A 192.0.2.1", "E251", "5X is not a TTL"),
        ("a 60", "E251", "no record type"),
        ("a", "E251", "no record type"),
        ('"a" A 192.0.2.1', "E251", "begins with its owner name"),
        ("x" * 64 + " A 192.0.2.1", "E251", ""),
        ("a..b A 192.0.2.1", "E251", ""),
        ("a.example.org. A 192.0.2.1", "E253", "a.example.org is not in the zone example.com"),
        ("a A ( 192.0.2.1", "E251", 'a "(" is never closed'),
        ("a A 192.0.2.1 )", "E255", "one IPv4 address"),
        ("$INCLUDE other.zone", "E252", "$INCLUDE is not read"),
        ("$GENERATE 1-4 a$ A 192.0.2.$", "E252", "$GENERATE is not read"),
        ("$FOO 1", "E252", "unknown directive $FOO"),
        ("$TTL x", "E251", "x is not a TTL"),
        ("$TTL 60 60", "E251", ""),
        ("$ORIGIN a..", "E251", ""),
    ],
)
def test_a_mistake_is_reported_at_its_line(text: str, code: str, fragment: str) -> None:
    _, problems = build(f"ok A 192.0.2.1\n{text}\n")
    (problem,) = problems
    assert (problem.where, problem.code) == (place(1), code)
    assert fragment.lower() in problem.text.lower()
    assert problem.severity is Severity.ERROR


def test_every_mistake_is_reported_not_only_the_first() -> None:
    data, problems = build("a A x\nb FOO x\n$INCLUDE x\nok A 192.0.2.1\nc AAAA x\n")
    assert said(problems) == [(1, "E255"), (2, "E254"), (3, "E252"), (5, "E255")]
    assert name("ok") in data.rrsets


def test_a_record_needs_an_owner_of_its_own_or_one_before_it() -> None:
    assert said(build("  A 192.0.2.1\n")[1]) == [(1, "E251")]


def test_a_long_or_wild_mistake_is_quoted_in_part_and_tamely() -> None:
    _, problems = build("a " + "9" * 5000 + " A 192.0.2.1\na \x1b[2JX 192.0.2.1\n")
    assert all(len(p.text) < 200 and p.text.isprintable() for p in problems)
    assert len(problems) == 2


def test_a_bad_owner_does_not_lend_its_records_to_the_one_before() -> None:
    data, problems = build("good A 192.0.2.1\nbad..name A 192.0.2.2\n  A 192.0.2.3\n")
    assert said(problems) == [(2, "E251"), (3, "E251")]
    assert data.find(name("good"), A) == StaticRRset(A, 3600, (bytes((192, 0, 2, 1)),))


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("a CNAME b.example.net.\na TXT x", [(1, "E257")]),
        ("a CNAME b.example.net.\na CNAME c.example.net.", [(2, "E257")]),
        ("@ CNAME b.example.net.", [(1, "E258")]),
        ("*.a NS ns1", [(1, "E259")]),
        ("@ DS 1 8 2 " + "00" * 32, [(1, "E260")]),
        ("a DS 1 8 2 " + "00" * 32, [(1, "W354")]),
        ("a SOA b c 1 2 3 4 5", [(1, "E256")]),
        ("@ SOA b c 1 2 3 4 5\n@ SOA b d 1 2 3 4 5", [(2, "E256")]),
        ("a A 192.0.2.1\nA A 192.0.2.1", [(2, "W350")]),
        ("a MX 1 b\na MX 1 B", [(2, "W350")]),
        ("a 60 A 192.0.2.1\na 30 A 192.0.2.2", [(2, "W351")]),
        ("@ NS ns1\n@ NS old.example.net.", [(2, "W352")]),
        ("ns1 A 192.0.2.99", [(1, "E261")]),
        ("ns1 A 192.0.2.53", []),
        ("ns1 AAAA 2001:db8::53", []),
        ("ns1 CNAME b.example.net.", [(0, "E262")]),
        ("s NS ns.s\nns.s A 192.0.2.1\nwww.s A 192.0.2.2", [(3, "W353")]),
        ("s NS ns.s\nns.s A 192.0.2.1\nt.s NS ns.t.s", [(3, "W353")]),
        ("s NS ns.example.net.\ns MX 1 x.example.net.", [(2, "W353")]),
        ("s NS s\ns A 192.0.2.1\ns DS 1 8 2 " + "00" * 32, []),
    ],
)
def test_the_rules_of_zones_are_kept(text: str, expected: list[tuple[int, str]]) -> None:
    problems = [
        (p.where.line if p.where.path == ZONE else 0, p.code) for p in build(text + "\n")[1]
    ]
    assert problems == expected


def test_two_ttls_in_one_rrset_become_the_smaller() -> None:
    data, _ = build("a 60 A 192.0.2.1\na 30 A 192.0.2.2\na 90 A 192.0.2.3\n")
    rrset = data.find(name("a"), A)
    assert rrset is not None
    assert (rrset.ttl, len(rrset.rdatas)) == (30, 3)


def test_name_servers_and_their_addresses_come_from_the_dns_block() -> None:
    outside = NameServer(to_wire("ns.example.net"), (bytes((198, 51, 100, 1)),), (), SERVER.where)
    data, problems = build("@ NS ns1\n", SERVER, outside)
    assert problems == []
    assert data.rrsets[APEX] == (StaticRRset(NS, 86_400, (SERVER.name, outside.name)),)
    assert data.rrsets[SERVER.name] == (StaticRRset(A, 3600, SERVER.a),)
    assert outside.name not in data.rrsets


def test_a_name_server_in_the_zone_needs_an_address() -> None:
    bare = NameServer(name("ns2"), (), (), SERVER.where)
    _, problems = build("", SERVER, bare)
    assert [p.code for p in problems] == ["E262"]
    data, problems = build("ns2 A 192.0.2.54\n", SERVER, bare)
    assert problems == []
    assert data.find(bare.name, A) is not None


def test_what_a_delegation_hides_is_left_out_but_its_glue_is_kept() -> None:
    data, _ = build(
        "s NS ns.s\ns NS ns.example.net.\nns.s A 192.0.2.1\nwww.s A 192.0.2.2\nt.s NS ns.t.s\n"
    )
    assert data.cuts == {name("s")}
    assert set(data.rrsets) == {APEX, name("ns1"), name("s"), name("ns.s")}
    assert data.cut_above(name("a.b.s")) == name("s")
    assert data.cut_above(name("a")) is None


def test_an_soa_in_the_text_is_handed_over_not_served_as_a_record() -> None:
    data, problems = build("$TTL 900\n@ SOA NS1 Host.Master ( 7 ; serial\n 1 2 3 4 )\n")
    assert problems == []
    assert data.soa is not None
    soa = data.soa
    assert (soa.mname, soa.rname) == (name("ns1"), name("host.master"))
    assert (soa.serial, soa.refresh, soa.retry, soa.expire, soa.minimum) == (7, 1, 2, 3, 4)
    assert (soa.ttl, soa.where.line) == (900, 2)
    assert data.find(APEX, SOA) is None


@given(st.text(alphabet=st.sampled_from('a.@$();"\\ \t\n019ATXCNMEIO_-é\r\0'), max_size=80))
def test_no_text_at_all_makes_the_reader_fail(text: str) -> None:
    data, problems = build(text)
    lines = text.count("\n") + 1
    assert all(p.where.path != ZONE or 1 <= p.where.line <= lines for p in problems)
    assert all(isinstance(rrset.rdatas, tuple) for found in data.rrsets.values() for rrset in found)


labels = st.from_regex(r"[a-z0-9]([a-z0-9-]{0,8}[a-z0-9])?", fullmatch=True)
lines = st.one_of(
    st.tuples(labels, st.just("A"), st.ip_addresses(v=4).map(str)),
    st.tuples(labels, st.just("AAAA"), st.ip_addresses(v=6).map(str)),
    st.tuples(labels, st.just("MX"), st.tuples(st.integers(0, 65535), labels).map("{0[0]} {0[1]}".format)),
    st.tuples(labels, st.just("TXT"), st.text("abc ;()", max_size=20).map('"{}"'.format)),
    st.tuples(labels, st.just("TYPE65280"), st.binary(max_size=9).map(lambda b: f"\\# {len(b)} {b.hex()}")),
)  # fmt: skip


@given(st.lists(lines, max_size=12))
def test_what_is_written_is_what_is_served(records: list[tuple[str, str, str]]) -> None:
    data, problems = build("".join(f"{o} {t} {v}\n" for o, t, v in records if o != "ns1"))
    assert {p.code for p in problems} <= {"W350"}
    for owner, word, value in records:
        if owner == "ns1":
            continue
        rdata = dns.rdata.from_text(
            dns.rdataclass.IN, word, value, origin=dns.name.from_text("example.com"), relativize=False
        )  # fmt: skip
        rrset = data.find(name(owner), int(dns.rdatatype.from_text(word)))
        assert rrset is not None
        wire = rdata.to_wire()
        assert wire in rrset.rdatas
