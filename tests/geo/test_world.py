"""Countries and subdivisions with their points."""

import pytest

from gslb.geo.distance import great_circle_km
from gslb.geo.settings import DEFAULT_SUBDIVIDE
from gslb.geo.table import UNKNOWN_PLACE
from gslb.geo.world import (
    CONTINENTS,
    countries,
    fold,
    place,
    subdivision_code,
    subdivision_codes,
    subdivisions,
)


def test_every_country_is_on_the_map_and_on_a_continent() -> None:
    assert len(countries()) == 250  # ISO 3166-1 and XK
    assert "XK" in countries()
    for country in countries().values():
        assert country.continent in CONTINENTS
        assert -90 <= country.latitude <= 90
        assert -180 <= country.longitude <= 180
        assert country.name


@pytest.mark.parametrize(
    ("code", "point"),
    [
        ("US-CA", (36, -119.4)),
        ("US-NY", (41.2, -74)),
        ("CN-GD", (23, 113.5)),
        ("CN-SX", (37.5, 112.3)),
        ("CN-SN", (34.3, 108.8)),
        ("RU-MOW", (55.75, 37.6)),
        ("RU-PRI", (43.5, 132.2)),
        ("IN-MH", (19.2, 74.5)),
        ("BR-SP", (-23.3, -47)),
        ("CA-ON", (44, -79.4)),
        ("AU-NSW", (-33.6, 151)),
        ("MX-JAL", (20.7, -103.4)),
        ("KZ-75", (43.25, 76.9)),
        ("ID-JK", (-6.2, 106.85)),
    ],
)
def test_points_lie_where_the_people_are(code: str, point: tuple[float, float]) -> None:
    one = subdivisions()[tuple(code.split("-"))]  # type: ignore[index]
    assert great_circle_km(one.latitude, one.longitude, *point) < 120


def test_the_ten_large_countries_have_points_for_every_subdivision() -> None:
    with_points = {country for country, _ in subdivisions()}
    assert with_points == set(DEFAULT_SUBDIVIDE)
    for country in DEFAULT_SUBDIVIDE:
        codes = {code for home, code in subdivisions() if home == country}
        assert codes == subdivision_codes()[country]


def test_points_of_subdivisions_surround_that_of_their_country() -> None:
    """A subdivision matched to another country's would stick out."""
    for (country, code), one in subdivisions().items():
        others = [o for (home, _), o in subdivisions().items() if home == country]
        assert min(o.latitude for o in others) - 1 <= countries()[country].latitude
        assert countries()[country].latitude <= max(o.latitude for o in others) + 1
        home = countries()[country]
        away = great_circle_km(one.latitude, one.longitude, home.latitude, home.longitude)
        assert away < 8000, (country, code)


def test_no_two_subdivisions_of_a_country_share_a_name_or_former_code() -> None:
    seen: dict[tuple[str, str], str] = {}
    for (country, code), one in subdivisions().items():
        for name in {fold(name) for name in (one.name, *one.aliases, *one.old_codes)}:
            assert seen.setdefault((country, name), code) == code, (country, name)


@pytest.mark.parametrize(
    ("country", "written", "code"),
    [
        ("US", "California", "CA"),
        ("US", "CA", "CA"),
        ("CN", "Guangdong", "GD"),
        ("CN", "44", "GD"),
        ("CN", "Shanxi", "SX"),
        ("CN", "Shaanxi", "SN"),
        ("CN", "内蒙古", "NM"),
        ("BR", "Sao Paulo", "SP"),
        ("BR", "São Paulo", "SP"),
        ("IN", "Orissa", "OD"),
        ("IN", "OR", "OD"),
        ("RU", "St.-Petersburg", "SPE"),
        ("RU", "Moscow", "MOW"),
        ("RU", "Moscow Oblast", "MOS"),
        ("MX", "Mexico City", "CMX"),
        ("MX", "México", "MEX"),
        ("CA", "Québec", "QC"),
        ("KZ", "ALA", "75"),
        ("ID", "West Java", "JB"),
        ("DE", "BY", "BY"),
    ],
)
def test_codes_and_names_are_understood(country: str, written: str, code: str) -> None:
    assert subdivision_code(country, written) == code


@pytest.mark.parametrize(("country", "written"), [("US", "Bavaria"), ("US", ""), ("ZZ", "CA")])
def test_what_is_no_subdivision_is_none(country: str, written: str) -> None:
    assert subdivision_code(country, written) is None


def test_place_has_the_best_point_that_there_is() -> None:
    assert place("US", "CA").longitude == subdivisions()["US", "CA"].longitude
    assert place("DE", "BY").latitude == countries()["DE"].latitude
    assert place("ZZ") == place("") == UNKNOWN_PLACE
