"""What policies call parts of the world."""

from collections.abc import Callable
from itertools import combinations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gslb.geo.areas import AreaIndex, UnknownArea, world_areas
from gslb.geo.table import GeoTable
from gslb.geo.world import alpha3_codes, countries, subdivision_codes

MakeTable = Callable[..., GeoTable]


@pytest.fixture(scope="module")
def areas() -> AreaIndex:
    return world_areas()


def test_country_is_two_capitals(areas: AreaIndex) -> None:
    area = areas.resolve("FR")
    assert (area.countries, area.subdivisions, area.note) == ({"FR"}, frozenset(), "")


def test_subdivision_is_iso_3166_2(areas: AreaIndex) -> None:
    area = areas.resolve("CN-GD")
    assert (area.countries, area.subdivisions) == (frozenset(), {("CN", "GD")})
    assert area.note == ""


@pytest.mark.parametrize(
    ("code", "country"), [("NA", "NA"), ("AS", "AS"), ("SA", "SA"), ("AF", "AF")]
)
def test_two_letters_that_are_a_country_are_that_country(
    areas: AreaIndex, code: str, country: str
) -> None:
    area = areas.resolve(code)
    assert area.countries == {country}
    assert "the continent is written" in area.note


@pytest.mark.parametrize(
    ("code", "name"), [("EU", "europe"), ("OC", "oceania"), ("AN", "antarctica")]
)
def test_two_letters_that_are_no_country_are_octodns_continents(
    areas: AreaIndex, code: str, name: str
) -> None:
    area = areas.resolve(code)
    assert area.countries == areas.groups[name]
    assert name in area.note


def test_continent_europe_is_not_the_union(areas: AreaIndex) -> None:
    assert "GB" in areas.resolve("EU").countries
    assert "GB" not in areas.resolve("eu27").countries
    assert "eu27" in areas.resolve("EU").note


@pytest.mark.parametrize(
    ("code", "country"),
    [
        ("NA-CA", "CA"),
        ("EU-DE", "DE"),
        ("SA-BR", "BR"),
        ("AS-JP", "JP"),
        ("EU-TR", "TR"),
        ("AF-EG", "EG"),
    ],
)
def test_two_parts_that_begin_with_a_continent_are_its_country(
    areas: AreaIndex, code: str, country: str
) -> None:
    area = areas.resolve(code)
    assert area.countries == {country}
    assert countries()[country].name in area.note


@pytest.mark.parametrize("code", ["NA-KA", "SA-01", "AF-KAB"])
def test_two_parts_without_a_country_are_a_subdivision(areas: AreaIndex, code: str) -> None:
    assert areas.resolve(code).subdivisions == {tuple(code.split("-"))}


def test_three_parts_are_continent_country_subdivision(areas: AreaIndex) -> None:
    assert areas.resolve("NA-US-CA") == areas.resolve("US-CA")
    assert areas.resolve("AF-NA-CA").subdivisions == {("NA", "CA")}


def test_the_note_says_how_to_write_the_other_reading(areas: AreaIndex) -> None:
    note = areas.resolve("NA-CA").note
    assert "Canada" in note
    assert "AF-NA-CA" in note


def test_former_codes_are_read_and_said_to_be_old(areas: AreaIndex) -> None:
    area = areas.resolve("CN-44")
    assert area.subdivisions == {("CN", "GD")}
    assert "CN-GD" in area.note


@pytest.mark.parametrize(("code", "country"), [("CN-HK", "HK"), ("US-PR", "PR")])
def test_parts_with_a_country_code_of_their_own_are_that_country(
    areas: AreaIndex, code: str, country: str
) -> None:
    assert areas.resolve(code).countries == {country}


@pytest.mark.parametrize(
    ("written", "meant"),
    [
        ("UK", "GB"),
        ("HKG", "HK"),
        ("CHE", "CH"),
        ("usa", "US"),
        ("us", "US"),
        ("us-ca", "US-CA"),
        ("US_CA", "US-CA"),
        ("Germany", "DE"),
        ("California", "US-CA"),
        ("CN-Guangdong", "CN-GD"),
        ("Europe", "europe"),
        ("eu28", "eu27"),
        ("north america", "north-america"),
        ("greater_china", "greater-china"),
        ("europ", "europe"),
    ],
)
def test_mistakes_are_met_with_a_suggestion(areas: AreaIndex, written: str, meant: str) -> None:
    with pytest.raises(UnknownArea) as caught:
        areas.resolve(written)
    assert caught.value.suggestion == meant
    assert meant in str(caught.value)


