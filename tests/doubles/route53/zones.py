"""Hosted zones and the pages of their record sets."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from typing import Any

from tests.doubles.route53 import names, sets
from tests.doubles.route53.errors import AwsError, bad_input
from tests.doubles.route53.sets import Key, RecordSet

PAGE_OF_SETS = 300  # the most record sets of a page
PAGE_OF_OTHERS = 100  # zones, checks
NS_TTL = 172_800  # s
SOA_TTL = 900  # s


@dataclasses.dataclass
class Zone:
    """One hosted zone; *sets* is replaced as a whole by each batch."""

    id: str
    name: str  # normal
    reference: str
    private: bool
    comment: str
    sets: dict[Key, RecordSet]
    busy: bool = False  # a batch is being taken in

    def shown(self) -> dict[str, Any]:
        """Return ``HostedZone``."""
        config: dict[str, Any] = {"PrivateZone": self.private}
        if self.comment:
            config["Comment"] = self.comment
        return {
            "Id": f"/hostedzone/{self.id}",
            "Name": self.name,
            "CallerReference": self.reference,
            "Config": config,
            "ResourceRecordSetCount": len(self.sets),
        }

    @property
    def name_servers(self) -> list[str]:
        """The names of the zone's four servers."""
        return [f"ns-{n}.awsdns-{n % 64:02d}.{tld}" for n, tld in _servers(self.id)]


def _servers(zone_id: str) -> list[tuple[int, str]]:
    seed = sum(zone_id.encode())
    return [(seed % 512 + 512 * n, tld) for n, tld in enumerate(("com", "net", "org", "co.uk"))]


def new(zone_id: str, name: str, reference: str, *, private: bool, comment: str) -> Zone:
    """Return a zone with the SOA and NS that Route 53 puts there."""
    zone = Zone(zone_id, name, reference, private, comment, {})
    servers = zone.name_servers
    apex: list[RecordSet] = [
        {
            "Name": name,
            "Type": "NS",
            "TTL": NS_TTL,
            "ResourceRecords": [{"Value": server + "."} for server in servers],
        },
        {
            "Name": name,
            "Type": "SOA",
            "TTL": SOA_TTL,
            "ResourceRecords": [
                {"Value": f"{servers[0]}. awsdns-hostmaster.amazon.com. 1 7200 900 1209600 86400"}
            ],
        },
    ]
    zone.sets = {sets.key(one): one for one in apex}
    return zone


def page(zone: Zone, given: Mapping[str, Any]) -> dict[str, Any]:
    """Return one page of the zone's sets in Route 53's order: reversed name, type, identifier."""
    name, rtype = given.get("StartRecordName"), given.get("StartRecordType")
    identifier = given.get("StartRecordIdentifier")
    if rtype is not None and name is None:
        raise bad_input("StartRecordType without StartRecordName.")
    if identifier is not None and (name is None or rtype is None):
        raise bad_input("StartRecordIdentifier without StartRecordName and StartRecordType.")
    size = size_of(given, PAGE_OF_SETS)
    start = ("", "", "")
    if name is not None:
        try:
            start = (names.order(names.normal(name)), rtype or "", identifier or "")
        except names.BadNameError as error:
            raise bad_input(str(error)) from None
    ordered = sorted(((names.order(n), t, i), one) for (n, t, i), one in zone.sets.items())
    rest = [one for place, one in ordered if place >= start]
    shown: dict[str, Any] = {
        "ResourceRecordSets": rest[:size],
        "IsTruncated": len(rest) > size,
        "MaxItems": str(size),
    }
    if len(rest) > size:
        shown |= {"NextRecordName": rest[size]["Name"], "NextRecordType": rest[size]["Type"]}
        if "SetIdentifier" in rest[size]:
            shown["NextRecordIdentifier"] = rest[size]["SetIdentifier"]
    return shown


def marked_page(items: Mapping[str, Any], given: Mapping[str, Any], name: str) -> dict[str, Any]:
    """Return one page of *items* by identifier, under *name*, as lists with markers do."""
    size = size_of(given, PAGE_OF_OTHERS)
    ids = list(items)
    marker = given.get("Marker")
    if marker is not None and marker not in items:
        raise bad_input(f"The marker {marker} is not valid.")
    first = ids.index(marker) if marker is not None else 0
    shown: dict[str, Any] = {
        name: [items[one] for one in ids[first : first + size]],
        "Marker": marker or "",
        "IsTruncated": len(ids) > first + size,
        "MaxItems": str(size),
    }
    if len(ids) > first + size:
        shown["NextMarker"] = ids[first + size]
    return shown


def size_of(given: Mapping[str, Any], most: int) -> int:
    """Return the size of a page: MaxItems is text, and more than *most* is *most*."""
    text = given.get("MaxItems", str(most))
    if not text.isdecimal() or int(text) < 1:
        raise bad_input(f"MaxItems {text!r} is not a positive number.")
    return min(int(text), most)


def no_such_zone(zone_id: str) -> AwsError:
    """Return the refusal of an unknown zone."""
    return AwsError("NoSuchHostedZone", f"No hosted zone found with ID: {zone_id}")
