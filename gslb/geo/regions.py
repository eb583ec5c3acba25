"""Where the cloud providers' regions are: ``provider/region`` → coordinates."""

from __future__ import annotations

import csv
from collections.abc import Mapping
from dataclasses import dataclass
from difflib import get_close_matches
from functools import cache
from importlib import resources
from types import MappingProxyType


@dataclass(frozen=True, slots=True)
class CloudRegion:
    """One region of a cloud; its place is the metropolitan area that the provider names."""

    site: str  # "aws/us-east-1"
    city: str
    country: str  # ISO 3166-1 alpha-2
    latitude: float  # degrees north
    longitude: float  # degrees east
    zones: int  # availability zones as published; a hint, 0 for none or unknown
    confidence: str  # "high": two independent sources agree; "medium"; "low"


@cache
def cloud_regions() -> Mapping[str, CloudRegion]:
    """Return every region that we know, by site name."""
    file = resources.files("gslb.geodata").joinpath("cloud-regions.csv")
    rows = csv.DictReader(file.read_text("utf-8").splitlines())
    regions = (
        CloudRegion(
            site=f"{row['provider']}/{row['region']}",
            city=row["city"],
            country=row["country"],
            latitude=float(row["lat"]),
            longitude=float(row["lon"]),
            zones=int(row["zones"] or 0),
            confidence=row["confidence"],
        )
        for row in rows
    )
    return MappingProxyType({region.site: region for region in regions})


def coordinates(site: str) -> tuple[float, float] | None:
    """Return degrees north and east of *site* ("aws/us-east-1"), or None if we do not know it."""
    region = cloud_regions().get(site)
    return (region.latitude, region.longitude) if region else None


def known_sites() -> tuple[str, ...]:
    """Return the names of all regions, sorted."""
    return tuple(sorted(cloud_regions()))


def closest_name(site: str) -> str | None:
    """Return the known region that *site* is most likely a misspelling of, or None."""
    found = get_close_matches(site.lower().replace("_", "-"), cloud_regions(), n=1, cutoff=0.75)
    return found[0] if found else None