@pytest.mark.parametrize(
    "written", ["", "ZZ", "US-ZZ", "qqqqqq", "NA-US-ZZ", "XX-US-CA", "US-CA-LA-X"]
)
def test_nonsense_is_unknown(areas: AreaIndex, written: str) -> None:
    with pytest.raises(UnknownArea):
        areas.resolve(written)


@given(st.text(max_size=12))
def test_any_text_is_an_area_or_unknown(written: str) -> None:
    try:
        area = world_areas().resolve(written)
    except UnknownArea:
        return
    assert area.countries or area.subdivisions


def test_every_listed_name_resolves_to_itself(areas: AreaIndex) -> None:
    for name in areas.names:
        assert areas.resolve(name).name == name


def test_the_name_of_an_area_means_the_same_area(areas: AreaIndex) -> None:
    for country, codes in subdivision_codes().items():
        for code in codes:
            home = countries()[country].continent
            area = areas.resolve(f"{home}-{country}-{code}")
            again = areas.resolve(area.name)
            assert area.subdivisions == {(country, code)}
            assert again.subdivisions == area.subdivisions


def test_unions_have_their_members(areas: AreaIndex) -> None:
    assert len(areas.groups["eu27"]) == 27
    assert areas.groups["eea"] - areas.groups["eu27"] == {"IS", "LI", "NO"}
    assert areas.groups["mainland-china"] == {"CN"}
    assert areas.groups["greater-china"] == {"CN", "HK", "MO", "TW"}
    assert areas.groups["mena"] <= areas.groups["emea"]


def test_groups_hold_only_countries(areas: AreaIndex) -> None:
    for name, members in areas.groups.items():
        assert members <= countries().keys(), name
        assert members, name


CONTINENTS = ("africa", "antarctica", "asia", "europe", "north-america", "oceania", "south-america")


def test_continents_divide_the_world(areas: AreaIndex) -> None:
    for one, other in combinations(CONTINENTS, 2):
        assert not areas.groups[one] & areas.groups[other]
    assert frozenset().union(*(areas.groups[name] for name in CONTINENTS)) == countries().keys()


def test_sales_regions_divide_the_world(areas: AreaIndex) -> None:
    """Every country but Antarctica's is in exactly one of emea, apac, latam, northern America."""
    north = {"US", "CA", "BM", "GL", "PM"}
    parts = [areas.groups["emea"], areas.groups["apac"], areas.groups["latam"], north]
    for one, other in combinations(parts, 2):
        assert not one & other
    assert frozenset().union(*parts) == countries().keys() - areas.groups["antarctica"]


def test_places_of_an_area_are_those_inside_it(areas: AreaIndex, make_table: MakeTable) -> None:
    table = make_table({1 << 24: ("US", "CA", 1), 2 << 24: ("US", "", 1), 3 << 24: ("CN", "GD", 1)})
    codes = [f"{place.country}-{place.subdivision}" for place in table.places]

    def inside(text: str) -> set[str]:
        mask = areas.resolve(text).places(table)
        return {code for code, yes in zip(codes, mask, strict=True) if yes}

    assert inside("US") == {"US-CA", "US-"}
    assert inside("US-CA") == {"US-CA"}
    assert inside("north-america") == {"US-CA", "US-"}
    assert inside("CN") == {"CN-GD"}
    assert inside("DE") == set()


def test_unknown_place_is_in_no_area(areas: AreaIndex, make_table: MakeTable) -> None:
    table = make_table({})
    assert not any(areas.resolve(name).places(table)[0] for name in areas.names)


def test_coverage_tells_whether_the_table_has_the_subdivisions(
    areas: AreaIndex, make_table: MakeTable
) -> None:
    countries_only = make_table({1 << 24: ("US", "", 1)})
    finer = make_table({1 << 24: ("US", "CA", 1)})
    assert not areas.covered(areas.resolve("US-CA"), countries_only)
    assert areas.covered(areas.resolve("US-CA"), finer)
    assert areas.covered(areas.resolve("US"), countries_only)


def test_every_country_is_suggested_for_its_three_letters() -> None:
    assert sorted(alpha3_codes().values()) == sorted(countries())
    assert all(len(code) == 3 and code.isupper() for code in alpha3_codes())
