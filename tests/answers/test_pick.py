"""Choosing: weights become draws exactly, keys become slots evenly, numbers are uniform."""

from __future__ import annotations

from bisect import bisect_left
from itertools import pairwise

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
    widths = [end - before for before, end in pairwise([-1, *ends])]
    assert all(width > 0 for width in widths)
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
    keys = [sticky_key(1, n << 8, 24) for n in range(1_000_000)]
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
    stuck = Xorshift(0)
    assert len({stuck.next32() for _ in range(100)}) == 100


def test_the_slots_of_a_client() -> None:
    """Pinned: a client keeps its endpoint over versions of the program, and a twin agrees."""
    keys = (sticky_key(1, 0xC0000201, 24), sticky_key(2, 0x20010DB8 << 96 | 5 << 64, 56))
    assert keys == (0x1180000C00002, 0x20010DB8000000B8)
    assert [sticky_slot(key, stage) for key in keys for stage in (0, 1)] == [851, 464, 955, 712]


def test_slots_are_the_upper_bits_of_splitmix64() -> None:
    """Its first two numbers from seed 0, as published."""
    published = (0xE220A8397B1DCDAF, 0x6E789E6AA1B965F4)
    assert [sticky_slot(0, stage) for stage in (0, 1)] == [n >> 54 for n in published]


@given(st.integers(0, 64), st.sets(st.integers(0, 2**64 - 1), min_size=2, max_size=2))
def test_prefixes_of_one_length_have_different_keys(prefix: int, uppers: set[int]) -> None:
    """Also where the address fills all 64 bits of the key."""
    blocks = {upper >> (64 - prefix) for upper in uppers}
    assert len({sticky_key(2, upper << 64, prefix) for upper in uppers}) == len(blocks)


@given(
    st.lists(st.sampled_from((5e-324, 1e-300, 1e-12, 0.5, 1.0, 3.0, 1e12, 1.7e308)), min_size=1),
)
def test_even_a_vanishing_weight_gets_a_draw(weights: list[float]) -> None:
    """Wherever it stands; or the table would be refused by its own verifier."""
    ends = cumulate(weights)
    assert ends[-1] == FULL
    assert all(before < end for before, end in pairwise([-1, *ends]))


def test_weights_become_exact_shares_of_all_draws() -> None:
    assert cumulate([1, 2, 1]) == [2**30 - 1, 3 * 2**30 - 1, FULL]
    assert cumulate([7]) == [FULL]
    assert cumulate([1e-30, 1, 1e-30]) == [0, FULL - 1, FULL]


@pytest.mark.parametrize("weights", [[], [0.0], [1.0, -1.0], [float("nan")], [float("inf"), 1.0]])
def test_what_is_no_weight_is_refused(weights: list[float]) -> None:
    with pytest.raises(ValueError, match="weights"):
        cumulate(weights)
