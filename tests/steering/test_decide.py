"""Decisions: who gets what when parts of the tree are down or drained."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gslb.policy.plan import Panic, WhenAllDown
from gslb.steering.decide import decide
from gslb.steering.model import ClientClass, Level, Reason
from gslb.steering.situation import AliasAddresses, Health, Situation, Status
from tests.steering import lab

US, EU, ASIA = lab.SITES[:3]
EVERYBODY = ClientClass(0)
THREE = lab.sites(US, EU, ASIA)
A, AAAA = 1, 28
RANKED = ClientClass(0, (EU, US, ASIA), (1, 2, 3))  # no ties: EU best, then US, then ASIA


def zones(site: str, *numbers: int) -> list[str]:
    return [f"{site}/z{number}" for number in numbers]


def decided(policy, situation, cls=EVERYBODY, where=THREE, rtype=A):
    return decide(policy, where, cls, rtype, situation)


def shares(decision):
    return {site: pytest.approx(share) for site, share in decision.shares.items()}


def test_a_whole_world_is_shared_as_written():
    decision = decided(lab.policy(lab.rule({US: 60, EU: 20, ASIA: 20})), lab.situation())
    assert decision.shares == shares(decision) == {US: 0.6, EU: 0.2, ASIA: 0.2}
    assert (decision.reason, decision.level) == (Reason.PREFERRED, Level.HEALTHY)


def test_two_of_three_zones_keep_the_full_share():
    """Headroom 50 %: capacity 67 % is all that is needed."""
    policy = lab.policy(lab.rule(f"{EU} {US} {ASIA}", pick="latency"))
    decision = decided(policy, lab.situation(down=zones(EU, 3)), RANKED)
    assert decision.shares == {EU: 1.0}
    assert decision.reason is Reason.PREFERRED
    eu = next(line for line in decision.sites if line.site == EU)
    assert (eu.capacity, eu.kept) == (pytest.approx(2 / 3), 1.0)


def test_one_of_three_zones_spills_half_to_the_next_in_the_ranking():
    policy = lab.policy(lab.rule(f"{EU} {US} {ASIA}", pick="latency"))
    decision = decided(policy, lab.situation(down=zones(EU, 1, 3)), RANKED)
    assert shares(decision) == {EU: 0.5, US: 0.5}
    assert decision.reason is Reason.SPILL
    assert {line.site: line.reason for line in decision.sites} == {
        EU: Reason.PREFERRED, US: Reason.SPILL, ASIA: None,
    }  # fmt: skip


def test_the_best_that_is_left_takes_over_with_its_own_ties():
    """EU is gone; US and ASIA tie behind it and share by weight."""
    policy = lab.policy(lab.rule({EU: 10, US: 30, ASIA: 10}, pick="latency"))
    cls = ClientClass(0, (EU, US, ASIA), (1, 3, 3))
    decision = decided(policy, lab.situation(down=zones(EU, 1, 2, 3)), cls)
    assert shares(decision) == {US: 0.75, ASIA: 0.25}
    assert decision.reason is Reason.SPILL


def test_a_share_spills_to_whole_sites_in_proportion():
    policy = lab.policy(lab.rule({US: 50, EU: 30, ASIA: 20}))
    decision = decided(policy, lab.situation(down=zones(US, 1, 2, 3)))
    assert shares(decision) == {EU: 0.6, ASIA: 0.4}


def test_a_half_dead_site_gets_nothing_of_what_spills():
    policy = lab.policy(lab.rule({US: 50, EU: 30, ASIA: 20}))
    decision = decided(policy, lab.situation(down=zones(US, 1, 2, 3) + zones(EU, 1, 2)))
    assert shares(decision) == {EU: 0.15, ASIA: 0.85}


def test_then_takes_over_in_order_as_far_as_each_can():
    policy = lab.policy(lab.rule(US, then=[EU, ASIA]))
    decision = decided(policy, lab.situation(down=zones(US, 1, 2, 3) + zones(EU, 1, 2)))
    assert shares(decision) == {EU: 0.5, ASIA: 0.5}
    assert decision.reason is Reason.FAILOVER


def test_what_nobody_can_take_is_spread_over_those_that_serve():
    """Every site is at a third: nobody is felled, each carries its part."""
    policy = lab.policy(lab.rule({US: 50, EU: 25, ASIA: 25}), panic=Panic(0.3, "all"))
    down = zones(US, 1, 2) + zones(EU, 1, 2) + zones(ASIA, 1, 2)
    decision = decided(policy, lab.situation(down=down))
    assert shares(decision) == {US: 0.5, EU: 0.25, ASIA: 0.25}
    assert decision.level is Level.HEALTHY


def test_a_fence_holds_what_is_left():
    policy = lab.policy(lab.rule(EU, then=[US], fence=True))
    decision = decided(policy, lab.situation(down=zones(EU, 1)), where=THREE)
    assert (decision.shares, decision.reason) == ({EU: 1.0}, Reason.PREFERRED)
    policy = replace(policy, panic=Panic(0.3, "all"))
    decision = decided(policy, lab.situation(down=zones(EU, 1, 2)))
    assert (decision.shares, decision.reason) == ({EU: 1.0}, Reason.FENCE_HOLD)
    decision = decided(policy, lab.situation(down=zones(EU, 1, 2, 3)))
    assert (decision.shares, decision.reason) == ({EU: 1.0}, Reason.FAIL_OPEN)
    assert {line.site for line in decision.sites} == {EU}


def test_panic_waits_until_less_than_the_threshold_is_healthy():
    """Two zones of four are half: healthy only. One is less: all."""
    where = lab.sites(lab.site(US, 4))
    policy = lab.policy(lab.rule(US), headroom=0.0)
    decision = decided(policy, lab.situation(down=zones(US, 1, 2)), where=where)
    assert (decision.level, decision.reason) == (Level.HEALTHY, Reason.PREFERRED)
    decision = decided(policy, lab.situation(down=zones(US, 1, 2, 3)), where=where)
    assert (decision.level, decision.reason) == (Level.UNDRAINED, Reason.PANIC)
    assert decision.healthy == 0.25


def test_no_panic_while_an_allowed_site_is_whole():
    policy = lab.policy(lab.rule(f"{US} {EU}", then=[ASIA]))
    down = zones(US, 1, 2, 3) + zones(EU, 1, 2, 3)
    decision = decided(policy, lab.situation(down=down))
    assert (decision.shares, decision.reason) == ({ASIA: 1.0}, Reason.FAILOVER)
    fenced = lab.policy(lab.rule(f"{US} {EU}", then=[ASIA], fence=True))
    decision = decided(fenced, lab.situation(down=zones(US, 1, 2, 3) + zones(EU, 1, 2)))
    assert (set(decision.shares), decision.reason) == ({US, EU}, Reason.PANIC)


@pytest.mark.parametrize(
    ("serve", "expected"),
    [("all", Reason.PANIC), ("none", Reason.REFUSED), ("last_resort", Reason.LAST_RESORT)],
)
def test_panic_serves_what_the_policy_says(serve, expected):
    policy = lab.policy(
        lab.rule(US), panic=Panic(0.5, serve), last_resort=lab.last_resort([b"abcd"])
    )
    decision = decided(policy, lab.situation(down=zones(US, 1, 2)))
    assert decision.reason is expected
    assert bool(decision.shares) == (expected is Reason.PANIC)


@pytest.mark.parametrize(
    ("when", "expected"),
    [
        (WhenAllDown.SERVE_ALL, Reason.FAIL_OPEN),
        (WhenAllDown.REFUSE, Reason.REFUSED),
        (WhenAllDown.LAST_RESORT, Reason.LAST_RESORT),
    ],
)
def test_when_all_is_down_the_policy_decides(when, expected):
    policy = lab.policy(lab.rule(US), when_all_down=when, last_resort=lab.last_resort([b"abcd"]))
    decision = decided(policy, lab.situation(down=zones(US, 1, 2, 3)))
    assert decision.reason is expected


def test_a_last_resort_without_the_type_is_none_for_it():
    """Existence never depends on health: AAAA fails open, where the last resort has only A."""
    place = lab.site(US, [[lab.endpoint(f"{US}/z1", aaaa=lab.address6("z1"))]])
    policy = lab.policy(
        lab.rule(US),
        when_all_down=WhenAllDown.LAST_RESORT,
        last_resort=lab.last_resort([b"abcd"]),
    )
    situation = lab.situation(down=zones(US, 1))
    assert decided(policy, situation, where=lab.sites(place)).reason is Reason.LAST_RESORT
    six = decided(policy, situation, where=lab.sites(place), rtype=AAAA)
    assert (six.shares, six.reason) == ({US: 1.0}, Reason.FAIL_OPEN)


def test_drains_are_no_reason_for_panic():
    """Two of three zones are drained for work: what is left is all healthy."""
    policy = lab.policy(lab.rule(US), headroom=0.0)
    decision = decided(policy, lab.situation(drained=zones(US, 1, 2)))
    assert (decision.level, decision.healthy) == (Level.HEALTHY, 1.0)
    assert decision.sites[0].capacity == pytest.approx(1 / 3)


def test_a_drained_site_is_left_like_a_dead_one():
    policy = lab.policy(lab.rule(US, then=[EU]))
    decision = decided(policy, lab.situation(drained=zones(US, 1, 2, 3)))
    assert (decision.shares, decision.reason) == ({EU: 1.0}, Reason.FAILOVER)


def test_only_drained_ones_left_are_answered_unless_there_is_a_last_resort():
    policy = lab.policy(lab.rule(US))
    situation = lab.situation(drained=zones(US, 1, 2, 3))
    decision = decided(policy, situation)
    assert (decision.reason, decision.level) == (Reason.ALL_DRAINED, Level.ANY)
    assert decision.shares == {US: 1.0}
    decision = decided(replace(policy, last_resort=lab.last_resort([b"abcd"])), situation)
    assert (decision.reason, decision.shares) == (Reason.LAST_RESORT, {})


def test_share_zero_is_used_only_when_every_weighted_target_is_gone():
    policy = lab.policy(lab.rule({US: 1, EU: 0}))
    assert decided(policy, lab.situation()).shares == {US: 1.0}
    decision = decided(policy, lab.situation(down=zones(US, 1)))
    assert decision.shares == {US: 1.0}
    decision = decided(policy, lab.situation(down=zones(US, 1, 2, 3)))
    assert decision.shares == {EU: 1.0}


def test_a_site_that_cannot_answer_the_type_has_no_part_in_it():
    both = lab.site(EU, [[lab.endpoint(f"{EU}/z1", aaaa=lab.address6("z1"))]])
    decision = decided(
        lab.policy(lab.rule(f"{US} {EU}")), lab.situation(), where=lab.sites(US, both), rtype=AAAA
    )
    assert decision.shares == {EU: 1.0}
    assert [line.site for line in decision.sites] == [EU]


def test_an_alias_without_the_family_is_no_failure():
    """An IPv4-only load balancer: AAAA is NODATA, nothing fails over to a dual-stack site."""
    aliased = lab.site(US, [[lab.endpoint(f"{US}/z1", alias="lb.example.net")]])
    both = lab.site(EU, [[lab.endpoint(f"{EU}/z1", aaaa=lab.address6("z1"))]])
    where = lab.sites(aliased, both)
    policy = lab.policy(lab.rule(US, then=[EU]))
    known = lab.situation(aliases={"lb.example.net": AliasAddresses((b"abcd",))})
    assert decided(policy, known, where=where).shares == {US: 1.0}
    six = decided(policy, known, where=where, rtype=AAAA)
    assert (six.reason, six.shares) == (Reason.NO_ADDRESS, {})
    unknown = decided(policy, lab.situation(), where=where, rtype=AAAA)
    assert (unknown.reason, unknown.shares) == (Reason.FAILOVER, {EU: 1.0})


def test_aliases_that_were_never_resolved_leave_nothing_to_say():
    where = lab.sites(lab.site(US, [[lab.endpoint(f"{US}/z1", alias="lb.example.net")]]))
    decision = decided(lab.policy(lab.rule(US)), lab.situation(), where=where)
    assert (decision.reason, decision.shares) == (Reason.UNRESOLVED, {})


def test_a_recovery_of_everything_at_once_is_no_panic():
    """Ramps lower capacity, so that traffic comes slowly; they say nothing against the checks."""
    ramps = dict.fromkeys(zones(US, 1, 2, 3), 0.1)
    decision = decided(lab.policy(lab.rule(US, then=[EU])), lab.situation(ramps=ramps))
    assert decision.level is Level.HEALTHY
    assert shares(decision) == {US: 0.15, EU: 0.85}


def test_a_client_that_no_rule_is_for_is_refused():
    decision = decided(lab.policy(lab.rule(US)), lab.situation(), ClientClass(-1))
    assert (decision.reason, decision.shares) == (Reason.REFUSED, {})


# ---- for every policy and situation --------------------------------------------------------------


@st.composite
def cases(draw, standby=True):
    where = draw(lab.some_sites(standby))
    policy = draw(lab.policies(sorted(where), standby))
    return where, policy, draw(lab.classes(policy)), draw(lab.situations(where))


@settings(max_examples=120)
@given(cases(), st.sampled_from((A, AAAA, 65)))
def test_shares_sum_to_one_or_there_is_a_reason_why_there_are_none(case, rtype):
    where, policy, cls, situation = case
    decision = decide(policy, where, cls, rtype, situation)
    none = {Reason.REFUSED, Reason.LAST_RESORT, Reason.NO_ADDRESS, Reason.UNRESOLVED}
    if decision.reason in none:
        assert decision.shares == {}
    else:
        assert sum(decision.shares.values()) == pytest.approx(1.0)
        assert all(share > 0 for share in decision.shares.values())
    by_line = {line.site: line.share for line in decision.sites if line.share}
    assert by_line == decision.shares
    assert {line.site for line in decision.sites if line.reason} == set(decision.shares)


@settings(max_examples=120)
@given(cases(), st.sampled_from((A, AAAA)))
def test_a_fence_is_never_left(case, rtype):
    where, policy, cls, situation = case
    chosen = policy.rules[cls.rule]
    decision = decide(policy, where, cls, rtype, situation)
    if chosen.fence:
        assert set(decision.shares) <= {target.site for target in chosen.to}
    assert set(decision.shares) <= set(chosen.sites)


@settings(max_examples=120)
@given(cases(), st.sampled_from((A, AAAA, 65)))
def test_health_alone_never_takes_the_answer_away(case, rtype):
    """What a policy answers when all is up is answered, in some way, when all is down."""
    where, policy, cls, situation = case
    well = replace(situation, health={})
    if policy.when_all_down is WhenAllDown.REFUSE or policy.panic.serve == "none":
        return
    before = decide(policy, where, cls, rtype, well)
    after = decide(policy, where, cls, rtype, situation)
    assert bool(after.shares) or after.reason in {Reason.LAST_RESORT, before.reason}
    assert (after.reason is Reason.NO_ADDRESS) == (before.reason is Reason.NO_ADDRESS)


RISES = {Status.UP: 0, Status.UNKNOWN: 0, Status.DOWN: 1}


@settings(max_examples=120)
@given(cases(standby=False), st.data())
def test_panic_is_monotonic(case, data):
    """Where health is no longer believed, it is not believed either when still more is down."""
    where, policy, cls, situation = case
    policy = replace(policy, last_resort=None, when_all_down=WhenAllDown.SERVE_ALL)
    policy = replace(policy, panic=Panic(policy.panic.below, "all"))
    before = decide(policy, where, cls, A, situation)
    more = data.draw(st.sets(st.sampled_from(lab.ids(where))))
    health = dict(situation.health)
    health.update({(one, lab.CHECK): Health(Status.DOWN, Status.DOWN) for one in more})
    after = decide(
        policy, where, cls, A, Situation(situation.at, health, situation.drains, situation.aliases)
    )
    assert after.healthy <= before.healthy + 1e-12
    if before.level is Level.UNDRAINED:
        assert after.level is Level.UNDRAINED


@settings(max_examples=100)
@given(cases(), st.sampled_from((A, AAAA)))
def test_a_decision_does_not_depend_on_what_the_rule_may_not_use(case, rtype):
    where, policy, cls, situation = case
    allowed = set(policy.rules[cls.rule].sites)
    others = [e.id for name, one in where.items() if name not in allowed for e in one.endpoints]
    health = {
        **situation.health,
        **{(i, lab.CHECK): Health(Status.DOWN, Status.DOWN) for i in others},
    }
    assert decide(policy, where, cls, rtype, situation) == decide(
        policy, where, cls, rtype, replace(situation, health=health)
    )
