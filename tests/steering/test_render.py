"""Table contents, patches, and that explanations tell what is really in them."""

from __future__ import annotations

from dataclasses import replace
from ipaddress import ip_address, ip_network

import dns.edns
import dns.message
import dns.rcode
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gslb.answers.model import STICKY_SLOTS, Patch, TableContent
from gslb.answers.pack import pack
from gslb.answers.patch import TableWriter
from gslb.answers.pick import Xorshift
from gslb.answers.table import AnswerTable
from gslb.answers.verify import verify
from gslb.dataplane.client import source_of
from gslb.dataplane.responder import Responder
from gslb.dataplane.settings import ResponderSettings, Transport
from gslb.errors import GslbError
from gslb.policy.plan import Condition, Term
from gslb.steering.existence import Outcome
from gslb.steering.explain import explain
from gslb.steering.pools import LEAVING_TTL
from gslb.steering.reading import answer_texts, range_of
from gslb.steering.render import Renderer
from gslb.wire.names import to_text, to_wire
from tests.steering import lab
from tests.steering.conftest import RANGES
from tests.steering.test_static import STATIC

US, EU, ASIA, CHINA = lab.SITES


@pytest.fixture(scope="module")
def world(small):
    return small.world()


def served(content: TableContent, name: str, rtype: int, client: str, resolver: str | None = None):
    """What the data plane may answer, read from the table alone; None: refused."""
    names = {n: t for zone in content.zones for n, t in zone.names}
    typeset = content.typesets[names[to_wire(name)]]
    steered = dict(typeset.steered)
    number = steered.get(rtype, steered.get(5))
    assert number is not None
    steer = content.steers[number]
    address = ip_address(client)
    view = 0
    if steer.resolvers is not None:
        view, _, _ = range_of(content.maps[steer.resolvers], ip_address(resolver or client))
    cls, _, _ = range_of(content.maps[steer.views[view]], address)
    choice = content.choices[steer.choices[cls]]
    if choice.refused:
        return None
    used = set(choice.slots) if choice.slots else range(len(choice.pools))
    bodies = [
        body
        for index in used
        for pool in [content.pools[choice.pools[index]]]
        for number, body in enumerate(pool.bodies)
        if not pool.slots or number in pool.slots
    ]
    return {frozenset(answer_texts(body, to_wire(name), lab.APEX, rtype)[2]) for body in bodies}


def patched(content: TableContent, patch: Patch) -> TableContent:
    choices, pools = list(content.choices), list(content.pools)
    for number, choice in patch.choices.items():
        choices[number] = choice
    for number, pool in patch.pools.items():
        pools[number] = pool
    return replace(content, choices=tuple(choices), pools=tuple(pools))


def cells(content: TableContent):
    """All of a table that a patch may change."""
    return tuple(content.choices), tuple(content.pools)


def geo_policy(**more):
    """China, Germany behind a fence, everybody else by distance."""
    area = lambda text: Condition(area=(Term(text, lab.HERE),))  # noqa: E731
    return lab.policy(
        lab.rule(CHINA, then=[ASIA], name="china", when=area("CN")),
        lab.rule(EU, fence=True, name="germany", when=area("DE")),
        lab.rule(f"{US} {EU} {ASIA}", pick="nearest", name="others"),
        **more,
    )


def example(**more):
    return lab.plan(lab.zone_plan([geo_policy(**more)], lab.sites(*lab.SITES), static=STATIC))


def test_a_client_is_answered_by_the_site_that_its_rule_says(world):
    content = Renderer(example(), world, 1).content(lab.situation())
    china = served(content, "www.example.com", 1, "198.51.103.1")
    assert len(china) == 3  # pairs of three zones
    addresses = {".".join(map(str, lab.address(f"{CHINA}/z{n}"))) for n in (1, 2, 3)}
    assert set().union(*china) == addresses


def test_a_patch_rewrites_what_the_change_touches_and_nothing_else(world):
    """One zone down keeps the site's share: its pools change, no choice does."""
    renderer = Renderer(example(), world, 1)
    content = renderer.content(lab.situation())
    patch = renderer.patch(lab.situation(down=[f"{EU}/z1"]))
    assert patch.choices == {}
    assert patch.pools
    gone = ".".join(map(str, lab.address(f"{EU}/z1")))
    for number in patch.pools:
        before = answer_union(content.pools[number])
        assert gone in before
        assert gone not in answer_union(patch.pools[number])
    assert renderer.patch(lab.situation(down=[f"{EU}/z1"])) == Patch()


def answer_union(pool):
    return {t for body in pool.bodies for t in answer_texts(body, lab.APEX, lab.APEX, 1)[2]}


