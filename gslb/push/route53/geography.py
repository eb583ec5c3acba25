"""Places → geolocation record sets: default, continents, countries, states of the USA.

As few as say it: a continent gets a set if most of its countries want another chain than the
default, a country if it wants another than its continent.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache

from gslb.geo.world import countries
from gslb.push.model import Cell
from gslb.push.population import MAX_KEPT, Crowd, area_of, crowd, heaviest_of

MAX_SETS = 100  # of one name and type
Code = tuple[str, str, str]  # continent, country, subdivision; all empty: the default
DEFAULT: Code = ("", "", "")


@dataclass(frozen=True, slots=True)
class Geolocation:
    """Which chain every area has."""

    chains: Mapping[Code, str]
    wrong: float  # part of the clients whose area says otherwise than they want
    dropped: int  # areas that found no room

    def chain(self, country: str, subdivision: str) -> str:
        """Return the chain of clients of an area, as Route 53 finds it: smallest area first."""
        for code in codes(country, subdivision):
            if code in self.chains:
                return self.chains[code]
        return self.chains[DEFAULT]


def codes(country: str, subdivision: str) -> tuple[Code, ...]:
    """Return the areas around a client, smallest first."""
    known = countries().get(country)
    found: list[Code] = [("", country, subdivision)] if country == "US" and subdivision else []
    if country:
        found.append(("", country, ""))
    if known is not None:
        found.append((known.continent, "", ""))
    return (*found, DEFAULT)


def geolocate(cells: Sequence[Cell], chains: Sequence[str]) -> Geolocation:
    """Return the areas that say best where *cells* go, in at most `MAX_SETS` record sets.

    *chains* are the keys of all chains; of two that are as heavy the first is taken.
    """
    found = _geolocated(crowd(cells, chains))
    named = {code: chains[int(key)] for code, key in found.chains.items()}
    return Geolocation(named, found.wrong, found.dropped)


@lru_cache(MAX_KEPT)
def _geolocated(packed: Crowd) -> Geolocation:
    cells, chains = packed.unpacked(), packed.chains
    areas: dict[tuple[str, str], dict[str, float]] = {}
    for cell in cells:
        sums = areas.setdefault(area_of(cell.place), {})
        for chain, weight in cell.chains.items():
            sums[chain] = sums.get(chain, 0.0) + weight
    wanted = {area: heaviest_of(sums, chains.index) for area, sums in areas.items()}
    heavy = {area: sum(sums.values()) for area, sums in areas.items()}
    said = {DEFAULT: wanted.get(("", "")) or _most(wanted, heavy)}
    lands = _lands(wanted, heavy)
    for continent in sorted({c.continent for c in countries().values()}):
        inside = [chain for land, chain in lands.items() if _continent(land) == continent]
        if inside and (best := max(sorted(set(inside)), key=inside.count)) != said[DEFAULT]:
            said[continent, "", ""] = best
    finer: list[tuple[float, Code, str]] = []
    for land, chain in lands.items():
        weight = sum(heavy[area] for area in heavy if area[0] == land)
        continent = _continent(land)
        if chain != said.get((continent, "", ""), said[DEFAULT]):
            finer.append((weight, ("", land, ""), chain))
        for area, own in wanted.items():
            if area[0] == land and area[1] and own != chain:
                finer.append((heavy[area], ("", *area), own))
    finer.sort(key=lambda one: (-one[0], one[1]))
    room = MAX_SETS - len(said)
    said |= {code: chain for _, code, chain in finer[:room]}
    made = Geolocation(said, 0.0, max(0, len(finer) - room))
    wrong = sum(
        weight
        for area, sums in areas.items()
        for chain, weight in sums.items()
        if chain != made.chain(*area)
    )
    return Geolocation(said, wrong, made.dropped)


def _continent(land: str) -> str:
    known = countries().get(land)
    return known.continent if known is not None else ""


def _most(wanted: Mapping[tuple[str, str], str], heavy: Mapping[tuple[str, str], float]) -> str:
    """Return the chain that most clients want."""
    sums: dict[str, float] = {}
    for area, chain in wanted.items():
        sums[chain] = sums.get(chain, 0.0) + heavy[area]
    return max(sums, key=lambda chain: sums[chain])


def _lands(
    wanted: Mapping[tuple[str, str], str], heavy: Mapping[tuple[str, str], float]
) -> dict[str, str]:
    """Return the chain of each country; of one with states that of clients in none, or most."""
    lands: dict[str, str] = {}
    for land in sorted({area[0] for area in wanted if area[0]}):
        parts = {area: chain for area, chain in wanted.items() if area[0] == land}
        lands[land] = parts.get((land, "")) or _most(parts, heavy)
    return lands
