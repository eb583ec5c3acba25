"""Loading geography never fails, whatever the files are like."""

import shutil
from collections.abc import Callable
from dataclasses import replace
from datetime import date
from importlib import resources
from pathlib import Path

import pytest

from gslb.geo import load
from gslb.geo.file import write_table
from gslb.geo.load import LoadedGeo, compiled_path, embedded_table, load_world_geo, same_sources
from gslb.geo.lookup import locate
from gslb.geo.settings import GeoSettings
from gslb.geo.table import GeoError, GeoTable

WriteMmdb = Callable[..., Path]
MakeTable = Callable[..., GeoTable]
TEST_NET = {"192.0.2.0/24": {"country_code": "JP"}, "198.51.100.0/24": {"country_code": "KR"}}


@pytest.fixture(scope="module")
def embedded() -> GeoTable:
    return embedded_table()


@pytest.fixture
def small_base(monkeypatch: pytest.MonkeyPatch, make_table: MakeTable) -> GeoTable:
    """Stand a small table in for the embedded one, so that compiling takes milliseconds."""
    table = make_table({0xC0000200: ("US", "", 64496), 0xC0000300: ("", "", 0)})
    monkeypatch.setattr(load, "embedded_table", lambda: table)
    return table


def private(**files: object) -> GeoSettings:
    return GeoSettings.model_validate({**files, "whole_world": False})


def country(loaded: LoadedGeo, address: str = "192.0.2.1") -> str:
    return locate(loaded.table, address).country


def test_without_settings_the_embedded_table_is_used() -> None:
    loaded = load_world_geo()
    assert (loaded.source, loaded.alarms) == ("embedded", ())
    assert country(loaded, "8.8.8.8") == "US"
    assert len(loaded.table.starts4) > 500_000


def test_old_data_is_used_with_an_alarm() -> None:
    loaded = load_world_geo(today=date(2027, 6, 17))
    assert loaded.source == "embedded"
    assert loaded.alarms == ("alarm: the geo data is of 2026-06-17, 365 days old",)


def test_an_operators_table_is_used(embedded: GeoTable, tmp_path: Path) -> None:
    path = tmp_path / "my.tbl"
    write_table(embedded, path)
    loaded = load_world_geo(GeoSettings(table=path), state=tmp_path)
    assert (loaded.source, loaded.alarms) == (str(path), ())


def test_an_operators_database_is_compiled_and_the_rest_filled_in(
    tmp_path: Path, write_mmdb: WriteMmdb, small_base: GeoTable
) -> None:
    path = write_mmdb(tmp_path / "a.mmdb", TEST_NET)
    loaded = load_world_geo(private(country=path), state=tmp_path / "state")
    assert (loaded.source, loaded.alarms) == (str(path), ())
    found = locate(loaded.table, "192.0.2.1")
    assert (found.country, found.asn) == ("JP", 64496)


def test_without_a_state_folder_it_is_compiled_each_time(
    tmp_path: Path, write_mmdb: WriteMmdb, small_base: GeoTable
) -> None:
    path = write_mmdb(tmp_path / "a.mmdb", TEST_NET)
    assert country(load_world_geo(private(country=path))) == "JP"
    assert [file.name for file in tmp_path.iterdir()] == ["a.mmdb"]


