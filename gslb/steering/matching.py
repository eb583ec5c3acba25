"""Conditions on clients, evaluated over all of them at once.

A condition is first narrowed to one record type, then evaluated over *items*: all pairs of the
geo table, or ranges of addresses where prefixes matter.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from gslb.policy.plan import Condition, Term
from gslb.policy.types import STEERED_TYPES
from gslb.steering.prefixes import Addresses, PrefixSet, parse_prefix, prefix_set
from gslb.steering.world import World

Texts = tuple[str, ...]
Booleans = npt.NDArray[np.bool_]


@dataclass(frozen=True, slots=True)
class Test:
    """A condition for one record type: texts in order, each once; equal tests match the same."""

    __test__ = False  # not a test of pytest's

    area: Texts = ()
    asn: Texts = ()
    carrier: Texts = ()
    net: Texts = ()
    resolver: Texts = ()
    excluded: tuple[Test, ...] = ()


EVERYBODY = Test()


@dataclass(frozen=True, slots=True, eq=False)
class Items:
    """Clients to evaluate, as columns: index of place, index of AS, and address if it matters."""

    places: npt.NDArray[np.intp]  # into GeoTable.places
    asns: npt.NDArray[np.intp]  # into World.asns
    family: int = 4
    addresses: Addresses | None = None  # None: outside every prefix that any test names

    def pick(self, at: npt.NDArray[np.intp]) -> Items:
        """Return the items at the given positions."""
        addresses = None if self.addresses is None else self.addresses[at]
        return Items(self.places[at], self.asns[at], self.family, addresses)


def select(condition: Condition | None, rtype: int) -> Test | None:
    """Return what *condition* asks of clients that query for *rtype*; None: no client matches."""
    if condition is None:
        return EVERYBODY
    if condition.qtype and rtype not in {
        STEERED_TYPES.get(t.text.upper()) for t in condition.qtype
    }:
        return None
    excluded = [select(part, rtype) for part in condition.excluded]
    if EVERYBODY in excluded:
        return None
    return Test(
        _texts(condition.area),
        _texts(condition.asn),
        _texts(condition.carrier),
        _texts(condition.net),
        _texts(condition.resolver),
        tuple(dict.fromkeys(test for test in excluded if test is not None)),
    )


def _texts(terms: tuple[Term, ...]) -> Texts:
    return tuple(sorted({term.text for term in terms}))


def walk(test: Test) -> Iterator[Test]:
    """Yield *test* and every test inside it."""
    yield test
    for part in test.excluded:
        yield from walk(part)


def sets_of(texts: Texts, world: World) -> Mapping[int, PrefixSet]:
    """Return the prefixes *texts* by family; what is no prefix holds nobody."""
    return world.keep(("prefixes", texts), lambda: _sets_of(texts))


def _sets_of(texts: Texts) -> Mapping[int, PrefixSet]:
    networks = []
    for text in texts:
        try:
            networks.append(parse_prefix(text))
        except ValueError:  # the lint says so; a serving node goes on without
            continue
    return {family: prefix_set(networks, family) for family in (4, 6)}


def evaluate(test: Test, items: Items, world: World, view: Mapping[Texts, bool]) -> Booleans:
    """Return which of *items* match *test*, for resolvers whose membership is *view*.

    *view* says, for each distinct tuple of ``resolver`` texts, whether the resolver is in it.
    """
    matched = np.ones(len(items.places), np.bool_)
    if test.resolver and not view[test.resolver]:
        return ~matched
    if test.area:
        mask = np.zeros(len(world.geo.places), np.bool_)
        for text in test.area:
            mask |= world.area_places(text)
        matched &= mask[items.places]
    if test.asn:
        matched &= world.asn_mask(asn_numbers(test.asn))[items.asns]
    if test.carrier:
        numbers = frozenset[int]().union(*(world.carriers.get(t, ()) for t in test.carrier))
        matched &= world.asn_mask(numbers)[items.asns]
    if test.net:
        matched &= _in_net(test.net, items, world)
    for part in test.excluded:
        matched &= ~evaluate(part, items, world, view)
    return matched


def _in_net(texts: Texts, items: Items, world: World) -> Booleans:
    if items.addresses is None:
        return np.zeros(len(items.places), np.bool_)
    return sets_of(texts, world)[items.family].holds(items.addresses)


def asn_numbers(texts: Texts) -> frozenset[int]:
    """Return the AS numbers that *texts* name; what is no number names none."""
    return frozenset(int(t) for t in texts if t.isascii() and t.isdigit() and len(t) <= 10)
