"""A drain is told beforehand: who is touched, what moves where, what is left; too much is refused."""

from __future__ import annotations

import json
from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gslb.steering import drainplan as module
from gslb.steering.audience import Audience
from gslb.steering.drainplan import plan_drain
from gslb.steering.flows import Move
from gslb.steering.traffic import by_addresses
from gslb.steering.whatif import matching_endpoints
from tests.steering import lab

US, EU, ASIA, CN = lab.SITES
FOUR = lab.sites(US, EU, ASIA, CN)


def audiences(small, plan):
    world = small.world()
    return [Audience(zone, world, by_addresses(world)) for zone in plan.zones]


def drain(small, plan, location, situation=None, **more):
    ids = matching_endpoints(plan, location)
    return plan_drain(plan, situation or lab.situation(), audiences(small, plan), ids, **more)


def one(*rules, where=FOUR, names=None, **more):
    return lab.plan(lab.zone_plan([lab.policy(*rules, **more)], where, names))


def test_one_of_two_equal_clouds_may_go_and_not_both(small):
    plan = one(lab.rule(f"{EU} {ASIA}"), where=lab.sites(EU, ASIA))
    found = drain(small, plan, "aws")
    assert found.refusals == ()
    assert found.endpoints == tuple(f"{EU}/z{n}" for n in (1, 2, 3))
    assert found.moves == (Move(EU, ASIA, pytest.approx(0.5)),)
    assert found.moved == pytest.approx(0.5)
    both = drain(small, plan, "*")
    assert both.refusals == (
        'www.example.com, A: rule "everybody" would have no endpoint left that is not drained',
    )


def test_a_zone_within_the_headroom_moves_to_its_neighbours(small):
    found = drain(small, one(lab.rule(US)), f"{US}/z1")
    assert found.refusals == ()
    assert found.moves == tuple(
        Move(f"{US}/z1", f"{US}/z{n}", pytest.approx(1 / 6)) for n in (2, 3)
    )
    name = found.names[0]
    assert (name.name, name.rtype, name.endpoints) == ("www.example.com", "A", 2)
    assert (name.before, name.after) == (1.0, pytest.approx(2 / 3))


def test_a_name_that_would_keep_less_than_half_refuses_and_says_how_much(small):
    found = drain(small, one(lab.rule(US)), f"{US}/z[12]")
    (reason,) = found.refusals
    assert reason == (
        'www.example.com, A: rule "everybody" would keep 33 % of its capacity,'
        " less than 50 % (now 100 %)"
    )
    assert drain(small, one(lab.rule(US)), f"{US}/z[12]", keep=0.3).refusals == ()


def test_what_is_down_already_counts_for_the_guard(small):
    plan = one(lab.rule(f"{EU} {ASIA}"))
    down = lab.situation(down=[f"{ASIA}/z1"])
    assert "would keep 33 %" in drain(small, plan, "aws", down).refusals[0]


def test_a_dead_endpoint_may_be_drained_even_where_too_little_is_left(small):
    down = lab.situation(down=[f"{US}/z1", f"{US}/z2"])
    found = drain(small, one(lab.rule(US)), f"{US}/z1", down)
    assert found.refusals == ()
    assert found.endpoints == (f"{US}/z1",)
    last = drain(small, one(lab.rule(US)), f"{US}/z3", down)
    assert "no healthy endpoint" in last.refusals[0]


def test_of_everything_that_is_down_not_all_may_be_drained(small):
    down = lab.situation(down=[f"{US}/z{n}" for n in (1, 2, 3)])
    plan = one(lab.rule(US))
    assert drain(small, plan, f"{US}/z[12]", down).refusals == ()
    assert "not drained" in drain(small, plan, US, down).refusals[0]


def test_the_last_endpoint_of_a_family_is_kept(small):
    where = lab.sites(
        lab.site(
            US,
            [
                [lab.endpoint(f"{US}/a", aaaa=lab.address6("a"))],
                [lab.endpoint(f"{US}/b", 3)],
            ],
        )
    )
    found = drain(small, one(lab.rule(US), where=where), f"{US}/a")
    assert [reason.split(":")[0] for reason in found.refusals] == ["www.example.com, AAAA"]


def test_a_fence_that_would_be_emptied_refuses_though_others_stand(small):
    rules = [
        lab.rule(CN, then=[ASIA], fence=True, when=small.when(area="CN"), name="china"),
        lab.rule(f"{US} {ASIA}"),
    ]
    found = drain(small, one(*rules), "alibaba")
    assert len(found.refusals) == 1
    assert 'rule "china"' in found.refusals[0]


