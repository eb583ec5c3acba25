r"""Record sets as Route 53's API has them ↔ as plans have them.

A plan has our keys where the API has identifiers of health checks and collections, `@zone` for the
zone's own identifier, and a plain ``*`` where the API lists ``\052``.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from gslb.push.objects import Action, Batch, Change, Rrset
from gslb.push.route53.bodies import ZONE

_BETWEEN_WORDS = re.compile(r"""[\s'",\[\]]+""")
_RACED = ("but it already exists", "but it was not found", "do not match the current values")


def read_rrset(shown: Mapping[str, Any], zone_id: str, keys: Mapping[str, str]) -> Rrset:
    """Return a record set of a list; *keys*: identifier of a check or collection → our key."""
    body = dict(shown)
    body["Name"] = name_in(body["Name"])
    if alias := body.get("AliasTarget"):
        zone = ZONE if alias["HostedZoneId"] == zone_id else alias["HostedZoneId"]
        body["AliasTarget"] = {**alias, "HostedZoneId": zone, "DNSName": name_in(alias["DNSName"])}
    if check := body.get("HealthCheckId"):
        body["HealthCheckId"] = keys.get(check, check)
    if routing := body.get("CidrRoutingConfig"):
        found = routing["CollectionId"]
        body["CidrRoutingConfig"] = {**routing, "CollectionId": keys.get(found, found)}
    if records := body.get("ResourceRecords"):  # the order of values is nobody's
        body["ResourceRecords"] = sorted(records, key=lambda one: str(one["Value"]))
    return Rrset(body["Name"], body["Type"], body.get("SetIdentifier", ""), body)


def write_rrset(rrset: Rrset, zone_id: str, ids: Mapping[str, str]) -> dict[str, Any]:
    """Return a record set for a request; *ids*: our key → identifier."""
    body: dict[str, Any] = dict(rrset.body)
    if alias := body.get("AliasTarget"):
        zone = zone_id if alias["HostedZoneId"] == ZONE else alias["HostedZoneId"]
        body["AliasTarget"] = {**alias, "HostedZoneId": zone}
    if check := body.get("HealthCheckId"):
        body["HealthCheckId"] = ids.get(check, check)
    if routing := body.get("CidrRoutingConfig"):
        found = routing["CollectionId"]
        body["CidrRoutingConfig"] = {**routing, "CollectionId": ids.get(found, found)}
    return body


def write_batch(batch: Batch, zone_id: str, ids: Mapping[str, str]) -> list[dict[str, Any]]:
    """Return the changes of a request.

    What is replaced is deleted exactly as it was read and created anew, so that it fails if
    somebody has changed it. Only sets of the tree, which carry our mark and which nobody else
    has a reason to write, are replaced whatever they are: aliases lead to them.
    """

    def change(action: str, rrset: Rrset | None) -> dict[str, Any]:
        assert rrset is not None
        return {"Action": action, "ResourceRecordSet": write_rrset(rrset, zone_id, ids)}

    made = []
    for one in batch.changes:
        if one.action is Action.UPDATE and one.rrset.ident:
            made.append(change("UPSERT", one.new))
            continue
        if one.action is not Action.CREATE:
            made.append(change("DELETE", one.old))
        if one.action is not Action.DELETE:
            made.append(change("CREATE", one.new))
    return made


def name_in(text: str) -> str:
    r"""Return a name of a list with ``*`` as itself.

    >>> name_in(r"\052.example.com.")
    '*.example.com.'
    """
    return text.replace("\\052", "*").lower()


def raced(message: str) -> bool:
    """Return whether InvalidChangeBatch says that the zone is not as it was read."""
    return any(words in message for words in _RACED)


def complained(message: str, changes: Iterable[Change]) -> Iterator[str]:
    """Yield the names of *changes* that InvalidChangeBatch complains of, by name or by value."""
    words = {name_in(word) for word in _BETWEEN_WORDS.split(message)}
    for change in changes:
        body: Any = change.rrset.body
        values = [one["Value"] for one in body.get("ResourceRecords", ())]
        if change.rrset.name in words or any(f"'{value}'" in message for value in values):
            yield change.rrset.name
