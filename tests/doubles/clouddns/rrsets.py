"""One record set of Cloud DNS: what makes it invalid by itself, and when two are equal."""

from __future__ import annotations

import dataclasses
import ipaddress
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

import dns.exception
import dns.name
import dns.rdata
import dns.rdataclass

from tests.doubles import places
from tests.doubles.clouddns.errors import GoogleError, invalid, over_quota, required

Rrset = dict[str, Any]
Key = tuple[str, str]  # name, type

TYPES = frozenset(
    [
        "A",
        "AAAA",
        "CAA",
        "CNAME",
        "DNSKEY",
        "DS",
        "HTTPS",
        "IPSECKEY",
        "MX",
        "NAPTR",
        "NS",
        "PTR",
        "SOA",
        "SPF",
        "SRV",
        "SSHFP",
        "SVCB",
        "TLSA",
        "TXT",
    ]
)
ROUTED_TYPES = ("A", "AAAA", "CNAME", "MX", "SRV", "TXT")
POLICIES = ("wrr", "geo", "primaryBackup")
_LABEL = re.compile(r"(?:\*|[a-z0-9_](?:[a-z0-9_-]{0,61}[a-z0-9_])?)", re.IGNORECASE)
_QUOTED = re.compile(r'(?:"(?:[^"\\]|\\.){0,255}"\s*)+', re.DOTALL)
_SERVICE = "https://www.googleapis.com/compute/v1/"


@dataclasses.dataclass(frozen=True)
class Surroundings:
    """What a record set may refer to, and the limits it has to keep."""

    dns_name: str
    private: bool
    signed: bool
    quota: Mapping[str, Any]
    has_check: Callable[[str], bool]  # by full URL


def key(one: Mapping[str, Any]) -> Key:
    """Return the identity of a record set."""
    return one["name"], one["type"]


def plain(value: Any) -> Any:
    """Return *value* without what replies add: kinds, signatures, empty lists."""
    if isinstance(value, list):
        return [plain(one) for one in value]
    if not isinstance(value, dict):
        return value
    dropped = ("kind", "signatureRrdatas")
    return {k: plain(v) for k, v in value.items() if k not in dropped and v != []}


def same(one: Mapping[str, Any], other: Mapping[str, Any]) -> bool:
    """Say whether a deletion gives the set as it stands; only the order of rrdatas is free."""
    return _ordered(plain(dict(one))) == _ordered(plain(dict(other)))


def _ordered(one: dict[str, Any]) -> dict[str, Any]:
    return {**one, "rrdatas": sorted(one["rrdatas"])} if "rrdatas" in one else one


def endpoints(one: Mapping[str, Any]) -> list[str]:
    """Return the addresses of a set that Google probes over the internet."""
    return [a for targets in _targets(one) for a in targets.get("externalEndpoints", [])]


def checked(given: Mapping[str, Any], at: str, around: Surroundings) -> Rrset:
    """Return an addition as the zone keeps it; raise :class:`GoogleError` for the first fault."""
    one: Rrset = plain(dict(given))
    for field in ("name", "type", "ttl"):
        if field not in one:
            raise required(f"{at}.{field}")
    one["name"] = one["name"].lower()
    _check_name(one, at, around)
    if one["type"] not in TYPES:
        raise invalid(f"{at}.type", one["type"])
    if one["ttl"] < 0:
        raise invalid(f"{at}.ttl", one["ttl"])
    if ("rrdatas" in one) == ("routingPolicy" in one):
        if "rrdatas" in one:
            raise invalid(f"{at}.routingPolicy", "beside rrdatas")
        raise required(f"{at}.rrdatas")
    if "rrdatas" in one:
        _check_rrdatas(one["rrdatas"], one["type"], f"{at}.rrdatas", around)
    else:
        _check_policy(one, f"{at}.routingPolicy", around)
    return one


def _check_name(one: Rrset, at: str, around: Surroundings) -> None:
    name = one["name"]
    labels = name.removesuffix(".").split(".")
    fits = name.endswith(".") and len(name) <= 254 and all(map(_LABEL.fullmatch, labels))
    inside = name == around.dns_name or name.endswith("." + around.dns_name)
    if not fits or not inside or "*" in labels[1:]:
        raise invalid(f"{at}.name", name)
    if labels[0] == "*" and one["type"] == "NS":
        raise GoogleError(
            400, "wildcardNotAllowed", f"The resource record set '{at}' has the wrong type."
        )


def _check_rrdatas(values: Sequence[str], rtype: str, at: str, around: Surroundings) -> None:
    most = around.quota["resourceRecordsPerRrset"]
    if len(values) > most:
        raise over_quota(at, most)
    if rtype in ("CNAME", "SOA") and len(values) > 1:
        raise GoogleError(
            400,
            "invalidRecordCount",
            f"The resource record set '{at}' is only permitted to have one record because it is "
            f"of type {rtype}.",
        )
    for index, value in enumerate(values):
        if value in values[:index] or not _valid(value, rtype):
            raise invalid(f"{at}[{index}]", value)


def _valid(value: str, rtype: str) -> bool:
    if rtype in ("A", "AAAA"):
        return _is_address(value, rtype)
    if rtype in ("TXT", "SPF"):
        return _QUOTED.fullmatch(value) is not None
    try:
        rdata = dns.rdata.from_text(dns.rdataclass.IN, rtype, value, relativize=False)
    except (dns.exception.DNSException, ValueError):
        return False
    hosts = [getattr(rdata, f, None) for f in ("target", "exchange", "mname", "rname")]
    return all(host is None or host.is_absolute() for host in hosts)


