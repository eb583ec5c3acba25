"""Which rules clients reach: every rule against every kind of client that there is."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from gslb.policy.plan import Policy
from gslb.steering.clients import (
    Rules,
    View,
    pair_items,
    possible_rules,
    range_items,
    spaces,
    views_of,
)
from gslb.steering.matching import Items, evaluate
from gslb.steering.world import World

Booleans = npt.NDArray[np.bool_]


@dataclass(frozen=True, slots=True, eq=False)
class Reach:
    """What was found, for all types together. Arrays are by index into Policy.rules."""

    matches: Booleans  # some client fulfils the rule's condition
    decides: Booleans  # some client is left for the rule
    taken: Booleans  # [rule, earlier rule]: the earlier one takes some of the rule's clients
    lost: str  # a client that no rule matches, for people; "" if there is none


def reach(policy: Policy, types: Iterable[int], world: World) -> Reach:
    """Evaluate every rule of *policy* for *types*, for all pairs, prefixes and resolvers.

    Raises:
        TooManyKindsError: as `compile_classes` does.
    """
    count = len(policy.rules)
    matches, decides = np.zeros(count, np.bool_), np.zeros(count, np.bool_)
    taken, lost = np.zeros((count, count), np.bool_), ""
    for tests in dict.fromkeys(possible_rules(policy, rtype) for rtype in types):
        rules = Rules(policy, tests, {})
        _, views = views_of(rules, world)
        for items in _clients(rules, world):
            for view in views:
                found = _gather(rules, items, world, view, (matches, decides, taken))
                lost = lost or _name(items, found, world)
    return Reach(matches, decides, taken, lost)


def _clients(rules: Rules, world: World) -> Iterator[Items]:
    """Yield all clients: pairs that some range outside every prefix has, then special ranges."""
    ordinary = np.zeros(len(world.geo.pair_place), np.bool_)
    for space in spaces(rules, world):
        if len(space.special):
            yield range_items(space, world)
        plain = np.ones(len(space.starts), np.bool_)
        plain[space.special] = False
        ordinary[space.pairs[plain]] = True
    yield pair_items(world).pick(np.flatnonzero(ordinary))


def _gather(
    rules: Rules,
    items: Items,
    world: World,
    view: View,
    into: tuple[Booleans, Booleans, Booleans],
) -> npt.NDArray[np.intp]:
    """Note what each rule matches and decides; return the deciding rule by item, or -1."""
    matches, decides, taken = into
    found = np.full(len(items.places), -1, np.intp)
    for index, test in rules.tests:
        own = evaluate(test, items, world, view)
        matches[index] |= own.any()
        takers = np.unique(found[own])
        decides[index] |= bool((takers == -1).any())
        taken[index, takers[takers >= 0]] = True
        found[own & (found < 0)] = index
    return found


def _name(items: Items, found: npt.NDArray[np.intp], world: World) -> str:
    """Return the first item that no rule matches, as people write it, or nothing."""
    at = np.flatnonzero(found < 0)
    if not len(at):
        return ""
    place = world.geo.places[int(items.places[at[0]])]
    asn = int(world.asns[items.asns[at[0]]])
    where = "-".join(filter(None, (place.country, place.subdivision))) or "unknown places"
    return where + (f", AS{asn}" if asn else "")
