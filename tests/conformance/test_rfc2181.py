"""RFC 2181: one TTL for an RRset, truncation of whole sets."""

from __future__ import annotations

import dns.flags
import dns.message
import pytest


def test_all_records_of_a_set_have_one_ttl(world) -> None:
    """§5.2."""
    query = dns.message.make_query("static.example.com", "A").to_wire()
    response = dns.message.from_wire(world.send(query), one_rr_per_rrset=True)
    assert {rrset.ttl for rrset in response.answer} == {300}
    assert len(response.answer) == 3


@pytest.mark.parametrize("payload", range(512, 1300, 41))
def test_a_set_comes_whole_or_not_at_all(world, payload: int) -> None:
    """§9: with TC set nothing is there that could be taken for the set."""
    response = world.ask("big.example.com", "TXT", payload=payload)
    truncated = bool(response.flags & dns.flags.TC)
    assert len(response.answer) == (0 if truncated else 1)
    if not truncated:
        assert len(response.answer[0]) == 3
    assert truncated == (payload < 12 + 25 + 11 + 3 * (12 + 202))
