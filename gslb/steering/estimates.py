"""Estimates of latency for many clients and a few sites: the model, corrected by what was measured.

From general to specific: model, country, area, AS, AS in a country, AS in an area, prefix. Each
measured step shrinks towards the step before it: ``(n · cell + 30 · parent) / (n + 30)``.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from gslb.policy.plan import Site
from gslb.steering.landmarks import model_ms
from gslb.steering.latency import MIN_SAMPLES, Cell, Key, Level
from gslb.steering.matching import Items
from gslb.steering.prefixes import BITS, Addresses, PrefixSet, prefix_set, span
from gslb.steering.world import World

Floats = npt.NDArray[np.float64]
Numbers = npt.NDArray[np.int64]
PRIOR_SAMPLES = float(MIN_SAMPLES)  # weight of the parent


@dataclass(frozen=True, slots=True, eq=False)
class Step:
    """The cells of one level, by the code of their key."""

    level: Level
    family: int  # of PREFIX, else 0
    length: int  # of PREFIX, else 0
    codes: Addresses  # ascending
    ms: Floats  # by code and site; not a number where there is no cell
    samples: Floats
    cells: Mapping[tuple[int, int], Cell]  # by position in codes, and site

    def find(self, items: Items, world: World) -> npt.NDArray[np.intp]:
        """Return, by item, the position in `codes` of its cells, or -1."""
        if self.level is not Level.PREFIX:
            codes = _codes(self.level, items, world)
        elif items.addresses is None or items.family != self.family:
            return np.full(len(items.places), -1, np.intp)
        else:
            codes = items.addresses >> np.uint64(BITS[self.family] - self.length)
        at = np.searchsorted(self.codes, codes)
        at[at == len(self.codes)] = 0
        return np.where(self.codes[at] == codes, at, -1)


@dataclass(frozen=True, slots=True, eq=False)
class Estimates:
    """How far some sites are from every client, in milliseconds."""

    world: World
    sites: tuple[str, ...]
    model: Floats  # by place and site; infinite: site's place unknown; not a number: client's
    steps: tuple[Step, ...]  # general to specific

    @property
    def beyond_places(self) -> bool:
        """Return whether clients of one place may differ."""
        return any(step.level > Level.AREA for step in self.steps)

    def values(self, items: Items) -> tuple[Floats, npt.NDArray[np.intp]]:
        """Return milliseconds by item and site, and the index of the last step used, or -1."""
        ms = self.model[items.places]
        used = np.full(ms.shape, -1, np.intp)
        for number, step in enumerate(self.steps):
            at = step.find(items, self.world)
            rows = np.flatnonzero(at >= 0)
            cell, n, parent = step.ms[at[rows]], step.samples[at[rows]], ms[rows]
            with np.errstate(invalid="ignore"):
                mixed = (n * cell + PRIOR_SAMPLES * parent) / (n + PRIOR_SAMPLES)
            known = np.where(np.isfinite(parent), mixed, cell)
            ms[rows] = np.where(np.isfinite(cell), known, parent)
            used[rows] = np.where(np.isfinite(cell), number, used[rows])
        return ms, used

    def profiles(self, items: Items) -> tuple[npt.NDArray[np.intp], npt.NDArray[np.intp]]:
        """Return one position for each kind of item that is estimated alike, and each item's kind."""
        kinds = items.places.astype(np.int64)
        for step in self.steps:
            if step.level in (Level.COUNTRY, Level.AREA):
                continue  # follows from the place
            mixed = kinds * (len(step.codes) + 1) + step.find(items, self.world) + 1
            _, kinds = np.unique(mixed, return_inverse=True)
        _, first, inverse = np.unique(kinds, return_index=True, return_inverse=True)
        return first, inverse

    def prefixes(self, family: int) -> PrefixSet:
        """Return the addresses for which some prefix was measured."""
        networks = [
            cell.key.network
            for step in self.steps
            if step.level is Level.PREFIX and step.family == family
            for cell in step.cells.values()
            if cell.key.network is not None
        ]
        return prefix_set(networks, family)

    def bounds(self, family: int) -> Addresses:
        """Return the addresses at which the measured prefix changes (nested ones included)."""
        points: set[int] = set()
        for step in self.steps:
            if step.level is Level.PREFIX and step.family == family:
                for code in step.codes.tolist():
                    shift = BITS[family] - step.length
                    points.update((code << shift, (code + 1) << shift))
        return np.array(sorted(p for p in points if p < 1 << BITS[family]), np.uint64)


def estimates(sites: Sequence[Site], world: World, finest: Level = Level.PREFIX) -> Estimates:
    """Return the estimates for *sites*, by measurements up to level *finest*.

    Where any of the sites has no fresh sample at all, nothing measured is used for any of them:
    a broken beacon cannot make a site look good.
    """
    key = ("estimates", tuple((s.name, world.point(s), s.at) for s in sites), finest)
    return world.keep(key, lambda: _estimates(sites, world, finest))


