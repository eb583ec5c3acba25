"""Pools: the answer sets of a site as bodies."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gslb.answers.model import STICKY_SLOTS
from gslb.policy.plan import Families, Https, Spread
from gslb.steering.capacity import candidates, usable
from gslb.steering.model import Level
from gslb.steering.pools import (
    LastResortKey,
    Selection,
    pool_key,
    render_last_resort,
    render_pool,
    select,
)
from gslb.steering.reading import answer_texts
from gslb.steering.situation import AliasAddresses, Health, Status
from gslb.steering.static import negative_body
from gslb.wire.names import to_wire
from tests.steering import lab

US = lab.SITES[0]
A, AAAA, HTTPS = 1, 28, 65
NEGATIVE = negative_body(lab.zone_plan([], {}), 1)
WWW = to_wire("www.example.com")


def selected(place, policy, situation, rtype=A, level=Level.HEALTHY):
    key = pool_key(0, policy, 0, place.name, rtype, level)
    found = candidates(place, lab.CHECK, policy.families, rtype, situation)
    return key, select(key, found)


def rendered(place, policy, situation=None, rtype=A, level=Level.HEALTHY):
    key, selection = selected(place, policy, situation or lab.situation(), rtype, level)
    return render_pool(key, lab.APEX, selection, NEGATIVE)


def texts(pool, rtype=A):
    return [answer_texts(body, WWW, lab.APEX, rtype)[2] for body in pool.bodies]


def address(name: str) -> str:
    return ".".join(map(str, lab.address(name)))


@pytest.mark.parametrize(("ttl", "lowered"), [(30, 10), (5, 5)])
def test_answers_are_short_lived_while_one_of_them_leaves_step_by_step(ttl, lowered):
    """Even those without it: they are of the same pool, which has one TTL."""
    place, policy = lab.site(US), replace(lab.policy(lab.rule(US)), ttl=ttl)

    def ttls(situation):
        pool = rendered(place, policy, situation)
        return {answer_texts(body, WWW, lab.APEX, A)[1] for body in pool.bodies}

    assert ttls(lab.situation()) == {ttl}
    leaving = replace(lab.situation(), leaving=frozenset({f"{US}/z1"}))
    assert ttls(leaving) == {lowered}
    gone = replace(leaving, drains={f"{US}/z1": lab.DRAIN})
    assert ttls(gone) == {ttl}, "the last of it is out, so nothing of it is handed out any more"


def test_three_zones_two_at_a_time():
    pool = rendered(lab.site(US), lab.policy(lab.rule(US)))
    assert sorted(pool.weights) == pytest.approx([1 / 3] * 3)
    assert all(len(text) == 2 for text in texts(pool))
    assert all(body.stride == 16 for body in pool.bodies)


def test_what_is_down_or_drained_is_in_no_answer():
    situation = lab.situation(down=[f"{US}/z1"], drained=[f"{US}/z2"])
    pool = rendered(lab.site(US), lab.policy(lab.rule(US)), situation)
    assert texts(pool) == [(address(f"{US}/z3"),)]


def test_a_ramp_is_a_chance():
    """F18: with one address in an answer the ramp is its probability, beside the others."""
    policy = lab.policy(lab.rule(US), count=1)
    situation = lab.situation(ramps={f"{US}/z1": 0.25})
    _, selection = selected(lab.site(US), policy, situation)
    chances = selection.chances()
    assert chances[f"{US}/z1"] == pytest.approx(0.25 / 2.25)


def test_an_aliases_addresses_share_its_weight_and_exclude_each_other():
    place = lab.site(
        US, [[lab.endpoint(f"{US}/z1", alias="lb.example.net")], [lab.endpoint(f"{US}/z2")]]
    )
    found = AliasAddresses((bytes((198, 18, 1, 1)), bytes((198, 18, 1, 2)), bytes((198, 18, 1, 3))))
    situation = lab.situation(aliases={"lb.example.net": found})
    _, selection = selected(place, lab.policy(lab.rule(US)), situation)
    assert selection.chances() == pytest.approx({f"{US}/z1": 0.5, f"{US}/z2": 0.5})
    pool = rendered(place, lab.policy(lab.rule(US)), situation)
    other = address(f"{US}/z2")
    assert sorted(texts(pool)) == sorted(tuple(sorted((f"198.18.1.{n}", other))) for n in (1, 2, 3))


def test_a_cname_stands_alone():
    """RFC 1034 §3.6.2: nothing beside it, whatever the count."""
    place = lab.site(
        US,
        [[lab.endpoint(f"{US}/z{n}", cname=f"lb{n}.example.net")] for n in (1, 2)],
    )
    pool = rendered(place, lab.policy(lab.rule(US)), rtype=5)
    assert sorted(texts(pool, 5)) == [("lb1.example.net.",), ("lb2.example.net.",)]
    assert all(body.stride == 0 for body in pool.bodies)


def test_hints_follow_the_same_sets():
    place = lab.site(
        US, [[lab.endpoint(f"{US}/z{n}", aaaa=lab.address6(f"z{n}"))] for n in (1, 2, 3)]
    )
    policy = lab.policy(lab.rule(US), https=Https(1, ("h2",), None, True))
    pool = rendered(place, policy, lab.situation(down=[f"{US}/z1"]), HTTPS)
    (text,) = texts(pool, HTTPS)[0]
    assert address(f"{US}/z2") in text
    assert address(f"{US}/z1") not in text
    assert "ipv6hint" in text


def test_families_apart_are_hinted_at_apart():
    place = lab.site(US, [[lab.endpoint(f"{US}/z1", aaaa=lab.address6("z1"))]])
    policy = lab.policy(lab.rule(US), https=Https(1, (), None, True), families=Families.APART)
    half = replace(
        lab.situation(), health={(f"{US}/z1", lab.CHECK): Health(Status.DOWN, Status.UP)}
    )
    (text,) = texts(rendered(place, policy, half, HTTPS), HTTPS)[0]
    assert "ipv4hint" not in text
    assert "ipv6hint" in text


def test_sticky_answers_keep_their_order_and_fill_all_slots():
    pool = rendered(lab.site(US), lab.policy(lab.rule(US, pick="hash")))
    assert pool.weights == ()
    assert len(pool.slots) == STICKY_SLOTS
    assert set(pool.slots) == set(range(len(pool.bodies)))
    assert all(body.stride == 0 for body in pool.bodies)
    assert len(pool.bodies) == 6  # ordered pairs of three zones


def test_a_pool_that_no_decision_uses_holds_what_the_next_level_would():
    """So a reader between the writes of two cells is never left without an answer."""
    place, policy = lab.site(US), lab.policy(lab.rule(US))
    dark = lab.situation(down=[f"{US}/z{n}" for n in (1, 2, 3)])
    assert rendered(place, policy, dark) == rendered(place, policy, dark, level=Level.UNDRAINED)
    gone = lab.situation(drained=[f"{US}/z{n}" for n in (1, 2, 3)])
    assert rendered(place, policy, gone) == rendered(place, policy, gone, level=Level.ANY)


def test_nothing_at_all_is_a_negative_answer():
    place = lab.site(US, [[lab.endpoint(f"{US}/z1", alias="lb.example.net")]])
    pool = rendered(place, lab.policy(lab.rule(US)))
    assert (pool.bodies, pool.weights) == ((NEGATIVE,), (1.0,))


def test_the_last_resort_by_type():
    last = lab.last_resort([b"abcd", b"abce"], [lab.address6("x")])
    https = Https(1, (), None, True)
    four = render_last_resort(LastResortKey(0, A, 30, last, None), lab.APEX, NEGATIVE)
    assert texts(four) == [("97.98.99.100", "97.98.99.101")]
    six = render_last_resort(LastResortKey(0, AAAA, 30, last, None), lab.APEX, NEGATIVE)
    assert len(texts(six, AAAA)[0]) == 1
    svc = render_last_resort(LastResortKey(0, HTTPS, 30, last, https), lab.APEX, NEGATIVE)
    assert "ipv4hint" in texts(svc, HTTPS)[0][0]
    named = lab.last_resort(cname="sorry.example.net")
    for rtype in (A, AAAA, 5, HTTPS):
        pool = render_last_resort(LastResortKey(0, rtype, 30, named, https), lab.APEX, NEGATIVE)
        assert texts(pool, rtype) == [("sorry.example.net.",)]


@settings(max_examples=150)
@given(st.data())
def test_random_pools_keep_every_promise(data):
    where = data.draw(lab.some_sites())
    policy = data.draw(lab.policies(sorted(where)))
    situation = data.draw(lab.situations(where))
    place = where[policy.rules[0].to[0].site]
    rtype = data.draw(st.sampled_from((A, AAAA)))
    level = data.draw(st.sampled_from(Level))
    key, selection = selected(place, policy, situation, rtype, level)
    pool = render_pool(key, lab.APEX, selection, NEGATIVE)
    found = usable(candidates(place, lab.CHECK, policy.families, rtype, situation), level)
    if not found:
        return
    zones = {text: one.zone for one in found for text in _texts(one)}
    for text in texts(pool, rtype):
        assert set(text) <= set(zones)
        assert len(text) <= policy.count
        if policy.spread is Spread.ZONE:
            assert len({zones[one] for one in text}) == len(text)
    if not key.sticky:
        assert sum(pool.weights) == pytest.approx(1.0)
        assert len(pool.bodies) <= len(selection.items)
    assert sum(selection.chances().values()) == pytest.approx(1.0)
    assert {one.endpoint.id for one in found} >= set(selection.chances())


def _texts(one):
    from ipaddress import ip_address

    return [str(ip_address(octets)) for octets in (*one.a, *one.aaaa)]


def test_equal_selections_are_equal():
    """A pool is rendered anew only when what it is made of changed; caches do not count."""
    items = selected(lab.site(US), lab.policy(lab.rule(US)), lab.situation())[1].items
    one, other = (Selection(items, 2, Spread.ZONE, sticky=False) for _ in range(2))
    assert one.sets.sets
    assert one == other
