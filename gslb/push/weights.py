"""Weights as whole numbers of a bounded size, and how far that is from what was meant."""

from __future__ import annotations

from collections.abc import Sequence

WORTH_TELLING = 0.005  # of all answers: a rounding below this harms nobody


def scaled(weights: Sequence[int], greatest: int) -> tuple[int, ...]:
    """Return *weights* as they are if none is above *greatest*, else the largest becomes that.

    What is above 0 stays so.
    """
    most = max(weights, default=0)
    if most <= greatest:
        return tuple(weights)
    return tuple(max(1, round(one * greatest / most)) if one else 0 for one in weights)


def worst_error(wanted: Sequence[int], given: Sequence[int]) -> float:
    """Return by how much the share of any one differs at most, 0 to 1."""
    whole, made = sum(wanted), sum(given)
    if not whole or not made:
        return 0.0
    return max(abs(a / whole - b / made) for a, b in zip(wanted, given, strict=True))
