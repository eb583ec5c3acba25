"""Policies are told what geography knows better, with the place of each word."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from gslb.geo.table import empty_table
from gslb.policy import plan
from gslb.policy.problems import Severity, Where
from gslb.steering import classes, clients, lint
from gslb.steering.latency import Cell, LatencyTable, parse_key
from gslb.steering.lint import lint_plan
from gslb.steering.world import make_world

US, EU, TAIWAN = "aws/us-east-1", "aws/eu-central-1", "gcp/asia-east1"


def lints(small, policy, sites=None, world=None):
    """Return code → problem of one policy; a second problem of one code is kept in a list."""
    zone = plan.ZonePlan(
        apex=b"\7example\3com\0",
        soa=plan.Soa(b"\0", b"\0", 0, 0, 0, 0, 0, 0),
        static={},
        cuts=frozenset(),
        sites=sites or small.sites(US, EU, TAIWAN),
        policies=(policy,),
        names=((b"\3www\7example\3com\0", 0),),
        ecs=True,
        where=small.here,
    )
    problems = lint_plan(plan.Plan((zone,), "0123456"), world or small.world())
    assert problems == sorted(problems)
    return {problem.code: problem for problem in problems}


def ruled(small, *conditions, **more):
    rules = [small.rule(EU, when, name=f"r{n}") for n, when in enumerate(conditions)]
    return small.policy(*rules, small.rule(US), **more)


def test_a_policy_that_is_right_has_no_problem(small) -> None:
    rules = (
        small.rule(EU, small.when(area="DE", asn="64503")),
        small.rule(TAIWAN, small.when(carrier="cn-telecom", net="198.51.0.0/16")),
        small.rule(f"{US} {EU}", pick="latency"),
    )
    assert lints(small, small.policy(*rules)) == {}


@pytest.mark.parametrize(
    ("keys", "code", "text", "hint"),
    [
        ({"area": "UK"}, "E240", 'unknown area "UK"', "GB"),
        ({"area": "DEU-1"}, "E240", 'unknown area "DEU-1"', ""),
        ({"carrier": "cn-telekom"}, "E241", 'unknown carrier "cn-telekom"', "cn-telecom"),
        ({"carrier": "xyz"}, "E241", 'unknown carrier "xyz"', "one of"),
        ({"asn": "AS64503"}, "E242", "not an AS number", ""),
        ({"asn": "4294967296"}, "E242", "not an AS number", ""),
        ({"asn": "9" * 5000}, "E242", "not an AS number", ""),
        ({"net": "192.0.2.1/24"}, "E243", "not a prefix", "192.0.2.0/24"),
        ({"net": "192.0.2.0/33"}, "E243", "not a prefix", "for example"),
        ({"net": "2001:db8::/65"}, "E243", "longer than /64", "2001:db8::/64"),
        ({"resolver": "dns.example.com"}, "E243", "not a prefix", "for example"),
        ({"qtype": "MX"}, "E244", '"MX" is no type', "AAAA"),
    ],
)
def test_words_that_mean_nothing_are_errors(small, keys, code, text, hint) -> None:
    found = lints(small, ruled(small, small.when(**keys)))
    assert set(found) == {code}
    problem = found[code]
    assert text in problem.text
    assert hint in problem.hint
    assert problem.severity is Severity.ERROR


def test_words_under_not_are_read_too(small) -> None:
    inner = small.when(area="XX", excluded=[small.when(asn="x")])
    found = lints(small, ruled(small, small.when(area="DE", excluded=[inner])))
    assert {"E240", "E242"} <= set(found)


def test_an_as_that_is_in_no_table_is_a_warning(small) -> None:
    (problem,) = lints(small, ruled(small, small.when(asn="65551"))).values()
    assert (problem.code, problem.severity) == ("W342", Severity.WARNING)
    assert "AS65551" in problem.text


def test_a_subdivision_that_the_table_lacks_says_what_to_do(small) -> None:
    condition = small.when(area="CN-GD US-CA")
    assert lints(small, ruled(small, condition)) == {}
    world = small.world(areas=("", "US", "CN", "DE"))
    (problem,) = lints(small, ruled(small, condition), world=world).values()
    assert problem.code == "W343"
    assert "--subdivide" in problem.hint


def test_how_an_ambiguous_area_was_read_is_noted(small) -> None:
    found = lints(small, ruled(small, small.when(area="NA")))
    assert found["N440"].severity is Severity.NOTE
    assert "Namibia" in found["N440"].text


def test_prefixes_finer_than_ecs_are_noted_for_clients_only(small) -> None:
    fine = small.when(net="192.0.2.0/25")
    found = lints(small, ruled(small, fine))
    assert "/24" in found["N441"].text
    assert "/56" in lints(small, ruled(small, small.when(net="2001:db8::/57")))["N441"].text
    assert lints(small, ruled(small, fine, ignore_ecs=True)) == {}
    assert lints(small, ruled(small, small.when(resolver="192.0.2.0/25"))) == {}
    assert lints(small, ruled(small, small.when(net="192.0.2.0/24 2001:db8::/56"))) == {}


def test_a_rule_whose_clients_are_all_taken_names_the_takers(small) -> None:
    policy = ruled(
        small, small.when(area="DE"), small.when(area="FR"), small.when(area="FR DE", asn="64503")
    )
    (problem,) = lints(small, policy).values()
    assert problem.code == "W340"
    assert problem.text == (
        'rule "r2" can never match: rules "r0", "r1" before it take all of its clients'
    )


def test_a_rule_is_reachable_through_one_prefix_resolver_or_type(small) -> None:
    for keys in ({"net": "198.51.100.0/24"}, {"resolver": "192.0.2.0/24"}, {"qtype": "A"}):
        policy = ruled(small, small.when(area="DE", **keys), small.when(area="DE"))
        assert lints(small, policy) == {}, keys
        policy = ruled(small, small.when(area="DE"), small.when(area="DE", **keys))
        assert set(lints(small, policy)) == {"W340"}, keys


def test_a_prefix_that_takes_all_addresses_leaves_nobody(small) -> None:
    policy = ruled(small, small.when(net="0.0.0.0/0 ::/0"), small.when(area="DE"))
    assert set(lints(small, policy)) == {"W340"}


def test_a_rule_that_contradicts_itself_matches_nobody(small) -> None:
    for condition in (
        small.when(area="DE", asn="64507"),
        small.when(area="DE", excluded=[small.when(area="europe")]),
        small.when(excluded=[small.when()]),
        small.when(qtype="HTTPS"),  # the policy has no HTTPS record
        small.when(area="DE", net="203.0.113.0/24"),
    ):
        (problem,) = lints(small, ruled(small, condition)).values()
        assert (problem.code, problem.severity) == ("W341", Severity.WARNING)


def test_the_last_rule_may_be_there_for_nobody(small) -> None:
    policy = ruled(small, small.when(qtype="A"), small.when(qtype="AAAA"))
    assert lints(small, policy) == {}


def test_clients_without_a_rule_are_an_error(small) -> None:
    policy = small.policy(
        small.rule(EU, small.when(excluded=[small.when(area="DE")])),
        small.rule(US, small.when(area="DE", asn="64503")),
    )
    found = lints(small, policy)
    assert set(found) == {"E246"}
    assert found["E246"].text.endswith("DE, AS64502")


@pytest.mark.parametrize("pick", ["nearest", "latency"])
def test_a_site_that_cannot_be_ranked_is_an_error_with_what_to_add(small, pick) -> None:
    where = Where(Path("example.com.yaml"), 30, 3)
    lab = replace(small.site("acme/lab"), where=where)
    policy = small.policy(small.rule(f"{US} acme/lab", pick=pick))
    (problem,) = lints(small, policy, small.sites(US, lab)).values()
    assert (problem.code, problem.where) == ("E245", where)
    assert "at: [" in problem.hint
    placed = small.sites(US, small.site("acme/lab", at=(1.0, 2.0)))
    assert lints(small, policy, placed) == {}
    shared = small.policy(small.rule(f"{US} acme/lab"))
    assert lints(small, shared, small.sites(US, lab)) == {}


def test_a_misspelled_region_is_guessed(small) -> None:
    policy = small.policy(small.rule("aws/us-eastt-1", pick="nearest"))
    assert "aws/us-east-1" in lints(small, policy, small.sites("aws/us-eastt-1"))["E245"].hint


def table(small, *sites: str) -> LatencyTable:
    return LatencyTable(
        tuple(Cell(parse_key("DE"), site, 5.0, None, 99, small.now, "") for site in sites)
    )


def test_a_measured_site_of_unknown_place_is_a_warning(small) -> None:
    policy = small.policy(small.rule("acme/lab", pick="latency"))
    world = small.world(table(small, "acme/lab"))
    assert set(lints(small, policy, small.sites("acme/lab"), world)) == {"W344"}


def test_measurements_that_one_missing_site_disables_are_noted(small) -> None:
    policy = small.policy(small.rule(f"{US} {EU} {TAIWAN}", pick="latency"))
    found = lints(small, policy, world=small.world(table(small, US, EU)))
    assert TAIWAN in found["N443"].text
    assert lints(small, policy, world=small.world(table(small, US, EU, TAIWAN))) == {}


def test_measurements_that_do_not_fit_are_noted(small, monkeypatch) -> None:
    cells = tuple(
        Cell(parse_key("198.51.100.0/24"), site, ms, None, 9999, small.now, "")
        for site, ms in ((US, 10.0), (EU, 90.0))
    )
    world = small.world(LatencyTable(cells), areas=("",))
    policy = small.policy(small.rule(f"{US} {EU}", pick="latency"))
    assert "N442" not in lints(small, policy, world=world)
    monkeypatch.setattr(classes, "MAX_CLASSES", 1)
    world = small.world(LatencyTable(cells), areas=("",))
    assert "finer than asn_area" in lints(small, policy, world=world)["N442"].text


def test_too_many_kinds_of_resolvers_or_clients_are_an_error(small, monkeypatch) -> None:
    policy = ruled(
        small, small.when(resolver="192.0.2.0/24"), small.when(resolver="198.51.100.0/24")
    )
    monkeypatch.setattr(clients, "MAX_VIEWS", 2)
    assert "3 kinds of resolvers" in lints(small, policy)["E247"].text
    for module in (classes, lint):
        monkeypatch.setattr(module, "MAX_CLASSES", 2)
    policy = small.policy(small.rule(f"{US} {EU} {TAIWAN}", pick="nearest"))
    assert "kinds of clients" in lints(small, policy)["E247"].text


def test_without_geography_one_warning_says_so(small) -> None:
    world = make_world(empty_table(), small.now)
    policy = ruled(small, small.when(area="DE US-CA", asn="64503"))
    assert set(lints(small, policy, world=world)) == {"W345"}


def test_every_code_is_in_the_table_of_codes() -> None:
    import re

    from gslb.policy.codes import CODES

    text = Path(lint.__file__).read_text("utf-8")
    used = set(re.findall(r'"([EWN]\d{3})"', text)) | {"E290"}
    assert used <= set(CODES)


def test_a_region_that_a_known_cloud_does_not_have_is_a_warning(small) -> None:
    policy = small.policy(small.rule("aws/us-oest-1"))
    found = lints(small, policy, small.sites("aws/us-oest-1"))
    assert found["W346"].severity is Severity.WARNING
    assert 'aws is not known to have a region "us-oest-1"' in found["W346"].text
    assert "did you mean aws/us-" in found["W346"].hint
    placed = {
        name: replace(site, at=(1.0, 2.0)) for name, site in small.sites("aws/us-oest-1").items()
    }
    assert lints(small, policy, placed) == {}


def test_own_data_centres_are_nobodys_regions(small) -> None:
    policy = small.policy(small.rule("onprem/ams-1"))
    assert lints(small, policy, small.sites("onprem/ams-1")) == {}


def test_a_region_that_cannot_be_ranked_is_told_once(small) -> None:
    policy = small.policy(small.rule("aws/us-oest-1 aws/us-east-1", pick="nearest"))
    found = lints(small, policy, small.sites("aws/us-oest-1", "aws/us-east-1"))
    assert set(found) == {"E245"}
