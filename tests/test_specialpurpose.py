"""What addresses are set aside for, held against what Python's own registry says of them."""

from __future__ import annotations

from ipaddress import IPv4Address, IPv6Address, ip_address

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gslb.specialpurpose import CARRIER, EXAMPLES, INSIDE, NOT_UNICAST, purpose_of


@pytest.mark.parametrize(
    ("text", "purpose"),
    [
        ("127.255.255.255", "loopback"),
        ("128.0.0.0", ""),
        ("172.15.255.255", ""),
        ("172.16.0.0", "private"),
        ("100.127.255.255", "behind carriers' NAT"),
        ("100.128.0.0", ""),
        ("255.255.255.255", "not unicast"),
        ("fdff::", "private"),
        ("febf::1", "link-local"),
        ("2001:db9::", ""),
        ("3fff:fff::", "for documentation"),
        ("198.19.255.255", "for benchmarks"),
    ],
)
def test_the_ends_of_networks(text: str, purpose: str) -> None:
    assert purpose_of(ip_address(text)) == purpose


@given(st.integers(0, 2**32 - 1).map(IPv4Address) | st.integers(0, 2**128 - 1).map(IPv6Address))
def test_what_is_set_aside_is_not_global(address: IPv4Address | IPv6Address) -> None:
    """Python knows more purposes, but none of ours as an address of the internet."""
    purpose = purpose_of(address)
    if purpose in INSIDE:
        assert not address.is_global
        assert address.is_private or purpose == CARRIER
    if purpose in EXAMPLES and not str(address).startswith("3fff:"):  # newer than some Pythons
        assert not address.is_global
    if address.is_multicast or address.is_unspecified:
        assert purpose == NOT_UNICAST
