"""Where a policy's clients are sent, as shares of its traffic: each class as heavy as it has addresses."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Mapping

import numpy as np
import numpy.typing as npt

from gslb.answers.model import PrefixMap
from gslb.policy.plan import Check, Families, Policy, Site, ZonePlan
from gslb.steering.capacity import Candidate, Supply, candidates, supply_of, usable
from gslb.steering.decide import Ruling, judge_rule, rule_sites
from gslb.steering.model import Classes, ClientClass, Level, Outcome
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
    """What the sites of one zone have in one situation, and what follows; each worked out once."""

    def __init__(
        self,
        zone: ZonePlan,
        situation: Situation,
        beside: tuple[Supplies, Collection[str]] | None = None,
    ) -> None:
        """Measure nothing yet.

        Args:
            zone: where the sites are.
            situation: what is true.
            beside: the supplies of another situation, and the sites that are not the same in
                both; what is the same is worked out there.
        """
        self.zone = zone
        self._situation = situation
        self._beside = beside[0] if beside is not None else None
        self._touched = frozenset(beside[1] if beside is not None else ())
        self._stocks: dict[_StockKey, _Stock] = {}
        # Policies are told apart by identity. Types that come to the same share one ruling.
        self._rulings: dict[tuple[int, int, int], Ruling] = {}
        self._distinct: dict[tuple[int, int], list[Ruling]] = {}
        self._outcomes: dict[int, _Outcomes] = {}  # by identity of the ruling
        if self._beside is not None:
            self._distinct, self._outcomes = self._beside._distinct, self._beside._outcomes

    def of(self, policy: Policy, site: str, rtype: int) -> _Stock:
        """Return what *site* has for names of *policy*."""
        if self._beside is not None and site not in self._touched:
            return self._beside.of(policy, site, rtype)
        key = (site, policy.checks.get(site), policy.families, rtype)
        found = self._stocks.get(key)
        if found is None:
            place: Site = self.zone.sites[site]
            used = candidates(place, key[1], policy.families, rtype, self._situation)
            found = self._stocks[key] = _Stock(site, used, supply_of(site, used))
        return found

    def rule(self, policy: Policy, rule: int, rtype: int) -> Mapping[str, Supply]:
        """Return the supplies of the sites that rule number *rule* may use."""
        return self.ruling(policy, rule, rtype).supplies

    def ruling(self, policy: Policy, rule: int, rtype: int) -> Ruling:
        """Return what rule number *rule* comes to."""
        key = (id(policy), rule, rtype)
        found = self._rulings.get(key)
        if found is None:
            names = rule_sites(policy, self.zone.sites, rule, rtype)
            if self._beside is not None and self._touched.isdisjoint(names):
                found = self._beside.ruling(policy, rule, rtype)
            else:
                supplies = {name: self.of(policy, name, rtype).supply for name in names}
                found = self._intern(judge_rule(policy, rule, rtype, supplies))
            self._rulings[key] = found
        return found

    def _intern(self, ruling: Ruling) -> Ruling:
        """Return one that is equal to *ruling*, if there is one."""
        known = self._distinct.setdefault((id(ruling.policy), ruling.rule), [])
        for one in known:
            if (one.supplies, one.reason) == (ruling.supplies, ruling.reason):
                return one
        known.append(ruling)
        return ruling

    def outcome(self, policy: Policy, cls: ClientClass, rtype: int) -> Outcome:
        """Return which sites the clients of *cls* get."""
        ruling = self.ruling(policy, cls.rule, rtype)
        _, made = self._outcomes.setdefault(id(ruling), (ruling, {}))
        found = made.get(cls)
        if found is None:
            found = made[cls] = ruling.outcome(cls)
        return found

    def zones(self, policy: Policy, site: str, rtype: int, level: Level) -> Mapping[str, float]:
        """Return the parts of the site's answers that its zones have, by cloud/region/zone."""
        return self.of(policy, site, rtype).zones(level)

    def count(self, policy: Policy, site: str, rtype: int, level: Level) -> int:
        """Return how many endpoints of *site* may be answered at *level*."""
        return len(self.of(policy, site, rtype).usable(level))


_StockKey = tuple[str, Check | None, Families, int]
_Outcomes = tuple[Ruling, dict[ClientClass, Outcome]]  # of one ruling, which has to live on


class _Stock:
    """What one site has under one check for one type."""

    def __init__(self, site: str, found: tuple[Candidate, ...], supply: Supply) -> None:
        self.supply = supply
        self._site = site
        self._candidates = found
        self._usable: dict[Level, tuple[Candidate, ...]] = {}
        self._zones: dict[Level, dict[str, float]] = {}

    def usable(self, level: Level) -> tuple[Candidate, ...]:
        """Return the endpoints that may be answered at *level*."""
        if level not in self._usable:
            self._usable[level] = usable(self._candidates, level)
        return self._usable[level]

    def zones(self, level: Level) -> Mapping[str, float]:
        """Return the parts of the site's answers that its zones have, by cloud/region/zone."""
        if level not in self._zones:
            used = self.usable(level)
            whole = sum(one.effective for one in used)
            parts = self._zones[level] = {}
            for one in used:
                name = f"{self._site}/{one.zone}"
                parts[name] = parts.get(name, 0.0) + one.effective / whole
        return self._zones[level]


def spread(
    policy: Policy, rtype: int, clients: Iterable[tuple[ClientClass, float]], supplies: Supplies
) -> Mapping[str, float]:
    """Return which part of the answers each zone has, by cloud/region/zone.

    Args:
        policy: of the names.
        rtype: of the queries.
        clients: classes, and how heavy each is.
        supplies: what there is to answer.

    They sum to less than the weight of all clients by that of those who get no endpoint (refused,
    last resort).
    """
    by_site: dict[tuple[str, Level], float] = {}
    for cls, weight in clients:
        found = supplies.outcome(policy, cls, rtype)
        for site, share in found.shares.items():
            key = site, found.level
            by_site[key] = by_site.get(key, 0.0) + weight * share
    parts: dict[str, float] = {}
    for (site, level), share in by_site.items():
        for zone, part in supplies.zones(policy, site, rtype, level).items():
            parts[zone] = parts.get(zone, 0.0) + share * part
    return parts
