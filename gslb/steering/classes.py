"""Classes of clients: a policy's rules over the geo table, as prefix maps.

Rules are evaluated over all pairs (place, AS) at once; a range of addresses has its pair's class.
Only ranges under a prefix that a rule names, or that was measured, are evaluated one by one. An
ECS client reaches the map cut to /24 or /56, another by its full address.
"""

from __future__ import annotations

from collections.abc import Hashable, Mapping
from dataclasses import dataclass
from hashlib import blake2b

import numpy as np
import numpy.typing as npt

from gslb.answers.model import MAX_CLASSES, PrefixMap
from gslb.policy.plan import Policy, Site
from gslb.steering.clients import (
    Ids,
    Rules,
    TooManyKindsError,
    View,
    bind,
    first_match,
    pair_items,
    range_items,
    select_rules,
    spaces,
    views_of,
)
from gslb.steering.latency import Level
from gslb.steering.matching import Items, Test
from gslb.steering.model import Classes, ClientClass
from gslb.steering.prefixes import Addresses, merge
from gslb.steering.ranking import RANKING_PICKS
from gslb.steering.world import World

NO_RULE = ClientClass(-1)
COARSER = (Level.PREFIX, Level.ASN_AREA, Level.AREA)  # finest measurements used, in this order


@dataclass(frozen=True, slots=True, eq=False)
class Compiled:
    """Classes, and the finest level of measurement that fitted into them."""

    classes: Classes
    finest: Level


def compile_classes(policy: Policy, sites: Mapping[str, Site], rtype: int, world: World) -> Classes:
    """Return the classes of clients that *policy* tells apart for *rtype*, and their maps.

    Rule lists that come to the same thing for a type share one result (the same object), and maps
    of equal content are one object within a world.

    Raises:
        TooManyKindsError: more than MAX_VIEWS kinds of resolvers, or more than MAX_CLASSES of
            clients even without measurements.
    """
    return compile_finely(policy, sites, rtype, world).classes


def compile_finely(policy: Policy, sites: Mapping[str, Site], rtype: int, world: World) -> Compiled:
    """Do `compile_classes`, and say how much of the measurements could be used.

    Should there be more than MAX_CLASSES classes, measurements of prefixes are left out, then
    those of ASes.
    """
    tests = select_rules(policy, rtype)
    key = ("classes", tuple(_rule_key(policy, sites, world, *each) for each in tests))
    return world.keep(key, lambda: _compile(policy, sites, tests, world))


def _rule_key(
    policy: Policy, sites: Mapping[str, Site], world: World, index: int, test: Test
) -> Hashable:
    """Return all of a rule that its classes depend on."""
    rule = policy.rules[index]
    if rule.pick not in RANKING_PICKS:
        return index, test
    targets = tuple(
        (t.site, t.share, sites[t.site].bias, world.point(sites[t.site])) for t in rule.to
    )
    return index, test, rule.pick, rule.tie_ms, targets


def _compile(
    policy: Policy,
    sites: Mapping[str, Site],
    tests: tuple[tuple[int, Test], ...],
    world: World,
) -> Compiled:
    for finest in COARSER:
        rules = bind(policy, sites, tests, world, finest)
        resolvers, views = views_of(rules, world)
        maker = _Maker(rules, world)
        numbers = [maker.number(view) for view in views]
        used = np.unique(np.concatenate([ids for maps in numbers for _, ids in maps]))
        if len(used) <= MAX_CLASSES:
            break
    else:
        raise TooManyKindsError(
            f"the rules tell {len(used):,} kinds of clients apart; at most {MAX_CLASSES:,} are possible"
        )
    classes = tuple(list(maker.known)[number] for number in used.tolist())
    compact = np.zeros(len(maker.known), np.uint16)
    compact[used] = np.arange(len(used))
    maps = [_map(v4, compact[ids4], v6, compact[ids6], world) for (v4, ids4), (v6, ids6) in numbers]
    distinct = list({id(one): one for one in maps}.values())
    if len(distinct) == 1:
        return Compiled(Classes(classes, (distinct[0],), None), finest)
    at = np.array([[id(d) for d in distinct].index(id(one)) for one in maps], np.uint16)
    (starts4, ids4), (starts6, ids6) = resolvers
    to_view = _map(starts4, at[ids4], starts6, at[ids6], world)
    return Compiled(Classes(classes, tuple(distinct), to_view), finest)


def _map(
    starts4: Addresses,
    classes4: npt.NDArray[np.uint16],
    starts6: Addresses,
    classes6: npt.NDArray[np.uint16],
    world: World,
) -> PrefixMap:
    """Return the prefix map of two families; the same object for the same content."""
    starts4, classes4 = merge(starts4, classes4)
    starts6, classes6 = merge(starts6, classes6)
    parts = (starts4.astype(np.uint32), classes4, starts6, classes6)
    digest = blake2b(digest_size=16)
    for part in parts:
        digest.update(len(part).to_bytes(8, "big"))
        digest.update(part.tobytes())
    return world.keep(("map", digest.digest()), lambda: PrefixMap(*parts))


class _Maker:
    """Numbers the classes of one rule list as views and families are gone through."""

    def __init__(self, rules: Rules, world: World) -> None:
        self.rules, self.world = rules, world
        self.known: dict[ClientClass, int] = {}
        self.spaces = spaces(rules, world)
        self.pairs = pair_items(world)
        self.ranges = [range_items(space, world) for space in self.spaces]

    def number(self, view: View) -> list[tuple[Addresses, Ids]]:
        """Return starts and numbers of classes, by family, for one view."""
        by_pair = self._classes(self.pairs, view)
        maps = []
        for space, items in zip(self.spaces, self.ranges, strict=True):
            ids = by_pair[space.pairs]
            if len(space.special):
                ids[space.special] = self._classes(items, view)
            maps.append(merge(space.starts, ids))
        return maps

    def _classes(self, items: Items, view: View) -> Ids:
        found = first_match(self.rules, items, self.world, view)
        plain = [NO_RULE, *(ClientClass(index) for index in range(len(self.rules.policy.rules)))]
        ids = np.empty(len(found), np.int64)
        for index in np.unique(found).tolist():
            at = np.flatnonzero(found == index)
            one = self.rules.rankers.get(index)
            if one is None:
                ids[at] = self._number(plain[index + 1])
                continue
            rows = one.rows(items.pick(at))
            ids[at] = np.array([self._number(outcome) for outcome in one.outcomes])[rows]
        return ids

    def _number(self, outcome: ClientClass) -> int:
        return self.known.setdefault(outcome, len(self.known))
