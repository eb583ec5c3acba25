"""A shift of a fifth of all answers in a minute is found, once, whatever made it (failures F33)."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gslb.policy.plan import Plan
from gslb.steering import swing as module
from gslb.steering.audience import Audience
from gslb.steering.situation import Situation
from gslb.steering.swing import (
    LEAST_SECONDS,
    WITHIN_SECONDS,
    Past,
    Shares,
    Shift,
    roster_of,
    sharing,
    shift,
)
from gslb.steering.traffic import equally
from tests.steering import lab

US, EU, ASIA, CN = lab.SITES
FOUR = lab.sites(US, EU, ASIA, CN)


def shared(small, plan: Plan, situation: Situation | None = None) -> Shares:
    audiences = [Audience(zone, small.world(), equally) for zone in plan.zones]
    steps = sharing(plan, situation or lab.situation(), audiences, roster_of(plan, audiences))
    while True:
        try:
            next(steps)
        except StopIteration as done:
            return done.value


def add(past: Past, at: float, now: Shares) -> Shift:
    steps = past.adding(at, now)
    while True:
        try:
            next(steps)
        except StopIteration as done:
            return done.value


def plan_of(*weights: dict[str, int], names: dict[str, int] | None = None) -> Plan:
    """One policy for each of *weights*, each with a name, or with *names*."""
    policies = [lab.policy(lab.rule(one)) for one in weights]
    given = names or {f"n{n}.example.com": n for n in range(len(policies))}
    return lab.plan(lab.zone_plan(policies, FOUR, given))


def test_a_weight_typo_is_a_large_shift_and_says_where_to(small):
    """10 becomes 1000."""
    before = shared(small, plan_of({US: 90, ASIA: 10}))
    after = shared(small, plan_of({US: 90, ASIA: 1000}))
    found = shift(before, after)
    assert found.share == pytest.approx(1000 / 1090 - 0.1)
    assert found.large
    assert [(move.source, move.to) for move in found.moves] == [(US, ASIA)]
    assert found.words == f"82 % of all answers: 82 % {US} → {ASIA}"


def test_what_counts_is_all_answers(small):
    """One name of ten is no large shift, however far it goes."""
    before = [{US: 1}] * 10
    after = [{ASIA: 1}, *before[1:]]
    found = shift(shared(small, plan_of(*before)), shared(small, plan_of(*after)))
    assert found.share == pytest.approx(0.1)
    assert not found.large


def test_names_that_come_or_go_have_not_moved(small):
    before = shared(small, plan_of({US: 1}, {EU: 1}))
    after = shared(
        small, plan_of({US: 1}, {ASIA: 1}, names={"n0.example.com": 0, "new.example.com": 1})
    )
    assert shift(before, after).share == 0.0


def test_a_drain_within_one_plan_is_a_shift_too(small):
    plan = plan_of({US: 1, ASIA: 1})
    drained = lab.situation(drained=[f"{US}/z{n}" for n in (1, 2, 3)])
    audiences = [Audience(zone, small.world(), equally) for zone in plan.zones]
    roster = roster_of(plan, audiences)

    def at(situation: Situation) -> Shares:
        steps = sharing(plan, situation, audiences, roster)
        while True:
            try:
                next(steps)
            except StopIteration as done:
                return done.value

    assert shift(at(lab.situation()), at(drained)).share == pytest.approx(0.5)


def test_a_shift_is_told_once(small):
    past = Past()
    one, other = (shared(small, plan_of({site: 1})) for site in (US, ASIA))
    assert not add(past, 0.0, one).large
    assert add(past, 10.0, other).large
    assert not add(past, 20.0, other).large
    assert add(past, 30.0, one).large  # and back again


def test_small_steps_within_a_minute_add_up(small):
    """Each moves a tenth; the third one is more than a fifth from where it began."""
    shares = [shared(small, plan_of({US: 100 - 10 * n, ASIA: 10 * n})) for n in range(8)]
    past = Past()
    assert [add(past, 10.0 * n, one).large for n, one in enumerate(shares[:4])] == [
        False, False, False, True,
    ]  # fmt: skip
    slow = Past()
    pace = WITHIN_SECONDS + 1
    assert not any(add(slow, pace * n, one).large for n, one in enumerate(shares))


def test_a_hundred_changes_in_a_second_keep_no_hundred_shares(small):
    past, one = Past(), shared(small, plan_of({US: 1}))
    for n in range(1000):
        add(past, n * 0.5, one)
    assert len(past.known) <= WITHIN_SECONDS / LEAST_SECONDS + 2


@settings(max_examples=30)
@given(st.lists(st.tuples(st.floats(0.1, 40), st.integers(0, 10)), min_size=2, max_size=25))
def test_no_shift_from_what_held_long_enough_is_missed(small, steps):
    """Compared with the definition, over everything that held for `LEAST_SECONDS`."""
    shares = {n: shared(small, plan_of({US: 10 - n or 0, ASIA: n})) for n in {n for _, n in steps}}
    past, at, held = Past(), 0.0, []
    for rest, n in steps:
        expected = any(
            until - since >= LEAST_SECONDS and at - until <= WITHIN_SECONDS and abs(m - n) > 2
            for since, until, m in held
        )
        found = add(past, at, shares[n])
        assert found.large or not expected
        if found.large:
            held = []
        held.append((at, at + rest, n))
        at += rest


def test_what_another_process_knew_is_taken_up(small):
    past = Past()
    add(past, 0.0, shared(small, plan_of({US: 1})))
    assert Past.read(b"").known == []
    again = Past.read(past.octets)
    assert add(again, 10.0, shared(small, plan_of({ASIA: 1}))).large


def test_of_many_policies_a_sample_is_weighed(small, monkeypatch):
    """The same names before and after, so that they can be compared."""
    monkeypatch.setattr(module, "MAX_WEIGHED", 10)
    before = shared(small, plan_of(*[{US: 1}] * 200))
    after = shared(small, plan_of(*[{ASIA: 1}] * 190, *[{US: 1}] * 10))
    assert 0 < len(before.parts) < 40
    assert before.roster.groups.keys() == after.roster.groups.keys()
    assert shift(before, after).share > 0.5


def test_comparisons_are_made_one_at_a_time_and_noted_at_the_end(small):
    """Each takes tens of milliseconds with many policies; a change of health waits for one only."""
    past = Past()
    for n in range(4):
        add(past, n * LEAST_SECONDS, shared(small, plan_of({US: 1})))
    before = list(past.known)
    steps = past.adding(4 * LEAST_SECONDS, shared(small, plan_of({ASIA: 1})))
    for _ in range(4):
        next(steps)
        assert past.known == before
    with pytest.raises(StopIteration) as done:
        next(steps)
    assert done.value.value.large
    assert len(past.known) == 1
