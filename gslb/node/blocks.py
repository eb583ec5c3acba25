"""Blocks of counters as whoever reads them has them: memory that outlives the worker that counts.

Without numpy, which nothing else in the supervisor needs: to load it takes 0.1 s of CPU and 20 MB.
"""

from __future__ import annotations

import mmap
import os
from array import array
from collections.abc import Sequence
from dataclasses import dataclass

from gslb.dataplane import counters
from gslb.dataplane.counters import Head
from gslb.dataplane.settings import Transport
from gslb.errors import GslbError
from gslb.node.totals import Totals

Words = Sequence[int]
LOOK = 4096  # octets that are compared at one time: most of a block has not changed
_ROUND = 1 << 64


@dataclass(slots=True, eq=False)
class Block:
    """One block, mapped read-only, and what was made of it so far."""

    descriptor: int
    worker: int | None  # None: of an earlier supervisor
    generation: int
    transport: Transport
    zones: int  # with rows of their own
    hash_bits: int
    totals: Totals
    _mapped: mmap.mmap
    _seen: bytes

    @classmethod
    def adopt(cls, descriptor: int, worker: int | None = None) -> Block:
        """Return the block behind *descriptor*, which is its own from now on. Raises GslbError."""
        try:
            mapped = mmap.mmap(descriptor, 0, access=mmap.ACCESS_READ)
        except (OSError, ValueError) as error:
            os.close(descriptor)
            raise GslbError(f"counters cannot be mapped: {error}") from None
        octets = mapped[:]
        words = _words(octets) if len(octets) % counters.WORD == 0 else ()
        if not _is_block(words):
            os.close(descriptor)
            raise GslbError("what should be a block of counters is none")
        return cls(
            descriptor=descriptor,
            worker=worker,
            generation=int(words[Head.GENERATION]),
            transport=counters.TRANSPORTS[int(words[Head.TRANSPORT])],
            zones=int(words[Head.ZONES]),
            hash_bits=int(words[Head.HASH_BITS]),
            totals=Totals(),
            _mapped=mapped,
            _seen=bytes(len(octets)),
        )

    @property
    def finished(self) -> bool:
        """Whether its writer has said that nothing more will be counted."""
        at = Head.FINISHED * counters.WORD
        return any(self._mapped[at : at + counters.WORD])

    def news(self) -> tuple[Words, Words]:
        """Return what was added to each word since the last call, and the words as they are."""
        octets, seen = self._mapped[:], self._seen
        added = array("Q", bytes(len(octets)))
        for start in range(0, len(octets), LOOK):
            here, before = octets[start : start + LOOK], seen[start : start + LOOK]
            if here != before:
                pairs = zip(_words(here), _words(before), strict=True)
                for at, (word, had) in enumerate(pairs, start // counters.WORD):
                    if word != had:
                        added[at] = (word - had) % _ROUND
        self._seen = octets
        return added, _words(octets)

    def close(self) -> None:
        """Let the memory go, as far as we hold it."""
        self._mapped.close()
        os.close(self.descriptor)


def _words(octets: bytes) -> array[int]:
    words = array("Q")
    words.frombytes(octets)
    return words


def _is_block(words: Words) -> bool:
    """Tell whether *words* are a block of this version."""
    if len(words) < counters.ROWS or words[Head.MAGIC] != counters.MAGIC:
        return False
    zones, bits = int(words[Head.ZONES]), int(words[Head.HASH_BITS])
    return (
        zones <= counters.MAX_ZONES
        and counters.LEAST_BITS <= bits <= counters.MOST_BITS
        and words[Head.TRANSPORT] < len(counters.TRANSPORTS)
        and len(words) * counters.WORD >= counters.WORD * counters.words_of(zones, bits)
    )
