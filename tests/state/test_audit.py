"""The audit log tells of every change of intent, and of every change of itself."""

from __future__ import annotations

import errno
import json
import os
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gslb.state import audit
from gslb.state.audit import GENESIS, AuditError, AuditLog, Entry, Head, entries, verify

NOW = datetime(2026, 11, 24, 12, 0, tzinfo=UTC)
ENTRY = Entry("drain.create", "aws/us-east-1", "ann", "192.0.2.7", "CHG-1 “kernel”", "accepted")


def write(path: Path, count: int) -> Head:
    log = AuditLog(path, NOW)
    for number in range(count):
        log.append(ENTRY, NOW + timedelta(seconds=number))
    log.close()
    return log.head


def test_a_log_that_nobody_touched_verifies(tmp_path: Path) -> None:
    path = tmp_path / "audit.jsonl"
    head = write(path, 3)
    assert verify(path) == []
    assert verify(path, head) == []
    assert [entry["seq"] for entry in entries(path, 2)] == [2, 3]
    assert path.stat().st_mode & 0o777 == 0o600


def test_it_goes_on_where_it_ended(tmp_path: Path) -> None:
    path = tmp_path / "audit.jsonl"
    first = write(path, 2)
    second = write(path, 2)
    assert (first.sequence, second.sequence) == (2, 4)
    assert verify(path, first) == verify(path, second) == []
    assert json.loads(path.read_text().splitlines()[0])["previous"] == GENESIS


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> bytes:
    path = tmp_path_factory.mktemp("audit") / "audit.jsonl"
    write(path, 4)
    return path.read_bytes()


@settings(max_examples=400)
@given(data=st.data())
def test_any_flipped_bit_is_found_and_its_line_named(
    data: st.DataObject, whole: bytes, tmp_path_factory: pytest.TempPathFactory
) -> None:
    path = tmp_path_factory.getbasetemp() / "flipped.jsonl"
    at = data.draw(st.integers(0, len(whole) - 1))
    flipped = bytearray(whole)
    flipped[at] ^= 1 << data.draw(st.integers(0, 7))
    path.write_bytes(flipped)
    line = whole[:at].count(b"\n") + 1
    problems = verify(path)
    assert problems
    assert problems[0].startswith(f"{path}:{line}: ")


@pytest.mark.parametrize("gone", [0, 1, 2])
def test_a_line_that_is_missing_is_noticed_at_the_next(
    gone: int, whole: bytes, tmp_path: Path
) -> None:
    path = tmp_path / "audit.jsonl"
    lines = whole.splitlines(keepends=True)
    del lines[gone]
    path.write_bytes(b"".join(lines))
    assert any(one.startswith(f"{path}:{gone + 1}: ") for one in verify(path))


def test_lines_that_change_places_are_noticed(whole: bytes, tmp_path: Path) -> None:
    path = tmp_path / "audit.jsonl"
    lines = whole.splitlines(keepends=True)
    lines[1], lines[2] = lines[2], lines[1]
    path.write_bytes(b"".join(lines))
    assert f"{path}:2: number 3 follows 1: lines are missing or moved" in verify(path)


def test_a_line_forged_with_its_own_hash_breaks_the_chain(whole: bytes, tmp_path: Path) -> None:
    path = tmp_path / "audit.jsonl"
    lines = whole.splitlines(keepends=True)
    forged = json.loads(lines[1])
    del forged["hash"]
    forged["who"] = "bob"
    forged["hash"] = audit._hash(forged["previous"], forged)
    lines[1] = audit._canonical(forged) + b"\n"
    path.write_bytes(b"".join(lines))
    assert [one.split(": ")[0] for one in verify(path)] == [f"{path}:3"]


def test_a_cut_is_seen_by_whoever_knows_a_later_head(tmp_path: Path) -> None:
    path = tmp_path / "audit.jsonl"
    head = write(path, 3)
    path.write_bytes(b"".join(path.read_bytes().splitlines(keepends=True)[:2]))
    assert verify(path) == []
    assert verify(path, head) == [f"{path}: line 3 with the known hash is not there"]


@pytest.mark.parametrize("cut", [1, 10, 200])
def test_a_line_cut_short_by_a_crash_is_taken_off_and_told(tmp_path: Path, cut: int) -> None:
    path = tmp_path / "audit.jsonl"
    write(path, 2)
    octets = path.read_bytes()
    path.write_bytes(octets[:-cut])
    assert verify(path)
    log = AuditLog(path, NOW)
    log.close()
    assert verify(path) == []
    last = entries(path, 1)[0]
    assert last["action"] == "audit.repair"
    assert last["seq"] == 2


@pytest.mark.parametrize("tail", [b"nonsense\n", b"{}\n", b"[" * 20_000 + b"\n"])
def test_a_log_that_ends_in_something_else_is_not_continued(tmp_path: Path, tail: bytes) -> None:
    path = tmp_path / "audit.jsonl"
    write(path, 1)
    with path.open("ab") as file:
        file.write(tail)
    with pytest.raises(AuditError, match="damaged"):
        AuditLog(path, NOW)
    assert any(one.startswith(f"{path}:2: ") for one in verify(path))


@pytest.mark.parametrize("failing", ["write", "fsync"])
def test_what_cannot_be_written_raises_and_leaves_the_log_whole(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, failing: str
) -> None:
    path = tmp_path / "audit.jsonl"
    log = AuditLog(path, NOW)
    log.append(ENTRY, NOW)
    before = path.read_bytes()
    real = os.write

    def full(file: int, octets: bytes = b"") -> int:
        if failing == "write" and len(octets) > 100:
            return real(file, octets[:100])  # a part fits, the rest does not
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    with monkeypatch.context() as patch:
        patch.setattr(os, failing, full)
        with pytest.raises(AuditError, match="No space left"):
            log.append(ENTRY, NOW)
    assert path.read_bytes() == before
    log.append(ENTRY, NOW)
    assert verify(path, log.head) == []
    log.close()


def test_a_log_that_somebody_else_writes_to_is_not_continued(tmp_path: Path) -> None:
    path = tmp_path / "audit.jsonl"
    log = AuditLog(path, NOW)
    with path.open("ab") as file:
        file.write(b"x\n")
    with pytest.raises(AuditError, match="somebody else"):
        log.append(ENTRY, NOW)
    log.close()


def test_an_entry_that_is_too_long_is_refused(tmp_path: Path) -> None:
    log = AuditLog(tmp_path / "audit.jsonl", NOW)
    with pytest.raises(AuditError, match="more than"):
        log.append(Entry("a", "b", "c", "d", "x" * audit.MAX_LINE, "r"), NOW)
    log.append(ENTRY, NOW)
    log.close()
    assert verify(log.path) == []


def test_a_log_that_cannot_be_opened_says_so_in_a_line(tmp_path: Path) -> None:
    with pytest.raises(AuditError, match="No such file"):
        AuditLog(tmp_path / "no" / "audit.jsonl", NOW)
    with pytest.raises(AuditError, match="No such file"):
        verify(tmp_path / "audit.jsonl")


def test_very_many_problems_are_not_all_listed(tmp_path: Path) -> None:
    path = tmp_path / "audit.jsonl"
    path.write_bytes(b"x\n" * 5000)
    assert len(verify(path)) == audit.MAX_PROBLEMS + 1
