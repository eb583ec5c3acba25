"""RFC 1034 and 1035: header, names, answers, referrals, truncation."""

from __future__ import annotations

import struct

import dns.flags
import dns.message
import dns.rcode
import pytest

from gslb.dataplane.counters import Event
from gslb.dataplane.settings import Transport
from tests.dataplane.counted import event

QUESTION = b"\6static\7example\3com\0\0\1\0\1"


def texts(rrsets) -> set[str]:
    return {str(item) for rrset in rrsets for item in rrset}


def header(flags: int = 0x0100, counts=(1, 0, 0, 0)) -> bytes:
    return struct.pack("!HHHHHH", 0x1234, flags, *counts)


def test_addresses_of_a_name(world) -> None:
    response = world.ask("static.example.com")
    assert response.rcode() == dns.rcode.NOERROR
    assert response.flags & dns.flags.AA
    assert texts(response.answer) == {"192.0.2.10", "192.0.2.11", "192.0.2.12"}
    assert not response.authority


def test_the_same_answer_by_tcp(world) -> None:
    """T1: the transports differ in their limits and nothing else."""
    for name, rtype in (("static", "A"), ("www", "A"), ("nowhere", "A"), ("sub", "NS")):
        udp = world.ask(f"{name}.example.com", rtype)
        tcp = world.ask(f"{name}.example.com", rtype, transport=Transport.TCP)
        for section in ("question", "answer", "authority", "additional"):
            assert getattr(udp, section) == getattr(tcp, section)


@pytest.mark.parametrize(
    ("rtype", "text"),
    [
        ("SOA", "ns1.example.com. hostmaster.example.com. 2026010101 7200 3600 1209600 60"),
        ("NS", "ns1.example.com."),
        ("MX", "10 mail.example.com."),
        ("TXT", '"v=spf1 -all"'),
    ],
)
def test_the_apex_has_its_records(world, rtype: str, text: str) -> None:
    assert text in texts(world.ask("example.com", rtype).answer)


@pytest.mark.parametrize("rtype", ["A", "AAAA", "TXT", "MX", "TYPE65280"])
def test_a_cname_answers_every_type_and_is_not_chased(world, rtype: str) -> None:
    response = world.ask("alias.example.com", rtype)
    assert texts(response.answer) == {"static.example.com."}
    assert len(response.answer) == 1
    assert response.flags & dns.flags.AA


def test_rd_is_copied_and_recursion_never_offered(world) -> None:
    """H4."""
    for rd in (0, dns.flags.RD):
        response = dns.message.from_wire(world.send(header(rd) + QUESTION))
        assert response.flags & dns.flags.RD == rd
        assert not response.flags & dns.flags.RA


def test_ad_cd_and_z_in_a_query_change_nothing(world) -> None:
    plain = world.send(header(0) + QUESTION)
    for flags in (0x20, 0x10, 0x40, 0x70, 0x80, 0x400, 0x200):
        response = world.send(header(flags) + QUESTION)
        assert response[2:4] == plain[2:4] == b"\x84\0"


def test_a_referral_has_name_servers_and_their_glue_and_no_authority(world) -> None:
    """D12, RFC 1034 §4.3.2 step 3b."""
    for name in ("sub", "a.sub", "a.b.c.sub", "ns.sub"):
        response = world.ask(f"{name}.example.com")
        assert response.rcode() == 0
        assert not response.flags & dns.flags.AA
        assert not response.answer
        assert response.authority[0].name.to_text() == "sub.example.com."
        assert texts(response.authority) == {"ns.sub.example.com.", "ns.example.net."}
        assert texts(response.additional) == {"192.0.2.40", "2001:db8::40"}


def test_the_owner_of_every_answer_is_a_pointer_to_the_question(world) -> None:
    """H5, H8: so the case of the question is the owner's."""
    octets = header() + b"\6sTaTiC\7ExAmPlE\3CoM\0\0\1\0\1"
    response = world.send(octets)
    assert response[12 : len(octets)] == octets[12:]
    assert response[len(octets) : len(octets) + 2] == b"\xc0\x0c"


def test_addresses_come_in_every_turn(world) -> None:
    """D16, RFC 1794: and the set is always whole."""
    firsts = {str(world.ask("static.example.com").answer[0][0]) for _ in range(60)}
    assert firsts == {"192.0.2.10", "192.0.2.11", "192.0.2.12"}


def test_what_does_not_fit_512_octets_is_truncated_and_whole_by_tcp(world) -> None:
    """E1, Z1: forty addresses, no EDNS."""
    response = world.ask("many.example.com", edns=-1)
    assert response.flags & dns.flags.TC
    assert (len(response.answer), len(response.authority), response.edns) == (0, 0, -1)
    whole = world.ask("many.example.com", edns=-1, transport=Transport.TCP)
    assert not whole.flags & dns.flags.TC
    assert len(whole.answer[0]) == 40


@pytest.mark.parametrize(
    "question",
    [b"\xc0\x0c\0\1\0\1", b"\x41a\0\0\1\0\1", b"\x81a\0\0\1\0\1", b"\3abc", b""],
)
def test_an_unreadable_question_gets_twelve_octets(world, question: bytes) -> None:
    """T12."""
    response = world.send(header() + question)
    assert response == b"\x12\x34\x81\1" + bytes(8)


@pytest.mark.parametrize("counts", [(1, 1, 0, 0), (1, 0, 1, 0), (1, 0, 0, 3)])
def test_stuffed_queries_are_refused_unread(world, counts) -> None:
    """H7."""
    response = dns.message.from_wire(world.send(header(counts=counts) + QUESTION))
    assert response.rcode() == dns.rcode.FORMERR
    assert not response.answer


@pytest.mark.parametrize("octets", [b"", b"\x12\x34", header()[:11]])
def test_less_than_a_header_gets_silence(world, octets: bytes) -> None:
    """T11."""
    assert world.send(octets) is None


def test_a_response_gets_silence(world) -> None:
    """T11: otherwise two servers could be made to talk for ever."""
    for flags in (0x8000, 0x8180, 0xFFFF, 0xA800):
        assert world.send(header(flags) + QUESTION) is None


def test_a_reply_of_ours_is_never_answered_by_us(world) -> None:
    for name in ("static.example.com", "nowhere.example.com", "example.org"):
        query = dns.message.make_query(name, "A").to_wire()
        assert world.send(world.send(query)) is None


@pytest.mark.parametrize("port", [0, 7, 13, 19, 37])
def test_ports_that_answer_anything_get_silence(world, port: int) -> None:
    """T11."""
    assert world.send(header() + QUESTION, port=port) is None
    assert world.send(header() + QUESTION, port=port + 1) is not None


@pytest.mark.parametrize("rtype", ["AXFR", "IXFR"])
@pytest.mark.parametrize("transport", Transport)
def test_transfers_are_refused(world, rtype: str, transport: Transport) -> None:
    """A1."""
    code = 252 if rtype == "AXFR" else 251
    octets = header() + b"\7example\3com\0" + struct.pack("!HH", code, 1)
    response = dns.message.from_wire(world.send(octets, transport=transport))
    assert response.rcode() == dns.rcode.REFUSED
    assert not response.flags & dns.flags.AA


def test_octets_behind_the_query_are_ignored_and_counted(world) -> None:
    """H11."""
    octets = header() + QUESTION
    assert dns.message.from_wire(world.send(octets + b"junk")).answer
    assert event(world.responder.countings.udp, Event.TRAILING) == 1
