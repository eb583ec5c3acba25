"""Probes → global health checks of Compute Engine with three source regions, and what differs.

One check belongs to a record set and probes all of its addresses alike (`dns.v1`,
RRSetRoutingPolicy.healthCheck; `compute.v1`, HealthCheck.sourceRegions).
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

from gslb.policy.plan import Check
from gslb.push.addresses import address_of, reachable
from gslb.push.model import Probe
from gslb.push.objects import Support, digest

INTERVAL = 30  # seconds; the least that checks with source regions allow
SOURCES = ["us-east1", "europe-west1", "asia-southeast1"]  # exactly three; spread over the globe
MAX_THRESHOLD = 10
MAX_RESPONSE = 1024  # characters that are looked at
KINDS = {"http": "HTTP", "https": "HTTPS", "tcp": "TCP", "tls": "TCP", "grpc": "TCP"}
FIELDS = {"HTTP": "httpHealthCheck", "HTTPS": "httpsHealthCheck", "TCP": "tcpHealthCheck"}
PORTS = {"http": 80, "https": 443, "tls": 443, "grpc": 443, "tcp": 443}


@dataclass(slots=True)
class Checks:
    """Checks in the making."""

    owner: str
    supports: dict[str, Support] = field(default_factory=dict)

    def key(self, probe: Probe) -> str:
        """Return the key of the check that probes like *probe*, at whatever address."""
        check = probe.check
        kind = KINDS[check.type]
        how: dict[str, object] = {"port": check.port or PORTS[check.type]}
        if kind != "TCP":
            how["host"] = probe.host
            how["requestPath"] = check.path or "/"
            if check.body:
                how["response"] = check.body
        body: dict[str, object] = {
            "type": kind,
            FIELDS[kind]: how,
            "checkIntervalSec": INTERVAL,
            "timeoutSec": min(INTERVAL, max(1, round(check.timeout))),
            "healthyThreshold": min(MAX_THRESHOLD, check.up_after),
            "unhealthyThreshold": min(MAX_THRESHOLD, check.down_after),
            "sourceRegions": SOURCES,
        }
        key = f"h{digest(body)}"
        body["name"] = f"gslb-{self.owner}-{key}"
        self.supports[key] = Support("check", key, body, f"{kind} {how['port']}")
        return key


def chosen(probes: Iterable[Probe]) -> Probe | None:
    """Return the probe that a record set's check is made of: the first that can be run."""
    return next((probe for probe in probes if not obstacle(probe)), None)


def obstacle(probe: Probe) -> str:
    """Return why Google cannot run *probe*; empty: it can."""
    check = probe.check
    if check.type not in KINDS:
        return f"no {check.type} checks"
    if address_of(probe.address) is None:
        return "host names are not checked"
    if not reachable(probe.address):
        return f"{probe.address} is not a public address"
    if check.target is not None:
        return "the check has a target of its own"
    if len(check.body or "") > MAX_RESPONSE:
        return f"a body longer than {MAX_RESPONSE} characters"
    return ""


def differences(check: Check) -> list[str]:
    """Return what a check of Google does otherwise than *check*, in words."""
    found = []
    if check.type in {"tls", "grpc"}:
        found.append(f"{check.type} becomes TCP")
    if check.type in {"http", "https"} and check.expect != ((200, 200),):
        found.append("200 alone passes")
    if check.every != INTERVAL or max(check.down_after, check.up_after) > MAX_THRESHOLD:
        found.append(f"every {INTERVAL} s, down after {min(MAX_THRESHOLD, check.down_after)}")
    if check.quorum or check.vantage:
        found.append("Google's checkers in three regions decide")
    return found


def others(probes: Sequence[Probe], one: Probe) -> list[Check]:
    """Return the checks of *probes* that are not that of *one*."""
    return [check for check in dict.fromkeys(p.check for p in probes) if check != one.check]
