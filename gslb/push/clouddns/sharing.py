"""Which chains get probed addresses of their own, where a zone has a quota of them.

Google's pages name the quota ("internetHealthChecksPerManagedZone") and do not say what counts; so
every address counts in every record set that has it probed, which is the most that it can be. Where
that is too many, chains share the probes of their sites, and lose the way from site to site by it.
What is decided here goes by the words of the policies, not by drains: a drain must not make a zone
outgrow its quota, nor move what it has nothing to do with.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from fractions import Fraction
from functools import lru_cache

from gslb.push.model import Chain, Word

Key = tuple[str, str]  # policy and shape of a chain


@dataclass(frozen=True, slots=True)
class Claim:
    """What one chain takes."""

    key: Key
    size: int  # probed addresses of its own, at most
    pools: Mapping[str, int]  # that it would share instead, with their sizes; empty: it cannot
    value: float  # how much it is worth that it shares none; above the others it goes first


def whole(claims: Iterable[Claim], room: int) -> frozenset[Key]:
    """Return who can have addresses of their own, so that no more than *room* are probed.

    The others share. Those who cannot share have them in any case.
    """
    users = Counter[str]()
    sizes: dict[str, int] = {}
    chosen: set[Key] = set()
    used = 0
    sharing: list[Claim] = []
    for one in claims:
        if not one.pools:
            chosen.add(one.key)
            used += one.size
            continue
        sharing.append(one)
        users.update(one.pools.keys())
        sizes |= one.pools
    if used + sum(one.size for one in sharing) <= room:
        return frozenset(chosen | {one.key for one in sharing})
    used += sum(sizes.values())
    for one in sorted(sharing, key=lambda one: (-one.value / one.size, one.key)):
        freed = sum(sizes[pool] for pool in one.pools if users[pool] == 1)
        if used + one.size - freed <= room:
            used += one.size - freed
            users.subtract(one.pools.keys())
            chosen.add(one.key)
    return frozenset(chosen)


def most_probed(chain: Chain) -> int:
    """Return how many addresses the node of *chain* has probed at most, whatever is drained."""
    most = behind = 0
    for step in reversed(chain.words):  # any later step is the backup of one if those between go
        size = sum(word.size for word in step)
        most = max(most, size, _even(step) + behind)
        behind = max(behind, size)
    return most


@lru_cache(1024)
def _even(step: Sequence[Word]) -> int:
    """Return how many addresses of *step* can be left with equal weights: then it has a backup.

    Sites are taken to weigh their endpoints alike, which leaves as many as can be.
    """
    parts = {Fraction(word.share, count) for word in step for count in range(1, word.size + 1)}
    most = 0
    for part in parts:
        counts = [word.share / part for word in step]
        most = max(
            most,
            sum(
                int(count)
                for count, word in zip(counts, step, strict=True)
                if count.denominator == 1 and count <= word.size
            ),
        )
    return most
