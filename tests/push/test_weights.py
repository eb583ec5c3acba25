"""Weights keep their shares as far as whole numbers can."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from gslb.push.weights import scaled, worst_error

weights = st.lists(st.integers(0, 1_000_000), min_size=1, max_size=20)


@given(weights)
def test_zero_stays_zero_and_nothing_else_becomes_it(given_weights: list[int]) -> None:
    made = scaled(given_weights, 255)
    assert max(made) <= 255
    assert [one == 0 for one in made] == [one == 0 for one in given_weights]
    if max(given_weights) <= 255:
        assert list(made) == given_weights


def test_the_worst_share_error_is_told() -> None:
    assert scaled([1, 999], 255) == (1, 255)
    assert round(worst_error([1, 999], (1, 255)), 4) == 0.0029
    assert worst_error([1, 1], (2, 2)) == 0.0
    assert worst_error([0], (0,)) == 0.0
