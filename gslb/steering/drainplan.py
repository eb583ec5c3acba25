"""What a drain would do, said before it is done: names, traffic, what is left, and whether to refuse.

It is the same decision that answers are made by, before and after; only the drain differs.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, field, replace

from gslb.policy.plan import Drained, Plan, Policy, ZonePlan
from gslb.policy.problems import NOWHERE
from gslb.policy.types import TYPE_WORDS, concerned, record_types
from gslb.steering.capacity import Supply, usable
from gslb.steering.classes import compile_classes
from gslb.steering.model import Level
from gslb.steering.shares import EXACT
from gslb.steering.situation import Situation, Status
from gslb.steering.traffic import Supplies, Weigh, by_addresses, spread
from gslb.steering.wording import percent
from gslb.steering.world import World
from gslb.wire.constants import TYPE_HTTPS
from gslb.wire.names import to_text

KEEP_CAPACITY = 0.5  # of the declared weight: one of two equal clouds may go, not both
MAX_NAMES = 100  # listed, those with the least left first
MAX_MOVES = 100  # listed, the greatest first
MAX_REFUSALS = 20  # listed
LEAST_MOVE = 1e-6  # share of all traffic; less is arithmetic


@dataclass(frozen=True, slots=True)
class Move:
    """Traffic that goes elsewhere: site to site, or zone to zone within one site."""

    source: str
    to: str  # "": nowhere (refused, or the last resort)
    share: float  # of the answers of all names touched, each as heavy as the others


@dataclass(frozen=True, slots=True)
class NameCapacity:
    """The rule that is left with the least, of one name and type."""

    name: str
    rtype: str
    rule: str
    before: float  # healthy undrained weight over declared weight of what the rule may use
    after: float
    endpoints: int  # healthy and undrained, after
    moved: float  # share of the name's answers that go elsewhere


@dataclass(frozen=True, slots=True)
class DrainPlan:
    """What a drain would do."""

    endpoints: tuple[str, ...]  # ids that would be drained and are not yet
    already: tuple[str, ...]  # ids that are drained as it is
    names_touched: int
    ttl: int  # seconds: the longest of the names that use any of them, drained already or not
    moved: float  # share of the answers of the names touched that go elsewhere
    moves: tuple[Move, ...]
    names: tuple[NameCapacity, ...]
    refusals: tuple[str, ...]  # why the guard refuses; empty: it does not

    def to_json(self) -> dict[str, object]:
        """Return it as JSON values."""
        return {
            "endpoints": list(self.endpoints),
            "already": list(self.already),
            "names_touched": self.names_touched,
            "ttl": self.ttl,
            "moved": self.moved,
            "moves": [{"source": m.source, "to": m.to, "share": m.share} for m in self.moves],
            "names": [
                {
                    "name": n.name,
                    "rtype": n.rtype,
                    "rule": n.rule,
                    "before": n.before,
                    "after": n.after,
                    "endpoints": n.endpoints,
                    "moved": n.moved,
                }
                for n in self.names
            ],
            "refusals": list(self.refusals),
        }


@dataclass(slots=True)
class _Sum:
    """A plan in the making."""

    keep: float
    touched: int = 0
    ttl: int = 0
    answers: float = 0.0  # names × types that were looked at
    moves: dict[tuple[str, str], float] = field(default_factory=dict)
    names: list[NameCapacity] = field(default_factory=list)
    refusals: dict[str, None] = field(default_factory=dict)

    def add(self, names: Iterable[NameCapacity]) -> None:
        """Remember *names*; of very many only those with the least left."""
        self.names += names
        if len(self.names) > 10 * MAX_NAMES:
            self.names = self.least()

    def least(self) -> list[NameCapacity]:
        """Return the names with the least left."""
        return sorted(self.names, key=lambda one: (one.after, one.name, one.rtype))[:MAX_NAMES]


def plan_drain(
    plan: Plan,
    situation: Situation,
    world: World,
    endpoints: Iterable[str],
    *,
    keep: float = KEEP_CAPACITY,
    force_down: bool = False,
    weigh: Weigh | None = None,
) -> DrainPlan:
    """Return what draining *endpoints* (ids) in *situation* would do.

    Args:
        plan: what the policies say.
        situation: what is true now.
        world: where clients are.
        endpoints: ids; those that are in no plan count for nothing.
        keep: the guard: share of the declared weight that each rule must keep, 0 to 1.
        force_down: they are forced down instead, so that they may come back when all else fails.
        weigh: how heavy each class of clients is; default: by its addresses.

    The guard speaks only of what the drain makes worse: what was short before, and loses nothing by
    it, is no reason to keep a dead endpoint.
    """
    wanted = frozenset(endpoints)
    weigh = by_addresses(world) if weigh is None else weigh
    held = [
        one
        for zone in plan.zones
        for site in zone.sites.values()
        for one in site.endpoints
        if one.id in wanted
    ]
    fresh = {one.id for one in held if situation.drain_of(one) is None}
    after = _with(plan, situation, fresh, force_down=force_down)
    total = _Sum(keep)
    for zone in plan.zones:
        total.ttl = max(total.ttl, _longest_ttl(zone, wanted))
        touched = _users(zone, fresh)
        names: dict[int, list[bytes]] = {index: [] for index in touched}
        for name, index in zone.names if touched else ():
            if index in names:
                names[index].append(name)
        supplies = Supplies(zone, situation), Supplies(zone, after)
        for index, owners in names.items():
            if owners:
                _add(total, zone, zone.policies[index], owners, supplies, world, weigh)
    moves = [
        Move(source, to, amount / total.answers)
        for (source, to), amount in total.moves.items()
        if amount / total.answers > LEAST_MOVE
    ]
    return DrainPlan(
        endpoints=tuple(sorted(fresh)),
        already=tuple(sorted({one.id for one in held} - fresh)),
        names_touched=total.touched,
        ttl=total.ttl,
        moved=min(1.0, sum(move.share for move in moves)),
        moves=tuple(sorted(moves, key=lambda one: (-one.share, one.source, one.to))[:MAX_MOVES]),
        names=tuple(total.least()),
        refusals=_bounded(list(total.refusals)),
    )


def _users(zone: ZonePlan, ids: Collection[str]) -> list[int]:
    """Return the indices of the policies of *zone* that may use an endpoint of *ids*."""
    sites = {s.name for s in zone.sites.values() if any(e.id in ids for e in s.endpoints)}
    return [
        index
        for index, policy in enumerate(zone.policies)
        if any(name in sites for rule in policy.rules for name in rule.sites)
    ]


def _longest_ttl(zone: ZonePlan, ids: Collection[str]) -> int:
    """Return the longest TTL, in seconds, that answers with an endpoint of *ids* have."""
    used = {number for _, number in zone.names}
    return max((zone.policies[i].ttl for i in _users(zone, ids) if i in used), default=0)


def _with(plan: Plan, situation: Situation, ids: set[str], *, force_down: bool) -> Situation:
    """Return *situation* with the endpoints called *ids* drained, or down under every check."""
    if not force_down:
        drains = {**situation.drains, **dict.fromkeys(ids, Drained("planned", None, NOWHERE))}
        return replace(situation, drains=drains)
    health = dict(situation.health)
    for zone in plan.zones:
        for site in zone.sites.values():
            for check in {policy.checks.get(site.name) for policy in zone.policies}:
                for one in site.endpoints:
                    if one.id in ids:
                        known = situation.health_of(one, check)
                        health[one.id, check] = replace(known, v4=Status.DOWN, v6=Status.DOWN)
    return replace(situation, health=health)


def _add(
    total: _Sum,
    zone: ZonePlan,
    policy: Policy,
    names: list[bytes],
    supplies: tuple[Supplies, Supplies],
    world: World,
    weigh: Weigh,
) -> None:
    """Add what the drain does to the *names* of one policy, all of which are answered alike."""
    total.touched += len(names)
    first = _shown(names[0])
    others = f" and {len(names) - 1:,} more" if len(names) > 1 else ""
    for rtype in record_types(policy, zone.sites):
        if rtype == TYPE_HTTPS:
            continue  # its hints follow the same decisions as A and AAAA
        classes = compile_classes(policy, zone.sites, rtype, world)
        weights = weigh(classes)
        parts = [spread(policy, rtype, classes.classes, weights, one) for one in supplies]
        moved = _flows(total, parts[0], parts[1], len(names))
        total.answers += len(names)
        found = [_left(policy, rtype, number, supplies) for number in concerned(policy, rtype)]
        changed = [left for left in found if left is not None]
        for left in changed:
            if reason := _refusal(left, total.keep):
                total.refusals[f"{first}{others}, {TYPE_WORDS[rtype]}: {reason}"] = None
        if changed:
            least = min(changed, key=lambda left: left.after)
            total.add(
                NameCapacity(
                    name=_shown(name),
                    rtype=TYPE_WORDS[rtype],
                    rule=least.rule,
                    before=least.before,
                    after=least.after,
                    endpoints=least.healthy[1],
                    moved=moved,
                )
                for name in names[:MAX_NAMES]
            )


@dataclass(frozen=True, slots=True)
class _Left:
    """What one rule has before and after: capacities, and how many endpoints."""

    rule: str
    before: float
    after: float
    healthy: tuple[int, int]
    undrained: tuple[int, int]


def _left(
    policy: Policy, rtype: int, number: int, supplies: tuple[Supplies, Supplies]
) -> _Left | None:
    """Return what rule *number* keeps; None: the drain does not touch it."""
    before, after = (one.rule(policy, number, rtype) for one in supplies)
    if before == after:
        return None

    def count(which: int, level: Level) -> int:
        one = supplies[which]
        return sum(len(usable(one.of(policy, site, rtype)[0], level)) for site in before)

    return _Left(
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


def _refusal(left: _Left, keep: float) -> str:
    """Return why the guard refuses what one rule would be left with; empty: it does not."""
    rule = f'rule "{left.rule}"'
    if left.undrained[0] and not left.undrained[1]:
        return f"{rule} would have no endpoint left that is not drained"
    if left.healthy[0] and not left.healthy[1]:
        return f"{rule} would have no healthy endpoint left"
    if left.after < keep - EXACT and left.after < left.before - EXACT:
        return (
            f"{rule} would keep {percent(left.after)} of its capacity,"
            f" less than {percent(keep)} (now {percent(left.before)})"
        )
    return ""


def _flows(
    total: _Sum, before: Mapping[str, float], after: Mapping[str, float], names: int
) -> float:
    """Add who loses answers to whom, for so many *names*; return the share that moves.

    What is lost goes to those that gain, in proportion: who in particular takes over from whom
    is not a question that has an answer.
    """
    zones = before.keys() | after.keys()
    gains = {zone: after.get(zone, 0.0) - before.get(zone, 0.0) for zone in zones}
    lost = {zone: -gain for zone, gain in gains.items() if gain < -EXACT}
    won = {zone: gain for zone, gain in gains.items() if gain > EXACT}
    moved = sum(lost.values())
    nowhere = moved - sum(won.values())
    if nowhere > EXACT:
        won[""] = nowhere
    whole = sum(won.values())
    for source, amount in lost.items():
        for to, gain in won.items():
            key = _between(source, to)
            total.moves[key] = total.moves.get(key, 0.0) + names * amount * gain / whole
    return min(1.0, moved)


def _between(source: str, to: str) -> tuple[str, str]:
    """Return the ends of a move as people look at it: sites, or zones of the same site."""
    sites = source.rpartition("/")[0], to.rpartition("/")[0]
    return (source, to) if sites[0] == sites[1] else sites


def _shown(name: bytes) -> str:
    """Return *name* as policies write it: without the final dot."""
    return to_text(name).rstrip(".")


def _bounded(refusals: list[str]) -> tuple[str, ...]:
    more = len(refusals) - MAX_REFUSALS
    return (*refusals[:MAX_REFUSALS], *([f"… and {more} more"] if more > 0 else []))
