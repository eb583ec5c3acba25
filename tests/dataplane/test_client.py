"""Client addresses: numbers, private blocks, what one client may hold."""

from __future__ import annotations

import ipaddress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gslb.dataplane import client
from gslb.dataplane.settings import Source

BLOCKS = [ipaddress.ip_network(block) for block in client._PRIVATE4 + client._PRIVATE6]


@pytest.mark.parametrize("block", BLOCKS, ids=str)
def test_a_private_block_is_told_by_its_length_and_bounds(
    block: ipaddress.IPv4Network | ipaddress.IPv6Network,
) -> None:
    family, shift = (1, 0) if block.version == 4 else (2, 64)
    bounds = (block.prefixlen, int(block[0]) >> shift, (int(block[-1]) >> shift) + 1)
    assert client.block_of(family, int(block[0])) == bounds
    assert client.block_of(family, int(block[-1])) == bounds


@pytest.mark.parametrize(("family", "width"), [(1, 32), (2, 128)])
@given(st.data())
def test_blocks_are_those_of_the_list_and_public_ranges_lie_between(
    family: int, width: int, data: st.DataObject
) -> None:
    number = data.draw(st.integers(0, 2**width - 1))
    length, low, high = client.block_of(family, number)
    kind = ipaddress.IPv4Address if family == 1 else ipaddress.IPv6Address
    address = kind(number)
    found = [b.prefixlen for b in BLOCKS if b.version == address.version and address in b]
    assert length == (found[0] if found else 0)
    upper = number if family == 1 else number >> 64
    assert low <= upper < high
    if not length:
        spare = 0 if family == 1 else 64
        edges = {int(b[0]) >> spare for b in BLOCKS} | {(int(b[-1]) >> spare) + 1 for b in BLOCKS}
        assert not any(low < edge < high for edge in edges if family == 1 or edge >= 2**32)


@pytest.mark.parametrize("public", ["192.0.2.1", "198.51.100.1", "203.0.113.1", "8.8.8.8"])
def test_documentation_addresses_count_as_public(public: str) -> None:
    assert client.block_of(1, int(ipaddress.IPv4Address(public)))[0] == 0


@pytest.mark.parametrize(
    ("host", "source"),
    [
        ("192.0.2.1", Source(1, 0xC0000201)),
        ("2001:db8::1", Source(2, 0x20010DB8 << 96 | 1)),
        ("fe80::1%eth0", Source(2, 0xFE80 << 112 | 1)),
        ("::ffff:192.0.2.1", Source(1, 0xC0000201)),
        ("::1", Source(2, 1)),
    ],
)
def test_addresses_as_sockets_write_them(host: str, source: Source) -> None:
    assert client.source_of(host) == source


def test_what_is_no_address_is_an_error() -> None:
    with pytest.raises(OSError, match=r".*"):
        client.source_of("example")


@given(st.integers(0, 2**128 - 1))
def test_octets_in_network_order(address: int) -> None:
    assert client.octets_of(Source(2, address)) == ipaddress.IPv6Address(address).packed
    assert client.octets_of(Source(1, address >> 96)) == ipaddress.IPv4Address(address >> 96).packed


def test_one_client_is_a_32_or_a_56() -> None:
    of = client.source_of
    assert client.client_prefix(of("192.0.2.1")) != client.client_prefix(of("192.0.2.2"))
    same = {client.client_prefix(of(h)) for h in ("2001:db8:0:1::1", "2001:db8:0:ff:1::")}
    assert len(same) == 1
    assert client.client_prefix(of("2001:db8:0:100::")) not in same
    assert client.client_prefix(of("::c000:201")) != client.client_prefix(of("192.0.2.1"))
