"""Sites are ranked by biased distance or by latency, with ties that are known for any loss."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays

from gslb.steering.clients import pair_items
from gslb.steering.matching import Items
from gslb.steering.ranking import bias, rank, ranker

INF = float("inf")


def at_place(world, area: str) -> Items:
    """Return one client in *area*, of no AS."""
    names = ["-".join(filter(None, (p.country, p.subdivision))) for p in world.geo.places]
    return Items(np.array([names.index(area)]), np.zeros(1, np.intp))


def order(small, world, area: str, to, sites, pick="nearest", tie=0.0):
    """Return order and bands for a client in *area*."""
    one = ranker(0, small.rule(to, pick=pick, tie=tie), sites, world)
    row = one.rows(at_place(world, area))[0]
    return list(one.outcomes)[row]


@given(
    arrays.arrays(
        np.float64,
        st.tuples(st.integers(1, 5), st.integers(1, 6)),
        elements=st.sampled_from([0.0, 5.0, 10.0, 12.0, 30.0, INF]),
    ),
    st.sampled_from([0.0, 2.0, 10.0]),
)
def test_bands_are_right_for_every_set_of_survivors(values, tie) -> None:
    orders, bands = rank(values, tie)
    for row, (order_, band) in enumerate(zip(orders.tolist(), bands.tolist(), strict=True)):
        assert sorted(order_) == list(range(values.shape[1]))
        ranked = [values[row, column] for column in order_]
        assert ranked == sorted(ranked)
        for best in range(len(ranked)):  # all before it have dropped out
            tied = [at for at in range(best, len(ranked)) if ranked[at] <= ranked[best] + tie]
            assert band[best] == tied[-1] + 1
            assert tied == list(range(best, band[best]))


def test_bias_has_the_meaning_that_route_53_gives_it() -> None:
    assert [bias(b) for b in (0, 50, 99)] == pytest.approx([1.0, 0.5, 0.01])
    assert [bias(b) for b in (-50, -99)] == pytest.approx([2.0, 100.0])


def test_the_nearest_site_is_first(small) -> None:
    names = "aws/us-east-1 aws/eu-central-1 gcp/asia-east1"
    found = order(small, small.world(), "JP", names, small.sites(*names.split()))
    assert found.order == ("gcp/asia-east1", "aws/eu-central-1", "aws/us-east-1")
    assert found.bands == (1, 2, 3)


def test_bias_draws_clients_from_further_away(small) -> None:
    names = "aws/us-east-1 aws/eu-central-1"
    for percent, best in ((0, "aws/eu-central-1"), (95, "aws/us-east-1")):
        sites = small.sites(small.site("aws/us-east-1", bias=percent), "aws/eu-central-1")
        assert order(small, small.world(), "FR", names, sites).order[0] == best


def test_two_clouds_in_one_place_tie(small) -> None:
    sites = small.sites("aws/us-east-1", "azure/eastus", "aws/eu-central-1")
    found = order(small, small.world(), "US-NY", " ".join(sites), sites)
    assert found.order[:2] == ("aws/us-east-1", "azure/eastus")
    assert found.bands == (2, 2, 3)


def test_clients_of_unknown_place_get_every_site_by_share(small) -> None:
    to = {"aws/us-east-1": 10, "aws/eu-central-1": 30, "gcp/asia-east1": 10}
    for pick in ("nearest", "latency"):
        found = order(small, small.world(), "", to, small.sites(*to), pick)
        assert found.order == ("aws/eu-central-1", "aws/us-east-1", "gcp/asia-east1")
        assert found.bands == (3, 3, 3)


def test_a_site_of_unknown_place_is_last(small) -> None:
    to = {"acme/lab": 90, "aws/us-east-1": 10}
    for pick in ("nearest", "latency"):
        found = order(small, small.world(), "US", to, small.sites(*to), pick, tie=50.0)
        assert found.order == ("aws/us-east-1", "acme/lab")
        assert found.bands == (1, 2)


def test_sites_within_the_tie_share(small) -> None:
    sites = small.sites("aws/us-east-1", "aws/us-east-2", "aws/eu-central-1")
    apart = order(small, small.world(), "US-NY", " ".join(sites), sites, "latency")
    tied = order(small, small.world(), "US-NY", " ".join(sites), sites, "latency", tie=30.0)
    assert apart.bands == (1, 2, 3)
    assert tied.bands == (2, 2, 3)


def test_the_same_outcome_is_one_class_for_all_its_places(small) -> None:
    sites = small.sites("aws/us-east-1", "aws/eu-central-1")
    one = ranker(3, small.rule(" ".join(sites), pick="nearest"), sites, small.world())
    one.rows(pair_items(small.world()))
    assert {outcome.rule for outcome in one.outcomes} == {3}
    assert len(one.outcomes) == 3  # one first, the other first, all tied


def test_other_picks_do_not_rank(small) -> None:
    sites = small.sites("aws/us-east-1")
    assert ranker(0, small.rule("aws/us-east-1"), sites, small.world()) is None
    assert ranker(0, small.rule("aws/us-east-1", pick="hash"), sites, small.world()) is None
