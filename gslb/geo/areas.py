"""Areas: what policies call parts of the world → countries and subdivisions.

UPPER case two letters: a country (ISO 3166-1). ``CC-SS``: a subdivision of it (ISO 3166-2). A word
in lower case: a named group. octoDNS's continent codes (``NA-US-CA``) are read too; where they
collide with ISO 3166, `Area.note` says which reading was taken.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from difflib import get_close_matches
from functools import cache
from importlib import resources
from types import MappingProxyType

import numpy as np
import numpy.typing as npt
import yaml

from gslb.errors import GslbError
from gslb.geo.table import GeoTable
from gslb.geo.world import (
    CONTINENTS,
    alpha3_codes,
    countries,
    fold,
    subdivision_code,
    subdivisions,
)

_CODE = re.compile(r"[A-Z]{2}(-[A-Z0-9]{1,3}){0,2}")
# What people write for a code that ISO 3166-1 gave another.
_COMMON_SLIPS = MappingProxyType({"UK": "GB", "EL": "GR", "KO": "KR", "EN": "GB"})

# Parts of ISO 3166-2:CN and US that have a code in ISO 3166-1 too, which is what databases use.
_OWN_COUNTRIES = frozenset({"CN-HK", "CN-MO", "CN-TW"}) | frozenset(
    {"US-AS", "US-GU", "US-MP", "US-PR", "US-UM", "US-VI"}
)


class UnknownArea(GslbError):  # noqa: N818  reads as what happened
    """No area has this name; `suggestion` is the likeliest one, or empty."""

    def __init__(self, text: str, suggestion: str = "") -> None:
        meant = f", did you mean {suggestion}?" if suggestion else ""
        super().__init__(f'unknown area "{text}"{meant}')
        self.suggestion = suggestion


@dataclass(frozen=True, slots=True)
class Area:
    """A part of the world."""

    name: str  # in our own spelling: "CN-GD", "eu27"
    countries: frozenset[str] = frozenset()
    subdivisions: frozenset[tuple[str, str]] = frozenset()  # (country, code)
    note: str = ""  # how an ambiguous code was read

    def places(self, table: GeoTable) -> npt.NDArray[np.bool_]:
        """Return, for each of the table's places, whether it lies in this area."""
        inside = [
            place.country in self.countries
            or (place.country, place.subdivision) in self.subdivisions
            for place in table.places
        ]
        return np.array(inside, np.bool_)