def _estimates(sites: Sequence[Site], world: World, finest: Level) -> Estimates:
    names = tuple(site.name for site in sites)
    model = np.empty((len(world.geo.places), len(sites)))
    for column, site in enumerate(sites):
        model[:, column] = _model(site, world)
    cells = [cell for cell in _cells(names, world) if cell.key.level <= finest]
    return Estimates(world, names, model, _steps(cells, names, world))


def _model(site: Site, world: World) -> Floats:
    """Return the modelled milliseconds to *site*, by place."""
    point = world.point(site)
    if point is None:
        return np.full(len(world.geo.places), np.inf)
    abroad = world.abroad(site)
    ms = world.keep(
        ("model", point),
        lambda: model_ms(world.latitudes, world.longitudes, point, world.landmarks),
    )
    return ms + np.where(world.mainland == abroad, world.border_penalty_ms, 0.0)


def _cells(names: tuple[str, ...], world: World) -> list[Cell]:
    """Return the usable cells of the sites; none if one of them has no fresh sample at all."""
    table = world.latency
    if table is None:
        return []
    fresh = world.keep(("fresh sites",), lambda: table.sites(world.at))
    if not fresh.issuperset(names):
        return []
    by_site = world.keep(("cells",), lambda: _by_site(table.usable(world.at)))
    return [cell for name in dict.fromkeys(names) for cell in by_site.get(name, ())]


def _by_site(cells: Iterable[Cell]) -> Mapping[str, list[Cell]]:
    sites: dict[str, list[Cell]] = {}
    for cell in cells:
        sites.setdefault(cell.site, []).append(cell)
    return sites


def _steps(cells: list[Cell], names: tuple[str, ...], world: World) -> tuple[Step, ...]:
    groups: dict[tuple[Level, int, int], list[tuple[int, Cell]]] = {}
    for cell in cells:
        code = _code(cell.key, world)
        if code is not None:
            network = cell.key.network
            of = (network.version, network.prefixlen) if network is not None else (0, 0)
            groups.setdefault((cell.key.level, *of), []).append((code, cell))
    return tuple(_step(*group, groups[group], names) for group in sorted(groups))


def _step(
    level: Level, family: int, length: int, cells: list[tuple[int, Cell]], names: tuple[str, ...]
) -> Step:
    codes = np.array(sorted({code for code, _ in cells}), np.uint64)
    position = {code: number for number, code in enumerate(codes.tolist())}
    ms = np.full((len(codes), len(names)), np.nan)
    samples = np.zeros((len(codes), len(names)))
    at: dict[tuple[int, int], Cell] = {}
    for code, cell in cells:
        place = position[code], names.index(cell.site)
        at[place], ms[place], samples[place] = cell, cell.p50_ms, cell.samples
    return Step(level, family, length, codes, ms, samples, at)


def _code(key: Key, world: World) -> int | None:
    """Return the code of *key* at its level; None: no client of the geo table has it."""
    if key.network is not None:
        shift = BITS[key.network.version] - key.network.prefixlen
        return span(key.network)[0] >> shift
    areas = _area_codes(world)
    place = 0
    if key.country:
        found = areas.get((key.country, key.subdivision))
        if found is None:
            return None
        place = found
    return key.asn << 32 | place


def _codes(level: Level, items: Items, world: World) -> Addresses:
    """Return the code that each item has at *level*, comparable with those of keys."""
    countries, areas = _place_codes(world)
    codes = np.zeros(len(items.places), np.uint64)
    if level >= Level.ASN:
        codes |= world.asns[items.asns].astype(np.uint64) << np.uint64(32)
    if level in (Level.COUNTRY, Level.ASN_COUNTRY):
        codes |= countries[items.places]
    if level in (Level.AREA, Level.ASN_AREA):
        codes |= areas[items.places]
    return codes


def _area_codes(world: World) -> Mapping[tuple[str, str], int]:
    """Return a number for each country and each subdivision of the geo table, from 1."""

    def make() -> Mapping[tuple[str, str], int]:
        names = {(p.country, s) for p in world.geo.places for s in ("", p.subdivision)}
        return {name: number for number, name in enumerate(sorted(names), 1)}

    return world.keep(("area codes",), make)


def _place_codes(world: World) -> tuple[Addresses, Addresses]:
    """Return, by place, the code of its country and that of its subdivision (or country)."""

    def make() -> tuple[Addresses, Addresses]:
        codes, places = _area_codes(world), world.geo.places
        return (
            np.array([codes[p.country, ""] for p in places], np.uint64),
            np.array([codes[p.country, p.subdivision] for p in places], np.uint64),
        )

    return world.keep(("place codes",), make)
