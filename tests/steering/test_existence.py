"""What is at a name: the plan is read as the packed table is, name by name."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gslb.answers import table
from gslb.answers.pack import pack
from gslb.steering.existence import Outcome, find
from gslb.steering.render import Renderer
from gslb.wire.names import to_wire
from tests.steering import lab
from tests.steering.test_static import STATIC, rrset

SEEN = {
    table.Outcome.OUTSIDE: {Outcome.OUTSIDE},
    table.Outcome.MISSING: {Outcome.NXDOMAIN},
    table.Outcome.REFERRAL: {Outcome.REFERRAL},
    table.Outcome.NAME: {Outcome.STEERED, Outcome.STATIC, Outcome.NODATA},
}
TYPES = (1, 2, 5, 6, 15, 16, 28, 33, 43, 65, 65280)
LABELS = ("a", "b", "deep", "wild", "*", "www", "sub", "ns", "other", "child", "w", "mail", "_tcp")


def make_plan():
    policy = lab.policy(lab.rule(lab.SITES[0]))
    named = lab.policy(lab.rule(lab.SITES[1]), name="named")
    cname = lab.site(lab.SITES[1], [[lab.endpoint(f"{lab.SITES[1]}/z1", cname="lb.example.net")]])
    static = {**STATIC, "child.example.com": [rrset("NS", "ns1.example.com.")]}
    static["only.static.example.com"] = [rrset("CNAME", "www.example.com.")]
    zone = lab.zone_plan(
        [policy, named],
        lab.sites(lab.SITES[0], cname),
        names={
            "www.example.com": 0,
            "example.com": 0,
            "*.w.deep.example.com": 0,
            "named.example.com": 1,
        },
        static=static,
        cuts=["sub.example.com", "other.example.com", "child.example.com"],
    )
    child = replace(
        lab.zone_plan([], {}, names={}, static={"a.child.example.com": [rrset("A", "192.0.2.1")]}),
        apex=to_wire("child.example.com"),
    )
    return lab.plan(zone, child)


@pytest.fixture(scope="module")
def plan():
    return make_plan()


@pytest.fixture(scope="module")
def answers(plan, small):
    content = Renderer(plan, small.world(), 1).content(lab.situation())
    return table.AnswerTable(bytes(pack(content, 1, 0)))


def agree(plan, answers, name, rtype):
    mine, theirs = find(plan, name, rtype), answers.find(name, rtype)
    assert mine.outcome in SEEN[theirs.outcome]
    if theirs.outcome is not table.Outcome.OUTSIDE:
        assert answers.zones[theirs.zone].apex == plan.zones[mine.zone].apex
    if theirs.outcome is table.Outcome.NAME:
        entry = answers.entry(theirs.ref, rtype)
        kinds = {table.SteerView: Outcome.STEERED, type(None): Outcome.NODATA}
        assert mine.outcome is kinds.get(type(entry), Outcome.STATIC)


@settings(max_examples=400)
@given(
    st.lists(st.sampled_from(LABELS), max_size=4),
    st.sampled_from(("example.com", "com", "example.net")),
    st.sampled_from(TYPES),
)
def test_any_name_is_the_same_in_plan_and_table(plan, answers, labels, origin, rtype):
    agree(plan, answers, to_wire(".".join([*labels, origin])), rtype)


def test_every_owner_is_the_same_in_plan_and_table(plan, answers):
    owners = [name for zone in plan.zones for name in (*zone.static, *dict(zone.names))]
    for owner in owners:
        for name in (owner, b"\x01x" + owner):
            for rtype in TYPES:
                agree(plan, answers, name, rtype)


@pytest.mark.parametrize(
    ("name", "rtype", "outcome"),
    [
        ("www.example.com", 1, Outcome.STEERED),
        ("www.example.com", 28, Outcome.NODATA),
        ("named.example.com", 16, Outcome.STEERED),  # a CNAME answers every type
        ("only.static.example.com", 1, Outcome.STATIC),
        ("x.w.deep.example.com", 1, Outcome.STEERED),
        ("w.deep.example.com", 1, Outcome.NODATA),
        ("www.sub.example.com", 1, Outcome.REFERRAL),
        ("sub.example.com", 43, Outcome.STATIC),
        ("sub.example.com", 1, Outcome.REFERRAL),
        ("a.child.example.com", 1, Outcome.STATIC),  # a zone of ours below a cut of ours
        ("b.child.example.com", 1, Outcome.NXDOMAIN),
        ("example.net", 1, Outcome.OUTSIDE),
    ],
)
def test_outcomes(plan, name, rtype, outcome):
    assert find(plan, to_wire(name), rtype).outcome is outcome
