"""ChangeResourceRecordSets: a batch is tried on a copy, and the zone becomes the copy, or nothing."""

from __future__ import annotations

import dataclasses
from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

from tests.doubles.route53 import names, sets
from tests.doubles.route53.errors import AwsError, bad_batch, bad_input
from tests.doubles.route53.sets import KINDS, Key, RecordSet

MAX_ELEMENTS = 1000  # ResourceRecord elements and aliases a batch; an UPSERT counts twice
MAX_CHARACTERS = 32_000  # of values a batch; an UPSERT counts twice
MAX_VALUES = 400  # of one record set
MAX_GROUP = 100  # record sets of one name and type
MAX_GEOPROXIMITY = 30


ByName = dict[str, dict[Key, RecordSet]]


@dataclasses.dataclass(frozen=True)
class Surroundings:
    """What a batch may refer to outside its zone."""

    zone_id: str
    zone_name: str
    most_sets: int
    has_check: Callable[[str], bool]
    cidr_locations: Callable[[str], frozenset[str] | None]  # by collection; None: no such


def apply(
    before: Mapping[Key, RecordSet], changes: Sequence[Mapping[str, Any]], around: Surroundings
) -> dict[Key, RecordSet]:
    """Return the zone after *changes*; raise :class:`AwsError` with everything that is wrong."""
    _measure(changes)
    steps = _normal(changes)
    wrong = [w for action, one in steps for w in sets.requests_wrong(action, one)]
    if wrong:
        raise bad_input(", ".join(wrong))
    for _, one in steps:
        if (check := one.get("HealthCheckId")) and not around.has_check(check):
            raise AwsError("NoSuchHealthCheck", f"A health check with id {check} does not exist.")
    problems = _repeated(steps)
    by_name: ByName = {}
    for key, one in before.items():
        by_name.setdefault(key[0], {})[key] = one
    puts = {sets.key(one)[:2]: at for at, (action, one) in enumerate(steps) if action != "DELETE"}
    for index, (action, one) in enumerate(steps):
        if action == "DELETE":
            problems += _delete(by_name.get(one["Name"], {}), one)
            continue
        found = _put_wrong(by_name, action, one, around)
        if "AliasTarget" in one:
            found += _alias_wrong(by_name, one, puts, index, around)
        problems += found
        if not found:
            by_name.setdefault(one["Name"], {})[sets.key(one)] = one
    after = {key: one for group in by_name.values() for key, one in group.items()}
    problems = problems or _whole_wrong(before, after, around)
    if problems:
        raise bad_batch(list(dict.fromkeys(problems)))
    return after


def _measure(changes: Sequence[Mapping[str, Any]]) -> None:
    elements = characters = 0
    for change in changes:
        times = 2 if change["Action"] == "UPSERT" else 1
        values = change["ResourceRecordSet"].get("ResourceRecords", [])
        alias = 1 if "AliasTarget" in change["ResourceRecordSet"] else 0
        elements += times * (len(values) + alias)
        characters += times * sum(len(record["Value"]) for record in values)
    if elements > MAX_ELEMENTS:
        raise AwsError("InvalidChangeBatch", f"Number of records limit of {MAX_ELEMENTS} exceeded.")
    if characters > MAX_CHARACTERS:
        raise AwsError(
            "InvalidChangeBatch", f"Number of characters limit of {MAX_CHARACTERS} exceeded."
        )


def _normal(changes: Iterable[Mapping[str, Any]]) -> list[tuple[str, RecordSet]]:
    steps, wrong = [], []
    for change in changes:
        try:
            steps.append((change["Action"], sets.normal(change["ResourceRecordSet"])))
        except names.BadNameError as error:
            wrong.append(str(error))
    if wrong:
        raise bad_batch(wrong)
    return steps


def _repeated(steps: Sequence[tuple[str, RecordSet]]) -> list[str]:
    """Refuse two changes of one set, other than DELETE and then CREATE."""
    actions: dict[Key, list[str]] = {}
    for action, one in steps:
        actions.setdefault(sets.key(one), []).append(action)
    return [
        f"The request contains an invalid set of changes for a resource record set '{rtype} {name}'"
        for (name, rtype, _), done in actions.items()
        if len(done) > 1 and done != ["DELETE", "CREATE"]
    ]


def _delete(after: dict[Key, RecordSet], one: RecordSet) -> list[str]:
    current = after.get(sets.key(one))
    tried = f"Tried to delete resource record set {sets.named(one)}"
    if current is None:
        return [f"{tried} but it was not found"]
    if _comparable(current) != _comparable(one):
        return [f"{tried} but the values provided do not match the current values"]
    del after[sets.key(one)]
    return []


