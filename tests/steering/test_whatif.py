"""Suppositions: globs over the tree, and what they change."""

from __future__ import annotations

import pytest

from gslb.steering.situation import Status
from gslb.steering.whatif import SuppositionError, at_location, suppose, without_effect
from tests.steering import lab

US, EU, ASIA = lab.SITES[:3]


@pytest.fixture(scope="module")
def plan():
    policy = lab.policy(lab.rule(f"{US} {EU} {ASIA}"))
    return lab.plan(lab.zone_plan([policy], lab.sites(US, EU, ASIA)))


@pytest.mark.parametrize(
    ("location", "count"),
    [
        ("aws", 6),
        ("aws/us-east-1", 3),
        ("aws/us-east-1/", 3),
        ("aws/*/z2", 2),
        ("*/*/z[12]", 6),
        ("*", 9),
        ("gcp/asia-*", 3),
    ],
)
def test_a_location_is_a_path_with_wildcards(plan, location, count):
    situation = suppose(plan, lab.situation(), [f"down:{location}"])
    assert len(situation.health) == count
    assert {one.v4 for one in situation.health.values()} == {Status.DOWN}


def test_a_second_endpoint_of_a_zone_is_below_the_zone():
    assert at_location("aws/us-east-1/use1-az1/2", "aws/us-east-1/use1-az1")
    assert not at_location("aws/us-east-1/use1-az1", "aws/us-east-1/use1-az1/2")
    assert not at_location("aws/us-east-1/use1-az11", "aws/us-east-1/use1-az1")


def test_suppositions_apply_in_order(plan):
    situation = suppose(plan, lab.situation(), ["down:aws", f"up:{US}/z1", f"drain:{EU}"])
    assert situation.health[f"{US}/z1", lab.CHECK].v6 is Status.UP
    assert situation.health[f"{US}/z2", lab.CHECK].v6 is Status.DOWN
    assert set(situation.drains) == {f"{EU}/z{n}" for n in (1, 2, 3)}


def test_what_is_true_is_left_alone(plan):
    true = lab.situation()
    suppose(plan, true, ["down:aws"])
    assert true.health == {}


@pytest.mark.parametrize("text", ["down", "kill:aws", "down:azure", "", ":aws"])
def test_what_cannot_be_supposed_is_refused(plan, text):
    with pytest.raises(SuppositionError):
        suppose(plan, lab.situation(), [text])


def test_a_slip_gets_a_suggestion(plan):
    with pytest.raises(SuppositionError, match="did you mean aws/us-east-1"):
        suppose(plan, lab.situation(), ["down:aws/us-est-1"])


def test_an_up_that_meets_a_drain_is_said_to_have_no_effect():
    where = lab.sites(*lab.SITES[:2])
    plan = lab.plan(lab.zone_plan([lab.policy(lab.rule(lab.SITES[0]))], where))
    situation = lab.situation(drained=[f"{lab.SITES[0]}/z3"])
    said = [f"up:{lab.SITES[0]}", "down:aws/us-east-1/z1", f"up:{lab.SITES[1]}", "drain:aws"]
    assert without_effect(plan, situation, said) == [
        "up:aws/us-east-1 does not end a drain: aws/us-east-1/z3 is drained still"
    ]
    drained = suppose(plan, situation, ["drain:aws"])
    (sentence,) = without_effect(plan, drained, ["up:aws"])
    assert sentence.endswith(" and 3 more are drained still")
