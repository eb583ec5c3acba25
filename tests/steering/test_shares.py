"""Apportioning: nothing is lost, nothing goes where it may not."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gslb.policy.plan import Pick
from gslb.steering.model import ClientClass, Reason
from gslb.steering.shares import apportion, kept_share
from tests.steering import lab

A, B, C, D = lab.SITES
parts = st.sampled_from((0.0, 0.0, 0.25, 0.5, 0.9, 1.0, 1.0))


@pytest.mark.parametrize("zones", range(2, 40))
def test_one_zone_of_n_may_be_lost_with_a_headroom_of_one_by_n_less_one(zones):
    """In floats (n-1)/n × n/(n-1) is not always 1; here it is."""
    assert kept_share((zones - 1) / zones, 1 / (zones - 1)) == 1.0


def test_kept_share_below_the_headroom():
    assert kept_share(1 / 3, 0.5) == pytest.approx(0.5)
    assert kept_share(0.0, 0.5) == 0.0


def test_a_rest_goes_along_then_each_as_far_as_it_is_whole():
    rule = lab.rule(A, then=[B, C, D])
    found = apportion(rule, ClientClass(0), {A: 0.2, B: 0.5, C: 0.0, D: 1.0})
    assert found is not None
    assert dict(found.shares) == {
        A: pytest.approx(0.2),
        B: pytest.approx(0.4),
        D: pytest.approx(0.4),
    }
    assert found.reason is Reason.SPILL


def test_a_weakened_site_of_to_is_not_loaded_before_then_is():
    """The second best is at a half, ``then`` is whole: ``then`` takes what the best cannot."""
    rule = lab.rule(f"{A} {B}", then=[C], pick="nearest")
    found = apportion(rule, ClientClass(0, (A, B), (1, 2)), {A: 0.5, B: 0.5, C: 1.0})
    assert found is not None
    assert dict(found.shares) == {A: pytest.approx(0.5), C: pytest.approx(0.5)}


def test_the_order_of_shares_is_that_of_preference():
    rule = lab.rule(f"{A} {B} {C}", pick="nearest")
    found = apportion(rule, ClientClass(0, (C, B, A), (3, 3, 3)), {A: 1.0, B: 1.0, C: 1.0})
    assert found is not None
    assert list(found.shares) == [C, B, A]


def test_nothing_kept_is_none():
    assert apportion(lab.rule(A, then=[B]), ClientClass(0), {A: 0.0, B: 0.0}) is None


@settings(max_examples=300)
@given(st.data())
def test_whole_sites_never_lose_and_dead_sites_never_win(data):
    rule = data.draw(lab.rules(lab.SITES))
    cls = data.draw(lab.classes(lab.policy(rule)))
    kept = {site: data.draw(parts) for site in rule.sites}
    found = apportion(rule, cls, kept)
    if found is None:
        assert not any(
            kept[s] for s in rule.sites if not rule.fence or s in {t.site for t in rule.to}
        )
        return
    assert sum(found.shares.values()) == pytest.approx(1.0)
    assert all(kept[site] > 0 for site in found.shares)
    whole = apportion(rule, cls, dict.fromkeys(kept, 1.0))
    assert whole is not None
    assert whole.reason is Reason.PREFERRED
    # Ranked sites share by a tie with the best one left: another best, another tie.
    same_tie = rule.pick in {Pick.SHARE, Pick.HASH} or all(kept[s] > 0 for s in whole.shares)
    for site, share in whole.shares.items():
        if kept[site] == 1.0 and same_tie:
            assert found.shares.get(site, 0.0) >= share - 1e-9
    if found.reason is Reason.PREFERRED:
        assert found.shares == pytest.approx(whole.shares)
    if not rule.fence:
        assert (found.reason is Reason.FAILOVER) == (
            not {t.site for t in rule.to} & set(found.shares)
        )
