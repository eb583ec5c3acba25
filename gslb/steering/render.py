"""Plan, world and situation → answer table contents, and what a change of situation rewrites."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from gslb.answers.model import (
    Choice,
    Patch,
    Pool,
    PrefixMap,
    Steer,
    TableContent,
    ZoneContent,
)
from gslb.errors import GslbError
from gslb.policy.plan import Pick, Plan, Policy, ZonePlan
from gslb.policy.types import record_types
from gslb.steering.capacity import Supply
from gslb.steering.classes import compile_classes
from gslb.steering.decide import Ruling, decides_alike, judge_rule, rule_sites
from gslb.steering.labels import (
    MAX_RECORDS,
    NONE,
    LabelChange,
    Labels,
    Places,
    Why,
    no_labels,
    record_labels,
    why_of,
)
from gslb.steering.model import ClientClass, Level, Outcome, Reason
from gslb.steering.owners import Typesets, is_theirs, zone_names
from gslb.steering.pools import (
    AnyPoolKey,
    LastResortKey,
    NoDataKey,
    PoolKey,
    Selection,
    StockKey,
    last_resort_key,
    pool_key,
    render_last_resort,
    render_pool,
    select,
    stock_key,
)
from gslb.steering.rendezvous import slots
from gslb.steering.situation import Situation
from gslb.steering.static import render_static
from gslb.steering.stock import Stock
from gslb.steering.world import World
from gslb.wire.names import is_within


@dataclass(frozen=True, slots=True)
class Case:
    """One class of clients of one policy and type: what a choice is decided for."""

    zone: int  # index into Plan.zones
    policy: Policy
    rtype: int
    cls: ClientClass
    stock: tuple[StockKey, ...]  # of the sites that the rule may use


_Rulings = dict[tuple[int, int, int], Ruling]  # by policy (its identity), rule and type


class Renderer:
    """Renders the answers of one plan; a situation at a time.

    What does not depend on the situation is made once, in the constructor: client classes,
    static records, names, and the places of all choices and pools that any situation could need.
    """

    def __init__(self, plan: Plan, world: World, serial: int = 0) -> None:
        """Prepare.

        Args:
            plan: what the policies say.
            world: where clients are.
            serial: the SOA serial of zones that have none of their own.
        """
        self.plan = plan
        self._cases: list[Case] = []
        self._records: list[Policy] = []  # of all zones
        self._labelled: list[tuple[int, str]] = []  # by choice: index of the record, rule
        self._steers: list[Steer] = []
        self._maps: list[PrefixMap] = []
        self._map_numbers: dict[int, int] = {}  # by identity of the map
        self._pool_numbers: dict[AnyPoolKey, int] = {}
        self._typesets = Typesets()
        self._static = [render_static(zone, serial) for zone in plan.zones]
        self._names = []
        self._children = [_children(zone, plan) for zone in plan.zones]
        for number, (zone, static) in enumerate(zip(plan.zones, self._static, strict=True)):
            steers = {
                index: self._add_policy(number, policy, world)
                for index, policy in enumerate(zone.policies)
            }
            children = self._children[number]
            self._names.append(zone_names(zone, static, steers, self._typesets, children))
        self._pool_keys = list(self._pool_numbers)
        self._stock = Stock(plan, dict.fromkeys(key for c in self._cases for key in c.stock))
        self._by_stock = self._users()
        self._selections: dict[int, Selection] = {}
        self._pools: list[Pool] = []
        self._choices: list[Choice] = []
        self._places = Places()
        self.labels = no_labels()  # of what was rendered last
        self.relabelled = LabelChange()  # by the last patch

    def _add_policy(self, zone: int, policy: Policy, world: World) -> dict[int, int]:
        """Add the steers of *policy*; return their indices by type."""
        sites = self.plan.zones[zone].sites
        steers = {}
        self._records.append(policy)
        for rtype in record_types(policy, sites):
            classes = compile_classes(policy, sites, rtype, world)
            first = len(self._cases)
            self._cases += [self._case(zone, policy, rtype, cls) for cls in classes.classes]
            if len(self._records) <= MAX_RECORDS:
                record = len(self._records) - 1
                self._labelled += [(record, _rule_label(policy, c.rule)) for c in classes.classes]
            steers[rtype] = len(self._steers)
            resolvers = classes.resolvers
            self._steers.append(
                Steer(
                    views=tuple(self._map_number(view) for view in classes.views),
                    choices=tuple(range(first, len(self._cases))),
                    resolvers=None if resolvers is None else self._map_number(resolvers),
                    sticky=any(sticky(policy, cls) for cls in classes.classes),
                    ignore_ecs=policy.ignore_ecs,
                )
            )
        return steers

    def _case(self, zone: int, policy: Policy, rtype: int, cls: ClientClass) -> Case:
        """Return the case of a class; make places for every pool that it could ever point at."""
        names = rule_sites(policy, self.plan.zones[zone].sites, cls.rule, rtype)
        keys: list[AnyPoolKey] = [
            pool_key(zone, policy, cls.rule, site, rtype, level)
            for site in names
            for level in Level
        ]
        last = last_resort_key(zone, policy, rtype)
        keys += [NoDataKey(zone)] if last is None else [NoDataKey(zone), last]
        for key in keys:
            self._pool_numbers.setdefault(key, len(self._pool_numbers))
        stock = tuple(stock_key(zone, policy, site, rtype) for site in names)
        return Case(zone, policy, rtype, cls, stock)

    def _map_number(self, prefixes: PrefixMap) -> int:
        number = self._map_numbers.setdefault(id(prefixes), len(self._maps))
        if number == len(self._maps):
            self._maps.append(prefixes)
        return number

    def _users(self) -> dict[StockKey, tuple[list[int], list[int]]]:
        """Return by stock the pools made of it and the cases decided by it."""
        users: dict[StockKey, tuple[list[int], list[int]]] = {}
        for number, key in enumerate(self._pool_keys):
            if isinstance(key, PoolKey):
                users.setdefault(key.stock, ([], []))[0].append(number)
        for number, case in enumerate(self._cases):
            for stock in case.stock:
                users[stock][1].append(number)
        return users

    def content(self, situation: Situation) -> TableContent:
        """Return the whole table for *situation*; later patches are relative to it."""
        self._stock.take(situation)
        self._selections.clear()
        self._pools = [self._pool(number) for number in range(len(self._pool_keys))]
        reasons: dict[int, Why] = {}
        rulings: _Rulings = {}
        self._choices = [
            self._choice(number, rulings, reasons) for number in range(len(self._cases))
        ]
        self.labels = Labels(
            tuple(record_labels(self.plan)[:MAX_RECORDS]),
            tuple(self._labelled),
            reasons,
            self._places.of((key.site, one) for key, one in self._stock.candidates.items()),
        )
        return TableContent(
            zones=tuple(self._zones()),
            typesets=self._typesets.list,
            steers=self._steers,
            maps=self._maps,
            choices=tuple(self._choices),
            pools=tuple(self._pools),
            origin=self.plan.hash,
        )

    def _zones(self) -> Iterator[ZoneContent]:
        for number, zone in enumerate(self.plan.zones):
            static, children = self._static[number], self._children[number]
            yield ZoneContent(
                apex=zone.apex,
                serial=static.serial,
                negative=static.negative,
                names=self._names[number],
                cuts={c: body for c, body in static.cuts.items() if not is_theirs(c, children)},
                ecs=zone.ecs,
            )

    def patch(self, situation: Situation) -> Patch:
        """Return what *situation* changes in the table as of the last content or patch.

        Raises:
            GslbError: there was no content yet.
        """
        if not self._choices and self._cases:
            raise GslbError("a patch needs a table that it changes; none was rendered yet")
        before = dict(self._stock.supplies)
        changed = self._stock.take(situation)
        pools: dict[int, Pool] = {}
        for number in sorted(n for stock in changed for n in self._by_stock[stock][0]):
            pool = self._changed_pool(number)
            if pool is not None and pool != self._pools[number]:
                pools[number] = self._pools[number] = pool
        choices: dict[int, Choice] = {}
        reasons: dict[int, Why] = {}
        rulings: _Rulings = {}
        for number in sorted(self._doubtful(changed, before)):
            choice = self._choice(number, rulings, reasons)
            if choice != self._choices[number]:
                choices[number] = self._choices[number] = choice
        stock = self._stock.candidates
        self.relabelled = LabelChange(
            {n: why for n, why in reasons.items() if why != self.labels.reasons.get(n)},
            self._places.of((key.site, stock[key]) for key in changed),
        )
        self.labels.take(self.relabelled)
        return Patch(choices, pools)

    def _doubtful(self, changed: set[StockKey], before: Mapping[StockKey, Supply]) -> set[int]:
        """Return the cases that are to be decided again."""
        cases: set[int] = set()
        for stock in changed:
            old, new = before[stock], self._stock.supplies[stock]
            for number in self._by_stock[stock][1] if old != new else ():
                if not decides_alike(self._cases[number].policy, old, new):
                    cases.add(number)
        return cases

    def _changed_pool(self, number: int) -> Pool | None:
        """Return the pool anew if what it is made of changed."""
        key = self._pool_keys[number]
        before = self._selections.get(number)
        if isinstance(key, PoolKey) and select(key, self._stock.candidates[key.stock]) == before:
            return None
        return self._pool(number)

    def _pool(self, number: int) -> Pool:
        key = self._pool_keys[number]
        if isinstance(key, NoDataKey):
            return Pool((self._static[key.zone].negative,), (1.0,))
        zone: int = key.zone if isinstance(key, LastResortKey) else key.stock.zone
        apex, negative = self.plan.zones[zone].apex, self._static[zone].negative
        if isinstance(key, LastResortKey):
            return render_last_resort(key, apex, negative)
        selection = select(key, self._stock.candidates[key.stock])
        self._selections[number] = selection
        return render_pool(key, apex, selection, negative)

    def _choice(self, number: int, rulings: _Rulings, reasons: dict[int, Why]) -> Choice:
        """Return the choice with that *number*; note why in *reasons*, if it has a label.

        *rulings* are those made so far in the same situation.
        """
        case = self._cases[number]
        key = (id(case.policy), case.cls.rule, case.rtype)
        ruling = rulings.get(key)
        if ruling is None:
            supplies = {one.site: self._stock.supplies[one] for one in case.stock}
            ruling = judge_rule(case.policy, case.cls.rule, case.rtype, supplies)
            rulings[key] = ruling
        outcome = ruling.outcome(case.cls)
        if number < len(self._labelled):
            reasons[number] = why_of(outcome)
        keys = pool_keys(case.zone, case.policy, case.rtype, outcome)
        numbers = tuple(self._pool_numbers[key] for key in keys)
        if not numbers:
            return Choice((), refused=True)
        shares = tuple(outcome.shares.items()) or (("", 1.0),)
        if sticky(case.policy, case.cls) and len(shares) > 1:
            return Choice(numbers, slots=slots(shares))
        return Choice(numbers, tuple(share for _, share in shares))


def _children(zone: ZonePlan, plan: Plan) -> frozenset[bytes]:
    """Return the apexes of the other zones of *plan* that lie below *zone*."""
    below = (other.apex for other in plan.zones if is_within(other.apex, zone.apex))
    return frozenset(apex for apex in below if apex != zone.apex)


def _rule_label(policy: Policy, rule: int) -> str:
    return policy.rules[rule].name if rule >= 0 else NONE


def sticky(policy: Policy, cls: ClientClass) -> bool:
    """Return whether the answers of *cls* depend on the client's prefix itself."""
    return cls.rule >= 0 and policy.rules[cls.rule].pick is Pick.HASH


def pool_keys(zone: int, policy: Policy, rtype: int, outcome: Outcome) -> list[AnyPoolKey]:
    """Return the pools that *outcome* points at, in the order of its shares; empty: refused."""
    if outcome.reason is Reason.NO_ADDRESS:
        return [NoDataKey(zone)]
    if outcome.reason is Reason.LAST_RESORT:
        last = last_resort_key(zone, policy, rtype)
        return [] if last is None else [last]
    return [
        pool_key(zone, policy, outcome.rule, site, rtype, outcome.level) for site in outcome.shares
    ]
