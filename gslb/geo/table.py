"""The geo table: client address → place and origin AS, as sorted arrays. Read once, never mapped.

An address belongs to the range with the greatest start not above it. IPv6 addresses are their
upper 64 bits. Each range has a *pair*: (place, origin AS). Pair 0 is "nothing known".
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from gslb.errors import GslbError


@dataclass(frozen=True, slots=True)
class Place:
    """A country, or a subdivision of one, with the point that stands for its clients."""

    country: str  # ISO 3166-1 alpha-2, or "" for unknown
    subdivision: str  # the part of ISO 3166-2 after the hyphen ("CA" of US-CA), or ""
    latitude: float  # degrees north; of where its people live, not of its geometry
    longitude: float  # degrees east


@dataclass(frozen=True, slots=True, eq=False)
class GeoTable:
    """Where client addresses are."""

    starts4: npt.NDArray[np.uint32]
    pairs4: npt.NDArray[np.uint32]
    starts6: npt.NDArray[np.uint64]
    pairs6: npt.NDArray[np.uint32]
    pair_place: npt.NDArray[np.uint16]  # by pair: index into places
    pair_asn: npt.NDArray[np.uint32]  # by pair: origin AS number, 0 unknown
    places: tuple[Place, ...]  # places[0] is unknown
    manifest: Mapping[str, object]  # inputs, licences, build time: what `gslb geo info` prints


class GeoError(GslbError):
    """A geo file or its source cannot be used; the text names the file and says why."""


UNKNOWN_PLACE = Place("", "", 0.0, 0.0)


def empty_table() -> GeoTable:
    """Return a table that knows nothing: every address is of pair 0, place unknown, AS 0."""
    return GeoTable(
        starts4=np.zeros(1, np.uint32),
        pairs4=np.zeros(1, np.uint32),
        starts6=np.zeros(1, np.uint64),
        pairs6=np.zeros(1, np.uint32),
        pair_place=np.zeros(1, np.uint16),
        pair_asn=np.zeros(1, np.uint32),
        places=(UNKNOWN_PLACE,),
        manifest={"sources": [], "note": "empty: nothing is known of any address"},
    )
