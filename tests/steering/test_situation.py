"""Order of drains: an operator's call, then the file; and an operator may lift what the file says."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

from gslb.steering.pools import stock_key
from gslb.steering.stock import Stock
from tests.steering import lab

US = lab.SITES[0]
CALLED = replace(lab.DRAIN, why="called")
IN_FILE = lab.endpoint(f"{US}/a", drained=lab.DRAIN)


def test_a_call_is_named_before_the_file():
    situation = replace(lab.situation(), drains={IN_FILE.id: CALLED})
    assert situation.drain_of(IN_FILE) is CALLED
    later = replace(situation, drains={IN_FILE.id: replace(CALLED, until=lab.NOW)})
    assert later.drain_of(IN_FILE) is lab.DRAIN


def test_a_lifted_drain_of_the_file_holds_nothing_and_one_of_an_operator_does():
    lifted = replace(lab.situation(), lifted=frozenset({IN_FILE.id}))
    assert lifted.drain_of(IN_FILE) is None
    assert replace(lifted, drains={IN_FILE.id: CALLED}).drain_of(IN_FILE) is CALLED


def test_an_expired_drain_holds_nothing():
    ended = lab.endpoint(f"{US}/a", drained=replace(lab.DRAIN, until=lab.NOW))
    assert lab.situation().drain_of(ended) is None
    soon = replace(lab.DRAIN, until=lab.NOW + timedelta(microseconds=1))
    assert lab.situation().drain_of(replace(ended, drained=soon)) is soon


def test_lifting_judges_the_site_anew():
    where = lab.sites(lab.site(US, [[IN_FILE], [lab.endpoint(f"{US}/b")]]))
    policy = lab.policy(lab.rule(US))
    key = stock_key(0, policy, US, 1)
    stock = Stock(lab.plan(lab.zone_plan([policy], where)), [key])
    stock.take(lab.situation())
    assert stock.supplies[key].healthy == 0.5
    lifted = replace(lab.situation(), lifted=frozenset({IN_FILE.id}))
    assert stock.take(lifted) == {key}
    assert stock.supplies[key].healthy == 1.0
    assert stock.take(lab.situation()) == {key}
    assert stock.supplies[key].healthy == 0.5
