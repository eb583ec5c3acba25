"""RFC 2308, 8020: NODATA and NXDOMAIN; RFC 4035 §3.1.4.1: DS at an apex."""

from __future__ import annotations

import dns.flags
import dns.rcode
import pytest

from gslb.answers.pack import pack


@pytest.mark.parametrize(
    ("name", "rtype", "rcode"),
    [
        ("nowhere.example.com", "A", dns.rcode.NXDOMAIN),
        ("a.nowhere.example.com", "A", dns.rcode.NXDOMAIN),
        ("static.example.com", "AAAA", dns.rcode.NOERROR),
        ("example.com", "A", dns.rcode.NOERROR),
        ("ent.example.com", "A", dns.rcode.NOERROR),
        ("b.ent.example.com", "A", dns.rcode.NOERROR),
        ("x.ent.example.com", "A", dns.rcode.NXDOMAIN),
        ("below.static.example.com", "A", dns.rcode.NXDOMAIN),
        ("www.example.com", "TXT", dns.rcode.NOERROR),
        ("wild.example.com", "A", dns.rcode.NOERROR),
        ("a.wild.example.com", "TXT", dns.rcode.NOERROR),
        ("example.com", "DS", dns.rcode.NOERROR),
        ("static.example.com", "RRSIG", dns.rcode.NOERROR),
        ("static.example.com", 65280, dns.rcode.NOERROR),
        ("nowhere.example.com", "ANY", dns.rcode.NXDOMAIN),
    ],
)
def test_negative_answers_have_the_soa_with_the_lesser_ttl(world, name, rtype, rcode) -> None:
    """D2: MINIMUM (60) is below the SOA's own TTL (3600)."""
    response = world.ask(name, rtype)
    assert response.rcode() == rcode
    assert response.flags & dns.flags.AA
    assert not response.answer
    assert not response.additional
    (soa,) = response.authority
    assert soa.name.to_text().lower() == "example.com."
    assert soa.ttl == 60
    assert str(soa[0]).lower().startswith("ns1.example.com. hostmaster.example.com. 2026010101")


def test_the_soa_s_name_keeps_the_case_of_the_question(world) -> None:
    response = world.ask("NoWhere.ExAmPlE.cOm")
    assert response.authority[0].name.to_text() == "ExAmPlE.cOm."


def test_nothing_exists_below_a_name_that_does_not(world) -> None:
    """RFC 8020 §2: NXDOMAIN is for the whole tree, so an ENT must never get it."""
    for name in ("a.b.ent", "b.ent", "ent"):
        assert world.ask(f"{name}.example.com", "MX").rcode() == dns.rcode.NOERROR


def test_ds_at_a_cut_is_ours(world) -> None:
    response = world.ask("sub.example.com", "DS")
    assert response.flags & dns.flags.AA
    assert response.answer[0].rdtype == 43


def test_ds_below_a_cut_is_a_referral(world) -> None:
    response = world.ask("a.sub.example.com", "DS")
    assert not response.flags & dns.flags.AA
    assert response.authority[0].name.to_text() == "sub.example.com."


def test_a_parent_and_its_child_in_one_server(make, builder) -> None:
    """The child answers for all of itself. It is not signed, so it has no DS, and says so (C5)."""
    build = builder()
    soa = "@ 60 SOA ns h 1 2 3 4 60\n@ 60 NS ns.example.net.\n"
    build.zone("example.org", soa + "child 60 NS ns.example.net.\nwww 60 A 192.0.2.2\n")
    build.zone("child.example.org", soa + "www 60 A 192.0.2.1\n")
    world = make(octets=bytes(pack(build.content(), 1, 1)))
    assert str(world.ask("www.child.example.org").answer[0][0]) == "192.0.2.1"
    assert str(world.ask("www.example.org").answer[0][0]) == "192.0.2.2"
    assert world.ask("child.example.org", "SOA").answer[0].name.to_text() == "child.example.org."
    ds = world.ask("child.example.org", "DS")
    assert (ds.rcode(), ds.answer) == (dns.rcode.NOERROR, [])
    assert ds.authority[0].name.to_text() == "child.example.org."
