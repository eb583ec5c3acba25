"""A change is kept whole or not at all; what cannot be written can still be read."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable
from pathlib import Path

import pytest

from gslb.state import database
from gslb.state.database import FILE_NAME, SCHEMA_VERSION, Database, StoreError


def mark(opened: Database, name: str, value: int = 1) -> None:
    with opened.change() as connection:
        connection.execute("INSERT INTO marks VALUES (?, ?)", (name, value))


def twice(opened: Database, between: Callable[[], int]) -> None:
    with opened.change() as connection:
        connection.execute("INSERT INTO marks VALUES ('b', 1)")
        connection.execute("INSERT INTO marks VALUES ('b', ?)", (between(),))


def marks(opened: Database) -> list[object]:
    return [name for (name,) in opened.rows("SELECT name FROM marks ORDER BY name")]


@pytest.fixture
def opened(tmp_path: Path):
    made = Database(tmp_path)
    yield made
    made.close()


def test_a_change_is_there_after_opening_again(tmp_path: Path) -> None:
    first = Database(tmp_path)
    mark(first, "a")
    first.close()
    second = Database(tmp_path)
    assert marks(second) == ["a"]
    assert second.rows("PRAGMA user_version") == [(SCHEMA_VERSION,)]
    assert second.path.stat().st_mode & 0o777 == 0o600
    second.close()


def test_an_error_in_the_middle_undoes_everything(opened: Database) -> None:
    with pytest.raises(ZeroDivisionError):
        twice(opened, lambda: 1 // 0)
    with pytest.raises(StoreError, match="UNIQUE"):
        twice(opened, lambda: 1)
    assert marks(opened) == []
    mark(opened, "c")
    assert marks(opened) == ["c"]


def test_a_full_disk_fails_the_change_and_reading_goes_on(opened: Database) -> None:
    mark(opened, "a")
    pages = opened.rows("PRAGMA page_count")[0][0]
    opened.rows(f"PRAGMA max_page_count={pages}")
    with pytest.raises(StoreError, match="full"):
        mark(opened, "b" * 1_000_000)
    assert marks(opened) == ["a"]
    opened.rows("PRAGMA max_page_count=1000000")
    mark(opened, "c")
    assert marks(opened) == ["a", "c"]


def test_where_nothing_can_be_written_it_is_read_all_the_same(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    first = Database(tmp_path)
    mark(first, "a")
    first.close()
    real = database._connect
    monkeypatch.setattr(
        database,
        "_connect",
        lambda path, options: real(path, options.replace("mode=rwc", "mode=ro")),
    )
    second = Database(tmp_path)
    assert second.read_only
    assert marks(second) == ["a"]
    with pytest.raises(StoreError, match="readonly"):
        mark(second, "b")
    assert marks(second) == ["a"]
    second.close()


def test_what_is_only_in_the_log_is_read_too(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    writer = Database(tmp_path)
    mark(writer, "a")  # stays in the write-ahead log while the writer lives
    real = database._connect
    monkeypatch.setattr(
        database,
        "_connect",
        lambda path, options: real(path, options.replace("mode=rwc", "mode=ro")),
    )
    reader = Database(tmp_path)
    assert marks(reader) == ["a"]
    reader.close()
    writer.close()


def test_no_file_and_no_way_to_make_one_is_one_clear_line(tmp_path: Path) -> None:
    with pytest.raises(StoreError, match="unable to open database file") as caught:
        Database(tmp_path / "missing")
    assert "\n" not in str(caught.value)


def test_rubbish_is_refused(tmp_path: Path) -> None:
    (tmp_path / FILE_NAME).write_bytes(b"rubbish " * 1000)
    with pytest.raises(StoreError, match="not a database"):
        Database(tmp_path)
    assert (tmp_path / FILE_NAME).read_bytes() == b"rubbish " * 1000


def test_the_database_of_another_program_is_left_alone(tmp_path: Path) -> None:
    other = sqlite3.connect(tmp_path / FILE_NAME)
    other.execute("CREATE TABLE theirs (x)")
    other.commit()
    other.close()
    with pytest.raises(StoreError, match="another program"):
        Database(tmp_path)
    other = sqlite3.connect(tmp_path / FILE_NAME)
    assert other.execute("SELECT name FROM sqlite_schema").fetchall() == [("theirs",)]
    other.close()


def test_the_database_of_a_newer_gslb_is_refused(tmp_path: Path) -> None:
    Database(tmp_path).close()
    newer = sqlite3.connect(tmp_path / FILE_NAME)
    newer.execute(f"PRAGMA user_version={SCHEMA_VERSION + 1}")
    newer.close()
    with pytest.raises(StoreError, match="newer gslb"):
        Database(tmp_path)


def test_a_later_schema_keeps_what_there_is(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    first = Database(tmp_path)
    mark(first, "a")
    first.close()
    more = (*database.MIGRATIONS, ("ALTER TABLE marks ADD COLUMN note TEXT",))
    monkeypatch.setattr(database, "MIGRATIONS", more)
    monkeypatch.setattr(database, "SCHEMA_VERSION", len(more))
    second = Database(tmp_path)
    assert second.rows("SELECT name, note FROM marks") == [("a", None)]
    second.close()


def test_a_migration_that_fails_changes_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    Database(tmp_path).close()
    more = (*database.MIGRATIONS, ("CREATE TABLE extra (x)", "nonsense"))
    with monkeypatch.context() as patch:
        patch.setattr(database, "MIGRATIONS", more)
        patch.setattr(database, "SCHEMA_VERSION", len(more))
        with pytest.raises(StoreError, match="nonsense"):
            Database(tmp_path)
    again = Database(tmp_path)
    assert again.rows("SELECT name FROM sqlite_schema WHERE name = 'extra'") == []
    again.close()


def test_a_closed_database_says_so(tmp_path: Path) -> None:
    closed = Database(tmp_path)
    closed.close()
    with pytest.raises(StoreError, match="closed"):
        closed.rows("SELECT 1")
    with pytest.raises(StoreError, match="closed"):
        mark(closed, "a")


def test_a_rehearsal_says_what_an_opening_would_and_changes_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Beside a process that has it open; a migration is tried on a copy."""
    database.rehearse(tmp_path)  # nothing there is no fault
    assert not list(tmp_path.iterdir())
    opened = Database(tmp_path)
    known = database.MIGRATIONS
    monkeypatch.setattr(database, "MIGRATIONS", (*known, ("CREATE TABLE more (a INTEGER) STRICT",)))
    monkeypatch.setattr(database, "SCHEMA_VERSION", len(known) + 1)
    database.rehearse(tmp_path)
    assert opened.rows("PRAGMA user_version") == [(len(known),)]
    with opened.change() as connection:
        for number in (1, 2):
            connection.execute("INSERT INTO events VALUES (?, 0.0, 'same', '', '')", (number,))
    impossible = ("CREATE UNIQUE INDEX one ON events (kind)",)
    monkeypatch.setattr(database, "MIGRATIONS", (*known, impossible))
    with pytest.raises(StoreError, match="UNIQUE constraint failed"):
        database.rehearse(tmp_path)
    opened.close()


def test_a_newer_database_does_not_pass_a_rehearsal(tmp_path: Path) -> None:
    Database(tmp_path).close()
    with sqlite3.connect(tmp_path / FILE_NAME) as connection:
        connection.execute(f"PRAGMA user_version={SCHEMA_VERSION + 1}")
    connection.close()
    with pytest.raises(StoreError, match="written by a newer gslb"):
        database.rehearse(tmp_path)


def test_rubbish_does_not_pass_a_rehearsal(tmp_path: Path) -> None:
    (tmp_path / FILE_NAME).write_bytes(b"rubbish" * 1000)
    with pytest.raises(StoreError):
        database.rehearse(tmp_path)
