"""The node's own database: one SQLite file in the state directory, opened by the supervisor only.

Write-ahead log, one transaction for each change, `synchronous=FULL`: what was committed is there
after kill -9 and after loss of power. A disk that is full or read-only fails the change with one
clear line; what is known can still be read.
"""

from __future__ import annotations

import contextlib
import sqlite3
import threading
from collections.abc import Iterator, Sequence
from pathlib import Path
from urllib.parse import quote

from gslb.errors import GslbError

FILE_NAME = "state.db"
MEMORY = Path(":memory:")  # SQLite's own name for it
APPLICATION_ID = 0x67736C62  # "gslb": tells the file from other programs' databases
WAIT_SECONDS = 2.0  # for somebody who looks into the file by hand

# One entry for each schema version, in order: what brings the version before to it. Never edited
# once released; what follows is appended.
MIGRATIONS: tuple[tuple[str, ...], ...] = (
    (
        """CREATE TABLE overrides (
            id INTEGER PRIMARY KEY AUTOINCREMENT,
            kind TEXT NOT NULL,
            pattern TEXT NOT NULL,
            author TEXT NOT NULL,
            reason TEXT NOT NULL,
            created TEXT NOT NULL,
            expires TEXT,
            stages TEXT NOT NULL,
            ttl INTEGER NOT NULL,
            forced INTEGER NOT NULL
        ) STRICT""",
        """CREATE TABLE health (
            target TEXT PRIMARY KEY,
            status TEXT NOT NULL,
            seen REAL NOT NULL
        ) STRICT, WITHOUT ROWID""",
        """CREATE TABLE events (
            sequence INTEGER PRIMARY KEY,
            at REAL NOT NULL,
            kind TEXT NOT NULL,
            subject TEXT NOT NULL,
            detail TEXT NOT NULL
        ) STRICT""",
        "CREATE TABLE marks (name TEXT PRIMARY KEY, value INTEGER NOT NULL) STRICT, WITHOUT ROWID",
    ),
    (
        """CREATE TABLE replies (
            caller TEXT NOT NULL,
            key TEXT NOT NULL,
            fingerprint BLOB NOT NULL,
            status INTEGER NOT NULL,
            octets BLOB NOT NULL,
            location TEXT NOT NULL,
            at REAL NOT NULL,
            PRIMARY KEY (caller, key)
        ) STRICT""",
    ),
    ("CREATE TABLE flaps (at REAL NOT NULL, value TEXT NOT NULL) STRICT",),
)
SCHEMA_VERSION = len(MIGRATIONS)


class StoreError(GslbError):
    """The database cannot be used, or a change could not be kept. What was before still holds."""


