"""RFC 5001: which server answered (NSID); RFC 4892: the same in class CHAOS."""

from __future__ import annotations

import dns.edns
import dns.flags
import dns.rcode
import pytest

from gslb.errors import GslbError


def nsids(message) -> list[bytes]:
    return [option.to_wire() for option in message.options if int(option.otype) == 3]


@pytest.mark.parametrize("payload", [b"", b"ignored"])
@pytest.mark.parametrize("name", ["static.example.com", "nowhere.example.com", "example.org"])
def test_who_asks_is_told(world, payload: bytes, name: str) -> None:
    """E8: §2.2; a payload in the query means nothing."""
    response = world.ask(name, options=[dns.edns.GenericOption(3, payload)])
    assert nsids(response) == [b"fra1"]


def test_who_does_not_ask_is_not_told(world) -> None:
    assert nsids(world.ask("static.example.com")) == []


def test_a_server_without_an_id_says_nothing(make) -> None:
    response = make(nsid=None).ask("static.example.com", options=[dns.edns.GenericOption(3, b"")])
    assert (nsids(response), response.edns) == ([], 0)


@pytest.mark.parametrize("nsid", [b"", b"x" * 17])
def test_an_id_has_one_to_sixteen_octets(make, nsid: bytes) -> None:
    with pytest.raises(GslbError, match="16"):
        make(nsid=nsid)


@pytest.mark.parametrize("name", ["id.server", "hostname.bind", "ID.Server"])
@pytest.mark.parametrize("rtype", ["TXT", "ANY"])
def test_chaos_tells_the_id_not_to_be_cached(world, name: str, rtype: str) -> None:
    """C1: RFC 4892."""
    response = world.ask(name, rtype, "CH")
    assert str(response.answer[0][0]) == '"fra1"'
    assert response.answer[0].ttl == 0
    assert response.flags & dns.flags.AA


@pytest.mark.parametrize("name", ["version.bind", "version.server"])
def test_the_version_is_told_only_if_set(make, name: str) -> None:
    assert make().ask(name, "TXT", "CH").rcode() == dns.rcode.REFUSED
    told = make(version=b"one").ask(name, "TXT", "CH")
    assert str(told.answer[0][0]) == '"one"'


@pytest.mark.parametrize(
    ("name", "rtype"),
    [
        ("id.server", "A"),
        ("authors.bind", "TXT"),
        (".", "TXT"),
        ("example.com", "TXT"),
        ("server", "ANY"),
    ],
)
def test_anything_else_in_chaos_is_refused(world, name: str, rtype: str) -> None:
    response = world.ask(name, rtype, "CH")
    assert (response.rcode(), response.answer) == (dns.rcode.REFUSED, [])


def test_chaos_names_are_nothing_in_class_in(world) -> None:
    assert world.ask("id.server", "TXT").rcode() == dns.rcode.REFUSED
