"""Sets of prefixes and sorted ranges of addresses: the algebra that prefix maps are made with.

Addresses are unsigned integers; an IPv6 address is its upper 64 bits, as in the geo table. Ranges
are half-open up to the next start and cover the whole space, so the first start is 0.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_network
from typing import Any

import numpy as np
import numpy.typing as npt

Address = IPv4Address | IPv6Address
Network = IPv4Network | IPv6Network
Addresses = npt.NDArray[np.uint64]
BITS = {4: 32, 6: 64}  # of an address as we keep it, by family
ECS_CAP = {4: 24, 6: 56}  # finest client subnet that is told apart; RFC 7871, section 11.1


@dataclass(frozen=True, slots=True, eq=False)
class PrefixSet:
    """Addresses under some prefixes of one family, as disjoint closed ranges in order."""

    firsts: Addresses
    lasts: Addresses

    def holds(self, addresses: Addresses) -> npt.NDArray[np.bool_]:
        """Return which of *addresses* are in the set."""
        if not len(self.firsts):
            return np.zeros(len(addresses), np.bool_)
        at = np.searchsorted(self.firsts, addresses, "right")
        return (at > 0) & (addresses <= self.lasts[at - 1])

    def bounds(self, family: int) -> Addresses:
        """Return the addresses at which membership changes, ascending."""
        top = np.uint64((1 << BITS[family]) - 1)
        ends = self.lasts[self.lasts != top] + np.uint64(1)
        return np.unique(np.concatenate((self.firsts, ends)))


def within(starts: Addresses, sets: Iterable[PrefixSet]) -> npt.NDArray[np.intp]:
    """Return the positions of the ranges that lie in any of *sets*, at whose bounds they are cut."""
    depth = np.zeros(len(starts) + 1, np.int64)
    for one in sets:
        np.add.at(depth, np.searchsorted(starts, one.firsts), 1)
        np.add.at(depth, np.searchsorted(starts, one.lasts, "right"), -1)
    return np.flatnonzero(np.cumsum(depth[:-1]))


def parse_prefix(text: str) -> Network:
    """Return the prefix that *text* names; a bare address is a prefix of one address.

    Raises:
        ValueError: not a prefix, or bits set behind its length.
    """
    return ip_network(text.strip())


def as_number(address: Address) -> int:
    """Return *address* as ranges are keyed: 32 bits, or the upper 64 of IPv6."""
    return int(address) if address.version == 4 else int(address) >> 64


def span(network: Network) -> tuple[int, int]:
    """Return the first and last address of *network*; an IPv6 one longer than /64 as its /64."""
    return as_number(network[0]), as_number(network[-1])


def prefix_set(networks: Iterable[Network], family: int) -> PrefixSet:
    """Return the union of those *networks* that are of *family* (4 or 6)."""
    merged: list[list[int]] = []
    for first, last in sorted(span(n) for n in networks if n.version == family):
        if merged and first <= merged[-1][1] + 1:
            merged[-1][1] = max(merged[-1][1], last)
        else:
            merged.append([first, last])
    return PrefixSet(
        np.array([first for first, _ in merged], np.uint64),
        np.array([last for _, last in merged], np.uint64),
    )


def refine(
    starts: Addresses, values: npt.NDArray[Any], bounds: Addresses
) -> tuple[Addresses, npt.NDArray[Any]]:
    """Split ranges at *bounds* (ascending) too; each part keeps the value of its range."""
    at = np.searchsorted(starts, bounds)
    new = (at == len(starts)) | (starts[np.minimum(at, len(starts) - 1)] != bounds)
    at, bounds = at[new], bounds[new]
    return np.insert(starts, at, bounds), np.insert(values, at, values[at - 1])


def merge(starts: Addresses, values: npt.NDArray[Any]) -> tuple[Addresses, npt.NDArray[Any]]:
    """Join neighbouring ranges whose values are equal."""
    keep = np.ones(len(values), np.bool_)
    np.not_equal(values[1:], values[:-1], out=keep[1:])
    return starts[keep], values[keep]


def look_up(starts: npt.NDArray[Any], values: npt.NDArray[Any], number: int) -> int:
    """Return the value of the range that holds address *number*."""
    at = np.searchsorted(starts, starts.dtype.type(number), "right") - 1
    return int(values[at])
