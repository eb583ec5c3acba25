"""Where one address is."""

from collections.abc import Callable
from ipaddress import IPv4Address, IPv6Address, ip_address, ip_network

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gslb.geo.load import embedded_table
from gslb.geo.lookup import locate
from gslb.geo.table import GeoError, GeoTable

MakeTable = Callable[..., GeoTable]
A, B = int(ip_address("192.0.2.64")), int(ip_address("192.0.3.0"))
SIX = int(ip_address("2001:db8::")) >> 64


@pytest.fixture
def table(make_table: MakeTable) -> GeoTable:
    return make_table(
        {A: ("CN", "GD", 4134), B: ("", "", 0)},
        {SIX: ("FR", "", 64496), SIX + 3: ("", "", 0)},
    )


def test_location_has_place_origin_and_point(table: GeoTable) -> None:
    found = locate(table, "192.0.2.100")
    assert (found.country, found.subdivision, found.asn) == ("CN", "GD", 4134)
    assert (found.area, found.precision) == ("CN-GD", "subdivision")
    assert found.latitude == pytest.approx(22.9, abs=0.1)
    assert found.longitude == pytest.approx(113.75, abs=0.1)
    assert table.pair_asn[found.pair] == 4134


def test_location_has_the_range_and_the_largest_prefix_inside_it(table: GeoTable) -> None:
    low, high = locate(table, "192.0.2.100"), locate(table, "192.0.2.200")
    assert (low.first, low.last) == (high.first, high.last) == ("192.0.2.64", "192.0.2.255")
    assert (low.prefix, high.prefix) == ("192.0.2.64/26", "192.0.2.128/25")


def test_ipv6_ranges_are_whole_64_bit_networks(table: GeoTable) -> None:
    found = locate(table, "2001:db8:0:2::9")
    assert (found.country, found.asn, found.precision) == ("FR", 64496, "country")
    assert (found.first, found.last) == ("2001:db8::", "2001:db8:0:2:ffff:ffff:ffff:ffff")
    assert found.prefix == "2001:db8:0:2::/64"
    assert locate(table, "2001:db8:0:3::").precision == "unknown"


def test_unknown_place_has_no_point(table: GeoTable) -> None:
    found = locate(table, "203.0.113.1")
    assert (found.area, found.latitude, found.longitude, found.pair) == ("", None, None, 0)


def test_ipv4_inside_ipv6_is_looked_up_as_ipv4(table: GeoTable) -> None:
    assert locate(table, "::ffff:192.0.2.100") == locate(table, "192.0.2.100")


def test_what_is_no_address_is_an_error(table: GeoTable) -> None:
    with pytest.raises(GeoError, match="example"):
        locate(table, "example.com")


@pytest.fixture(scope="module")
def embedded() -> GeoTable:
    return embedded_table()


@given(st.ip_addresses().filter(lambda address: not getattr(address, "ipv4_mapped", None)))
def test_every_address_lies_in_its_prefix_and_the_prefix_in_its_range(
    embedded: GeoTable, address: IPv4Address | IPv6Address
) -> None:
    found = locate(embedded, address)
    prefix = ip_network(found.prefix)
    assert address in prefix
    assert int(ip_address(found.first)) <= int(prefix.network_address)
    assert int(prefix.broadcast_address) <= int(ip_address(found.last))