def _comparable(one: RecordSet) -> dict[str, Any]:
    """Return a set with its values in order: their order is not part of it."""
    values = one.get("ResourceRecords")
    return {**one, "ResourceRecords": sorted(r["Value"] for r in values)} if values else one


def _put_wrong(by_name: ByName, action: str, one: RecordSet, around: Surroundings) -> list[str]:
    """Return what forbids that *one* is created or replaced now, its alias target aside."""
    found = []
    after = by_name.get(one["Name"], {})
    if action == "CREATE" and sets.key(one) in after:
        found.append(f"Tried to create resource record set {sets.named(one)} but it already exists")
    if not names.within(one["Name"], around.zone_name):
        found.append(
            f"RRSet with DNS name {one['Name']} is not permitted in zone {around.zone_name}"
        )
    found += sets.values_wrong(one)
    if len(one.get("ResourceRecords", [])) > MAX_VALUES:
        found.append(f"Number of records limit of {MAX_VALUES} exceeded.")
    found += _cname_wrong(after, one, around.zone_name)
    others = [
        other
        for k, other in after.items()
        if k[:2] == (one["Name"], one["Type"]) and k != sets.key(one)
    ]
    found += _kind_wrong(one, others, after.get(sets.key(one)))
    found += _twin_wrong(one, others)
    if cidr := one.get("CidrRoutingConfig"):
        found += _cidr_wrong(one, cidr, others, around)
    return found


def _cname_wrong(after: Mapping[Key, RecordSet], one: RecordSet, zone: str) -> list[str]:
    name, rtype = one["Name"], one["Type"]
    types = {k[1] for k in after if k[0] == name and k[1] != rtype}
    if rtype == "CNAME" and name == zone:
        return [f"RRSet of type CNAME with DNS name {name} is not permitted at apex in zone {zone}"]
    if rtype == "CNAME" and types:
        return [
            (
                f"RRSet of type CNAME with DNS name {name} is not permitted as it conflicts with "
                f"other records with the same DNS name in zone {zone}"
            )
        ]
    if "CNAME" in types:
        return [
            (
                f"RRSet of type {rtype} with DNS name {name} is not permitted because a conflicting "
                f"RRSet of type CNAME with the same DNS name already exists in zone {zone}"
            )
        ]
    return []


def _kind_wrong(
    one: RecordSet, others: Sequence[RecordSet], current: RecordSet | None
) -> list[str]:
    """Refuse two kinds at one name and type, and a set that changes its kind beside others."""
    mine = sets.kind(one)
    kinds = {sets.kind(other) for other in others}
    words = sets.described(one)
    if current is not None and sets.kind(current) != mine:
        kinds.add(sets.kind(current))
    if not kinds - {mine}:
        return []
    if not mine:
        return [f"{words} cannot be created as other RRSets exist with the same name and type."]
    if mine == "Weight":
        return [
            f"{words} cannot be created as a non-weighted set exists with the same name and type."
        ]
    return [
        (
            f"{words} cannot be created because a non-{KINDS[mine]} RRSet with the same name and type "
            "already exists."
        )
    ]


def _twin_wrong(one: RecordSet, others: Sequence[RecordSet]) -> list[str]:
    """Refuse a second set for the same region, place, role or block in a group."""
    mine = sets.kind(one)
    what = {
        "Region": "region",
        "GeoLocation": "location",
        "Failover": "failover role",
        "GeoProximityLocation": "location",
        "CidrRoutingConfig": "CIDR location",
    }.get(mine)
    if what is None or all(_role(other) != _role(one) for other in others):
        return []
    return [
        (
            f"{sets.described(one)} cannot be created because a {KINDS[mine]} RRSet with the same "
            f"name, type and {what} already exists."
        )
    ]


def _role(one: RecordSet) -> object:
    match sets.kind(one):
        case "GeoLocation":
            return sets.place(one["GeoLocation"])
        case "GeoProximityLocation":
            where = {k: v for k, v in one["GeoProximityLocation"].items() if k != "Bias"}
            return str(sorted(where.items()))
        case "CidrRoutingConfig":
            return one["CidrRoutingConfig"]["LocationName"]
        case mine:
            return one.get(mine)


