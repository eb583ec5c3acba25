"""Record sets and health checks as Google's APIs have them ↔ as plans have them.

Replies repeat kinds and leave out what is 0 or false; plans have each value once, and our key where
a routing policy has the URL of a health check.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Any

from gslb.push.objects import Action, Batch, Change, Rrset, Support

LINKS = "https://www.googleapis.com/compute/v1"  # of every selfLink, whatever URL was asked
_INDEX = re.compile(r"entity\.change\.(additions|deletions)\[(\d+)\]")
_DROPPED = frozenset({"kind", "signatureRrdatas"})
_CHECK = frozenset(
    {"type", "httpHealthCheck", "httpsHealthCheck", "tcpHealthCheck", "checkIntervalSec",
     "timeoutSec", "healthyThreshold", "unhealthyThreshold", "sourceRegions", "name"}
)  # fmt: skip


def check_link(project: str, name: str) -> str:
    """Return the URL by which a record set names a global health check."""
    return f"{LINKS}/projects/{project}/global/healthChecks/{name}"


def read_rrset(shown: Mapping[str, Any], keys: Mapping[str, str]) -> Rrset:
    """Return a record set of a list; *keys*: URL of a health check → our key."""
    body: dict[str, Any] = _plain(shown)
    body["name"] = body["name"].lower()
    body["ttl"] = int(body["ttl"])
    if "rrdatas" in body:  # the order of values is nobody's
        body["rrdatas"] = sorted(body["rrdatas"])
    policy = body.get("routingPolicy")
    if policy is not None:
        body.pop("rrdatas", None)
        for item in policy.get("wrr", {}).get("items", ()):
            item["weight"] = float(item.get("weight", 0.0))
        backup = policy.get("primaryBackup", {})
        for geo in (policy.get("geo"), backup.get("backupGeoTargets")):
            if geo is not None:
                geo.setdefault("enableFencing", False)
        if "healthCheck" in policy:
            policy["healthCheck"] = keys.get(policy["healthCheck"], policy["healthCheck"])
    return Rrset(body["name"], body["type"], "", body)


def write_rrset(rrset: Rrset, links: Mapping[str, str]) -> dict[str, Any]:
    """Return a record set for a request; *links*: our key → URL."""
    body: dict[str, Any] = dict(rrset.body)
    policy = body.get("routingPolicy")
    if policy is not None and "healthCheck" in policy:
        found = policy["healthCheck"]
        body["routingPolicy"] = {**policy, "healthCheck": links.get(found, found)}
    return body


def write_batch(batch: Batch, links: Mapping[str, str]) -> dict[str, Any]:
    """Return the body of a change: what goes exactly as it was read, and what comes."""
    return {
        "additions": [write_rrset(one, links) for one in _sides(batch.changes, "additions")],
        "deletions": [write_rrset(one, links) for one in _sides(batch.changes, "deletions")],
    }


def complained(message: str, changes: Sequence[Change]) -> list[str]:
    """Return the names of *changes* that an error complains of: by place, or by name."""
    found = {
        _sides(changes, side)[int(number)].name
        for side, number in _INDEX.findall(message)
        if int(number) < len(_sides(changes, side))
    }
    return sorted(found or {c.rrset.name for c in changes if f"'{c.rrset.name}'" in message})


def complains_of_deletion(message: str) -> bool:
    """Return whether an error is about something to be deleted: it is not as it was read."""
    return any(side == "deletions" for side, _ in _INDEX.findall(message))


def read_check(key: str, shown: Mapping[str, Any]) -> Support:
    """Return a health check of ours."""
    body = {name: value for name, value in _plain(shown).items() if name in _CHECK}
    how: Any = next((body[name] for name in body if name.endswith("HealthCheck")), {})
    return Support("check", key, body, f"{body['type']} {how.get('port', '')}".strip())


def _sides(changes: Sequence[Change], side: str) -> list[Rrset]:
    """Return the additions or the deletions of *changes*, in order."""
    if side == "additions":
        return [c.new for c in changes if c.action is not Action.DELETE and c.new is not None]
    return [c.old for c in changes if c.action is not Action.CREATE and c.old is not None]


def _plain(value: Any) -> Any:
    """Return *value*, a copy, without what replies add."""
    if isinstance(value, Mapping):
        return {
            name: _plain(one) for name, one in value.items() if name not in _DROPPED and one != []
        }
    return [_plain(one) for one in value] if isinstance(value, list) else value
