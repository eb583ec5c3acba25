"""Estimates go from the model to the prefix, each step shrinking towards the one before."""

from __future__ import annotations

from datetime import timedelta
from ipaddress import ip_address

import numpy as np
import pytest

from gslb.steering.estimates import estimates
from gslb.steering.latency import STALE_AFTER, Cell, LatencyTable, Level, parse_key
from gslb.steering.matching import Items
from gslb.steering.prefixes import refine
from gslb.steering.trace import items_of

A, B = "aws/us-east-1", "aws/eu-central-1"


def made(small, *rows, finest=Level.PREFIX, age=timedelta(0)):
    """Estimates for A and B by rows of key, site, ms, samples. B has a fresh sample somewhere."""
    cells = [
        Cell(parse_key(key), site, ms, None, n, small.now - age, "") for key, site, ms, n in rows
    ]
    elsewhere = Cell(parse_key("JP"), B, 1.0, None, 1, small.now, "")
    world = small.world(LatencyTable((*cells, elsewhere)))
    return estimates(list(small.sites(A, B).values()), world, finest)


def to_a(found, client: str) -> float:
    values, _ = found.values(items_of(found.world, ip_address(client)))
    return float(values[0, 0])


def shrunk(n: int, cell: float, parent: float) -> float:
    return (n * cell + 30 * parent) / (n + 30)


def test_without_measurements_it_is_the_model(small) -> None:
    assert made(small).steps == ()
    assert to_a(made(small), "203.0.113.1") > 50


def test_each_level_corrects_the_one_before(small) -> None:
    rows = [
        ("BR", A, 200.0, 70),
        ("BR-SP", A, 150.0, 30),
        ("AS64506", A, 180.0, 60),
        ("AS64506/BR", A, 90.0, 300),
        ("AS64506/BR-SP", A, 120.0, 45),
        ("203.0.113.0/24", A, 80.0, 30),
        ("203.0.113.128/25", A, 40.0, 90),
    ]
    wanted = to_a(made(small), "203.0.113.200")
    for count, (_, _, ms, n) in enumerate(rows, 1):
        wanted = shrunk(n, ms, wanted)
        assert to_a(made(small, *rows[:count]), "203.0.113.200") == pytest.approx(wanted)


def test_a_cell_says_nothing_of_other_clients(small) -> None:
    rows = [("BR-SP", A, 1.0, 999), ("AS64506/BR-SP", A, 1.0, 999), ("203.0.113.0/25", A, 1.0, 99)]
    for client in ("203.0.113.200", "203.0.114.1", "203.0.115.1", "2001:db8:2::1"):
        area_only = rows[:2] if client == "203.0.113.200" else []
        assert to_a(made(small, *rows), client) == to_a(made(small, *area_only), client)


def test_one_site_without_fresh_samples_means_the_model_for_all(small) -> None:
    cell = Cell(parse_key("DE"), A, 1.0, None, 999, small.now, "")
    old = Cell(parse_key("DE"), B, 1.0, None, 999, small.now - STALE_AFTER * 2, "")
    for cells in ((cell,), (cell, old)):
        world = small.world(LatencyTable(cells))
        assert estimates(list(small.sites(A, B).values()), world).steps == ()
        assert len(estimates(list(small.sites(A).values()), world).steps) == 1


def test_stale_cells_are_not_used(small) -> None:
    row = ("DE", A, 1.0, 999)
    assert to_a(made(small, row), "198.51.100.1") < 10
    fresh = Cell(parse_key("JP"), A, 1.0, None, 1, small.now, "")
    old = Cell(parse_key("DE"), A, 1.0, None, 999, small.now - STALE_AFTER * 2, "")
    world = small.world(LatencyTable((fresh, old)))
    found = estimates(list(small.sites(A).values()), world)
    assert to_a(found, "198.51.100.1") == to_a(made(small), "198.51.100.1")


def test_finer_measurements_can_be_left_out(small) -> None:
    rows = [("DE", A, 50.0, 100), ("AS64503", A, 1.0, 999), ("198.51.100.0/24", A, 1.0, 999)]
    wanted = to_a(made(small, rows[0]), "198.51.100.1")
    assert to_a(made(small, *rows, finest=Level.AREA), "198.51.100.1") == wanted


def test_an_unmeasured_client_of_unknown_place_is_unknown(small) -> None:
    found = made(small, ("AS64508", A, 33.0, 500))
    values, used = found.values(items_of(found.world, ip_address("203.0.116.1")))
    assert values[0, 0] == 33.0  # measured: there is no model to shrink towards
    assert np.isnan(values[0, 1])
    assert used.tolist() == [[0, -1]]


def test_a_site_of_unknown_place_is_known_where_it_is_measured(small) -> None:
    cell = Cell(parse_key("DE"), "acme/lab", 12.0, None, 500, small.now, "")
    found = estimates(list(small.sites("acme/lab").values()), small.world(LatencyTable((cell,))))
    assert to_a(found, "198.51.100.1") == 12.0
    assert to_a(found, "198.51.101.1") == float("inf")


@pytest.mark.parametrize(
    ("client", "site", "penalty"),
    [
        ("198.51.102.1", "aws/us-east-1", True),  # China to abroad
        ("198.51.102.1", "alibaba/cn-shanghai", False),  # within
        ("203.0.115.1", "alibaba/cn-shanghai", True),  # from abroad
        ("203.0.115.1", "aws/us-east-1", False),  # elsewhere
        ("203.0.115.1", "acme/shanghai", True),  # by where it is
    ],
)
def test_the_border_of_mainland_china_costs_its_penalty(small, client, site, penalty) -> None:
    at = (31.2, 121.5) if site == "acme/shanghai" else None
    sites = [small.site(site, at=at)]
    free, dear = (to_a(estimates(sites, small.world(penalty=ms)), client) for ms in (0.0, 60.0))
    assert dear - free == pytest.approx(60.0 if penalty else 0.0)


def test_clients_of_one_profile_are_estimated_alike(small) -> None:
    rows = [("AS64503", A, 9.0, 99), ("198.51.100.0/25", A, 3.0, 99), ("DE", B, 5.0, 99)]
    found = made(small, *rows, ("2001:db8:1::/48", A, 7.0, 99))
    for family in (4, 6):
        starts, pairs = refine(*found.world.ranges[family], found.bounds(family))
        places = found.world.geo.pair_place[pairs].astype(np.intp)
        items = Items(places, found.world.pair_asn_index[pairs], family, starts)
        first, kind = found.profiles(items)
        assert len(first) < len(starts)
        alike, _ = found.values(items.pick(first))
        np.testing.assert_array_equal(alike[kind], found.values(items)[0])
        assert found.prefixes(family).bounds(family).tolist() == found.bounds(family).tolist()
