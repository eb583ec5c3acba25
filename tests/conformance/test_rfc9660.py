"""RFC 9660: the version of the zone that an answer is from."""

from __future__ import annotations

import dns.edns
import pytest


def versions(message) -> list[bytes]:
    return [option.to_wire() for option in message.options if int(option.otype) == 19]


def ask(world, name: str, payload: bytes = b"", **more):
    return world.ask(name, options=[dns.edns.GenericOption(19, payload)], **more)


@pytest.mark.parametrize("name", ["static", "www", "nowhere", "ent", "a.b.wild", "alias"])
def test_an_authoritative_answer_tells_labels_type_and_serial(world, name: str) -> None:
    """E9: §2; example.com has two labels."""
    expected = b"\2\0" + (2026010101).to_bytes(4, "big")
    assert versions(ask(world, f"{name}.example.com")) == [expected]
    assert versions(ask(world, "ns2.example.net")) == [b"\2\0\0\0\0\7"]


def test_it_is_never_told_unasked(world) -> None:
    assert versions(world.ask("static.example.com")) == []


@pytest.mark.parametrize("name", ["example.org", "a.sub.example.com", "refusing.example.com"])
def test_where_we_have_no_authority_there_is_none(world, name: str) -> None:
    """Refusals and referrals."""
    assert versions(ask(world, name)) == []


def test_a_payload_in_the_query_is_ignored(world) -> None:
    assert versions(ask(world, "static.example.com", b"\1\0\0\0\0\1"))[0][:2] == b"\2\0"
