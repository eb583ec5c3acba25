"""Plans: what changes, in which order, in how many batches, and what stops them."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from dataclasses import replace
from random import Random

import pytest

from gslb.policy.plan import ZonePlan
from gslb.push.clouddns.dialect import CloudDns
from gslb.push.compile import desire
from gslb.push.dialects import DIALECTS
from gslb.push.objects import Action, Actual, Change, Limits, Place, Rrset, RrsetKey, manifest_name
from gslb.push.ownership import mark, mark_name, read_manifest
from gslb.push.plan import Plan, Request, Stopped, Thresholds, make_plan
from gslb.push.provider import Dialect
from gslb.push.route53.dialect import Route53
from tests.push import lab
from tests.steering import lab as steering

ALL = [pytest.param(one, id=one.name) for one in DIALECTS.values()]
SITES = ("aws/us-east-1", "aws/eu-central-1", "gcp/asia-east1", "gcp/europe-west3")
WWW = "www.example.com."


def zone_of(policies: int = 1, names: int = 1, sites: Iterable[str] = SITES) -> ZonePlan:
    """Policies over four zones a site, with geography, shares and a chain."""
    where = {}
    count = 0
    for name in sites:
        group = []
        for number in range(4):
            count += 1
            aaaa = bytes.fromhex("20010db8ffff") + count.to_bytes(10, "big")
            one = f"{name}/z{number}"
            group.append([steering.endpoint(one, a=bytes((203, 0, 1, count)), aaaa=aaaa)])
        where[name] = steering.site(name, group)
    keys = list(where)
    made = []
    for number in range(policies):
        turned = keys[number % len(keys) :] + keys[: number % len(keys)]
        local = steering.rule(
            {turned[0]: 1, turned[1]: 2}, [turned[2]], name="local",
            when=lab.SMALL.when(area="DE FR" if number % 2 else "US"),
        )  # fmt: skip
        rest = steering.rule(turned[1], [turned[2], turned[0]], name="rest")
        policy = steering.policy(local, rest)
        made.append(replace(policy, name=f"policy{number}", checks=dict.fromkeys(where, lab.HTTPS)))
    owners = {("www" if n == 0 else f"n{n}") + ".example.com": n % policies for n in range(names)}
    return steering.zone_plan(made, where, owners)


def planned(
    dialect: Dialect,
    zone: ZonePlan,
    actual: Actual,
    generation: int = 1,
    drained: Iterable[str] = (),
    **more: object,
) -> Plan:
    situation = replace(steering.situation(drained=drained, check=None), health={})
    desired = desire(zone, lab.WORLD, situation)
    request = Request(lab.OWNER, generation, **more)  # type: ignore[arg-type]
    rendered = dialect.render(desired, lab.OWNER)
    return make_plan(dialect, desired, rendered, roomy(dialect, actual), request)


def roomy(dialect: Dialect, actual: Actual) -> Actual:
    """Let a zone of Cloud DNS probe more addresses than the usual quota allows."""
    if actual.limits is not None or not isinstance(dialect, CloudDns):
        return actual
    return replace(actual, limits=replace(dialect.limits, checks=10_000))


def applied(dialect: Dialect, plan: Plan, actual: Actual) -> Actual:
    """Carry the batches out, as strictly as a provider would; check every state between."""
    rrsets = dict(actual.rrsets)
    supports = {**actual.supports, **{one.key: one for one in plan.create}}
    places = Counter(one.place for one in rrsets.values())
    for batch in plan.batches:
        size = [dialect.size(change) for change in batch.changes]
        assert sum(one[0] for one in size) <= dialect.limits.batch_elements
        assert sum(one[1] for one in size) <= dialect.limits.batch_characters
        for change in batch.changes:
            carry_out(change, rrsets, places)
            if change.new is not None and isinstance(dialect, Route53):
                assert all(places[place] for place in dialect.refers(change.new))  # is there
        kinds: dict[tuple[str, str], set[str | None]] = {}
        for one in rrsets.values():
            kinds.setdefault(one.place, set()).add(dialect.steers(one))
            assert dialect.live(one)
            assert dialect.supports_of(one) <= supports.keys()
            if isinstance(dialect, Route53):
                assert all(places[place] for place in dialect.refers(one))
        assert all(len(found) == 1 for found in kinds.values())
    for key in plan.unused:
        del supports[key]
    return Actual(rrsets, supports)


def carry_out(change: Change, rrsets: dict[RrsetKey, Rrset], places: Counter[Place]) -> None:
    if change.old is not None:
        assert rrsets.pop(change.old.key).text == change.old.text
        places[change.old.place] -= 1
    if change.new is not None:
        assert change.new.key not in rrsets
        rrsets[change.new.key] = change.new
        places[change.new.place] += 1


def foreign(dialect: Dialect, name: str = WWW) -> Rrset:
    body = dialect.text(name, 300, "x").body
    values = (
        {"ResourceRecords": [{"Value": "192.0.2.9"}], "Name": name, "Type": "A", "TTL": 300}
        if dialect.name == "route53"
        else {**body, "type": "A", "rrdatas": ["192.0.2.9"]}
    )
    return Rrset(name, "A", "", values)


def stops(plan: Plan) -> set[Stopped]:
    return {stop.kind for stop in plan.stops}


@pytest.mark.parametrize("dialect", ALL)
def test_a_second_plan_is_empty(dialect: Dialect) -> None:
    zone = zone_of(3, 7)
    first = planned(dialect, zone, Actual())
    assert not first.blocked
    again = planned(dialect, zone, applied(dialect, first, Actual()), 2)
    assert again.empty
    assert again.batches == ()
    assert not again.unused


@pytest.mark.parametrize("dialect", ALL)
def test_equal_inputs_make_equal_plans_and_others_do_not(dialect: Dialect) -> None:
    zone = zone_of(2, 3)
    assert planned(dialect, zone, Actual()).hash == planned(dialect, zone, Actual()).hash
    hashes = {
        planned(dialect, zone, Actual()).hash,
        planned(dialect, zone, Actual(), 2).hash,
        planned(dialect, zone, Actual(), drained=[f"{SITES[0]}/z1"]).hash,
    }
    assert len(hashes) == 3


@pytest.mark.parametrize("dialect", ALL)
def test_random_policies_one_over_the_other_leave_nothing_behind(dialect: Dialect) -> None:
    bystander = foreign(dialect, "mail.example.com.")
    actual = Actual({bystander.key: bystander})
    random = Random(7)
    pushed = 0
    for generation in range(1, 31):
        case = lab.case(random)
        desired = desire(case.zone, lab.WORLD, case.drains)
        if desired.refusals:
            continue
        pushed += 1
        rendered = dialect.render(desired, lab.OWNER)
        request = Request(lab.OWNER, generation, force=True)
        plan = make_plan(dialect, desired, rendered, roomy(dialect, actual), request)
        assert not plan.blocked
        actual = applied(dialect, plan, actual)
        name = manifest_name("example.com.")
        held = {k: v.text for k, v in actual.rrsets.items() if k[0] not in {name, bystander.name}}
        assert held == {key: one.text for key, one in rendered.rrsets.items()}
        assert actual.supports.keys() <= rendered.supports.keys()
        assert actual.rrsets[bystander.key] is bystander
    assert pushed > 10


@pytest.mark.parametrize("dialect", ALL)
def test_every_batch_swaps_the_manifest(dialect: Dialect) -> None:
    zone = zone_of(4, 900)
    plan = planned(dialect, zone, Actual())
    assert len(plan.batches) > 1
    old = None
    for number, batch in enumerate(plan.batches, 1):
        swap = batch.changes[-1]
        assert swap.rrset.name == manifest_name("example.com.")
        assert swap.old == old
        found = read_manifest(dialect.text_of(swap.new))
        assert found is not None
        assert (found.part, found.of, found.generation) == (number, len(plan.batches), 1)
        assert found.complete == (number == len(plan.batches))
        old = swap.new


def test_a_thousand_names_stay_within_the_quotas_and_a_drain_is_one_batch() -> None:
    dialect = Route53()
    names = ("aws/us-west-2", "aws/sa-east-1", "azure/eastus", "azure/japaneast")
    zone = zone_of(20, 1000, (*SITES, *names, "oci/us-phoenix-1", "gcp/us-central1"))
    plan = planned(dialect, zone, Actual())
    assert not plan.stops
    assert all(used <= allowed for used, allowed in plan.quota.values())
    actual = applied(dialect, plan, Actual())
    for drained in ([f"{SITES[0]}/z0"], [f"{SITES[0]}/z{n}" for n in range(4)]):
        drain = planned(dialect, zone, actual, 2, drained, drain=True)
        assert not drain.blocked
        assert 0 < len(drain.batches) <= 2
        assert not any(c.rrset.name.startswith("n") for c in drain.changes)  # no name is touched
        served = {rdata for c in drain.changes if c.new for rdata in dialect.weights(c.new)}
        assert not {"203.0.1.1"} & served
        assert not drain.create


@pytest.mark.parametrize("dialect", ALL)
def test_a_record_of_somebody_else_is_a_conflict_until_it_is_taken_over(dialect: Dialect) -> None:
    zone, other = zone_of(1, 2), foreign(dialect)
    actual = Actual({other.key: other})
    plan = planned(dialect, zone, actual)
    assert {one.place[0] for one in plan.conflicts} == {WWW}
    after = applied(dialect, plan, actual)
    assert after.rrsets[other.key] is other
    taken = planned(dialect, zone, after, 2, takeover=frozenset({WWW}), force=True)
    assert not taken.conflicts
    assert other not in applied(dialect, taken, after).rrsets.values()


@pytest.mark.parametrize("dialect", ALL)
def test_another_owners_mark_is_respected_and_told(dialect: Dialect) -> None:
    other = foreign(dialect)
    marker = dialect.text(mark_name(WWW, "A"), 300, mark("them"))
    actual = Actual({one.key: one for one in (other, marker)})
    (conflict, *_) = planned(dialect, zone_of(), actual).conflicts
    assert conflict.owner == "them"


@pytest.mark.parametrize("dialect", ALL)
def test_a_zone_of_another_owner_or_a_newer_generation_is_left_alone(dialect: Dialect) -> None:
    zone = zone_of()
    actual = applied(dialect, planned(dialect, zone, Actual(), 5), Actual())
    changed = {"drained": [f"{SITES[0]}/z0"]}
    assert stops(planned(dialect, zone, actual, 4, **changed)) == {Stopped.STALE}
    assert planned(dialect, zone, actual, 4, **changed, force=True).blocked
    assert Stopped.STALE not in stops(planned(dialect, zone, actual, 6, **changed))
    key = (manifest_name("example.com."), "TXT", "")
    text = dialect.text_of(actual.rrsets[key])[0].replace("=tests", "=them")
    theirs = dialect.text(key[0], 60, text)
    stolen = Actual({**actual.rrsets, key: theirs}, actual.supports)
    assert Stopped.OWNER in stops(planned(dialect, zone, stolen, 6, force=True))


@pytest.mark.parametrize("dialect", ALL)
def test_an_interrupted_push_is_finished_by_the_next_plan(dialect: Dialect) -> None:
    zone = zone_of(4, 900)
    first = planned(dialect, zone, Actual())
    part = applied(dialect, replace(first, batches=first.batches[:1]), Actual())
    rest = planned(dialect, zone, part, 2)
    assert rest.parent is not None
    assert not rest.parent.complete
    whole = applied(dialect, rest, part)
    assert planned(dialect, zone, whole, 3).empty


@pytest.mark.parametrize("dialect", ALL)
def test_a_rule_without_a_live_endpoint_keeps_what_is_there(dialect: Dialect) -> None:
    zone = zone_of()
    lone = replace(zone.policies[0], rules=(steering.rule(SITES[0]),))
    zone = replace(zone, policies=(lone,))
    actual = applied(dialect, planned(dialect, zone, Actual()), Actual())
    everything = [f"{SITES[0]}/z{number}" for number in range(4)]
    plan = planned(dialect, zone, actual, 2, everything, drain=True, force=True)
    assert {one.names for one in plan.refusals} == {(WWW,)}
    assert plan.counts["kept"] > 0
    assert all(change.action is not Action.DELETE for change in plan.changes)


@pytest.mark.parametrize("dialect", ALL)
def test_many_deletions_and_much_weight_stop_but_drains_pass(dialect: Dialect) -> None:
    zone = zone_of(1, 12)
    actual = applied(dialect, planned(dialect, zone, Actual()), Actual())
    fewer = replace(zone, names=zone.names[:2])
    plan = planned(dialect, fewer, actual, 2)
    assert Stopped.DELETES in {stop.kind for stop in plan.blocked}
    assert not planned(dialect, fewer, actual, 2, force=True).blocked
    three = [f"{SITES[1]}/z{number}" for number in range(3)]
    assert Stopped.WEIGHT not in stops(planned(dialect, zone, actual, 2, three))
    site = zone.sites[SITES[1]]
    cut = replace(zone, sites={**zone.sites, SITES[1]: replace(site, zones=site.zones[:1])})
    if isinstance(dialect, Route53):
        assert Stopped.WEIGHT in stops(planned(dialect, cut, actual, 2))


@pytest.mark.parametrize("dialect", ALL)
def test_chains_whose_first_step_is_drained_end_in_what_is_left_of_each(dialect: Dialect) -> None:
    zone = zone_of()
    first, second, third, common = SITES
    rules = (
        steering.rule(first, [second, common], name="one", when=lab.SMALL.when(area="US")),
        steering.rule(first, [third, common], name="two"),
    )
    zone = replace(zone, policies=(replace(zone.policies[0], rules=rules),))
    drained = [f"{first}/z{number}" for number in range(4)]
    plan = planned(dialect, zone, Actual(), 1, drained, drain=True)
    assert not plan.refusals
    applied(dialect, plan, Actual())


def test_the_quota_of_checks_and_the_cost_stop() -> None:
    dialect, zone = Route53(), zone_of(1, 1)
    tight = Actual(foreign_checks=190, limits=dialect.limits)
    assert stops(planned(dialect, zone, tight, force=True)) == {Stopped.CHECKS}
    near = Actual(foreign_checks=150)
    assert Stopped.CHECKS_NEAR in stops(planned(dialect, zone, near))
    dear = planned(dialect, zone, Actual(), thresholds=Thresholds(cost_rise=1.0))
    assert Stopped.COST in stops(dear)
    assert dear.cost[1] > dear.cost[0] == 0.0
    small = Actual(limits=Limits(rrsets=5, checks=200, batch_elements=1000, batch_characters=32000))
    assert Stopped.RRSETS in stops(planned(dialect, zone, small))


def test_cloud_dns_counts_the_addresses_that_it_probes() -> None:
    dialect, zone = CloudDns(), zone_of(1, 1)
    few = Actual(limits=replace(dialect.limits, checks=8))
    assert Stopped.CHECKS in stops(planned(dialect, zone, few))
    assert Stopped.CHECKS not in stops(planned(dialect, zone, Actual()))


def test_names_outside_the_globs_are_left_out() -> None:
    zone = zone_of(1, 3)
    plan = planned(Route53(), zone, Actual(), globs=("n*.example.com",))
    assert not any(change.rrset.name in {WWW, mark_name(WWW, "A")} for change in plan.changes)
    assert any(change.rrset.name == "n1.example.com." for change in plan.changes)


def test_cloud_dns_changes_a_drain_without_touching_names() -> None:
    dialect, zone = CloudDns(), zone_of(4, 100)
    actual = applied(dialect, planned(dialect, zone, Actual()), Actual())
    drain = planned(dialect, zone, actual, 2, [f"{SITES[0]}/z0"], drain=True)
    assert len(drain.batches) == 1
    assert not any(change.rrset.name.startswith("n") for change in drain.changes)
