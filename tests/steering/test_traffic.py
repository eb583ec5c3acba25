"""Which part of a policy's answers each zone has: the decisions, weighed by clients."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gslb.steering.classes import compile_classes
from gslb.steering.model import Reason
from gslb.steering.traffic import Supplies, by_addresses, equally, spread
from gslb.wire.constants import TYPE_A
from tests.steering import lab

US, EU, ASIA = lab.SITES[:3]
THREE = lab.sites(US, EU, ASIA)


def parts(policy, situation, world, weigh=None):
    classes = compile_classes(policy, THREE, TYPE_A, world)
    weights = (weigh or by_addresses(world))(classes)
    supplies = Supplies(lab.zone_plan([policy], THREE), situation)
    clients = zip(classes.classes, weights.tolist(), strict=True)
    return spread(policy, TYPE_A, clients, supplies)


def test_classes_weigh_as_much_as_they_have_routed_addresses(small):
    world = small.world()
    rules = [lab.rule(US, when=small.when(area="US")), lab.rule(EU)]
    classes = compile_classes(lab.policy(*rules), THREE, TYPE_A, world)
    weights = by_addresses(world)(classes)
    by_rule = {cls.rule: weight for cls, weight in zip(classes.classes, weights, strict=True)}
    routed = 0xCB007600 - 0xC0000200  # 192.0.2.0 up to 203.0.118.0
    american = 256 + 37  # 192.0.2.0/24, and 192.0.3.0 up to .37
    assert by_rule[0] == pytest.approx(american / routed)
    assert sum(weights) == pytest.approx(1.0)


def test_where_nothing_is_known_of_clients_all_classes_weigh_the_same(small):
    world = small.world()
    world.geo.pair_asn[:] = 0
    rules = [lab.rule(US, when=small.when(net="192.0.2.0/24")), lab.rule(EU)]
    classes = compile_classes(lab.policy(*rules), THREE, TYPE_A, world)
    assert by_addresses(world)(classes).tolist() == equally(classes).tolist()


def test_zones_have_their_weights_parts_of_the_site(small):
    found = parts(
        lab.policy(lab.rule({US: 3, EU: 1})), lab.situation(down=[f"{US}/z1"]), small.world()
    )
    assert found == pytest.approx(
        {f"{US}/z2": 0.375, f"{US}/z3": 0.375, **{f"{EU}/z{n}": 0.25 / 3 for n in (1, 2, 3)}}
    )


def test_clients_that_are_refused_are_nowhere(small):
    policy = lab.policy(lab.rule(US, when=small.when(area="US")), lab.rule(EU))
    refusing = lab.replace(policy, when_all_down=lab.WhenAllDown.REFUSE)
    down = [f"{EU}/z{n}" for n in (1, 2, 3)]
    found = parts(refusing, lab.situation(down=down), small.world(), equally)
    assert sum(found.values()) == pytest.approx(0.5)


@settings(max_examples=60)
@given(st.data())
def test_no_share_is_lost_and_none_is_invented(small, data):
    where = data.draw(lab.some_sites())
    policy = data.draw(lab.policies(list(where)))
    situation = data.draw(lab.situations(where))
    zone = lab.zone_plan([policy], where)
    supplies = Supplies(zone, situation)
    classes = [lab.ClientClass(index) for index in range(len(policy.rules))]
    found = spread(policy, TYPE_A, [(cls, 1 / len(classes)) for cls in classes], supplies)
    silent = {Reason.REFUSED, Reason.LAST_RESORT, Reason.NO_ADDRESS, Reason.UNRESOLVED}
    answered = [supplies.outcome(policy, cls, TYPE_A).reason not in silent for cls in classes]
    assert sum(found.values()) == pytest.approx(sum(answered) / len(answered))
    assert all(share > 0 for share in found.values())


@settings(max_examples=60)
@given(st.data())
def test_what_is_worked_out_beside_another_situation_is_what_it_is_alone(data):
    where = data.draw(lab.some_sites())
    policy = data.draw(lab.policies(list(where)))
    before, after = (data.draw(lab.situations(where)) for _ in range(2))
    after = lab.replace(before, drains=after.drains)
    touched = {
        site.name
        for site in where.values()
        if any(before.drain_of(one) != after.drain_of(one) for one in site.endpoints)
    }
    zone = lab.zone_plan([policy], where)
    first = Supplies(zone, before)
    clients = [(lab.ClientClass(index), 0.1) for index in range(len(policy.rules))]
    spread(policy, TYPE_A, clients, first)
    beside = Supplies(zone, after, (first, touched))
    alone = spread(policy, TYPE_A, clients, Supplies(zone, after))
    assert spread(policy, TYPE_A, clients, beside) == pytest.approx(alone)
