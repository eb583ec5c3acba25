"""Which sites a class of clients gets in a situation, and why: the one place where it is decided.

Answers are rendered from a `Decision`, explanations print it; there is no second opinion.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from gslb.policy.plan import LastResort, Policy, Rule, Site, WhenAllDown
from gslb.policy.types import can_answer
from gslb.steering.capacity import Supply, measure
from gslb.steering.model import ClientClass, Decision, Level, Outcome, Reason, SiteCapacity
from gslb.steering.shares import apportion, kept_share
from gslb.steering.situation import Situation
from gslb.wire.constants import TYPE_A, TYPE_AAAA, TYPE_CNAME


def decide(
    policy: Policy, sites: Mapping[str, Site], cls: ClientClass, rtype: int, situation: Situation
) -> Decision:
    """Return which sites the clients of *cls* get for *rtype*, with the trace of how it came."""
    supplies = {
        name: measure(sites[name], policy, rtype, situation)
        for name in rule_sites(policy, sites, cls.rule, rtype)
    }
    return decide_supplied(policy, cls, rtype, supplies)


def rule_sites(policy: Policy, sites: Mapping[str, Site], rule: int, rtype: int) -> tuple[str, ...]:
    """Return the sites that rule number *rule* may use for *rtype*, preferred first.

    With a fence those of ``to`` only.
    """
    if rule < 0:
        return ()
    return tuple(
        name for name in allowed_sites(policy.rules[rule]) if can_answer(sites[name], rtype)
    )


def allowed_sites(rule: Rule) -> tuple[str, ...]:
    """Return the sites that *rule* may ever use: a fence forbids those of ``then``."""
    return tuple(dict.fromkeys(t.site for t in rule.to)) if rule.fence else rule.sites


@dataclass(frozen=True, slots=True)
class Ruling:
    """What holds for every class of a rule: all that is decided before clients are looked at."""

    policy: Policy
    rule: int  # index into Policy.rules; -1: none, and so refused
    supplies: Mapping[str, Supply]  # of `rule_sites`, in their order
    kept: Mapping[str, float]  # by site, the share of its own traffic that it keeps when healthy
    answering: Mapping[str, float] | None  # the same of `level`; None: no site is to be answered
    level: Level
    reason: Reason | None  # None: as the shares come out
    healthy: float

    def outcome(self, cls: ClientClass) -> Outcome:
        """Decide for *cls*, which is one of the rule's."""
        found = None
        if self.answering is not None:
            found = apportion(self.policy.rules[self.rule], cls, self.answering)
        if found is None:
            return Outcome(self.rule, {}, self.level, {}, self.reason or Reason.UNRESOLVED)
        if self.reason is not None:
            reasons = dict.fromkeys(found.shares, self.reason)
            return Outcome(self.rule, found.shares, self.level, reasons, self.reason)
        return Outcome(self.rule, found.shares, self.level, found.reasons, found.reason)

    def decide(self, cls: ClientClass) -> Decision:
        """Decide for *cls*, and say how it came."""
        found = self.outcome(cls)
        return Decision(
            rule=found.rule,
            shares=found.shares,
            level=found.level,
            reasons=found.reasons,
            reason=found.reason,
            sites=tuple(_trace(self.supplies, self.kept, found)),
            healthy=self.healthy,
        )


def decide_supplied(
    policy: Policy, cls: ClientClass, rtype: int, supplies: Mapping[str, Supply]
) -> Decision:
    """Decide with sites already measured: *supplies* of `rule_sites`, in their order."""
    return judge_rule(policy, cls.rule, rtype, supplies).decide(cls)


