"""What the numbers in a table mean to people: choices as records and rules, addresses as places.

Made where the table is rendered, for whoever shows what was answered. Bounded, however large the
policies are: what is beyond the bounds is counted together.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from gslb.policy.names import name_text
from gslb.policy.plan import Plan
from gslb.steering.capacity import Candidate
from gslb.steering.model import Outcome

MAX_RECORDS = 500  # with labels of their own; each has rules × sites series
MAX_PLACES = 2000  # availability zones, of all sites together
OTHER = "(other)"  # beyond the bounds; no name of a record, zone or site has parentheses
NONE = "(none)"

Why = Mapping[str, str]  # by site, the reason of its share; "": of an answer without a site
Place = tuple[str, str]  # site, availability zone


@dataclass(frozen=True, slots=True)
class LabelChange:
    """What a change of situation makes of some labels."""

    reasons: Mapping[int, Why] = field(default_factory=dict)
    places: Mapping[bytes, tuple[Place, ...]] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Labels:
    """The labels of one table. Choices beyond `choices` are of records beyond the bound."""

    records: tuple[str, ...]  # one for each policy: the first name that it steers
    choices: tuple[tuple[int, str], ...]  # index into records, rule
    reasons: dict[int, Why]  # by choice, in the situation of now
    places: dict[bytes, tuple[Place, ...]]  # by address, or name of a CNAME

    def take(self, change: LabelChange) -> None:
        """Go on with what *change* says. A place stays known: an old answer may still be counted."""
        self.reasons.update(change.reasons)
        for key, places in change.places.items():
            sites = {site for site, _ in places}
            others = (place for place in self.places.get(key, ()) if place[0] not in sites)
            self.places[key] = (*places, *others)

    def to_json(self) -> bytes:
        """Return the labels as octets."""
        places = {key.hex(): list(value) for key, value in self.places.items()}
        reasons = [[number, dict(why)] for number, why in self.reasons.items()]
        return json.dumps([self.records, self.choices, reasons, places]).encode()

    @classmethod
    def from_json(cls, octets: bytes) -> Labels:
        """Return what `to_json` wrote. Raises ValueError."""
        try:
            records, choices, reasons, places = json.loads(octets)
            return cls(
                tuple(map(str, records)),
                tuple((int(record), str(rule)) for record, rule in choices),
                {int(number): dict(why) for number, why in reasons},
                {
                    bytes.fromhex(key): tuple((str(site), str(zone)) for site, zone in value)
                    for key, value in places.items()
                },
            )
        except (TypeError, AttributeError) as error:
            raise ValueError(f"no labels: {error}") from None


def no_labels() -> Labels:
    """Return the labels of a table that nobody has described: all is counted together."""
    return Labels((), (), {}, {})


def record_labels(plan: Plan) -> list[str]:
    """Return a label for each policy of *plan*, zone by zone: the first name that it steers."""
    found: list[str] = []
    for zone in plan.zones:
        first: dict[int, bytes] = {}
        for name, policy in zone.names:
            if policy not in first:
                first[policy] = name
        found += [
            name_text(first[number]) if number in first else policy.name
            for number, policy in enumerate(zone.policies)
        ]
    return found


def why_of(outcome: Outcome) -> Why:
    """Return the reason of each site's share in *outcome*."""
    found = {site: reason.value for site, reason in outcome.reasons.items()}
    return found or {"": outcome.reason.value}


class Places:
    """Which places addresses stand for, within the bound."""

    def __init__(self) -> None:
        self._known: set[Place] = set()

    def of(
        self, candidates: Iterable[tuple[str, tuple[Candidate, ...]]]
    ) -> dict[bytes, tuple[Place, ...]]:
        """Return the places by address; *candidates* by site."""
        found: dict[bytes, dict[Place, None]] = {}
        for site, those in candidates:
            for one in those:
                place = self._within(site, one.zone)
                target = one.endpoint.cname
                for key in (*one.a, *one.aaaa, *(() if target is None else (target.lower(),))):
                    found.setdefault(key, {})[place] = None
        return {key: tuple(places) for key, places in found.items()}

    def _within(self, site: str, zone: str) -> Place:
        place = site, zone
        if place not in self._known:
            if len(self._known) >= MAX_PLACES:
                return OTHER, OTHER
            self._known.add(place)
        return place
