"""What a change of measurements moves: which clients would get another site first."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import numpy.typing as npt

from gslb.steering.model import Classes
from gslb.steering.prefixes import Addresses
from gslb.steering.world import World


def shifted(before: Classes, after: Classes, world: World) -> Mapping[tuple[str, str], float]:
    """Return how much traffic goes to another best site, were every IPv4 address alike.

    Args:
        before: the classes of a policy.
        after: the classes of the same policy with other measurements.
        world: of either; says which addresses are routed (have an origin AS).

    Returns:
        (best site before, best site after) → share of all routed addresses, 0 to 1; only of those
        whose best site changes, greatest share first. Resolvers that a rule names count as others.
    """
    geo_starts, pairs = world.ranges[4]
    old, new = _usual(before), _usual(after)
    starts = np.unique(np.concatenate((geo_starts, old[0], new[0])))
    sizes = np.diff(np.append(starts, np.uint64(1 << 32))).astype(np.float64)
    routed = world.geo.pair_asn[_at(geo_starts, pairs, starts)] > 0
    names = sorted({"", *(c.order[0] for c in (*before.classes, *after.classes) if c.order)})
    firsts = [
        np.array([names.index(c.order[0] if c.order else "") for c in one.classes])[
            _at(found[0], found[1], starts)
        ]
        for one, found in ((before, old), (after, new))
    ]
    total = float(sizes[routed].sum()) or 1.0
    moves: dict[tuple[str, str], float] = {}
    changed = routed & (firsts[0] != firsts[1])
    both = np.stack([first[changed] for first in firsts], axis=1)
    for (one, other), at in zip(*_groups(both), strict=True):
        moves[names[one], names[other]] = float(sizes[changed][at].sum()) / total
    return dict(sorted(moves.items(), key=lambda item: -item[1]))


def _usual(classes: Classes) -> tuple[Addresses, npt.NDArray[np.uint16]]:
    """Return the IPv4 map for resolvers that no rule names (address 0 is none)."""
    view = 0 if classes.resolvers is None else int(classes.resolvers.classes4[0])
    found = classes.views[view]
    return found.starts4.astype(np.uint64), found.classes4


def _at(
    starts: Addresses, values: npt.NDArray[np.uint32] | npt.NDArray[np.uint16], where: Addresses
) -> npt.NDArray[np.intp]:
    """Return the values of the ranges that hold the addresses *where*."""
    found: npt.NDArray[np.intp] = values[np.searchsorted(starts, where, "right") - 1].astype(
        np.intp
    )
    return found


def _groups(
    rows: npt.NDArray[np.intp],
) -> tuple[list[tuple[int, int]], list[npt.NDArray[np.bool_]]]:
    """Return the distinct rows, and which rows are equal to each."""
    kinds, inverse = np.unique(rows, axis=0, return_inverse=True)
    marks = [inverse.reshape(-1) == number for number in range(len(kinds))]
    return [(int(one), int(other)) for one, other in kinds.tolist()], marks
