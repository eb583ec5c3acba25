"""What each site of a rule gets when some of them keep only a part of their traffic.

Pure arithmetic over one class of clients: no health, no policy settings but shares and order.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from gslb.policy.plan import Pick, Rule
from gslb.steering.model import ClientClass, Reason

EXACT = 1e-9  # shares closer than this are the same; 1/3 + 1/3 + 1/3 is not quite 1


@dataclass(frozen=True, slots=True)
class Shares:
    """Who gets what: shares above 0, which sum to 1, in the order in which sites are preferred."""

    shares: Mapping[str, float]
    reasons: Mapping[str, Reason]  # for each site with a share
    reason: Reason


@dataclass(slots=True)
class _Flow:
    """Shares in the making: `rest` is what no site has taken yet."""

    rest: float
    taken: dict[str, float] = field(default_factory=dict)

    def give(self, site: str, amount: float) -> None:
        self.taken[site] = self.taken.get(site, 0.0) + amount
        self.rest = max(0.0, self.rest - amount)


def kept_share(capacity: float, headroom: float) -> float:
    """Return the share of its own traffic that a site keeps: min(1, capacity × (1 + headroom))."""
    kept = capacity * (1.0 + headroom)
    return 1.0 if kept >= 1.0 - EXACT else kept


def apportion(rule: Rule, cls: ClientClass, kept: Mapping[str, float]) -> Shares | None:
    """Share the clients of *cls* out among the sites of *rule*; None if no site keeps anything.

    Args:
        rule: the rule of the class.
        cls: ranks the sites, for the picks that do.
        kept: by site, the share of its own traffic that it keeps, 0 to 1. A site that is not
            there cannot answer at all.
    """
    targets = [target.site for target in rule.to if target.site in kept]
    then = [] if rule.fence else [site for site in rule.then if site in kept]
    wanted = _wanted(rule, cls, targets, kept)
    if targets and all(kept[site] >= 1.0 for site in targets):  # as the policy means it to be
        order = ranking(rule, cls, targets)
        shares = {site: wanted[site] for site in order if wanted.get(site, 0.0) > 0}
        return Shares(shares, dict.fromkeys(shares, Reason.PREFERRED), Reason.PREFERRED)
    flow = _Flow(1.0)
    for site, share in wanted.items():
        if kept[site] > 0:
            flow.give(site, share * kept[site])
    if flow.rest > EXACT:
        _spill(rule, ranking(rule, cls, targets), then, wanted, kept, flow)
    held = flow.rest > EXACT
    if not flow.taken:
        return None
    _spread(flow)
    return _judged(rule, cls, targets, flow.taken, held)


def ranking(rule: Rule, cls: ClientClass, targets: Sequence[str]) -> list[str]:
    """Return *targets*, best first: as the class ranks them, or as the file has them."""
    if rule.pick not in {Pick.NEAREST, Pick.LATENCY}:
        return list(targets)
    ranked = [site for site in cls.order if site in targets]
    return ranked + [site for site in targets if site not in ranked]


def _wanted(
    rule: Rule, cls: ClientClass, targets: Sequence[str], kept: Mapping[str, float]
) -> dict[str, float]:
    """Return the shares that the sites of ``to`` would have if they were whole."""
    shares = {target.site: target.share for target in rule.to if target.site in kept}
    weighted = [site for site in targets if shares[site] > 0]
    if not any(kept[site] > 0 for site in weighted):
        standby = [site for site in targets if shares[site] == 0 and kept[site] > 0]
        if standby:  # share 0: only when every weighted one is gone
            weighted = standby
            shares = dict.fromkeys(standby, 1)
    if rule.pick in {Pick.NEAREST, Pick.LATENCY}:
        weighted = _best(cls, [site for site in weighted if kept[site] > 0])
    whole = sum(shares[site] for site in weighted)
    return {site: shares[site] / whole for site in weighted}


def _best(cls: ClientClass, live: Sequence[str]) -> list[str]:
    """Return the best of *live* by the order of *cls*, with those that tie with it."""
    for position, site in enumerate(cls.order):
        if site in live:
            band = cls.order[position : cls.bands[position]]
            return [one for one in band if one in live]
    return list(live[:1])


def _spill(
    rule: Rule,
    ranked: Sequence[str],
    then: Sequence[str],
    wanted: Mapping[str, float],
    kept: Mapping[str, float],
    flow: _Flow,
) -> None:
    """Give the rest away: to whole sites of ``to``, along ``then``, to what is left of ``to``.

    Whole ones first, because a site that has lost zones is not to be felled by the load of
    another while a whole one stands by.
    """
    shares = {target.site: target.share for target in rule.to}
    some_weighted = any(shares[site] > 0 for site in wanted)
    others = [site for site in ranked if shares[site] > 0 or not some_weighted]
    whole = [site for site in others if kept[site] >= 1.0]
    if whole and rule.pick in {Pick.NEAREST, Pick.LATENCY}:
        flow.give(whole[0], flow.rest)
    elif whole:
        rest, total = flow.rest, sum(shares[site] or 1 for site in whole)
        for site in whole:
            flow.give(site, rest * (shares[site] or 1) / total)
        flow.rest = 0.0
    spare = [site for site in others if site not in wanted]
    for site in [*then, *spare]:
        if flow.rest > EXACT and kept[site] > 0:
            flow.give(site, flow.rest * kept[site])


def _spread(flow: _Flow) -> None:
    """Spread what nobody can take over those that serve, in proportion to what they keep.

    So an overload is shared by all instead of felling the sites one by one.
    """
    total = sum(flow.taken.values())
    for site in flow.taken:
        flow.taken[site] /= total


def _judged(
    rule: Rule,
    cls: ClientClass,
    targets: Sequence[str],
    taken: Mapping[str, float],
    held: bool,
) -> Shares:
    """Say for every site, and for the whole, why it is so."""
    order = [*ranking(rule, cls, targets), *rule.then]
    shares = {site: taken[site] for site in order if taken.get(site, 0.0) > 0}
    whole = _wanted(rule, cls, targets, dict.fromkeys(targets, 1.0))
    preferred = any(site in targets for site in shares)
    reason = Reason.SPILL if preferred else Reason.FAILOVER
    reasons = {site: Reason.PREFERRED if site in whole else reason for site in shares}
    if rule.fence and held:
        reason = Reason.FENCE_HOLD
        reasons = dict.fromkeys(shares, reason)
    elif _alike(whole, shares):
        reason = Reason.PREFERRED
    return Shares(shares, reasons, reason)


def _alike(one: Mapping[str, float], other: Mapping[str, float]) -> bool:
    sites = one.keys() | other.keys()
    return all(abs(one.get(site, 0.0) - other.get(site, 0.0)) <= EXACT for site in sites)