def test_a_dead_site_changes_choices_and_its_recovery_restores_them(world):
    renderer = Renderer(example(), world, 1)
    content = renderer.content(lab.situation())
    dead = lab.situation(down=[f"{CHINA}/z{n}" for n in (1, 2, 3)])
    patch = renderer.patch(dead)
    assert patch.choices
    after = patched(content, patch)
    assert cells(after) == cells(Renderer(example(), world, 1).content(dead))
    assert cells(patched(after, renderer.patch(lab.situation()))) == cells(content)


def test_a_patch_without_a_table_is_refused(world):
    with pytest.raises(GslbError):
        Renderer(example(), world, 1).patch(lab.situation())


def test_names_share_typesets_and_typesets_share_steers(world):
    names = {f"n{i}.example.com": 0 for i in range(50)}
    zone = lab.zone_plan([geo_policy()], lab.sites(*lab.SITES), names=names)
    content = Renderer(lab.plan(zone), world, 1).content(lab.situation())
    assert len({t for n, t in content.zones[0].names if n != lab.APEX}) == 1
    assert len(content.steers) == 1  # A


def test_policies_that_agree_share_pools(world):
    """Twenty policies over the same sites cost the pools of one."""
    one = [geo_policy()]
    many = [replace(geo_policy(), name=f"p{n}") for n in range(20)]
    contents = [
        Renderer(lab.plan(lab.zone_plan(p, lab.sites(*lab.SITES))), world, 1).content(
            lab.situation()
        )
        for p in (one, many)
    ]
    assert len(contents[0].pools) == len(contents[1].pools)
    assert len(contents[1].maps) == len(contents[0].maps)
    assert len(contents[1].choices) == 20 * len(contents[0].choices)


def test_every_name_exists_and_nothing_below_a_cut_does(world):
    zone = lab.zone_plan(
        [geo_policy()],
        lab.sites(*lab.SITES),
        names={"www.example.com": 0, "*.w.deep.example.com": 0, "example.com": 0},
        static=STATIC,
        cuts=["sub.example.com", "other.example.com"],
    )
    content = Renderer(lab.plan(zone), world, 7).content(lab.situation())
    (zone_content,) = content.zones
    names = {to_text(name): content.typesets[typeset] for name, typeset in zone_content.names}
    assert len(names) == len(zone_content.names)  # each once
    assert set(names) == {
        "example.com.", "www.example.com.", "*.w.deep.example.com.", "w.deep.example.com.",
        "deep.example.com.", "ns1.example.com.", "mail.example.com.", "_sip._tcp.example.com.",
        "_tcp.example.com.", "svc.example.com.", "alias.example.com.", "null.example.com.",
        "deep.a.b.example.com.", "a.b.example.com.", "b.example.com.", "*.wild.example.com.",
        "wild.example.com.", "sub.example.com.", "other.example.com.",
    }  # fmt: skip
    assert set(names["example.com."].static) == {2, 6, 15}
    assert set(names["example.com."].steered) == {1}
    assert names["deep.example.com."].static == names["deep.example.com."].steered == {}
    assert set(names["sub.example.com."].static) == {43}
    assert set(map(to_text, zone_content.cuts)) == {"sub.example.com.", "other.example.com."}
    assert zone_content.serial == 7


def test_a_hash_rule_is_sticky_at_both_stages(world):
    policy = lab.policy(lab.rule({US: 60, EU: 40}, pick="hash"))
    plan = lab.plan(lab.zone_plan([policy], lab.sites(US, EU)))
    content = Renderer(plan, world, 1).content(lab.situation())
    assert content.steers[0].sticky
    (choice,) = content.choices
    assert len(choice.slots) == STICKY_SLOTS
    assert all(len(content.pools[number].slots) == STICKY_SLOTS for number in choice.pools)
    held = choice.slots.count(0) / STICKY_SLOTS
    assert held == pytest.approx(0.6, abs=0.06)


def test_a_refusal_is_in_the_table(world):
    policy = lab.policy(lab.rule(US), when_all_down=lab.WhenAllDown.REFUSE)
    plan = lab.plan(lab.zone_plan([policy], lab.sites(US)))
    renderer = Renderer(plan, world, 1)
    renderer.content(lab.situation())
    patch = renderer.patch(lab.situation(down=lab.ids(lab.sites(US))))
    assert [choice.refused for choice in patch.choices.values()] == [True]


# ---- for every plan and situation ----------------------------------------------------------------


@st.composite
def plans(draw):
    where = draw(lab.some_sites())
    policy = draw(lab.policies(sorted(where)))
    first, *others = policy.rules
    if others:
        when = draw(st.sampled_from(("CN", "DE FR", "US", "eu27")))
        terms = tuple(Term(word, lab.HERE) for word in when.split())
        first = replace(first, when=Condition(area=terms))
    policy = replace(policy, rules=(first, *others))
    return lab.plan(lab.zone_plan([policy], where, ecs=draw(st.booleans())))


