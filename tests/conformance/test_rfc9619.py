"""RFC 9619: a query has one question."""

from __future__ import annotations

import struct

import dns.message
import dns.rcode
import pytest

QUESTION = b"\6static\7example\3com\0\0\1\0\1"


@pytest.mark.parametrize("count", [2, 3, 256, 65535])
def test_more_are_malformed(world, count: int) -> None:
    """H1: §4."""
    octets = struct.pack("!HHHHHH", 7, 0, count, 0, 0, 0) + QUESTION * min(count, 3)
    response = dns.message.from_wire(world.send(octets))
    assert response.rcode() == dns.rcode.FORMERR
    assert (response.question, response.answer) == ([], [])


def test_none_is_malformed_without_a_cookie(world) -> None:
    """H2."""
    response = world.send(struct.pack("!HHHHHH", 7, 0, 0, 0, 0, 0))
    assert response == struct.pack("!HHHHHH", 7, 0x8001, 0, 0, 0, 0)
