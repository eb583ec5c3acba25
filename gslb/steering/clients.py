"""All clients that a policy's rules are held against: pairs, ranges under prefixes, resolvers."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from gslb.errors import GslbError
from gslb.policy.plan import Policy, Site
from gslb.steering.latency import Level
from gslb.steering.matching import EVERYBODY, Items, Test, Texts, evaluate, select, sets_of, walk
from gslb.steering.prefixes import Addresses, refine, within
from gslb.steering.ranking import Ranker, ranker
from gslb.steering.world import World

Ids = npt.NDArray[np.int64]
View = Mapping[Texts, bool]
MAX_VIEWS = 256  # kinds of resolvers that one policy may tell apart; each has its own map


class TooManyKindsError(GslbError):
    """A policy tells more kinds of clients or resolvers apart than a table may hold."""


@dataclass(frozen=True, slots=True, eq=False)
class Rules:
    """The rules of a policy that can match for one type, in order."""

    policy: Policy
    tests: tuple[tuple[int, Test], ...]  # index into Policy.rules
    rankers: Mapping[int, Ranker]

    def texts(self, key: str) -> tuple[Texts, ...]:
        """Return each distinct tuple of ``net`` or ``resolver`` prefixes, nested ones too."""
        found = (getattr(part, key) for _, test in self.tests for part in walk(test))
        return tuple(dict.fromkeys(texts for texts in found if texts))


@dataclass(frozen=True, slots=True, eq=False)
class Space:
    """All addresses of one family, in ranges that no rule cuts."""

    family: int
    starts: Addresses
    pairs: npt.NDArray[np.uint32]
    special: npt.NDArray[np.intp]  # ranges whose class does not follow from their pair


def select_rules(policy: Policy, rtype: int) -> tuple[tuple[int, Test], ...]:
    """Return the rules that can match for *rtype*, up to the first that matches everybody."""
    tests = possible_rules(policy, rtype)
    ends = (at for at, (_, test) in enumerate(tests, 1) if test == EVERYBODY)
    return tests[: next(ends, len(tests))]


def possible_rules(policy: Policy, rtype: int) -> tuple[tuple[int, Test], ...]:
    """Return every rule that asks nothing impossible of a query for *rtype*, in order."""
    selected = ((index, select(rule.when, rtype)) for index, rule in enumerate(policy.rules))
    return tuple((index, test) for index, test in selected if test is not None)


def bind(
    policy: Policy,
    sites: Mapping[str, Site],
    tests: tuple[tuple[int, Test], ...],
    world: World,
    finest: Level = Level.PREFIX,
) -> Rules:
    """Return *tests* with what ranks the sites of those rules that rank."""
    ranked = (ranker(index, policy.rules[index], sites, world, finest) for index, _ in tests)
    return Rules(policy, tests, {one.rule: one for one in ranked if one is not None})


def views_of(
    rules: Rules, world: World
) -> tuple[tuple[tuple[Addresses, Ids], tuple[Addresses, Ids]], list[View]]:
    """Return ranges of resolvers by family with the index of their view, and the views.

    A view says which of the rules' ``resolver`` keys hold for a resolver.
    """
    keys = rules.texts("resolver")
    known: dict[tuple[bool, ...], int] = {}
    families: list[tuple[Addresses, Ids]] = []
    for family in (4, 6):
        sets = [sets_of(texts, world)[family] for texts in keys]
        bounds = np.concatenate([np.zeros(1, np.uint64), *(one.bounds(family) for one in sets)])
        starts = np.unique(bounds)
        inside = np.zeros((len(starts), len(sets)), np.bool_)
        for column, one in enumerate(sets):
            inside[:, column] = one.holds(starts)
        kinds = [tuple(row) for row in inside.tolist()]
        ids = np.array([known.setdefault(kind, len(known)) for kind in kinds], np.int64)
        families.append((starts, ids))
    if len(known) > MAX_VIEWS:
        raise TooManyKindsError(
            f"the rules tell {len(known):,} kinds of resolvers apart; at most {MAX_VIEWS} are possible"
        )
    views: list[View] = [dict(zip(keys, kind, strict=True)) for kind in known]
    return (families[0], families[1]), views


def spaces(rules: Rules, world: World) -> Sequence[Space]:
    """Return the ranges of IPv4 and of IPv6, cut wherever a rule's prefix begins or ends."""
    found = []
    for family in (4, 6):
        sets = [sets_of(texts, world)[family] for texts in rules.texts("net")]
        bounds = [one.bounds(family) for one in sets]
        for ranked in rules.rankers.values():
            sets.append(ranked.prefixes(family))
            bounds.append(ranked.bounds(family))
        starts, pairs = world.ranges[family]
        if bounds:
            starts, pairs = refine(starts, pairs, np.unique(np.concatenate(bounds)))
        found.append(Space(family, starts, pairs, within(starts, sets)))
    return found


def pair_items(world: World) -> Items:
    """Return every pair, as clients whose address matters to no rule."""
    return Items(world.geo.pair_place.astype(np.intp), world.pair_asn_index)


def range_items(space: Space, world: World) -> Items:
    """Return the special ranges, as clients with their addresses."""
    pairs = space.pairs[space.special]
    return Items(
        world.geo.pair_place[pairs].astype(np.intp),
        world.pair_asn_index[pairs],
        space.family,
        space.starts[space.special],
    )


def first_match(rules: Rules, items: Items, world: World, view: View) -> npt.NDArray[np.intp]:
    """Return, by item, the index of the first rule that matches, or -1."""
    found = np.full(len(items.places), -1, np.intp)
    open_ = np.ones(len(items.places), np.bool_)
    for index, test in rules.tests:
        hit = open_ & evaluate(test, items, world, view)
        found[hit] = index
        open_ &= ~hit
        if not open_.any():
            break
    return found