class AreaIndex:
    """Finds areas by name. `world_areas` returns the one made from the shipped data."""

    def __init__(self, groups: Mapping[str, frozenset[str]]) -> None:
        """Take the named groups: name → countries."""
        self._groups = groups

    @property
    def names(self) -> tuple[str, ...]:
        """Every name that can be resolved, for suggestions: groups, countries, subdivisions."""
        codes = (f"{country}-{code}" for country, code in subdivisions())
        return (*self._groups, *countries(), *codes)

    @property
    def groups(self) -> Mapping[str, frozenset[str]]:
        """The named groups: name → countries."""
        return self._groups

    def resolve(self, text: str) -> Area:
        """Return the area that *text* names; raise `UnknownArea` if there is none."""
        if text in self._groups:
            return Area(text, self._groups[text])
        if not _CODE.fullmatch(text):
            raise self._unknown(text)
        parts = text.split("-")
        if len(parts) == 1:
            return self._one(text)
        if len(parts) == 2:
            return self._two(text, *parts)
        return self._three(text, *parts)

    def covered(self, area: Area, table: GeoTable) -> bool:
        """Return whether the table can tell *area* apart: it may lack subdivisions at all.

        An area of several parts is covered when each subdivision in it is known to the table.
        """
        known = {(place.country, place.subdivision) for place in table.places}
        return area.subdivisions <= known

    def _one(self, text: str) -> Area:
        if text in countries():
            note = ""
            if text in CONTINENTS:
                note = (
                    f"{text} is read as {countries()[text].name}; "
                    f"the continent is written {CONTINENTS[text]}"
                )
            return Area(text, frozenset({text}), note=note)
        if text not in CONTINENTS:
            raise self._unknown(text)
        name = CONTINENTS[text]
        note = f"{text} is read as the continent, {name}"
        if text == "EU":
            note += "; the European Union is written eu27"
        return Area(name, self._groups[name], note=note)

    def _two(self, text: str, first: str, second: str) -> Area:
        """Read continent-country as octoDNS does, else country-subdivision."""
        land = countries().get(second)
        if first in CONTINENTS and land is not None and land.continent == first:
            return self._country(text, first, second)
        if text in _OWN_COUNTRIES:
            note = f"{text} is read as {second}: databases count it as a country of its own"
            return Area(second, frozenset({second}), note=note)
        if first in countries():
            code = subdivision_code(first, second)
            if code is not None:
                return self._subdivision(text, first, code)
        if first in CONTINENTS and land is not None:
            return self._country(text, first, second)
        raise self._unknown(text)

    def _country(self, text: str, continent: str, country: str) -> Area:
        land = countries()[country]
        note = f"{text} is read as continent and country: {land.name}"
        if continent in countries() and subdivision_code(continent, country) is not None:
            note += f"; the subdivision of {countries()[continent].name} is written "
            note += f"{countries()[continent].continent}-{text}"
        if land.continent != continent:
            note += f"; here {country} is counted to {CONTINENTS[land.continent]}"
        return Area(country, frozenset({country}), note=note)

    def _subdivision(self, text: str, country: str, code: str) -> Area:
        name = f"{country}-{code}"
        note = f"{text} is an older spelling of {name}" if text != name else ""
        if country in CONTINENTS and code in countries():  # only three parts say what is meant
            name = f"{countries()[country].continent}-{name}"
        return Area(name, subdivisions=frozenset({(country, code)}), note=note)

    def _three(self, text: str, continent: str, country: str, part: str) -> Area:
        """Read continent-country-subdivision, octoDNS's long form."""
        code = subdivision_code(country, part) if country in countries() else None
        if continent not in CONTINENTS or code is None:
            raise self._unknown(text)
        area = self._subdivision(f"{country}-{part}", country, code)
        home = countries()[country].continent
        if home != continent:
            note = f"{text}: here {country} is counted to {CONTINENTS[home]}"
            return Area(area.name, subdivisions=area.subdivisions, note=note)
        return area

    def _unknown(self, text: str) -> UnknownArea:
        return UnknownArea(text, self._suggestion(text))

    def _suggestion(self, text: str) -> str:
        """Return the name most likely meant: another case, a country's name, a near spelling."""
        upper = text.upper().replace("_", "-")
        if upper in _COMMON_SLIPS:
            return _COMMON_SLIPS[upper]
        if upper in alpha3_codes():
            return alpha3_codes()[upper]
        names = set(self.names)
        for guess in (upper, text.lower().replace("_", "-").replace(" ", "-")):
            if guess in names:
                return guess
        country, _, part = upper.partition("-")
        code = subdivision_code(country, part) if part else None
        spelled = f"{country}-{code}" if code else _names_of_places().get(fold(text))
        if spelled is not None:
            return spelled
        pool = self._groups if text.islower() else names
        near = get_close_matches(text.lower() if text.islower() else upper, pool, 1, 0.7)
        return near[0] if near else ""


@cache
def _names_of_places() -> Mapping[str, str]:
    """Return folded name → code; a country wins over a subdivision of the same name."""
    names: dict[str, str] = {}
    for (country, code), one in subdivisions().items():
        for name in (one.name, *one.aliases):
            names[fold(name)] = f"{country}-{code}"
    names.update({fold(land.name): land.code for land in countries().values()})
    return MappingProxyType(names)


@cache
def world_areas() -> AreaIndex:
    """Return the index over the shipped groups, countries and subdivisions."""
    text = resources.files("gslb.geodata").joinpath("areas.yaml").read_text("utf-8")
    return AreaIndex(_read_groups(yaml.safe_load(text)))


def _read_groups(document: Mapping[str, Mapping[str, str]]) -> Mapping[str, frozenset[str]]:
    """Return name → countries. An entry adds continents, earlier groups and countries, then omits.

    The words are separated by space, because YAML would read a bare NO as false.
    """
    groups: dict[str, frozenset[str]] = {}
    for name, entry in document.items():
        members = set(entry.get("countries", "").split())
        for continent in entry.get("continents", "").split():
            members |= {c.code for c in countries().values() if c.continent == continent}
        members |= _union(groups[group] for group in entry.get("groups", "").split())
        groups[name] = frozenset(members - set(entry.get("without", "").split()))
    return MappingProxyType(groups)


def _union(sets: Iterable[frozenset[str]]) -> frozenset[str]:
    return frozenset[str]().union(*sets)
