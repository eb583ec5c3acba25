"""Prefixes that go elsewhere → one collection of CIDR locations for all names of a zone.

A prefix may be in one location of a collection only, and an account has five collections. So
locations are what the policies tell apart together: prefixes that no policy treats differently.
A collection never changes: other locations are another collection, to which names move as a whole.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from ipaddress import ip_network

from gslb.push.model import Block
from gslb.push.objects import Support, digest
from gslb.push.population import cidrs, granules

MAX_BLOCKS = 1000  # of a collection
MAX_LOCATIONS = 99  # of one name; its "*" is the hundredth set
Atom = tuple[int, int, int]  # family, first granule, end


@dataclass(frozen=True, slots=True)
class Located:
    """What became of the blocks of some sets."""

    chains: Mapping[int, Mapping[str, str]]  # by set: location → chain
    collection: Support | None  # None: there are no locations
    dropped: frozenset[int]  # sets whose prefixes found no room


def locate(wanted: Mapping[int, Sequence[Block]]) -> Located:
    """Return locations for the blocks of all sets; those with most blocks are dropped first."""
    left = {number: blocks for number, blocks in wanted.items() if blocks}
    dropped: set[int] = set()
    while left:
        chains, locations = _locate(left)
        size = sum(map(len, locations.values()))
        crowded = [number for number in left if len(chains[number]) > MAX_LOCATIONS]
        if size <= MAX_BLOCKS and not crowded:
            return Located(chains, collection(locations), frozenset(dropped))
        worst = crowded[0] if crowded else max(left, key=lambda n: (len(left[n]), n))
        dropped.add(worst)
        del left[worst]
    return Located({}, None, frozenset(dropped))


def collection(locations: Mapping[str, Sequence[str]]) -> Support:
    """Return the collection of *locations*, prefixes by name of the location."""
    content = {name: sorted(blocks) for name, blocks in sorted(locations.items())}
    count = sum(map(len, content.values()))
    about = f"{count} prefixes in {len(content)} locations"
    return Support("prefixes", f"c{digest(content)}", {"Locations": content}, about)


def _locate(
    wanted: Mapping[int, Sequence[Block]],
) -> tuple[dict[int, dict[str, str]], dict[str, list[str]]]:
    alike: dict[tuple[tuple[int, str], ...], list[str]] = {}
    for atom, says in _atoms(wanted):
        alike.setdefault(says, []).extend(cidrs(atom[1], atom[2], atom[0]))
    chains: dict[int, dict[str, str]] = {number: {} for number in wanted}
    locations: dict[str, list[str]] = {}
    for says, blocks in alike.items():
        name = f"p{digest(blocks, 12)}"
        locations[name] = blocks
        for number, chain in says:
            chains[number][name] = chain
    return chains, locations


def _atoms(
    wanted: Mapping[int, Sequence[Block]],
) -> list[tuple[Atom, tuple[tuple[int, str], ...]]]:
    """Return disjoint ranges, each with what every set says of it; silent sets are left out."""
    edges: dict[tuple[int, int], dict[int, str | None]] = {}
    for number, blocks in wanted.items():
        for block in blocks:
            family, first, end = granules(ip_network(block.prefix))
            edges.setdefault((family, first), {})[number] = block.chain
            edges.setdefault((family, end), {}).setdefault(number, None)
    found: list[tuple[Atom, tuple[tuple[int, str], ...]]] = []
    says: dict[int, str] = {}
    points = sorted(edges)
    for at, (family, first) in enumerate(points):
        for number, chain in edges[family, first].items():
            if chain is None:
                says.pop(number, None)
            else:
                says[number] = chain
        if says:  # a range that says something ends in its own family
            found.append(((family, first, points[at + 1][1]), tuple(sorted(says.items()))))
    return found
