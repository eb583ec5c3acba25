"""The clients that rules are held against are all that there are, each exactly once."""

from __future__ import annotations

import numpy as np

from gslb.steering.clients import bind, first_match, range_items, select_rules, spaces, views_of
from gslb.steering.matching import EVERYBODY


def rules_of(small, *conditions, rtype=1):
    policy = small.policy(*(small.rule("aws/us-east-1", when) for when in conditions))
    sites = small.sites("aws/us-east-1")
    return bind(policy, sites, select_rules(policy, rtype), small.world())


def test_rules_behind_the_first_catch_all_are_left_out(small) -> None:
    found = rules_of(small, small.when(area="DE"), small.when(qtype="AAAA"), None, None)
    assert [index for index, _ in found.tests] == [0, 2]
    found = rules_of(small, small.when(area="DE"), small.when(qtype="AAAA"), None, rtype=28)
    assert [index for index, _ in found.tests] == [0, 1]
    assert found.tests[-1][1] == EVERYBODY


def test_ranges_are_cut_at_every_prefix_and_only_those_inside_are_special(small) -> None:
    nested = small.when(excluded=[small.when(net="192.0.2.64/26")])
    found = rules_of(small, small.when(net="198.51.100.0/23"), nested)
    v4, v6 = spaces(found, small.world())
    starts = [hex(start) for start in v4.starts[v4.special].tolist()]
    assert starts == ["0xc0000240", "0xc6336400", "0xc6336500"]
    assert 0xC0000280 in v4.starts
    assert len(v6.special) == 0


def test_special_ranges_keep_the_pair_of_the_range_that_they_are_cut_from(small) -> None:
    world = small.world()
    found = rules_of(small, small.when(net="203.0.115.128/25"))
    items = range_items(spaces(found, world)[0], world)
    assert [world.geo.places[place].country for place in items.places] == ["JP"]
    assert world.asns[items.asns].tolist() == [64507]


def test_views_are_the_distinct_memberships_of_resolvers(small) -> None:
    one, other = small.when(resolver="192.0.2.0/24"), small.when(resolver="192.0.2.128/25")
    ((starts4, ids4), (starts6, ids6)), views = views_of(rules_of(small, one, other), small.world())
    assert [hex(start) for start in starts4.tolist()] == [
        "0x0", "0xc0000200", "0xc0000280", "0xc0000300",
    ]  # fmt: skip
    a, b = ("192.0.2.0/24",), ("192.0.2.128/25",)
    assert [(views[at][a], views[at][b]) for at in ids4.tolist()] == [
        (False, False),
        (True, False),
        (True, True),
        (False, False),
    ]
    assert (starts6.tolist(), ids6.tolist()) == ([0], [0])


def test_the_first_rule_that_matches_is_the_one(small) -> None:
    world = small.world()
    everywhere = small.when(net="0.0.0.0/0 ::/0")
    found = rules_of(small, small.when(area="JP"), everywhere, small.when(area="DE"))
    for space in spaces(found, world):
        items = range_items(space, world)
        in_japan = np.array([world.geo.places[at].country == "JP" for at in items.places])
        assert first_match(found, items, world, {}).tolist() == np.where(in_japan, 0, 1).tolist()
