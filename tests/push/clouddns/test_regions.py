"""Regions that say what their neighbours say get no item; where there is little room, those with few."""

from __future__ import annotations

from collections.abc import Mapping

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gslb.geo.table import Place
from gslb.push.clouddns.regions import (
    Regional,
    by_distance,
    google_regions,
    narrowed,
    regionalise,
)
from gslb.push.model import Cell

CHAINS = ("a", "b", "c")
POINTS = st.tuples(st.integers(-60, 70), st.integers(-180, 179))
WANTS = st.dictionaries(st.sampled_from(CHAINS), st.integers(1, 50), min_size=1)


def cell(point: tuple[int, int], wants: Mapping[str, float]) -> Cell:
    return Cell(Place("XX", "", float(point[0]), float(point[1])), wants)


CELLS = st.lists(st.builds(cell, POINTS, WANTS), min_size=1, max_size=12)


def chain_at(found: Regional, latitude: float, longitude: float) -> str:
    near = next(one for one in by_distance(latitude, longitude) if one in found.chains)
    return found.chains[near]


def wrong(found: Regional, cells: list[Cell]) -> float:
    return sum(
        weight
        for one in cells
        for chain, weight in one.chains.items()
        if chain != chain_at(found, one.place.latitude, one.place.longitude)
    )


@settings(max_examples=60)
@given(CELLS)
def test_no_client_loses_by_regions_that_go(cells: list[Cell]) -> None:
    found = regionalise(cells, CHAINS)
    assert found.wrong == pytest.approx(wrong(found, cells))
    # nobody does better than by the chain that is wanted most around each region
    nearest: dict[str, dict[str, float]] = {}
    for one in cells:
        region = by_distance(one.place.latitude, one.place.longitude)[0]
        sums = nearest.setdefault(region, {})
        for chain, weight in one.chains.items():
            sums[chain] = sums.get(chain, 0.0) + weight
    least = sum(sum(sums.values()) - max(sums.values()) for sums in nearest.values())
    assert found.wrong <= least + 1e-6


def test_one_chain_takes_one_region() -> None:
    found = regionalise([cell((52, 13), {"a": 1.0}), cell((35, 139), {"a": 1.0})], CHAINS)
    assert len(found.chains) == 1


def test_a_border_keeps_the_regions_on_both_sides() -> None:
    """What a client gets at any region's own place is what it gets with all of them."""
    cells = [cell((52, 13), {"a": 1.0}), cell((40, -75), {"b": 1.0})]
    found = regionalise(cells, CHAINS)
    assert 2 < len(found.chains) < len(google_regions()) / 2
    for region, side in (("europe-west3", "a"), ("us-east4", "b"), ("europe-southwest1", "a")):
        assert chain_at(found, *google_regions()[region]) == side


@settings(max_examples=60)
@given(CELLS, st.integers(0, 60))
def test_little_room_is_enough_and_what_it_costs_is_told(cells: list[Cell], room: int) -> None:
    sizes = {"a": 3, "b": 2, "c": 5}
    whole = regionalise(cells, CHAINS)
    found = narrowed(whole, cells, sizes, room)
    assert sum(sizes[chain] for chain in found.chains.values()) <= room or len(found.chains) == 1
    assert found.chains.items() <= whole.chains.items()
    assert found.wrong == pytest.approx(wrong(found, cells))
    assert narrowed(whole, cells, sizes, 10_000) is whole
