"""What a drain leaves to one rule or one site of a name, and whether that is too little or too much.

Two guards (failures F10). Where policies only have weights, a rule keeps a part of its declared
weight. Where they say what a site can carry (`headroom`), no site may be loaded beyond a part of
that. Both speak only of what the drain makes worse.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass

from gslb.policy.plan import Policy
from gslb.steering.capacity import Supply
from gslb.steering.model import ClientClass, Level
from gslb.steering.shares import EXACT, apportion
from gslb.steering.traffic import Supplies
from gslb.steering.wording import percent

KEEP_CAPACITY = 0.5  # of the declared weight: one of two equal clouds may go, not both
MAX_LOAD = 1.0  # of what a site can carry: headroom for one zone of three lets one zone of three go
NEARLY_FULL = 0.9  # of it: allowed, and said, since nothing else may fail then (failures F10)


@dataclass(frozen=True, slots=True)
class Left:
    """What one rule has before and after: capacities, and how many endpoints."""

    rule: str
    before: float
    after: float
    healthy: tuple[int, int]
    undrained: tuple[int, int]

    def refusal(self, keep: float) -> str:
        """Return why the drain is refused; empty: it is not. *keep* 0: endpoints only."""
        rule = f'rule "{self.rule}"'
        if self.undrained[0] and not self.undrained[1]:
            return f"{rule} would have no endpoint left that is not drained"
        if self.healthy[0] and not self.healthy[1]:
            return f"{rule} would have no healthy endpoint left"
        if self.after < keep - EXACT and self.after < self.before - EXACT:
            return (
                f"{rule} would keep {percent(self.after)} of its capacity,"
                f" less than {percent(keep)} (now {percent(self.before)})"
            )
        return ""


def left(
    policy: Policy, rtype: int, number: int, supplies: tuple[Supplies, Supplies]
) -> Left | None:
    """Return what rule *number* keeps; None: the drain does not touch it."""
    before, after = (one.rule(policy, number, rtype) for one in supplies)
    if before == after:
        return None

    def count(which: int, level: Level) -> int:
        one = supplies[which]
        return sum(one.count(policy, site, rtype, level) for site in before)

    return Left(
        rule=policy.rules[number].name,
        before=_capacity(before),
        after=_capacity(after),
        healthy=(count(0, Level.HEALTHY), count(1, Level.HEALTHY)),
        undrained=(count(0, Level.UNDRAINED), count(1, Level.UNDRAINED)),
    )


def _capacity(found: Mapping[str, Supply]) -> float:
    """Return the healthy undrained weight over the declared weight; ramps are left out."""
    whole = sum(one.weight for one in found.values())
    return (
        min(1.0, sum(one.weight * one.believed for one in found.values()) / whole) if whole else 0.0
    )


@dataclass(frozen=True, slots=True)
class Loads:
    """What sites carry of the answers to one name and type: shares of them, by site."""

    usual: Mapping[str, float]  # were all of them whole
    before: Mapping[str, float]
    after: Mapping[str, float]

    def judged(self, policy: Policy, sites: Iterable[str]) -> bool:
        """Return whether all of *sites* say what they can carry, and usually carry something."""
        return all(
            site in policy.capacity_at and self.usual.get(site, 0.0) > EXACT for site in sites
        )

    def refusals(
        self, policy: Policy, rtype: int, supplies: tuple[Supplies, Supplies]
    ) -> Iterator[str]:
        """Yield which sites would be too full, and by what."""
        for full, said in self._filled(policy, rtype, supplies):
            if full > MAX_LOAD + EXACT:
                yield f"{said}, so it would be {percent(full)} full"

    def warnings(
        self, policy: Policy, rtype: int, supplies: tuple[Supplies, Supplies]
    ) -> Iterator[str]:
        """Yield which sites would be so full that nothing else of them may fail."""
        for full, said in self._filled(policy, rtype, supplies):
            if NEARLY_FULL + EXACT < full <= MAX_LOAD + EXACT:
                yield f"{said}: it would be {percent(full)} full"

    def _filled(
        self, policy: Policy, rtype: int, supplies: tuple[Supplies, Supplies]
    ) -> Iterator[tuple[float, str]]:
        """Yield how full sites would be that get fuller, 1.0 being full, and how that comes."""
        for site, where in policy.capacity_at.items():
            usual, after = self.usual.get(site, 0.0), self.after.get(site, 0.0)
            if usual <= EXACT or after <= EXACT:
                continue  # headroom is said over the usual load; where there is none, it is nothing
            headroom = policy.headroom[site]
            there = [one.of(policy, site, rtype).supply.believed for one in supplies]
            carries = [min(1.0, one) * (1.0 + headroom) for one in there]
            if carries[1] <= EXACT:
                continue  # nothing is healthy there; the rule's own guard tells
            full = after / usual / carries[1]
            earlier = self.before.get(site, 0.0) / usual / carries[0] if carries[0] else full
            if full > earlier + EXACT:
                said = (
                    f"{site} would carry {percent(after / usual)} of its usual load; it can carry"
                    f" {percent(carries[1])} (headroom {percent(headroom)} in {where};"
                    f" {percent(min(1.0, there[1]))} of its weight left)"
                )
                yield full, said


def usual(
    policy: Policy,
    rtype: int,
    clients: Iterable[tuple[ClientClass, float]],
    supplies: Supplies,
) -> Mapping[str, float]:
    """Return the share of the answers that each site has when all of them are whole."""
    shares: dict[str, float] = {}
    whole: dict[int, dict[str, float]] = {}
    for cls, weight in clients:
        if cls.rule < 0:
            continue
        if cls.rule not in whole:
            found = supplies.rule(policy, cls.rule, rtype)
            whole[cls.rule] = {site: 1.0 for site, one in found.items() if one.weight}
        given = apportion(policy.rules[cls.rule], cls, whole[cls.rule])
        for site, share in given.shares.items() if given is not None else ():
            shares[site] = shares.get(site, 0.0) + weight * share
    return shares


def by_site(zones: Mapping[str, float]) -> dict[str, float]:
    """Return shares by site, from those by cloud/region/zone."""
    found: dict[str, float] = {}
    for zone, share in zones.items():
        site = zone.rpartition("/")[0]
        found[site] = found.get(site, 0.0) + share
    return found


def reasons(
    policy: Policy, rtype: int, numbers: Iterable[int], supplies: tuple[Supplies, Supplies]
) -> Iterator[str]:
    """Yield why traffic leaves a site that the drain leaves something of.

    What is left of a site keeps as much of its usual traffic as it can carry (`kept_share`); who
    sees it go far, past the zones next door, wants to be told that they are full.
    """
    for number in numbers:
        before, after = (one.ruling(policy, number, rtype) for one in supplies)
        for site, kept in after.kept.items():
            if 0.0 < kept < 1.0 - EXACT and kept < before.kept.get(site, 0.0) - EXACT:
                place = policy.capacity_at.get(site)
                yield (
                    f"{site}: the zones that are left have no spare capacity:"
                    f" {percent(after.supplies[site].healthy)} of its weight can carry"
                    f" {percent(kept)} of its usual traffic (headroom"
                    f" {percent(policy.headroom.get(site, 0.0))},"
                    f" {f'in {place}' if place else 'the default: for the loss of one zone'});"
                    f" the rest goes to other sites"
                )
