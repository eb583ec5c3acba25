"""The audit log: one line for each change of intent, append-only, each chained to the one before.

A line is canonical JSON whose ``hash`` is the SHA-256 of the previous line's hash and the rest of
the line. So a changed, missing or moved line is found by `verify`; that lines were cut off at the
end is found by whoever kept a later hash elsewhere. A mutation whose line cannot be written must
fail: `append` raises, and leaves the file as it was.
"""

from __future__ import annotations

import contextlib
import json
import os
from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass, field
from datetime import datetime
from hashlib import sha256
from pathlib import Path
from typing import BinaryIO

from gslb.errors import GslbError
from gslb.state.overrides import rfc3339

FILE_NAME = "audit.jsonl"
FORMAT = 1
GENESIS = "0" * 64  # what the first line is chained to
MAX_LINE = 65_536  # octets, its end included
MAX_PROBLEMS = 100  # that `verify` lists


class AuditError(GslbError):
    """The audit log cannot be written or continued; nothing may be changed without it."""


@dataclass(frozen=True, slots=True)
class Entry:
    """One change of intent, or the attempt at one."""

    action: str  # "drain.create", "policy.reload"
    target: str  # what it is about: "aws/us-east-1"
    who: str  # token or user
    source: str  # where it came from: an address, "unix"
    why: str
    result: str  # "accepted", "refused", "failed"
    change: Mapping[str, object] = field(default_factory=dict)  # JSON values
    generation: int = 0  # of the answer table when it was said


@dataclass(frozen=True, slots=True)
class Head:
    """Where a log ends. To notice later that it was cut, keep this elsewhere."""

    sequence: int  # of the last line; 0: there is none
    hash: str


