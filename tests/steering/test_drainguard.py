"""The guards of a drain: what a rule keeps, what a site can carry, and why traffic goes far."""

from __future__ import annotations

from importlib.resources import files
from pathlib import Path

import pytest

from gslb.policy.compile import compile_policies
from gslb.policy.problems import Where
from gslb.steering.audience import Audience
from gslb.steering.draineffect import DrainPlan
from gslb.steering.drainguard import KEEP_CAPACITY
from gslb.steering.drainplan import plan_drain
from gslb.steering.situation import Situation
from gslb.steering.traffic import by_addresses
from gslb.steering.whatif import matching_endpoints
from tests.steering import lab

US, EU, ASIA, CN = lab.SITES
FOUR = lab.sites(US, EU, ASIA, CN)
PLACE = Where(Path("example.yaml"), 16, 13)


def drain(small, plan, location: str, drained: tuple[str, ...] = (), **more: object) -> DrainPlan:
    world = small.world()
    audiences = [Audience(zone, world, by_addresses(world)) for zone in plan.zones]
    situation = lab.situation(drained=list(drained))
    return plan_drain(plan, situation, audiences, matching_endpoints(plan, location), **more)


def one(*rules, headroom: float, said: str | None = None, where=FOUR):
    """A plan of one name; *said*: the sites that declare their headroom, all by default."""
    sites = [site for rule in rules for site in rule.sites]
    declared = sites if said is None else said.split()
    policy = lab.policy(*rules, headroom=headroom, capacity_at=dict.fromkeys(declared, PLACE))
    return lab.plan(lab.zone_plan([policy], where))


def test_a_site_is_not_loaded_beyond_what_its_policy_says_that_it_carries(small):
    plan = one(lab.rule(f"{US} {ASIA}"), headroom=0.5)
    (reason,) = drain(small, plan, US).refusals
    assert reason == (
        f"www.example.com, A: {ASIA} would carry 200 % of its usual load; it can carry 150 %"
        " (headroom 50 % in example.yaml:16:13; 100 % of its weight left),"
        " so it would be 133 % full"
    )


@pytest.mark.parametrize(
    ("headroom", "refused", "told"),
    [(0.98, True, False), (1.0, False, True), (1.2, False, True), (1.23, False, False)],
)
def test_all_that_is_declared_may_be_used_and_the_last_tenth_is_told(
    small, headroom, refused, told
):
    """Twice the usual load: 200 of 198 are too much, of 220 they are 91 %, of 223 89.7 %."""
    found = drain(small, one(lab.rule(f"{US} {ASIA}"), headroom=headroom), US)
    assert bool(found.refusals) is refused
    assert any("full" in reason for reason in found.reasons) is told


def test_headroom_for_one_zone_of_three_lets_one_zone_go_and_says_that_the_rest_is_full(small):
    found = drain(small, one(lab.rule(US), headroom=0.5), f"{US}/z1")
    assert found.refusals == ()
    (reason,) = found.reasons
    assert reason == (
        f"www.example.com, A: {US} would carry 100 % of its usual load; it can carry 100 %"
        " (headroom 50 % in example.yaml:16:13; 67 % of its weight left): it would be 100 % full"
    )


def test_what_is_left_of_a_site_that_is_drained_in_part_counts_too(small):
    plan = one(lab.rule(US), headroom=0.4)
    (reason,) = drain(small, plan, f"{US}/z1").reasons  # it keeps only what it can carry
    assert "67 % of its weight can carry 93 % of its usual traffic" in reason
    assert drain(small, one(lab.rule(US), headroom=0.7), f"{US}/z1").reasons == ()


def test_real_numbers_stand_in_for_the_half_that_is_kept_otherwise(small):
    """A third that can carry five times its usual load is enough."""
    assert drain(small, one(lab.rule(US), headroom=5.0), f"{US}/z[12]").refusals == ()
    (reason,) = drain(small, one(lab.rule(US), headroom=5.0, said=""), f"{US}/z[12]").refusals
    assert f"less than {KEEP_CAPACITY:.0%}".replace("%", " %") in reason


