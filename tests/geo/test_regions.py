"""Where the clouds' regions are."""

import pytest

from gslb.geo.distance import great_circle_km
from gslb.geo.regions import closest_name, cloud_regions, coordinates, known_sites
from gslb.geo.world import countries

CLOUDS = {"aws", "gcp", "azure", "oci", "alibaba", "tencent"}


@pytest.mark.parametrize(
    ("site", "city"),
    [
        ("aws/us-east-1", (39.0, -77.5)),
        ("aws/eu-central-1", (50.1, 8.7)),
        ("gcp/asia-east1", (24.1, 120.5)),
        ("alibaba/cn-shanghai", (31.2, 121.5)),
        ("azure/southafricanorth", (-26.2, 28.0)),
    ],
)
def test_known_regions_are_where_they_are(site: str, city: tuple[float, float]) -> None:
    found = coordinates(site)
    assert found is not None
    assert great_circle_km(*found, *city) < 60


def test_unknown_region_has_no_coordinates() -> None:
    assert coordinates("aws/atlantis-1") is None
    assert coordinates("our-own/berlin") is None


def test_every_cloud_is_there_and_every_region_is_on_the_map() -> None:
    assert {site.partition("/")[0] for site in known_sites()} == CLOUDS
    for region in cloud_regions().values():
        assert -90 <= region.latitude <= 90
        assert -180 <= region.longitude <= 180
        assert region.country in countries()


def test_no_region_is_on_the_wrong_side_of_the_world() -> None:
    """A sign dropped from a coordinate puts a region half a world away from its country."""
    for region in cloud_regions().values():
        home = countries()[region.country]
        away = great_circle_km(region.latitude, region.longitude, home.latitude, home.longitude)
        assert away < 4700, region.site


@pytest.mark.parametrize(
    ("written", "meant"),
    [
        ("aws/us-eats-1", "aws/us-east-1"),
        ("AWS/US-EAST-1", "aws/us-east-1"),
        ("aws/eu_central_1", "aws/eu-central-1"),
        ("gcp/asia-east-1", "gcp/asia-east1"),
    ],
)
def test_misspelt_region_is_recognised(written: str, meant: str) -> None:
    assert closest_name(written) == meant


def test_name_of_an_own_site_is_not_called_a_misspelling() -> None:
    assert closest_name("our-own/berlin") is None
