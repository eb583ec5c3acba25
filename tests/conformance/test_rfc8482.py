"""RFC 8482: ANY gets one RRset; more would only serve reflection."""

from __future__ import annotations

import dns.flags
import dns.rcode
import pytest

from gslb.dataplane.settings import Transport


@pytest.mark.parametrize("transport", Transport)
@pytest.mark.parametrize(
    "name", ["example.com", "static.example.com", "www.example.com", "a.wild.example.com"]
)
def test_any_gets_exactly_one_rrset(world, name: str, transport: Transport) -> None:
    """C2: §4.1, over TCP as well (§4.4)."""
    response = world.ask(name, "ANY", transport=transport)
    assert response.rcode() == dns.rcode.NOERROR
    assert response.flags & dns.flags.AA
    assert len(response.answer) == 1


def test_any_at_an_alias_is_the_alias(world) -> None:
    assert [r.rdtype for r in world.ask("alias.example.com", "ANY").answer] == [5]


@pytest.mark.parametrize(
    ("name", "rcode"),
    [("nowhere.example.com", dns.rcode.NXDOMAIN), ("ent.example.com", dns.rcode.NOERROR)],
)
def test_any_at_nothing_is_an_ordinary_negative_answer(world, name: str, rcode) -> None:
    response = world.ask(name, "ANY")
    assert (response.rcode(), response.answer) == (rcode, [])
    assert response.authority[0].rdtype == 6


def test_any_below_a_cut_is_a_referral(world) -> None:
    response = world.ask("a.sub.example.com", "ANY")
    assert not response.flags & dns.flags.AA
    assert response.authority[0].rdtype == 2