clients = st.sampled_from([first for first, _, _ in RANGES if first not in {"0.0.0.0", "::"}])


@settings(max_examples=50)
@given(plans(), st.data(), clients)
def test_what_is_explained_is_what_is_served(world, plan, data, client):
    zone = plan.zones[0]
    situation = data.draw(lab.situations(zone.sites))
    renderer = Renderer(plan, world, 1)
    content = renderer.content(situation)
    steered = content.typesets[dict(zone_names(content))[to_wire("www.example.com")]].steered
    for rtype in steered:
        story = explain(plan, world, situation, "www.example.com", client, rtype)
        found = served(content, "www.example.com", rtype, client)
        if found is None:
            assert story.rcode == "REFUSED"
            assert story.allowed == frozenset()
        else:
            assert story.rcode == "NOERROR"
            assert story.allowed == found
            assert sum(answer.chance for answer in story.answers) == pytest.approx(1.0)


PREFIXES = ("192.0.2.0/24", "192.0.3.32/28", "198.51.100.0/22", "203.0.113.0/24", "10.1.0.0/16",
            "0.0.0.0/0", "198.51.0.0/16", "2001:db8:1::/48", "2001:db8::/32", "fd00::/48")  # fmt: skip


@settings(max_examples=60)
@given(plans(), st.data(), st.sampled_from(PREFIXES), clients)
def test_what_is_explained_is_what_the_responder_says(world, plan, data, subnet, resolver):
    """From the query's octets to the answer's, ECS scope included."""
    situation = data.draw(lab.situations(plan.zones[0].sites))
    table = AnswerTable(bytes(pack(Renderer(plan, world, 1).content(situation), 1, 0)))
    draw = Xorshift(data.draw(st.integers(1, 2**64 - 1))).next32
    responder = Responder(table, ResponderSettings(), draw, lambda: 0.0)
    network = ip_network(subnet)
    option = dns.edns.ECSOption(str(network.network_address), network.prefixlen)
    for rtype in (1, 28, 65):
        story = explain(plan, world, situation, "www.example.com", subnet, rtype, resolver)
        query = dns.message.make_query("www.example.com", rtype, use_edns=0, options=[option])
        for _ in range(4):
            octets = responder.respond(query.to_wire(), source_of(resolver), 5353, Transport.TCP)
            answer = dns.message.from_wire(octets)
            assert dns.rcode.to_text(answer.rcode()) == story.rcode
            if story.outcome is not Outcome.STEERED:
                continue
            if story.rcode == "NOERROR":
                texts = frozenset(r.to_text() for rrset in answer.answer for r in rrset)
                assert texts in story.allowed
                assert all(rrset.ttl in {story.ttl, LEAVING_TTL} for rrset in answer.answer)
                scopes = [o.scopelen for o in answer.options if isinstance(o, dns.edns.ECSOption)]
                assert scopes == ([] if story.client.scope is None else [story.client.scope])


def zone_names(content):
    return [pair for zone in content.zones for pair in zone.names]


@settings(max_examples=25)
@given(plans(), st.data())
def test_every_content_packs_to_a_valid_table_and_so_does_every_patch(world, plan, data):
    where = plan.zones[0].sites
    renderer = Renderer(plan, world, 1)
    octets = pack(renderer.content(data.draw(lab.situations(where))), 1, 0)
    assert verify(octets) == []
    TableWriter(octets).patch(renderer.patch(data.draw(lab.situations(where))))
    assert verify(octets) == []


@settings(max_examples=35)
@given(plans(), st.data())
def test_patches_come_to_the_same_as_rendering_anew(world, plan, data):
    where = plan.zones[0].sites
    renderer = Renderer(plan, world, 1)
    content = renderer.content(data.draw(lab.situations(where)))
    for _ in range(3):
        situation = data.draw(lab.situations(where))
        content = patched(content, renderer.patch(situation))
        assert cells(content) == cells(Renderer(plan, world, 1).content(situation))


@settings(max_examples=35)
@given(plans(), st.data())
def test_no_choice_ever_points_at_an_answer_that_health_emptied(world, plan, data):
    """F01: whatever is down, what was answered with records is answered with records, or refused."""
    where = plan.zones[0].sites
    situation = data.draw(lab.situations(where))
    dark = replace(
        situation,
        health={
            (i, lab.CHECK): lab.Health(lab.Status.DOWN, lab.Status.DOWN) for i in lab.ids(where)
        },
    )
    renderer = Renderer(plan, world, 1)
    bright = renderer.content(replace(situation, health={}))
    for content in (patched(bright, renderer.patch(dark)), Renderer(plan, world, 1).content(dark)):
        for before, after in zip(bright.choices, content.choices, strict=True):
            had = all(b.answer for n in before.pools for b in bright.pools[n].bodies)
            if had and not after.refused:
                assert all(b.answer for n in after.pools for b in content.pools[n].bodies)
