"""RFC 8906 §8: what a server must answer so that nobody has to guess why it is silent."""

from __future__ import annotations

import struct

import dns.flags
import dns.message
import dns.rcode
import pytest

from gslb.dataplane.settings import Transport

APEX = b"\7example\3com\0"


def query(
    rtype: int = 6,
    flags: int = 0,
    opcode: int = 0,
    opt: tuple[int, int, bytes] | None = None,
    rclass: int = 1,
) -> bytes:
    head = struct.pack("!HHHHHH", 0x4242, opcode << 11 | flags, 1, 0, 0, opt is not None)
    octets = head + APEX + struct.pack("!HH", rtype, rclass)
    if opt is not None:
        version, bits, options = opt
        octets += struct.pack("!BHHBBHH", 0, 41, 1232, 0, version, bits, len(options)) + options
    return octets


@pytest.fixture(params=Transport)
def ask(world, request):
    def asked(octets: bytes) -> dns.message.Message:
        response = world.send(octets, transport=request.param)
        assert response is not None
        return dns.message.from_wire(response)

    return asked


def is_good(response: dns.message.Message) -> bool:
    """The SOA, with authority, and no flags that were not asked for."""
    assert response.rcode() == dns.rcode.NOERROR
    assert response.flags & 0xFFFF == dns.flags.QR | dns.flags.AA
    assert response.answer[0].rdtype == 6
    return True


def test_8_1_1_is_the_server_configured_for_the_zone(ask) -> None:
    assert is_good(ask(query()))


def test_8_1_2_unknown_types(ask) -> None:
    response = ask(query(1000))
    assert (response.rcode(), response.answer) == (dns.rcode.NOERROR, [])
    assert response.flags & dns.flags.AA


@pytest.mark.parametrize("flag", [dns.flags.CD, dns.flags.AD, 0x40, dns.flags.RA])
def test_8_1_3_1_to_4_header_bits(ask, flag: int) -> None:
    assert is_good(ask(query(flags=flag)))


def test_8_1_3_recursion_desired_is_copied(ask) -> None:
    response = ask(query(flags=dns.flags.RD))
    assert response.flags & 0xFFFF == dns.flags.QR | dns.flags.AA | dns.flags.RD


@pytest.mark.parametrize("opcode", [15, 14, 13, 12, 11, 10, 9, 8, 7, 6, 5, 4, 3, 2, 1])
def test_8_1_4_unknown_opcodes(world, opcode: int) -> None:
    """H3: header only, as the RFC's own test sends it, and with a question."""
    bare = struct.pack("!HHHHHH", 1, opcode << 11, 0, 0, 0, 0)
    assert world.send(bare) == struct.pack("!HHHHHH", 1, 0x8000 | opcode << 11 | 4, 0, 0, 0, 0)
    full = world.send(query(opcode=opcode))
    assert full[2:4] == struct.pack("!H", 0x8000 | opcode << 11 | 4)
    assert full[12:] == query()[12:]


def test_8_1_5_tcp(world) -> None:
    response = dns.message.from_wire(world.send(query(), transport=Transport.TCP))
    assert is_good(response)


def test_8_2_1_minimal_edns(ask) -> None:
    response = ask(query(opt=(0, 0, b"")))
    assert is_good(response)
    assert response.edns == 0


def test_8_2_2_edns_version_1(ask) -> None:
    response = ask(query(opt=(1, 0, b"")))
    assert (response.rcode(), response.edns, response.answer) == (dns.rcode.BADVERS, 0, [])


def test_8_2_3_unknown_options(ask) -> None:
    response = ask(query(opt=(0, 0, b"\0\x64\0\0")))
    assert is_good(response)
    assert all(int(option.otype) != 100 for option in response.options)


def test_8_2_4_unknown_flags(ask) -> None:
    response = ask(query(opt=(0, 0x40, b"")))
    assert is_good(response)
    assert response.ednsflags == 0


@pytest.mark.parametrize("flags", [0x40, 0x8000])
@pytest.mark.parametrize("options", [b"", b"\0\x64\0\0"])
def test_8_2_5_6_9_version_1_with_flags_and_options(ask, flags: int, options: bytes) -> None:
    response = ask(query(opt=(1, flags, options)))
    assert (response.rcode(), response.edns, response.answer) == (dns.rcode.BADVERS, 0, [])
    assert response.ednsflags & 0x7FFF == 0


def test_8_2_7_truncated_responses_have_opt(world) -> None:
    """Over UDP, with a size that DNSKEY answers often pass; ours is a long TXT RRset."""
    response = world.ask("huge.example.com", "TXT", payload=512)
    assert response.flags & dns.flags.TC
    assert response.edns == 0


def test_8_2_8_do(ask) -> None:
    response = ask(query(opt=(0, 0x8000, b"")))
    assert is_good(response)
    assert response.ednsflags & 0xFFFF == 0x8000


def test_8_2_10_multiple_options(ask) -> None:
    options = b"\0\3\0\0" + b"\0\x08\0\x04\0\1\0\0" + b"\0\x0a\0\x08abcdefgh" + b"\0\x09\0\0"
    response = ask(query(opt=(0, 0, options)))
    assert is_good(response)
    assert {3, 8, 10} <= {int(option.otype) for option in response.options}
    assert 9 not in {int(option.otype) for option in response.options}


@pytest.mark.parametrize("rclass", [0, 2, 4, 254, 255, 256, 65535])
def test_other_classes_are_refused_and_never_silent(ask, rclass: int) -> None:
    """§3, H10."""
    octets = query(rclass=rclass)
    response = ask(octets)
    assert response.rcode() == dns.rcode.REFUSED
    assert not response.flags & dns.flags.AA
    assert not response.answer


def test_names_outside_our_zones_are_refused_without_a_word_more(world) -> None:
    """C3: no upward referral."""
    for name, rtype in ((".", "NS"), ("com", "NS"), ("example.org", "A"), ("xexample.com", "A")):
        response = world.ask(name, rtype)
        assert response.rcode() == dns.rcode.REFUSED
        assert not response.flags & dns.flags.AA
        assert [response.answer, response.authority, response.additional] == [[], [], []]
