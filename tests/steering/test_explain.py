"""Explanations: the example of the language, and every kind of answer."""

from __future__ import annotations

import json
import re
from dataclasses import replace

import pytest

from gslb.errors import GslbError
from gslb.policy.plan import Condition, Https, Term, WhenAllDown
from gslb.steering.asking import AskingError
from gslb.steering.existence import Outcome
from gslb.steering.explain import explain
from gslb.steering.explain_text import explain_text
from gslb.steering.model import Reason
from gslb.steering.situation import AliasAddresses
from gslb.steering.whatif import suppose
from tests.steering import lab
from tests.steering.test_static import STATIC

US, EU, ASIA, CHINA = lab.SITES
NAME = "www.example.com"


@pytest.fixture(scope="module")
def world(small):
    return small.world()


def when(**keys: str) -> Condition:
    return Condition(**{k: tuple(Term(w, lab.HERE) for w in v.split()) for k, v in keys.items()})


def make(**more):
    """The policy of the language's example, over sites of three zones."""
    policy = lab.policy(
        lab.rule(CHINA, then=[ASIA], name="mainland-china", when=when(area="CN")),
        lab.rule(EU, fence=True, name="eu-residency", when=when(area="DE FR")),
        lab.rule({US: 60, EU: 20, ASIA: 20}, pick="latency", name="everyone-else", tie_ms=15.0),
        **more,
    )
    zone = lab.zone_plan(
        [policy],
        lab.sites(*lab.SITES),
        names={NAME: 0, "*.apps.example.com": 0},
        static=STATIC,
        cuts=["sub.example.com", "other.example.com"],
    )
    return lab.plan(zone)


PLAN = make()


def told(world, client="203.0.113.0/24", situation=None, name=NAME, plan=PLAN, **more):
    return explain(plan, world, situation or lab.situation(), name, client, **more)


def rest_of(site: str) -> list[str]:
    return [f"{site}/z1", f"{site}/z2"]


def addresses(site: str, *zones: int) -> frozenset[str]:
    return frozenset(".".join(map(str, lab.address(f"{site}/z{zone}"))) for zone in zones)


def test_the_example_one_zone_drained_keeps_the_full_share(world):
    """A client in Brazil goes to Virginia; one of three zones is drained."""
    story = told(world, situation=lab.situation(drained=[f"{US}/z3"]))
    assert [(r.name, r.matched, r.decides) for r in story.rules] == [
        ("mainland-china", False, False),
        ("eu-residency", False, False),
        ("everyone-else", True, True),
    ]
    best = story.sites[0]
    assert (best.site, best.share, best.slower_ms) == (US, 1.0, 0.0)
    assert best.capacity == pytest.approx(2 / 3)
    assert best.needed == pytest.approx(2 / 3)
    assert best.kept == 1.0
    assert [line.chance for line in story.endpoints] == [0.5, 0.5, 0.0]
    assert story.endpoints[2].drained == 'in example.com.yaml:33 "CHG-4821 kernel"'
    assert story.allowed == {addresses(US, 1, 2)}
    assert story.rotates
    second = story.sites[1].site
    assert story.what_if == (
        f"{US}/z1 also fails → capacity 33 %: 50 % of this client's answers go to {second} (none now)"
    )


def test_the_text_has_a_line_for_every_question(world):
    lines = explain_text(told(world, situation=lab.situation(drained=[f"{US}/z3"]))).splitlines()
    assert lines[0] == f"{NAME}. A for 203.0.113.0/24   policy www of 7f3c1e2"
    assert lines[1] == (
        "client    BR-SP (precision: subdivision)   AS64506   from ECS /24 → answer scope /24"
    )
    assert lines[2:5] == [
        " who      ✗ mainland-china   area CN: BR-SP",
        "          ✗ eu-residency   area DE, FR: BR-SP",
        "          ✓ everyone-else   everybody   pick latency, tie 15 ms",
    ]
    assert lines[5].startswith(" site     aws/us-east-1")
    assert lines[5].endswith("← best  100 % of the answers")
    assert (
        "          capacity aws/us-east-1 67 % ≥ 67 % needed with headroom 50 %: keeps its full share"
        in lines
    )
    text = "\n".join(lines)
    assert " zone     z1  " in text
    assert 'drained in example.com.yaml:33 "CHG-4821 kernel"' in text
    assert "   TTL 30   order rotates   NOERROR" in text
    assert lines[-1].startswith(" if       aws/us-east-1/z1 also fails → ")


