"""The zone's own data: answers with help, negatives, referrals, names that exist without records."""

from __future__ import annotations

from dataclasses import replace

import dns.rdata
import dns.rdatatype
import pytest

from gslb.policy.plan import StaticRRset
from gslb.steering.reading import message_of
from gslb.steering.static import below_cut, empty_non_terminals, render_static
from gslb.wire.names import to_text, to_wire
from tests.steering import lab


def rrset(rtype: str, *texts: str, ttl: int = 3600) -> StaticRRset:
    rdatas = tuple(dns.rdata.from_text("IN", rtype, text).to_wire() for text in texts)
    return StaticRRset(int(dns.rdatatype.from_text(rtype)), ttl, rdatas)


STATIC = {
    "example.com": [rrset("NS", "ns1.example.com.", "ns.example.net."), rrset("MX", "10 mail.example.com.", "0 .")],
    "ns1.example.com": [rrset("A", "192.0.2.53"), rrset("AAAA", "2001:db8::53")],
    "mail.example.com": [rrset("A", "192.0.2.25", "192.0.2.26")],
    "_sip._tcp.example.com": [rrset("SRV", "0 5 5060 mail.example.com.", "1 5 5060 www.example.com.", "2 0 0 .")],
    "svc.example.com": [rrset("HTTPS", "1 . alpn=h2"), rrset("A", "192.0.2.80")],
    "alias.example.com": [rrset("HTTPS", "0 svc.example.com.")],
    "null.example.com": [rrset("MX", "0 .")],
    "deep.a.b.example.com": [rrset("TXT", '"deep"')],
    "*.wild.example.com": [rrset("TXT", '"wild"')],
    "sub.example.com": [
        rrset("NS", "ns.sub.example.com.", "ns1.example.com.", "ns.other.example.com.", "ns.example.net."),
        rrset("DS", "1 8 2 " + "00" * 32),
    ],
    "ns.sub.example.com": [rrset("A", "192.0.2.54"), rrset("AAAA", "2001:db8::54")],
    "www.sub.example.com": [rrset("A", "192.0.2.55")],
    "other.example.com": [rrset("NS", "ns.other.example.com.")],
    "ns.other.example.com": [rrset("A", "192.0.2.56")],
}  # fmt: skip


@pytest.fixture(scope="module")
def zone():
    policy = lab.policy(lab.rule(lab.SITES[0]))
    cuts = ["sub.example.com", "other.example.com"]
    return lab.zone_plan([policy], lab.sites(lab.SITES[0]), static=STATIC, cuts=cuts)


@pytest.fixture(scope="module")
def rendered(zone):
    return render_static(zone, 2026112401)


def answer(rendered, owner: str, rtype: str, name: str | None = None):
    number = int(dns.rdatatype.from_text(rtype))
    body = rendered.answers[to_wire(owner)][number]
    return body, message_of(body, to_wire(name or owner), lab.APEX, number)


def section(rrsets) -> set[str]:
    return {f"{one.name} {dns.rdatatype.to_text(one.rdtype)} {r}" for one in rrsets for r in one}


def test_name_servers_come_with_the_addresses_that_we_hold(rendered):
    body, message = answer(rendered, "example.com", "NS")
    assert section(message.answer) == {
        "example.com. NS ns1.example.com.",
        "example.com. NS ns.example.net.",
    }
    assert section(message.additional) == {
        "ns1.example.com. A 192.0.2.53",
        "ns1.example.com. AAAA 2001:db8::53",
    }
    assert (body.additional, body.optional) == (0, 2)


def test_optional_octets_are_exactly_those_of_the_additional_section(rendered):
    body, message = answer(rendered, "example.com", "MX")
    assert body.optional == 2
    short = replace(
        body,
        octets=body.octets[: -body.optional_octets],
        optional=0,
        fixups=tuple(at for at in body.fixups if at < len(body.octets) - body.optional_octets),
    )
    assert message_of(short, lab.APEX, lab.APEX, 15).answer == message.answer


def test_a_null_target_has_no_address(rendered):
    body, _ = answer(rendered, "null.example.com", "MX")
    assert (body.answer, body.optional) == (1, 0)


def test_steered_targets_are_not_in_the_additional_section(rendered):
    _, message = answer(rendered, "_sip._tcp.example.com", "SRV")
    assert {one.name.to_text() for one in message.additional} == {"mail.example.com."}


