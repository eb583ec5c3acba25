"""A chain, or the chains of all regions, as one routing policy of Cloud DNS, and what that loses.

one step                   WRR, an item for each address
the same, sharing probes   CNAME, an item for each site, and WRR for each site
two steps, equal weights   primaryBackup; behind the second step nothing
a region each, at the name GEO, the first step of the region's chain
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from gslb.push.clouddns.probes import Checks, chosen, differences, obstacle, others
from gslb.push.losses import Bites, Code, Loss, Severity
from gslb.push.model import Chain, Ending, Pool, Probe, Share, SteeredSet, Step, Target
from gslb.push.objects import Body

MAX_ITEMS = 100  # of one routing policy
EVEN = 1e-9  # weights nearer than this are equal
NEXT = ", next step"  # behind the rule that a loss is about
BACKUP_REGION = "us-central1"  # a backup of one item: the region does not matter


@dataclass(frozen=True, slots=True)
class Weighted:
    """A target with its part of what its step serves."""

    target: Target
    weight: float
    site: str


@dataclass(frozen=True, slots=True)
class Node:
    """A routing policy, or plain records, without name and type."""

    body: Body
    losses: tuple[Loss, ...]


def spread(one: SteeredSet, step: Step) -> list[Weighted]:
    """Return the targets of *step* with weights that sum to 1; spares only where they must serve."""
    whole = sum(share.share for share in step.shares)
    found = []
    for share in step.shares:
        pool = one.pools[share.pool]
        used = _serving(pool)
        total = sum(used.values())
        found += [
            Weighted(target, share.share / whole * weight / total, pool.site)
            for target, weight in used.items()
        ]
    if len(found) > MAX_ITEMS:
        found = sorted(found, key=lambda one: (-one.weight, one.target.endpoint))[:MAX_ITEMS]
    return found


def _serving(pool: Pool) -> dict[Target, float]:
    """Return who serves while all is up, with weights: spares are alike, an endpoint each."""
    weighted = {target: float(target.weight) for target in pool.targets if target.weight}
    ids = [target.endpoint.partition("#")[0] for target in pool.targets]
    return weighted or {
        target: 1 / ids.count(one) for one, target in zip(ids, pool.targets, strict=True)
    }


def is_even(found: Sequence[Weighted]) -> bool:
    """Return whether all weights are equal."""
    return all(abs(one.weight - found[0].weight) < EVEN for one in found)


@dataclass(frozen=True, slots=True)
class Maker:
    """Makes the nodes of one policy and type."""

    one: SteeredSet
    checks: Checks

    def chain(self, chain: Chain) -> Node:
        """Return the node that answers as *chain* does, as far as one can."""
        if not chain.steps:
            return Node({"rrdatas": sorted(self.one.last_resort)}, ())
        first = spread(self.one, chain.steps[0])
        second = spread(self.one, chain.steps[1]) if len(chain.steps) > 1 else []
        backed = bool(second) and is_even(first)
        served = [*first, *second] if backed else first
        backed = backed and all(one.target.probes for one in served)
        served = served if backed else first
        probe = self._probe(served)
        losses = [
            *self._shape_losses(chain.rule, chain.steps[0], first, even=False),
            *self._probe_losses(chain.rule, served, probe),
        ]
        if probe is None or not backed:
            losses += self._ends(chain, 1)
            return Node(self._wrr(first, probe), tuple(losses))
        losses += self._ends(chain, 2)
        losses += self._shape_losses(f"{chain.rule}{NEXT}", chain.steps[1], second, even=True)
        backup = {"location": BACKUP_REGION, "healthCheckedTargets": _endpoints(second)}
        policy: dict[str, object] = {
            "primaryBackup": {
                "primaryTargets": _endpoints(first),
                "backupGeoTargets": {"enableFencing": False, "items": [backup]},
            },
            "healthCheck": self.checks.key(probe),
        }
        return Node({"routingPolicy": policy}, tuple(losses))

    def sites(self, chain: Chain, node: Callable[[Pool], str]) -> Node:
        """Return the node that leads to nodes of sites, as *node* names them, by the first step.

        They are probed once for all that lead there, whoever they are.
        """
        step = chain.steps[0]
        losses: list[Loss] = []
        whole = sum(share.share for share in step.shares)
        items: list[dict[str, object]] = []
        for share in step.shares:
            alone, pool = _alone(share), self.one.pools[share.pool]
            found = spread(self.one, alone)
            losses += self._shape_losses(chain.rule, alone, found, even=False)
            losses += self._probe_losses(chain.rule, found, self._probe(found))
            items.append({"weight": share.share / whole, "rrdatas": [node(pool)]})
        if len(step.shares) > 1:
            losses.append(
                self.loss(
                    Code.PROBE_SHARED, chain.rule, "a site that is gone hands its part on",
                    "it keeps it: its probes are shared for want of quota",
                    Severity.DEGRADED, Bites.SICK,
                )
            )  # fmt: skip
        losses += self._ends(chain, 1)
        return Node({"routingPolicy": {"wrr": {"items": items}}}, tuple(losses))

    def site(self, share: Share) -> Body:
        """Return the node of one site."""
        found = spread(self.one, _alone(share))
        return self._wrr(found, self._probe(found))

    def shareable(self, chain: Chain) -> bool:
        """Return whether `sites` can take the place of `chain`: every address is probed."""
        return bool(chain.steps) and all(
            self._probe(found) is not None and all(one.target.probes for one in found)
            for found in (spread(self.one, _alone(share)) for share in chain.steps[0].shares)
        )

    def regions(self, chains: Mapping[str, Chain]) -> Node:
        """Return the node in which each region has the first step of its chain."""
        served = {
            region: spread(self.one, chain.steps[0]) if chain.steps else []
            for region, chain in chains.items()
        }
        probe = self._probe([one for found in served.values() for one in found])
        items: list[dict[str, object]] = []
        for region, found in served.items():
            item: dict[str, object] = {"location": region}
            if not found:
                item["rrdatas"] = list(self.one.last_resort)
            elif probe is None or not all(one.target.probes for one in found):
                item["rrdatas"] = [one.target.rdata for one in found]
            else:
                item["healthCheckedTargets"] = _endpoints(found)
            items.append(item)
        kinds = {chain.key: chain for chain in chains.values()}.values()
        fenced = all(chain.fence for chain in kinds)
        policy: dict[str, object] = {"geo": {"enableFencing": fenced, "items": items}}
        if probe is not None:
            policy["healthCheck"] = self.checks.key(probe)
        losses = self._region_losses(kinds, probe, fenced=fenced)
        return Node({"routingPolicy": policy}, tuple(losses))

    def probes(self, chain: Chain) -> bool:
        """Return whether the node of *chain* has anything probed."""
        policy: Any = self.chain(chain).body.get("routingPolicy", {})
        return "healthCheck" in policy

    def probed(self, chain: Chain) -> int:
        """Return how many addresses a region with *chain* has probed."""
        found = spread(self.one, chain.steps[0]) if chain.steps else []
        if self._probe(found) is None or not all(one.target.probes for one in found):
            return 0
        return len(found)

    def loss(
        self, code: Code, about: str, wanted: str, given: str, severity: Severity, bites: Bites
    ) -> Loss:
        """Return a loss of this policy and type."""
        return Loss(code, self.one.policy, self.one.rtype, about, wanted, given, severity, bites)

    def _probe(self, served: Sequence[Weighted]) -> Probe | None:
        """Return the probe that all are judged by; None: none can be."""
        if self.one.rtype == "CNAME":
            return None
        return chosen(each for one in served for each in one.target.probes)

    def _wrr(self, found: Sequence[Weighted], probe: Probe | None) -> Body:
        """Return an item for each; those that the policy does not check stay unchecked."""
        items: list[dict[str, object]] = []
        for one in found:
            item: dict[str, object] = {"weight": one.weight}
            if probe is None or not one.target.probes:
                item["rrdatas"] = [one.target.rdata]
            else:
                item["healthCheckedTargets"] = _endpoints([one])
            items.append(item)
        policy: dict[str, object] = {"wrr": {"items": items}}
        if probe is not None:
            policy["healthCheck"] = self.checks.key(probe)
        return {"routingPolicy": policy}

    def _spares(self, step: Step) -> bool:
        """Return whether some pool of *step* holds spares beside what serves."""
        pools = [self.one.pools[share.pool].targets for share in step.shares]
        return any(len({bool(target.weight) for target in targets}) > 1 for targets in pools)

    def _ends(self, chain: Chain, steps: int) -> Iterator[Loss]:
        """Yield what is lost behind so many steps."""
        if len(chain.steps) > steps:
            yield self.loss(
                Code.CHAIN, chain.rule, f"{len(chain.steps)} steps", f"{steps}",
                Severity.DEGRADED, Bites.SICK,
            )  # fmt: skip
        yield from self._ending(chain, steps)
        if steps > 1 and chain.ending is Ending.SERVE_ALL:
            yield self.loss(
                Code.CHAIN, chain.rule, "all of the first step when nothing is up",
                "the next step", Severity.INFO, self._behind(chain, steps),
            )  # fmt: skip

    def _ending(self, chain: Chain, steps: int) -> Iterator[Loss]:
        if chain.steps and chain.ending is Ending.LAST_RESORT:
            given = "sick endpoints" + (NEXT if steps > 1 else "")
            yield self.loss(
                Code.LAST_RESORT, chain.rule, "a last resort", given,
                Severity.DEGRADED, self._behind(chain, steps),
            )  # fmt: skip

    def _behind(self, chain: Chain, steps: int) -> Bites:
        """Return when so many steps are gone: what is behind them, or spare, may still be up."""
        kept = chain.steps[:steps]
        whole = kept == chain.steps and not any(map(self._spares, kept))
        return Bites.ALL_SICK if whole else Bites.SICK

    def _shape_losses(
        self, about: str, step: Step, found: Sequence[Weighted], *, even: bool
    ) -> Iterator[Loss]:
        """Yield what a step loses in one list of addresses; *even*: one without weights."""
        if even and not is_even(found):
            yield self.loss(
                Code.WEIGHT_DROPPED, about, "weights", "equal", Severity.DEGRADED,
                Bites.SICK if about.endswith(NEXT) else Bites.ALWAYS,
            )  # fmt: skip
        if len(step.shares) > 1:
            yield self.loss(
                Code.FLATTENED, about, "a sick endpoint's traffic stays in its site",
                "it goes to all others", Severity.DEGRADED, Bites.SICK,
            )  # fmt: skip
        if self._spares(step):
            yield self.loss(
                Code.STANDBY, about, "spare endpoints once the others are gone", "never",
                Severity.DEGRADED, Bites.SICK,
            )  # fmt: skip
        if sum(len(self.one.pools[share.pool].targets) for share in step.shares) > MAX_ITEMS:
            yield self.loss(
                Code.POOL, about, "all addresses", f"the {MAX_ITEMS} heaviest",
                Severity.DEGRADED, Bites.ALWAYS,
            )  # fmt: skip

    def _probe_losses(
        self, rule: str, served: Sequence[Weighted], probe: Probe | None
    ) -> Iterator[Loss]:
        probes = [each for one in served for each in one.target.probes]
        if not probes:
            return
        if probe is None:
            why = "; ".join(sorted({obstacle(each) for each in probes} - {""})) or "a CNAME"
            yield self.loss(
                Code.PROBE_NONE, rule, "checks", f"none: {why}", Severity.DEGRADED, Bites.SICK
            )
            return
        words = differences(probe.check)
        other = others(probes, probe)
        if other:
            words.append(f"{len(other)} other checks are not made")
        if words:
            severity = Severity.DEGRADED if other else Severity.INFO
            wanted = f"{probe.check.type} every {probe.check.every:g} s"
            yield self.loss(
                Code.PROBE_CHANGED, rule, wanted, "; ".join(words), severity, Bites.NEVER
            )
        if any(len(one.target.probes) > 1 for one in served):
            yield self.loss(
                Code.FAMILIES, rule, "down if either family is", "each family by itself",
                Severity.DEGRADED, Bites.SICK,
            )  # fmt: skip

    def _region_losses(
        self, chains: Iterable[Chain], probe: Probe | None, *, fenced: bool
    ) -> Iterator[Loss]:
        for chain in chains:
            found = spread(self.one, chain.steps[0]) if chain.steps else []
            if found:
                yield from self._shape_losses(chain.rule, chain.steps[0], found, even=True)
                yield from self._probe_losses(chain.rule, found, probe)
            checked = sum(bool(one.target.probes) for one in found)
            if probe is not None and 0 < checked < len(found):
                yield self.loss(
                    Code.PROBE_NONE, chain.rule, "checks for some of its endpoints", "none",
                    Severity.DEGRADED, Bites.SICK,
                )  # fmt: skip
            given = "none" if fenced else "the next region"
            if found and probe is not None:
                yield self.loss(
                    Code.CHAIN, chain.rule, f"{len(chain.steps)} steps of its own", given,
                    Severity.DEGRADED, Bites.SICK,
                )  # fmt: skip
            if chain.fence and not fenced and probe is not None:
                yield self.loss(
                    Code.FENCE, chain.rule, "a fence", "left when all inside is down",
                    Severity.UNSAFE, self._behind(chain, 1),
                )  # fmt: skip
            yield from self._ending(chain, 1)


def _alone(share: Share) -> Step:
    """Return the step that is one site."""
    return Step(share.pool, share.pool, (share,), alone=True)


def _endpoints(found: Sequence[Weighted]) -> dict[str, object]:
    return {"externalEndpoints": [one.target.rdata for one in found]}
