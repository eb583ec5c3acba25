"""Generations of the answer table on disk: written whole or not at all, the last three kept.

The newest valid one is what a start serves before anything else is known.
"""

from __future__ import annotations

import contextlib
import errno
import mmap
import os
import re
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

from gslb.answers.damage import find_damage
from gslb.answers.table import AnswerTable
from gslb.errors import GslbError

KEPT_GENERATIONS = 3
MAX_GENERATION = 10**18  # a counter beyond it is damage; the table has 64 bits for it
_NAME = re.compile(r"^table-(\d{1,19})\.gslb$")
_COUNTER = "generation"


class Newest(NamedTuple):
    """The newest valid table, and why newer ones were refused (file: reason)."""

    path: Path | None = None
    table: AnswerTable | None = None
    refused: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class ServedTable:
    """A table file that workers are to serve."""

    path: Path
    generation: int


class TableStore:
    """The tables of one state directory. One process writes, any number may read."""

    def __init__(self, directory: Path) -> None:
        """Use *directory*, made if missing. Raises GslbError when it cannot be used."""
        self.directory = directory
        try:
            directory.mkdir(parents=True, exist_ok=True)
            if not os.access(directory, os.R_OK | os.W_OK | os.X_OK):
                raise PermissionError(13, os.strerror(13))
        except OSError as error:
            raise GslbError(f"state directory {directory}: {error.strerror}") from None
        self._files()

    def next_generation(self) -> int:
        """Return a generation above every one before, even if its table was never written."""
        generation = self.latest_generation() + 1
        self.claim(generation)
        return generation

    def latest_generation(self) -> int:
        """Return the highest generation that was ever claimed or written; 0: none."""
        known = [generation for generation, _ in self._files()]
        with contextlib.suppress(OSError, ValueError):
            known.append(int((self.directory / _COUNTER).read_text()))
        usable = (generation for generation in known if 0 < generation <= MAX_GENERATION)
        return max(usable, default=0)

    def claim(self, generation: int) -> None:
        """Note that *generation* is taken, whatever becomes of its table. Raises GslbError."""
        highest = max(generation, self.latest_generation())
        write_whole(self.directory / _COUNTER, f"{highest}\n".encode())

    def write(
        self, octets: bytes | bytearray, generation: int, labels: bytes | None = None
    ) -> Path:
        """Keep the table of *generation*, which is verified; of the others the newest two stay.

        *labels* say what its numbers mean to people; they lie beside it.

        Raises GslbError with everything as it was: disk full, or not writable.
        """
        path = table_path(self.directory, generation)
        if labels is not None:
            write_whole(labels_path(path), labels)
        write_whole(path, octets)
        others = sorted((found for found in self._files() if found[1] != path), reverse=True)
        for _, old in others[KEPT_GENERATIONS - 1 :]:
            with contextlib.suppress(OSError):
                old.unlink()
                labels_path(old).unlink(missing_ok=True)
        return path

    def discard(self, generation: int) -> None:
        """Forget the table of *generation*, which nobody will serve, if there is one."""
        with contextlib.suppress(OSError):
            (self.directory / f"table-{generation}.gslb").unlink()

    def discard_above(self, generation: int) -> None:
        """Forget every table of a generation above *generation*."""
        for found, _ in self._files():
            if found > generation:
                self.discard(found)

    def newest_valid(self) -> Newest:
        """Return the newest table that is whole, and what was wrong with newer ones."""
        refused = []
        for generation, path in sorted(self._files(), reverse=True):
            try:
                table = open_table(path)
            except GslbError as error:
                refused.append(str(error))
                continue
            if table.generation != generation:
                refused.append(f"{path}: holds generation {table.generation}")
                continue
            return Newest(path, table, tuple(refused))
        return Newest(None, None, tuple(refused))

    def _files(self) -> list[tuple[int, Path]]:
        """Return every table's generation and file. Raises GslbError."""
        try:
            paths = list(self.directory.iterdir())
        except OSError as error:
            raise GslbError(f"state directory {self.directory}: {error.strerror}") from None
        return [(int(match[1]), path) for path in paths if (match := _NAME.match(path.name))]


def table_path(directory: Path, generation: int) -> Path:
    """Return where the table of *generation* is, in the state directory."""
    return directory / f"table-{generation}.gslb"


def labels_path(table: Path) -> Path:
    """Return where the labels of *table* are."""
    return table.with_suffix(".labels")


def map_table(path: Path, *, writable: bool = False) -> mmap.mmap:
    """Map the file at *path*, shared with everybody who maps it. Raises GslbError."""
    try:
        with path.open("r+b" if writable else "rb") as file:
            access = mmap.ACCESS_WRITE if writable else mmap.ACCESS_READ
            return mmap.mmap(file.fileno(), 0, access=access)
    except (OSError, ValueError) as error:  # ValueError: an empty file
        reason = getattr(error, "strerror", None) or str(error)
        raise GslbError(f"{path}: {reason}") from None


def open_table(path: Path) -> AnswerTable:
    """Map the table at *path*. Raises GslbError with the reason when it is damaged, or of another form."""
    octets = map_table(path)
    problems = find_damage(octets)
    if problems:
        raise GslbError(f"{path}: {'; '.join(problems)}")
    return AnswerTable(octets)


def write_whole(path: Path, octets: bytes | bytearray) -> None:
    """Write *octets* to *path* so that after any crash there is the old file or the new one.

    Raises GslbError with everything as it was.
    """
    temporary = path.with_name(f".{path.name}.new")
    try:
        with temporary.open("wb") as file:
            _write_reserved(file.fileno(), octets)
            file.flush()
            os.fsync(file.fileno())
        temporary.replace(path)
        folder = os.open(path.parent, os.O_RDONLY | os.O_DIRECTORY)
        try:
            os.fsync(folder)
        finally:
            os.close(folder)
    except OSError as error:
        with contextlib.suppress(OSError):
            temporary.unlink()
        raise GslbError(f"{path}: {error.strerror}") from None


def _write_reserved(descriptor: int, octets: bytes | bytearray) -> None:
    """Write *octets*; the zeros at their end, room for changes, are reserved but not written.

    They must not be a hole: a store into one through a mapping, with the disk full, kills the
    process with SIGBUS instead of failing.
    """
    used = len(octets)
    try:
        os.posix_fallocate(descriptor, 0, len(octets))
    except OSError as error:
        if error.errno not in {errno.EOPNOTSUPP, errno.EINVAL}:
            raise
    else:
        used = len(octets.rstrip(b"\0"))
    view = memoryview(octets)
    at = 0
    while at < used:
        at += os.write(descriptor, view[at:used])