def _is_address(text: str, rtype: str) -> bool:
    try:
        return ipaddress.ip_address(text).version == (4 if rtype == "A" else 6) and "%" not in text
    except ValueError:
        return False


def _check_policy(one: Rrset, at: str, around: Surroundings) -> None:
    policy = one["routingPolicy"]
    given = [name for name in POLICIES if name in policy]
    if len(given) != 1:
        raise invalid(at, f"exactly one of {', '.join(POLICIES)}, not {len(given)}")
    if one["type"] not in ROUTED_TYPES:
        raise invalid(f"{at}.{given[0]}", f"type {one['type']}")
    at = f"{at}.{given[0]}"
    if "wrr" in policy:
        _check_items(policy["wrr"], one, at, around)
        for index, item in enumerate(policy["wrr"]["items"]):
            if "weight" not in item:
                raise required(f"{at}.items[{index}].weight")
            if item["weight"] < 0:
                raise invalid(f"{at}.items[{index}].weight", item["weight"])
    elif "geo" in policy:
        _check_geo(policy["geo"], one, at, around)
    else:
        _check_failover(policy["primaryBackup"], one, at, around)
    _check_health_check(one, at, around)


def _check_geo(geo: Mapping[str, Any], one: Rrset, at: str, around: Surroundings) -> None:
    _check_items(geo, one, at, around)
    seen = set()
    for index, item in enumerate(geo["items"]):
        location = item.get("location")
        if location is None:
            raise required(f"{at}.items[{index}].location")
        if location not in places.google_regions() or location in seen:
            raise invalid(f"{at}.items[{index}].location", location)
        seen.add(location)


def _check_failover(policy: Mapping[str, Any], one: Rrset, at: str, around: Surroundings) -> None:
    if "primaryTargets" not in policy:
        raise required(f"{at}.primaryTargets")
    _check_targets(policy["primaryTargets"], one, f"{at}.primaryTargets", around)
    if "backupGeoTargets" not in policy:
        raise required(f"{at}.backupGeoTargets")
    _check_geo(policy["backupGeoTargets"], one, f"{at}.backupGeoTargets", around)
    if not 0 <= policy.get("trickleTraffic", 0) <= 1:
        raise invalid(f"{at}.trickleTraffic", policy["trickleTraffic"])


def _check_items(group: Mapping[str, Any], one: Rrset, at: str, around: Surroundings) -> None:
    items = group.get("items", [])
    if not items:
        raise required(f"{at}.items")
    most = around.quota["itemsPerRoutingPolicy"]
    if len(items) > most:
        raise over_quota(f"{at}.items", most)
    for index, item in enumerate(items):
        here = f"{at}.items[{index}]"
        targets = item.get("healthCheckedTargets")
        if "rrdatas" not in item and not targets:
            raise required(f"{here}.rrdatas")
        if "rrdatas" in item:
            _check_rrdatas(item["rrdatas"], one["type"], f"{here}.rrdatas", around)
        if targets:
            _check_targets(targets, one, f"{here}.healthCheckedTargets", around)
            if around.signed and "rrdatas" in item:
                raise invalid(f"{here}.healthCheckedTargets", "beside rrdatas in a signed zone")


def _check_targets(targets: Mapping[str, Any], one: Rrset, at: str, around: Surroundings) -> None:
    external, internal = targets.get("externalEndpoints"), targets.get("internalLoadBalancers")
    if one["type"] not in ("A", "AAAA"):
        raise invalid(at, f"type {one['type']}")
    if bool(external) == bool(internal):
        raise invalid(at, "exactly one of externalEndpoints, internalLoadBalancers")
    if external:
        if around.private:
            raise invalid(f"{at}.externalEndpoints", "in a private zone")
        for index, address in enumerate(external):
            if address in external[:index] or not _is_address(address, one["type"]):
                raise invalid(f"{at}.externalEndpoints[{index}]", address)
    elif not around.private:
        raise invalid(f"{at}.internalLoadBalancers", "in a public zone")
    if around.signed and len(external or internal or ()) > 1:
        raise invalid(at, "more than one address an item of a signed zone")


def _check_health_check(one: Rrset, at: str, around: Surroundings) -> None:
    url = one["routingPolicy"].get("healthCheck")
    probed = endpoints(one)
    if probed and url is None:
        raise required(f"{at}.healthCheck")
    if url is not None and not probed:
        raise invalid(f"{at}.healthCheck", "without externalEndpoints")
    if url is not None and not (url.startswith(_SERVICE) and around.has_check(url)):
        raise invalid(f"{at}.healthCheck", url)


def _groups(one: Mapping[str, Any]) -> Iterator[Mapping[str, Any]]:
    """Yield what has items: the policy, or the backup of a failover."""
    policy = one.get("routingPolicy", {})
    failover = policy.get("primaryBackup", {})
    for group in (policy.get("wrr"), policy.get("geo"), failover.get("backupGeoTargets")):
        if group is not None:
            yield group


def _targets(one: Mapping[str, Any]) -> Iterator[Mapping[str, Any]]:
    failover = one.get("routingPolicy", {}).get("primaryBackup", {})
    if "primaryTargets" in failover:
        yield failover["primaryTargets"]
    for group in _groups(one):
        for item in group.get("items", []):
            if "healthCheckedTargets" in item:
                yield item["healthCheckedTargets"]


def size(one: Mapping[str, Any]) -> int:
    """Return the characters of a set's data, which count towards the quota of a change."""
    values = [*one.get("rrdatas", []), *endpoints(one)]
    for group in _groups(one):
        values += [value for item in group.get("items", []) for value in item.get("rrdatas", [])]
    return sum(map(len, values))
