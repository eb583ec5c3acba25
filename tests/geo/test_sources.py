"""Reading the files of geo databases."""

import gzip
from collections.abc import Callable
from datetime import date
from hashlib import sha256
from ipaddress import IPv6Address, ip_address
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gslb.geo import sources
from gslb.geo.adapters import NOTHING, Fact, Kind
from gslb.geo.ranges import Layer, RangeCollector
from gslb.geo.sources import licence_beside, read_source
from gslb.geo.table import GeoError

WriteMmdb = Callable[..., Path]


def read(path: Path, kind: Kind = Kind.COUNTRY) -> Layer[Fact]:
    collector = RangeCollector(NOTHING)
    read_source(path, kind, collector)
    return collector.layer()


def ranges4(layer: Layer[Fact]) -> dict[str, Fact]:
    """Return start → fact of the IPv4 ranges that something is known of."""
    rows = zip(layer.starts4.tolist(), layer.values4.tolist(), strict=True)
    return {str(ip_address(s)): layer.values[v] for s, v in rows if layer.values[v] != NOTHING}


def ranges6(layer: Layer[Fact]) -> dict[str, Fact]:
    rows = zip(layer.starts6.tolist(), layer.values6.tolist(), strict=True)
    return {
        str(IPv6Address(s << 64)): layer.values[v] for s, v in rows if layer.values[v] != NOTHING
    }


def csv_file(folder: Path, text: str, name: str = "a.csv") -> Path:
    path = folder / name
    path.write_text(text)
    return path


def test_csv_with_addresses_is_read(tmp_path: Path) -> None:
    layer = read(
        csv_file(
            tmp_path,
            "192.0.2.0,192.0.2.255,AU\n2001:db8::,2001:db8:0:5:ffff:ffff:ffff:ffff,FR\n",
        )
    )
    assert ranges4(layer) == {"192.0.2.0": Fact("AU")}
    assert ranges6(layer) == {"2001:db8::": Fact("FR")}


def test_csv_with_numbers_is_read(tmp_path: Path) -> None:
    first = int(ip_address("2001:db8::"))
    text = f"3221225984,3221226239,AU\n{first},{first + (1 << 64) - 1},FR\n"
    layer = read(csv_file(tmp_path, text))
    assert ranges4(layer) == {"192.0.2.0": Fact("AU")}
    assert ranges6(layer) == {"2001:db8::": Fact("FR")}


def test_ipv6_as_numbers_may_begin_at_0(tmp_path: Path) -> None:
    layer = read(csv_file(tmp_path, f"0,{(1 << 96) - 1},FR\n"))
    assert (ranges4(layer), ranges6(layer)) == ({}, {"::": Fact("FR")})


def test_csv_of_as_numbers_has_names_with_commas(tmp_path: Path) -> None:
    path = csv_file(tmp_path, '192.0.2.0,192.0.2.255,64496,"Example, Inc."\n')
    assert ranges4(read(path, Kind.ASN)) == {"192.0.2.0": Fact(asn=64496)}


def test_csv_of_cities_has_the_subdivision_fourth(tmp_path: Path) -> None:
    path = csv_file(tmp_path, "192.0.2.0,192.0.2.255,US,California,,San Jose,,37.3,-121.8,\n")
    assert ranges4(read(path, Kind.CITY)) == {"192.0.2.0": Fact("US", "California")}


def test_compressed_csv_is_read(tmp_path: Path) -> None:
    path = tmp_path / "a.csv.gz"
    path.write_bytes(gzip.compress(b"192.0.2.0,192.0.2.255,AU\n"))
    assert ranges4(read(path)) == {"192.0.2.0": Fact("AU")}


