"""Laying country, AS and city databases over each other."""

from collections.abc import Callable
from datetime import date
from ipaddress import ip_network
from pathlib import Path

import geoip2.database
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from gslb.geo.adapters import NOTHING, Fact, Kind
from gslb.geo.build import Inputs, build_table, combine
from gslb.geo.file import pack_table, unpack_table
from gslb.geo.lookup import locate
from gslb.geo.ranges import Layer, RangeCollector
from gslb.geo.table import GeoError, GeoTable

WriteMmdb = Callable[..., Path]
MakeTable = Callable[..., GeoTable]


def where(table: GeoTable, address: str) -> tuple[str, int]:
    found = locate(table, address)
    return found.area, found.asn


def csv_file(folder: Path, name: str, text: str) -> Path:
    path = folder / name
    path.write_text(text)
    return path


@pytest.fixture
def country(tmp_path: Path) -> Path:
    rows = "192.0.2.0,192.0.2.255,US\n198.51.100.0,198.51.100.255,AU\n"
    return csv_file(
        tmp_path, "country.csv", rows + "2001:db8::,2001:db8:ffff:ffff:ffff:ffff:ffff:ffff,FR\n"
    )


@pytest.fixture
def asn(tmp_path: Path) -> Path:
    rows = "192.0.2.128,192.0.2.255,64496,One\n198.51.100.0,198.51.100.255,64496,One\n"
    return csv_file(tmp_path, "asn.csv", rows + "203.0.113.0,203.0.113.255,64497,Two\n")


def test_country_and_as_are_joined(country: Path, asn: Path) -> None:
    table = build_table(Inputs(country=(country,), asn=(asn,)))
    assert where(table, "192.0.2.1") == ("US", 0)
    assert where(table, "192.0.2.200") == ("US", 64496)
    assert where(table, "198.51.100.1") == ("AU", 64496)
    assert where(table, "203.0.113.1") == ("", 64497)
    assert where(table, "2001:db8::1") == ("FR", 0)
    assert where(table, "10.0.0.1") == ("", 0)


def test_files_of_one_kind_add_up(tmp_path: Path) -> None:
    four = csv_file(tmp_path, "4.csv", "192.0.2.0,192.0.2.255,US\n")
    six = csv_file(tmp_path, "6.csv", "2001:db8::,2001:db8::ffff:ffff:ffff:ffff,FR\n")
    table = build_table(Inputs(country=(four, six)))
    assert where(table, "192.0.2.1") == ("US", 0)
    assert where(table, "2001:db8::1") == ("FR", 0)


def test_same_build_twice_gives_the_same_octets(country: Path, asn: Path) -> None:
    inputs = Inputs(country=(country,), asn=(asn,))
    assert pack_table(build_table(inputs)) == pack_table(build_table(inputs))


def test_csv_and_mmdb_of_the_same_data_give_the_same_ranges(
    country: Path, tmp_path: Path, write_mmdb: WriteMmdb
) -> None:
    database = write_mmdb(
        tmp_path / "a.mmdb",
        {
            "192.0.2.0/24": {"country_code": "US"},
            "198.51.100.0/24": {"country": {"iso_code": "AU"}, "country_code": "AU"},
            "2001:db8::/32": {"country_code": "FR"},
        },
    )
    one, other = build_table(Inputs(country=(country,))), build_table(Inputs(country=(database,)))
    for name in ("starts4", "pairs4", "starts6", "pairs6", "pair_place", "pair_asn"):
        assert np.array_equal(getattr(one, name), getattr(other, name)), name


def test_city_adds_the_subdivision_in_the_countries_asked_for(tmp_path: Path) -> None:
    city = csv_file(
        tmp_path,
        "city.csv",
        "192.0.2.0,192.0.2.127,US,California\n192.0.2.128,192.0.2.255,US,Texas\n"
        "198.51.100.0,198.51.100.255,DE,Bavaria\n",
    )
    table = build_table(Inputs(city=(city,), subdivide=("US",)))
    assert where(table, "192.0.2.1") == ("US-CA", 0)
    assert where(table, "192.0.2.200") == ("US-TX", 0)
    assert where(table, "198.51.100.1") == ("DE", 0)


def test_country_file_has_the_last_word_on_the_country(tmp_path: Path, country: Path) -> None:
    city = csv_file(
        tmp_path,
        "city.csv",
        "192.0.2.0,192.0.2.255,US,Texas\n198.51.100.0,198.51.100.255,US,Texas\n"
        "203.0.113.0,203.0.113.255,US,Texas\n",
    )
    table = build_table(Inputs(country=(country,), city=(city,), subdivide=("US",)))
    assert where(table, "192.0.2.1") == ("US-TX", 0)  # they agree
    assert where(table, "198.51.100.1") == ("AU", 0)  # they do not
    assert where(table, "203.0.113.1") == ("US-TX", 0)  # the country file says nothing


