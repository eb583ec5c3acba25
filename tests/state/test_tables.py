"""Generations on disk: whole or absent, the newest valid one served, three kept."""

from __future__ import annotations

import errno
import os
from pathlib import Path

import numpy as np
import pytest

from gslb.answers import layout
from gslb.answers.model import (
    Body,
    Choice,
    Patch,
    Pool,
    PrefixMap,
    Steer,
    TableContent,
    Typeset,
    ZoneContent,
)
from gslb.answers.pack import pack
from gslb.answers.patch import TableWriter
from gslb.errors import GslbError
from gslb.state.tables import KEPT_GENERATIONS, TableStore, map_table, open_table

APEX = b"\x07example\x03com\0"
SOA = Body(b"\xc0\x00" + b"s" * 30, authority=1, fixups=(0,))


def table(generation: int) -> bytearray:
    zone = ZoneContent(APEX, generation, SOA, [(APEX, 0)], {}, ecs=False)
    return pack(TableContent((zone,), [Typeset({6: SOA})], [], [], [], []), generation, 0)


def steered(generation: int) -> bytearray:
    names = [(APEX, 0)]
    zone = ZoneContent(APEX, generation, SOA, names, {}, ecs=False)
    zeros = [np.zeros(1, kind) for kind in (np.uint32, np.uint16, np.uint64, np.uint16)]
    everywhere = PrefixMap(*zeros)
    one = [Choice((0,), (1.0,))], [Pool((Body(b"first answer", answer=1),), (1.0,))]
    types = [Typeset({6: SOA}, {1: 0})]
    return pack(
        TableContent((zone,), types, [Steer((0,), (0,))], [everywhere], *one), generation, 0
    )


def test_generations_only_rise_whatever_is_lost(tmp_path: Path) -> None:
    store = TableStore(tmp_path)
    assert [store.next_generation() for _ in range(3)] == [1, 2, 3]
    store.write(table(9), 9)
    assert TableStore(tmp_path).next_generation() == 10
    (tmp_path / "generation").unlink()
    assert TableStore(tmp_path).next_generation() == 10
    for damage in (b"not a number", b"\xff", b"", b"-5", b"9" * 40, b"9" * 5000):
        (tmp_path / "generation").write_bytes(damage)
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
    TableWriter(writable)._cells[layout.EPOCH_CELL] = 41
    assert reader.epoch == 41


def test_an_unusable_directory_is_one_line(tmp_path: Path) -> None:
    occupied = tmp_path / "file"
    occupied.write_text("")
    with pytest.raises(GslbError, match=r"state directory .*file"):
        TableStore(occupied)
    if os.geteuid() != 0:
        locked = tmp_path / "locked"
        locked.mkdir(mode=0o500)
        with pytest.raises(GslbError, match="Permission denied"):
            TableStore(locked)


def test_a_failed_write_leaves_the_old_table(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
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


def test_a_full_disk_is_met_when_room_is_reserved(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    store = TableStore(tmp_path)
    store.write(table(1), 1)

    def full(*_: object) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(os, "posix_fallocate", full)
    with pytest.raises(GslbError, match=r"table-2.gslb: No space left"):
        store.write(table(2), 2)
    assert [path.name for path in tmp_path.iterdir()] == ["table-1.gslb"]


def test_room_for_changes_is_reserved_on_disk(tmp_path: Path) -> None:
    """A hole would turn a full disk into a SIGBUS at the first patch."""
    path = TableStore(tmp_path).write(table(1), 1)
    assert path.read_bytes() == table(1)
    assert path.stat().st_blocks * 512 >= len(table(1))


def test_where_room_cannot_be_reserved_it_is_written(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def unsupported(*_: object) -> None:
        raise OSError(errno.EOPNOTSUPP, "Operation not supported")

    monkeypatch.setattr(os, "posix_fallocate", unsupported)
    path = TableStore(tmp_path).write(table(1), 1)
    assert path.read_bytes() == table(1)
    assert path.stat().st_blocks * 512 >= len(table(1))


def test_a_table_that_was_overtaken_is_still_written(tmp_path: Path) -> None:
    """A long compilation ends after newer tables were made: its maker maps the file right away."""
    store = TableStore(tmp_path)
    for generation in (7, 8, 9, 5):
        path = store.write(table(generation), generation)
        assert path.exists()
    newest = store.newest_valid()
    assert newest.table is not None
    assert newest.table.generation == 9


def test_patches_survive_the_end_of_their_writer(tmp_path: Path) -> None:
    store = TableStore(tmp_path)
    path = store.write(steered(1), 1)
    mapped = map_table(path, writable=True)
    TableWriter(mapped).patch(Patch({}, {0: Pool((SOA,), (1.0,))}))
    newest = store.newest_valid()
    assert newest.refused == ()
    assert newest.table is not None
    assert newest.table.alternatives(newest.table.steer(0), 0) == [(1.0, SOA)]


def test_a_directory_that_goes_away_is_one_line(tmp_path: Path) -> None:
    store = TableStore(tmp_path / "state")
    store.directory.rmdir()
    for broken in (store.newest_valid, store.next_generation, lambda: store.write(table(1), 1)):
        with pytest.raises(GslbError, match=r"No such file or directory") as caught:
            broken()
        assert "\n" not in str(caught.value)


def test_what_cannot_be_mapped_is_one_line(tmp_path: Path) -> None:
    empty = tmp_path / "table-1.gslb"
    empty.write_bytes(b"")
    for path in (empty, tmp_path / "table-2.gslb", tmp_path):
        with pytest.raises(GslbError, match=r"^[^\n]+: [^\n]+$"):
            open_table(path)


def test_a_generation_can_be_looked_at_before_it_is_taken(tmp_path: Path) -> None:
    """Looking uses nothing up; a claim of an earlier one takes nothing back."""
    store = TableStore(tmp_path)
    assert store.latest_generation() == store.latest_generation() == 0
    store.claim(7)
    assert TableStore(tmp_path).latest_generation() == 7
    store.claim(3)
    assert store.next_generation() == 8
