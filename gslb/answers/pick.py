"""Choosing by weight or by client, defined so exactly that a compiled twin gives the same.

All draws are unsigned 32-bit numbers. A weighted choice among one is made without a draw.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import accumulate
from math import inf
from typing import Final

from gslb.answers.model import STICKY_SLOTS

FULL: Final = 2**32 - 1  # the last cumulative weight
_MASK64: Final = 2**64 - 1
_SLOT_SHIFT: Final = 64 - (STICKY_SLOTS - 1).bit_length()


def cumulate(weights: Sequence[float]) -> list[int]:
    """Return cumulative 32-bit weights: entry i is picked by draws above the one before, up to its own.

    Every entry gets at least one draw of 2³². Sums are plain and from the left, so that every
    machine computes the same. Raises ValueError when there are no weights, or one is not above 0 or
    not finite.
    """
    if not weights or not all(0 < weight < inf for weight in weights):
        raise ValueError(f"weights must be finite and above 0, not {list(weights)}")
    largest = max(weights)  # scaled by it, no sum is infinite
    sums = list(accumulate(weight / largest for weight in weights))
    spare = len(weights) - 1  # draws to be left for the entries behind
    ends = []
    end = -1
    for at, total in enumerate(sums):
        end = max(end + 1, round(total / sums[-1] * 2.0**32) - 1)
        end = min(end, FULL - spare + at)
        ends.append(end)
    return ends


def sticky_slot(key: int, stage: int) -> int:
    """Return the slot of the client prefix *key* at *stage* (0: site, 1: endpoints).

    The finaliser of SplitMix64 (Steele, Lea and Flood, OOPSLA 2014), whose upper bits are well
    mixed; the stages are told apart by its increment.
    """
    z = (key + (stage + 1) * 0x9E3779B97F4A7C15) & _MASK64
    z = ((z ^ (z >> 30)) * 0xBF58476D1CE4E5B9) & _MASK64
    z = ((z ^ (z >> 27)) * 0x94D049BB133111EB) & _MASK64
    return (z ^ (z >> 31)) >> _SLOT_SHIFT


def sticky_key(family: int, address: int, prefix: int) -> int:
    """Return the 64-bit key of a client: its first *prefix* bits (at most 64), and its family.

    *address* has 32 bits in family 1 and 128 in family 2. Keys of one prefix length all differ.
    """
    if family == 1:
        return (address >> (32 - prefix)) | (prefix << 40) | (1 << 48)
    return ((address >> (128 - prefix)) << (64 - prefix)) ^ (prefix | 1 << 7)


class Xorshift:
    """Uniform numbers for weighted picks: xorshift64* (Marsaglia 2003; Vigna, TOMS 42, 2016)."""

    __slots__ = ("_state",)

    def __init__(self, seed: int) -> None:
        """Start from any *seed*; only its low 64 bits count, and 0 is replaced."""
        self._state = seed & _MASK64 or 0x9E3779B97F4A7C15

    def next32(self) -> int:
        """Return the next number of 32 bits."""
        x = self._state
        x ^= x >> 12
        x ^= (x << 25) & _MASK64
        x ^= x >> 27
        self._state = x
        return ((x * 0x2545F4914F6CDD1D) & _MASK64) >> 32
