"""A world keeps what was computed of it, and knows where sites are."""

from __future__ import annotations

import numpy as np
import pytest

from gslb.geo.table import empty_table
from gslb.steering import world as module
from gslb.steering.world import country_near, make_world, region_country


def test_results_are_made_once_and_the_oldest_are_forgotten(small, monkeypatch) -> None:
    monkeypatch.setattr(module, "KEPT_RESULTS", 2)
    world, made = small.world(), []

    def make(name: str) -> str:
        return world.keep(name, lambda: made.append(name) or name)

    for name in ("a", "b", "a", "c", "a", "b"):
        assert make(name) == name
    assert made == ["a", "b", "c", "b"]


def test_a_result_that_is_none_is_kept_too(small) -> None:
    world, made = small.world(), []
    for _ in range(2):
        assert world.keep("nothing", lambda: made.append(1)) is None
    assert made == [1]


def test_as_numbers_are_found_exactly(small) -> None:
    world = small.world()
    mask = world.asn_mask(frozenset({4134, 64502, 1, 2**31, 2**40, -5, 0}))
    assert world.asns[mask].tolist() == [4134, 64502]
    assert not world.asn_mask(frozenset()).any()


def test_ranges_begin_at_zero(small) -> None:
    for starts, pairs in make_world(empty_table(), small.now).ranges.values():
        assert starts.tolist() == pairs.tolist() == [0]


def test_an_unknown_area_has_no_places(small) -> None:
    world = small.world()
    assert not world.area_places("nowhere").any()
    assert world.area_places("CN").sum() == 2


def test_unknown_places_have_no_point(small) -> None:
    world = small.world()
    assert np.isnan(world.latitudes[0])
    assert np.isfinite(world.latitudes[1:]).all()


@pytest.mark.parametrize(
    ("name", "at", "abroad"),
    [
        ("alibaba/cn-shanghai", None, False),
        ("aws/cn-north-1", (0.0, 0.0), False),
        ("alibaba/cn-hongkong", None, True),
        ("acme/shenzhen", (22.55, 114.05), False),
        ("acme/hong-kong", (22.28, 114.17), True),
        ("acme/pole", (89.0, 0.0), True),
        ("acme/lab", None, True),
    ],
)
def test_it_is_known_which_sites_are_in_mainland_china(small, name, at, abroad) -> None:
    assert small.world().abroad(small.site(name, at=at)) is abroad


def test_the_files_word_on_where_a_site_is_wins(small) -> None:
    world = small.world()
    assert world.point(small.site("aws/us-east-1")) == pytest.approx((39.044, -77.487))
    assert world.point(small.site("aws/us-east-1", at=(1.0, 2.0))) == (1.0, 2.0)
    assert world.point(small.site("acme/lab")) is None


def test_countries_of_regions() -> None:
    assert region_country("gcp/asia-east1") == "TW"
    assert region_country("acme/lab") is None
    assert country_near(48.9, 2.3) == "FR"
    assert country_near(-60.0, -120.0) is None