def test_a_service_at_the_owner_itself_has_the_owners_addresses(rendered):
    """RFC 9460 §2.5.2 for ServiceMode, §4.1 for the additional section."""
    _, message = answer(rendered, "svc.example.com", "HTTPS")
    assert section(message.additional) == {"svc.example.com. A 192.0.2.80"}
    _, message = answer(rendered, "alias.example.com", "HTTPS")
    assert section(message.additional) == {"svc.example.com. A 192.0.2.80"}


def test_more_than_thirteen_names_are_not_followed(zone):
    many = [rrset("MX", *(f"{n} mail.example.com." for n in range(14)))]
    body = render_static(
        replace(zone, static={**zone.static, to_wire("many.example.com"): tuple(many)}), 1
    ).answers[to_wire("many.example.com")][15]
    assert (body.answer, body.optional) == (14, 0)


def test_soa_is_at_the_apex_with_the_serial_of_the_caller(rendered, zone):
    _, message = answer(rendered, "example.com", "SOA")
    assert message.answer[0][0].serial == rendered.serial == 2026112401
    assert message.answer[0].ttl == 3600
    own = render_static(replace(zone, soa=replace(zone.soa, serial=7)), 2026112401)
    assert own.serial == 7
    assert answer(own, "example.com", "SOA")[1].answer[0][0].serial == 7


def test_a_negative_answer_is_cached_for_the_smaller_of_two_times(rendered, zone):
    message = message_of(rendered.negative, to_wire("no.such.Example.com"), lab.APEX, 1)
    (soa,) = message.authority
    assert soa.name == dns.name.from_text("example.com.")
    assert (soa.ttl, soa[0].minimum) == (60, 60)
    other = render_static(replace(zone, soa=replace(zone.soa, ttl=20)), 1)
    assert message_of(other.negative, lab.APEX, lab.APEX, 1).authority[0].ttl == 20


def test_a_referral_has_glue_that_must_fit_and_glue_that_may_go(rendered):
    """RFC 9471: what is at or below the cut is needed, what is elsewhere in our zone helps."""
    body = rendered.cuts[to_wire("sub.example.com")]
    message = message_of(body, to_wire("a.b.sub.example.com"), lab.APEX, 1)
    assert {rdata.to_text() for rdata in message.authority[0]} == {
        "ns.sub.example.com.", "ns1.example.com.", "ns.other.example.com.", "ns.example.net.",
    }  # fmt: skip
    assert message.authority[0].name.to_text() == "sub.example.com."
    assert (body.answer, body.authority, body.additional, body.optional) == (0, 4, 2, 3)
    assert section(message.additional) == {
        "ns.sub.example.com. A 192.0.2.54",
        "ns.sub.example.com. AAAA 2001:db8::54",
        "ns1.example.com. A 192.0.2.53",
        "ns1.example.com. AAAA 2001:db8::53",
        "ns.other.example.com. A 192.0.2.56",
    }
    needed = {r.name.to_text() for r in message.additional[:2]}
    assert needed == {"ns.sub.example.com."}


def test_below_a_cut_nothing_is_ours_and_at_it_only_ds(rendered, zone):
    assert set(rendered.answers[to_wire("sub.example.com")]) == {43}
    assert to_wire("www.sub.example.com") not in rendered.answers
    assert below_cut(to_wire("www.sub.example.com"), zone)
    assert not below_cut(to_wire("sub.example.com"), zone)
    assert not below_cut(lab.APEX, zone)


def test_names_between_the_apex_and_an_owner_exist():
    owners = [to_wire(name) for name in ("a.b.c.example.com", "c.example.com", "x.b.c.example.com")]
    found = {to_text(name) for name in empty_non_terminals(owners, lab.APEX)}
    assert found == {"b.c.example.com."}


def test_addresses_of_static_names_may_be_turned(rendered):
    body, _ = answer(rendered, "mail.example.com", "A")
    assert (body.answer, body.stride) == (2, 16)


def test_a_wildcards_records_bear_the_name_asked_for(rendered):
    _, message = answer(rendered, "*.wild.example.com", "TXT", "any.wild.example.com")
    assert message.answer[0].to_text() == 'any.wild.example.com. 3600 IN TXT "wild"'
