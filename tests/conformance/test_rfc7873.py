"""RFC 7873 and 9018: DNS cookies on the wire."""

from __future__ import annotations

import itertools

import dns.edns
import dns.message
import dns.rcode
import pytest

from gslb.dataplane.settings import Transport
from gslb.wire.cookies import CookieJar

CLIENT = b"\x24\x64\xc4\xab\xcf\x10\xc9\x57"
SECRET = bytes.fromhex("e5e973e5a6b2a43f48e7dc849e37bfcf")
OLD = bytes.fromhex("dd3bdf9344b678b185a6f5cb60fca715")


def cookies(message) -> list[bytes]:
    return [option.to_wire() for option in message.options if int(option.otype) == 10]


def ask(world, *sent: bytes, name: str = "static.example.com", **more):
    return world.ask(name, options=[dns.edns.GenericOption(10, c) for c in sent], **more)


def test_a_client_cookie_earns_a_server_cookie_and_a_full_answer(make) -> None:
    """K2, K4: and it is RFC 9018's A.1."""
    world = make(now=1559731985)
    response = ask(world, CLIENT, host="198.51.100.100")
    assert response.answer
    (cookie,) = cookies(response)
    assert cookie.hex() == "2464c4abcf10c957010000005cf79f111f8130c3eee29480"


def test_a_valid_cookie_comes_back_and_is_renewed_after_half_an_hour(make) -> None:
    """K3."""
    (cookie,) = cookies(ask(make(now=1000.0), CLIENT))
    assert cookies(ask(make(now=2800.9), cookie)) == [cookie]
    (renewed,) = cookies(ask(make(now=2801.0), cookie))
    assert renewed != cookie
    assert renewed[:8] == CLIENT


@pytest.mark.parametrize("transport", Transport)
@pytest.mark.parametrize("tail", [b"x" * 8, b"\1" + b"x" * 15, b"y" * 32])
def test_a_wrong_server_cookie_still_gets_the_answer_and_a_fresh_one(
    world, tail: bytes, transport: Transport
) -> None:
    """K4."""
    response = ask(world, CLIENT + tail, transport=transport)
    assert response.rcode() == dns.rcode.NOERROR
    assert response.answer
    (cookie,) = cookies(response)
    assert cookie[8:] != tail
    assert len(cookie) == 24


@pytest.mark.parametrize("length", [0, 7, 9, 15, 41, 60])
def test_other_lengths_are_formerr(world, length: int) -> None:
    """K1: RFC 7873 §5.2.2."""
    response = ask(world, b"c" * length)
    assert response.rcode() == dns.rcode.FORMERR
    assert cookies(response) == []


def test_the_first_of_two_counts(world) -> None:
    """K7."""
    (cookie,) = cookies(ask(world, CLIENT, b"zzzzzzzz"))
    assert cookie[:8] == CLIENT


def test_no_question_but_a_cookie_asks_for_a_fresh_one(make) -> None:
    """H2: RFC 7873 §5.4; NOERROR, empty, AA=0."""
    octets = b"\x12\x34\0\0\0\0\0\0\0\0\0\1\0\0\x29\x04\xd0\0\0\0\0\0\x0c\0\x0a\0\x08" + CLIENT
    response = make().send(octets)
    parsed = dns.message.from_wire(response)
    assert response[2:12] == b"\x80\0" + bytes(7) + b"\1"
    assert len(cookies(parsed)[0]) == 24
    without = make().send(octets[:-12][:-2] + b"\0\0")
    assert dns.message.from_wire(without).rcode() == dns.rcode.FORMERR
    off = make(cookie_secrets=()).send(octets)
    assert dns.message.from_wire(off).rcode() == dns.rcode.FORMERR


def test_errors_carry_a_cookie_too(world) -> None:
    for name in ("nowhere.example.com", "example.org"):
        assert len(cookies(ask(world, CLIENT, name=name))) == 1


def test_without_secrets_the_option_is_unknown(make) -> None:
    response = ask(make(cookie_secrets=()), CLIENT)
    assert response.answer
    assert cookies(response) == []


def test_no_cookie_is_replaced_too_early_during_a_rotation(make) -> None:
    """K5: phase by phase, on servers that are one phase apart."""
    phases = [(OLD,), (OLD, SECRET), (SECRET, OLD), (SECRET,)]
    for before, after in itertools.pairwise(phases):
        for issuing, verifying in ((before, after), (after, before)):
            (cookie,) = cookies(ask(make(cookie_secrets=issuing), CLIENT))
            address = bytes((198, 51, 100, 53))
            assert CookieJar(verifying).verify(cookie, address, 1_700_000_000)


def test_a_cookie_is_for_one_address(make) -> None:
    (cookie,) = cookies(ask(make(), CLIENT, host="192.0.2.1"))
    (other,) = cookies(ask(make(), cookie, host="192.0.2.2"))
    assert other != cookie
    (six,) = cookies(ask(make(), CLIENT, host="2001:db8::1"))
    assert cookies(ask(make(), six, host="2001:db8::1")) == [six]
