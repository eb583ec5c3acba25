"""Health takes endpoints out no faster than is safe; what it gives back comes at once."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from itertools import pairwise
from math import inf

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gslb.policy.plan import Families
from gslb.state.inventory import CheckKey, Inventory
from gslb.state.protection import (
    FLIP_SECONDS,
    GROUP_SECONDS,
    NODE_REMOVALS,
    NODE_SECONDS,
    RemovalLimit,
)
from gslb.state.verdicts import Verdict
from healthcheck.model import Status
from tests.state.things import DOWN, UP, inventory, key, keys
from tests.steering import lab

US, EU, ASIA = lab.SITES[:3]


def start(found: Inventory, **more: object) -> RemovalLimit:
    limit = RemovalLimit(found, {}, **more)  # type: ignore[arg-type]
    limit.ready = True
    limit.observe(dict.fromkeys(keys(found), UP), 0.0)
    limit.settle(0.0)
    return limit


def fail(limit: RemovalLimit, which: list[CheckKey], now: float, **more: bool) -> None:
    limit.observe(dict.fromkeys(which, DOWN), now)
    limit.settle(now, **more)


def out(limit: RemovalLimit) -> int:
    return sum(verdict.is_down for verdict in limit.answered.values())


def partly(found: Inventory) -> list[CheckKey]:
    """All endpoints but one of each site, so that no group is dead."""
    return [one for one in keys(found) if not one[0].endswith("/z0")]


def test_one_endpoint_that_fails_goes_at_once() -> None:
    found = inventory({US: 3, EU: 3})
    limit = start(found)
    fail(limit, [key(f"{US}/z1")], 10.0)
    assert limit.answered[key(f"{US}/z1")] == DOWN
    assert not limit.waiting


def test_of_a_hundred_the_first_goes_and_a_quarter_beyond_it() -> None:
    found = inventory({US: 50, EU: 50}, removal=(0.25, 30.0))
    limit = start(found)
    fail(limit, partly(found), 10.0)
    assert out(limit) == 26
    assert len(limit.waiting) == 98 - 26
    assert {one.why for one in limit.waiting.values()} == {
        "much of www/everybody IPv4 was removed just now"
    }
    assert limit.wake_at() == 40.0
    limit.settle(39.9)
    assert out(limit) == 26
    limit.settle(40.0)
    assert out(limit) == 52


def test_a_small_pool_is_never_stuck() -> None:
    found = inventory({US: 3}, removal=(0.25, 30.0))
    limit = start(found)
    fail(limit, partly(found), 0.0)
    assert out(limit) == 1
    limit.settle(limit.wake_at())
    assert out(limit) == 2


def test_what_is_up_again_before_its_time_never_went() -> None:
    found = inventory({US: 4})
    limit = start(found)
    fail(limit, partly(found), 0.0)
    last = next(iter(limit.waiting))
    limit.observe({last: UP}, 5.0)
    limit.settle(5.0)
    assert last not in limit.waiting
    assert limit.answered[last] == UP


def test_without_a_limit_all_go_at_once() -> None:
    found = inventory({US: 20}, removal=None)
    limit = start(found)
    fail(limit, partly(found), 0.0)
    assert out(limit) == 19


def test_the_node_as_a_whole_removes_so_many_in_so_many_seconds() -> None:
    found = inventory({US: 200}, removal=None)
    limit = start(found)
    fail(limit, partly(found), 100.0)
    assert out(limit) == NODE_REMOVALS
    assert limit.wake_at() == 100.0 + NODE_SECONDS
    limit.settle(100.0 + NODE_SECONDS)
    assert out(limit) == 2 * NODE_REMOVALS


def test_a_site_that_everybody_sees_down_goes_at_once() -> None:
    found = inventory({US: 6, ASIA: 3})
    limit = start(found)
    fail(limit, keys(found, US), 0.0)
    assert out(limit) == 6


def test_a_second_group_has_to_wait_its_turn() -> None:
    found = inventory({US: 6, ASIA: 6, "alibaba/cn-shanghai": 6})
    limit = start(found)
    fail(limit, keys(found, US), 0.0)
    fail(limit, keys(found, ASIA), 40.0)
    assert out(limit) < 12
    late = start(found)
    fail(late, keys(found, US), 0.0)
    fail(late, keys(found, ASIA), GROUP_SECONDS)
    assert out(late) == 12


def test_a_group_may_grow_to_the_cloud_around_it() -> None:
    found = inventory({US: 6, EU: 6, ASIA: 6})
    limit = start(found)
    fail(limit, keys(found, US), 0.0)
    assert out(limit) == 6
    fail(limit, keys(found, EU), 1.0)
    assert out(limit) == 12


def test_the_same_group_does_not_go_at_once_twice() -> None:
    found = inventory({US: 6, ASIA: 6})
    limit = start(found)
    fail(limit, keys(found, US), 0.0)
    limit.observe(dict.fromkeys(keys(found, US), UP), 60.0)
    limit.settle(60.0)
    assert out(limit) == 0
    fail(limit, keys(found, US), 120.0)
    assert out(limit) < 6


@pytest.mark.parametrize("doubt", ["references", "unanimous", "rest"])
def test_a_group_does_not_go_at_once_when_it_may_be_our_own_network(doubt: str) -> None:
    found = inventory({US: 6, ASIA: 6})
    limit = start(found)
    verdict = replace(DOWN, unanimous=doubt != "unanimous")
    which = keys(found) if doubt == "rest" else keys(found, US)
    if doubt == "rest":  # nothing is left outside
        limit.observe(dict.fromkeys(keys(found, "gcp"), DOWN), 0.0)
        for second in range(0, 400, 30):
            limit.settle(float(second), references_up=False)
    before = out(limit)
    limit.observe(dict.fromkeys(which, verdict), 400.0)
    limit.settle(400.0, references_up=doubt != "references")
    assert out(limit) - before < 6


def test_nothing_is_removed_before_each_target_was_tried() -> None:
    found = inventory({US: 3, EU: 3})
    limit = start(found)
    limit.ready = False
    fail(limit, keys(found, US), 0.0)
    assert out(limit) == 0
    assert limit.wake_at() == inf
    limit.ready = True
    limit.settle(1.0)
    assert out(limit) == 3


def test_what_was_down_before_the_start_stays_so_without_a_removal() -> None:
    found = inventory({US: 6})
    known = dict.fromkeys(partly(found), DOWN)
    limit = RemovalLimit(found, known)
    limit.observe(known, 0.0)
    assert limit.settle(0.0) == set()
    assert out(limit) == 5


def test_both_families_of_one_endpoint_are_one_removal() -> None:
    found = inventory({US: 8}, removal=(0.125, 30.0))
    limit = start(found)
    one, other = key(f"{US}/z1"), key(f"{US}/z2")
    limit.observe({one: replace(DOWN, v6=Status.UP)}, 0.0)
    limit.settle(0.0)
    limit.observe({one: DOWN}, 1.0)
    limit.settle(1.0)
    fail(limit, [other], 2.0)
    assert (limit.answered[one], limit.answered[other]) == (DOWN, DOWN)


def test_families_that_are_judged_apart_have_limits_of_their_own() -> None:
    found = inventory({US: 4}, removal=(0.1, 30.0), families=Families.APART)
    limit = start(found)
    one, other = key(f"{US}/z1"), key(f"{US}/z2")
    limit.observe({one: replace(DOWN, v6=Status.UP), other: replace(DOWN, v4=Status.UP)}, 0.0)
    limit.settle(0.0)
    assert out(limit) == 2
    limit.observe({one: DOWN}, 1.0)
    limit.settle(1.0)
    assert limit.answered[one].v6 is Status.UP


def panics_of(limit: RemovalLimit, until: int, third: Callable[[int], Verdict]) -> list[int]:
    """Return the seconds at which a pool, half of which is down, begins or ceases to panic."""
    fail(limit, [key(f"{US}/z{n}") for n in (1, 2)], 0.0)
    crossings, was = [], False
    for second in range(1, until):
        limit.observe({key(f"{US}/z3"): third(second)}, float(second))
        limit.settle(float(second))
        if (out(limit) == 3) is not was:
            was = not was
            crossings.append(second)
    return crossings


def test_who_hovers_about_the_threshold_of_panic_stays_in_it() -> None:
    """It is left once the checks have seen enough healthy for a minute without a break."""
    limit = start(inventory({US: 4}, removal=None, panic=0.5))
    last = 600
    found = panics_of(limit, 800, lambda s: DOWN if s < last and s % 10 < 5 else UP)
    first, left = found
    assert first == 1
    assert left == 595 + FLIP_SECONDS  # up for good since then


@pytest.mark.parametrize("period", [10, 59, 61, 70, 90, 130])
def test_the_threshold_of_panic_is_crossed_at_most_once_a_minute(period: int) -> None:
    limit = start(inventory({US: 4}, removal=None, panic=0.5))
    found = panics_of(limit, 1200, lambda s: DOWN if s % period < 5 else UP)
    assert found
    assert all(b - a >= FLIP_SECONDS for a, b in pairwise(found))


def test_in_panic_one_family_may_come_back_as_the_other_goes() -> None:
    """A pool that counts both together sees no end of its panic in that, and so holds nothing up."""
    found = inventory({US: 4, EU: 4, ASIA: 4}, families=Families.TOGETHER, panic=0.5)
    limit, now = start(found), 0.0
    one_down = Verdict(Status.UP, Status.DOWN, "", unanimous=False)
    limit.observe(dict.fromkeys(keys(found)[:7], one_down), now)
    while limit.waiting:
        now = max(now + 1.0, limit.wake_at())
        limit.settle(now)
        assert now < 1000.0
    other_down = Verdict(Status.DOWN, Status.UP, "", unanimous=False)
    changed = keys(found)[3]
    now += 100.0
    limit.observe({changed: other_down}, now)
    limit.settle(now)
    assert limit.answered[changed] == other_down
    assert not limit.waiting


def test_a_reload_and_another_program_do_not_end_a_panic_early() -> None:
    found = inventory({US: 4}, removal=None, panic=0.5)
    limit = start(found)
    fail(limit, [key(f"{US}/z{n}") for n in (1, 2, 3)], 0.0)
    limit.settle(100.0)
    assert out(limit) == 3
    limit.observe({key(f"{US}/z3"): UP}, 100.0)
    limit.settle(100.0)
    limit.replan(found)
    limit.settle(130.0)
    assert out(limit) == 3
    other = RemovalLimit(found, dict(limit._said))
    other.resume(limit.spent(130.0), {one: limit.answered[one] for one in limit.waiting}, 130.0)
    other.ready = True
    other.settle(189.0)
    assert out(other) == 3
    other.settle(190.0)
    assert out(other) == 2


def test_a_drained_endpoint_is_in_no_count() -> None:
    found = inventory({US: 8}, removal=(0.125, 30.0))
    limit = start(found)
    limit.set_drained(frozenset({f"{US}/z1"}))
    fail(limit, [key(f"{US}/z1"), key(f"{US}/z2")], 0.0)
    assert out(limit) == 2
    assert not limit.waiting


def test_a_reload_forgets_neither_what_is_out_nor_what_was_spent() -> None:
    found = inventory({US: 4, EU: 4})
    limit = start(found)
    fail(limit, partly(found), 0.0)
    before = out(limit)
    limit.replan(found)
    limit.settle(1.0)
    assert out(limit) == before
    limit.replan(inventory({EU: 4}))
    assert {one[0][: len(EU)] for one in limit.answered} == {EU}


def test_what_the_plan_does_not_have_is_passed_over() -> None:
    limit = start(inventory({US: 2}))
    limit.observe({("gcp/x/y", None): DOWN, (f"{US}/z0", None): DOWN}, 0.0)
    assert limit.settle(0.0) == set()
    assert ("gcp/x/y", None) not in limit.answered


words = st.sampled_from((Status.UP, Status.DOWN, Status.DOWN, Status.UNKNOWN))
verdicts = st.builds(Verdict, words, words, st.just(""), st.booleans())


@settings(max_examples=60)
@given(
    st.lists(
        st.tuples(
            st.floats(0.0, 40.0),
            st.dictionaries(
                st.sampled_from([(s, n) for s in (US, EU, ASIA) for n in range(4)]), verdicts
            ),
            st.sets(st.integers(0, 3)),
        ),
        max_size=15,
    ),
    st.sampled_from(Families),
    st.sampled_from((0.0, 0.5)),
)
def test_whatever_fails_the_counts_are_right_and_all_comes_true_in_time(
    steps: list[tuple[float, dict[tuple[str, int], Verdict], set[int]]],
    families: Families,
    panic: float,
) -> None:
    found = inventory({US: 4, EU: 4, ASIA: 4}, families=families, panic=panic)
    limit, now = start(found), 0.0
    said: dict[CheckKey, Verdict] = dict.fromkeys(keys(found), UP)
    for passed, changes, drained in steps:
        now += passed
        named = {key(f"{site}/z{n}"): verdict for (site, n), verdict in changes.items()}
        said.update(named)
        limit.set_drained({f"{US}/z{n}" for n in drained})
        before = dict(limit.answered)
        limit.observe(named, now)
        changed = limit.settle(now)
        assert changed == {one for one in before if limit.answered[one] != before[one]}
        tallies = limit._tallies.values()
        kept = [(tally.down, tally.total) for tally in tallies]
        limit._count()
        assert [(tally.down, tally.total) for tally in tallies] == kept
    for _ in range(100):
        if not limit.waiting:
            break
        assert now <= limit.wake_at() < inf or limit.settle(now)
        now = max(now, limit.wake_at())
        limit.settle(now)
    assert limit.answered == said


@settings(max_examples=60)
@given(
    st.lists(
        st.tuples(
            st.floats(0.0, 20.0),
            st.dictionaries(st.integers(0, 19), st.sampled_from((UP, DOWN, DOWN))),
        ),
        max_size=20,
    ),
    st.sampled_from(((0.25, 30.0), (0.1, 10.0), (0.01, 30.0))),
)
def test_in_no_stretch_of_time_is_more_removed_than_one_and_the_share(
    steps: list[tuple[float, dict[int, Verdict]]], removal: tuple[float, float]
) -> None:
    found = inventory({US: 20}, removal=removal)  # all of a site: nothing is outside the group
    limit, now, removed = start(found), 0.0, []
    for passed, changes in steps:
        now += passed
        before = dict(limit.answered)
        limit.observe({key(f"{US}/z{n}"): one for n, one in changes.items()}, now)
        limit.settle(now)
        for one, was in before.items():
            if limit.answered[one].is_down and not was.is_down:
                removed.append(now)
    share, seconds = removal
    for first in removed:
        within = [at for at in removed if first <= at < first + seconds]
        assert len(within) <= 1 + share * 20
