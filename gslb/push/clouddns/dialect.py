"""Cloud DNS as a dialect: the pure half of the provider."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from gslb.push.clouddns.probes import Checks
from gslb.push.clouddns.pruning import prune
from gslb.push.clouddns.reading import Reader, items, probed
from gslb.push.clouddns.render import render, text
from gslb.push.model import Desired
from gslb.push.naming import unquoted
from gslb.push.objects import Action, Change, Limits, Place, Rendered, Rrset, Support
from gslb.push.provider import Rrsets, Supports
from gslb.push.pruning import Pruned

# Second-hand numbers, low enough to be safe; projects.get has those of the project.
LIMITS = Limits(rrsets=10_000, checks=100, batch_elements=1000, batch_characters=100_000)
_LED_TO = ("A", "AAAA", "CNAME")


@dataclass(frozen=True, slots=True)
class CloudDns:
    """How Cloud DNS is written and read."""

    @property
    def name(self) -> str:
        """Return what it is called on the command line."""
        return "clouddns"

    @property
    def limits(self) -> Limits:
        """Return the limits that hold where the project's could not be read."""
        return LIMITS

    def render(self, desired: Desired, owner: str, limits: Limits | None = None) -> Rendered:
        """Return the objects that say *desired* best within *limits*, and what they cannot say."""
        return render(desired, owner, Checks(owner), (limits or LIMITS).checks)

    def text(self, name: str, ttl: int, content: str) -> Rrset:
        """Return a TXT record."""
        return text(name, ttl, content)

    def text_of(self, rrset: Rrset) -> tuple[str, ...]:
        """Return the texts of a TXT record set."""
        body: Any = rrset.body
        return tuple(unquoted(one) for one in body.get("rrdatas", ()))

    def steers(self, rrset: Rrset) -> str | None:
        """Return None: a record set is replaced as a whole, whatever its policy."""
        del rrset
        return None

    def owner_of(self, rrset: Rrset) -> str | None:
        """Return None: record sets carry no mark of their own."""
        del rrset
        return None

    def refers(self, rrset: Rrset) -> frozenset[Place]:
        """Return what CNAMEs lead to."""
        if rrset.rtype != "CNAME":
            return frozenset()
        return frozenset((name, rtype) for name, _ in _values(rrset) for rtype in _LED_TO)

    def weights(self, rrset: Rrset) -> Mapping[str, float]:
        """Return the steered addresses with weights; a region's count alike."""
        if "routingPolicy" not in rrset.body:
            return {}
        found: dict[str, float] = {}
        for rdata, weight in _values(rrset):
            found[rdata] = found.get(rdata, 0.0) + weight
        return found

    def supports_of(self, rrset: Rrset) -> frozenset[str]:
        """Return the key of the health check."""
        body: Any = rrset.body
        key = body.get("routingPolicy", {}).get("healthCheck")
        return frozenset() if key is None else frozenset({key})

    def size(self, change: Change) -> tuple[int, int]:
        """Return record sets and characters; an update is a deletion and an addition."""
        characters = sum(len(value) for value, _ in _values(change.rrset))
        if change.action is Action.UPDATE:
            assert change.old is not None
            return 2, characters + sum(len(value) for value, _ in _values(change.old))
        return 1, characters

    def live(self, rrset: Rrset) -> int:
        """Return how many records *rrset* holds."""
        return sum(1 for _ in _values(rrset))

    def checks_used(self, rrsets: Iterable[Rrset], checks: int) -> int:
        """Return how many addresses are probed: the quota is the zone's (projects.get)."""
        del checks
        return sum(len(probed(one)) for one in rrsets)

    def monthly_cost(self, supports: Sequence[Support]) -> float:
        """Return 0: no price of health checks for DNS is published."""
        del supports
        return 0.0

    def prune(self, rrsets: Rrsets, gone: frozenset[str]) -> Pruned:
        """Return what is left of our *rrsets* without the endpoints answered as *gone*."""
        return prune(rrsets, gone)

    def reader(self, rrsets: Rrsets, supports: Supports) -> Reader:
        """Return what answers from *rrsets* as Cloud DNS documents it."""
        return Reader(rrsets, supports)


def _values(rrset: Rrset) -> Iterator[tuple[str, float]]:
    """Yield every record of a set, with its weight."""
    for item in items(rrset):
        targets = item.get("healthCheckedTargets", {}).get("externalEndpoints", ())
        for value in [*item.get("rrdatas", ()), *targets]:
            yield value, float(item.get("weight", 1.0))