def test_what_the_table_would_do_without_the_site_is_what_suppositions_say(world):
    """The sentence about the next failure comes true when it is supposed."""
    story = told(world, situation=lab.situation(drained=[f"{US}/z3"]))
    after = told(
        world, situation=suppose(PLAN, lab.situation(drained=[f"{US}/z3"]), [f"down:{US}/z1"])
    )
    assert after.reason is Reason.SPILL
    assert [round(line.share, 2) for line in after.sites] == [0.5, 0.5, 0.0]
    assert story.sites[1].site == after.sites[1].site


def test_a_fence_says_that_it_holds(world):
    story = told(world, "198.51.100.0/24", lab.situation(down=rest_of(EU)))
    assert story.reason is Reason.PANIC  # a third is less than half, and nothing else is allowed
    story = told(
        world,
        "198.51.100.0/24",
        lab.situation(down=rest_of(EU)),
        plan=make(panic=replace(PLAN.zones[0].policies[0].panic, below=0.3)),
    )
    assert story.reason is Reason.FENCE_HOLD
    assert story.allowed == {addresses(EU, 3)}
    assert any("fence" in note for note in story.notes)


def test_a_last_resort_is_told(world):
    plan = make(
        when_all_down=WhenAllDown.LAST_RESORT,
        last_resort=lab.last_resort(cname="sorry.example.net"),
    )
    situation = lab.situation(down=lab.ids(plan.zones[0].sites))
    story = told(world, plan=plan, situation=situation)
    assert story.last_resort
    assert story.allowed == {frozenset({"sorry.example.net."})}
    assert story.answer_type == "CNAME"
    assert all(line.chance == 0 for line in story.endpoints)


def test_a_refusal_is_told(world):
    plan = make(when_all_down=WhenAllDown.REFUSE)
    story = told(world, plan=plan, situation=lab.situation(down=lab.ids(plan.zones[0].sites)))
    assert (story.rcode, story.allowed, story.ttl) == ("REFUSED", frozenset(), None)


def test_spread_answers_are_listed_with_their_chances(world):
    story = told(world)
    assert story.allowed == {addresses(US, 1, 2), addresses(US, 1, 3), addresses(US, 2, 3)}
    assert [answer.chance for answer in story.answers] == pytest.approx([1 / 3] * 3)
    assert "one of 3" in explain_text(story)


def test_https_hints_are_told(world):
    plan = make(https=Https(1, ("h2",), None, True))
    story = told(world, plan=plan, rtype=65)
    assert story.answer_type == "HTTPS"
    assert len(story.allowed) == 3
    assert all("ipv4hint=" in text for texts in story.allowed for text in texts)


def test_an_address_asks_for_itself_and_a_prefix_is_a_client_subnet(world):
    itself = told(world, "203.0.113.77")
    assert itself.client is not None
    assert (itself.client.source, itself.client.scope) == ("its own address", None)
    behind = told(world, "203.0.113.77", resolver="198.51.100.1")
    assert behind.client is not None
    assert (behind.client.address, behind.client.source) == ("203.0.113.0", "ECS /24")


def test_without_ecs_the_resolver_decides(world):
    for plan in (make(ignore_ecs=True), lab.plan(replace(PLAN.zones[0], ecs=False))):
        story = told(world, "203.0.113.0/24", plan=plan, resolver="198.51.102.1")
        assert story.rules[-1].name == "mainland-china"
        assert story.client is not None
        assert story.client.source == "resolver 198.51.102.1"
        assert any("resolver's address decides" in note for note in story.notes)
    assert story.client.scope is None  # the zone does not even echo the option
    ignoring = told(world, plan=make(ignore_ecs=True))
    assert ignoring.client is not None
    assert ignoring.client.scope == 0


def test_a_prefix_that_is_not_decided_alike_says_so(world):
    story = told(world, "198.51.0.0/16")
    assert any("not all of 198.51.0.0/16" in note for note in story.notes)
    assert not any("not all of" in note for note in told(world, "203.0.113.0/24").notes)


@pytest.mark.parametrize(
    ("name", "rtype", "outcome", "rcode"),
    [
        ("mail.example.com", 1, Outcome.STATIC, "NOERROR"),
        ("example.com", 6, Outcome.STATIC, "NOERROR"),
        (NAME, 28, Outcome.NODATA, "NOERROR"),
        ("b.example.com", 1, Outcome.NODATA, "NOERROR"),
        ("nothing.example.com", 1, Outcome.NXDOMAIN, "NXDOMAIN"),
        ("host.sub.example.com", 1, Outcome.REFERRAL, "NOERROR"),
        ("example.net", 1, Outcome.OUTSIDE, "REFUSED"),
    ],
)
def test_what_no_policy_decides_is_explained_too(world, name, rtype, outcome, rcode):
    story = told(world, name=name, rtype=rtype)
    assert (story.outcome, story.rcode) == (outcome, rcode)
    assert story.notes
    assert story.client is None
    assert bool(story.answers) == (outcome is Outcome.STATIC)
    assert rcode in explain_text(story)


