"""The account behind the double: zones, changes, health checks, CIDR collections, tags."""

from __future__ import annotations

import dataclasses
import itertools
import json
from collections.abc import Callable, Sequence
from typing import Any

from tests.doubles.clock import wall
from tests.doubles.route53 import batch, checks, cidrs, names, tags, zones
from tests.doubles.route53.errors import bad_input
from tests.doubles.route53.sets import RecordSet


@dataclasses.dataclass
class Limits:
    """Quotas and pace of the account; tests change them as they like."""

    requests_per_second: float | None = 5.0  # None: not throttled
    insync_seconds: float = 60.0  # from an accepted batch to INSYNC, by the double's clock
    health_checks: int = 200
    hosted_zones: int = 500
    sets_of_a_zone: int = 10_000


@dataclasses.dataclass(frozen=True)
class Batch:
    """A batch that was applied, in order, for tests of what a pusher sent."""

    zone_id: str
    change_id: str
    comment: str
    changes: tuple[dict[str, Any], ...]


@dataclasses.dataclass
class Submission:
    """A change on its way; *insync* is when every server has it, by the double's clock."""

    submitted: float
    insync: float
    comment: str


class Account:
    """The state. Whoever calls holds the double's lock."""

    def __init__(self, url: str, limits: Limits, clock: Callable[[], float]) -> None:
        self.url = url
        self.limits = limits
        self.clock = clock
        self.batches: list[Batch] = []
        self.serial = itertools.count(1)
        self.zones: dict[str, zones.Zone] = {}
        self.changes: dict[str, Submission] = {}
        self.checks = checks.Checks()
        self.collections = cidrs.Collections()
        self.tags: tags.Tags = {}

    def zone(self, zone_id: str) -> zones.Zone:
        """Return a hosted zone; ``NoSuchHostedZone``."""
        if zone_id not in self.zones:
            raise zones.no_such_zone(zone_id)
        return self.zones[zone_id]

    def around(self, zone: zones.Zone) -> batch.Surroundings:
        """Return what a batch for the zone may refer to."""

        def locations(collection_id: str) -> frozenset[str] | None:
            found = self.collections.by_id.get(collection_id)
            return None if found is None else frozenset(found.locations)

        return batch.Surroundings(
            zone_id=zone.id,
            zone_name=zone.name,
            most_sets=self.limits.sets_of_a_zone,
            has_check=self.checks.by_id.__contains__,
            cidr_locations=locations,
        )

    def submitted(self, comment: str = "") -> dict[str, Any]:
        """Note a change that was accepted; return its ``ChangeInfo``."""
        change_id = f"C{next(self.serial):019d}"
        now = self.clock()
        self.changes[change_id] = Submission(now, now + self.limits.insync_seconds, comment)
        return self.change_info(change_id)

    def change_info(self, change_id: str) -> dict[str, Any]:
        """Return ``ChangeInfo`` as it is now."""
        change = self.changes[change_id]
        shown: dict[str, Any] = {
            "Id": f"/change/{change_id}",
            "Status": "INSYNC" if self.clock() >= change.insync else "PENDING",
            "SubmittedAt": wall(change.submitted),
        }
        return shown | ({"Comment": change.comment} if change.comment else {})

    def cidr_in_use(self, collection_id: str, location: str) -> bool:
        """Say whether a record set routes by the location."""
        wanted = {"CollectionId": collection_id, "LocationName": location}
        return any(
            one.get("CidrRoutingConfig") == wanted
            for zone in self.zones.values()
            for one in zone.sets.values()
        )

    def resource(self, kind: str, identifier: str) -> tuple[str, str]:
        """Return the key of something that takes tags, if it exists."""
        if kind == "healthcheck":
            self.checks.get(identifier)
        elif kind == "hostedzone":
            self.zone(identifier)
        else:
            raise bad_input(f"No tags of {kind} here.")
        return kind, identifier

    def add_zone(self, name: str, reference: str, *, private: bool, comment: str) -> zones.Zone:
        """Make a hosted zone under a normal name."""
        zone_id = f"Z{next(self.serial):019d}"
        made = zones.new(zone_id, name, reference, private=private, comment=comment)
        self.zones[zone_id] = made
        return made

    def ordered(self, zone_id: str) -> Sequence[RecordSet]:
        """Return the record sets of a zone in the order of lists."""
        found = self.zone(zone_id).sets
        return [found[key] for key in sorted(found, key=lambda k: (names.order(k[0]), *k[1:]))]

    def snapshot(self) -> dict[str, Any]:
        """Return the state as JSON-able values; equal states give equal snapshots."""
        state = {
            "zones": [
                {**zone.shown(), "Sets": self.ordered(zone.id)} for zone in self.zones.values()
            ],
            "health_checks": list(self.checks.by_id.values()),
            "healthy": self.checks.healthy,
            "cidr_collections": [
                {**one.summary(), "Locations": one.locations}
                for one in self.collections.by_id.values()
            ],
            "tags": [tags.shown(self.tags, resource) for resource in self.tags],
        }
        copied: dict[str, Any] = json.loads(json.dumps(state))
        return copied
