"""The empty table: what stands in when nothing can be loaded."""

from gslb.geo.lookup import locate
from gslb.geo.table import empty_table


def test_empty_table_knows_nothing_of_any_address() -> None:
    for address in ("0.0.0.0", "192.0.2.1", "255.255.255.255", "::", "2001:db8::1"):
        location = locate(empty_table(), address)
        assert (location.country, location.asn, location.pair) == ("", 0, 0)


def test_empty_table_covers_every_address_in_one_range() -> None:
    assert locate(empty_table(), "192.0.2.1").prefix == "0.0.0.0/0"
    assert locate(empty_table(), "2001:db8::1").prefix == "::/0"