class Database:
    """An open database. Its methods may be called from any thread, one at a time gets through."""

    def __init__(self, directory: Path | None) -> None:
        """Open the database in *directory*, made if missing, and bring its schema up to date.

        None: one in memory, gone when it is closed.

        Where nothing can be written it is opened for reading, if it exists: `read_only` says why.

        Raises:
            StoreError: it cannot be read, is no database of ours, or of a newer program.
        """
        self.path = directory / FILE_NAME if directory is not None else MEMORY
        self.read_only = ""
        self._lock = threading.RLock()
        try:
            self._connection = self._open_for_writing()
        except sqlite3.Error as error:
            if not self.path.exists() or not _cannot_write(error):
                raise self._error(error) from None
            self.read_only = str(error)
            try:
                self._connection = self._open_for_reading()
            except sqlite3.Error as second:
                raise self._error(second) from None

    def _open_for_writing(self) -> sqlite3.Connection:
        connection = _connect(self.path, "mode=rwc")
        try:
            connection.execute("PRAGMA journal_mode=WAL")
            connection.execute("PRAGMA synchronous=FULL")
            connection.execute("BEGIN IMMEDIATE")  # says at once whether anything can be written
            self._migrate(connection)
            connection.execute("COMMIT")
        except (sqlite3.Error, StoreError):
            connection.close()
            raise
        with contextlib.suppress(OSError):
            self.path.chmod(0o600)  # reasons and names of operators
        return connection

    def _open_for_reading(self) -> sqlite3.Connection:
        """Open what is there. Without a log to be read it cannot change, and needs no lock."""
        log = self.path.with_name(FILE_NAME + "-wal")
        options = "mode=ro" if log.exists() and log.stat().st_size else "mode=ro&immutable=1"
        connection = _connect(self.path, options)
        try:
            if self._version(connection) != SCHEMA_VERSION:
                raise StoreError(f"{self.path}: of another version, and cannot be brought to ours")
        except (sqlite3.Error, StoreError):
            connection.close()
            raise
        return connection

    def _migrate(self, connection: sqlite3.Connection) -> None:
        version = self._version(connection)
        for statements in MIGRATIONS[version:]:
            for statement in statements:
                connection.execute(statement)
        connection.execute(f"PRAGMA application_id={APPLICATION_ID}")
        connection.execute(f"PRAGMA user_version={SCHEMA_VERSION}")

    def replace_by(self, source: sqlite3.Connection) -> None:
        """Hold what *source* has, brought up to date. Raises StoreError, sqlite3.Error."""
        self._version(source)
        source.backup(self._connection)
        self._migrate(self._connection)

    def _version(self, connection: sqlite3.Connection) -> int:
        """Return the schema version. Raises StoreError when the file is not ours to use."""
        application = connection.execute("PRAGMA application_id").fetchone()[0]
        version: int = connection.execute("PRAGMA user_version").fetchone()[0]
        tables = connection.execute("SELECT count(*) FROM sqlite_schema").fetchone()[0]
        if application != APPLICATION_ID and (application or version or tables):
            raise StoreError(f"{self.path}: a database of another program")
        if version > SCHEMA_VERSION:
            raise StoreError(
                f"{self.path}: written by a newer gslb (schema {version}, we know {SCHEMA_VERSION})"
            )
        return version

    @contextlib.contextmanager
    def change(self) -> Iterator[sqlite3.Connection]:
        """Yield the connection in a transaction: all of it is kept at the end, or nothing.

        Raises:
            StoreError: it could not be kept. Other errors of the block pass, and undo it too.
        """
        with self._lock:
            connection = self._connection
            try:
                connection.execute("BEGIN IMMEDIATE")
                yield connection
                connection.execute("COMMIT")
            except sqlite3.Error as error:
                self._undo()
                raise self._error(error) from None
            except BaseException:
                self._undo()
                raise

    def _undo(self) -> None:
        with contextlib.suppress(sqlite3.Error):
            if self._connection.in_transaction:
                self._connection.execute("ROLLBACK")

    def rows(self, query: str, values: Sequence[object] = ()) -> list[tuple[object, ...]]:
        """Return what *query* finds. Raises StoreError."""
        with self._lock:
            try:
                return self._connection.execute(query, values).fetchall()
            except sqlite3.Error as error:
                raise self._error(error) from None

    def close(self) -> None:
        """Close it; further calls raise StoreError."""
        with self._lock:
            self._connection.close()

    def _error(self, error: sqlite3.Error) -> StoreError:
        return StoreError(f"{self.path}: {error}")


def rehearse(directory: Path) -> None:
    """Find out whether the database in *directory* can be opened and brought up to date.

    Done on a copy in memory; the file, which may be in use, is only read. Raises StoreError.
    """
    path = directory / FILE_NAME
    if not path.exists():
        return
    copy = Database(None)
    try:
        with contextlib.closing(_connect(path, "mode=ro")) as source:
            copy.replace_by(source)
    except sqlite3.Error as error:
        raise StoreError(f"{path}: {error}") from None
    finally:
        copy.close()


def _connect(path: Path, options: str) -> sqlite3.Connection:
    """Open *path* with transactions begun and ended by us alone."""
    if path == MEMORY:
        return sqlite3.connect(str(MEMORY), isolation_level=None, check_same_thread=False)
    address = f"file:{quote(str(path.absolute()))}?{options}"
    return sqlite3.connect(
        address, uri=True, isolation_level=None, timeout=WAIT_SECONDS, check_same_thread=False
    )


def _cannot_write(error: sqlite3.Error) -> bool:
    """Return whether the place, and not the file, is what is wrong."""
    code = getattr(error, "sqlite_errorcode", 0) & 0xFF
    return code in {
        sqlite3.SQLITE_READONLY,
        sqlite3.SQLITE_CANTOPEN,
        sqlite3.SQLITE_FULL,
        sqlite3.SQLITE_IOERR,
        sqlite3.SQLITE_PERM,
    }
