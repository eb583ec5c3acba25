"""The geo table as a file: what is written is read, and nothing else is."""

import struct
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from gslb.geo import file as geo_file
from gslb.geo.file import pack_table, read_table, unpack_table, write_table
from gslb.geo.table import UNKNOWN_PLACE, GeoError, GeoTable, Place, empty_table

MakeTable = Callable[..., GeoTable]
ARRAYS = ("starts4", "pairs4", "starts6", "pairs6", "pair_place", "pair_asn")


@pytest.fixture
def table(make_table: MakeTable) -> GeoTable:
    return make_table(
        {1 << 24: ("AU", "", 13335), 2 << 24: ("US", "CA", 1), 3 << 24: ("", "", 0)},
        {0x2001_0DB8 << 32: ("CN", "GD", 4134)},
    )


def assert_equal(one: GeoTable, other: GeoTable) -> None:
    for name in ARRAYS:
        assert np.array_equal(getattr(one, name), getattr(other, name)), name
        assert getattr(one, name).dtype == getattr(other, name).dtype, name
    assert one.places == other.places
    assert dict(one.manifest) == dict(other.manifest)


def test_a_written_table_is_read_back(table: GeoTable, tmp_path: Path) -> None:
    write_table(table, tmp_path / "a.tbl")
    assert_equal(read_table(tmp_path / "a.tbl"), table)


def test_the_empty_table_is_read_back() -> None:
    assert_equal(unpack_table(pack_table(empty_table())), empty_table())


def test_equal_tables_give_equal_octets(table: GeoTable) -> None:
    assert pack_table(table) == pack_table(replace(table))


def test_a_read_table_cannot_be_written_to(table: GeoTable) -> None:
    with pytest.raises(ValueError, match="read-only"):
        unpack_table(pack_table(table)).starts4[0] = 1


def test_a_table_survives_its_file(table: GeoTable, tmp_path: Path) -> None:
    """The file is not mapped: cutting it short later harms nobody."""
    path = tmp_path / "a.tbl"
    write_table(table, path)
    read = read_table(path)
    path.write_bytes(b"")
    assert_equal(read, table)


def test_writing_replaces_the_old_file_at_once_and_leaves_nothing_beside(
    table: GeoTable, tmp_path: Path
) -> None:
    path = tmp_path / "a.tbl"
    path.write_bytes(b"old")
    with path.open("rb") as held:
        write_table(table, path)
        assert held.read() == b"old"
    assert [file.name for file in tmp_path.iterdir()] == ["a.tbl"]


def test_failed_write_keeps_the_old_file(table: GeoTable, tmp_path: Path) -> None:
    target = tmp_path / "folder"
    target.mkdir()
    (target / "inside").write_bytes(b"")
    with pytest.raises(GeoError, match="folder"):
        write_table(table, target)
    assert [file.name for file in tmp_path.iterdir()] == ["folder"]


def test_missing_file_is_an_error_with_its_name(tmp_path: Path) -> None:
    with pytest.raises(GeoError, match=r"none\.tbl: No such file"):
        read_table(tmp_path / "none.tbl")
    with pytest.raises(GeoError, match="none"):
        write_table(empty_table(), tmp_path / "none" / "a.tbl")


def test_oversized_file_is_not_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(geo_file, "MAX_TABLE_OCTETS", 10)
    (tmp_path / "a.tbl").write_bytes(bytes(11))
    with pytest.raises(GeoError, match="more than a geo table may have"):
        read_table(tmp_path / "a.tbl")


@pytest.mark.parametrize("octets", [b"", b"GSLBGEO\0", bytes(1000), b"start,end,country\n" * 100])
def test_what_is_no_table_is_refused(octets: bytes) -> None:
    with pytest.raises(GeoError):
        unpack_table(octets)


def test_every_truncation_is_refused(table: GeoTable) -> None:
    octets = pack_table(table)
    for size in range(len(octets)):
        with pytest.raises(GeoError):
            unpack_table(octets[:size])
    with pytest.raises(GeoError):
        unpack_table(octets + b"\0")


def test_every_flipped_bit_is_refused(table: GeoTable) -> None:
    octets = pack_table(table)
    for at in range(len(octets)):
        for bit in range(8):
            damaged = bytearray(octets)
            damaged[at] ^= 1 << bit
            with pytest.raises(GeoError):
                unpack_table(bytes(damaged))


@given(st.binary(max_size=300))
def test_random_octets_are_refused(octets: bytes) -> None:
    with pytest.raises(GeoError):
        unpack_table(octets)
    with pytest.raises(GeoError):
        unpack_table(b"GSLBGEO\0\x01\0\0\0" + octets)


def test_a_later_version_is_refused_by_number(table: GeoTable) -> None:
    octets = bytearray(pack_table(table))
    struct.pack_into("<I", octets, 8, 2)
    with pytest.raises(GeoError, match="version 2"):
        unpack_table(bytes(octets))


@pytest.mark.parametrize(
    ("change", "complaint"),
    [
        ({"starts4": np.array([0, 5, 5, 9], np.uint32)}, "IPv4 ranges are out of order"),
        ({"starts4": np.array([0, 9, 5, 7], np.uint32)}, "IPv4 ranges are out of order"),
        ({"starts4": np.array([1, 2, 3, 4], np.uint32)}, "does not start at 0"),
        ({"starts6": np.array([0, 0], np.uint64)}, "IPv6 ranges are out of order"),
        ({"pairs4": np.array([0, 1, 2, 99], np.uint32)}, "IPv4 range points to a pair"),
        ({"pairs6": np.array([0, 4], np.uint32)}, "IPv6 range points to a pair"),
        ({"pair_place": np.array([0, 1, 2, 9], np.uint16)}, "a place that is not there"),
        ({"pair_place": np.array([1, 1, 2, 3], np.uint16)}, "pair 0"),
        ({"pair_asn": np.array([7, 1, 2, 3], np.uint32)}, "pair 0"),
        ({"places": (Place("US", "", 0.0, 0.0),)}, "place"),
        ({"places": ()}, "place 0"),
        ({"places": (UNKNOWN_PLACE, Place("US", "", 91.0, 0.0))}, "not on the globe"),
        ({"places": (UNKNOWN_PLACE, Place("US", "", 0.0, float("nan")))}, "not on the globe"),
    ],
)
def test_a_table_that_points_nowhere_is_refused(
    table: GeoTable, change: dict[str, object], complaint: str
) -> None:
    """A checksum only proves that the file is what its writer wrote."""
    octets = pack_table(replace(table, **change))  # type: ignore[arg-type]
    with pytest.raises(GeoError, match=complaint):
        unpack_table(octets)


def test_empty_arrays_are_refused(table: GeoTable) -> None:
    none4 = np.zeros(0, np.uint32)
    with pytest.raises(GeoError, match="does not start at 0"):
        unpack_table(pack_table(replace(table, starts4=none4, pairs4=none4)))
    with pytest.raises(GeoError, match="pair 0"):
        unpack_table(pack_table(replace(table, pair_asn=none4, pair_place=np.zeros(0, np.uint16))))