@pytest.mark.parametrize(
    ("text", "complaint"),
    [
        ("192.0.2.0,192.0.2.255,AU\nstart,end,country\n", r"a\.csv:2: .*no range of addresses"),
        ("192.0.2.0,192.0.2.255\n", r"a\.csv:1: fewer than three fields"),
        ("192.0.2.9,192.0.2.0,AU\n", r"a\.csv:1: 192.0.2.9 to 192.0.2.0 is no range"),
        ("192.0.2.300,192.0.2.400,AU\n", r"a\.csv:1: "),
        ("1,x,AU\n", r"a\.csv:1: "),
        ("-5,10,AU\n", r"a\.csv:1: "),
        (f"1,{1 << 128},AU\n", r"a\.csv:1: "),
        ('192.0.2.0,192.0.2.255,"AU\n', r""),
        ("", "no ranges in it"),
        ("\n\n", "no ranges in it"),
    ],
)
def test_mistakes_are_said_with_their_line(tmp_path: Path, text: str, complaint: str) -> None:
    if not complaint:  # an unclosed quote swallows the rest, which csv accepts
        assert read(csv_file(tmp_path, text)).values[-1] == NOTHING
        return
    with pytest.raises(GeoError, match=complaint):
        read(csv_file(tmp_path, text))


def test_text_that_is_no_utf8_and_a_damaged_archive_are_refused(tmp_path: Path) -> None:
    (tmp_path / "a.csv").write_bytes(b"192.0.2.0,192.0.2.255,AU,\xff\n")
    (tmp_path / "b.csv.gz").write_bytes(gzip.compress(b"192.0.2.0,192.0.2.255,AU\n" * 50)[:-12])
    (tmp_path / "c.csv.gz").write_bytes(b"not gzip")
    for name in ("a.csv", "b.csv.gz", "c.csv.gz"):
        with pytest.raises(GeoError, match=name):
            read(tmp_path / name)


@given(st.text('0123456789.:,-\nAUx"', max_size=60))
def test_any_text_is_read_or_refused(tmp_path_factory: pytest.TempPathFactory, text: str) -> None:
    path = tmp_path_factory.getbasetemp() / "any.csv"
    path.write_text(text)
    try:
        layer = read(path)
    except GeoError:
        return
    assert len(layer.starts4) >= 1


def test_mmdb_with_ipv4_inside_the_ipv6_tree_is_read(tmp_path: Path, write_mmdb: WriteMmdb) -> None:
    path = write_mmdb(
        tmp_path / "a.mmdb",
        {
            "192.0.2.0/25": {"country_code": "AU"},
            "192.0.2.128/25": {"country_code": "NZ"},
            "2001:db8::/32": {"country_code": "FR"},
        },
    )
    layer = read(path)
    assert ranges4(layer) == {"192.0.2.0": Fact("AU"), "192.0.2.128": Fact("NZ")}
    assert ranges6(layer) == {"2001:db8::": Fact("FR")}


def test_mmdb_of_ipv4_only_is_read(tmp_path: Path, write_mmdb: WriteMmdb) -> None:
    path = write_mmdb(tmp_path / "a.mmdb", {"192.0.2.0/24": {"country_code": "AU"}}, version=4)
    layer = read(path)
    assert ranges4(layer) == {"192.0.2.0": Fact("AU")}
    assert ranges6(layer) == {}


@pytest.mark.parametrize(
    ("kind", "record", "fact"),
    [
        (Kind.COUNTRY, {"country": {"iso_code": "DE", "names": {"en": "Germany"}}}, Fact("DE")),
        (Kind.COUNTRY, {"asn": "AS64496", "country_code": "DE", "country": "Germany"}, Fact("DE")),
        (Kind.ASN, {"asn": "AS64496", "country_code": "DE"}, Fact(asn=64496)),
        (Kind.ASN, {"autonomous_system_number": 64496}, Fact(asn=64496)),
        (Kind.CITY, {"country_code": "US", "state1": "Texas"}, Fact("US", "Texas")),
        (
            Kind.CITY,
            {
                "country": {"iso_code": "US"},
                "location": {"accuracy_radius": 20, "latitude": 31.0, "longitude": -99.0},
                "subdivisions": [{"iso_code": "TX", "names": {"en": "Texas"}}],
            },
            Fact("US", "TX"),
        ),
    ],
)
def test_mmdb_of_each_layout_is_read_whatever_its_type_string(
    tmp_path: Path, write_mmdb: WriteMmdb, kind: Kind, record: object, fact: Fact
) -> None:
    path = write_mmdb(tmp_path / "a.mmdb", {"192.0.2.0/24": record}, kind="country ipvAll")
    assert ranges4(read(path, kind)) == {"192.0.2.0": fact}


