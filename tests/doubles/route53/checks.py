"""Health checks: what Route 53 refuses, fills in and keeps immutable.

A check is a dict in the shape of the API's ``HealthCheck``.
"""

from __future__ import annotations

import ipaddress
import uuid
from collections.abc import Mapping
from typing import Any

from tests.doubles.route53.errors import AwsError, bad_input

Check = dict[str, Any]

CREATES_PER_DAY = 1000
DAY = 86_400.0  # s
_ENDPOINT = ("HTTP", "HTTPS", "HTTP_STR_MATCH", "HTTPS_STR_MATCH", "TCP")
_OTHER = {  # by type, the fields that it needs and those that only it takes
    "CALCULATED": (
        ("ChildHealthChecks", "HealthThreshold"),
        ("ChildHealthChecks", "HealthThreshold"),
    ),
    "CLOUDWATCH_METRIC": (
        ("AlarmIdentifier",),
        ("AlarmIdentifier", "InsufficientDataHealthStatus"),
    ),
    "RECOVERY_CONTROL": (("RoutingControlArn",), ("RoutingControlArn",)),
}
_ENDPOINT_ONLY = (
    "IPAddress",
    "Port",
    "ResourcePath",
    "FullyQualifiedDomainName",
    "SearchString",
    "RequestInterval",
    "FailureThreshold",
    "MeasureLatency",
    "EnableSNI",
    "Regions",
)
_RESET = {
    "ChildHealthChecks": "ChildHealthChecks",
    "FullyQualifiedDomainName": "FullyQualifiedDomainName",
    "Regions": "Regions",
    "ResourcePath": "ResourcePath",
}
_MOST_CHILDREN = 256
_TIERS = (10, 30)  # s between requests; nothing in between


class Checks:
    """The health checks of an account, by identifier."""

    def __init__(self) -> None:
        self.by_id: dict[str, Check] = {}
        self.healthy: dict[str, bool] = {}
        self._references: dict[str, tuple[str, dict[str, Any]]] = {}  # deleted ones stay
        self._created: list[float] = []

    def create(self, reference: str, given: Mapping[str, Any], most: int, now: float) -> Check:
        """Create a check, or return the one made by the same reference and settings."""
        config = _filled(given)
        problems = _wrong(config, self.by_id)
        if problems:
            raise bad_input("; ".join(problems))
        if reference in self._references:
            check_id, earlier = self._references[reference]
            if check_id in self.by_id and earlier == config:
                return self.by_id[check_id]
            raise AwsError(
                "HealthCheckAlreadyExists",
                "A health check with the same caller reference already exists, with other "
                f"settings or deleted: {reference}",
            )
        self._created = [when for when in self._created if now - when < DAY]
        if len(self.by_id) >= most or len(self._created) >= CREATES_PER_DAY:
            raise AwsError(
                "TooManyHealthChecks", "Limit of health checks, or of creations a day, reached."
            )
        check_id = str(uuid.uuid4())
        self._references[reference] = (check_id, config)
        self._created.append(now)
        self.by_id[check_id] = {
            "Id": check_id,
            "CallerReference": reference,
            "HealthCheckConfig": dict(config),
            "HealthCheckVersion": 1,
        }
        # A new check counts as healthy until it is known; inverted, as unhealthy.
        self.healthy[check_id] = not config["Inverted"]
        return self.by_id[check_id]

    def get(self, check_id: str) -> Check:
        """Return a check; ``NoSuchHealthCheck``."""
        if check_id not in self.by_id:
            raise AwsError("NoSuchHealthCheck", f"No health check exists with the ID: {check_id}")
        return self.by_id[check_id]

    def update(self, check_id: str, given: Mapping[str, Any]) -> Check:
        """Change settings under the optimistic lock; what is immutable has no field here."""
        check = self.get(check_id)
        changes = dict(given)
        version = changes.pop("HealthCheckVersion", None)
        if version is not None and version != check["HealthCheckVersion"]:
            raise AwsError(
                "HealthCheckVersionMismatch",
                f"Version {version} given, current version {check['HealthCheckVersion']}.",
            )
        config = dict(check["HealthCheckConfig"])
        resets = changes.pop("ResetElements", [])
        if "IPAddress" in changes and "IPAddress" not in config:
            raise bad_input("Invalid parameter: IPAddress cannot be added to a health check.")
        config |= changes
        for element in resets:
            config.pop(_RESET[element], None)
        problems = _wrong(config, self.by_id, own=check_id)
        if problems:
            raise bad_input("; ".join(problems))
        check["HealthCheckConfig"] = config
        check["HealthCheckVersion"] += 1
        return check

    def delete(self, check_id: str) -> None:
        """Delete a check; use in record sets does not stop it, use in a calculated one does."""
        self.get(check_id)
        for other in self.by_id.values():
            if check_id in other["HealthCheckConfig"].get("ChildHealthChecks", ()):
                raise AwsError(
                    "HealthCheckInUse", f"Health check {check_id} is a child of another."
                )
        del self.by_id[check_id]
        del self.healthy[check_id]


