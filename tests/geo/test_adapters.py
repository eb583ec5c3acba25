"""What records of geo databases say, whatever the maker calls the fields."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gslb.geo.adapters import (
    NOTHING,
    PROBED_RECORDS,
    Fact,
    Kind,
    as_number,
    choose_adapter,
    country_code,
)
from gslb.geo.table import GeoError

MAXMIND_CITY = {
    "country": {"iso_code": "US", "names": {"en": "United States"}},
    "registered_country": {"iso_code": "FR"},
    "location": {"accuracy_radius": 20, "latitude": 37.7, "longitude": -122.4},
    "subdivisions": [{"iso_code": "CA", "names": {"en": "California"}}],
}


def read(kind: Kind, record: dict[str, Any]) -> Fact:
    return choose_adapter(kind, [record])(record)


@pytest.mark.parametrize(
    ("record", "country"),
    [
        ({"country_code": "AU"}, "AU"),  # ip-location-db
        ({"country": {"iso_code": "AU", "names": {"en": "Australia"}}}, "AU"),  # MaxMind, DB-IP
        ({"country": "AU", "continent": "OC"}, "AU"),  # IPinfo's older files
        ({"asn": "AS1", "country": "Australia", "country_code": "AU"}, "AU"),  # IPinfo Lite
    ],
)
def test_countries_of_every_layout(record: dict[str, Any], country: str) -> None:
    assert read(Kind.COUNTRY, record) == Fact(country)


def test_where_a_network_is_registered_is_not_where_it_is() -> None:
    nested = choose_adapter(Kind.COUNTRY, [{"country": {"iso_code": "DE"}}])
    assert nested({"registered_country": {"iso_code": "AU"}}) == NOTHING
    assert nested({"represented_country": {"iso_code": "US"}}) == NOTHING


@pytest.mark.parametrize(
    ("record", "asn"),
    [
        ({"autonomous_system_number": 13335, "autonomous_system_organization": "X"}, 13335),
        ({"asn": "AS13335", "as_name": "X"}, 13335),
        ({"asn": "13335"}, 13335),
        ({"asn": 13335}, 13335),
    ],
)
def test_as_numbers_of_every_layout(record: dict[str, Any], asn: int) -> None:
    assert read(Kind.ASN, record) == Fact(asn=asn)


def test_subdivision_of_maxmind_is_its_code() -> None:
    assert read(Kind.CITY, MAXMIND_CITY) == Fact("US", "CA")


def test_subdivision_of_db_ip_is_its_name() -> None:
    record = {**MAXMIND_CITY, "subdivisions": [{"names": {"en": "California"}}]}
    assert read(Kind.CITY, record) == Fact("US", "California")


@pytest.mark.parametrize(
    "record",
    [
        {"country_code": "US", "state1": "California", "city": "San Jose", "timezone": "X"},
        {"country_code": "US", "region": "California", "city": "San Jose"},
    ],
)
def test_subdivision_of_flat_files_is_its_name(record: dict[str, Any]) -> None:
    assert read(Kind.CITY, record) == Fact("US", "California")


@pytest.mark.parametrize(("radius", "subdivision"), [(499, "CA"), (500, ""), (1000, "")])
def test_a_wide_radius_means_that_only_the_country_is_known(radius: int, subdivision: str) -> None:
    record = {**MAXMIND_CITY, "location": {"accuracy_radius": radius}}
    assert choose_adapter(Kind.CITY, [MAXMIND_CITY])(record) == Fact("US", subdivision)


def test_no_subdivision_means_that_only_the_country_is_known() -> None:
    adapter = choose_adapter(Kind.CITY, [MAXMIND_CITY])
    for parts in (None, [], "CA", [{}], [{"names": None}]):
        assert adapter({**MAXMIND_CITY, "subdivisions": parts}) == Fact("US")


def test_the_adapter_is_the_one_that_finds_most() -> None:
    """The first records of a file often lack what the others have."""
    records: list[object] = [{"registered_country": {"iso_code": "AU"}}, None] * 50
    records += [{"country": {"iso_code": "AU"}}] * 2
    assert choose_adapter(Kind.COUNTRY, records)(records[-1]) == Fact("AU")  # type: ignore[arg-type]


def test_a_file_without_what_is_wanted_is_refused_and_says_what_it_has() -> None:
    with pytest.raises(GeoError, match="no asn in it: its records have country_code"):
        choose_adapter(Kind.ASN, [{"country_code": "AU"}])
    with pytest.raises(GeoError, match="no usable records"):
        choose_adapter(Kind.COUNTRY, [None, 5])


def test_only_the_first_records_are_looked_at() -> None:
    looked = []

    def records() -> Any:
        for number in range(10 * PROBED_RECORDS):
            looked.append(number)
            yield {"country_code": "AU"}

    choose_adapter(Kind.COUNTRY, records())
    assert len(looked) <= PROBED_RECORDS + 1


@pytest.mark.parametrize(
    ("value", "number"),
    [
        *((1, 1), ("AS1", 1), ("4294967295", 4294967295), (4294967296, 0), ("4294967296", 0)),
        *((-1, 0), ("as1", 0), ("", 0), (None, 0), ("AS", 0), (1.5, 0), ("1 ", 0), (True, 0)),
    ],
)
def test_as_numbers_are_32_bits(value: object, number: int) -> None:
    assert as_number(value) == number


@pytest.mark.parametrize("value", ["us", "USA", "", None, "-", "U1", "ÄÖ", 5])
def test_what_does_not_look_like_a_country_code_is_unknown(value: object) -> None:
    assert country_code(value) == ""


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=5),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.sampled_from(["country", "iso_code", "names", "en", "location", "subdivisions"])
            | st.sampled_from(["accuracy_radius", "asn", "country_code", "state1"]),
            inner,
            max_size=4,
        )
    ),
    max_leaves=12,
)


@given(st.sampled_from(list(Kind)), st.dictionaries(st.text(max_size=3), json_values), json_values)
def test_no_record_however_odd_breaks_an_adapter(
    kind: Kind, rest: dict[str, Any], value: object
) -> None:
    samples: dict[Kind, list[dict[str, Any]]] = {
        Kind.COUNTRY: [{"country": {"iso_code": "AU"}}, {"country_code": "AU"}],
        Kind.CITY: [MAXMIND_CITY, {"country_code": "AU", "state1": "Victoria"}],
        Kind.ASN: [{"asn": 1}],
    }
    fields = ("country", "location", "subdivisions", "country_code", "state1", "asn")
    for sample in samples[kind]:
        adapter = choose_adapter(kind, [sample])
        for field in fields:
            fact = adapter({**sample, **rest, field: value})
            assert isinstance(fact, Fact)
