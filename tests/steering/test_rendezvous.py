"""Sticky slots: by weight, and they stay where they are when others come and go."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.stats import chisquare

from gslb.answers.model import STICKY_SLOTS
from gslb.steering.rendezvous import slot_sets, slots

named = st.lists(
    st.tuples(st.text("abcdef", min_size=1, max_size=4), st.floats(0.01, 1000)),
    min_size=1,
    max_size=8,
    unique_by=lambda item: item[0],
)


def test_slots_are_shared_by_weight():
    held = slots([("a", 60), ("b", 30), ("c", 10)])
    counts = [held.count(item) for item in range(3)]
    assert sum(counts) == STICKY_SLOTS
    wanted = [STICKY_SLOTS * part for part in (0.6, 0.3, 0.1)]
    assert chisquare(counts, wanted).pvalue > 1e-4


def test_slots_are_the_same_on_every_node_and_in_every_run():
    """A change here moves every sticky client: it has to be meant."""
    assert slots([("a", 1), ("b", 1), ("c", 1)])[:12] == (2, 1, 2, 1, 2, 0, 0, 1, 2, 0, 2, 2)


@settings(max_examples=60)
@given(named, st.data())
def test_removing_an_item_moves_only_its_own_slots(items, data):
    gone = data.draw(st.integers(0, len(items) - 1))
    rest = items[:gone] + items[gone + 1 :]
    if not rest:
        return
    before = [items[item][0] for item in slots(items)]
    after = [rest[item][0] for item in slots(rest)]
    assert all(a == b for b, a in zip(before, after, strict=True) if b != items[gone][0])


@settings(max_examples=60)
@given(named, st.data())
def test_less_weight_moves_only_the_slots_of_the_item_that_lost_it(items, data):
    light = data.draw(st.integers(0, len(items) - 1))
    name, weight = items[light]
    after_items = [*items[:light], (name, weight / 3), *items[light + 1 :]]
    before, after = slots(items), slots(after_items)
    assert all(a == b for b, a in zip(before, after, strict=True) if b != light)


@settings(max_examples=60)
@given(st.lists(named, min_size=1, max_size=4), st.integers(1, 4), st.data())
def test_sets_have_one_of_a_group_at_most_and_stay_when_others_go(groups, count, data):
    groups = [[(f"{g}{name}", weight) for name, weight in group] for g, group in enumerate(groups)]
    names = [name for group in groups for name, _ in group]
    of = [g for g, group in enumerate(groups) for _ in group]
    before = slot_sets(groups, count)
    assert len(before) == STICKY_SLOTS
    for chosen in set(before):
        assert len({of[item] for item in chosen}) == len(chosen) == min(count, len(groups))
    gone = data.draw(st.sampled_from(names))
    left = [[item for item in group if item[0] != gone] for group in groups]
    left = [group for group in left if group]
    if not left:
        return
    left_names = [name for group in left for name, _ in group]
    for chosen, later in zip(before, slot_sets(left, count), strict=True):
        kept = [names[item] for item in chosen]
        if gone not in kept:
            assert [left_names[item] for item in later] == kept


def test_the_first_of_a_set_is_by_weight():
    first = [chosen[0] for chosen in slot_sets([[("a", 3)], [("b", 1)]], 2)]
    assert first.count(0) / STICKY_SLOTS == pytest.approx(0.75, abs=0.05)