def _filled(given: Mapping[str, Any]) -> dict[str, Any]:
    config = dict(given)
    kind = config["Type"]
    config.setdefault("Inverted", False)
    config.setdefault("Disabled", False)
    if kind in _ENDPOINT:
        config.setdefault("RequestInterval", 30)
        config.setdefault("FailureThreshold", 3)
        config.setdefault("MeasureLatency", False)
        config.setdefault("EnableSNI", kind.startswith("HTTPS"))
        if kind.startswith("HTTP"):
            config.setdefault("Port", 443 if kind.startswith("HTTPS") else 80)
    return config


def _wrong(config: Mapping[str, Any], known: Mapping[str, Check], own: str = "") -> list[str]:
    kind = config["Type"]
    if kind in _ENDPOINT:
        found = _endpoint_wrong(config)
        foreign = [f for _, only in _OTHER.values() for f in only if f in config]
    else:
        needed, _ = _OTHER[kind]
        found = [f"{field} is required for {kind}" for field in needed if field not in config]
        foreign = [f for f in _ENDPOINT_ONLY if f in config]
        foreign += [
            f for name, (_, own_f) in _OTHER.items() if name != kind for f in own_f if f in config
        ]
        children = config.get("ChildHealthChecks", [])
        found += [f"no child {c}" for c in children if c not in known or c == own]
        if len(children) > _MOST_CHILDREN:
            found.append(f"more than {_MOST_CHILDREN} children")
    found += [f"{field} cannot be given for {kind}" for field in foreign]
    return [f"Invalid parameter: {words}" for words in found]


def _endpoint_wrong(config: Mapping[str, Any]) -> list[str]:
    found = []
    kind = config["Type"]
    address = config.get("IPAddress")
    if address is None and "FullyQualifiedDomainName" not in config:
        found.append("IPAddress or FullyQualifiedDomainName is required")
    if address is not None and not _public(address):
        found.append(f"IPAddress {address} is private, non-routable or multicast")
    if config["RequestInterval"] not in _TIERS:
        found.append("RequestInterval is 10 or 30")
    if ("SearchString" in config) != kind.endswith("_STR_MATCH"):
        found.append("SearchString goes with HTTP_STR_MATCH and HTTPS_STR_MATCH, and they with it")
    if kind == "TCP" and "Port" not in config:
        found.append("Port is required for TCP")
    if kind == "TCP" and "ResourcePath" in config:
        found.append("ResourcePath cannot be given for TCP")
    if config["EnableSNI"] and not kind.startswith("HTTPS"):
        found.append("EnableSNI goes with HTTPS")
    if len(set(config.get("Regions", ()))) != len(config.get("Regions", ())):
        found.append("the same region twice")
    return found


# Documentation prefixes (RFC 5737, 3849) stand for public ones in tests; AWS refuses them.
_STAND_INS = tuple(
    ipaddress.ip_network(text)
    for text in ("192.0.2.0/24", "198.51.100.0/24", "203.0.113.0/24", "2001:db8::/32")
)


def _public(text: str) -> bool:
    address = ipaddress.ip_address(text)
    if any(address in network for network in _STAND_INS if network.version == address.version):
        return True
    return address.is_global and not address.is_multicast
