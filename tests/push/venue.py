"""The two providers behind one face: a double, a pusher at it, and what tests do to the zone."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

from gslb.policy.plan import ZonePlan
from gslb.push.apply import Pusher
from gslb.push.clouddns.client import CloudDnsClient
from gslb.push.clouddns.wire import read_rrset as read_clouddns
from gslb.push.compile import desire
from gslb.push.objects import Rrset, manifest_name
from gslb.push.outcome import Status, Wish
from gslb.push.pace import Pace, Timing
from gslb.push.plan import Request
from gslb.push.provider import Dialect, Provider
from gslb.push.route53.client import Route53Client
from gslb.push.route53.wire import read_rrset as read_route53
from gslb.push.verify import sample
from gslb.steering.situation import Situation
from tests.doubles.base import Double
from tests.doubles.clouddns.double import RATE_LIMITED, CloudDnsDouble
from tests.doubles.clouddns.double import UNAVAILABLE as CLOUDDNS_UNAVAILABLE
from tests.doubles.faults import Refusal
from tests.doubles.route53.account import Limits
from tests.doubles.route53.double import THROTTLED, UNAVAILABLE, Route53Double
from tests.push import lab
from tests.steering import lab as steering

ZONE = "example.com."
MANIFEST = manifest_name(ZONE)


class Venue:
    """A zone of one provider's double."""

    commit: str  # the operation that hands in a batch
    create: str  # the one that makes a health check
    look: str  # the one that asks how far a change is
    lists: str  # the one that lists record sets
    throttled: Refusal
    down: Refusal
    double: Double

    def __init__(self) -> None:
        self.timing = Timing(self.double.manual, self.double.manual.sleep, lambda: 0.5)
        self.said: list[Status] = []

    def provider(self, owner: str = lab.OWNER, pace: Pace | None = None) -> Provider:
        raise NotImplementedError

    def pusher(self, owner: str = lab.OWNER) -> Pusher:
        return Pusher(self.provider(owner), self.timing, self.said.append)

    def bodies(self) -> list[dict[str, Any]]:
        """The record sets of the zone as the API has them."""
        raise NotImplementedError

    def read(self, body: Mapping[str, Any]) -> Rrset:
        raise NotImplementedError

    def edit(self, old: Mapping[str, Any] | None, new: Mapping[str, Any] | None) -> None:
        """Change a record set by hand, past the API."""
        raise NotImplementedError

    def body(self, name: str, rtype: str, *values: str) -> dict[str, Any]:
        """Make a plain record set as the API has it."""
        raise NotImplementedError

    def add(self, name: str, rtype: str, *values: str) -> None:
        self.edit(None, self.body(name, rtype, *values))

    def find(self, name: str, rtype: str) -> dict[str, Any]:
        """Return the only body at *name* and *rtype*."""
        (found,) = [one for one in self.bodies() if self.read(one).place == (name, rtype)]
        return found

    def holds(self, name: str, rtype: str) -> bool:
        return any(self.read(one).place == (name, rtype) for one in self.bodies())

    def text(self, name: str) -> str:
        return self.dialect.text_of(self.read(self.find(name, "TXT")))[0]

    def replace_text(self, name: str, change: Callable[[str], str]) -> None:
        """Rewrite a TXT record by hand."""
        old = self.find(name, "TXT")
        self.edit(old, self.body(name, "TXT", f'"{change(self.text(name))}"'))

    @property
    def dialect(self) -> Dialect:
        return self.provider().dialect

    def checks(self) -> int:
        """How many health checks there are."""
        raise NotImplementedError

    def called(self, operation: str) -> int:
        return len(self.double.called(operation))


class AtRoute53(Venue):
    commit = "ChangeResourceRecordSets"
    create = "CreateHealthCheck"
    look = "GetChange"
    lists = "ListResourceRecordSets"
    throttled = THROTTLED
    down = UNAVAILABLE
    double: Route53Double

    def __init__(self, double: Route53Double) -> None:
        self.double = double
        super().__init__()
        self.zone_id = double.add_zone(ZONE)

    def provider(self, owner: str = lab.OWNER, pace: Pace | None = None) -> Provider:
        return Route53Client(ZONE, self.zone_id, owner, pace=pace, timing=self.timing)

    def bodies(self) -> list[dict[str, Any]]:
        return self.double.sets(self.zone_id)

    def read(self, body: Mapping[str, Any]) -> Rrset:
        return read_route53(body, self.zone_id, {})

    def edit(self, old: Mapping[str, Any] | None, new: Mapping[str, Any] | None) -> None:
        changes = [("DELETE", old), ("CREATE", new)]
        made = [{"Action": word, "ResourceRecordSet": one} for word, one in changes if one]
        self.double.edit(self.zone_id, *made)

    def body(self, name: str, rtype: str, *values: str) -> dict[str, Any]:
        records = [{"Value": value} for value in values]
        return {"Name": name, "Type": rtype, "TTL": 60, "ResourceRecords": records}

    def checks(self) -> int:
        return len(self.double.health_checks())


class AtCloudDns(Venue):
    commit = "dns.changes.create"
    create = "compute.healthChecks.insert"
    look = "dns.changes.get"
    lists = "dns.resourceRecordSets.list"
    throttled = RATE_LIMITED
    down = CLOUDDNS_UNAVAILABLE
    double: CloudDnsDouble

    def __init__(self, double: CloudDnsDouble) -> None:
        self.double = double
        super().__init__()
        double.add_zone("example", ZONE)

    def provider(self, owner: str = lab.OWNER, pace: Pace | None = None) -> Provider:
        return CloudDnsClient(ZONE, "example", owner, pace=pace, timing=self.timing)

    def bodies(self) -> list[dict[str, Any]]:
        return self.double.sets("example")

    def read(self, body: Mapping[str, Any]) -> Rrset:
        return read_clouddns(body, {})

    def edit(self, old: Mapping[str, Any] | None, new: Mapping[str, Any] | None) -> None:
        self.double.edit("example", [dict(new)] if new else [], [dict(old)] if old else [])

    def body(self, name: str, rtype: str, *values: str) -> dict[str, Any]:
        return {"name": name, "type": rtype, "ttl": 60, "rrdatas": list(values)}

    def checks(self) -> int:
        return len(self.double.health_checks())


def wish(
    zone: ZonePlan, generation: int, drained: tuple[str, ...] = (), owner: str = lab.OWNER,
    situation: Situation | None = None, **more: Any
) -> Wish:  # fmt: skip
    """Return a wish for *zone*, with questions."""
    now = situation or replace(steering.situation(drained=drained, check=None), health={})
    desired = desire(zone, lab.WORLD, now)
    questions = sample(zone, lab.WORLD, now, desired)
    return Wish(desired, Request(owner, generation, **more), questions)


def point_here(double: Double, folder: Path) -> dict[str, str]:
    """Return the environment in which clients come to *double*."""
    if isinstance(double, Route53Double):
        return double.environment
    assert isinstance(double, CloudDnsDouble)
    return double.environment(folder)


def open_double(name: str) -> Double:
    if name == "route53":
        return Route53Double(Limits(requests_per_second=5.0))
    return CloudDnsDouble()
