"""Which types a steered name has."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gslb.policy.plan import (
    AvailabilityZone,
    Condition,
    Endpoint,
    Families,
    Https,
    Panic,
    Pick,
    Policy,
    Protect,
    Rule,
    Site,
    Spread,
    Target,
    Term,
    WhenAllDown,
)
from gslb.policy.problems import Where
from gslb.policy.types import (
    Lack,
    can_answer,
    concerned,
    concerns,
    is_catch_all,
    lacks,
    only_cnames,
    record_types,
)

HERE = Where(Path("p.yaml"), 1, 1)
A, CNAME, AAAA, HTTPS, TXT = 1, 5, 28, 65, 16
V4, V6, HOST = bytes((192, 0, 2, 1)), bytes(15) + b"\1", b"\2lb\7example\3net\0"


def site(name: str, *kinds: str) -> Site:
    def end(index: int, kind: str) -> Endpoint:
        return Endpoint(
            id=f"{name}/z{index}",
            weight=1,
            a=V4 if "4" in kind else None,
            aaaa=V6 if "6" in kind else None,
            alias=HOST if kind == "alias" else None,
            cname=HOST if kind == "cname" else None,
            drained=None,
            where=HERE,
        )

    zones = (AvailabilityZone(f"z{i}", (end(i, kind),)) for i, kind in enumerate(kinds))
    return Site(name, tuple(zones), 0, None, HERE)


SITES = {
    "c/four": site("c/four", "4"),
    "c/six": site("c/six", "6"),
    "c/both": site("c/both", "46"),
    "c/split": site("c/split", "4", "6"),
    "c/alias": site("c/alias", "alias"),
    "c/cname": site("c/cname", "cname"),
}


def rule(to: str, then: str = "", when: Condition | None = None, name: str = "r") -> Rule:
    targets = tuple(Target(f"c/{one}", 1) for one in to.split())
    spare = tuple(f"c/{one}" for one in then.split())
    return Rule(name, when, Pick.SHARE, targets, spare, False, 15.0, HERE)


def words(key: str, *texts: str) -> Condition:
    return Condition(**{key: tuple(Term(text, HERE) for text in texts)})


def policy(*rules: Rule, https: bool = False) -> Policy:
    return Policy(
        name="www.example.com",
        rules=rules,
        ttl=30,
        count=2,
        spread=Spread.ZONE,
        headroom={},
        capacity_at={},
        checks={},
        panic=Panic(0.5, "all"),
        when_all_down=WhenAllDown.SERVE_ALL,
        last_resort=None,
        https=Https(1, ("h2",), None, True) if https else None,
        families=Families.TOGETHER,
        protect=Protect(300.0, True, (0.25, 30.0)),
        ignore_ecs=False,
        where=HERE,
    )


@pytest.mark.parametrize(
    ("name", "able"),
    [
        ("four", {A, HTTPS}),
        ("six", {AAAA, HTTPS}),
        ("both", {A, AAAA, HTTPS}),
        ("split", {A, AAAA, HTTPS}),
        ("alias", {A, AAAA, HTTPS}),
        ("cname", {A, AAAA, HTTPS, CNAME, TXT}),
    ],
)
def test_a_site_answers_what_its_endpoints_have(name: str, able: set[int]) -> None:
    found = {t for t in (A, CNAME, AAAA, HTTPS, TXT) if can_answer(SITES[f"c/{name}"], t)}
    assert found == able


@pytest.mark.parametrize(
    ("rules", "types"),
    [
        ([rule("four")], (A,)),
        ([rule("six")], (AAAA,)),
        ([rule("four six")], (A, AAAA)),
        pytest.param([rule("four", "six")], (A,), id="AAAA that only the spare site has"),
        ([rule("six", "four")], (A, AAAA)),
        ([rule("alias")], (A, AAAA)),
        ([rule("cname")], (CNAME,)),
        ([rule("cname four")], (A, AAAA)),
        ([rule("cname", when=words("area", "CN")), rule("four")], (A,)),
        ([rule("four", when=words("area", "CN")), rule("both")], (A,)),
        ([rule("four", when=words("area", "CN")), rule("six")], ()),
    ],
)
def test_a_type_exists_for_every_client_or_for_none(
    rules: list[Rule], types: tuple[int, ...]
) -> None:
    assert record_types(policy(*rules), SITES) == types


def test_https_comes_with_the_policy_and_an_address() -> None:
    assert record_types(policy(rule("four"), https=True), SITES) == (A, HTTPS)
    assert record_types(policy(rule("cname"), https=True), SITES) == (CNAME,)
    nothing = policy(rule("four", when=words("area", "CN")), rule("six"), https=True)
    assert record_types(nothing, SITES) == ()


def test_a_rule_for_one_type_concerns_only_that_type() -> None:
    only_v6 = rule("six", when=words("qtype", "aaaa"))
    assert record_types(policy(only_v6, rule("four")), SITES) == (A, AAAA)
    assert concerns(only_v6, AAAA)
    assert not concerns(only_v6, A)
    but_v4 = rule("six", when=Condition(excluded=(words("qtype", "A"),)))
    assert not concerns(but_v4, A)
    assert concerns(but_v4, AAAA)


def test_a_rule_behind_a_catch_all_changes_nothing() -> None:
    rules = rule("both"), rule("four", when=words("area", "CN"))
    assert record_types(policy(*rules), SITES) == (A, AAAA)
    assert list(concerned(policy(*rules), A)) == [0]


def test_lacks_names_the_rules_that_withhold_a_type_and_the_sites_that_could() -> None:
    china = rule("four", when=words("area", "CN"), name="china")
    assert list(lacks(policy(china, rule("both four")), SITES)) == [Lack(AAAA, 0, ("c/both",))]
    assert list(lacks(policy(china, rule("four")), SITES)) == []


@pytest.mark.parametrize(
    ("when", "everybody"),
    [
        (None, True),
        (Condition(), True),
        (words("qtype", "A", "AAAA", "HTTPS", "CNAME"), True),
        (words("qtype", "A"), False),
        (words("area", "CN"), False),
        (Condition(excluded=(words("area", "CN"),)), False),
        (Condition(excluded=(words("qtype", "TXT"),)), True),
    ],
)
def test_a_catch_all_is_what_matches_every_client(when: Condition | None, everybody: bool) -> None:
    assert is_catch_all(rule("four", when=when)) is everybody


kinds = st.lists(st.sampled_from(["4", "6", "46", "alias", "cname"]), min_size=1, max_size=3)


@st.composite
def worlds(draw: st.DrawFn) -> tuple[Policy, dict[str, Site]]:
    sites = {f"c/s{i}": site(f"c/s{i}", *draw(kinds)) for i in range(draw(st.integers(1, 4)))}
    names = st.lists(st.sampled_from(sorted(sites)), min_size=1, max_size=3, unique=True)
    qtype = st.sampled_from([None, *(words("qtype", w) for w in ("A", "AAAA", "HTTPS"))])
    rules = [
        Rule(
            f"r{i}",
            draw(qtype),
            Pick.SHARE,
            tuple(Target(n, 1) for n in draw(names)),
            (),
            False,
            0.0,
            HERE,
        )
        for i in range(draw(st.integers(0, 3)))
    ]
    last = Rule("rest", None, Pick.SHARE, (Target(draw(names)[0], 1),), (), False, 0.0, HERE)
    return policy(*rules, last, https=draw(st.booleans())), sites


@given(worlds())
def test_whatever_type_exists_every_rule_that_can_match_is_able_to_answer_it(
    world: tuple[Policy, dict[str, Site]],
) -> None:
    one, sites = world
    types = record_types(one, sites)
    assert list(types) == sorted(set(types))
    if only_cnames(one, sites):
        assert types == (CNAME,)
        return
    for rtype in types:
        for index in concerned(one, rtype):
            assert any(can_answer(sites[name], rtype) for name in one.rules[index].sites)
    for rtype in {A, AAAA} - set(types):
        able = [
            any(can_answer(sites[name], rtype) for name in one.rules[index].sites)
            for index in concerned(one, rtype)
        ]
        assert not all(able)


@given(worlds())
def test_health_and_weights_never_change_the_types(
    world: tuple[Policy, dict[str, Site]],
) -> None:
    one, sites = world
    weightless = {
        name: replace(
            s,
            zones=tuple(
                replace(z, endpoints=tuple(replace(e, weight=0) for e in z.endpoints))
                for z in s.zones
            ),
        )
        for name, s in sites.items()
    }
    assert record_types(one, weightless) == record_types(one, sites)