def judge_rule(policy: Policy, number: int, rtype: int, supplies: Mapping[str, Supply]) -> Ruling:
    """Return what rule *number* comes to with *supplies* of `rule_sites`, in their order."""
    if number < 0:
        return Ruling(policy, number, {}, {}, None, Level.HEALTHY, Reason.REFUSED, 0.0)
    rule = policy.rules[number]
    stock = {site: one for site, one in supplies.items() if one.weight}
    healthy = _healthy(stock)
    kept = {s: kept_share(one.healthy, policy.headroom.get(s, 0.0)) for s, one in stock.items()}
    level, reason = Level.HEALTHY, None
    if _none_by_nature(rule, supplies):
        reason = Reason.NO_ADDRESS
    elif not any(one.present for one in stock.values()):
        reason = _stand_in(policy, rtype) or Reason.UNRESOLVED
    elif not any(one.undrained for one in stock.values()):
        level, reason = Level.ANY, _stand_in(policy, rtype) or Reason.ALL_DRAINED
    elif not any(kept.values()):
        level, reason = Level.UNDRAINED, _all_down(policy, rtype)
    elif healthy < policy.panic.below and not any(f >= 1.0 for f in kept.values()):
        level, reason = Level.UNDRAINED, _panic(policy, rtype)
    answering = None
    if reason not in {Reason.NO_ADDRESS, Reason.UNRESOLVED, Reason.LAST_RESORT, Reason.REFUSED}:
        answering = kept if level is Level.HEALTHY else _kept_at(policy, stock, level)
    return Ruling(policy, number, supplies, kept, answering, level, reason, healthy)


def decides_alike(policy: Policy, before: Supply, after: Supply) -> bool:
    """Return whether a site that goes from *before* to *after* leaves every decision as it is.

    So it is if it keeps its full share before and after: it asks nobody for help, offers as much,
    and rules panic out. Most failures of a single endpoint are of this kind.
    """
    headroom = policy.headroom.get(before.site, 0.0)
    if kept_share(min(before.healthy, after.healthy), headroom) < 1.0:
        return False
    return (before.weight, before.undrained, before.present) == (
        after.weight,
        after.undrained,
        after.present,
    )


def _healthy(stock: Mapping[str, Supply]) -> float:
    """Return the healthy weight over all weight that may be used; what is drained may not.

    Ramps are left out: a recovery of everything at once is no reason to distrust the checks.
    """
    whole = sum(one.weight * one.undrained for one in stock.values())
    believed = sum(one.weight * one.believed for one in stock.values())
    return min(1.0, believed / whole) if whole else 0.0


def _kept_at(policy: Policy, stock: Mapping[str, Supply], level: Level) -> dict[str, float]:
    """Return the share of its own traffic that each site keeps when health (or all) is ignored."""
    kept = {}
    for site, one in stock.items():
        share = one.undrained if level is Level.UNDRAINED else one.present
        kept[site] = kept_share(share, policy.headroom.get(site, 0.0))
    return kept


def _none_by_nature(rule: Rule, supplies: Mapping[str, Supply]) -> bool:
    """Return whether every site of ``to`` that could have the type is known to have none of it.

    Aliases that resolve to the other family only: that is no failure, so nothing fails over.
    """
    targets = [supplies[target.site] for target in rule.to if target.site in supplies]
    return not any(one.weight for one in targets or supplies.values())


def _all_down(policy: Policy, rtype: int) -> Reason:
    """Return what happens when nothing is healthy."""
    if policy.when_all_down is WhenAllDown.REFUSE:
        return Reason.REFUSED
    if policy.when_all_down is WhenAllDown.LAST_RESORT:
        return _stand_in(policy, rtype) or Reason.FAIL_OPEN
    return Reason.FAIL_OPEN


def _panic(policy: Policy, rtype: int) -> Reason:
    """Return what happens when too little is healthy for the checks to be believed."""
    if policy.panic.serve == "none":
        return Reason.REFUSED
    if policy.panic.serve == "last_resort":
        return _stand_in(policy, rtype) or Reason.PANIC
    return Reason.PANIC


def _stand_in(policy: Policy, rtype: int) -> Reason | None:
    """Return LAST_RESORT if the policy has one that can answer *rtype*."""
    last = policy.last_resort
    return Reason.LAST_RESORT if last is not None and can_stand_in(last, rtype) else None


def can_stand_in(last: LastResort, rtype: int) -> bool:
    """Return whether *last* has something to say to a query of type *rtype*."""
    if last.cname is not None:
        return True
    if rtype == TYPE_CNAME:
        return False
    wanted = {TYPE_A: last.a, TYPE_AAAA: last.aaaa}.get(rtype, last.a or last.aaaa)
    return bool(wanted)


def _trace(
    supplies: Mapping[str, Supply], kept: Mapping[str, float], found: Outcome
) -> list[SiteCapacity]:
    return [
        SiteCapacity(
            site,
            one.healthy,
            kept.get(site, 0.0),
            found.shares.get(site, 0.0),
            found.reasons.get(site),
        )
        for site, one in supplies.items()
    ]
