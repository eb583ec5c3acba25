"""Reach tells, over every client there is, which rules match, decide and take."""

from __future__ import annotations

import numpy as np

from gslb.steering.reach import reach


def test_matches_decisions_and_takers_are_told_apart(small) -> None:
    policy = small.policy(
        small.rule("aws/us-east-1", small.when(area="DE")),
        small.rule("aws/us-east-1", small.when(area="FR", asn="64507")),
        small.rule("aws/us-east-1", small.when(asn="64503")),
        small.rule("aws/us-east-1", small.when(area="DE", asn="64503")),
        small.rule("aws/us-east-1"),
    )
    found = reach(policy, (1, 28), small.world())
    assert found.matches.tolist() == [True, False, True, True, True]
    assert found.decides.tolist() == [True, False, True, False, True]
    assert np.flatnonzero(found.taken[3]).tolist() == [0]
    assert found.lost == ""


def test_rules_behind_a_catch_all_are_taken_by_it(small) -> None:
    policy = small.policy(
        small.rule("aws/us-east-1"), small.rule("aws/us-east-1", small.when(area="DE"))
    )
    found = reach(policy, (1,), small.world())
    assert found.matches.tolist() == [True, True]
    assert found.decides.tolist() == [True, False]
    assert found.taken[1].tolist() == [True, False]


def test_a_type_that_no_rule_is_for_loses_its_clients(small) -> None:
    policy = small.policy(small.rule("aws/us-east-1", small.when(qtype="A")))
    assert reach(policy, (1,), small.world()).lost == ""
    assert reach(policy, (1, 28), small.world()).lost == "unknown places"


def test_pairs_whose_every_range_is_under_a_prefix_are_judged_there(small) -> None:
    policy = small.policy(
        small.rule("aws/us-east-1", small.when(net="203.0.115.0/24")),
        small.rule("aws/us-east-1", small.when(area="JP")),
    )
    assert reach(policy, (1,), small.world()).decides.tolist() == [True, False]
