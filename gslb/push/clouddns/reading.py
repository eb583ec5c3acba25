"""How Cloud DNS answers from record sets, as documented: what checks a push, in tests and after it.

Sources: "DNS routing policies and health checks overview", "Manage DNS routing policies and health
checks", field descriptions of `dns.v1`. Where they leave it open: several addresses of one GEO
item or of the primaries all stand in the answer, and when primaries and backup are all down the
backup answers.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from gslb.push.clouddns.regions import by_distance
from gslb.push.objects import Rrset
from gslb.push.provider import Answer, Client, Rrsets, Supports, Up

MAX_DEPTH = 8  # CNAMEs inside the zone; two are made


class Reader:
    """Answers from a zone's record sets."""

    def __init__(self, rrsets: Rrsets, _supports: Supports) -> None:
        self._sets = {one.place: one.body for one in rrsets.values()}

    def answer(self, name: str, rtype: str, client: Client, up: Up) -> Answer:
        """Return what *client* gets, CNAMEs inside the zone followed.

        *up* takes the key of a check, a space and the address.
        """
        return self._answer(name, rtype, client, up, 0)

    def _answer(self, name: str, rtype: str, client: Client, up: Up, depth: int) -> Answer:
        if depth > MAX_DEPTH:
            raise RecursionError("CNAMEs without an end")
        body = self._sets.get((name, rtype)) if rtype != "CNAME" else None
        if body is not None:
            return _chances(body, client, up)
        alias = self._sets.get((name, "CNAME"))
        if alias is None:
            return Answer({}, 0)
        chances: dict[str, float] = {}
        most = 0
        for target, share in _chances(alias, client, up).chances.items():
            found = self._answer(target, rtype, client, up, depth + 1)
            if not found.chances:  # it leads out of the zone
                found = Answer({target: 1.0}, 1)
            most = max(most, found.at_once)
            for rdata, part in found.chances.items():
                chances[rdata] = chances.get(rdata, 0.0) + share * part
        return Answer(chances, most)


def _chances(body: Mapping[str, Any], client: Client, up: Up) -> Answer:
    policy = body.get("routingPolicy")
    if policy is None:
        return _all(body["rrdatas"])
    key = policy.get("healthCheck")

    def well(address: str) -> bool:
        return key is None or up(f"{key} {address}")

    if "wrr" in policy:
        return _weighted(policy["wrr"]["items"], well)
    if "geo" in policy:
        return _nearest(policy["geo"], client, well)
    backup = policy["primaryBackup"]
    primaries = [one for one in _targets(backup["primaryTargets"]) if well(one)]
    return _all(primaries) if primaries else _nearest(backup["backupGeoTargets"], client, well)


def _all(rdatas: Sequence[str]) -> Answer:
    return Answer({one: rdatas.count(one) / len(rdatas) for one in rdatas}, len(rdatas))


def _targets(targets: Mapping[str, Any]) -> list[str]:
    return list(targets.get("externalEndpoints", ()))


def _members(item: Mapping[str, Any], well: Any) -> tuple[list[str], list[str]]:
    """Return the records of an item, and those of them that are well."""
    plain = list(item.get("rrdatas", ()))
    checked = _targets(item.get("healthCheckedTargets", {}))
    return [*plain, *checked], [*plain, *(one for one in checked if well(one))]


def _weighted(items: Sequence[Mapping[str, Any]], well: Any) -> Answer:
    """Draw among the items that have something healthy; among all if none has."""
    found = [(item["weight"], *_members(item, well)) for item in items]
    live = [(weight, good) for weight, _, good in found if good and weight > 0]
    used = live or [(weight, every) for weight, every, _ in found if weight > 0]
    whole = sum(weight for weight, _ in used)
    chances: dict[str, float] = {}
    for weight, rdatas in used:
        for rdata, part in _all(rdatas).chances.items():
            chances[rdata] = chances.get(rdata, 0.0) + weight / whole * part
    return Answer(chances, max((len(rdatas) for _, rdatas in used), default=0))


def _nearest(geo: Mapping[str, Any], client: Client, well: Any) -> Answer:
    """Answer from the nearest item; without a fence from the nearest that has anything healthy."""
    items = {item["location"]: item for item in geo["items"]}
    order = [r for r in by_distance(client.latitude, client.longitude) if r in items]
    for region in order[:1] if geo.get("enableFencing") else order:
        _, good = _members(items[region], well)
        if good:
            return _all(good)
    return _all(_members(items[order[0]], well)[0])


def probed(rrset: Rrset) -> list[str]:
    """Return the addresses of a set that are probed from the internet."""
    targets = [item.get("healthCheckedTargets", {}) for item in items(rrset)]
    return [address for one in targets for address in _targets(one)]


def items(rrset: Rrset) -> list[Any]:
    """Return what a set has items of: those of its policy, or itself as one."""
    body: Any = rrset.body
    policy = body.get("routingPolicy", {})
    items = [*policy.get("wrr", {}).get("items", ()), *policy.get("geo", {}).get("items", ())]
    backup = policy.get("primaryBackup", {})
    items += backup.get("backupGeoTargets", {}).get("items", ())
    if backup:
        items.append({"healthCheckedTargets": backup["primaryTargets"]})
    return [*items, {"rrdatas": body.get("rrdatas", ())}]
