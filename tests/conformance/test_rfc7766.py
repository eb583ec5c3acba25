"""RFC 7766 and 7828: TCP carries the same answers, and says how long it stays open."""

from __future__ import annotations

import dns.edns
import dns.flags
import pytest

from gslb.dataplane.settings import Transport


def keepalive(message) -> list[bytes]:
    return [option.to_wire() for option in message.options if int(option.otype) == 11]


@pytest.mark.parametrize("name", ["static.example.com", "nowhere.example.com", "example.org"])
def test_tcp_with_opt_is_told_ten_seconds(world, name: str) -> None:
    """T7: asked for or not, RFC 7828 §3.3.2."""
    for options in ([], [dns.edns.GenericOption(11, b"")]):
        response = world.ask(name, options=options, transport=Transport.TCP)
        assert keepalive(response) == [b"\0\x64"]


def test_tcp_without_opt_is_told_nothing(world) -> None:
    assert world.ask("static.example.com", edns=-1, transport=Transport.TCP).edns == -1


def test_udp_is_never_told_even_if_it_asks(world) -> None:
    response = world.ask("static.example.com", options=[dns.edns.GenericOption(11, b"")])
    assert keepalive(response) == []


def test_while_shutting_down_it_is_zero(world) -> None:
    """RFC 7828 §3.2: the client is asked to go."""
    world.responder.draining = True
    response = world.ask("static.example.com", transport=Transport.TCP)
    assert keepalive(response) == [b"\0\0"]


def test_what_udp_truncates_tcp_has_whole(world) -> None:
    assert world.ask("huge.example.com", "TXT").flags & dns.flags.TC
    response = world.ask("huge.example.com", "TXT", transport=Transport.TCP)
    assert not response.flags & dns.flags.TC
    assert len(response.answer[0]) == 7
