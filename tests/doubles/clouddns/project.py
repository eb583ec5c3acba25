"""The project behind the double: zones, record sets, changes, health checks; and its methods."""

from __future__ import annotations

import base64
import binascii
import itertools
import json
import re
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from tests.doubles.clock import stamp
from tests.doubles.clouddns import changes, checks, rrsets, zones
from tests.doubles.clouddns.errors import GoogleError, exists, invalid, not_found, required
from tests.doubles.clouddns.rrsets import Rrset, Surroundings
from tests.doubles.clouddns.zones import Limits, Zone

_ZONE_NAME = re.compile(r"[a-z]([-a-z0-9]{0,61}[a-z0-9])?")
_COMPUTE = "https://www.googleapis.com/compute/v1"


class Project:
    """The state and its methods. Whoever calls holds the double's lock."""

    def __init__(self, name: str, limits: Limits, clock: Callable[[], float]) -> None:
        self.name = name
        self.limits = limits
        self.clock = clock
        self.zones: dict[str, Zone] = {}
        self.checks: dict[str, dict[str, Any]] = {}
        self.operations: dict[str, dict[str, Any]] = {}
        self._serial = itertools.count(1)

    # State.

    def add_zone(
        self, name: str, dns_name: str, *, description: str, private: bool, signed: bool
    ) -> Zone:
        """Make a zone with the NS and SOA that Cloud DNS puts there."""
        zone = zones.new(
            Zone(
                id=str(1000 + next(self._serial)),
                name=name,
                dns_name=dns_name,
                description=description,
                private=private,
                signed=signed,
                created=self.clock(),
            )
        )
        self.zones[name] = zone
        return zone

    def zone(self, given: Mapping[str, Any]) -> Zone:
        """Return the zone that a path names, by name or identifier."""
        wanted = given["managedZone"]
        for zone in self.zones.values():
            if wanted in (zone.name, zone.id):
                return zone
        raise not_found("parameters.managedZone", wanted)

    def around(self, zone: Zone) -> Surroundings:
        """Return what a change of the zone may refer to."""
        return Surroundings(
            dns_name=zone.dns_name,
            private=zone.private,
            signed=zone.signed,
            quota=self.limits.quota,
            has_check=self._has_check,
        )

    def ordered(self, zone: Zone) -> Sequence[Rrset]:
        """Return the record sets of a zone in the order of lists: from the apex down."""
        found = zone.sets
        return [found[k] for k in sorted(found, key=lambda k: (k[0].split(".")[::-1], k[1]))]

    def shown(self, one: Rrset) -> Rrset:
        """Return a record set as replies show it."""
        shown = {"kind": "dns#resourceRecordSet", **_copy(one), "signatureRrdatas": []}
        if "routingPolicy" in one and self.limits.policy_sets_carry_rrdatas:
            shown["rrdatas"] = []
        return shown

    # Cloud DNS.

    def projects_get(self, given: dict[str, Any], _: dict[str, Any]) -> dict[str, Any]:
        """Return the project and its quota."""
        quota = dict(self.limits.quota)
        return {"kind": "dns#project", "id": self.name, "number": "1", "quota": quota}

    def zones_list(self, given: dict[str, Any], _: dict[str, Any]) -> dict[str, Any]:
        """List the zones, all or those of one DNS name."""
        wanted = given.get("dnsName")
        found = [z.shown() for z in self.zones.values() if wanted in (None, z.dns_name)]
        return self._page(found, given, "managedZones", "dns#managedZonesListResponse")

    def zones_get(self, given: dict[str, Any], _: dict[str, Any]) -> dict[str, Any]:
        """Return a zone."""
        return self.zone(given).shown()

    def zones_create(self, given: dict[str, Any], body: dict[str, Any]) -> dict[str, Any]:
        """Create a zone."""
        at = "entity.managedZone"
        for field in ("name", "dnsName", "description"):
            if field not in body:
                raise required(f"{at}.{field}")
        if not _ZONE_NAME.fullmatch(body["name"]):
            raise invalid(f"{at}.name", body["name"])
        if not re.fullmatch(r"([a-z0-9_-]{1,63}\.)+", body["dnsName"]):
            raise invalid(f"{at}.dnsName", body["dnsName"])
        if body["name"] in self.zones:
            raise exists(at, body["name"])
        return self.add_zone(
            body["name"],
            body["dnsName"],
            description=body["description"],
            private=body.get("visibility") == "private",
            signed=body.get("dnssecConfig", {}).get("state") in ("on", "transfer"),
        ).shown()

    def zones_delete(self, given: dict[str, Any], _: dict[str, Any]) -> None:
        """Delete a zone that holds nothing but its apex."""
        zone = self.zone(given)
        if len(zone.sets) > 2:
            raise GoogleError(
                400,
                "containerNotEmpty",
                f"The resource named '{zone.name}' cannot be deleted because it is not empty",
            )
        del self.zones[zone.name]

    def rrsets_list(self, given: dict[str, Any], _: dict[str, Any]) -> dict[str, Any]:
        """List the record sets, all or those of one name, or one name and type."""
        if "filter" in given:
            raise GoogleError(501, "notImplemented", "filter is not in the double")
        name, rtype = given.get("name"), given.get("type")
        if rtype is not None and name is None:
            raise required("parameters.name")
        found = [
            self.shown(one)
            for one in self.ordered(self.zone(given))
            if name in (None, one["name"]) and rtype in (None, one["type"])
        ]
        return self._page(found, given, "rrsets", "dns#resourceRecordSetsListResponse")

    def rrsets_get(self, given: dict[str, Any], _: dict[str, Any]) -> dict[str, Any]:
        """Return one record set."""
        found = self.zone(given).sets.get((given["name"], given["type"]))
        if found is None:
            raise not_found("entity.rrset", f"{given['name']} ({given['type']})")
        return self.shown(found)

    def changes_create(self, given: dict[str, Any], body: dict[str, Any]) -> dict[str, Any]:
        """Apply a change, all of it or nothing."""
        zone = self.zone(given)
        zone.sets = changes.apply(zone.sets, body, self.around(zone))
        change = {
            "id": str(len(zone.changes) + 1),
            "started": self.clock(),
            "done": self.clock() + self.limits.done_seconds,
            "additions": [rrsets.plain(one) for one in body.get("additions", [])],
            "deletions": [rrsets.plain(one) for one in body.get("deletions", [])],
        }
        zone.changes.append(change)
        return self._change(change)

    def changes_get(self, given: dict[str, Any], _: dict[str, Any]) -> dict[str, Any]:
        """Return a change and how far it is."""
        for change in self.zone(given).changes:
            if change["id"] == given["changeId"]:
                return self._change(change)
        raise not_found("parameters.changeId", given["changeId"])

    def changes_list(self, given: dict[str, Any], _: dict[str, Any]) -> dict[str, Any]:
        """List the changes, the newest first unless told otherwise."""
        order = given.get("sortOrder", "descending")
        if order not in ("ascending", "descending"):
            raise invalid("parameters.sortOrder", order)
        found = [self._change(change) for change in self.zone(given).changes]
        found = found if order == "ascending" else found[::-1]
        return self._page(found, given, "changes", "dns#changesListResponse")

    # compute.

    def checks_insert(self, given: dict[str, Any], body: dict[str, Any]) -> dict[str, Any]:
        """Create a health check."""
        one = checks.checked(body)
        if one["name"] in self.checks:
            raise exists("resource", one["name"])
        return self._put_check(one, "insert")

    def checks_update(self, given: dict[str, Any], body: dict[str, Any]) -> dict[str, Any]:
        """Replace a health check's settings."""
        self.checks_get(given, {})
        one = checks.checked({"name": given["healthCheck"], **body})
        if one["name"] != given["healthCheck"]:
            raise invalid("resource.name", one["name"])
        return self._put_check(one, "update")

    def checks_patch(self, given: dict[str, Any], body: dict[str, Any]) -> dict[str, Any]:
        """Change some of a health check's settings."""
        now = self.checks_get(given, {})
        fixed = ("kind", "id", "selfLink", "creationTimestamp")
        kept = {name: value for name, value in now.items() if name not in fixed}
        return self.checks_update(given, {**kept, **body})

    def checks_get(self, given: dict[str, Any], _: dict[str, Any]) -> dict[str, Any]:
        """Return a health check."""
        if given["healthCheck"] not in self.checks:
            raise not_found("resource", given["healthCheck"])
        return _copy(self.checks[given["healthCheck"]]["shown"])

    def checks_list(self, given: dict[str, Any], _: dict[str, Any]) -> dict[str, Any]:
        """List the health checks."""
        found = [_copy(check["shown"]) for check in self.checks.values()]
        return self._page(found, given, "items", "compute#healthCheckList")

    def checks_delete(self, given: dict[str, Any], _: dict[str, Any]) -> dict[str, Any]:
        """Delete a health check that no record set names."""
        link = self.checks_get(given, {})["selfLink"]
        for zone in self.zones.values():
            for one in zone.sets.values():
                if one.get("routingPolicy", {}).get("healthCheck") == link:
                    raise GoogleError(
                        400,
                        "resourceInUseByAnotherResource",
                        f"The resource '{link}' is already being used by '{one['name']}'",
                    )
        del self.checks[given["healthCheck"]]
        return self._operation("delete", link)

    def operations_get(self, given: dict[str, Any], _: dict[str, Any]) -> dict[str, Any]:
        """Return an operation and how far it is."""
        if given["operation"] not in self.operations:
            raise not_found("operation", given["operation"])
        operation = self.operations[given["operation"]]
        status = "DONE" if self.clock() >= operation["done"] else "RUNNING"
        return {**operation["shown"], "status": status}

    # Helpers.

    def _has_check(self, url: str) -> bool:
        return any(
            check["shown"]["selfLink"] == url
            and "sourceRegions" in check["shown"]
            and self.clock() >= check["ready"]
            for check in self.checks.values()
        )

    def _put_check(self, one: checks.Check, verb: str) -> dict[str, Any]:
        before = self.checks.get(one["name"], {}).get("shown", {})
        link = f"{_COMPUTE}/projects/{self.name}/global/healthChecks/{one['name']}"
        shown = {
            "kind": "compute#healthCheck",
            "id": before.get("id", str(2000 + next(self._serial))),
            "creationTimestamp": before.get("creationTimestamp", stamp(self.clock())),
            "selfLink": link,
            **one,
        }
        ready = self.clock() + (0 if before else self.limits.operation_seconds)
        self.checks[one["name"]] = {"shown": shown, "ready": ready}
        return self._operation(verb, link)

    def _operation(self, verb: str, link: str) -> dict[str, Any]:
        name = f"operation-{next(self._serial)}"
        shown = {
            "kind": "compute#operation",
            "id": str(3000 + len(self.operations)),
            "name": name,
            "operationType": verb,
            "targetLink": link,
            "selfLink": f"{_COMPUTE}/projects/{self.name}/global/operations/{name}",
        }
        done = self.clock() + self.limits.operation_seconds
        self.operations[name] = {"shown": shown, "done": done}
        return self.operations_get({"operation": name}, {})

    def _change(self, change: Mapping[str, Any]) -> dict[str, Any]:
        return {
            "kind": "dns#change",
            "id": change["id"],
            "startTime": stamp(change["started"]),
            "status": "done" if self.clock() >= change["done"] else "pending",
            "additions": [self.shown(one) for one in change["additions"]],
            "deletions": [self.shown(one) for one in change["deletions"]],
        }

    def _page(
        self, found: Sequence[Any], given: Mapping[str, Any], name: str, kind: str
    ) -> dict[str, Any]:
        size = given.get("maxResults", self.limits.page)
        if size < 1:
            raise invalid("parameters.maxResults", size)
        first = _place(given["pageToken"]) if "pageToken" in given else 0
        shown: dict[str, Any] = {"kind": kind, name: list(found[first : first + size])}
        if len(found) > first + size:
            shown["nextPageToken"] = base64.urlsafe_b64encode(
                f"at:{first + size}".encode()
            ).decode()
        return shown


