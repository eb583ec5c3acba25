"""Ranges of clients: the bucket index never misleads, and scopes are what RFC 7871 asks."""

from __future__ import annotations

import itertools
import random
from bisect import bisect_right

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gslb.answers.buckets import bucket_index
from gslb.answers.ranges import HalfView, MapView, look_up, scope


def half(starts: list[int], bits: int, width: int) -> HalfView:
    kind = np.uint32 if width == 32 else np.uint64
    index = bucket_index(np.array(starts, kind), bits, width)
    return HalfView(starts, range(len(starts)), index.tolist(), width - bits, 2**width)


@given(
    st.sets(st.integers(1, 2**64 - 1), max_size=40),
    st.integers(0, 16),
    st.sampled_from((1, 2)),
    st.lists(st.integers(0, 2**64 - 1), max_size=20),
)
def test_look_ups_are_bisections_of_all_starts(
    cuts: set[int], bits: int, family: int, others: list[int]
) -> None:
    """Whatever the number of buckets: at every edge, beside it, and elsewhere."""
    width, spare = (32, 0) if family == 1 else (64, 64)
    starts = sorted({0} | {cut >> (64 - width) for cut in cuts})
    one = half([0], 0, 32 if family == 2 else 64)
    found = half(starts, bits, width)
    view = MapView(found, one) if family == 1 else MapView(one, found)
    near = {edge + step for edge in [*starts, 2**width] for step in (-1, 0, 1)}
    for address in near | {other >> (64 - width) for other in others}:
        if 0 <= address < 2**width:
            at = bisect_right(starts, address) - 1
            bounds = [*starts, 2**width]
            expected = (at, bounds[at], bounds[at + 1])
            assert look_up(view, family, address << spare) == expected
    assert view.single == (len(starts) == 1)


@given(
    st.sampled_from((1, 2)),
    st.data(),
)
@settings(max_examples=300)
def test_scopes_are_the_largest_blocks_of_one_class(family: int, data: st.DataObject) -> None:
    """Within a scope all clients are alike, one bit less is not, and scopes never overlap."""
    width, drop, cap = (32, 0, 24) if family == 1 else (64, 64, 56)
    step = 1 << (width - cap)
    edges = sorted(data.draw(st.sets(st.integers(1, 2**width - 1), min_size=1, max_size=6)))
    edges = sorted({e if data.draw(st.booleans()) else e & -step or step for e in edges})
    bounds = [0, *edges, 2**width]

    def range_of(upper: int) -> tuple[int, int]:
        at = bisect_right(bounds, upper) - 1
        return bounds[at], bounds[at + 1]

    def block(upper: int) -> tuple[int, int]:
        masked = upper & -step
        low, high = range_of(masked)
        bits = scope(family, masked << drop, low, high, cap)
        size = 1 << (width - bits)
        return masked & -size, size

    near = [e + d for e in edges for d in (-step, -1, 0, 1, step) if 0 <= e + d < 2**width]
    seen = []
    for upper in [*near, data.draw(st.integers(0, 2**width - 1))]:
        first, size = block(upper)
        masked = upper & -step
        for other in {first, first + size - step, first + (size // 2 & -step), masked}:
            assert range_of(other) == range_of(masked)
            assert block(other) == (first, size)
        if size < 1 << width:
            wider = masked & -(2 * size)
            ends = {range_of(wider), range_of(wider + 2 * size - step)}
            inner = {range_of(wider + k * step) for k in range(min(2 * size // step, 64))}
            assert len(ends | inner) > 1 or 2 * size > 64 * step
        seen.append((first, size))
    for a, size_a in seen:
        for b, size_b in seen:
            assert (a, size_a) == (b, size_b) or a + size_a <= b or b + size_b <= a


@pytest.mark.parametrize(
    ("address", "low", "high", "expected"),
    [
        (0xCB007100, 0, 2**32, 0),  # everybody is alike
        (0xCB007100, 0xCB007100, 0xCB007200, 24),
        (0xCB007100, 0xCB000000, 0xCB010000, 16),
        (0xCB007100, 0xCB007080, 0xCB017100, 24),  # begins inside a block: the next one counts
        (0xCB008000, 0xCB007080, 0xCB017100, 17),
        (0x80000000, 0x80000000, 2**32, 1),
        (0, 0, 1, 24),  # a range shorter than the cap: its block
    ],
)
def test_scopes_of_known_ranges(address: int, low: int, high: int, expected: int) -> None:
    assert scope(1, address, low, high, 24) == expected


@settings(max_examples=40)
@given(st.sets(st.integers(1, 2**16 - 1), max_size=12), st.randoms(use_true_random=False))
def test_a_cache_answers_the_same_in_any_order_of_questions(
    cuts: set[int], chance: random.Random
) -> None:
    """S7: what a resolver keeps by scope never depends on who asked first (RFC 7871 §7.2.1)."""
    starts = sorted({0} | {cut << 16 for cut in cuts})
    view = MapView(half(starts, 4, 32), half([0], 0, 64))
    clients = [chance.randrange(2**24) << 8 for _ in range(60)]
    clients += [(start + step) & 0xFFFFFF00 for start in starts for step in (-256, 0)]
    truth = {client: look_up(view, 1, client)[0] for client in clients}
    for _ in range(5):
        chance.shuffle(clients)
        kept: dict[tuple[int, int], int] = {}
        for client in clients:
            blocks = ((client >> (32 - bits), bits) for bits in range(25))
            hit = next((kept[block] for block in blocks if block in kept), None)
            if hit is None:
                hit, low, high = look_up(view, 1, client)
                bits = scope(1, client, low, high, 24)
                kept[client >> (32 - bits), bits] = hit
            assert hit == truth[client]
        for (one, bits), (other, longer) in itertools.combinations(
            sorted(kept, key=lambda b: b[1]), 2
        ):
            assert other >> (longer - bits) != one, "two scopes overlap"
