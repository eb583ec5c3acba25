"""What a drain would do, said before it is done: names, traffic, what is left, and whether to refuse.

It is the same decision that answers are made by, before and after; only the drain differs.
"""

from __future__ import annotations

from collections.abc import Generator, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace

from gslb.policy.plan import Drained, Plan, Policy
from gslb.policy.problems import NOWHERE
from gslb.policy.types import TYPE_WORDS
from gslb.steering.audience import MAX_NAMES, Audience, Clients, Names
from gslb.steering.draineffect import DrainPlan, NameCapacity
from gslb.steering.drainguard import KEEP_CAPACITY, Loads, by_site, left, reasons, usual
from gslb.steering.flows import flows, greatest
from gslb.steering.model import ClientClass, Level
from gslb.steering.situation import Situation, Status
from gslb.steering.traffic import Supplies, spread
from gslb.wire.names import to_text

ANY = Level.ANY
MAX_MOVES = 100  # listed, the greatest first
MAX_REFUSALS = 20  # listed
LEAST_MOVE = 1e-6  # share of all traffic; less is arithmetic


@dataclass(frozen=True, slots=True)
class _Alike:
    """Names that have the same left."""

    names: Names
    left: NameCapacity  # of each of them; its name is missing

    def each(self) -> list[NameCapacity]:
        """Return them one by one, as far as they are listed."""
        return [replace(self.left, name=_shown(name)) for name in self.names.first]


@dataclass(slots=True)
class _Sum:
    """A plan in the making."""

    keep: float
    touched: int = 0
    ttl: int = 0
    answers: float = 0.0  # names × types that were looked at
    moves: dict[tuple[str, str], float] = field(default_factory=dict)
    alike: list[_Alike] = field(default_factory=list)
    refusals: dict[str, None] = field(default_factory=dict)
    reasons: dict[str, None] = field(default_factory=dict)
    unheeded: float = 0.0

    def least(self) -> tuple[NameCapacity, ...]:
        """Return the names with the least left."""
        names: list[NameCapacity] = []
        for one in sorted(self.alike, key=lambda one: (one.left.after, one.names.first[0])):
            if len(names) >= MAX_NAMES:
                break
            names += one.each()
        return tuple(sorted(names, key=lambda one: (one.after, one.name, one.rtype))[:MAX_NAMES])


def plan_drain(
    plan: Plan,
    situation: Situation,
    audiences: Sequence[Audience],
    endpoints: Iterable[str],
    *,
    keep: float = KEEP_CAPACITY,
    force_down: bool = False,
) -> DrainPlan:
    """Do `planning`, all of it at once."""
    steps = planning(plan, situation, audiences, endpoints, keep=keep, force_down=force_down)
    while True:
        try:
            next(steps)
        except StopIteration as done:
            found: DrainPlan = done.value
            return found


