"""changes.create: deletions that match exactly, then additions; the zone becomes all of it or none."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from tests.doubles.clouddns import rrsets
from tests.doubles.clouddns.errors import (
    GoogleError,
    exists,
    invalid,
    not_found,
    over_quota,
    required,
)
from tests.doubles.clouddns.rrsets import Key, Rrset, Surroundings

_CHANGE = "entity.change"


def apply(
    before: Mapping[Key, Rrset], change: Mapping[str, Any], around: Surroundings
) -> dict[Key, Rrset]:
    """Return the zone after *change*; raise :class:`GoogleError` for the first fault."""
    additions, deletions = change.get("additions", []), change.get("deletions", [])
    if not additions and not deletions:
        raise required(_CHANGE)
    _measure(additions, deletions, around.quota)
    after = dict(before)
    for index, one in enumerate(deletions):
        _delete(after, before, one, f"{_CHANGE}.deletions[{index}]")
    for index, given in enumerate(additions):
        at = f"{_CHANGE}.additions[{index}]"
        one = rrsets.checked(given, at, around)
        if rrsets.key(one) in after:
            raise exists(at, f"{one['name']} ({one['type']})")
        after[rrsets.key(one)] = one
    for index, given in enumerate(additions):
        _check_neighbours(after, given, f"{_CHANGE}.additions[{index}]", around.dns_name)
    _check_whole(before, after, around)
    return after


def _measure(additions: list[Rrset], deletions: list[Rrset], quota: Mapping[str, Any]) -> None:
    for name, given in (("Additions", additions), ("Deletions", deletions)):
        most = quota[f"rrset{name}PerChange"]
        if len(given) > most:
            raise over_quota(f"{_CHANGE}.{name.lower()}", most)
    most = quota["totalRrdataSizePerChange"]
    if sum(map(rrsets.size, additions)) > most:
        raise over_quota(_CHANGE, most)


def _delete(after: dict[Key, Rrset], before: Mapping[Key, Rrset], one: Rrset, at: str) -> None:
    for field in ("name", "type"):
        if field not in one:
            raise required(f"{at}.{field}")
    key = rrsets.key(one)
    if key not in before:
        raise not_found(at, f"{one['name']} ({one['type']})")
    if key not in after:
        raise invalid(at, f"{one['name']} ({one['type']}) twice")
    if not rrsets.same(before[key], one):
        raise GoogleError(412, "conditionNotMet", f"Precondition not met for '{at}'")
    del after[key]


def _check_neighbours(after: Mapping[Key, Rrset], given: Rrset, at: str, apex: str) -> None:
    name, rtype = given["name"].lower(), given["type"]
    others = {t for n, t in after if n == name and t != rtype}
    if rtype == "CNAME" and name == apex:
        raise GoogleError(
            400,
            "recordTypeDisallowedAtZoneApex",
            f"The resource record set '{at}' cannot exist alongside any other record type.",
        )
    if others and (rtype == "CNAME" or "CNAME" in others):
        raise GoogleError(
            400,
            "cnameResourceRecordSetConflict",
            f"The resource record set '{at}' is invalid because the DNS name '{name}' may have "
            "either one CNAME resource record set or resource record sets of other types, but "
            "not both.",
        )
    if rtype == "SOA" and name != apex:
        raise _apex(at, rtype)


def _check_whole(
    before: Mapping[Key, Rrset], after: Mapping[Key, Rrset], around: Surroundings
) -> None:
    for rtype in ("SOA", "NS"):
        if (around.dns_name, rtype) not in after:
            raise _apex(_CHANGE, rtype)
    most = around.quota["rrsetsPerManagedZone"]
    if len(after) > max(most, len(before)):
        raise over_quota("entity.managedZone", most)
    most = around.quota["internetHealthChecksPerManagedZone"]
    if sum(len(rrsets.endpoints(one)) for one in after.values()) > most:
        raise over_quota("entity.managedZone.internetHealthChecks", most)


def _apex(at: str, rtype: str) -> GoogleError:
    return GoogleError(
        400,
        "invalidZoneApex",
        f"The resource record set '{at}' is invalid because a zone must contain exactly one "
        f"resource record set of type '{rtype}' at the apex.",
    )
