"""Blocks of counters as whoever reads them has them: memory that outlives the worker that counts."""

from __future__ import annotations

import mmap
import os
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from gslb.dataplane import counters
from gslb.dataplane.counters import Head
from gslb.dataplane.settings import Transport
from gslb.errors import GslbError
from gslb.node.totals import Totals

Words = npt.NDArray[np.uint64]


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
    _seen: Words

    @classmethod
    def adopt(cls, descriptor: int, worker: int | None = None) -> Block:
        """Return the block behind *descriptor*, which is its own from now on. Raises GslbError."""
        try:
            mapped = mmap.mmap(descriptor, 0, access=mmap.ACCESS_READ)
        except (OSError, ValueError) as error:
            os.close(descriptor)
            raise GslbError(f"counters cannot be mapped: {error}") from None
        whole = len(mapped) // counters.WORD if len(mapped) % counters.WORD == 0 else 0
        words = np.frombuffer(mapped, np.uint64, whole)
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
            _seen=np.zeros_like(words),
        )

    @property
    def finished(self) -> bool:
        """Whether its writer has said that nothing more will be counted."""
        return bool(np.frombuffer(self._mapped, np.uint64)[Head.FINISHED])

    def news(self) -> tuple[Words, Words]:
        """Return what was added to each word since the last call, and the words as they are."""
        now = np.frombuffer(self._mapped, np.uint64).copy()
        added = now - self._seen
        self._seen = now
        return added, now

    def close(self) -> None:
        """Let the memory go, as far as we hold it."""
        self._mapped.close()
        os.close(self.descriptor)


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