def test_mmdb_is_recognised_without_its_suffix(tmp_path: Path, write_mmdb: WriteMmdb) -> None:
    path = write_mmdb(tmp_path / "database", {"192.0.2.0/24": {"country_code": "AU"}})
    assert ranges4(read(path)) == {"192.0.2.0": Fact("AU")}


def test_damaged_mmdb_is_refused_with_its_name(tmp_path: Path, write_mmdb: WriteMmdb) -> None:
    whole = write_mmdb(
        tmp_path / "a.mmdb", {"192.0.2.0/24": {"country_code": "AU"}, "2001:db8::/32": {"x": 1}}
    ).read_bytes()
    cut = tmp_path / "cut.mmdb"
    for octets in (b"", whole[:50], whole[:-40], whole[600:], b"x" * 500):
        cut.write_bytes(octets)
        with pytest.raises(GeoError, match=r"cut\.mmdb"):
            read(cut)


def test_mmdb_of_an_impossible_day_is_refused(tmp_path: Path, write_mmdb: WriteMmdb) -> None:
    networks = {"192.0.2.0/24": {"country_code": "AU"}}
    path = write_mmdb(tmp_path / "a.mmdb", networks, built=1 << 62)
    with pytest.raises(GeoError, match=r"a\.mmdb: not a usable MMDB"):
        read(path)


def test_database_of_another_kind_is_refused(tmp_path: Path, write_mmdb: WriteMmdb) -> None:
    path = write_mmdb(tmp_path / "a.mmdb", {"192.0.2.0/24": {"country_code": "AU"}})
    with pytest.raises(GeoError, match=r"a\.mmdb: no asn in it: its records have country_code"):
        read(path, Kind.ASN)


def test_source_is_described_for_the_manifest(tmp_path: Path, write_mmdb: WriteMmdb) -> None:
    path = write_mmdb(
        tmp_path / "a.mmdb", {"192.0.2.0/24": {"country_code": "AU"}}, kind="T", built=1_700_000_000
    )
    (tmp_path / "X_LICENSE").write_text("Credit example.com\nfor the data.\n")
    source = read_source(path, Kind.COUNTRY, RangeCollector(NOTHING))
    assert source.entry() == {
        "kind": "country",
        "file": "a.mmdb",
        "sha256": sha256(path.read_bytes()).hexdigest(),
        "licence": "Credit example.com for the data.",
        "date": "2023-11-14",
        "form": "T",
        "ranges": 1,
    }


def test_day_and_licence_can_be_given(tmp_path: Path) -> None:
    path = csv_file(tmp_path, "192.0.2.0,192.0.2.255,AU\n")
    source = read_source(
        path, Kind.COUNTRY, RangeCollector(NOTHING), licence="CC0", dated=date(2026, 1, 2)
    )
    assert (source.licence, source.date, source.form) == ("CC0", date(2026, 1, 2), "CSV")


def test_no_licence_file_is_no_licence(tmp_path: Path) -> None:
    assert licence_beside(csv_file(tmp_path, "x", "license.csv")) == ""


def test_missing_and_oversized_files_are_errors(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with pytest.raises(GeoError, match="No such file"):
        read(tmp_path / "none.csv")
    monkeypatch.setattr(sources, "MAX_SOURCE_OCTETS", 3)
    with pytest.raises(GeoError, match="more than a geo database may have"):
        read(csv_file(tmp_path, "192.0.2.0,192.0.2.255,AU\n"))


@pytest.mark.parametrize("form", ["csv", "mmdb"])
def test_progress_goes_from_0_to_1(tmp_path: Path, write_mmdb: WriteMmdb, form: str) -> None:
    networks = {f"10.{n >> 8}.{n & 255}.0/24": {"country_code": "AU"} for n in range(200)}
    networks["2001:db8::/32"] = {"country_code": "FR"}
    text = "".join(f"10.0.{n}.0,10.0.{n}.255,AU\n" for n in range(200))
    path = csv_file(tmp_path, text) if form == "csv" else write_mmdb(tmp_path / "a.mmdb", networks)
    seen: list[float] = []
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(sources, "_REPORT_EVERY", 10)
        collector = RangeCollector(NOTHING)
        read_source(path, Kind.COUNTRY, collector, progress=lambda _, done: seen.append(done))
    assert len(seen) > 15
    assert seen == sorted(seen)
    assert seen[-1] == 1.0
