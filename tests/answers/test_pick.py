"""Choosing: weights become draws exactly, keys become slots evenly, numbers are uniform."""

from __future__ import annotations

from bisect import bisect_left

import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import chisquare

from gslb.answers.model import STICKY_SLOTS
from gslb.answers.pick import FULL, Xorshift, cumulate, sticky_key, sticky_slot


@given(st.lists(st.floats(1e-9, 1e9), min_size=1, max_size=300))
def test_cumulative_weights_cover_every_draw_once(weights: list[float]) -> None:
    ends = cumulate(weights)
    assert ends[-1] == FULL
    assert ends[0] >= 0
    assert all(a < b for a, b in zip(ends, ends[1:], strict=False))
    widths = [b - a for a, b in zip([-1, *ends], ends, strict=False)]
    for width, weight in zip(widths, weights, strict=True):
        assert width / 2**32 == pytest.approx(weight / sum(weights), abs=(len(weights) + 2) / 2**32)


def test_picks_follow_the_weights() -> None:
    """χ² over 10⁶ draws."""
    weights = [60, 20, 19, 1]
    ends, numbers = cumulate(weights), Xorshift(2026)
    counts = [0] * len(weights)
    for _ in range(1_000_000):
        counts[bisect_left(ends, numbers.next32())] += 1
    assert chisquare(counts, [w * 10_000 for w in weights]).pvalue > 0.001


@pytest.mark.parametrize("stage", [0, 1])
def test_neighbouring_prefixes_spread_over_the_slots(stage: int) -> None:
    """The 65 536 /24s of a /8, and as many /56s: both are as even as chance."""
    for keys in (
        [sticky_key(1, (10 << 24) + (n << 8), 24) for n in range(65_536)],
        [sticky_key(2, (0x20010DB8 << 96) + (n << 72), 56) for n in range(65_536)],
    ):
        counts = [0] * STICKY_SLOTS
        for key in keys:
            counts[sticky_slot(key, stage)] += 1
        assert chisquare(counts).pvalue > 0.001


def test_the_stages_do_not_follow_each_other() -> None:
    """Clients of one slot at the first stage are spread over the second."""
    keys = [sticky_key(1, n << 8, 24) for n in range(2_000_000)]
    counts = [0] * 16
    for key in keys:
        if sticky_slot(key, 0) == 7:
            counts[sticky_slot(key, 1) * 16 // STICKY_SLOTS] += 1
    assert chisquare(counts).pvalue > 0.001


@given(st.integers(0, 2**32 - 1), st.integers(0, 255))
def test_all_addresses_of_a_prefix_have_one_key(address: int, host: int) -> None:
    assert sticky_key(1, address, 24) == sticky_key(1, address & ~0xFF | host, 24)


def test_the_first_numbers_of_a_seed() -> None:
    """Pinned, so that a compiled twin can be held against them (and 0 is no dead end)."""
    numbers = Xorshift(1)
    assert [numbers.next32() for _ in range(3)] == [1206177355, 2882512552, 3117485455]
    assert Xorshift(0).next32() != Xorshift(0).next32() or Xorshift(0).next32() != 0
    assert [sticky_slot(key, 0) for key in (0, 1, 2)] == [sticky_slot(key, 0) for key in (0, 1, 2)]
