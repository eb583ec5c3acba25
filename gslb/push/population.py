"""Who gets what, as providers can be told: places with the kinds of their clients, and prefixes.

A provider sees a country, or a state of the USA, or a prefix; it sees no AS and no province. So
the clients of a place who are not of its most frequent kind come as prefixes, if those are few.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from ipaddress import IPv4Network, IPv6Network
from typing import TypeVar

import numpy as np
import numpy.typing as npt

from gslb.answers.model import PrefixMap
from gslb.geo.table import Place
from gslb.push.model import Cell
from gslb.steering.prefixes import BITS, Addresses, merge, refine
from gslb.steering.world import World

MAX_KEPT = 64  # crowds whose division is kept, by provider: some megabytes at most
MAX_BLOCKS = 1000  # of one policy and type; Route 53 takes as many in a list of prefixes
FINEST = {4: 24, 6: 48}  # of a CIDR block in Route 53; clients are told apart no finer
V6_WEIGHT = 1e-6  # of all IPv6 beside all IPv4: it decides only where there is no IPv4
STATES_OF = frozenset({"US"})  # countries whose subdivisions a provider tells apart
_Kind = TypeVar("_Kind", int, str)
_GRANULE = {family: BITS[family] - bits for family, bits in FINEST.items()}


@dataclass(frozen=True, slots=True)
class Stretch:
    """A prefix all of whose clients are of a kind that is rare in their area."""

    prefix: str
    kind: int
    weight: float


@dataclass(frozen=True, slots=True)
class Population:
    """The clients of one policy: weights by place and kind, which sum to 1, and the exceptions.

    `stretches` None: there are more than `MAX_BLOCKS`. `excepted` is their weight either way.
    """

    places: tuple[tuple[Place, dict[int, float]], ...]
    stretches: tuple[Stretch, ...] | None
    excepted: float


@dataclass(frozen=True, slots=True)
class Crowd:
    """The cells of a policy with numbers for its chains: policies that divide alike are equal."""

    cells: tuple[tuple[Place, tuple[tuple[str, float], ...]], ...]
    kinds: int  # how many chains there are

    @property
    def chains(self) -> tuple[str, ...]:
        """Return the keys of the chains: "0", "1" and so on."""
        return tuple(map(str, range(self.kinds)))

    def unpacked(self) -> tuple[Cell, ...]:
        """Return the cells."""
        return tuple(Cell(place, dict(chains)) for place, chains in self.cells)


def crowd(cells: Sequence[Cell], chains: Sequence[str]) -> Crowd:
    """Return *cells* with each key of *chains* replaced by its number there, as text.

    It can be a key of what is kept: drains, which change no numbers, find it there.
    """
    numbers = {chain: str(number) for number, chain in enumerate(chains)}
    packed = tuple(
        (one.place, tuple((numbers[chain], weight) for chain, weight in one.chains.items()))
        for one in cells
    )
    return Crowd(packed, len(chains))


def area_of(place: Place) -> tuple[str, str]:
    """Return the finest area that a provider knows of *place*: country, and state if of the USA."""
    return place.country, place.subdivision if place.country in STATES_OF else ""


def populate(found: PrefixMap, kinds: npt.NDArray[np.uint16], world: World) -> Population:
    """Return where the clients of *found* are, whose kinds are *kinds* of their classes.

    The world keeps it: drains, which change no kinds, find it there.
    """
    # The map itself is kept with it, so that its identity stays its own.
    key = ("population", id(found), kinds.tobytes())
    return world.keep(key, lambda: (found, _populate(found, kinds, world)))[1]


def _populate(found: PrefixMap, kinds: npt.NDArray[np.uint16], world: World) -> Population:
    parts = [ranges(family, found, kinds, world) for family in (4, 6)]
    total = sum(float(weights.sum()) for _, _, _, weights in parts) or 1.0
    width = int(max(int(classes.max()) for _, _, classes, _ in parts)) + 1
    table = np.zeros((len(world.geo.places), width))
    seen = np.zeros_like(table, dtype=np.bool_)
    for _, places, classes, weights in parts:
        np.add.at(table, (places, classes), weights / total)
        seen[places, classes] = True
    cells = tuple(
        (world.geo.places[row], {c: float(table[row, c]) for c in _heaviest(table[row], seen[row])})
        for row in np.flatnonzero(seen.any(axis=1)).tolist()
    )
    usual = _usual(cells, world)
    stretches: list[Stretch] | None = []
    excepted = 0.0
    for family, (starts, places, classes, weights) in zip((4, 6), parts, strict=True):
        odd = classes != usual[places]
        excepted += float(weights[odd].sum()) / total
        if stretches is not None:
            stretches = _add(stretches, family, starts, np.where(odd, classes, -1), weights / total)
    return Population(cells, None if stretches is None else tuple(stretches), excepted)


def ranges(
    family: int, found: PrefixMap, kinds: npt.NDArray[np.uint16], world: World
) -> tuple[Addresses, npt.NDArray[np.intp], npt.NDArray[np.intp], npt.NDArray[np.float64]]:
    """Return the ranges of one family as columns: start (in granules), place, kind, weight.

    The weights are routed addresses; IPv6 counts next to nothing beside IPv4.
    """
    starts, pairs = world.ranges[family]
    own, classes = (
        (found.starts4.astype(np.uint64), found.classes4)
        if family == 4
        else (found.starts6, found.classes6)
    )
    cut, pairs = refine(starts, pairs, own)
    classes = kinds[classes[np.searchsorted(own, cut, "right") - 1]]
    granule = np.uint64(1 << _GRANULE[family])
    coarse = (cut + granule - np.uint64(1)) // granule  # the first granule that begins in a range
    last = np.uint64(1 << FINEST[family])
    size = np.diff(np.append(coarse, last))
    kept = size > 0
    cut, pairs, classes, sizes = coarse[kept], pairs[kept], classes[kept], size[kept].astype(float)
    places = world.geo.pair_place[pairs].astype(np.intp)
    weights = np.where(world.geo.pair_asn[pairs] > 0, sizes, 0.0)
    if family == 6:
        weights = weights * (V6_WEIGHT / float(last)) * float(1 << FINEST[4])
    return cut, places, classes.astype(np.intp), weights


def _heaviest(weights: npt.NDArray[np.float64], seen: npt.NDArray[np.bool_]) -> list[int]:
    return sorted(np.flatnonzero(seen).tolist(), key=lambda cls: (-weights[cls], cls))


def _usual(cells: Sequence[tuple[Place, dict[int, float]]], world: World) -> npt.NDArray[np.intp]:
    """Return, by place of the table, the heaviest class of its area."""
    areas: dict[tuple[str, str], dict[int, float]] = {}
    for place, classes in cells:
        sums = areas.setdefault(area_of(place), {})
        for cls, weight in classes.items():
            sums[cls] = sums.get(cls, 0.0) + weight
    heaviest = {area: heaviest_of(sums, int) for area, sums in areas.items()}
    return np.array([heaviest.get(area_of(place), -1) for place in world.geo.places], np.intp)


def heaviest_of(sums: Mapping[_Kind, float], number: Callable[[_Kind], int]) -> _Kind:
    """Return the kind of most weight, of equals that with the lowest number."""
    return min(sums, key=lambda kind: (-sums[kind], number(kind)))


def _add(
    stretches: list[Stretch],
    family: int,
    starts: Addresses,
    classes: npt.NDArray[np.intp],
    weights: npt.NDArray[np.float64],
) -> list[Stretch] | None:
    """Add the prefixes of the ranges whose class is not -1; None: there are too many."""
    sums = np.concatenate(([0.0], np.cumsum(weights)))
    begins, kinds = merge(starts, classes)
    positions = np.append(np.searchsorted(starts, begins), len(starts))
    ends = np.append(begins[1:], np.uint64(1 << FINEST[family]))
    for at in np.flatnonzero(kinds >= 0).tolist():
        found = list(cidrs(int(begins[at]), int(ends[at]), family))
        weight = float(sums[positions[at + 1]] - sums[positions[at]])
        stretches += [Stretch(one, int(kinds[at]), weight / len(found)) for one in found]
        if len(stretches) > MAX_BLOCKS:
            return None
    return stretches


def cidrs(first: int, end: int, family: int) -> Iterator[str]:
    """Yield the prefixes of the granules (/24 or /48) from *first* up to *end*, which is not in.

    None is shorter than /1, which is the widest that Route 53 takes.
    """
    bits = FINEST[family]
    while first < end:
        free = min(bits - 1, (first & -first).bit_length() - 1 if first else bits - 1)
        while first + (1 << free) > end:
            free -= 1
        length = bits - free
        if family == 4:
            yield str(IPv4Network((first << _GRANULE[4], length)))
        else:
            yield str(IPv6Network((first << _GRANULE[6] << 64, length)))
        first += 1 << free


def granules(network: IPv4Network | IPv6Network) -> tuple[int, int, int]:
    """Return the family of *network*, its first granule, and the one behind its last."""
    family = network.version
    free = FINEST[family] - network.prefixlen
    first = int(network[0]) >> (32 if family == 4 else 128) - FINEST[family]
    return family, first, first + (1 << free)
