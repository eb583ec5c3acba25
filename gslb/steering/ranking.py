"""Sites ranked for each client: by distance with bias, or by latency.

Bias has Route 53's meaning (Developer Guide, "Geoproximity routing"): a positive bias b counts the
distance as ``d · (1 - b/100)``, a negative one as ``d / (1 + b/100)``.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt

from gslb.geo.distance import great_circle_km_to
from gslb.policy.plan import Pick, Rule, Site
from gslb.steering.estimates import Estimates, estimates
from gslb.steering.latency import Level
from gslb.steering.matching import Items
from gslb.steering.model import ClientClass
from gslb.steering.prefixes import Addresses, PrefixSet, prefix_set
from gslb.steering.world import World

Floats = npt.NDArray[np.float64]
Rows = npt.NDArray[np.intp]
RANKING_PICKS = frozenset({Pick.NEAREST, Pick.LATENCY})
DISTANCE_STEP_KM = 1.0  # sites nearer together than this are at the same distance
LATENCY_STEP_MS = 0.1  # so that machines agree; far below any tie


@dataclass(frozen=True, slots=True, eq=False)
class Ranker:
    """Ranks the sites of one rule's ``to``. `outcomes` grows as kinds of clients are met."""

    rule: int
    sites: tuple[str, ...]  # greatest share first, then as written: what unknown clients get
    tie: float  # in steps
    world: World
    km: Floats | None  # nearest: biased distance by place and site
    latency: Estimates | None  # latency
    outcomes: dict[ClientClass, int] = field(default_factory=dict)

    def rows(self, items: Items) -> Rows:
        """Return, by item, the position of its class in `outcomes`."""
        if self.latency is not None and self.latency.beyond_places:
            first, kind = self.latency.profiles(items)
            return self._register(self.values(items.pick(first)))[kind]
        everywhere = np.arange(len(self.world.geo.places))
        here = np.zeros(len(everywhere), np.bool_)
        here[items.places] = True
        at = np.flatnonzero(here)
        table = np.zeros(len(everywhere), np.intp)
        table[at] = self._register(self.values(Items(at, np.zeros_like(at))))
        return table[items.places]

    def values(self, items: Items) -> Floats:
        """Return what ranks the sites, in whole steps, less is better.

        All 0 where nothing is known of a client: no site is better, so all of them tie.
        """
        if self.latency is not None:
            values = np.round(self.latency.values(items)[0] / LATENCY_STEP_MS)
        else:
            assert self.km is not None
            values = np.round(self.km[items.places] / DISTANCE_STEP_KM)
        values[np.isnan(values).any(axis=1)] = 0.0
        return values

    def _register(self, values: Floats) -> Rows:
        orders, bands = rank(values, self.tie)
        kinds, inverse = np.unique(np.hstack((orders, bands)), axis=0, return_inverse=True)
        width = len(self.sites)
        known = np.empty(len(kinds), np.intp)
        for number, kind in enumerate(kinds.tolist()):
            order = tuple(self.sites[at] for at in kind[:width])
            outcome = ClientClass(self.rule, order, tuple(kind[width:]))
            known[number] = self.outcomes.setdefault(outcome, len(self.outcomes))
        return known[inverse.reshape(-1)]

    def prefixes(self, family: int) -> PrefixSet:
        """Return the addresses for which a client's pair does not tell its class."""
        return self.latency.prefixes(family) if self.latency else prefix_set((), family)

    def bounds(self, family: int) -> Addresses:
        """Return the addresses at which the measured prefix changes."""
        return self.latency.bounds(family) if self.latency else np.zeros(0, np.uint64)


def rank(values: Floats, tie: float) -> tuple[Rows, Rows]:
    """Rank columns by row, least first; equals keep the order of the columns.

    Returns:
        The order, and for each position the position behind the last that is within *tie* of it.
    """
    order = np.argsort(values, axis=1, kind="stable")
    ranked = np.take_along_axis(values, order, axis=1)
    bands = np.empty_like(order)
    for at in range(ranked.shape[1]):
        bands[:, at] = (ranked <= ranked[:, at : at + 1] + tie).sum(axis=1)
    return order, bands


def ranker(
    index: int, rule: Rule, sites: Mapping[str, Site], world: World, finest: Level = Level.PREFIX
) -> Ranker | None:
    """Return what ranks the sites of *rule*, the policy's *index*-th; None for other picks."""
    if rule.pick not in RANKING_PICKS:
        return None
    by_share = sorted(rule.to, key=lambda target: -target.share)  # stable: then as written
    ranked = [sites[target.site] for target in by_share]
    names = tuple(site.name for site in ranked)
    if rule.pick is Pick.NEAREST:
        return Ranker(index, names, 0.0, world, biased_km(ranked, world), None)
    tie = rule.tie_ms / LATENCY_STEP_MS
    return Ranker(index, names, tie, world, None, estimates(ranked, world, finest))


def biased_km(sites: Sequence[Site], world: World) -> Floats:
    """Return the biased distance by place and site; infinite where the site's place is unknown."""
    km = np.empty((len(world.geo.places), len(sites)))
    for column, site in enumerate(sites):
        point = world.point(site)
        km[:, column] = np.inf if point is None else distances(point, world) * bias(site.bias)
    return km


def distances(point: tuple[float, float], world: World) -> Floats:
    """Return the great-circle distance from every place to *point*, in kilometres."""
    return world.keep(
        ("km", point),
        lambda: great_circle_km_to(world.latitudes, world.longitudes, *point),
    )


def bias(percent: int) -> float:
    """Return the factor on the distance to a site of this bias, -99 to 99."""
    return 1 - percent / 100 if percent >= 0 else 1 / (1 + percent / 100)
