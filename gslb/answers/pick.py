"""Choosing by weight or by client, defined so exactly that a compiled twin gives the same.

All draws are unsigned 32-bit numbers. A weighted choice among one is made without a draw.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

import numpy as np

from gslb.answers.model import STICKY_SLOTS

FULL: Final = 2**32 - 1  # the last cumulative weight
_MASK64: Final = 2**64 - 1
_SLOT_SHIFT: Final = 64 - (STICKY_SLOTS - 1).bit_length()


def cumulate(weights: Sequence[float]) -> list[int]:
    """Return cumulative 32-bit weights: entry i is picked by draws above the one before, up to its own.

    Every entry of a positive weight gets at least one draw of 2³². Raises ValueError when there are
    no weights, or one is not above 0 or not finite.
    """
    array = np.asarray(weights, dtype=np.float64)
    if array.size == 0 or not np.isfinite(array).all() or (array <= 0).any():
        raise ValueError(f"weights must be finite and above 0, not {list(weights)}")
    sums = np.cumsum(array / array.sum())
    ends = np.rint(sums * 2.0**32).astype(np.int64) - 1
    ends = np.maximum(ends, np.arange(array.size))
    ends = np.minimum(ends, FULL - np.arange(array.size - 1, -1, -1))
    ends = np.maximum.accumulate(ends)
    ends[-1] = FULL
    return [int(end) for end in ends]


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

    *address* has 32 bits in family 1 and 128 in family 2.
    """
    if family == 1:
        return (address >> (32 - prefix)) | (prefix << 40) | (1 << 48)
    return (address >> (128 - prefix)) << (64 - prefix) | prefix | (1 << 7)


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
