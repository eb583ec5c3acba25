"""RFC 6891: EDNS(0); RFC 9715: no fragments."""

from __future__ import annotations

import struct

import dns.edns
import dns.flags
import dns.message
import dns.rcode
import pytest

from gslb.dataplane.settings import Transport

NAME = b"\6static\7example\3com\0"


def query(
    options: bytes = b"", version: int = 0, flags: int = 0, qtype: int = 1, size: int = 1232
) -> bytes:
    head = b"\x12\x34\1\0\0\1\0\0\0\0\0\1"
    opt = struct.pack("!BHHBBHH", 0, 41, size, 0, version, flags, len(options)) + options
    return head + NAME + struct.pack("!HH", qtype, 1) + opt


def read(octets: bytes | None) -> dns.message.Message:
    assert octets is not None
    return dns.message.from_wire(octets)


def test_no_opt_in_no_opt_out(world) -> None:
    """E1: §6.1.1."""
    for name in ("static.example.com", "nowhere.example.com", "example.org"):
        assert world.ask(name, edns=-1).edns == -1


@pytest.mark.parametrize("name", ["static.example.com", "nowhere.example.com", "example.org"])
@pytest.mark.parametrize("do", [0, dns.flags.DO])
def test_opt_in_opt_out_on_errors_too(world, name: str, do: int) -> None:
    """E2: version 0, our size, DO copied."""
    response = world.ask(name, ednsflags=do)
    assert (response.edns, response.payload, response.ednsflags & 0xFFFF) == (0, 1232, do)


def test_unknown_flags_are_cleared_and_unknown_options_not_echoed(world) -> None:
    """E4, E13: §6.1.2, §6.1.4; RFC 9824's CO bit too."""
    for flags in (0x4000, 0x2000, 0x7FFF):
        assert read(world.send(query(flags=flags))).ednsflags == 0
    assert read(world.send(query(flags=0xFFFF))).ednsflags == 0x8000
    response = world.ask(
        "static.example.com", options=[dns.edns.GenericOption(c, b"x") for c in (5, 20, 65001)]
    )
    assert response.options == ()
    assert response.answer


@pytest.mark.parametrize("version", [1, 2, 255])
@pytest.mark.parametrize("flags", [0, 0x8000, 0x4321])
@pytest.mark.parametrize("options", [b"", b"\xfd\xe9\0\2ab", b"\0\x0a\0\x08cccccccc"])
def test_a_later_version_is_badvers_and_empty(
    world, version: int, flags: int, options: bytes
) -> None:
    """E3: §6.1.3; RFC 8906 §8.2.2, 8.2.5, 8.2.6, 8.2.9 are these."""
    response = read(world.send(query(options, version, flags)))
    assert response.rcode() == dns.rcode.BADVERS
    assert (response.edns, response.answer, response.authority) == (0, [], [])
    assert response.options == ()


@pytest.mark.parametrize("kind", ["two", "owner", "option", "rdlength"])
def test_a_malformed_opt_is_formerr_with_a_bare_opt(world, kind: str) -> None:
    """E5."""
    good = query()
    opt = good[-11:]
    octets = {
        "two": good[:11] + b"\2" + good[12:] + opt,
        "owner": good[:-11] + b"\1x" + opt,
        "option": query(b"\0\3\0\x09x"),
        "rdlength": good[:-1] + b"\x20",
    }[kind]
    response = read(world.send(octets))
    assert response.rcode() == dns.rcode.FORMERR
    assert (response.edns, response.options, response.answer) == (0, (), [])


@pytest.mark.parametrize("size", [0, 100, 511, 512])
def test_a_size_below_512_counts_as_512(world, size: int) -> None:
    """E6: §6.2.5. Twenty-six addresses and an OPT take 458 octets, forty take 682."""
    assert world.ask("static.example.com", payload=size).answer
    assert world.ask("many.example.com", payload=size).flags & dns.flags.TC


@pytest.mark.parametrize("size", [1233, 4096, 65535])
def test_a_size_above_ours_counts_as_ours(world, size: int) -> None:
    """E6, T10."""
    response = world.ask("huge.example.com", "TXT", payload=size)
    assert response.flags & dns.flags.TC
    whole = world.ask("huge.example.com", "TXT", transport=Transport.TCP)
    assert len(whole.answer[0]) == 7


def test_room_for_opt_is_kept_first(world) -> None:
    """E7: to the octet."""
    plain = query()[:-11]
    full = plain[:10] + b"\0\0" + plain[12:]
    many = b"\4many" + full[12 + 7 :]
    length = len(world.send(full[:12] + many, transport=Transport.TCP))
    opt = struct.pack("!BHHIH", 0, 41, length + 11, 0, 0)
    with_opt = full[:11] + b"\1" + many + opt
    assert not read(world.send(with_opt)).flags & dns.flags.TC
    less = full[:11] + b"\1" + many + struct.pack("!BHHIH", 0, 41, length + 10, 0, 0)
    response = read(world.send(less))
    assert response.flags & dns.flags.TC
    assert response.edns == 0


def test_no_udp_response_is_longer_than_1232_octets(world) -> None:
    for name, rtype in (("huge", "TXT"), ("big", "TXT"), ("many", "A"), ("www", "A")):
        octets = dns.message.make_query(
            f"{name}.example.com", rtype, use_edns=0, payload=65535,
            options=[dns.edns.GenericOption(10, b"c" * 8), dns.edns.GenericOption(3, b"")],
        ).to_wire()  # fmt: skip
        assert len(world.send(octets)) <= 1232