def test_a_wildcard_is_named(world):
    story = told(world, name="x.apps.example.com")
    assert story.outcome is Outcome.STEERED
    assert "the name is covered by the wildcard *.apps.example.com." in story.notes


def test_an_alias_without_the_family_is_nodata(world):
    place = lab.site(US, [[lab.endpoint(f"{US}/z1", alias="lb.example.net")]])
    plan = lab.plan(lab.zone_plan([lab.policy(lab.rule(US))], lab.sites(place)))
    known = lab.situation(aliases={"lb.example.net": AliasAddresses((b"abcd",))})
    story = told(world, plan=plan, situation=known, rtype=28)
    assert (story.rcode, story.allowed) == ("NOERROR", {frozenset()})
    assert story.reason is Reason.NO_ADDRESS
    unknown = told(world, plan=plan, rtype=28)
    assert (unknown.rcode, unknown.reason) == ("REFUSED", Reason.UNRESOLVED)


def test_json_says_the_same(world):
    story = told(world, situation=lab.situation(drained=[f"{US}/z3"]))
    read = json.loads(json.dumps(story.to_json()))
    assert read["answers"][0]["records"] == sorted(addresses(US, 1, 2))
    assert read["reason"] == "preferred"
    assert read["rules"][0]["reasons"][0]["key"] == "area"


def test_what_is_no_client_is_refused(world):
    for client in ("203.0.113", "example", "203.0.113.0/33", "::1/129", ""):
        with pytest.raises(AskingError):
            told(world, client)
    with pytest.raises(AskingError):
        told(world, resolver="203.0.113.0/24")
    with pytest.raises(GslbError):
        told(world, name="a..b")


def test_all_of_the_world_is_explained_for_ipv6_clients(world):
    story = told(world, "2001:db8:1::/48")
    assert story.rules[-1].name == "mainland-china"
    assert story.client is not None
    assert story.client.area == "CN-GD"


def test_a_site_with_nothing_left_is_told_and_its_zones_are_shown(world):
    gone = told(world, situation=lab.situation(down=[f"{US}/z{n}" for n in (1, 2, 3)]))
    assert gone.reason is Reason.SPILL
    assert f"{US} has nothing left, so all of its share goes elsewhere" in gone.notes
    assert {line.site for line in gone.endpoints} == {US, gone.sites[1].site}
    assert [line.status for line in gone.endpoints if line.site == US] == ["down"] * 3
    part = told(world, situation=lab.situation(down=[f"{US}/z1", f"{US}/z2"]))
    assert f"{US} lost more than its headroom, so a part of its share goes elsewhere" in part.notes


def test_a_zone_that_is_drained_is_shown_where_its_site_is_not_answered(world):
    story = told(world, situation=lab.situation(drained=[f"{ASIA}/z3"]))
    assert story.allowed == told(world).allowed
    assert [e.drained != "" for e in story.endpoints if e.site == ASIA] == [False, False, True]
    assert {e.site for e in told(world).endpoints} == {US}


def test_capacities_that_round_alike_are_told_apart(world):
    where = lab.sites(
        lab.site(US, [[lab.endpoint(f"{US}/a", 747)], [lab.endpoint(f"{US}/b", 253)]]), EU
    )
    policy = lab.policy(lab.rule(US, then=[EU]), headroom=1 / 3)
    plan = lab.plan(lab.zone_plan([policy], where))
    text = explain_text(told(world, plan=plan, situation=lab.situation(down=[f"{US}/b"])))
    assert "capacity aws/us-east-1 74.7 % < 75.0 % needed with headroom 33 %: keeps" in text


@pytest.mark.parametrize("down", [[], [1], [1, 2]])
def test_the_shares_of_the_next_failure_are_those_that_it_brings(world, down):
    """Totals, whatever is gone already: the sentence and the supposition agree."""
    before = lab.situation(down=[f"{US}/z{n}" for n in down])
    story = told(world, situation=before)
    victim = story.what_if.split(" also fails")[0]
    after = told(world, situation=suppose(PLAN, before, [f"down:{victim}"]))
    shares = {line.site: line.share for line in after.sites}
    totals = r"(\d+) % (?:of this client's answers go )?to (\S+)"
    said = {site: int(share) for share, site in re.findall(totals, story.what_if)}
    assert said == {site: round(100 * shares[site]) for site in said}
    assert bool(said) is bool(down)  # one zone of three is within the headroom