class AuditLog:
    """The log of one node, open for appending. One process writes."""

    def __init__(self, path: Path, now: datetime) -> None:
        """Open the log at *path*, made if missing (mode 0600), and find its end.

        A last line that a crash has cut short was never confirmed to anybody: it is taken off, and
        a line says so.

        Raises:
            AuditError: it cannot be opened, or does not end in a line of ours.
        """
        self.path = path
        flags = os.O_RDWR | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC
        try:
            self._file = os.open(path, flags, 0o600)
        except OSError as error:
            raise AuditError(f"{path}: {error.strerror}") from None
        try:
            self._size, torn = self._whole_lines()
            self.head = self._last()
            if torn:
                os.ftruncate(self._file, self._size)
                change = {"octets": len(torn), "sha256": sha256(torn).hexdigest()}
                self.append(
                    Entry("audit.repair", path.name, "gslb", "local", "torn line", "done", change),
                    now,
                )
            else:
                self._sync_folder()
        except OSError as error:
            os.close(self._file)
            raise AuditError(f"{path}: {error.strerror}") from None
        except AuditError:
            os.close(self._file)
            raise

    def append(self, entry: Entry, at: datetime) -> Head:
        """Write *entry* as of *at* (aware) and have it on the disk; return where the log ends now.

        Raises:
            AuditError: it is not there, and the file is as it was.
        """
        head = Head(self.head.sequence + 1, "")
        body: dict[str, object] = {
            "v": FORMAT,
            "seq": head.sequence,
            "at": rfc3339(at),
            **asdict(entry),
            "previous": self.head.hash,
        }
        head = Head(head.sequence, _hash(self.head.hash, body))
        line = _canonical({**body, "hash": head.hash}) + b"\n"
        if len(line) > MAX_LINE:
            raise AuditError(f"{self.path}: an entry of more than {MAX_LINE} octets")
        try:
            if os.fstat(self._file).st_size != self._size:
                raise AuditError(f"{self.path}: not as we left it: somebody else writes to it")
            written = 0
            while written < len(line):
                written += os.write(self._file, line[written:])
            os.fsync(self._file)
        except OSError as error:
            with contextlib.suppress(OSError):  # if this fails too, the next append refuses
                os.ftruncate(self._file, self._size)
            raise AuditError(f"{self.path}: {error.strerror}") from None
        self._size += len(line)
        self.head = head
        return head

    def close(self) -> None:
        """Let the file go."""
        os.close(self._file)

    def _whole_lines(self) -> tuple[int, bytes]:
        """Return where the last whole line ends, and what follows it."""
        size = os.fstat(self._file).st_size
        start = max(0, size - MAX_LINE)
        tail = os.pread(self._file, MAX_LINE, start)
        end = tail.rfind(b"\n") + 1
        if end == 0 and start > 0:
            raise AuditError(f"{self.path}: ends in a line of more than {MAX_LINE} octets")
        return start + end, tail[end:]

    def _last(self) -> Head:
        """Return the head that the last whole line makes. Raises AuditError if it is none of ours."""
        if self._size == 0:
            return Head(0, GENESIS)
        start = max(0, self._size - MAX_LINE)
        tail = os.pread(self._file, self._size - start, start)
        line = tail[tail.rfind(b"\n", 0, -1) + 1 :]
        found, problem = _read(line)
        if found is None:
            raise AuditError(f"{self.path}: the last line is damaged ({problem}); see audit verify")
        return found[0]

    def _sync_folder(self) -> None:
        folder = os.open(self.path.parent, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
        try:
            os.fsync(folder)
        finally:
            os.close(folder)


def verify(path: Path, until: Head | None = None) -> list[str]:
    """Return what is wrong with the log at *path*, each with its line; empty: it is whole.

    Args:
        path: the log.
        until: a head that is known from elsewhere; it must be in the log.

    Raises:
        AuditError: the file cannot be read.
    """
    problems: list[str] = []
    head, known = Head(0, GENESIS), until is None or until == Head(0, GENESIS)
    try:
        with path.open("rb") as file:
            for number, line in enumerate(_lines(file), 1):
                found, problem = _read(line)
                if found is None:
                    problems.append(f"{path}:{number}: {problem}")
                    head = Head(head.sequence + 1, "")
                else:
                    problems += [f"{path}:{number}: {text}" for text in _unchained(head, *found)]
                    head = found[0]
                known = known or head == until
                if len(problems) >= MAX_PROBLEMS:
                    return [*problems[:MAX_PROBLEMS], f"{path}: no more than these are listed"]
    except OSError as error:
        raise AuditError(f"{path}: {error.strerror}") from None
    if not known and until is not None:
        problems.append(f"{path}: line {until.sequence} with the known hash is not there")
    return problems


def last_head(path: Path) -> Head | None:
    """Return where the log at *path*, which another process may write to, ends; None: there is none.

    Raises:
        AuditError: it cannot be read, or does not end in a line of ours (a torn one aside).
    """
    try:
        with path.open("rb") as file:
            file.seek(max(0, path.stat().st_size - 2 * MAX_LINE))
            tail = file.read(2 * MAX_LINE)
    except FileNotFoundError:
        return None
    except OSError as error:
        raise AuditError(f"{path}: {error.strerror}") from None
    whole = tail[: tail.rfind(b"\n") + 1]
    if not whole:
        return Head(0, GENESIS)
    found, problem = _read(whole[whole.rfind(b"\n", 0, -1) + 1 :])
    if found is None:
        raise AuditError(f"{path}: the last line is damaged ({problem}); see audit verify")
    return found[0]


def entries(path: Path, last: int) -> list[dict[str, object]]:
    """Return the *last* entries of the log at *path*, oldest first, unverified. Raises AuditError."""
    found: list[dict[str, object]] = []
    try:
        with path.open("rb") as file:
            for line in _lines(file):
                with contextlib.suppress(ValueError):
                    entry = json.loads(line)
                    found.append(entry)
                    del found[:-last]
    except OSError as error:
        raise AuditError(f"{path}: {error.strerror}") from None
    return found


def _lines(file: BinaryIO) -> Iterator[bytes]:
    """Yield the lines of *file*; one that is too long comes in pieces, which are no lines of ours."""
    while line := file.readline(MAX_LINE):
        yield line


def _read(line: bytes) -> tuple[tuple[Head, str], str] | tuple[None, str]:
    """Return the head that *line* makes and the hash that it follows, or what is wrong with it."""
    if not line.endswith(b"\n"):
        return None, "cut short, or too long for a line"
    try:
        body = json.loads(line)
    except (ValueError, RecursionError):
        return None, "no JSON"
    if not isinstance(body, dict) or not {"v", "seq", "previous", "hash"} <= body.keys():
        return None, "not a line of an audit log"
    stated, sequence, previous = body["hash"], body["seq"], body["previous"]
    if body["v"] != FORMAT or not isinstance(sequence, int) or not isinstance(previous, str):
        return None, f"not of format {FORMAT}"
    try:
        canonical = _canonical(body) + b"\n" == line
    except (ValueError, RecursionError):
        canonical = False
    if not canonical:
        return None, "not written as we write it: changed"
    del body["hash"]
    if stated != _hash(previous, body):
        return None, "changed: its hash does not fit"
    return (Head(sequence, str(stated)), previous), ""


def _unchained(before: Head, head: Head, previous: str) -> Iterator[str]:
    """Yield what is wrong with a sound line that stands behind *before*."""
    if head.sequence != before.sequence + 1:
        yield f"number {head.sequence} follows {before.sequence}: lines are missing or moved"
    elif before.hash and previous != before.hash:
        yield "does not follow the line before it: that one was changed, or this one moved"


def _canonical(body: Mapping[str, object]) -> bytes:
    """Return *body* as the only JSON that we write for it (in the manner of RFC 8785)."""
    text = json.dumps(
        body, sort_keys=True, separators=(",", ":"), ensure_ascii=True, allow_nan=False
    )
    return text.encode("ascii")


def _hash(previous: str, body: Mapping[str, object]) -> str:
    return sha256(previous.encode("ascii", "replace") + _canonical(body)).hexdigest()
