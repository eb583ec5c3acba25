"""Which endpoints stand together in an answer: sets with exact chances, for each site.

Every endpoint is to be in an answer with a chance in proportion to its weight, and never two that
exclude each other (of one availability zone). Systematic sampling does it: lay the chances end to
end and take what the points u, u + 1, u + 2 … hit, for u in [0, 1). As u moves, the set changes at
most once per endpoint, so there are at most as many sets as endpoints, each with its exact chance.

Source: W. G. Madow, "On the theory of systematic sampling, II", Annals of Mathematical Statistics
20 (1949), pp. 333-354.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction
from itertools import pairwise
from math import gcd, lcm


@dataclass(frozen=True, slots=True)
class AnswerSets:
    """Alternatives of one site: `chances` are parts of `whole` and sum to it.

    `sets` hold indices of items, ascending; all sets have the same size. `inclusion` is by item.
    """

    sets: tuple[tuple[int, ...], ...]
    chances: tuple[int, ...]
    whole: int
    inclusion: tuple[int, ...]  # parts of `whole`: the chance that the item is in the answer

    def first(self, item: int) -> float:
        """Return the chance of *item* to be the first address, when answers are rotated."""
        return self.inclusion[item] / sum(self.inclusion)


def answer_sets(groups: Sequence[Sequence[int]], count: int) -> AnswerSets:
    """Return the sets of at most *count* items, at most one of each group.

    Args:
        groups: weights of the items, above 0, in groups that exclude each other's company. Items
            are numbered through from 0, group after group.
        count: 1 or more.
    """
    inclusion, whole = _inclusion(groups, count)
    ends = [0]
    for part in inclusion:
        ends.append(ends[-1] + part)
    cuts = sorted({end % whole for end in ends} | {0, whole})
    chances: dict[tuple[int, ...], int] = {}
    for low, high in pairwise(cuts):
        chosen = tuple(_hit(ends, low, whole))
        chances[chosen] = chances.get(chosen, 0) + high - low
    return AnswerSets(tuple(chances), tuple(chances.values()), whole, inclusion)


def _hit(ends: Sequence[int], start: int, whole: int) -> list[int]:
    """Return the items whose stretch holds one of the points start, start + whole and so on."""
    hit, point = [], start
    for item, (low, high) in enumerate(pairwise(ends)):
        if low <= point < high:
            hit.append(item)
            point += whole
    return hit


def _inclusion(groups: Sequence[Sequence[int]], count: int) -> tuple[tuple[int, ...], int]:
    """Return the chance of every item, in parts of a whole, and the whole.

    A group has the chance min(1, λ · its weight), with λ so that they sum to *count*, or to the
    number of groups if that is less; its items share it by weight.
    """
    weights = [sum(group) for group in groups]
    full = _saturated(weights, count)
    rest = sum(weight for index, weight in enumerate(weights) if index not in full)
    places = min(count, len(groups)) - len(full)
    chances = [
        Fraction(weight, weights[index]) if index in full else Fraction(places * weight, rest)
        for index, group in enumerate(groups)
        for weight in group
    ]
    whole = lcm(*(chance.denominator for chance in chances))
    parts = [int(chance * whole) for chance in chances]
    return tuple(parts), whole


def _saturated(weights: Sequence[int], count: int) -> set[int]:
    """Return the indices of the groups that are in every answer."""
    order = sorted(range(len(weights)), key=lambda index: -weights[index])
    rest, places = sum(weights), min(count, len(weights))
    full: set[int] = set()
    for index in order:
        if places == 0 or places * weights[index] < rest:
            break
        full.add(index)
        rest -= weights[index]
        places -= 1
    return full


def reduced(weights: Sequence[int]) -> tuple[int, ...]:
    """Return *weights* divided by what they have in common."""
    common = gcd(*weights)
    return tuple(weight // common for weight in weights) if common > 1 else tuple(weights)
