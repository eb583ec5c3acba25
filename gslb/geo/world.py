"""The world as data: countries and their subdivisions, each with the point that stands for it.

The points are population-weighted: where clients live, not the middle of the map.
"""

from __future__ import annotations

import csv
import re
import unicodedata
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from importlib import resources
from types import MappingProxyType

from gslb.geo.table import UNKNOWN_PLACE, Place

CONTINENTS = MappingProxyType(
    {
        "AF": "africa",
        "AN": "antarctica",
        "AS": "asia",
        "EU": "europe",
        "NA": "north-america",
        "OC": "oceania",
        "SA": "south-america",
    }
)


@dataclass(frozen=True, slots=True)
class Country:
    """A country of ISO 3166-1, or Kosovo (XK, which every geo database uses)."""

    code: str
    name: str
    continent: str  # a key of CONTINENTS
    latitude: float  # degrees north
    longitude: float  # degrees east


@dataclass(frozen=True, slots=True)
class Subdivision:
    """A state or province with a point of its own."""

    country: str
    code: str  # "CA" of US-CA
    name: str  # in English, as geo databases write it
    aliases: tuple[str, ...]  # other names
    old_codes: tuple[str, ...]  # earlier codes of the same subdivision ("44" of CN-GD)
    latitude: float  # degrees north
    longitude: float  # degrees east


def _rows(name: str) -> Iterator[dict[str, str]]:
    text = resources.files("gslb.geodata").joinpath(name).read_text("utf-8")
    yield from csv.DictReader(text.splitlines())


@cache
def countries() -> Mapping[str, Country]:
    """Return every country by its code."""
    return MappingProxyType(
        {
            row["code"]: Country(
                code=row["code"],
                name=row["name"],
                continent=row["continent"],
                latitude=float(row["latitude"]),
                longitude=float(row["longitude"]),
            )
            for row in _rows("countries.csv")
        }
    )


@cache
def subdivisions() -> Mapping[tuple[str, str], Subdivision]:
    """Return the subdivisions that have a point of their own, by (country, code)."""
    return MappingProxyType(
        {
            (row["country"], row["code"]): Subdivision(
                country=row["country"],
                code=row["code"],
                name=row["name"],
                aliases=tuple(filter(None, row["aliases"].split("|"))),
                old_codes=tuple(row["old_codes"].split()),
                latitude=float(row["latitude"]),
                longitude=float(row["longitude"]),
            )
            for row in _rows("subdivisions.csv")
        }
    )


@cache
def subdivision_codes() -> Mapping[str, frozenset[str]]:
    """Return the codes of ISO 3166-2 of every country that has any, points or not."""
    return MappingProxyType(
        {row["country"]: frozenset(row["codes"].split()) for row in _rows("subdivision-codes.csv")}
    )


@cache
def alpha3_codes() -> Mapping[str, str]:
    """Return the code of every country by its three letters, which no policy is written with."""
    return MappingProxyType({row["alpha3"]: row["code"] for row in _rows("alpha3.csv")})


@cache
def _codes_by_name() -> Mapping[tuple[str, str], str]:
    """Return (country, folded name or old code) → code."""
    codes: dict[tuple[str, str], str] = {}
    for (country, code), one in subdivisions().items():
        for name in (one.name, *one.aliases, *one.old_codes):
            codes[country, fold(name)] = code
    return MappingProxyType(codes)


def fold(name: str) -> str:
    """Return *name* without case, accents, apostrophes and punctuation: what spellings share.

    >>> fold("São Paulo") == fold("SAO  PAULO")
    True
    """
    plain = unicodedata.normalize("NFKD", name).casefold()
    letters = "".join(c for c in plain if not unicodedata.combining(c) and c not in "'’ʼʻ`")
    return re.sub(r"[\W_]+", " ", letters).strip()


def subdivision_code(country: str, text: str) -> str | None:
    """Return the ISO 3166-2 code (without the country) that *text* stands for, or None.

    Args:
        country: ISO 3166-1 alpha-2.
        text: a current or former code, or a name in English as geo databases write it.
    """
    if text in subdivision_codes().get(country, frozenset()):
        return text
    return _codes_by_name().get((country, fold(text)))


def place(country: str, subdivision: str = "") -> Place:
    """Return the place of that code with its point; an unknown country is `UNKNOWN_PLACE`.

    A subdivision that has no point of its own is given its country's.
    """
    home = countries().get(country)
    if home is None:
        return UNKNOWN_PLACE
    point = subdivisions().get((country, subdivision), home)
    return Place(country, subdivision, point.latitude, point.longitude)
