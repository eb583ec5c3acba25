"""What a site has: families, drains, ramps, standbys, aliases."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest

from gslb.policy.plan import Families
from gslb.steering.capacity import MAX_ALIAS_ADDRESSES, candidates, measure, usable
from gslb.steering.model import Level
from gslb.steering.situation import AliasAddresses, Health, Situation, Status
from tests.steering import lab

US = lab.SITES[0]
A, AAAA, CNAME, HTTPS = 1, 28, 5, 65
Z = [f"{US}/z{n}" for n in range(4)]
UP, DOWN, UNKNOWN = Status.UP, Status.DOWN, Status.UNKNOWN
BOTH = lab.endpoint(Z[1], aaaa=lab.address6(Z[1]))


def status(endpoint, rtype, families, v4, v6, aliases=None):
    situation = lab.situation(aliases=aliases or {})
    situation = replace(situation, health={(endpoint.id, lab.CHECK): Health(v4, v6)})
    (found,) = candidates(lab.site(US, [[endpoint]]), lab.CHECK, families, rtype, situation)
    return found.status


@pytest.mark.parametrize("rtype", [A, AAAA, HTTPS])
def test_together_is_up_only_while_every_family_is(rtype):
    assert status(BOTH, rtype, Families.TOGETHER, UP, UP) is UP
    assert status(BOTH, rtype, Families.TOGETHER, UP, UNKNOWN) is UNKNOWN
    assert status(BOTH, rtype, Families.TOGETHER, UP, DOWN) is DOWN
    assert status(BOTH, rtype, Families.TOGETHER, DOWN, UP) is DOWN


def test_a_family_that_an_endpoint_has_not_does_not_count():
    assert status(lab.endpoint(Z[1]), A, Families.TOGETHER, UP, DOWN) is UP
    assert status(lab.endpoint(Z[1]), HTTPS, Families.APART, DOWN, UP) is DOWN


def test_apart_is_by_the_family_of_the_type_and_https_by_either():
    assert status(BOTH, A, Families.APART, UP, DOWN) is UP
    assert status(BOTH, AAAA, Families.APART, UP, DOWN) is DOWN
    assert status(BOTH, HTTPS, Families.APART, UP, DOWN) is UP
    assert status(BOTH, HTTPS, Families.APART, DOWN, DOWN) is DOWN


def test_a_host_name_is_judged_by_the_families_that_were_seen():
    named = lab.endpoint(Z[1], cname="lb.example.net")
    assert status(named, CNAME, Families.TOGETHER, UNKNOWN, UNKNOWN) is UNKNOWN
    assert status(named, CNAME, Families.TOGETHER, DOWN, UNKNOWN) is DOWN
    assert status(named, CNAME, Families.APART, DOWN, UP) is UP


def test_capacity_is_healthy_undrained_weight_over_all_weight():
    site = lab.site(US, [[lab.endpoint(Z[1], 2)], [lab.endpoint(Z[2])], [lab.endpoint(Z[3])]])
    policy = lab.policy(lab.rule(US))
    supply = measure(site, policy, A, lab.situation(down=[Z[2]], drained=[Z[3]]))
    assert (supply.healthy, supply.undrained, supply.present) == (0.5, 0.75, 1.0)
    supply = measure(site, policy, A, lab.situation(ramps={Z[1]: 0.5}))
    assert (supply.healthy, supply.believed) == (0.75, 1.0)


def test_standbys_count_only_when_every_weighted_endpoint_is_gone():
    site = lab.site(US, [[lab.endpoint(Z[1])], [lab.endpoint(Z[2], 0)], [lab.endpoint(Z[3], 0)]])
    policy = lab.policy(lab.rule(US))
    assert measure(site, policy, A, lab.situation()).healthy == 1.0
    supply = measure(site, policy, A, lab.situation(down=[Z[1]]))
    assert (supply.healthy, supply.undrained) == (1.0, 1.0)
    assert measure(site, policy, A, lab.situation(down=[Z[1], Z[2]])).healthy == 0.5
    assert measure(site, policy, A, lab.situation(down=Z)).healthy == 0.0


def test_a_drain_that_has_ended_holds_nothing():
    ended = replace(lab.DRAIN, until=lab.NOW - timedelta(seconds=1))
    site = lab.site(US, [[lab.endpoint(Z[1], drained=ended)]])
    assert measure(site, lab.policy(lab.rule(US)), A, lab.situation()).healthy == 1.0


def test_a_ramp_of_nothing_is_still_something():
    """An endpoint that is up is never as good as gone: it may be the last one."""
    site = lab.site(US, 1)
    supply = measure(site, lab.policy(lab.rule(US)), A, lab.situation(ramps={Z[1]: 0.0}))
    assert supply.healthy > 0


def test_an_alias_counts_before_it_is_resolved_but_cannot_be_answered():
    site = lab.site(US, [[lab.endpoint(Z[1], alias="lb.example.net")], [lab.endpoint(Z[2])]])
    found = candidates(site, lab.CHECK, Families.TOGETHER, A, lab.situation())
    assert [one.resolved for one in found] == [False, True]
    supply = measure(site, lab.policy(lab.rule(US)), A, lab.situation())
    assert (supply.healthy, supply.present) == (0.5, 0.5)


def test_an_alias_known_to_lack_a_family_does_not_belong_to_it():
    site = lab.site(US, [[lab.endpoint(Z[1], alias="lb.example.net")]])
    known = lab.situation(aliases={"lb.example.net": AliasAddresses((b"abcd",))})
    assert candidates(site, lab.CHECK, Families.TOGETHER, AAAA, known) == ()
    assert measure(site, lab.policy(lab.rule(US)), AAAA, known).weight == 0


def test_who_runs_the_alias_does_not_size_the_answer():
    addresses = tuple(bytes((198, 18, 0, n)) for n in range(200))
    site = lab.site(US, [[lab.endpoint(Z[1], alias="lb.example.net")]])
    known = lab.situation(aliases={"lb.example.net": AliasAddresses(addresses[::-1])})
    (found,) = candidates(site, lab.CHECK, Families.TOGETHER, A, known)
    assert found.a == addresses[:MAX_ALIAS_ADDRESSES]


def test_levels_widen_from_healthy_to_any():
    site = lab.site(US, 3)
    situation = lab.situation(down=[f"{US}/z1"], drained=[f"{US}/z2"])
    found = candidates(site, lab.CHECK, Families.TOGETHER, A, situation)
    names = {level: {one.zone for one in usable(found, level)} for level in Level}
    assert names == {
        Level.HEALTHY: {"z3"}, Level.UNDRAINED: {"z1", "z3"}, Level.ANY: {"z1", "z2", "z3"},
    }  # fmt: skip


def test_an_endpoint_without_a_check_is_unknown_and_served():
    situation = Situation(lab.NOW)
    supply = measure(lab.site(US), lab.policy(lab.rule(US), checks={}), A, situation)
    assert supply.healthy == 1.0
