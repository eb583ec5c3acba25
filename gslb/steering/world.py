"""The world that clients live in: geo table, areas, carriers, latency, landmarks; and work shared on it.

A world is a value: nothing in it changes. What it keeps aside are results of pure functions of it.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable, Hashable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from functools import cached_property
from typing import TypeVar, cast

import numpy as np
import numpy.typing as npt

from gslb.geo.areas import AreaIndex, UnknownArea, world_areas
from gslb.geo.carriers import load_carriers
from gslb.geo.distance import great_circle_km
from gslb.geo.regions import cloud_regions, coordinates
from gslb.geo.table import GeoTable
from gslb.policy.plan import Site
from gslb.steering.landmarks import Landmarks, load_landmarks
from gslb.steering.latency import LatencyTable

BORDER_PENALTY_MS = 60.0  # mainland China to or from elsewhere; a guess until measured there
KEPT_RESULTS = 256  # compiled rule lists that a world remembers; an operator has tens
MAINLAND = "CN"
NEAR_KM = 500.0
_Value = TypeVar("_Value")


@dataclass(frozen=True, eq=False)  # no slots: cached_property keeps its values in the instance
class World:
    """Everything that tells clients apart, as of one moment.

    `coordinates` tells where a site is by its name (degrees north, east), or None; `site_country`
    its ISO 3166-1 alpha-2 code, or None. `at` (aware) is when the world was put together:
    measurements are too old, or not, by it.
    """

    geo: GeoTable
    areas: AreaIndex
    carriers: Mapping[str, frozenset[int]]
    coordinates: Callable[[str], tuple[float, float] | None]
    at: datetime
    site_country: Callable[[str], str | None] = lambda _site: None
    latency: LatencyTable | None = None
    landmarks: Landmarks | None = None  # None: latency is modelled from distance alone
    border_penalty_ms: float = BORDER_PENALTY_MS
    _kept: OrderedDict[Hashable, object] = field(
        default_factory=OrderedDict, init=False, repr=False, compare=False
    )

    def keep(self, key: Hashable, make: Callable[[], _Value]) -> _Value:
        """Return what *make* returned for *key*; the least recently used results are forgotten."""
        if key in self._kept:
            self._kept.move_to_end(key)
            return cast("_Value", self._kept[key])
        value = make()
        self._kept[key] = value
        if len(self._kept) > KEPT_RESULTS:
            self._kept.popitem(last=False)
        return value

    def point(self, site: Site) -> tuple[float, float] | None:
        """Return where *site* is (degrees north, east); None if neither the file nor we know."""
        return site.at or self.coordinates(site.name)

    def abroad(self, site: Site) -> bool:
        """Return whether *site* lies outside mainland China.

        A site that is no cloud's region is where the nearest region is, if that is near.
        """
        country = self.site_country(site.name)
        if country is None and site.at is not None:
            country = country_near(*site.at)
        return country != MAINLAND

    @cached_property
    def asns(self) -> npt.NDArray[np.uint32]:
        """Return every AS number of the geo table, ascending, each once."""
        return cast("npt.NDArray[np.uint32]", np.unique(self.geo.pair_asn))

    @cached_property
    def pair_asn_index(self) -> npt.NDArray[np.intp]:
        """Return, by pair, the index of its AS into `asns`."""
        return np.searchsorted(self.asns, self.geo.pair_asn)

    @cached_property
    def latitudes(self) -> npt.NDArray[np.float64]:
        """Return degrees north by place; not a number where the place is unknown."""
        return np.array([p.latitude if p.country else np.nan for p in self.geo.places])

    @cached_property
    def longitudes(self) -> npt.NDArray[np.float64]:
        """Return degrees east by place; not a number where the place is unknown."""
        return np.array([p.longitude if p.country else np.nan for p in self.geo.places])

    @cached_property
    def mainland(self) -> npt.NDArray[np.bool_]:
        """Return which places are in mainland China."""
        return np.array([p.country == MAINLAND for p in self.geo.places])

    @cached_property
    def ranges(self) -> Mapping[int, tuple[npt.NDArray[np.uint64], npt.NDArray[np.uint32]]]:
        """Return starts and pairs by family (4, 6), both beginning at address 0."""
        geo = self.geo
        return {
            4: _from_zero(geo.starts4.astype(np.uint64), geo.pairs4),
            6: _from_zero(geo.starts6, geo.pairs6),
        }

    def area_places(self, text: str) -> npt.NDArray[np.bool_]:
        """Return which places are in the area called *text*; none if nothing is called so."""
        return self.keep(("area", text), lambda: self._area_places(text))

    def _area_places(self, text: str) -> npt.NDArray[np.bool_]:
        try:
            return self.areas.resolve(text).places(self.geo)
        except UnknownArea:
            return np.zeros(len(self.geo.places), np.bool_)

    def asn_mask(self, numbers: frozenset[int]) -> npt.NDArray[np.bool_]:
        """Return which of `asns` are among *numbers*."""
        wanted = np.array(sorted(n for n in numbers if 0 < n < 2**32), np.uint32)
        mask = np.zeros(len(self.asns), np.bool_)
        at = np.searchsorted(self.asns, wanted)
        inside = at < len(self.asns)
        at, wanted = at[inside], wanted[inside]
        mask[at[self.asns[at] == wanted]] = True
        return mask


def make_world(
    geo: GeoTable,
    at: datetime,
    latency: LatencyTable | None = None,
    border_penalty_ms: float = BORDER_PENALTY_MS,
) -> World:
    """Return the world of *geo* at the moment *at* (aware), with all else from the shipped data."""
    return World(
        geo=geo,
        areas=world_areas(),
        carriers=load_carriers(),
        coordinates=coordinates,
        at=at,
        site_country=region_country,
        latency=latency,
        landmarks=load_landmarks(),
        border_penalty_ms=border_penalty_ms,
    )


def region_country(site: str) -> str | None:
    """Return the ISO 3166-1 code of a cloud's region ("aws/cn-north-1"), or None."""
    region = cloud_regions().get(site)
    return region.country if region else None


def country_near(latitude: float, longitude: float) -> str | None:
    """Return the country of the cloud region nearest to a point, or None if none is near."""
    away, country = min(
        (great_circle_km(latitude, longitude, region.latitude, region.longitude), region.country)
        for region in cloud_regions().values()
    )
    return country if away <= NEAR_KM else None


def _from_zero(
    starts: npt.NDArray[np.uint64], pairs: npt.NDArray[np.uint32]
) -> tuple[npt.NDArray[np.uint64], npt.NDArray[np.uint32]]:
    """Put a range of pair 0 (nothing known) before the first start, unless it is address 0."""
    if len(starts) and starts[0] == 0:
        return starts, pairs
    zero = np.zeros(1, np.uint64), np.zeros(1, np.uint32)
    return np.concatenate((zero[0], starts)), np.concatenate((zero[1], pairs))