def test_a_compiled_file_is_found_by_the_content_of_the_inputs(
    tmp_path: Path, write_mmdb: WriteMmdb, small_base: GeoTable, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = write_mmdb(tmp_path / "a.mmdb", TEST_NET)
    compiled = compiled_path(private(country=path), tmp_path)
    moved = tmp_path / "elsewhere" / "a.mmdb"
    moved.parent.mkdir()
    shutil.copy(path, moved)
    assert compiled_path(private(country=moved), tmp_path) == compiled
    assert compiled_path(private(country=moved, subdivide=["US"]), tmp_path) != compiled
    assert compiled_path(private(city=moved), tmp_path) != compiled
    monkeypatch.setattr(load, "build_table", lambda *_, **__: pytest.fail("compiled again"))
    assert country(load_world_geo(private(country=path), state=tmp_path)) == "JP"
    write_mmdb(path, {"192.0.2.0/24": {"country_code": "KR"}})
    with pytest.raises(pytest.fail.Exception):
        compiled_path(private(country=path), tmp_path)


def test_a_damaged_compiled_file_is_made_again(
    tmp_path: Path, write_mmdb: WriteMmdb, small_base: GeoTable
) -> None:
    settings = private(country=write_mmdb(tmp_path / "a.mmdb", TEST_NET))
    compiled = compiled_path(settings, tmp_path)
    compiled.write_bytes(compiled.read_bytes()[:100])
    loaded = load_world_geo(settings, state=tmp_path)
    assert (country(loaded), loaded.alarms) == ("JP", ())


def test_only_a_few_compiled_files_are_kept(
    tmp_path: Path, write_mmdb: WriteMmdb, small_base: GeoTable
) -> None:
    path = tmp_path / "a.mmdb"
    for built in range(load.MAX_CACHED_TABLES + 3):
        write_mmdb(path, TEST_NET, built=1_780_000_000 + built * 86_400)
        loaded = load_world_geo(private(country=path), state=tmp_path)
        assert loaded.alarms == ()
    tables = {file.name for file in (tmp_path / "geo").iterdir()}
    assert len(tables) == load.MAX_CACHED_TABLES + 1
    assert "last-good.tbl" in tables


def test_a_start_that_may_not_compile_uses_what_there_is_and_says_so(
    tmp_path: Path, write_mmdb: WriteMmdb, small_base: GeoTable
) -> None:
    settings = private(country=write_mmdb(tmp_path / "a.mmdb", TEST_NET))
    for state in (tmp_path, None):
        loaded = load_world_geo(settings, state=state, may_compile=False)
        assert (loaded.source, country(loaded)) == ("embedded", "US")
        assert "not compiled" in loaded.alarms[0]
    compiled_path(settings, tmp_path)
    assert country(load_world_geo(settings, state=tmp_path, may_compile=False)) == "JP"


DAMAGES: dict[str, Callable[[bytes], bytes | None]] = {
    "missing": lambda _: None,
    "empty": lambda _: b"",
    "cut short": lambda octets: octets[: len(octets) // 2],
    "garbage": lambda octets: bytes(len(octets)),
    "one octet changed": lambda octets: octets[:-9] + bytes([octets[-9] ^ 1]) + octets[-8:],
}


@pytest.mark.parametrize("damage", DAMAGES)
def test_a_broken_table_leaves_the_one_in_use(
    damage: str, tmp_path: Path, make_table: MakeTable
) -> None:
    table = make_table({0xC0000200: ("JP", "", 64496)})
    path = tmp_path / "my.tbl"
    write_table(table, path)
    octets = DAMAGES[damage](path.read_bytes())
    path.unlink()
    if octets is not None:
        path.write_bytes(octets)
    loaded = load_world_geo(private(table=path), state=tmp_path, previous=table)
    assert loaded.table is table
    assert loaded.source == "in use"
    assert len(loaded.alarms) == 1
    assert "my.tbl" in loaded.alarms[0]


def test_a_broken_table_at_the_start_leaves_the_last_good_one(
    tmp_path: Path, make_table: MakeTable
) -> None:
    path = tmp_path / "my.tbl"
    write_table(make_table({0xC0000200: ("JP", "", 64496)}), path)
    load_world_geo(private(table=path), state=tmp_path)
    path.write_bytes(b"")
    loaded = load_world_geo(private(table=path), state=tmp_path)
    assert (loaded.source, country(loaded)) == ("last good", "JP")
    assert "too short" in loaded.alarms[0]


@pytest.mark.parametrize("state", [True, False])
def test_without_a_last_good_table_the_embedded_one_stands_in(state: bool, tmp_path: Path) -> None:
    settings = private(table=tmp_path / "none.tbl")
    loaded = load_world_geo(settings, state=tmp_path if state else None)
    assert (loaded.source, country(loaded, "8.8.8.8")) == ("embedded", "US")
    assert "No such file" in loaded.alarms[0]


def test_without_any_table_everything_is_unknown(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def missing() -> GeoTable:
        raise GeoError("embedded geo table: gone")

    monkeypatch.setattr(load, "embedded_table", missing)
    loaded = load_world_geo(private(table=tmp_path / "none.tbl"), state=tmp_path)
    assert (loaded.source, country(loaded, "8.8.8.8"), len(loaded.alarms)) == ("empty", "", 2)
    assert load_world_geo().source == "empty"


def test_an_operators_database_needs_no_embedded_table(
    tmp_path: Path, write_mmdb: WriteMmdb, monkeypatch: pytest.MonkeyPatch
) -> None:
    def missing() -> GeoTable:
        raise GeoError("embedded geo table: gone")

    monkeypatch.setattr(load, "embedded_table", missing)
    path = write_mmdb(tmp_path / "a.mmdb", TEST_NET)
    loaded = load_world_geo(private(country=path), state=tmp_path)
    assert (country(loaded), loaded.alarms) == ("JP", ())


def test_a_good_table_is_kept_once(tmp_path: Path, make_table: MakeTable) -> None:
    path, kept = tmp_path / "my.tbl", tmp_path / "geo" / "last-good.tbl"
    write_table(make_table({0xC0000200: ("JP", "", 1)}), path)
    load_world_geo(private(table=path), state=tmp_path)
    inode = kept.stat().st_ino
    load_world_geo(private(table=path), state=tmp_path)
    assert kept.stat().st_ino == inode
    write_table(make_table({0xC0000200: ("JP", "", 1)}, date="2026-07-01"), path)
    load_world_geo(private(table=path), state=tmp_path)
    assert kept.stat().st_ino != inode


def test_a_missing_or_damaged_embedded_table_is_an_error_with_its_name(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(resources, "files", lambda _: tmp_path)
    with pytest.raises(GeoError, match="embedded geo table: No such file"):
        embedded_table()
    (tmp_path / "embedded.tbl").write_bytes(b"x")
    with pytest.raises(GeoError, match="embedded geo table: too short"):
        embedded_table()


def test_a_worldwide_table_that_does_not_know_the_world_is_refused(
    tmp_path: Path, make_table: MakeTable
) -> None:
    path = tmp_path / "my.tbl"
    write_table(make_table({0xC0000200: ("JP", "", 64496)}), path)
    loaded = load_world_geo(GeoSettings(table=path))
    assert loaded.source == "embedded"
    assert "well-known networks are misplaced" in loaded.alarms[0]


@pytest.mark.parametrize("running", [True, False])
def test_an_older_file_is_refused_and_the_alarm_says_how_to_overrule(
    running: bool, tmp_path: Path, make_table: MakeTable
) -> None:
    path = tmp_path / "my.tbl"
    new = make_table({0xC0000200: ("JP", "", 64496)}, date="2026-06-17")
    old = make_table({0xC0000200: ("KR", "", 64496)}, date="2026-05-17")
    write_table(new, path)
    first = load_world_geo(private(table=path), state=tmp_path)
    write_table(old, path)
    previous = first.table if running else None
    again = load_world_geo(private(table=path), state=tmp_path, previous=previous)
    assert country(again) == "JP"
    assert "older" in again.alarms[0]
    assert "last-good.tbl" in again.alarms[0]
    (tmp_path / "geo" / "last-good.tbl").unlink()
    assert country(load_world_geo(private(table=path), state=tmp_path)) == "KR"


def test_a_change_of_the_database_is_not_compared_with_the_old_one(
    tmp_path: Path, make_table: MakeTable
) -> None:
    """Somebody who names another database means it."""
    one = make_table({0xC0000200: ("JP", "", 1)}, sources=[{"kind": "country", "file": "a"}])
    other = make_table(
        {0xC0000200: ("KR", "", 1)}, sources=[{"kind": "country", "file": "b"}], date="2020-01-01"
    )
    assert not same_sources(one, other)
    path = tmp_path / "my.tbl"
    write_table(other, path)
    loaded = load_world_geo(private(table=path), state=tmp_path, previous=one)
    assert (country(loaded), loaded.alarms) == ("KR", ())


def test_odd_manifests_are_compared_without_failing(make_table: MakeTable) -> None:
    odd = [make_table({}, sources=value) for value in (None, 5, [None], ["x"], {"a": 1})]
    assert all(same_sources(one, other) for one in odd for other in odd)


def test_an_unwritable_state_folder_costs_an_alarm_only(
    tmp_path: Path, make_table: MakeTable
) -> None:
    path = tmp_path / "my.tbl"
    write_table(make_table({0xC0000200: ("JP", "", 1)}), path)
    (tmp_path / "state").write_bytes(b"a file, no folder")
    loaded = load_world_geo(private(table=path), state=tmp_path / "state")
    assert country(loaded) == "JP"
    assert "could not be kept" in loaded.alarms[0]


def test_unusable_database_leaves_the_one_in_use(
    tmp_path: Path, write_mmdb: WriteMmdb, small_base: GeoTable
) -> None:
    path = write_mmdb(tmp_path / "a.mmdb", TEST_NET)
    first = load_world_geo(private(country=path), state=tmp_path)
    path.write_bytes(path.read_bytes()[:200])
    again = load_world_geo(private(country=path), state=tmp_path, previous=first.table)
    assert again.table is first.table
    assert "a.mmdb" in again.alarms[0]


def test_a_good_file_after_a_bad_one_is_used_again(tmp_path: Path, make_table: MakeTable) -> None:
    path = tmp_path / "my.tbl"
    table = make_table({0xC0000200: ("JP", "", 1)})
    write_table(table, path)
    good = path.read_bytes()
    path.write_bytes(good[:-1])
    bad = load_world_geo(private(table=path), previous=table)
    assert bad.source == "in use"
    path.write_bytes(good)
    loaded = load_world_geo(private(table=path), previous=replace(bad.table))
    assert (loaded.source, loaded.alarms) == (str(path), ())