def _place(token: str) -> int:
    try:
        match = re.fullmatch(r"at:([0-9]+)", base64.urlsafe_b64decode(token).decode())
    except (binascii.Error, ValueError):
        match = None
    if match is None:
        raise invalid("parameters.pageToken", token)
    return int(match[1])


def _copy(one: Mapping[str, Any]) -> dict[str, Any]:
    copied: dict[str, Any] = json.loads(json.dumps(one))
    return copied


METHODS: dict[str, Callable[[Project, dict[str, Any], dict[str, Any]], dict[str, Any] | None]] = {
    "dns.projects.get": Project.projects_get,
    "dns.managedZones.list": Project.zones_list,
    "dns.managedZones.get": Project.zones_get,
    "dns.managedZones.create": Project.zones_create,
    "dns.managedZones.delete": Project.zones_delete,
    "dns.resourceRecordSets.list": Project.rrsets_list,
    "dns.resourceRecordSets.get": Project.rrsets_get,
    "dns.changes.create": Project.changes_create,
    "dns.changes.get": Project.changes_get,
    "dns.changes.list": Project.changes_list,
    "compute.healthChecks.insert": Project.checks_insert,
    "compute.healthChecks.update": Project.checks_update,
    "compute.healthChecks.patch": Project.checks_patch,
    "compute.healthChecks.get": Project.checks_get,
    "compute.healthChecks.list": Project.checks_list,
    "compute.healthChecks.delete": Project.checks_delete,
    "compute.globalOperations.get": Project.operations_get,
}
