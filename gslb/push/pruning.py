"""What a zone without some of its endpoints is made of; each dialect prunes in its own way.

The zone is all that there is to go by: policies and servers may be out of reach.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from gslb.errors import GslbError
from gslb.push.objects import Place, Rrset, RrsetKey


class NothingLeft(GslbError):  # noqa: N818  what would be, not who is to blame
    """Without these endpoints some clients would get nothing, or what they must not get."""

    def __init__(self, places: Iterable[Place], why: str = "would have nothing left") -> None:
        self.places = tuple(sorted(set(places)))
        shown = ", ".join(" ".join(place) for place in self.places[:4])
        more = f" and {len(self.places) - 4} more" if len(self.places) > 4 else ""
        super().__init__(f"{shown}{more} {why}: nothing is changed")


@dataclass(frozen=True, slots=True)
class Pruned:
    """Record sets that are left of those that were given, changed or not, and some new ones."""

    rrsets: Mapping[RrsetKey, Rrset]
    notes: tuple[str, ...] = ()  # what follows from the removal beside it; for people
