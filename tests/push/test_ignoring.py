"""What is left alone: matched by name and type, never written, and told before it is pushed."""

from __future__ import annotations

from dataclasses import replace

import pytest

from gslb.policy.plan import Plan
from gslb.push.diff import owned_keys
from gslb.push.ignoring import ignored_problems, is_ignored
from gslb.push.objects import Actual
from gslb.push.plan import Stopped
from gslb.push.provider import Dialect
from tests.push import lab
from tests.push.test_plan import ALL, applied, planned, stops, zone_of

WWW = "www.example.com."


@pytest.mark.parametrize(
    ("entry", "name", "rtype", "holds"),
    [
        ("_acme-challenge.*", "_acme-challenge.www.example.com.", "TXT", True),
        ("_acme-challenge.*", "www.example.com.", "TXT", False),
        ("* MX", "example.com.", "MX", True),
        ("* MX", "example.com.", "TXT", False),
        ("www.example.com A", WWW, "A", True),
        ("www.example.com A", WWW, "CNAME", True),
        ("www.example.com CNAME", WWW, "AAAA", True),
        ("www.example.com A", WWW, "AAAA", False),
        ("www.example.com.", WWW, "A", True),
    ],
)
def test_names_and_types_are_matched(entry: str, name: str, rtype: str, holds: bool) -> None:
    assert is_ignored((name, rtype), ["mail.*", entry]) is holds


@pytest.mark.parametrize("dialect", ALL)
def test_what_is_ignored_is_never_written_even_if_it_carries_our_mark(dialect: Dialect) -> None:
    """Once pushed and then ignored, it stays; the rest goes on being pushed."""
    zone = zone_of(1, 3)
    first = applied(dialect, planned(dialect, zone, Actual()), Actual())
    ignore = ("n1.example.com",)
    plan = planned(dialect, zone_of(1, 2), first, 2, force=True, ignore=("n2.example.com", *ignore))
    assert {str(one) for one in plan.conflicts} >= {
        f"push.ignore leaves {place[0]} {place[1]} alone"
        for place in {owned_keys(dialect, first, lab.OWNER)[key] for key in first.rrsets
                      if key[0] == "n1.example.com."}
    }  # fmt: skip
    assert not any("n1." in c.rrset.name or "n2." in c.rrset.name for c in plan.changes)
    assert not plan.blocked
    fresh = planned(dialect, zone, Actual(), ignore=ignore)
    assert not any("n1." in change.rrset.name for change in fresh.changes)
    assert any(change.rrset.name == "n2.example.com." for change in fresh.changes)


@pytest.mark.parametrize("dialect", ALL)
def test_to_ignore_our_own_tree_stops_the_plan(dialect: Dialect) -> None:
    plan = planned(dialect, zone_of(2, 5), Actual(), ignore=("_*",), force=True)
    assert stops(plan) == {Stopped.INNER}
    assert plan.blocked


def test_a_record_that_is_pushed_and_ignored_is_an_error_at_its_place() -> None:
    zone = zone_of(1, 2)
    plan = Plan((replace(zone, static={b"\3www\7example\3com\0": (lab.NOTE,)}),), "hash")
    found = ignored_problems(plan, ["example.com."], ("www.*",))
    assert {one.code for one in found} == {"E280"}
    assert {one.text.split(" is ")[0] for one in found} >= {f"{WWW} A", f"{WWW} TXT"}
    assert ignored_problems(plan, ["example.org."], ("www.*",)) == []
    assert ignored_problems(plan, ["example.com."], ("* MX",)) == []
