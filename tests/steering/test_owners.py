"""Names of a zone and their typesets."""

from __future__ import annotations

from dataclasses import replace

from gslb.steering.owners import Typesets, zone_names
from gslb.steering.static import render_static
from gslb.wire.names import to_text, to_wire
from tests.steering import lab
from tests.steering.test_static import STATIC, rrset

STEERS = {0: {1: 7}, 1: {5: 8}}


def named(zone, children=()):
    typesets = Typesets()
    names = zone_names(
        zone, render_static(zone, 1), STEERS, typesets, frozenset(map(to_wire, children))
    )
    assert len(dict(names)) == len(names)
    return {to_text(name): typesets.list[number] for name, number in names}, typesets


def test_steered_names_of_a_policy_share_a_typeset_unless_they_have_data_of_their_own():
    zone = lab.zone_plan(
        [], {}, names={f"n{i}.example.com": i % 2 for i in range(10)} | {"mail.example.com": 0},
        static={"mail.example.com": [rrset("MX", "10 mail.example.com.")]},
    )  # fmt: skip
    names, typesets = named(zone)
    assert len(typesets.list) == 4  # two policies, mail, the apex
    assert names["n0.example.com."] is names["n2.example.com."]
    assert names["mail.example.com."].steered == {1: 7}
    assert set(names["mail.example.com."].static) == {15}


def test_empty_names_share_one_typeset():
    zone = lab.zone_plan([], {}, names={"a.b.c.example.com": 0, "d.e.example.com": 0})
    names, _ = named(zone)
    empty = [name for name, typeset in names.items() if not typeset.steered and not typeset.static]
    assert sorted(empty) == ["b.c.example.com.", "c.example.com.", "e.example.com."]
    assert len({id(names[name]) for name in empty}) == 1


def test_a_zone_of_ours_below_another_keeps_its_names_to_itself():
    zone = lab.zone_plan(
        [], {}, names={"www.example.com": 0}, static=STATIC, cuts=["sub.example.com"]
    )
    names, _ = named(zone, children=["sub.example.com", "b.example.com"])
    assert not any(name.endswith(("sub.example.com.", ".b.example.com.")) for name in names)
    assert "www.example.com." in names


def test_a_cut_without_ds_has_no_types():
    zone = lab.zone_plan([], {}, names={}, static={"d.example.com": [rrset("NS", "ns.example.net.")]},
                         cuts=["d.example.com"])  # fmt: skip
    names, _ = named(replace(zone))
    assert names["d.example.com."].static == {}
