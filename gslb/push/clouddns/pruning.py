"""Record sets of Cloud DNS without some endpoints, as near to a push with the drain as they tell.

A backup takes the place of primaries that are gone, as the next step of a chain would. What a set
does not say is lost: the third step, weights behind a backup, and which rule a region follows; its
clients are answered like those of the nearest region that has something left.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from gslb.push.objects import Place, Rrset, RrsetKey
from gslb.push.ownership import mark_name
from gslb.push.pruning import NothingLeft, Pruned


def prune(rrsets: Mapping[RrsetKey, Rrset], gone: frozenset[str]) -> Pruned:
    """Return what is left of our *rrsets* without the endpoints that are answered as *gone*.

    Raises:
        NothingLeft: a name would have no endpoint, or a fence would be left.
    """
    sets = {one.place: one for one in rrsets.values()}
    left = {place: _without(one, gone) for place, one in sets.items()}
    notes: list[str] = []
    # CNAMEs lead to nodes; a node of which no type is left takes those that lead there with it.
    while True:
        dead = {place for place, one in left.items() if one is None}
        lost = {name for name, _ in dead if all((name, t) not in sets or (name, t) in dead
                                               for t in ("A", "AAAA", "CNAME"))}  # fmt: skip
        if half := [place for place in dead if place[0] not in lost]:
            raise NothingLeft(half)
        again = {
            place: _without(one, frozenset(lost)) for place, one in left.items()
            if one is not None and place[1] == "CNAME"
        }  # fmt: skip
        if not any(one is None for one in again.values()):
            left |= again
            break
        left |= again
    if names := [place for place in dead if not place[0].startswith("_")]:
        raise NothingLeft(names)
    for place, one in sorted(left.items()):
        if one is not None and (fewer := _regions(sets[place]) - _regions(one)):
            notes.append(
                f"{place[0]} {place[1]}: clients near {fewer} regions are answered like those of"
                " the nearest other one"
            )
    marks = {(mark_name(*place), "TXT", "") for place in dead}
    kept = [one for one in left.values() if one is not None and one.key not in marks]
    return Pruned({one.key: one for one in kept}, tuple(notes))


def _without(one: Rrset, gone: frozenset[str]) -> Rrset | None:
    """Return *one* without what it steers to *gone*; None: nothing is left. Plain sets stay."""
    body: Any = one.body
    policy = body.get("routingPolicy")
    if policy is None:
        led = one.rtype == "CNAME" and one.name[:1] != "_" and set(body["rrdatas"]) <= gone
        return None if led else one
    kept = _policy(one.place, policy, gone)
    if kept is None:
        return None
    if kept == policy:
        return one
    return Rrset(one.name, one.rtype, one.ident, {**body, "routingPolicy": kept})


def _policy(place: Place, policy: Any, gone: frozenset[str]) -> dict[str, Any] | None:
    if "wrr" in policy:
        items = _items(policy["wrr"]["items"], gone)
        return {**policy, "wrr": {"items": items}} if items else None
    if "geo" in policy:
        geo = policy["geo"]
        items = _items(geo["items"], gone)
        if items and geo["enableFencing"] and len(items) < len(geo["items"]):
            raise NothingLeft([place], "would leave its fence")
        return {**policy, "geo": {**geo, "items": items}} if items else None
    backup = policy["primaryBackup"]
    geo = backup["backupGeoTargets"]
    first = _targets(backup["primaryTargets"], gone)
    second = _items(geo["items"], gone)
    if first and second:
        made = {"primaryTargets": {"externalEndpoints": first},
                "backupGeoTargets": {**geo, "items": second}}  # fmt: skip
        return {**policy, "primaryBackup": {**backup, **made}}
    alone = first or [
        address
        for item in second
        for address in _targets(item["healthCheckedTargets"], frozenset())
    ]
    items = [
        {"weight": 1 / len(alone), "healthCheckedTargets": {"externalEndpoints": [address]}}
        for address in alone
    ]
    others = {key: value for key, value in policy.items() if key != "primaryBackup"}
    return {**others, "wrr": {"items": items}} if items else None


def _items(items: Sequence[Any], gone: frozenset[str]) -> list[Any]:
    """Return *items* without *gone*, and without those that then are empty."""
    found = []
    for item in items:
        made = dict(item)
        if "rrdatas" in item:
            made["rrdatas"] = [one for one in item["rrdatas"] if one not in gone]
        if "healthCheckedTargets" in item:
            kept = _targets(item["healthCheckedTargets"], gone)
            made["healthCheckedTargets"] = {"externalEndpoints": kept}
        if made.get("rrdatas") or made.get("healthCheckedTargets", {}).get("externalEndpoints"):
            found.append(made)
    return found


def _targets(targets: Any, gone: frozenset[str]) -> list[str]:
    return [one for one in targets["externalEndpoints"] if one not in gone]


def _regions(one: Rrset) -> int:
    body: Any = one.body
    return len(body.get("routingPolicy", {}).get("geo", {}).get("items", ()))
