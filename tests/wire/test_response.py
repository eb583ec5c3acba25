"""Responses as octets: counts, pointers to the apex, turns, truncation."""

from __future__ import annotations

import dns.flags
import dns.message
import pytest
from hypothesis import given
from hypothesis import strategies as st

from gslb.wire.constants import AA, QR, TC
from gslb.wire.edns import write_opt
from gslb.wire.response import EMPTY, make_sections, write_error, write_response

QUERY = b"\xab\xcd\1\0\0\1\0\0\0\0\0\0\3WWW\7example\3com\0\0\1\0\1"
END = len(QUERY)
APEX = 16
OPT = write_opt(1232, 0)


def address(number: int) -> bytes:
    return b"\xc0\x0c\0\1\0\1\0\0\0\x3c\0\4\xc0\0\2" + bytes((number,))


SOA = b"\0\0\0\6\0\1\0\0\0\x3c\0\x18\xc0\0\xc0\0" + b"\0\0\0\1" * 5
ADDRESSES = make_sections(b"".join(map(address, range(1, 5))), (4, 0, 0, 0), 0, (), 16)


def test_a_negative_response_points_to_the_apex_in_the_question() -> None:
    negative = make_sections(SOA, (0, 1, 0, 0), 0, (0, 12, 14), 0)
    wire = write_response(QUERY, END, QR | AA | 3, negative, APEX, 0, b"", 512)
    parsed = dns.message.from_wire(wire)
    assert parsed.id == 0xABCD
    assert wire[12:END] == QUERY[12:END]
    assert parsed.authority[0].name.to_text() == "example.com."
    assert parsed.authority[0][0].mname.to_text() == "example.com."


@pytest.mark.parametrize("turn", range(4))
def test_addresses_are_turned_and_none_is_lost(turn: int) -> None:
    wire = write_response(QUERY, END, QR | AA, ADDRESSES, APEX, turn, OPT, 1232)
    found = dns.message.from_wire(wire, one_rr_per_rrset=True).answer
    last = [int(str(rrset[0]).rsplit(".")[-1]) for rrset in found]
    assert last == [(turn + at) % 4 + 1 for at in range(4)]


def test_what_cannot_be_turned_is_not() -> None:
    fixed = ADDRESSES._replace(stride=0)
    one = write_response(QUERY, END, QR | AA, fixed, APEX, 3, OPT, 1232)
    assert one == write_response(QUERY, END, QR | AA, fixed, APEX, 0, OPT, 1232)


def test_too_long_is_empty_with_tc_and_keeps_question_and_opt() -> None:
    wire = write_response(QUERY, END, QR | AA, ADDRESSES, APEX, 0, OPT, END + 64 + 10)
    parsed = dns.message.from_wire(wire)
    assert parsed.flags & dns.flags.TC
    assert (
        wire
        == QUERY[:2] + (QR | AA | TC).to_bytes(2, "big") + b"\0\1\0\0\0\0\0\1" + QUERY[12:] + OPT
    )


def test_opt_is_counted_before_anything_is_dropped() -> None:
    """It fits to the octet; one octet less and it is truncated."""
    fits = END + 64 + len(OPT)
    assert not write_response(QUERY, END, QR, ADDRESSES, APEX, 0, OPT, fits)[2] & 2
    assert write_response(QUERY, END, QR, ADDRESSES, APEX, 0, OPT, fits - 1)[2] & 2


def test_optional_records_go_before_truncation() -> None:
    octets = address(1) + address(2)
    sections = make_sections(octets, (1, 0, 0, 1), 16, (), 0)
    whole = write_response(QUERY, END, QR, sections, APEX, 0, OPT, END + 32 + 11)
    assert len(dns.message.from_wire(whole).additional) == 1
    without = write_response(QUERY, END, QR, sections, APEX, 0, OPT, END + 32 + 10)
    parsed = dns.message.from_wire(without)
    assert (len(parsed.answer), len(parsed.additional)) == (1, 0)
    assert not parsed.flags & dns.flags.TC
    least = write_response(QUERY, END, QR, sections, APEX, 0, OPT, END + 16 + 10)
    assert dns.message.from_wire(least).flags & dns.flags.TC


def test_glue_that_must_fit_is_not_optional() -> None:
    sections = make_sections(address(1) + address(2), (0, 1, 1, 0), 0, (), 0)
    wire = write_response(QUERY, END, QR, sections, APEX, 0, b"", END + 31)
    assert dns.message.from_wire(wire).flags & dns.flags.TC


def test_errors_with_and_without_question() -> None:
    bare = write_error(QUERY, 12, QR | 1, b"")
    assert bare == QUERY[:2] + b"\x80\1" + b"\0" * 8
    echoed = dns.message.from_wire(write_error(QUERY, END, QR | 5, OPT))
    assert str(echoed.question[0].name) == "WWW.example.com."
    assert echoed.edns == 0


def test_an_empty_response() -> None:
    assert write_response(QUERY, END, QR, EMPTY, 12, 0, b"", 512) == write_error(
        QUERY, END, QR, b""
    )


@given(st.integers(0, 1400), st.integers(0, 40))
def test_no_response_is_longer_than_its_limit(limit: int, count: int) -> None:
    sections = make_sections(address(1) * count, (count, 0, 0, 0), 0, (), 16)
    wire = write_response(QUERY, END, QR, sections, APEX, 0, OPT, limit)
    assert len(wire) <= max(limit, END + len(OPT))
