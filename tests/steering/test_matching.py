"""Conditions: AND over keys, OR in lists, not of any depth."""

from __future__ import annotations

import numpy as np
import pytest

from gslb.steering.clients import pair_items
from gslb.steering.matching import EVERYBODY, Test, evaluate, select, sets_of, walk


def matched(small, condition, rtype=1, view=None) -> set[str]:
    """Return the areas (with AS) of the pairs that match."""
    world = small.world()
    items = pair_items(world)
    test = select(condition, rtype)
    if test is None:
        return set()
    hits = np.flatnonzero(evaluate(test, items, world, view or {}))
    names = set()
    for pair in hits.tolist():
        where = world.geo.places[world.geo.pair_place[pair]]
        area = "-".join(filter(None, (where.country, where.subdivision))) or "?"
        names.add(f"{area}/{world.geo.pair_asn[pair]}")
    return names


def test_a_country_includes_its_subdivisions(small) -> None:
    assert matched(small, small.when(area="CN")) == {"CN/4134", "CN-GD/4134", "CN-GD/64505"}


def test_a_subdivision_leaves_out_clients_of_whom_only_the_country_is_known(small) -> None:
    assert matched(small, small.when(area="CN-GD")) == {"CN-GD/4134", "CN-GD/64505"}


def test_lists_are_or_and_keys_are_and(small) -> None:
    assert matched(small, small.when(area="DE FR CN", asn="64503 4134")) == {
        "DE/64503",
        "FR/64503",
        "CN/4134",
        "CN-GD/4134",
    }


def test_a_carrier_is_its_as_numbers(small) -> None:
    assert matched(small, small.when(carrier="example-net", area="US DE")) == {
        "US-CA/64501",
        "US-NY/64501",
        "US/64502",
        "US/64501",
        "DE/64502",
    }


def test_namibia_is_not_north_america(small) -> None:
    assert matched(small, small.when(area="NA")) == {"NA/64509"}
    assert matched(small, small.when(area="north-america")) >= {"US/64502"}


def test_unknown_clients_are_in_no_area_and_only_not_reaches_them(small) -> None:
    everywhere = small.when(
        area="africa asia europe north-america south-america oceania antarctica"
    )
    assert matched(small, small.when(excluded=[everywhere])) == {"?/0", "?/64508"}


def test_not_wraps_to_any_depth(small) -> None:
    but_guangdong = small.when(area="CN", excluded=[small.when(area="CN-GD")])
    assert matched(small, but_guangdong) == {"CN/4134"}
    twice = small.when(area="CN DE", excluded=[but_guangdong])
    assert matched(small, twice) == {"CN-GD/4134", "CN-GD/64505", "DE/64502", "DE/64503"}


def test_as_zero_is_nobody_even_if_written(small) -> None:
    assert matched(small, small.when(asn="0")) == set()


@pytest.mark.parametrize(
    "keys", [{"area": "ZZ"}, {"asn": "AS1"}, {"carrier": "none"}, {"net": "x"}]
)
def test_words_that_mean_nothing_match_nobody(small, keys) -> None:
    assert matched(small, small.when(**keys)) == set()


def test_prefixes_match_no_pair_that_lies_outside_them(small) -> None:
    assert matched(small, small.when(net="192.0.2.0/24")) == set()


def test_the_view_says_whether_the_resolver_is_in_a_list(small) -> None:
    condition = small.when(resolver="192.0.2.0/24", area="JP")
    key = ("192.0.2.0/24",)
    assert matched(small, condition, view={key: True}) == {"JP/64507"}
    assert matched(small, condition, view={key: False}) == set()


def test_a_type_selects_rules(small) -> None:
    only_a = small.when(qtype="A", area="DE")
    assert select(only_a, 1) == Test(area=("DE",))
    assert select(only_a, 28) is None
    assert select(small.when(qtype="a aaaa"), 28) == EVERYBODY
    assert select(None, 65) == EVERYBODY


def test_a_type_under_not_selects_the_other_types(small) -> None:
    not_a = small.when(area="DE", excluded=[small.when(qtype="A")])
    assert select(not_a, 1) is None
    assert select(not_a, 28) == Test(area=("DE",))


def test_an_empty_condition_under_not_excludes_everybody(small) -> None:
    assert select(small.when(excluded=[small.when()]), 1) is None


def test_equal_conditions_are_equal_whatever_their_order(small) -> None:
    assert select(small.when(area="DE FR DE"), 1) == select(small.when(area="FR DE"), 1)


def test_walking_reaches_every_nested_test(small) -> None:
    test = select(
        small.when(excluded=[small.when(area="DE", excluded=[small.when(net="::/0")])]), 1
    )
    assert [part.area or part.net for part in walk(test)] == [(), ("DE",), ("::/0",)]


def test_prefixes_are_kept_by_family(small) -> None:
    sets = sets_of(("192.0.2.0/24", "2001:db8::/32"), small.world())
    assert len(sets[4].firsts) == len(sets[6].firsts) == 1