def test_what_is_not_recognised_is_unknown_and_listed(tmp_path: Path) -> None:
    city = csv_file(
        tmp_path, "city.csv", "192.0.2.0,192.0.2.255,US,Bavaria\n198.51.100.0,198.51.100.1,AN,x\n"
    )
    table = build_table(Inputs(city=(city,), subdivide=("US",)))
    assert where(table, "192.0.2.1") == ("US", 0)
    assert where(table, "198.51.100.1") == ("", 0)
    assert table.manifest["unmatched"] == ["US Bavaria", "AN"]


def test_vague_maxmind_records_give_the_country_only(tmp_path: Path, write_mmdb: WriteMmdb) -> None:
    def record(radius: int) -> dict[str, object]:
        return {
            "country": {"iso_code": "CN"},
            "location": {"accuracy_radius": radius},
            "subdivisions": [{"iso_code": "GD"}],
        }

    path = write_mmdb(
        tmp_path / "a.mmdb",
        {"192.0.2.0/24": record(50), "198.51.100.0/24": record(1000)},
    )
    table = build_table(Inputs(city=(path,), subdivide=("CN",)))
    assert where(table, "192.0.2.1") == ("CN-GD", 0)
    assert where(table, "198.51.100.1") == ("CN", 0)


def test_neighbours_with_the_same_pair_are_one_range(tmp_path: Path) -> None:
    country = csv_file(tmp_path, "c.csv", "192.0.2.0,192.0.2.127,US\n192.0.2.128,192.0.2.255,US\n")
    asn = csv_file(tmp_path, "a.csv", "192.0.2.0,192.0.2.63,64496\n192.0.2.64,192.0.2.255,64496\n")
    table = build_table(Inputs(country=(country,), asn=(asn,)))
    assert table.starts4.tolist() == [0, 0xC0000200, 0xC0000300]


def test_base_fills_what_no_file_is_given_for(country: Path, asn: Path) -> None:
    base = build_table(Inputs(country=(country,), asn=(asn,)))
    only_country = build_table(Inputs(country=(country,)), base)
    only_asn = build_table(Inputs(asn=(asn,)), base)
    city = build_table(Inputs(city=(country,)), base)
    for table in (only_country, only_asn, city):
        assert where(table, "192.0.2.200") == ("US", 64496)
        assert where(table, "203.0.113.1") == ("", 64497)
    kinds = [source["kind"] for source in only_country.manifest["sources"]]  # type: ignore[attr-defined]
    assert kinds == ["country", "asn"]


def test_base_fills_the_family_that_no_file_has(tmp_path: Path, make_table: MakeTable) -> None:
    base = make_table(
        {0: ("JP", "", 64500)}, {0: ("", "", 0), 0x2001_0DB8 << 32: ("FR", "", 64501)}
    )
    city = csv_file(tmp_path, "city.csv", "192.0.2.0,192.0.2.255,US,Texas\n")
    table = build_table(Inputs(city=(city,), subdivide=("US",)), base)
    assert where(table, "192.0.2.1") == ("US-TX", 64500)
    assert where(table, "203.0.113.1") == ("", 64500)  # the file knows IPv4, and not this address
    assert where(table, "2001:db8::1") == ("FR", 64501)


def test_base_changes_nothing_where_all_is_given(
    country: Path, asn: Path, make_table: MakeTable
) -> None:
    inputs = Inputs(country=(country,), asn=(asn,))
    base = make_table({0: ("JP", "", 1)})
    assert pack_table(build_table(inputs, base)) == pack_table(build_table(inputs))


def test_manifest_tells_inputs_and_counts(country: Path, asn: Path) -> None:
    table = build_table(
        Inputs(country=(country,), asn=(asn,), licence="CC0", dated=date(2026, 6, 17))
    )
    assert table.manifest["date"] == "2026-06-17"
    assert table.manifest["counts"] == {
        "ranges4": 8,
        "ranges6": 3,
        "pairs": 6,
        "countries": 3,
        "subdivisions": 0,
        "asns": 2,
    }
    listed = table.manifest["sources"]
    assert isinstance(listed, list)
    assert [(s["kind"], s["file"], s["licence"]) for s in listed] == [
        ("country", "country.csv", "CC0"),
        ("asn", "asn.csv", "CC0"),
    ]
    assert str(country.parent) not in str(table.manifest)


