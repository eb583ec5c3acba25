"""Managed zones, and the limits they are kept within."""

from __future__ import annotations

import dataclasses
from typing import Any

from tests.doubles.clock import stamp
from tests.doubles.clouddns import rrsets
from tests.doubles.clouddns.rrsets import Key, Rrset

NS_TTL = 21_600  # s, as Cloud DNS sets NS and SOA
_SERVERS = tuple(f"ns-cloud-a{n}.googledomains.com." for n in (1, 2, 3, 4))
QUOTA: dict[str, Any] = {  # second-hand numbers; the pusher has to read them, not to know them
    "kind": "dns#quota",
    "managedZones": 10_000,
    "rrsetsPerManagedZone": 10_000,
    "rrsetAdditionsPerChange": 1000,
    "rrsetDeletionsPerChange": 1000,
    "totalRrdataSizePerChange": 100_000,
    "resourceRecordsPerRrset": 100,
    "itemsPerRoutingPolicy": 100,
    "internetHealthChecksPerManagedZone": 100,
}


@dataclasses.dataclass
class Limits:
    """Quotas and pace of the project; tests change them as they like."""

    requests_per_second: float | None = None  # the real quota is a project's own; None: none
    done_seconds: float = 30.0  # from an accepted change to "done", by the double's clock
    operation_seconds: float = 0.0  # of compute's operations
    page: int = 100  # record sets or changes of a page when the request does not say
    policy_sets_carry_rrdatas: bool = False  # whether lists show "rrdatas": [] beside a policy
    quota: dict[str, Any] = dataclasses.field(default_factory=lambda: dict(QUOTA))


@dataclasses.dataclass
class Zone:
    """One managed zone; *sets* is replaced as a whole by each change."""

    id: str
    name: str
    dns_name: str
    description: str
    private: bool
    signed: bool
    created: float
    sets: dict[Key, Rrset] = dataclasses.field(default_factory=dict)
    changes: list[dict[str, Any]] = dataclasses.field(
        default_factory=list
    )  # with "done", the time when they are

    def shown(self) -> dict[str, Any]:
        """Return ``ManagedZone``."""
        return {
            "kind": "dns#managedZone",
            "id": self.id,
            "name": self.name,
            "dnsName": self.dns_name,
            "description": self.description,
            "visibility": "private" if self.private else "public",
            "dnssecConfig": {
                "kind": "dns#managedZoneDnsSecConfig",
                "state": "on" if self.signed else "off",
            },
            "nameServers": list(_SERVERS),
            "creationTime": stamp(self.created),
        }


def new(zone: Zone) -> Zone:
    """Put the NS and SOA into an empty zone that Cloud DNS puts there."""
    soa = f"{_SERVERS[0]} cloud-dns-hostmaster.google.com. 1 21600 3600 259200 300"
    for rtype, rrdatas in (("NS", list(_SERVERS)), ("SOA", [soa])):
        one = {"name": zone.dns_name, "type": rtype, "ttl": NS_TTL, "rrdatas": rrdatas}
        zone.sets[rrsets.key(one)] = one
    return zone
