"""Why a client is in its class: each rule with its reasons, each site with its rank."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import timedelta

import numpy as np

from gslb.answers.model import PrefixMap
from gslb.policy.plan import Condition, Policy, Site
from gslb.policy.types import STEERED_TYPES
from gslb.steering.classes import compile_classes, compile_finely
from gslb.steering.explanation import TermTrace
from gslb.steering.latency import Key
from gslb.steering.matching import Items, asn_numbers
from gslb.steering.prefixes import Address, as_number, look_up, parse_prefix, span
from gslb.steering.ranking import RANKING_PICKS, Ranker, bias, distances, rank, ranker
from gslb.steering.world import World

KEYS = ("carrier", "area", "asn", "net", "resolver", "qtype")


@dataclass(frozen=True, slots=True)
class RuleTrace:
    """One rule for one client. The first that matched decides; those after it are traced too."""

    rule: int  # index into Policy.rules
    matched: bool
    reasons: tuple[TermTrace, ...]  # empty: the rule is for everybody


@dataclass(frozen=True, slots=True)
class SiteTrace:
    """How one site of a ``to`` ranks for one client (nearest, latency)."""

    site: str
    ms: float | None  # latency: the estimate; None: not known
    km: float | None  # great circle, unbiased; None: place of client or site unknown
    measured: bool
    basis: str  # "measured, AS29571 in CI, 412 samples, 3 h" or "modelled, 13,184 km, no samples"
    key: str = ""  # of the most specific measurement used: "AS29571/CI"
    samples: int = 0
    age: timedelta | None = None  # of the newest sample, at World.at


def classify(
    policy: Policy,
    sites: Mapping[str, Site],
    rtype: int,
    world: World,
    client: Address,
    resolver: Address,
) -> int:
    """Return the index of the client's class in ``compile_classes(…).classes``.

    It is read from the same maps that the data plane reads. *client* is the ECS address as it is
    after its mask, or else the resolver's.
    """
    classes = compile_classes(policy, sites, rtype, world)
    view = 0 if classes.resolvers is None else _read(classes.resolvers, resolver)
    return _read(classes.views[view], client)


def _read(prefix_map: PrefixMap, address: Address) -> int:
    if address.version == 4:
        return look_up(prefix_map.starts4, prefix_map.classes4, as_number(address))
    return look_up(prefix_map.starts6, prefix_map.classes6, as_number(address))


def trace_rules(
    policy: Policy, rtype: int, world: World, client: Address, resolver: Address
) -> tuple[RuleTrace, ...]:
    """Return every rule of *policy*, in order, with why it holds for this client or does not."""
    facts = _Facts(world, rtype, client, resolver)
    traces = []
    for index, rule in enumerate(policy.rules):
        reasons = () if rule.when is None else tuple(facts.reasons(rule.when))
        traces.append(RuleTrace(index, all(reason.ok for reason in reasons), reasons))
    return tuple(traces)


class _Facts:
    """What is known of one client, asked condition by condition."""

    def __init__(self, world: World, rtype: int, client: Address, resolver: Address) -> None:
        self.world, self.client, self.resolver = world, client, resolver
        self.rtype = rtype
        self.items = items_of(world, client)
        self.place = world.geo.places[int(self.items.places[0])]
        self.asn = int(world.asns[self.items.asns[0]])

    def reasons(self, condition: Condition) -> Iterator[TermTrace]:
        """Yield one line for each key of *condition*, and one for each condition under ``not``."""
        for key in KEYS:
            texts = [term.text for term in getattr(condition, key)]
            if texts:
                ok = any(self._holds(key, text) for text in texts)
                yield TermTrace(key, ", ".join(texts), self._has(key), ok)
        for part in condition.excluded:
            inner = list(self.reasons(part))
            ok = not all(reason.ok for reason in inner)
            if len(inner) == 1:
                yield TermTrace(f"not {inner[0].key}", inner[0].wanted, inner[0].got, ok)
            else:
                wanted = " and ".join(f"{reason.key} {reason.wanted}" for reason in inner)
                got = ", ".join(dict.fromkeys(reason.got for reason in inner))
                yield TermTrace("not", wanted or "anybody", got, ok)

    def _holds(self, key: str, text: str) -> bool:
        if key == "area":
            return bool(self.world.area_places(text)[self.items.places[0]])
        if key == "asn":
            return self.asn != 0 and self.asn in asn_numbers((text,))
        if key == "carrier":
            return self.asn in self.world.carriers.get(text, ())
        if key == "qtype":
            return STEERED_TYPES.get(text.upper()) == self.rtype
        return _under(self.client if key == "net" else self.resolver, text)

    def _has(self, key: str) -> str:
        """Return what the client has for *key*, as people write it."""
        if key == "area":
            return "-".join(filter(None, (self.place.country, self.place.subdivision))) or "unknown"
        if key == "asn":
            return f"AS{self.asn}" if self.asn else "unknown"
        if key == "carrier":
            names = [n for n, asns in self.world.carriers.items() if self.asn in asns]
            return ", ".join(names) or "no"
        if key == "qtype":
            return next(
                (n for n, t in STEERED_TYPES.items() if t == self.rtype), f"TYPE{self.rtype}"
            )
        return str(self.client if key == "net" else self.resolver)


def _under(address: Address, text: str) -> bool:
    """Return whether *address* is under the prefix *text*, as finely as addresses are kept."""
    try:
        network = parse_prefix(text)
    except ValueError:
        return False
    first, last = span(network)
    return network.version == address.version and first <= as_number(address) <= last


def items_of(world: World, client: Address) -> Items:
    """Return one client as items."""
    starts, pairs = world.ranges[client.version]
    pair = look_up(starts, pairs, as_number(client))
    return Items(
        world.geo.pair_place[[pair]].astype(np.intp),
        world.pair_asn_index[[pair]],
        client.version,
        np.array([as_number(client)], np.uint64),
    )


def rank_trace(
    policy: Policy,
    rule: int,
    sites: Mapping[str, Site],
    world: World,
    client: Address,
    rtype: int = 1,
) -> tuple[SiteTrace, ...]:
    """Return the sites of the rule's ``to`` as they rank for this client, best first.

    Empty for picks that do not rank (share, hash).
    """
    if policy.rules[rule].pick not in RANKING_PICKS:
        return ()
    finest = compile_finely(policy, sites, rtype, world).finest
    one = ranker(rule, policy.rules[rule], sites, world, finest)
    assert one is not None  # by its pick
    items = items_of(world, client)
    order, _ = rank(one.values(items), one.tie)
    lines = [_site_trace(one, column, sites, items) for column in order[0].tolist()]
    return tuple(lines)


def _site_trace(one: Ranker, column: int, sites: Mapping[str, Site], items: Items) -> SiteTrace:
    site = sites[one.sites[column]]
    point = one.world.point(site)
    away = None if point is None else distances(point, one.world)[items.places[0]]
    km = None if away is None or np.isnan(away) else float(away)
    if one.latency is None:
        return SiteTrace(site.name, None, km, False, _distance_text(km, site.bias, point))
    values, used = one.latency.values(items)
    ms = float(values[0, column]) if np.isfinite(values[0, column]) else None
    step = int(used[0, column])
    if step < 0:
        basis = f"modelled, {_distance_text(km, 0, point)}, no samples" if ms is not None else ""
        return SiteTrace(site.name, ms, km, False, basis or _distance_text(km, 0, point))
    at = int(one.latency.steps[step].find(items, one.world)[0])
    cell = one.latency.steps[step].cells[at, column]
    age = one.world.at - cell.observed_at
    basis = f"measured, {_key_text(cell.key)}, {cell.samples:,} samples, {age_text(age)}"
    return SiteTrace(site.name, ms, km, True, basis, str(cell.key), cell.samples, age)


def _distance_text(km: float | None, bias_percent: int, point: object) -> str:
    if point is None:
        return "place of the site not known"
    if km is None:
        return "place of the client not known"
    if not bias_percent:
        return f"{km:,.0f} km"
    return f"{km:,.0f} km, with bias {bias_percent:+d} as {km * bias(bias_percent):,.0f} km"


def _key_text(key: Key) -> str:
    """Return *key* as in "AS29571 in CI"."""
    return str(key).replace("/", " in ") if key.network is None else str(key)


def age_text(age: timedelta) -> str:
    """Return an age in its largest unit: "3 h", "40 min"."""
    minutes = max(0, int(age.total_seconds() // 60))
    return f"{minutes // 60} h" if minutes >= 60 else f"{minutes} min"