def test_the_day_of_a_table_is_that_of_its_oldest_file(
    tmp_path: Path, write_mmdb: WriteMmdb, make_table: MakeTable
) -> None:
    """A fresh AS file must not hide that the country file is old, nor what is filled in."""
    old = write_mmdb(
        tmp_path / "c.mmdb", {"192.0.2.0/24": {"country_code": "US"}}, built=1_500_000_000
    )
    new = write_mmdb(tmp_path / "a.mmdb", {"192.0.2.0/24": {"asn": 64496}}, built=1_780_000_000)
    both = build_table(Inputs(country=(old,), asn=(new,)))
    assert both.manifest["date"] == "2017-07-14"
    base_source = {"kind": "country", "file": "b", "form": "CSV", "date": "1999-01-01"}
    base = make_table({0: ("JP", "", 0)}, sources=[base_source])
    filled = build_table(Inputs(asn=(new,)), base)
    assert filled.manifest["date"] == "2026-05-28"
    assert base_source in filled.manifest["sources"]  # type: ignore[operator]


def test_nothing_to_build_from_is_an_error() -> None:
    with pytest.raises(GeoError, match="nothing to build from"):
        build_table(Inputs())


layers = st.lists(
    st.tuples(
        st.integers(0, 60),
        st.integers(0, 60),
        st.sampled_from(["US", "CN", "FR", "ZZ", ""]),
        st.sampled_from(["CA", "GD", "Texas", ""]),
        st.integers(0, 3),
    ),
    max_size=10,
)


def layer_of(rows: list[tuple[int, int, str, str, int]], kind: Kind) -> Layer[Fact]:
    collector = RangeCollector(NOTHING)
    for a, b, country, subdivision, asn in rows:
        fact = {
            Kind.COUNTRY: Fact(country),
            Kind.CITY: Fact(country, subdivision),
            Kind.ASN: Fact(asn=asn),
        }[kind]
        collector.add4(min(a, b), max(a, b), fact)
        collector.add6(min(a, b) << 64, max(a, b) << 64, fact)
    return collector.layer()


def value(layer: Layer[Fact], address: int) -> Fact:
    at = int(np.searchsorted(layer.starts4, np.uint32(address), side="right")) - 1
    return layer.values[layer.values4[at]]


@given(layers, layers, layers)
def test_a_table_says_of_each_address_what_its_layers_say(
    countries: list[tuple[int, int, str, str, int]],
    asns: list[tuple[int, int, str, str, int]],
    cities: list[tuple[int, int, str, str, int]],
) -> None:
    codes = {("US", "CA"): "CA", ("US", "Texas"): "TX", ("CN", "GD"): "GD"}
    parts = {
        Kind.COUNTRY: layer_of(countries, Kind.COUNTRY),
        Kind.ASN: layer_of(asns, Kind.ASN),
        Kind.CITY: layer_of(cities, Kind.CITY),
    }
    table = unpack_table(pack_table(combine(parts, ("US", "CN"), [])))
    for number in range(62):
        home = value(parts[Kind.COUNTRY], number).country.replace("ZZ", "")
        city = value(parts[Kind.CITY], number)
        there = city.country.replace("ZZ", "")
        country = home or there
        subdivision = codes.get((there, city.subdivision), "") if there == country else ""
        for address in (f"0.0.0.{number}", f"0:0:0:{number:x}::"):
            found = locate(table, address)
            assert (found.country, found.subdivision) == (country, subdivision)
            assert found.asn == value(parts[Kind.ASN], number).asn
    assert not np.any(table.pairs4[1:] == table.pairs4[:-1])


def test_maxminds_own_reader_agrees(tmp_path: Path, write_mmdb: WriteMmdb) -> None:
    """The same files through geoip2, address by address: country, subdivision and origin AS."""
    networks = {
        "192.0.2.0/24": ("US", "CA", 13335),
        "198.51.100.0/25": ("DE", "BE", 3320),
        "198.51.100.128/25": ("JP", "", 2501),
        "2001:db8:1::/48": ("AU", "", 1221),
    }
    city = write_mmdb(
        tmp_path / "city.mmdb",
        {
            net: {
                "country": {"iso_code": country},
                "location": {"accuracy_radius": 20, "latitude": 1.0, "longitude": 2.0},
                **({"subdivisions": [{"iso_code": part}]} if part else {}),
            }
            for net, (country, part, _) in networks.items()
        },
        kind="GeoLite2-City",
    )
    asn = write_mmdb(
        tmp_path / "asn.mmdb",
        {net: {"autonomous_system_number": number} for net, (_, _, number) in networks.items()},
        kind="GeoLite2-ASN",
    )
    table = build_table(Inputs(asn=(asn,), city=(city,), subdivide=("US", "DE")))
    with geoip2.database.Reader(city) as cities, geoip2.database.Reader(asn) as numbers:
        for net in networks:
            for address in (ip_network(net)[0], ip_network(net)[-1]):
                told = cities.city(address)
                ours = locate(table, str(address))
                assert ours.country == told.country.iso_code
                kept = told.country.iso_code in {"US", "DE"}
                assert (ours.subdivision or None) == (
                    told.subdivisions.most_specific.iso_code if kept else None
                )
                assert ours.asn == numbers.asn(address).autonomous_system_number
