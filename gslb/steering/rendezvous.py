"""Sticky choices: slots that keep their item while others come and go.

Weighted rendezvous hashing: every item has a fixed number u in (0, 1) in each slot and the score
-weight / ln(u); the highest wins. An item wins a slot with a chance in proportion to its weight,
and when one goes, only the slots that it had move.

Source: D. G. Thaler, C. V. Ravishankar, "Using name-based mappings to increase hit rates",
IEEE/ACM Transactions on Networking 6 (1998), pp. 1-14; the logarithm: J. Resch, "New hashing
algorithms for data storage", SNIA Storage Developer Conference (2015).
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache
from hashlib import blake2b

import numpy as np
import numpy.typing as npt

from gslb.answers.model import STICKY_SLOTS

PER_DIGEST = 8  # 64-bit numbers in a BLAKE2b digest of 64 octets
KEPT_ROWS = 1024  # items whose numbers are remembered, 8 KiB each


@lru_cache(maxsize=KEPT_ROWS)
def _draws(identity: str) -> npt.NDArray[np.float64]:
    """Return -1 / ln(u) of the item called *identity*, for every slot."""
    digests = b"".join(
        blake2b(identity.encode(), salt=block.to_bytes(8, "little")).digest()
        for block in range(STICKY_SLOTS // PER_DIGEST)
    )
    numbers = np.frombuffer(digests, "<u8") >> np.uint64(11)  # 53 bits: what a float holds
    row: npt.NDArray[np.float64] = -1.0 / np.log((numbers + 0.5) / 2.0**53)
    return row


def slots(weights: Sequence[tuple[str, float]]) -> tuple[int, ...]:
    """Return for every slot the index of the item that has it.

    Args:
        weights: identity and weight of every item; at least one, weights above 0.
    """
    scores = np.stack([_draws(identity) * weight for identity, weight in weights])
    return tuple(scores.argmax(axis=0).tolist())


def slot_sets(
    groups: Sequence[Sequence[tuple[str, float]]], count: int
) -> tuple[tuple[int, ...], ...]:
    """Return for every slot the *count* best items, best first, at most one of each group.

    Args:
        groups: identity and weight of every item; items are numbered through, group after group.
        count: 1 or more; with fewer groups the sets are smaller.
    """
    best_items, best_scores, first = [], [], 0
    for group in groups:
        scores = np.stack([_draws(identity) * weight for identity, weight in group])
        best_items.append(scores.argmax(axis=0) + first)
        best_scores.append(scores.max(axis=0))
        first += len(group)
    order = np.argsort(-np.stack(best_scores), axis=0, kind="stable")[:count]
    chosen = np.take_along_axis(np.stack(best_items), order, axis=0)
    return tuple(map(tuple, chosen.T.tolist()))
