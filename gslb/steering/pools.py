"""Pools: the answer sets of one site for one type, chosen among its endpoints and rendered."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from math import lcm

from gslb.answers.model import STICKY_SLOTS, Body, Pool
from gslb.policy.plan import Check, Families, Https, LastResort, Pick, Policy, Spread
from gslb.steering.capacity import Candidate, usable
from gslb.steering.model import Level
from gslb.steering.records import address_body, cname_body, https_body
from gslb.steering.rendezvous import slot_sets
from gslb.steering.sets import AnswerSets, answer_sets, reduced
from gslb.steering.situation import Status
from gslb.wire.constants import TYPE_A, TYPE_AAAA, TYPE_HTTPS

LEAVING_TTL = 10  # seconds, of answers with an endpoint that a gradual drain takes out


@dataclass(frozen=True, slots=True)
class StockKey:
    """What a site's candidates depend on: pools and choices with the same key share them."""

    zone: int  # index into Plan.zones
    site: str
    rtype: int
    check: Check | None
    families: Families


@dataclass(frozen=True, slots=True)
class PoolKey:
    """What the answer sets of a site depend on. Policies that agree in it share the pool."""

    stock: StockKey
    level: Level
    ttl: int
    count: int
    spread: Spread
    sticky: bool
    https: Https | None  # for HTTPS only


@dataclass(frozen=True, slots=True)
class LastResortKey:
    """The fixed answer of a policy's last resort."""

    zone: int
    rtype: int
    ttl: int
    last: LastResort
    https: Https | None


@dataclass(frozen=True, slots=True)
class NoDataKey:
    """The answer that says: the name exists, but has no address of this type."""

    zone: int


AnyPoolKey = PoolKey | LastResortKey | NoDataKey


def stock_key(zone: int, policy: Policy, site: str, rtype: int) -> StockKey:
    """Return the key of what *site* has for *policy*."""
    return StockKey(zone, site, rtype, policy.checks.get(site), policy.families)


def pool_key(zone: int, policy: Policy, rule: int, site: str, rtype: int, level: Level) -> PoolKey:
    """Return the key of the pool that rule number *rule* of *policy* uses at *site*."""
    return PoolKey(
        stock=stock_key(zone, policy, site, rtype),
        level=level,
        ttl=policy.ttl,
        count=policy.count,
        spread=policy.spread,
        sticky=policy.rules[rule].pick is Pick.HASH,
        https=policy.https if rtype == TYPE_HTTPS else None,
    )


def last_resort_key(zone: int, policy: Policy, rtype: int) -> LastResortKey | None:
    """Return the key of the last resort of *policy*, if it has one."""
    if policy.last_resort is None:
        return None
    https = policy.https if rtype == TYPE_HTTPS else None
    return LastResortKey(zone, rtype, policy.ttl, policy.last_resort, https)


@dataclass(frozen=True, slots=True)
class Item:
    """What may stand in an answer: an address of an endpoint, or an endpoint as a whole (HTTPS).

    `weight` is relative to the other items of the pool.
    """

    endpoint: str
    identity: str  # of this item: the endpoint's id, and a number if it has several addresses
    zone: str
    weight: int
    a: tuple[bytes, ...]
    aaaa: tuple[bytes, ...]
    cname: bytes | None


@dataclass(frozen=True)  # no slots: cached_property keeps its value in the instance
class Selection:
    """The items of a pool and the sets that are made of them; empty: nothing to answer."""

    items: tuple[Item, ...]
    count: int
    spread: Spread
    sticky: bool
    leaving: bool = False  # some of it will be drained soon

    @cached_property
    def groups(self) -> tuple[tuple[Item, ...], ...]:
        """Items that exclude each other's company: those of one availability zone, or single."""
        if self.spread is Spread.NONE:
            return tuple((item,) for item in self.items)
        zones = dict.fromkeys(item.zone for item in self.items)
        return tuple(tuple(i for i in self.items if i.zone == zone) for zone in zones)

    @cached_property
    def members(self) -> tuple[Item, ...]:
        """The items in the order in which sets number them."""
        return tuple(item for group in self.groups for item in group)

    @cached_property
    def sets(self) -> AnswerSets:
        """The alternatives, if they are drawn anew for every answer."""
        return answer_sets([[item.weight for item in group] for group in self.groups], self.count)

    @cached_property
    def slots(self) -> tuple[tuple[int, ...], ...]:
        """The set of every slot, if they are sticky."""
        named = [[(i.identity, float(i.weight)) for i in group] for group in self.groups]
        return slot_sets(named, self.count)

    def chances(self) -> dict[str, float]:
        """Return by endpoint id the chance to be the first address of an answer."""
        chances: dict[str, float] = {}
        if self.items and self.sticky:
            for chosen in self.slots:
                endpoint = self.members[chosen[0]].endpoint
                chances[endpoint] = chances.get(endpoint, 0.0) + 1 / STICKY_SLOTS
        elif self.items:
            for number, item in enumerate(self.members):
                chance = chances.get(item.endpoint, 0.0) + self.sets.first(number)
                chances[item.endpoint] = chance
        return chances


