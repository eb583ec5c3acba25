"""Places → Google's regions: the nearest one decides who a client is, not the country.

Cloud DNS matches a client to the nearest region that a policy has an item for. So every region
gets an item, and has the chain that most clients want who are nearest to it.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache

from gslb.geo.distance import great_circle_km
from gslb.geo.regions import cloud_regions
from gslb.push.model import Cell
from gslb.push.population import heaviest_of


@dataclass(frozen=True, slots=True)
class Regional:
    """Which chain every region has."""

    chains: Mapping[str, str]  # region ("europe-west3") → key
    wrong: float  # part of the clients whose region says otherwise than they want


@cache
def google_regions() -> Mapping[str, tuple[float, float]]:
    """Return Google's regions: degrees north and east by name."""
    return {
        site.partition("/")[2]: (one.latitude, one.longitude)
        for site, one in sorted(cloud_regions().items())
        if site.startswith("gcp/")
    }


@cache
def by_distance(latitude: float, longitude: float) -> tuple[str, ...]:
    """Return the regions, the nearest to a point first; there are as many points as places."""
    away = {
        region: great_circle_km(latitude, longitude, *point)
        for region, point in google_regions().items()
    }
    return tuple(sorted(away, key=lambda region: (away[region], region)))


def regionalise(cells: Sequence[Cell], chains: Sequence[str]) -> Regional:
    """Return the chain of every region; of two that are as heavy the first of *chains*."""
    sums: dict[str, dict[str, float]] = {}
    for cell in cells:
        region = by_distance(cell.place.latitude, cell.place.longitude)[0]
        found = sums.setdefault(region, {})
        for chain, weight in cell.chains.items():
            found[chain] = found.get(chain, 0.0) + weight
    wanted = {region: heaviest_of(found, chains.index) for region, found in sums.items()}
    points = google_regions()
    said = {}
    for region in points:
        near = next(other for other in by_distance(*points[region]) if other in wanted)
        said[region] = wanted[near]
    wrong = sum(
        weight
        for region, found in sums.items()
        for chain, weight in found.items()
        if chain != said[region]
    )
    return Regional(said, wrong)
