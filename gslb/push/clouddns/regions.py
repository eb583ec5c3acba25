"""Places → Google's regions: the nearest one decides who a client is, not the country.

Cloud DNS matches a client to the nearest region that a policy has an item for. So a region has
the chain that most clients want who are nearest to it, and gets an item unless its neighbours say
the same: each item's addresses are probed anew, and a zone has a quota of those.
"""

from __future__ import annotations

from collections.abc import Container, Mapping, Sequence
from dataclasses import dataclass
from functools import cache, lru_cache
from math import inf

from gslb.geo.distance import great_circle_km
from gslb.geo.regions import cloud_regions
from gslb.push.model import Cell
from gslb.push.population import MAX_KEPT, Crowd, crowd, heaviest_of

NOTHING = 1e-9  # of all clients: sums of parts differ by less


@dataclass(frozen=True, slots=True)
class Regional:
    """Which chain the regions have that get an item."""

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
    """Return the chains of the regions; of two that are as heavy the first of *chains*.

    Regions go, one by one, while no client loses by it and every region's own place, where clients
    may be that no cell tells of, still comes to the same chain.
    """
    found = _regionalised(crowd(cells, chains))
    return Regional({area: chains[int(key)] for area, key in found.chains.items()}, found.wrong)


@lru_cache(MAX_KEPT)
def _regionalised(packed: Crowd) -> Regional:
    cells, chains = packed.unpacked(), packed.chains
    wanted = {
        region: heaviest_of(found, chains.index)
        for region, found in _sums(cells, google_regions()).items()
    }
    said = {region: wanted[_nearest(point, wanted)] for region, point in google_regions().items()}
    kept = dict(said)
    while (found := _least(cells, kept, said))[0] <= NOTHING:
        del kept[found[1]]
    return _regional(cells, kept)


def narrowed(
    found: Regional, cells: Sequence[Cell], sizes: Mapping[str, int], room: int
) -> Regional:
    """Return *found* with so few regions that no more than *room* addresses are probed.

    Those go whose clients lose least; they get what the nearest one that stays has. Regions that
    stay without being probed would be worse: they count as healthy, so that whoever is near them
    would be sent to what is sick.

    Args:
        found: from `regionalise`.
        cells: the clients.
        sizes: by key of the chain, how many addresses its item has.
        room: if it is less than one region takes, one stays all the same.
    """
    kept = dict(found.chains)
    while len(kept) > 1 and sum(sizes[chain] for chain in kept.values()) > room:
        del kept[_least(cells, kept, {})[1]]
    return found if kept == found.chains else _regional(cells, kept)


def _regional(cells: Sequence[Cell], kept: Mapping[str, str]) -> Regional:
    wrong = sum(
        weight
        for region, found in _sums(cells, kept).items()
        for chain, weight in found.items()
        if chain != kept[region]
    )
    return Regional(kept, wrong)


def _nearest(point: tuple[float, float], among: Container[str]) -> str:
    return next(region for region in by_distance(*point) if region in among)


def _point(cell: Cell) -> tuple[float, float]:
    return cell.place.latitude, cell.place.longitude


def _sums(cells: Sequence[Cell], among: Container[str]) -> dict[str, dict[str, float]]:
    """Return by region the weight of each chain that clients want who are nearest to it."""
    sums: dict[str, dict[str, float]] = {}
    for cell in cells:
        found = sums.setdefault(_nearest(_point(cell), among), {})
        for chain, weight in cell.chains.items():
            found[chain] = found.get(chain, 0.0) + weight
    return sums


def _least(
    cells: Sequence[Cell], kept: Mapping[str, str], places: Mapping[str, str]
) -> tuple[float, str]:
    """Return which part of the clients would lose at least by one region less, and which region.

    It is infinite if that gives a region of *places*, where it is, another chain than it has there.
    """
    cost = dict.fromkeys(kept, 0.0)
    for cell in cells:
        first, second = _first_two(by_distance(*_point(cell)), kept)
        if second:
            cost[first] += cell.chains.get(kept[first], 0.0) - cell.chains.get(kept[second], 0.0)
    points = google_regions()
    for region, chain in places.items():
        first, second = _first_two(by_distance(*points[region]), kept)
        if kept.get(second) != chain:
            cost[first] = inf
    return min((part, region) for region, part in cost.items())


def _first_two(order: Sequence[str], among: Container[str]) -> tuple[str, str]:
    """Return the nearest two; the second is empty if there is only one."""
    found = (region for region in order if region in among)
    return next(found), next(found, "")
