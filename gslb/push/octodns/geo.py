"""octoDNS geo codes (``EU``, ``NA-US``, ``NA-US-CA``) ↔ areas of ours, with no client told otherwise.

octoDNS counts four countries to another continent than we do, and does not know Kosovo; so a
continent of one side is a continent of the other with exceptions.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import cache
from types import MappingProxyType

from gslb.geo.areas import world_areas
from gslb.geo.world import CONTINENTS, countries, subdivision_codes

# Where octoDNS 1.22 differs from geodata/countries.csv; a test compares the two.
_ELSEWHERE: Mapping[str, str] = MappingProxyType({"CX": "AS", "CY": "AS", "GS": "SA", "TL": "AS"})
_UNKNOWN = frozenset({"XK"})  # clients there are left with their continent
_PARTED = ("CA", "US")  # the countries whose subdivisions octoDNS knows
# Subdivisions of the US for octoDNS, countries for ISO 3166-1 and for geo databases.
_TERRITORIES = frozenset({"AS", "GU", "MP", "PR", "UM", "VI"})


@dataclass(frozen=True, slots=True)
class Land:
    """A part of the world: whole countries, and (country, subdivision)."""

    countries: frozenset[str] = frozenset()
    parts: frozenset[tuple[str, str]] = frozenset()

    def __or__(self, other: Land) -> Land:
        return Land(self.countries | other.countries, self.parts | other.parts)

    def __bool__(self) -> bool:
        return bool(self.countries or self.parts)

    def without(self, other: Land) -> Land:
        """Return what is left of this where *other* has been taken out.

        A country of which only subdivisions are taken out stays whole: see `splits`.
        """
        parts = {one for one in self.parts if one[0] not in other.countries} - other.parts
        return Land(self.countries - other.countries, frozenset(parts))

    def splits(self, other: Land) -> bool:
        """Return whether *other* takes subdivisions out of a country that is whole here."""
        return any(country in self.countries for country, _ in other.parts)


@cache
def continent_of(country: str) -> str | None:
    """Return the continent that octoDNS counts *country* to; None: it does not know it."""
    if country in _UNKNOWN or country not in countries():
        return None
    return _ELSEWHERE.get(country, countries()[country].continent)


@cache
def _continent(code: str) -> frozenset[str]:
    return frozenset(land for land in countries() if continent_of(land) == code)


@cache
def meaning(code: str) -> Land | None:
    """Return what *code* stands for; None: octoDNS refuses it."""
    continent, _, rest = code.partition("-")
    country, _, part = rest.partition("-")
    if continent not in CONTINENTS or code.endswith("-"):
        return None
    if not country:
        kept = frozenset(c for c in _UNKNOWN if countries()[c].continent == continent)
        return Land(_continent(continent) | kept)
    if continent_of(country) != continent:
        return None
    if not part:
        return Land(frozenset({country}))
    if country == "US" and part in _TERRITORIES:
        return Land(frozenset({part}))
    if country in _PARTED and part in subdivision_codes()[country]:
        return Land(parts=frozenset({(country, part)}))
    return None


def words(land: Land) -> tuple[list[str], list[str]]:
    """Return areas of ours that *land* consists of, and those that have to be taken out again."""
    named, rest, taken = [], set(land.countries), set[str]()
    for code, group in CONTINENTS.items():
        whole = world_areas().groups[group]
        missing = whole - land.countries
        if not missing:
            named.append(group)
            rest -= whole
        elif missing <= _ELSEWHERE.keys() and _continent(code) <= land.countries:
            named.append(group)
            rest -= whole
            taken |= missing
    parts = [f"{country}-{part}" for country, part in sorted(land.parts)]
    return [*named, *sorted(rest), *parts], sorted(taken)


def codes(land: Land) -> tuple[list[str], list[str]]:
    """Return the octoDNS codes of *land*, sorted, and the areas that it has no code for."""
    found, lost = [], []
    rest = set(land.countries)
    for code in CONTINENTS:
        whole = _continent(code)
        if whole <= rest:
            found.append(code)
            rest -= whole | {c for c in _UNKNOWN if countries()[c].continent == code}
    for country in rest:
        continent = continent_of(country)
        if continent is None:
            lost.append(country)
        else:
            found.append(f"{continent}-{country}")
    for country, part in land.parts:
        if country in _PARTED and part in subdivision_codes()[country]:
            found.append(f"{continent_of(country)}-{country}-{part}")
        else:
            lost.append(f"{country}-{part}")
    return sorted(found), sorted(lost)


def uncovered(found: Iterable[str], seen: Iterable[str]) -> list[str]:
    """Return those of the codes *found* that none of *seen*, nor another of them, covers."""
    kept: list[str] = []
    for code in sorted(found):
        pieces = code.split("-")
        heads = {"-".join(pieces[:n]) for n in range(1, len(pieces) + 1)}
        if not heads & {*seen, *kept}:
            kept.append(code)
    return kept
