"""What the state of a node needs to know of a plan: endpoints, their checks, and pools to protect.

A small value made where the plan is, and handed to whoever keeps the board.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace

from gslb.policy.plan import (
    Check,
    Drained,
    Endpoint,
    Families,
    Plan,
    Policy,
    Rule,
    Site,
    ZonePlan,
)

CheckKey = tuple[str, Check | None]  # endpoint id, check; None: it is not checked


@dataclass(frozen=True, slots=True)
class Place:
    """One endpoint of the tree, as all zones together know it."""

    id: str
    weight: int
    checks: tuple[Check | None, ...]  # of the policies that use it
    drained: Drained | None  # in a file

    @property
    def judged_by(self) -> list[CheckKey]:
        """What its status is made of: every check; of one that nothing checks, what is forced."""
        keys: list[CheckKey] = [(self.id, check) for check in self.checks]
        return [key for key in keys if key[1] is not None] or keys


@dataclass(frozen=True, slots=True)
class KeyRules:
    """How one endpoint is treated under one check: the most careful of the policies that use it."""

    slow_start: float | None  # seconds; None: full weight at once
    damping: bool
    together: bool  # out as soon as one family is down


@dataclass(frozen=True, slots=True)
class Pool:
    """All that one rule may use for one address family: what must not be taken away too fast."""

    name: str  # the first policy and rule that use it: "www/everybody IPv4"
    family: int  # 4 or 6
    weights: Mapping[CheckKey, int]  # of every member; a standby's is 0 unless all are standbys
    together: bool
    removal: tuple[float, float] | None  # (share of the weight, seconds); None: no limit
    panic_below: float


@dataclass(frozen=True, slots=True)
class Inventory:
    """Everything, by its key."""

    places: Mapping[str, Place]  # by endpoint id
    rules: Mapping[CheckKey, KeyRules]
    pools: tuple[Pool, ...]


EMPTY = Inventory({}, {}, ())


def take_inventory(plan: Plan) -> Inventory:
    """Return what the board needs to know of *plan*."""
    places: dict[str, Place] = {}
    rules: dict[CheckKey, KeyRules] = {}
    pools: dict[object, Pool] = {}
    for zone in plan.zones:
        for policy in zone.policies:
            _add_rules(rules, zone, policy)
        for site in zone.sites.values():
            used = (policy for policy in zone.policies if site.name in policy.checks)
            checks = tuple(dict.fromkeys(policy.checks[site.name] for policy in used))
            for endpoint in site.endpoints:
                _add_place(places, endpoint, checks or (None,))
        for policy in zone.policies:
            for rule in policy.rules:
                for pool in _pools(zone, policy, rule):
                    content = (pool.family, frozenset(pool.weights.items()), pool.together)
                    pools.setdefault((*content, pool.removal, pool.panic_below), pool)
    return Inventory(places, rules, tuple(pools.values()))


def _add_place(
    places: dict[str, Place], endpoint: Endpoint, checks: tuple[Check | None, ...]
) -> None:
    known = places.get(endpoint.id)
    if known is None:
        places[endpoint.id] = Place(endpoint.id, endpoint.weight, checks, endpoint.drained)
    else:  # another zone has the same load balancer
        merged = tuple(dict.fromkeys((*known.checks, *checks)))
        drained = known.drained or endpoint.drained
        places[endpoint.id] = replace(known, checks=merged, drained=drained)


def _add_rules(rules: dict[CheckKey, KeyRules], zone: ZonePlan, policy: Policy) -> None:
    protect, together = policy.protect, policy.families is Families.TOGETHER
    for name in dict.fromkeys(site for rule in policy.rules for site in rule.sites):
        for endpoint in zone.sites[name].endpoints:
            key = endpoint.id, policy.checks.get(name)
            known = rules.get(key, KeyRules(None, False, False))
            starts = [s for s in (known.slow_start, protect.slow_start) if s is not None]
            rules[key] = KeyRules(
                max(starts, default=None),
                known.damping or protect.damping,
                known.together or together,
            )


def _pools(zone: ZonePlan, policy: Policy, rule: Rule) -> Iterable[Pool]:
    targets = tuple(dict.fromkeys(target.site for target in rule.to))
    names = targets if rule.fence else rule.sites  # a fence forbids those of ``then``
    for family in (4, 6):
        weights = _weights(policy, [zone.sites[name] for name in names], family)
        if weights:
            yield Pool(
                name=f"{policy.name}/{rule.name} IPv{family}",
                family=family,
                weights=weights,
                together=policy.families is Families.TOGETHER,
                removal=policy.protect.removal,
                panic_below=policy.panic.below,
            )


def _weights(policy: Policy, sites: Iterable[Site], family: int) -> dict[CheckKey, int]:
    weights = {
        (endpoint.id, policy.checks.get(site.name)): endpoint.weight
        for site in sites
        for endpoint in site.endpoints
        if _has(endpoint, family)
    }
    return weights if any(weights.values()) else dict.fromkeys(weights, 1)


def _has(endpoint: Endpoint, family: int) -> bool:
    """Return whether *endpoint* may have addresses of *family*; a name may have both."""
    if endpoint.alias is not None or endpoint.cname is not None:
        return True
    return (endpoint.a if family == 4 else endpoint.aaaa) is not None
