"""An inventory has every endpoint, its checks, the most careful rules, and each pool once."""

from __future__ import annotations

from dataclasses import replace

from hypothesis import given

from gslb.policy.plan import Families, Panic, Protect
from gslb.state.inventory import EMPTY, KeyRules, take_inventory
from tests.steering import lab

US, EU = lab.SITES[:2]


def test_nothing_is_in_an_empty_plan() -> None:
    assert take_inventory(lab.plan()) == EMPTY


def test_the_most_careful_policy_decides_how_an_endpoint_is_treated() -> None:
    bold = lab.policy(lab.rule(US), protect=Protect(None, False, None), families=Families.APART)
    shy = lab.policy(lab.rule(f"{US} {EU}"), protect=Protect(60.0, True, (0.5, 10.0)))
    where = lab.sites(US, EU)
    found = take_inventory(lab.plan(lab.zone_plan([bold, shy], where)))
    assert set(found.rules.values()) == {KeyRules(60.0, True, True)}
    assert set(found.places) == set(lab.ids(where))
    alone = take_inventory(lab.plan(lab.zone_plan([bold], where)))
    assert set(alone.rules.values()) == {KeyRules(None, False, False)}


def test_a_policy_that_does_not_use_a_site_says_nothing_of_its_checks() -> None:
    """It would leave endpoints unknown, to operators and metrics, that are down for all who ask."""
    where = lab.sites(US, EU)
    policies = [lab.policy(lab.rule(US)), lab.policy(lab.rule(EU))]
    found = take_inventory(lab.plan(lab.zone_plan(policies, where)))
    assert {place.checks for place in found.places.values()} == {(lab.CHECK,)}


def test_rules_with_the_same_endpoints_and_limits_share_a_pool() -> None:
    policy = lab.policy(lab.rule(US), lab.rule(US, name="again"), lab.rule(f"{US} {EU}"))
    other = lab.policy(lab.rule(US), panic=Panic(0.1, "all"))
    found = take_inventory(lab.plan(lab.zone_plan([policy, other], lab.sites(US, EU))))
    assert [len(pool.weights) for pool in found.pools] == [3, 6, 3]
    assert {pool.family for pool in found.pools} == {4}
    assert found.pools[0].name == "www/everybody IPv4"


def test_a_fence_keeps_the_others_out_of_the_pool() -> None:
    fenced = lab.policy(lab.rule(US, then=[EU], fence=True))
    free = lab.policy(lab.rule(US, then=[EU]))
    where = lab.sites(US, EU)
    sizes = [
        len(take_inventory(lab.plan(lab.zone_plan([one], where))).pools[0].weights)
        for one in (fenced, free)
    ]
    assert sizes == [3, 6]


def test_standbys_weigh_nothing_beside_others_and_as_much_as_each_other_alone() -> None:
    mixed = lab.site(US, [[lab.endpoint(f"{US}/a", 5)], [lab.endpoint(f"{US}/b", 0)]])
    spare = lab.site(US, [[lab.endpoint(f"{US}/a", 0)], [lab.endpoint(f"{US}/b", 0)]])
    policy = lab.policy(lab.rule(US))
    for one, expected in ((mixed, [5, 0]), (spare, [1, 1])):
        found = take_inventory(lab.plan(lab.zone_plan([policy], lab.sites(one))))
        assert list(found.pools[0].weights.values()) == expected


def test_an_endpoint_of_two_zones_is_one_with_the_checks_of_both() -> None:
    other = replace(lab.CHECK, port=444)
    policies = [
        lab.policy(lab.rule(US)),
        lab.policy(lab.rule(US), checks={US: other}),
    ]
    zones = [lab.zone_plan([one], lab.sites(US)) for one in policies]
    found = take_inventory(lab.plan(*zones))
    assert found.places[f"{US}/z1"].checks == (lab.CHECK, other)


def test_only_the_policies_that_use_an_endpoint_judge_it() -> None:
    """Another site's policy, or one without a check, does not keep it from being down."""
    policies = [
        lab.policy(lab.rule(US)),
        lab.policy(lab.rule(EU)),
        lab.policy(lab.rule(US), checks={US: None}),
    ]
    found = take_inventory(lab.plan(lab.zone_plan(policies, lab.sites(US, EU))))
    one, other = found.places[f"{US}/z1"], found.places[f"{EU}/z1"]
    assert (one.checks, one.judged_by) == ((lab.CHECK, None), [(one.id, lab.CHECK)])
    assert other.checks == (lab.CHECK,)
    alone = take_inventory(lab.plan(lab.zone_plan(policies[2:], lab.sites(US))))
    assert alone.places[one.id].judged_by == [(one.id, None)]


@given(lab.some_sites().flatmap(lambda where: lab.policies(list(where)).map(lambda p: (where, p))))
def test_every_member_of_every_pool_is_a_place_with_rules(made) -> None:
    where, policy = made
    found = take_inventory(lab.plan(lab.zone_plan([policy], where)))
    for pool in found.pools:
        assert any(pool.weights.values())
        for endpoint, check in pool.weights:
            assert check in found.places[endpoint].checks
            assert (endpoint, check) in found.rules