def select(key: PoolKey, found: Sequence[Candidate]) -> Selection:
    """Return what a pool is made of, given the candidates of its site.

    When nothing may be answered at the pool's level, no decision points at it; it then holds what
    the next level would, so that a reader who comes between two writes is not left without.
    """
    for level in _from(key.level):
        used = usable(found, level)
        if used:
            items = _items(key, used, level)
            alone = any(item.cname is not None for item in items)  # a CNAME stands alone
            leaving = any(one.leaving for one in used)
            return Selection(items, 1 if alone else key.count, key.spread, key.sticky, leaving)
    return Selection((), key.count, key.spread, key.sticky)


def _from(level: Level) -> tuple[Level, ...]:
    levels = (Level.HEALTHY, Level.UNDRAINED, Level.ANY)
    return levels[levels.index(level) :]


def _items(key: PoolKey, used: Sequence[Candidate], level: Level) -> tuple[Item, ...]:
    """Return the items of the candidates in use; an alias's weight is shared by its addresses."""
    as_one = key.stock.rtype == TYPE_HTTPS
    counts = [1 if as_one else _count(one) for one in used]
    common = lcm(*counts)
    weights = [
        (one.effective if level is Level.HEALTHY else one.nominal) * common // count
        for one, count in zip(used, counts, strict=True)
    ]
    items: list[Item] = []
    for one, weight in zip(used, reduced(weights), strict=True):
        items += [_hints(key, one, level, weight)] if as_one else _single(one, weight)
    return tuple(items)


def _count(one: Candidate) -> int:
    """Return of how many items a candidate is."""
    return 1 if one.endpoint.cname is not None else len(one.a or one.aaaa)


def _single(one: Candidate, weight: int) -> list[Item]:
    """Return an item for each address of a candidate, or one for its CNAME."""
    endpoint, addresses = one.endpoint, one.a or one.aaaa
    if endpoint.cname is not None:
        return [Item(endpoint.id, endpoint.id, one.zone, weight, (), (), endpoint.cname)]
    return [
        Item(
            endpoint=endpoint.id,
            identity=endpoint.id if len(addresses) == 1 else f"{endpoint.id}#{number}",
            zone=one.zone,
            weight=weight,
            a=(address,) if one.a else (),
            aaaa=() if one.a else (address,),
            cname=None,
        )
        for number, address in enumerate(addresses)
    ]


def _hints(key: PoolKey, one: Candidate, level: Level, weight: int) -> Item:
    """Return the item of an HTTPS answer; families judged apart are hinted at apart."""
    apart = level is Level.HEALTHY and key.stock.families is Families.APART
    a = () if apart and one.health.v4 is Status.DOWN else one.a
    aaaa = () if apart and one.health.v6 is Status.DOWN else one.aaaa
    return Item(one.endpoint.id, one.endpoint.id, one.zone, weight, a, aaaa, one.endpoint.cname)


def render_pool(key: PoolKey, apex: bytes, selection: Selection, negative: Body) -> Pool:
    """Return the pool; *negative* is the answer if nothing at all could be in it.

    As long as a drain takes some of it out step by step, its TTL is `LEAVING_TTL` at most.
    """
    if not selection.items:
        return Pool((negative,), (1.0,))
    if selection.leaving:
        key = replace(key, ttl=min(key.ttl, LEAVING_TTL))
    members = selection.members
    if not key.sticky:
        sets = selection.sets
        bodies = tuple(_body(key, apex, [members[i] for i in chosen]) for chosen in sets.sets)
        return Pool(bodies, tuple(chance / sets.whole for chance in sets.chances))
    kinds = list(dict.fromkeys(selection.slots))
    numbers = {chosen: number for number, chosen in enumerate(kinds)}
    bodies = tuple(_body(key, apex, [members[i] for i in chosen]) for chosen in kinds)
    return Pool(bodies, slots=tuple(numbers[chosen] for chosen in selection.slots))


def _body(key: PoolKey, apex: bytes, items: Sequence[Item]) -> Body:
    """Return the answer made of *items*; sticky answers keep their order, others are turned."""
    cname = items[0].cname
    if cname is not None:
        return cname_body(apex, key.ttl, cname)
    a = [address for item in items for address in item.a]
    aaaa = [address for item in items for address in item.aaaa]
    if key.https is not None:
        return https_body(key.ttl, key.https, a[: key.count], aaaa[: key.count])
    rtype = key.stock.rtype
    return address_body(rtype, key.ttl, a or aaaa, rotate=not key.sticky)


def render_last_resort(key: LastResortKey, apex: bytes, negative: Body) -> Pool:
    """Return the pool of a last resort; *negative* if it has nothing of the type.

    No decision points at it then.
    """
    last = key.last
    body = negative
    if last.cname is not None:
        body = cname_body(apex, key.ttl, last.cname)
    elif key.https is not None:
        body = https_body(key.ttl, key.https, last.a, last.aaaa)
    elif key.rtype == TYPE_A and last.a:
        body = address_body(TYPE_A, key.ttl, last.a)
    elif key.rtype == TYPE_AAAA and last.aaaa:
        body = address_body(TYPE_AAAA, key.ttl, last.aaaa)
    return Pool((body,), (1.0,))
