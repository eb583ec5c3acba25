"""Generations on disk: whole or absent, the newest valid one served, three kept."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from gslb.answers.model import Body, TableContent, Typeset, ZoneContent
from gslb.answers.pack import pack
from gslb.errors import GslbError
from gslb.state.tables import KEPT_GENERATIONS, TableStore, map_table, open_table

APEX = b"\x07example\x03com\0"
SOA = Body(b"\xc0\x00" + b"s" * 30, authority=1, fixups=(0,))


def table(generation: int) -> bytearray:
    zone = ZoneContent(APEX, generation, SOA, [(APEX, 0)], {}, ecs=False)
    return pack(TableContent((zone,), [Typeset({6: SOA})], [], [], [], []), generation, 0)


def test_generations_only_rise_whatever_is_lost(tmp_path: Path) -> None:
    store = TableStore(tmp_path)
    assert [store.next_generation() for _ in range(3)] == [1, 2, 3]
    store.write(table(9), 9)
    assert TableStore(tmp_path).next_generation() == 10
    (tmp_path / "generation").unlink()
    assert TableStore(tmp_path).next_generation() == 10
    (tmp_path / "generation").write_text("not a number")
    assert TableStore(tmp_path).next_generation() == 10


def test_the_last_three_are_kept(tmp_path: Path) -> None:
    store = TableStore(tmp_path)
    for generation in range(1, 7):
        store.write(table(generation), generation)
    assert len(list(tmp_path.glob("table-*.gslb"))) == KEPT_GENERATIONS
    newest = store.newest_valid()
    assert newest.table is not None
    assert newest.table.generation == 6
    assert newest.refused == ()


def test_a_damaged_table_gives_way_to_the_one_before(tmp_path: Path) -> None:
    store = TableStore(tmp_path)
    for generation in (1, 2, 3):
        path = store.write(table(generation), generation)
    octets = bytearray(path.read_bytes())
    octets[250] ^= 1
    path.write_bytes(octets)
    (tmp_path / "table-2.gslb").write_bytes(b"")
    (tmp_path / "table-00x.gslb").write_bytes(b"not one of ours")
    newest = store.newest_valid()
    assert newest.table is not None
    assert newest.table.generation == 1
    assert len(newest.refused) == 2
    assert "table-3.gslb" in newest.refused[0]


def test_a_table_under_another_generations_name_is_refused(tmp_path: Path) -> None:
    """A copied file must not make an old table the newest."""
    store = TableStore(tmp_path)
    store.write(table(1), 1)
    (tmp_path / "table-8.gslb").write_bytes(table(1))
    newest = store.newest_valid()
    assert newest.path == tmp_path / "table-1.gslb"
    assert "holds generation 1" in newest.refused[0]


def test_no_table_is_no_error(tmp_path: Path) -> None:
    assert TableStore(tmp_path / "new").newest_valid() == (None, None, ())


def test_a_writer_and_a_reader_share_the_octets(tmp_path: Path) -> None:
    path = TableStore(tmp_path).write(table(1), 1)
    writable = map_table(path, writable=True)
    reader = open_table(path)
    cells = memoryview(writable)[reader.octets - (1 << 20) - 16 :][:16].cast("Q")
    cells[0] = 41
    assert reader.epoch == 41


def test_an_unusable_directory_is_one_line(tmp_path: Path) -> None:
    occupied = tmp_path / "file"
    occupied.write_text("")
    with pytest.raises(GslbError, match="state directory .*file"):
        TableStore(occupied)
    if os.geteuid() != 0:
        locked = tmp_path / "locked"
        locked.mkdir(mode=0o500)
        with pytest.raises(GslbError, match="Permission denied"):
            TableStore(locked)


def test_a_failed_write_leaves_the_old_table(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    store = TableStore(tmp_path)
    store.write(table(1), 1)

    def full(*_: object) -> int:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "write", full)
    with pytest.raises(GslbError, match="No space left"):
        store.write(table(2), 2)
    monkeypatch.undo()
    newest = store.newest_valid()
    assert newest.table is not None
    assert newest.table.generation == 1
    assert not list(tmp_path.glob(".*.new"))
