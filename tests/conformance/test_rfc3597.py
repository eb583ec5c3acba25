"""RFC 3597: unknown types pass through, octet for octet; RFC 9460: HTTPS the same way."""

from __future__ import annotations

import dns.rdatatype
import pytest


def test_an_unknown_type_is_served(world) -> None:
    """D15."""
    response = world.ask("unknown.example.com", 65280)
    assert response.answer[0][0].to_wire() == bytes.fromhex("0a000001")


def test_an_unknown_type_that_is_not_there_is_nodata(world) -> None:
    response = world.ask("unknown.example.com", 65281)
    assert (response.rcode(), response.answer) == (0, [])
    assert response.authority


@pytest.mark.parametrize(
    ("name", "rtype", "text"),
    [
        ("svc", "HTTPS", '1 . alpn="h2,h3" ipv4hint="192.0.2.10"'),
        ("srv", "SRV", "1 2 443 static.example.com."),
        ("nullmx", "MX", "0 ."),
    ],
)
def test_names_in_rdata_are_whole_and_nothing_is_added(world, name, rtype, text) -> None:
    """D11, S13, H8: no compression in SRV and HTTPS, no additional records for their targets."""
    response = world.ask(f"{name}.example.com", rtype)
    assert str(response.answer[0][0]) == text
    assert not response.additional
    assert response.answer[0].rdtype == dns.rdatatype.from_text(rtype)
