"""Probes → health checks of Route 53 (CreateHealthCheck, HealthCheckConfig), and what differs.

One check serves every name that probes the same address alike. Checks are never changed: most
fields cannot be, and a new key keeps the old check alive for as long as records name it.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

from gslb.policy.plan import Check
from gslb.push.addresses import address_of, reachable
from gslb.push.model import Probe
from gslb.push.objects import Support, digest

INTERVAL = 30  # seconds; the alternative is 10, at a price (2.3 of the push notes)
MAX_PATH = 255
MAX_SEARCH = 255  # characters of SearchString
MAX_CHILDREN = 255
PORTS = {"http": 80, "https": 443, "tls": 443, "grpc": 443, "tcp": 443}
KINDS = {"http": "HTTP", "https": "HTTPS", "tcp": "TCP", "tls": "TCP", "grpc": "TCP"}
ACCEPTED = ((200, 399),)  # "2xx or 3xx"
# US dollars a month, endpoint outside AWS; an option is HTTPS, a string to find, 10 seconds
BASE_PRICE, OPTION_PRICE = 0.75, 2.0


@dataclass(slots=True)
class Checks:
    """Checks in the making, and what was found of each probe."""

    interval: int = INTERVAL
    supports: dict[str, Support] = field(default_factory=dict)
    changed: dict[Check, list[str]] = field(default_factory=dict)  # by check: what differs
    blind: dict[Probe, str] = field(default_factory=dict)  # cannot be probed, and why

    def key(self, probes: Sequence[Probe]) -> str | None:
        """Return the key of the check that passes when all of *probes* do; None: none can."""
        keys = sorted({key for probe in probes if (key := self._one(probe)) is not None})
        if len(keys) < 2:
            return keys[0] if keys else None
        body = {
            "Type": "CALCULATED",
            "ChildHealthChecks": keys,
            "HealthThreshold": len(keys),
        }
        about = " and ".join(self.supports[key].about for key in keys)
        return self._add(body, about, needs=tuple(keys))

    def _add(
        self,
        config: dict[str, object],
        about: str,
        address: str = "",
        needs: tuple[str, ...] = (),
    ) -> str:
        key = f"h{digest(config)}"
        body = {"HealthCheckConfig": config}
        self.supports[key] = Support("check", key, body, about, address, needs)
        return key

    def _one(self, probe: Probe) -> str | None:
        why = obstacle(probe)
        if why:
            self.blind[probe] = why
            return None
        check = probe.check
        kind = KINDS[check.type]
        config: dict[str, object] = {
            "Port": check.port or PORTS[check.type],
            "RequestInterval": self.interval,
            "FailureThreshold": min(10, check.down_after),
        }
        if address_of(probe.address) is not None:
            config["IPAddress"] = probe.address
        else:
            config["FullyQualifiedDomainName"] = probe.address.rstrip(".")
        if kind != "TCP":
            config["ResourcePath"] = check.path or "/"
            config.setdefault("FullyQualifiedDomainName", probe.host)
            if kind == "HTTPS":
                config["EnableSNI"] = True
            if check.body:
                config["SearchString"] = check.body
                kind += "_STR_MATCH"
        config["Type"] = kind
        self.changed.setdefault(check, differences(probe, self.interval))
        return self._add(config, f"{probe.address} {kind} {config['Port']}", probe.address)


def obstacle(probe: Probe) -> str:
    """Return why Route 53 cannot run *probe*; empty: it can."""
    check = probe.check
    if check.type not in KINDS:
        return f"no {check.type} checks"
    if not reachable(probe.address):
        return f"{probe.address} is not a public address"
    if len(check.path or "") > MAX_PATH or len(check.body or "") > MAX_SEARCH:
        return f"path or body longer than {MAX_PATH} characters"
    return ""


def differences(probe: Probe, interval: int) -> list[str]:
    """Return what a check of Route 53 does otherwise than *probe*, in words."""
    check = probe.check
    found = []
    if check.type in {"tls", "grpc"}:
        found.append(f"{check.type} becomes TCP")
    if check.type in {"http", "https"} and check.expect != ACCEPTED:
        found.append("any 2xx or 3xx passes")
    if check.every != interval or check.down_after > 10:
        found.append(f"every {interval} s, down after {min(10, check.down_after)}")
    if check.quorum or check.vantage:
        found.append("more than 18 % of AWS's checkers decide")
    if address_of(probe.address) is None:
        found.append("IPv4 only, the Host is the name itself")
    return found


def monthly_price(supports: Sequence[Support]) -> float:
    """Return US dollars a month for checks of endpoints outside AWS (price list, 2026-09)."""
    total = 0.0
    for one in supports:
        config = one.body.get("HealthCheckConfig")
        if not isinstance(config, dict):
            continue
        kind = str(config["Type"])
        options = kind.startswith("HTTPS") + kind.endswith("_STR_MATCH")
        options += config.get("RequestInterval") == 10
        total += BASE_PRICE + OPTION_PRICE * options
    return total
