"""RFC 8914: extended errors, to those who sent OPT."""

from __future__ import annotations

import dns.message
import dns.name
import dns.rcode
import dns.rdataclass
import dns.rdatatype
import dns.rrset
import pytest

from gslb.dataplane.responder import Responder
from gslb.dataplane.settings import ResponderSettings, Source, Transport


def codes(message) -> list[int]:
    return [int.from_bytes(o.to_wire()[:2], "big") for o in message.options if int(o.otype) == 15]


@pytest.mark.parametrize(
    ("name", "rtype", "rcode", "code"),
    [
        ("example.org", "A", dns.rcode.REFUSED, 20),
        ("example.com", "AXFR", dns.rcode.REFUSED, 18),
        ("example.com", "OPT", dns.rcode.FORMERR, 30),
        ("example.com", 128, dns.rcode.FORMERR, 30),
        ("example.com", "TKEY", dns.rcode.NOTIMP, 21),
        ("example.com", "TSIG", dns.rcode.NOTIMP, 21),
        ("example.com", "MAILA", dns.rcode.NOTIMP, 21),
        ("example.com", "MAILB", dns.rcode.NOTIMP, 21),
        ("refusing.example.com", "A", dns.rcode.REFUSED, 0),
    ],
)
def test_each_refusal_says_why(world, name: str, rtype, rcode, code: int) -> None:
    """E10: without text."""
    query = dns.message.Message(id=7)
    query.flags = 0
    query.question = [
        dns.rrset.RRset(
            dns.name.from_text(name), dns.rdataclass.IN, dns.rdatatype.RdataType.make(rtype)
        )
    ]
    query.use_edns(0)
    response = dns.message.from_wire(world.send(query.to_wire()))
    assert (response.rcode(), codes(response)) == (rcode, [code])
    (option,) = response.options
    assert len(option.to_wire()) == 2
    query.use_edns(-1)
    silent = dns.message.from_wire(world.send(query.to_wire()))
    assert (silent.rcode(), silent.edns) == (rcode, -1)


def test_good_answers_have_none(world) -> None:
    for name in ("static.example.com", "nowhere.example.com", "sub.example.com"):
        assert codes(world.ask(name)) == []


def test_an_unknown_opcode_is_not_supported(world) -> None:
    octets = bytearray(dns.message.make_query("example.com", "A", use_edns=0).to_wire())
    octets[2] |= 0x38
    assert codes(dns.message.from_wire(world.send(bytes(octets)))) == [21]


def test_without_a_table_everything_is_servfail_not_ready() -> None:
    """C4: never REFUSED, which would send resolvers away for good."""
    responder = Responder(None, ResponderSettings(), lambda: 0, lambda: 0.0)
    for name in ("example.com", "example.org", "."):
        for rtype in ("A", "SOA", "ANY"):
            query = dns.message.make_query(name, rtype, use_edns=0)
            octets = responder.respond(query.to_wire(), Source(1, 1), 4242, Transport.UDP)
            assert octets is not None
            response = dns.message.from_wire(octets)
            assert (response.rcode(), codes(response)) == (dns.rcode.SERVFAIL, [14])
