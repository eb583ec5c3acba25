"""Where a policy's clients are sent, as shares of its traffic: each class as heavy as it has addresses."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

import numpy as np
import numpy.typing as npt

from gslb.answers.model import PrefixMap
from gslb.policy.plan import Check, Policy, Site, ZonePlan
from gslb.steering.capacity import Candidate, Supply, candidates, supply_of, usable
from gslb.steering.decide import decide_supplied, rule_sites
from gslb.steering.model import Classes, ClientClass, Decision, Level
from gslb.steering.situation import Situation
from gslb.steering.world import World

Weigh = Callable[[Classes], npt.NDArray[np.float64]]


def by_addresses(world: World) -> Weigh:
    """Return a measure of classes: their parts of the routed IPv4 addresses, summing to 1.

    Clients without a class there (IPv6 only, or a geography that knows nothing) leave all alike.
    What was measured is kept with the world.
    """

    def weigh(classes: Classes) -> npt.NDArray[np.float64]:
        view = 0 if classes.resolvers is None else int(classes.resolvers.classes4[0])
        found = classes.views[view]
        # The map itself is kept beside its result: while it is, no other has its identity.
        _, total = world.keep(("addresses", id(found)), lambda: (found, _addresses(found, world)))
        total = np.pad(total, (0, len(classes.classes) - len(total)))
        return total / total.sum() if total.sum() > 0 else equally(classes)

    return weigh


def _addresses(found: PrefixMap, world: World) -> npt.NDArray[np.float64]:
    """Return how many routed IPv4 addresses each class of *found* has."""
    starts, sizes, below = world.keep(("routed",), lambda: _routed(world))
    edges = np.append(found.starts4.astype(np.uint64), np.uint64(1 << 32))
    at = np.searchsorted(starts, edges, "right") - 1
    counts = below[at] + np.minimum((edges - starts[at]).astype(np.float64), sizes[at])
    return np.bincount(found.classes4, np.diff(counts)).astype(np.float64)


def _routed(
    world: World,
) -> tuple[npt.NDArray[np.uint64], npt.NDArray[np.float64], npt.NDArray[np.float64]]:
    """Return by range of addresses its start, its routed addresses, and all those below it."""
    starts, pairs = world.ranges[4]
    sizes = np.diff(np.append(starts, np.uint64(1 << 32))).astype(np.float64)
    sizes *= world.geo.pair_asn[pairs] > 0
    return starts, sizes, np.cumsum(sizes) - sizes


def equally(classes: Classes) -> npt.NDArray[np.float64]:
    """Measure every class alike."""
    return np.full(len(classes.classes), 1.0 / len(classes.classes))


class Supplies:
    """What the sites of one zone have in one situation; each measured once."""

    def __init__(self, zone: ZonePlan, situation: Situation) -> None:
        self._zone, self._situation = zone, situation
        self._known: dict[
            tuple[str, Check | None, str, int], tuple[tuple[Candidate, ...], Supply]
        ] = {}
        self._rules: dict[tuple[int, int, int], dict[str, Supply]] = {}  # policy by identity

    def of(self, policy: Policy, site: str, rtype: int) -> tuple[tuple[Candidate, ...], Supply]:
        """Return the candidates of *site* for names of *policy*, and their sums."""
        key = (site, policy.checks.get(site), policy.families.value, rtype)
        if key not in self._known:
            place: Site = self._zone.sites[site]
            found = candidates(place, key[1], policy.families, rtype, self._situation)
            self._known[key] = (found, supply_of(site, found))
        return self._known[key]

    def rule(self, policy: Policy, rule: int, rtype: int) -> dict[str, Supply]:
        """Return the supplies of the sites that rule number *rule* may use."""
        key = (id(policy), rule, rtype)
        if key not in self._rules:
            names = rule_sites(policy, self._zone.sites, rule, rtype)
            self._rules[key] = {name: self.of(policy, name, rtype)[1] for name in names}
        return self._rules[key]

    def decide(self, policy: Policy, cls: ClientClass, rtype: int) -> Decision:
        """Return which sites the clients of *cls* get."""
        return decide_supplied(policy, cls, rtype, self.rule(policy, cls.rule, rtype))

    def zones(self, policy: Policy, site: str, rtype: int, level: Level) -> dict[str, float]:
        """Return the parts of the site's answers that its zones have, by cloud/region/zone."""
        used = usable(self.of(policy, site, rtype)[0], level)
        whole = sum(one.effective for one in used)
        parts: dict[str, float] = {}
        for one in used:
            name = f"{site}/{one.zone}"
            parts[name] = parts.get(name, 0.0) + one.effective / whole
        return parts


def spread(
    policy: Policy,
    rtype: int,
    classes: Sequence[ClientClass],
    weights: npt.NDArray[np.float64],
    supplies: Supplies,
) -> Mapping[str, float]:
    """Return which part of the answers each zone has, by cloud/region/zone.

    They sum to less than 1 by the part of clients that get no endpoint (refused, last resort).
    """
    by_site: dict[tuple[str, Level], float] = {}
    for cls, weight in zip(classes, weights.tolist(), strict=True):
        if weight > 0:
            decision = supplies.decide(policy, cls, rtype)
            for site, share in decision.shares.items():
                key = site, decision.level
                by_site[key] = by_site.get(key, 0.0) + weight * share
    parts: dict[str, float] = {}
    for (site, level), share in by_site.items():
        for zone, part in supplies.zones(policy, site, rtype, level).items():
            parts[zone] = parts.get(zone, 0.0) + share * part
    return parts