def _alias_wrong(
    by_name: ByName,
    one: RecordSet,
    puts: Mapping[tuple[str, str], int],
    index: int,
    around: Surroundings,
) -> list[str]:
    alias = one["AliasTarget"]
    target, zone = alias["DNSName"], alias["HostedZoneId"]
    if zone in sets.SERVICE_ZONES:
        return []
    tried = (
        f"Tried to create an alias that targets {target}, type {one['Type']} in zone {zone}, but "
    )
    missing = f"{tried}that target was not found"
    if zone != around.zone_id or not names.within(target, around.zone_name):
        return [f"{tried}the alias target name does not lie within the target zone", missing]
    wanted = (target, one["Type"])
    there = any(k[:2] == wanted for k in by_name.get(target, {}))
    # A target that the batch still has to make or replace does not count, even if it stands.
    comes_later = puts.get(wanted, -1) > index
    return [missing] if not there or comes_later else []


def _cidr_wrong(
    one: RecordSet, cidr: Mapping[str, str], others: Sequence[RecordSet], around: Surroundings
) -> list[str]:
    locations = around.cidr_locations(cidr["CollectionId"])
    found = []
    if locations is None:
        raise AwsError(
            "NoSuchCidrCollectionException",
            f"The CIDR collection {cidr['CollectionId']} does not exist.",
        )
    if cidr["LocationName"] != "*" and cidr["LocationName"] not in locations:
        found.append(
            f"{sets.described(one)} cannot be created because CIDR location "
            f"{cidr['LocationName']} does not exist in collection {cidr['CollectionId']}."
        )
    collections = {
        o["CidrRoutingConfig"]["CollectionId"]
        for o in others
        if sets.kind(o) == "CidrRoutingConfig"
    }
    if collections - {cidr["CollectionId"]}:
        found.append(
            f"{sets.described(one)} cannot be created because the RRSets of one name and type "
            "must use one CIDR collection."
        )
    return found


def _whole_wrong(
    before: Mapping[Key, RecordSet], after: Mapping[Key, RecordSet], around: Surroundings
) -> list[str]:
    """Return what is wrong with the zone as the whole batch would leave it."""
    found = []
    apex = around.zone_name
    if (apex, "SOA", "") not in after:
        found.append("A HostedZone must contain exactly one SOA record.")
    if (apex, "NS", "") not in after:
        found.append("A HostedZone must contain at least one NS record for the zone itself.")
    if len(after) > max(around.most_sets, len(before)):
        found.append(f"Number of resource record sets limit of {around.most_sets} exceeded.")
    groups: dict[tuple[str, str], list[RecordSet]] = {}
    for (name, rtype, _), one in after.items():
        groups.setdefault((name, rtype), []).append(one)
    for group in groups.values():
        found += _group_wrong(group)
    found += _targets_wrong(groups, around.zone_id)
    return found


def _group_wrong(group: Sequence[RecordSet]) -> list[str]:
    one = group[-1]
    mine = sets.kind(one)
    most = MAX_GEOPROXIMITY if mine == "GeoProximityLocation" else MAX_GROUP
    if len(group) > most:
        return [
            f"{sets.described(one)} cannot be created: limit of {most} sets of a name and type."
        ]
    if mine == "Weight" and len({o["TTL"] for o in group if "TTL" in o}) > 1:
        return [
            f"{sets.described(one)} cannot be created as weighted sets must contain the same TTL."
        ]
    return []


def _targets_wrong(
    groups: Mapping[tuple[str, str], Sequence[RecordSet]], zone_id: str
) -> list[str]:
    """Refuse aliases left without their target, and circles of them.

    Whether AWS refuses the deletion of a group that an alias names is unverified; a pusher that
    relies on it is wrong either way.
    """
    edges: dict[tuple[str, str], set[tuple[str, str]]] = {}
    found = []
    for node, group in groups.items():
        for one in group:
            alias = one.get("AliasTarget")
            if alias is None or alias["HostedZoneId"] != zone_id:
                continue
            target = (alias["DNSName"], one["Type"])
            edges.setdefault(node, set()).add(target)
            if target not in groups:
                found.append(
                    f"Tried to create an alias that targets {target[0]}, type {target[1]} in zone "
                    f"{zone_id}, but that target was not found"
                )
    if not found and (left := _circle(edges)):
        found.append(f"Aliases in a circle: {', '.join(sorted(name for name, _ in left))}")
    return found


def _circle(edges: Mapping[tuple[str, str], set[tuple[str, str]]]) -> set[tuple[str, str]]:
    """Return the nodes on a circle, or behind one (Kahn)."""
    incoming = Counter(target for targets in edges.values() for target in targets)
    ready = [node for node in edges if not incoming[node]]
    left = set(edges)
    while ready:
        node = ready.pop()
        left.discard(node)
        for target in edges.get(node, ()):
            incoming[target] -= 1
            if not incoming[target] and target in edges:
                ready.append(target)
    return left
