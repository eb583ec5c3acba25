"""Route 53 as a dialect: the pure half of the provider."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from gslb.push.model import Desired
from gslb.push.naming import unquoted
from gslb.push.objects import Action, Change, Limits, Place, Rendered, Rrset, Support
from gslb.push.ownership import owner_in
from gslb.push.provider import Rrsets, Supports
from gslb.push.pruning import Pruned
from gslb.push.route53.bodies import ZONE, text_body
from gslb.push.route53.probes import INTERVAL, Checks, monthly_price
from gslb.push.route53.pruning import prune
from gslb.push.route53.reading import Reader
from gslb.push.route53.render import render

# Developer Guide, "Quotas"; the quotas of an account are read before every plan.
LIMITS = Limits(
    rrsets=10_000,
    checks=200,
    batch_elements=1000,
    batch_characters=32_000,
    new_checks_a_day=1000,
    prefixes=1000,
)
_KINDS = ("Weight", "Region", "GeoLocation", "Failover", "MultiValueAnswer", "CidrRoutingConfig",
          "GeoProximityLocation", "TrafficPolicyInstanceId")  # fmt: skip


@dataclass(frozen=True, slots=True)
class Route53:
    """How Route 53 is written and read. `interval` of its checks: 30 seconds, or 10 at a price."""

    interval: int = INTERVAL

    @property
    def name(self) -> str:
        """Return what it is called on the command line."""
        return "route53"

    @property
    def limits(self) -> Limits:
        """Return the documented limits."""
        return LIMITS

    def render(self, desired: Desired, owner: str, limits: Limits | None = None) -> Rendered:
        """Return the objects that say *desired* best, and what they cannot say.

        A policy is not rendered otherwise for *limits*: a plan that goes over them is stopped.
        """
        del limits
        return render(desired, owner, Checks(self.interval))

    def text(self, name: str, ttl: int, content: str) -> Rrset:
        """Return a TXT record."""
        return Rrset(name, "TXT", "", {"Name": name, "Type": "TXT", **text_body(ttl, content)})

    def text_of(self, rrset: Rrset) -> tuple[str, ...]:
        """Return the texts of a TXT record set."""
        body: Any = rrset.body
        return tuple(unquoted(one["Value"]) for one in body.get("ResourceRecords", ()))

    def steers(self, rrset: Rrset) -> str | None:
        """Return the kind of policy that *rrset* is part of; None: it is simple.

        All sets of a name must use one collection of locations, so another one is another kind.
        """
        body: Any = rrset.body
        found = next((kind for kind in _KINDS if kind in body), None)
        if found == "CidrRoutingConfig":
            return f"{found} {body[found]['CollectionId']}"
        return found

    def owner_of(self, rrset: Rrset) -> str | None:
        """Return whose mark the set identifier carries."""
        return owner_in(rrset.ident)

    def refers(self, rrset: Rrset) -> frozenset[Place]:
        """Return what the alias names."""
        body: Any = rrset.body
        alias = body.get("AliasTarget")
        found = alias is not None and alias["HostedZoneId"] == ZONE
        return frozenset({(alias["DNSName"], rrset.rtype)} if found else ())

    def weights(self, rrset: Rrset) -> Mapping[str, float]:
        """Return the value of a weighted set with its weight."""
        body: Any = rrset.body
        values = body.get("ResourceRecords", ()) if "Weight" in body else ()
        return {one["Value"]: float(body["Weight"]) for one in values}

    def supports_of(self, rrset: Rrset) -> frozenset[str]:
        """Return the keys of the health check and of the locations that *rrset* names."""
        body: Any = rrset.body
        keys = {body.get("HealthCheckId"), body.get("CidrRoutingConfig", {}).get("CollectionId")}
        return frozenset(keys - {None})

    def size(self, change: Change) -> tuple[int, int]:
        """Return elements and characters, of what goes and what comes (ChangeResourceRecordSets).

        An UPSERT counts what comes twice.
        """
        sizes = [_size(one) for one in (change.old, change.new) if one is not None]
        if change.action is Action.UPDATE and change.rrset.ident:
            sizes = [sizes[-1]] * 2
        return sum(one[0] for one in sizes), sum(one[1] for one in sizes)

    def live(self, rrset: Rrset) -> int:
        """Return how many records or aliases *rrset* holds."""
        body: Any = rrset.body
        return len(body.get("ResourceRecords", ())) + ("AliasTarget" in body)

    def checks_used(self, rrsets: Iterable[Rrset], checks: int) -> int:
        """Return *checks*: the quota is the account's, however many record sets name one."""
        del rrsets
        return checks

    def monthly_cost(self, supports: Sequence[Support]) -> float:
        """Return US dollars a month for the checks of *supports*."""
        return monthly_price(supports)

    def prune(self, rrsets: Rrsets, gone: frozenset[str]) -> Pruned:
        """Return what is left of our *rrsets* without the endpoints answered as *gone*."""
        return prune(rrsets, gone)

    def reader(self, rrsets: Rrsets, supports: Supports) -> Reader:
        """Return what answers from *rrsets* as Route 53 documents it."""
        return Reader(rrsets, supports)


def _size(rrset: Rrset) -> tuple[int, int]:
    body: Any = rrset.body
    values = [one["Value"] for one in body.get("ResourceRecords", ())]
    return max(1, len(values)), sum(map(len, values))
