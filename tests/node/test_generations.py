"""Generations only rise."""

from __future__ import annotations

from gslb.node.generations import Generations


def test_a_generation_is_above_those_of_this_run_and_of_earlier_ones() -> None:
    given = Generations()
    assert [given.next(7), given.next(7), given.next()] == [8, 9, 10]


def test_one_that_was_not_used_is_given_out_again_unless_a_later_one_is_out() -> None:
    given = Generations()
    first = given.next()
    given.give_back(first)
    assert given.next() == first
    given.next()
    given.give_back(first)
    assert given.next() == first + 2
