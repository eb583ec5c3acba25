"""Answer sets: exact chances, and never two that exclude each other's company."""

from __future__ import annotations

from fractions import Fraction

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gslb.steering.sets import answer_sets, reduced

groups = st.lists(st.lists(st.integers(1, 10**6), min_size=1, max_size=4), min_size=1, max_size=8)
counts = st.integers(1, 8)


def test_two_of_three_equal_zones_are_in_an_answer_two_times_of_three():
    sets = answer_sets([[1], [1], [1]], 2)
    assert dict(zip(sets.sets, sets.chances, strict=True)) == {(0, 1): 1, (0, 2): 1, (1, 2): 1}
    assert sets.whole == 3
    assert [sets.first(item) for item in range(3)] == [pytest.approx(1 / 3)] * 3


def test_one_item_is_drawn_by_weight():
    sets = answer_sets([[2], [1], [1]], 1)
    assert dict(zip(sets.sets, sets.chances, strict=True)) == {(0,): 2, (1,): 1, (2,): 1}


def test_a_heavy_zone_is_in_every_answer_and_no_more():
    """Weights 10, 1, 1: the first cannot be in an answer more than once."""
    sets = answer_sets([[10], [1], [1]], 2)
    assert dict(zip(sets.sets, sets.chances, strict=True)) == {(0, 1): 1, (0, 2): 1}


def test_two_of_one_zone_take_turns():
    sets = answer_sets([[1, 3], [4]], 2)
    assert dict(zip(sets.sets, sets.chances, strict=True)) == {(0, 2): 1, (1, 2): 3}


def test_with_room_for_all_there_is_one_set():
    assert answer_sets([[1], [5], [9]], 8).sets == ((0, 1, 2),)


@settings(max_examples=300)
@given(groups, counts)
def test_every_item_is_in_the_answer_with_exactly_its_chance(weights, count):
    sets = answer_sets(weights, count)
    found = [0] * sum(map(len, weights))
    for chosen, chance in zip(sets.sets, sets.chances, strict=True):
        for item in chosen:
            found[item] += chance
    assert tuple(found) == sets.inclusion
    assert sum(sets.chances) == sets.whole
    assert all(chance > 0 for chance in sets.chances)


@settings(max_examples=300)
@given(groups, counts)
def test_chances_are_in_proportion_to_weight_unless_a_group_is_in_every_answer(weights, count):
    sets = answer_sets(weights, count)
    chance = iter(sets.inclusion)
    rates = set()
    for group in weights:
        parts = [Fraction(next(chance), sets.whole) for _ in group]
        within = {part / weight for part, weight in zip(parts, group, strict=True)}
        assert len(within) == 1  # inside a group always
        if sum(parts) < 1:
            rates |= within
        assert sum(parts) <= 1
    assert len(rates) <= 1
    for group, whole in zip(weights, _sums(sets.inclusion, weights), strict=True):
        if whole == sets.whole and rates:  # capped: it would have had more
            assert Fraction(whole, sets.whole) / sum(group) <= min(rates)


def _sums(inclusion, weights):
    parts = iter(inclusion)
    return [sum(next(parts) for _ in group) for group in weights]


@settings(max_examples=300)
@given(groups, counts)
def test_a_set_never_has_two_of_a_group_and_always_as_many_as_there_can_be(weights, count):
    of = [number for number, group in enumerate(weights) for _ in group]
    sets = answer_sets(weights, count)
    for chosen in sets.sets:
        assert len({of[item] for item in chosen}) == len(chosen) == min(count, len(weights))
    assert len(sets.sets) <= len(of)


@given(st.lists(st.integers(1, 10**6), min_size=1, max_size=9), st.integers(1, 1000))
def test_reduced_weights_stand_in_the_same_proportion(weights, factor):
    light = reduced([weight * factor for weight in weights])
    assert light == reduced(weights)
    assert all(a * light[0] == b * weights[0] for a, b in zip(weights, light, strict=True))