def test_then_counts_as_capacity_and_takes_over(small):
    found = drain(small, one(lab.rule(US, then=[ASIA])), "aws")
    assert found.refusals == ()
    assert found.moves == (Move(US, ASIA, pytest.approx(1.0)),)


def test_names_are_counted_and_those_that_use_nothing_of_it_are_not(small):
    policies = [lab.policy(lab.rule(f"{US} {ASIA}")), lab.policy(lab.rule(ASIA), ttl=300)]
    names = {"a.example.com": 0, "b.example.com": 0, "c.example.com": 1}
    plan = lab.plan(lab.zone_plan(policies, FOUR, names))
    found = drain(small, plan, "aws")
    assert (found.names_touched, found.ttl) == (2, 30)
    assert {name.name for name in found.names} == {"a.example.com", "b.example.com"}
    assert drain(small, plan, "gcp").ttl == 300
    refused = drain(small, plan, "*").refusals
    assert any(reason.startswith("a.example.com and 1 more, A: ") for reason in refused)


def test_what_is_drained_already_is_told_apart(small):
    situation = lab.situation(drained=[f"{US}/z1"])
    found = drain(small, one(lab.rule(f"{US} {ASIA}")), US, situation)
    assert found.already == (f"{US}/z1",)
    assert found.endpoints == (f"{US}/z2", f"{US}/z3")


def test_a_drain_of_nothing_new_touches_nothing(small):
    situation = lab.situation(drained=[f"{US}/z1"])
    found = drain(small, one(lab.rule(US)), f"{US}/z1", situation)
    assert (found.names_touched, found.moves, found.names, found.refusals) == (0, (), (), ())
    assert found.ttl == 30  # what was answered before is still out there
    plan = one(lab.rule(US))
    assert plan_drain(plan, situation, audiences(small, plan), ["gcp/x/y"]).endpoints == ()


def test_forcing_down_is_planned_as_health_and_not_as_a_drain(small):
    plan = one(lab.rule(US), panic=lab.Panic(0.0, "all"))
    found = drain(small, plan, US, force_down=True)
    assert "no healthy endpoint" in found.refusals[0]
    assert found.moves == ()  # fail open: all are answered as before


def test_traffic_that_goes_nowhere_is_said(small):
    plan = one(
        lab.rule(US),
        when_all_down=lab.WhenAllDown.LAST_RESORT,
        last_resort=lab.last_resort([bytes(4)]),
    )
    assert drain(small, plan, US).moves == (Move(US, "", pytest.approx(1.0)),)


def test_it_is_json_and_bounded(small, monkeypatch):
    monkeypatch.setattr(module, "MAX_NAMES", 3)
    monkeypatch.setattr(module, "MAX_REFUSALS", 2)
    policies = [
        lab.policy(lab.rule(f"{US} {ASIA}", name=f"rule {n}"), name=f"p{n}") for n in range(50)
    ]
    names = {f"n{n}.example.com": n for n in range(50)}
    found = drain(small, lab.plan(lab.zone_plan(policies, FOUR, names)), "*")
    assert len(found.names) == 3
    assert found.refusals[-1] == "… and 48 more"
    assert len(found.refusals) == 3
    assert found.names_touched == 50
    text = json.loads(json.dumps(found.to_json()))
    assert text["names"][0]["after"] == 0.0


@settings(max_examples=80)
@given(st.data())
def test_what_is_planned_is_what_comes_true(small, data):
    where = data.draw(lab.some_sites())
    policy = data.draw(lab.policies(list(where)))
    plan = lab.plan(lab.zone_plan([policy], where))
    situation = data.draw(lab.situations(where))
    ids = data.draw(st.sets(st.sampled_from(lab.ids(where))))
    found = plan_drain(plan, situation, audiences(small, plan), ids)
    assert 0.0 <= found.moved <= 1.0 + 1e-9
    assert all(move.share > 0 and move.source != move.to for move in found.moves)
    assert set(found.endpoints) | set(found.already) == ids
    drained = {**situation.drains, **dict.fromkeys(found.endpoints, lab.DRAIN)}
    again = plan_drain(plan, replace(situation, drains=drained), audiences(small, plan), ids)
    assert again.endpoints == ()
    assert again.refusals == ()
    # Endpoints of weight 0 come in when the weighted ones are gone, and may bring more than those had.
    weights = [e.weight for site in where.values() for zone in site.zones for e in zone.endpoints]
    for name in found.names if all(weights) else ():
        assert name.after <= name.before + 1e-9