def planning(
    plan: Plan,
    situation: Situation,
    audiences: Sequence[Audience],
    endpoints: Iterable[str],
    *,
    keep: float = KEEP_CAPACITY,
    force_down: bool = False,
) -> Generator[None, None, DrainPlan]:
    """Return what draining *endpoints* (ids) in *situation* would do.

    Args:
        plan: what the policies say.
        situation: what is true now.
        audiences: who asks for what, by zone.
        endpoints: ids; those that are in no plan count for nothing.
        keep: the guard: share of the declared weight that each rule must keep, 0 to 1, unless
            all of its sites say what they can carry (`gslb.steering.drainguard`).
        force_down: they are forced down instead, so that they may come back when all else fails.

    It yields after each policy, so that whoever runs it may do something urgent in between.

    The guard speaks only of what the drain makes worse: what was short before, and loses nothing by
    it, is no reason to keep a dead endpoint.
    """
    wanted = frozenset(endpoints)
    holding = [
        {
            site.name: site
            for site in zone.sites.values()
            if any(e.id in wanted for e in site.endpoints)
        }
        for zone in plan.zones
    ]
    held = [
        one
        for sites in holding
        for site in sites.values()
        for one in site.endpoints
        if one.id in wanted
    ]
    fresh = {one.id for one in held if situation.drain_of(one) is None}
    after = _with(plan, situation, fresh, force_down=force_down)
    total = _Sum(keep)
    for zone, audience, sites in zip(plan.zones, audiences, holding, strict=True):
        ttls = (zone.policies[index].ttl for index in audience.users(sites))
        total.ttl = max(total.ttl, max(ttls, default=0))
        touched = {
            name for name, site in sites.items() if any(e.id in fresh for e in site.endpoints)
        }
        before = Supplies(zone, situation)
        supplies = before, Supplies(zone, after, (before, touched))
        for index in audience.users(touched):
            policy, names = zone.policies[index], audience.names[index]
            total.touched += names.count
            for clients in audience.clients(index):
                _add(total, policy, names, clients, touched, supplies)
                yield
    moves = {key: amount / total.answers for key, amount in total.moves.items()}
    told = greatest(moves, LEAST_MOVE, MAX_MOVES)
    return DrainPlan(
        endpoints=tuple(sorted(fresh)),
        already=tuple(sorted({one.id for one in held} - fresh)),
        names_touched=total.touched,
        ttl=total.ttl,
        moved=min(1.0, sum(share for share in moves.values() if share > LEAST_MOVE)),
        moves=told,
        names=total.least(),
        refusals=_bounded(list(total.refusals)),
        reasons=_bounded(list(total.reasons)),
        unheeded=min(1.0, total.unheeded / total.answers) if total.answers else 0.0,
    )


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
    policy: Policy,
    names: Names,
    clients: Clients,
    touched: set[str],
    supplies: tuple[Supplies, Supplies],
) -> None:
    """Add what the drain does to the *names* of one policy for one type."""
    rtype, word = clients.rtype, TYPE_WORDS[clients.rtype]
    rules = [n for n in clients.rules if not touched.isdisjoint(policy.rules[n].sites)]
    concerned = [one for one in clients.classes if one[0].rule in rules]  # others stay as they are
    parts = [spread(policy, rtype, concerned, one) for one in supplies]
    moved = _flows(total, parts[0], parts[1], names.count)
    total.answers += names.count
    total.reasons.update(dict.fromkeys(reasons(policy, rtype, rules, supplies)))
    ends = ((supplies[1].outcome(policy, cls, rtype), weight) for cls, weight in concerned)
    total.unheeded += names.count * sum(w for end, w in ends if end.shares and end.level is ANY)
    found = [(number, left(policy, rtype, number, supplies)) for number in rules]
    loads = _loads(policy, rtype, clients, concerned, parts, supplies[1])
    for number, one in found:
        judged = loads.judged(policy, supplies[1].rule(policy, number, rtype))
        if one is not None and (reason := one.refusal(0.0 if judged else total.keep)):
            total.refusals[f"{_all(names)}, {word}: {reason}"] = None
    for reason in loads.refusals(policy, rtype, supplies):
        total.refusals[f"{_all(names)}, {word}: {reason}"] = None
    for warning in loads.warnings(policy, rtype, supplies):
        total.reasons[f"{_all(names)}, {word}: {warning}"] = None
    if changed := [one for _, one in found if one is not None]:
        least = min(changed, key=lambda one: one.after)
        each = NameCapacity(
            name="",
            rtype=word,
            rule=least.rule,
            before=least.before,
            after=least.after,
            endpoints=least.healthy[1],
            moved=moved,
        )
        total.alike.append(_Alike(names, each))


def _loads(
    policy: Policy,
    rtype: int,
    clients: Clients,
    concerned: Sequence[tuple[ClientClass, float]],
    parts: Sequence[Mapping[str, float]],
    supplies: Supplies,
) -> Loads:
    """Return what sites carry of the answers to one name, where *parts* are those *concerned*."""
    if not policy.capacity_at:
        return Loads({}, {}, {})
    drained = {cls.rule for cls, _ in concerned}
    others = [one for one in clients.classes if one[0].rule not in drained]
    rest = by_site(spread(policy, rtype, others, supplies))  # the same before and after
    before, after = (by_site(one) for one in parts)
    for site, share in rest.items():
        before[site] = before.get(site, 0.0) + share
        after[site] = after.get(site, 0.0) + share
    return Loads(usual(policy, rtype, clients.classes, supplies), before, after)


def _all(names: Names) -> str:
    others = f" and {names.count - 1:,} more" if names.count > 1 else ""
    return _shown(names.first[0]) + others


def _flows(
    total: _Sum, before: Mapping[str, float], after: Mapping[str, float], names: int
) -> float:
    """Add who loses answers to whom, for so many *names*; return the share that moves."""
    found = flows(before, after)
    for key, share in found.items():
        total.moves[key] = total.moves.get(key, 0.0) + names * share
    return min(1.0, sum(found.values()))


def _shown(name: bytes) -> str:
    """Return *name* as policies write it: without the final dot."""
    return to_text(name).rstrip(".")


def _bounded(refusals: list[str]) -> tuple[str, ...]:
    more = len(refusals) - MAX_REFUSALS
    return (*refusals[:MAX_REFUSALS], *([f"… and {more} more"] if more > 0 else []))
