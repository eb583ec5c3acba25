"""Bodies of rendered records, read back by another implementation."""

from __future__ import annotations

from ipaddress import ip_address

import dns.rdata
import dns.rdataclass
import pytest
from hypothesis import given
from hypothesis import strategies as st

from gslb.policy.plan import Https
from gslb.steering.reading import message_of
from gslb.steering.records import BodyWriter, address_body, cname_body, https_body, https_rdata
from gslb.wire.names import to_wire
from tests.steering.lab import APEX

WWW = to_wire("www.example.com")
ADDRESSES = {1: 4, 28: 16}


@pytest.mark.parametrize("rtype", ADDRESSES)
def test_addresses_are_records_of_one_length_that_may_be_turned(rtype):
    octets = [bytes([n]) * ADDRESSES[rtype] for n in (1, 2, 3)]
    body = address_body(rtype, 30, octets)
    assert len(body.octets) == body.answer * body.stride
    (rrset,) = message_of(body, WWW, APEX, rtype).answer
    assert (rrset.name.to_text(), rrset.ttl, rrset.rdtype) == ("www.example.com.", 30, rtype)
    assert {rdata.address for rdata in rrset} == {str(ip_address(one)) for one in octets}
    assert address_body(rtype, 30, octets, rotate=False).stride == 0


def test_a_cname_in_the_zone_is_shortened_to_the_apex_of_the_question():
    body = cname_body(APEX, 30, to_wire("Sorry.Example.COM"))
    assert body.octets.endswith(b"\x05Sorry\0\0")
    (rrset,) = message_of(body, to_wire("www.EXAMPLE.com"), APEX, 1).answer
    assert rrset[0].target.to_text() == "Sorry.EXAMPLE.com."


def test_a_cname_elsewhere_is_written_out():
    body = cname_body(APEX, 30, to_wire("sorry.example.net"))
    assert body.fixups == ()
    (rrset,) = message_of(body, WWW, APEX, 1).answer
    assert rrset[0].target.to_text() == "sorry.example.net."


def test_the_apex_itself_is_a_pointer_alone():
    writer = BodyWriter(APEX)
    writer.name(APEX)
    assert (bytes(writer.octets), writer.fixups) == (b"\0\0", [0])


def test_a_name_that_only_ends_like_the_apex_is_not_in_the_zone():
    writer = BodyWriter(APEX)
    writer.name(to_wire("www.badexample.com"))
    assert (bytes(writer.octets), writer.fixups) == (to_wire("www.badexample.com"), [])


@pytest.mark.parametrize(
    ("rtype", "text"),
    [
        ("NS", "ns1.example.com."),
        ("MX", "10 mail.example.com."),
        ("PTR", "host.example.com."),
        ("SOA", "ns1.example.com. hostmaster.example.net. 1 2 3 4 5"),
    ],
)
def test_names_in_old_types_are_shortened(rtype, text):
    rdata = dns.rdata.from_text("IN", rtype, text)
    writer = BodyWriter(APEX)
    writer.record(None, rdata.rdtype, 60, rdata.to_wire())
    body = writer.body(answer=1)
    assert body.fixups
    (rrset,) = message_of(body, WWW, APEX, rdata.rdtype).answer
    assert rrset[0].to_text() == text


@pytest.mark.parametrize(
    ("rtype", "text"),
    [
        ("SRV", "0 5 443 www.example.com."),
        ("HTTPS", '1 svc.example.com. alpn="h2"'),
        ("DNAME", "www.example.com."),
        ("NAPTR", '1 1 "u" "x" "!a!b!" www.example.com.'),
        ("TXT", '"www.example.com"'),
    ],
)
def test_names_in_newer_types_never_are(rtype, text):
    """RFC 3597 §4, RFC 2782, RFC 9460 §2.2."""
    rdata = dns.rdata.from_text("IN", rtype, text)
    writer = BodyWriter(APEX)
    writer.record(None, rdata.rdtype, 60, rdata.to_wire())
    body = writer.body(answer=1)
    assert body.fixups == ()
    assert body.octets.endswith(rdata.to_wire())


@given(
    st.integers(1, 65535),
    st.lists(st.sampled_from(("h2", "h3", "http/1.1")), unique=True, max_size=3),
    st.one_of(st.none(), st.integers(1, 65535)),
    st.booleans(),
    st.lists(st.binary(min_size=4, max_size=4), max_size=4),
    st.lists(st.binary(min_size=16, max_size=16), max_size=4),
)
def test_https_is_read_as_it_was_meant(priority, alpn, port, hints, a, aaaa):
    rdata = https_rdata(Https(priority, tuple(alpn), port, hints), a, aaaa)
    read = dns.rdata.from_wire(dns.rdataclass.IN, 65, rdata, 0, len(rdata))
    assert (read.priority, read.target.to_text()) == (priority, ".")
    assert list(read.params) == sorted(read.params)
    assert read.to_wire() == rdata
    present = {int(key) for key in read.params}
    wanted = {1: alpn, 3: port, 4: hints and a, 6: hints and aaaa}
    assert present == {key for key, value in wanted.items() if value}
    if hints and a:
        assert list(read.params[4].addresses) == [str(ip_address(one)) for one in a]
    if alpn:
        assert [protocol.decode() for protocol in read.params[1].ids] == alpn


def test_an_https_answer_is_for_the_name_asked_for():
    body = https_body(30, Https(1, ("h2",), None, True), [bytes(4)], [])
    (rrset,) = message_of(body, WWW, APEX, 65).answer
    assert rrset.to_text() == 'www.example.com. 30 IN HTTPS 1 . alpn="h2" ipv4hint="0.0.0.0"'
