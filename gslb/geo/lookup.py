"""Where one address is, in words that people read: for explanations and the command line."""

from __future__ import annotations

from dataclasses import dataclass
from ipaddress import (
    IPv4Address,
    IPv4Network,
    IPv6Address,
    IPv6Network,
    ip_address,
    summarize_address_range,
)

import numpy as np

from gslb.geo.table import GeoError, GeoTable

_LOW_64 = (1 << 64) - 1


@dataclass(frozen=True, slots=True)
class Location:
    """What the table knows of an address."""

    country: str  # "" unknown
    subdivision: str  # "" unknown, or not kept for this country
    asn: int  # origin AS, 0 unknown
    latitude: float | None  # degrees north; None with an unknown country
    longitude: float | None  # degrees east
    first: str  # the range that the table holds it in
    last: str
    prefix: str  # the largest prefix around the address inside that range
    pair: int  # index into the table's pairs

    @property
    def area(self) -> str:
        """The place as policies write it: "CN-GD", "FR", or "" for unknown."""
        return f"{self.country}-{self.subdivision}" if self.subdivision else self.country

    @property
    def precision(self) -> str:
        """How closely the place is known: "subdivision", "country" or "unknown"."""
        if self.subdivision:
            return "subdivision"
        return "country" if self.country else "unknown"


def locate(table: GeoTable, address: str | IPv4Address | IPv6Address) -> Location:
    """Return what *table* knows of *address*; IPv4 inside IPv6 (RFC 4291 2.5.5.2) is unwrapped.

    Raises:
        GeoError: *address* is a text that is no address.
    """
    try:
        parsed = ip_address(address)
    except ValueError as error:
        raise GeoError(str(error)) from None
    if isinstance(parsed, IPv6Address) and parsed.ipv4_mapped is not None:
        parsed = parsed.ipv4_mapped
    pair, first, last = _range_of(table, parsed)
    place = table.places[int(table.pair_place[pair])]
    return Location(
        country=place.country,
        subdivision=place.subdivision,
        asn=int(table.pair_asn[pair]),
        latitude=place.latitude if place.country else None,
        longitude=place.longitude if place.country else None,
        first=str(first),
        last=str(last),
        prefix=str(_prefix_around(parsed, first, last)),
        pair=pair,
    )


def _range_of(
    table: GeoTable, address: IPv4Address | IPv6Address
) -> tuple[int, IPv4Address | IPv6Address, IPv4Address | IPv6Address]:
    """Return the pair of the address, and the first and last address of its range."""
    number = int(address)
    if isinstance(address, IPv4Address):
        at = int(np.searchsorted(table.starts4, np.uint32(number), side="right"))
        end = int(table.starts4[at]) if at < len(table.starts4) else 1 << 32
        first = int(table.starts4[at - 1])
        return int(table.pairs4[at - 1]), IPv4Address(first), IPv4Address(end - 1)
    at = int(np.searchsorted(table.starts6, np.uint64(number >> 64), side="right"))
    end = int(table.starts6[at]) if at < len(table.starts6) else 1 << 64
    first = int(table.starts6[at - 1])
    last = IPv6Address((end - 1) << 64 | _LOW_64)
    return int(table.pairs6[at - 1]), IPv6Address(first << 64), last


def _prefix_around(
    address: IPv4Address | IPv6Address,
    first: IPv4Address | IPv6Address,
    last: IPv4Address | IPv6Address,
) -> IPv4Network | IPv6Network:
    """Return the widest prefix that holds the address and nothing outside first to last."""
    for network in summarize_address_range(first, last):
        if address in network:
            return network
    raise AssertionError("a range covers each of its addresses")
