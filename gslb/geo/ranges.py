"""Address ranges with a value each, as arrays: collected, cleaned, merged.

IPv6 is kept as the upper 64 bits, floored: no network is routed in smaller pieces.
"""

from __future__ import annotations

from array import array
from collections.abc import Hashable, Iterator
from dataclasses import dataclass
from typing import Generic, TypeVar

import numpy as np
import numpy.typing as npt

Values = npt.NDArray[np.uint32]
Starts4 = npt.NDArray[np.uint32]
Starts6 = npt.NDArray[np.uint64]
_CHUNK = 1 << 16  # ranges turned into Python's numbers at a time
V = TypeVar("V", bound=Hashable)


@dataclass(frozen=True, slots=True, eq=False)
class Layer(Generic[V]):
    """What one kind of source says of every address.

    `values4[i]` is an index into `values` and holds from `starts4[i]` up to the next start.
    Index 0 is what is said of addresses that no range covers.
    """

    starts4: Starts4
    values4: Values
    starts6: Starts6
    values6: Values
    values: tuple[V, ...]


class _Columns:
    """Ranges as arrays: a city database has millions, and tuples of them take a gigabyte."""

    def __init__(self) -> None:
        self.firsts, self.lasts, self.values = array("Q"), array("Q"), array("L")

    def append(self, first: int, last: int, value: int) -> None:
        self.firsts.append(first)
        self.lasts.append(last)
        self.values.append(value)

    def in_order(self) -> Iterator[tuple[int, int, int]]:
        """Yield first, last, value by ascending first; of the same first, the longest first."""
        firsts, lasts = np.array(self.firsts, np.uint64), np.array(self.lasts, np.uint64)
        values = np.array(self.values, np.uint32)
        order = np.lexsort((~lasts, firsts))
        for at in range(0, len(order), _CHUNK):
            chunk = order[at : at + _CHUNK]
            yield from zip(
                firsts[chunk].tolist(), lasts[chunk].tolist(), values[chunk].tolist(), strict=True
            )


class RangeCollector(Generic[V]):
    """Takes ranges one by one, of any number of files, and makes a `Layer` of them.

    Ranges may come in any order and may overlap, which those of published databases do: of two that
    hold an address, the one with the later start has it, and of the same start the shorter.
    """

    def __init__(self, nothing: V) -> None:
        self._values: dict[V, int] = {nothing: 0}
        self._four = _Columns()
        self._six = _Columns()

    def add4(self, first: int, last: int, value: V) -> None:
        """Add the IPv4 addresses from *first* to *last*."""
        self._four.append(first, last, self._index(value))

    def add6(self, first: int, last: int, value: V) -> None:
        """Add the IPv6 addresses (128 bits) from *first* to *last*."""
        self._six.append(first >> 64, last >> 64, self._index(value))

    def _index(self, value: V) -> int:
        return self._values.setdefault(value, len(self._values))

    def __len__(self) -> int:
        return len(self._four.firsts) + len(self._six.firsts)

    def layer(self) -> Layer[V]:
        """Return what was collected, sorted, with gaps filled and equal neighbours merged."""
        starts4, values4 = _flatten(self._four, (1 << 32) - 1)
        starts6, values6 = _flatten(self._six, (1 << 64) - 1)
        return Layer(starts4.astype(np.uint32), values4, starts6, values6, tuple(self._values))


def _flatten(ranges: _Columns, top: int) -> tuple[Starts6, Values]:
    """Return starts and values that cover everything from 0 to *top*, each address once.

    One walk in the order of the starts; `open_` holds the ranges around the place reached, the one
    that has it on top, and at the bottom nothing known, which never ends.
    """
    starts, values = array("Q", [0]), array("Q", [0])
    open_ = [(top, 0)]

    def begin(start: int, value: int) -> None:
        if starts[-1] == start:
            values[-1] = value
        elif values[-1] != value:
            starts.append(start)
            values.append(value)

    def close_before(start: int) -> None:
        while open_[-1][0] < start:
            ended, _ = open_.pop()
            while open_[-1][0] <= ended:
                open_.pop()
            begin(ended + 1, open_[-1][1])

    for first, last, value in ranges.in_order():
        close_before(first)
        begin(first, value)
        open_.append((last, value))
    close_before(top)
    flat_starts, flat_values = np.array(starts, np.uint64), np.array(values, np.uint32)
    kept = merge_equal(flat_values)
    return flat_starts[kept], flat_values[kept]


def merge_equal(values: npt.NDArray[np.generic]) -> npt.NDArray[np.bool_]:
    """Return which of neighbouring ranges to keep so that no two neighbours are equal."""
    kept: npt.NDArray[np.bool_] = np.append(True, values[1:] != values[:-1])
    return kept


def resample(
    starts: npt.NDArray[np.generic], values: Values, at: npt.NDArray[np.generic]
) -> Values:
    """Return the value that holds at each of the addresses *at* (same type as *starts*)."""
    found: Values = values[np.searchsorted(starts, at, side="right") - 1]
    return found
