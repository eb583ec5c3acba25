"""The OPT record: options read and refused, options written; dnspython as a second opinion."""

from __future__ import annotations

import struct

import dns.edns
import dns.message
import dns.rdata
import dns.rdataclass
import dns.rdatatype
import pytest
from hypothesis import given
from hypothesis import strategies as st

from gslb.wire import edns
from gslb.wire.constants import FORMERR


def option(code: int, data: bytes = b"") -> bytes:
    return struct.pack("!HH", code, len(data)) + data


def record(options: bytes = b"", flags: int = 0) -> bytes:
    return edns.write_opt(1232, flags, 0, options)


def read(*options: bytes) -> edns.Edns:
    return edns.read_opt(record(b"".join(options)))


def test_an_opt_without_options_is_plain() -> None:
    assert read() == edns.Edns(1232, 0)


def test_unknown_options_are_ignored_and_leave_it_plain() -> None:
    assert read(option(65001, b"x" * 20), option(11), option(12, b"\0" * 8), option(18)).plain


def test_all_options_at_once() -> None:
    found = read(
        option(3), option(8, b"\0\1\x18\0\xcb\0\x71"), option(10, b"c" * 8), option(19)
    )  # fmt: skip
    assert found.subnet == edns.ClientSubnet(1, 24, 0xCB007100, b"\0\1\x18\0\xcb\0\x71")
    assert found.cookie == b"c" * 8
    assert found.nsid
    assert found.zone_version
    assert not found.plain


def test_a_payload_in_a_request_for_nsid_or_zone_version_is_ignored() -> None:
    assert read(option(3, b"hello"), option(19, b"\1\0\0\0\0\1")).nsid


@pytest.mark.parametrize("length", range(45))
def test_cookie_lengths(length: int) -> None:
    good = length == 8 or 16 <= length <= 40
    assert (read(option(10, b"c" * length)).error == 0) is good


def test_the_first_cookie_counts_and_the_second_is_not_judged() -> None:
    found = read(option(10, b"a" * 8), option(10, b"b"))
    assert (found.error, found.cookie) == (0, b"a" * 8)


@pytest.mark.parametrize(
    ("data", "source", "address"),
    [
        ("00010000", 0, 0),
        ("00011800c00002", 24, 0xC0000200),
        ("00011900c0000280", 25, 0xC0000280),
        ("00012000c0000201", 32, 0xC0000201),
        ("00020000", 0, 0),
        ("0002300020010db80001", 48, 0x20010DB8_0001 << 80),
        ("0002800020010db8000000000000000000000001", 128, 0x20010DB8 << 96 | 1),
    ],
)
def test_a_client_subnet(data: str, source: int, address: int) -> None:
    found = read(option(8, bytes.fromhex(data))).subnet
    assert found is not None
    assert (found.source, found.address) == (source, address)


@pytest.mark.parametrize(
    "data",
    [
        "",
        "000118",
        "00011801c00002",  # scope in a query
        "00012100c000020100",  # more than 32 bits
        "0002810020010db800000000000000000000000100",
        "00011800c000",  # too few octets
        "00011800c0000200",  # too many
        "00011700c00003",  # a bit behind the source prefix
        "00010000c0",
        "000008000a",  # families that do not exist
        "00000000",
        "00030000",
        "ffff0000",
    ],
)
def test_a_malformed_client_subnet_is_formerr(data: str) -> None:
    assert read(option(8, bytes.fromhex(data))).error == FORMERR


def test_a_family_that_does_not_exist_is_told_so_that_it_can_be_counted() -> None:
    found = read(option(8, b"\0\0\0\0"))
    assert found.subnet is not None
    assert found.subnet.family == 0


def test_two_client_subnets_are_formerr() -> None:
    one = option(8, b"\0\1\0\0")
    assert read(one, one).error == FORMERR


@given(st.binary(max_size=60))
def test_any_options_are_read_or_refused_and_never_raise(options: bytes) -> None:
    found = edns.read_opt(record(options))
    assert found.error in {0, FORMERR}


@given(st.integers(0, 32), st.integers(0, 2**32 - 1))
def test_subnets_as_dnspython_writes_them(source: int, address: int) -> None:
    address &= ~((1 << (32 - source)) - 1)
    theirs = dns.edns.ECSOption(".".join(map(str, address.to_bytes(4, "big"))), source)
    ours = read(option(8, theirs.to_wire())).subnet
    assert ours is not None
    assert (ours.family, ours.source, ours.address) == (1, source, address)


@given(st.integers(0, 128), st.integers(0, 2**128 - 1), st.integers(0, 128))
def test_the_subnet_comes_back_bit_for_bit_with_its_scope(
    source: int, address: int, scope: int
) -> None:
    address &= ~((1 << (128 - source)) - 1)
    data = struct.pack("!HBB", 2, source, 0) + address.to_bytes(16, "big")[: (source + 7) // 8]
    found = read(option(8, data)).subnet
    assert found is not None
    written = edns.subnet_option(found, scope)
    assert written == option(8, data[:3] + bytes((scope,)) + data[4:])


def test_written_options_are_what_dnspython_reads() -> None:
    subnet = read(option(8, b"\0\1\x18\0\xcb\0\x71")).subnet
    assert subnet is not None
    octets = edns.write_opt(
        1232,
        0x8000,
        16,
        edns.subnet_option(subnet, 22)
        + edns.cookie_option(b"c" * 24)
        + edns.nsid_option(b"fra1")
        + edns.error_option(20)
        + edns.keepalive_option(10.0)
        + edns.zone_version_option(2, 2024010101),
    )
    wire = struct.pack("!HHHHHH", 1, 0x8000, 0, 0, 0, 1) + octets
    parsed = dns.message.from_wire(wire)
    found = {int(part.otype): part for part in parsed.options}
    assert (parsed.edns, parsed.payload, parsed.ednsflags & 0x8000) == (0, 1232, 0x8000)
    assert parsed.rcode() == 16
    assert found[8] == dns.edns.ECSOption("203.0.113.0", 24, 22)
    assert found[10].to_wire() == b"c" * 24
    assert found[3].to_wire() == b"fra1"
    assert found[15].to_wire() == b"\0\x14"
    assert found[11].to_wire() == (100).to_bytes(2, "big")
    assert found[19].to_wire() == b"\2\0" + (2024010101).to_bytes(4, "big")


@pytest.mark.parametrize(("seconds", "tenths"), [(0, 0), (0.25, 2), (10, 100), (9999, 65535)])
def test_keepalive_counts_tenths_and_is_bounded(seconds: float, tenths: int) -> None:
    assert edns.keepalive_option(seconds)[4:] == tenths.to_bytes(2, "big")


def test_long_records_are_not_kept() -> None:
    """Otherwise 4096 records of 64 KiB could be held by whoever sends them."""
    before = edns._read_cached.cache_info().currsize
    assert edns.read_opt(record(option(65001, b"x" * 5000))).plain
    assert edns._read_cached.cache_info().currsize == before
