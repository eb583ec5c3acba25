"""The stock: exactly what a change touches is judged anew."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

from hypothesis import given, settings
from hypothesis import strategies as st

from gslb.policy.plan import Families
from gslb.steering.capacity import candidates, supply_of
from gslb.steering.pools import StockKey, stock_key
from gslb.steering.situation import AliasAddresses
from gslb.steering.stock import Stock
from tests.steering import lab

US, EU = lab.SITES[:2]


def make(where):
    policy = lab.policy(lab.rule(" ".join(where)))
    plan = lab.plan(lab.zone_plan([policy], where))
    keys = [stock_key(0, policy, name, rtype) for name in where for rtype in (1, 28)]
    return plan, keys, Stock(plan, keys)


def changed_sites(keys):
    return {key.site for key in keys}


def test_everything_is_new_at_first_and_nothing_after_that():
    _, keys, stock = make(lab.sites(US, EU))
    assert stock.take(lab.situation()) == set(keys)
    assert stock.take(lab.situation()) == set()


def test_one_endpoint_touches_its_own_site_only():
    _, _, stock = make(lab.sites(US, EU))
    stock.take(lab.situation())
    assert changed_sites(stock.take(lab.situation(down=[f"{US}/z1"]))) == {US}
    assert changed_sites(stock.take(lab.situation(drained=[f"{EU}/z1"]))) == {US, EU}


def test_who_begins_to_leave_touches_its_own_site_only():
    _, _, stock = make(lab.sites(US, EU))
    stock.take(lab.situation())
    leaving = replace(lab.situation(), leaving=frozenset({f"{US}/z1"}))
    assert changed_sites(stock.take(leaving)) == {US}
    assert changed_sites(stock.take(leaving)) == set()
    assert changed_sites(stock.take(lab.situation())) == {US}


def test_an_alias_touches_the_sites_that_use_it():
    where = lab.sites(lab.site(US, [[lab.endpoint(f"{US}/z1", alias="lb.example.net")]]), EU)
    _, _, stock = make(where)
    stock.take(lab.situation())
    found = {"lb.example.net": AliasAddresses((b"abcd",))}
    assert changed_sites(stock.take(lab.situation(aliases=found))) == {US}


def test_time_alone_ends_drains_of_the_file_and_of_operators():
    soon = replace(lab.DRAIN, until=lab.NOW + timedelta(minutes=5))
    _, _, stock = make(lab.sites(lab.site(US, [[lab.endpoint(f"{US}/z1", drained=soon)]]), EU))
    start = replace(lab.situation(), drains={f"{EU}/z1": soon})
    stock.take(start)
    assert stock.take(replace(start, at=lab.NOW + timedelta(minutes=4))) == set()
    later = stock.take(replace(start, at=lab.NOW + timedelta(minutes=6)))
    assert changed_sites(later) == {US, EU}
    again = stock.take(start)  # a clock may be set back
    assert changed_sites(again) == {US, EU}


@settings(max_examples=80)
@given(st.data())
def test_what_is_kept_is_what_would_be_measured(data):
    where = data.draw(lab.some_sites())
    _plan, keys, stock = make(where)
    for _ in range(3):
        situation = data.draw(lab.situations(where))
        hours = data.draw(st.integers(-2, 2))
        situation = replace(situation, at=lab.NOW + timedelta(hours=hours))
        stock.take(situation)
        for key in keys:
            found = candidates(where[key.site], key.check, key.families, key.rtype, situation)
            assert stock.candidates[key] == found
            assert stock.supplies[key] == supply_of(key.site, found)


def test_the_same_site_in_two_zones_is_two_sites():
    policy = lab.policy(lab.rule(US))
    zone = lab.zone_plan([policy], lab.sites(US))
    keys = [StockKey(number, US, 1, lab.CHECK, Families.TOGETHER) for number in (0, 1)]
    stock = Stock(lab.plan(zone, zone), keys)
    stock.take(lab.situation())
    assert stock.take(lab.situation(down=[f"{US}/z1"])) == set(keys)
