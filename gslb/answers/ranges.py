"""Prefix maps as they are read: the range of a client's address, and the ECS scope that follows.

A bucket index narrows the search: an address's first bits give the first and last range that it
may be in, so that the binary search over what is left takes a few steps however large the map.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Sequence
from typing import NamedTuple


class HalfView(NamedTuple):
    """One family's half of a prefix map."""

    starts: Sequence[int]
    classes: Sequence[int]
    buckets: Sequence[int]
    shift: int  # from an address to its bucket
    end: int  # the first number behind all addresses


class MapView(NamedTuple):
    """One prefix map. IPv6 addresses are their upper 64 bits."""

    four: HalfView
    six: HalfView

    @property
    def single(self) -> bool:
        """Whether all clients of a family are of one class."""
        return len(self.four.starts) == 1 and len(self.six.starts) == 1


def look_up(view: MapView, family: int, address: int) -> tuple[int, int, int]:
    """Return the class of *address*, its range's first number, and the first one behind that.

    Families are 1 (addresses of 32 bits) and 2 (128 bits, of which the upper 64 count).
    """
    if family == 1:
        starts, classes, buckets, shift, end = view.four
    else:
        starts, classes, buckets, shift, end = view.six
        address >>= 64
    bucket = address >> shift
    behind = bisect_right(starts, address, buckets[bucket], buckets[bucket + 1] + 1)
    at = behind - 1
    return classes[at], starts[at], starts[behind] if behind < len(starts) else end


def scope(family: int, address: int, low: int, high: int, cap: int) -> int:
    """Return the ECS scope for *address*: the shortest prefix, up to *cap*, whose clients are alike.

    The clients of the range [*low*, *high*) that are seen through a client subnet are those whose
    first *cap* bits begin inside it: so the bounds are rounded up to whole blocks of the cap. The
    scope is the largest block around *address* within them; such blocks of different clients never
    overlap, because aligned blocks are nested or apart and these are maximal (RFC 7871 section
    7.2.1). *address* is of the family's full width; the bounds are as `look_up` returns them; *cap*
    is at most 32 or 64.
    """
    width = 32
    if family != 1:
        width = 64
        address >>= 64
    step = 1 << (width - cap)
    address &= -step
    low = (low + step - 1) & -step
    high = (high + step - 1) & -step
    bits = 0
    if low > 0:
        bits = width + 1 - (address ^ (low - 1)).bit_length()
    if high < 1 << width:
        bits = max(bits, width + 1 - (address ^ high).bit_length())
    return min(bits, cap)