def test_the_half_is_kept_where_some_of_the_sites_say_nothing(small):
    rule = lab.rule(f"{US} {ASIA}")
    found = drain(small, one(rule, headroom=9.0, said=US), "*/*/z[12]")
    assert [reason for reason in found.refusals if "less than 50 %" in reason]


def test_a_site_that_usually_carries_nothing_has_no_usual_load_to_be_judged_by(small):
    """Then the weights decide: half of them is left."""
    rule = lab.rule(US, then=[ASIA])
    assert drain(small, one(rule, headroom=0.5), US).refusals == ()
    (reason,) = drain(small, one(rule, headroom=9.0), "*/*/z[12]").refusals
    assert "less than 50 %" in reason


def test_the_load_of_clients_that_the_drain_does_not_touch_counts(small):
    """Asia serves its own clients already; those of the other rule come on top."""
    rules = [
        lab.rule(ASIA, when=small.when(area="CN"), name="china"),
        lab.rule(US, then=[ASIA], name="rest"),
    ]
    (reason,) = drain(small, one(*rules, headroom=0.5), US).refusals
    assert f"{ASIA} would carry" in reason


def test_what_was_too_full_before_and_gets_no_more_refuses_nothing(small):
    rules = [
        lab.rule(f"{CN} {EU}", when=small.when(area="CN"), name="china"),
        lab.rule(f"{US} {ASIA}", name="rest"),
    ]
    gone = [f"{ASIA}/z{n}" for n in (1, 2, 3)]  # so the United States are full
    plan = one(*rules, headroom=0.9)
    assert any(f"{US} would carry 200 %" in reason for reason in drain(small, plan, ASIA).refusals)
    assert drain(small, plan, f"{CN}/z1", drained=tuple(gone)).refusals == ()


def test_the_last_endpoint_is_kept_whatever_a_site_can_carry(small):
    (reason,) = drain(small, one(lab.rule(US), headroom=99.0), US).refusals
    assert "no endpoint left that is not drained" in reason


def test_answers_from_drained_endpoints_are_told(small):
    """Everything drained: everybody is answered as before, and no move is listed."""
    found = drain(small, one(lab.rule(US), headroom=0.5, said=""), "*")
    assert (found.moves, found.unheeded) == ((), pytest.approx(1.0))
    assert drain(small, one(lab.rule(f"{US} {ASIA}"), headroom=1.0), US).unheeded == 0.0


@pytest.mark.parametrize("site", ["aws/us-east-1", "gcp/europe-west3"])
def test_the_second_zone_of_three_sends_its_traffic_far_and_the_plan_says_why(
    small, tmp_path, site
):
    """By the rules: the last zone carries 150 % of its usual load already, and gets no more."""
    path = tmp_path / "demo.yaml"
    path.write_bytes((files("gslb.cli") / "demo.yaml").read_bytes())
    plan, problems = compile_policies([path])
    assert plan is not None, problems
    world = small.world()
    audiences = [Audience(zone, world, by_addresses(world)) for zone in plan.zones]
    zones = [zone for one in plan.zones for zone in one.sites[site].endpoints]

    def drained(count: int) -> Situation:
        return lab.situation(drained=[one.id for one in zones[:count]])

    first, second = (
        plan_drain(plan, drained(count), audiences, [zones[count].id]) for count in (0, 1)
    )
    assert first.reasons == ()
    assert all(move.to.startswith(f"{site}/") for move in first.moves)
    (reason,) = second.reasons
    assert reason == (
        f"{site}: the zones that are left have no spare capacity: 33 % of its weight can carry"
        " 50 % of its usual traffic (headroom 50 %, the default: for the loss of one zone);"
        " the rest goes to other sites"
    )
    assert any(move.source == site for move in second.moves)  # site to site: far
