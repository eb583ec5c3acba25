"""Fencing numbers: they rise, over restarts, over a lost directory, and over a clock set back."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from gslb.state.lease import FILE_NAME, LeaseError, OwnLease

NOW = datetime(2026, 12, 1, tzinfo=UTC)
SECONDS = int(NOW.timestamp())


def test_numbers_rise_within_a_second_and_over_restarts(tmp_path: Path) -> None:
    lease = OwnLease(tmp_path, lambda: NOW)
    assert lease.held
    assert [lease.number(), lease.number()] == [SECONDS, SECONDS + 1]
    assert OwnLease(tmp_path, lambda: NOW).number() == SECONDS + 2


def test_a_clock_that_was_set_back_does_not_bring_old_numbers(tmp_path: Path) -> None:
    first = OwnLease(tmp_path, lambda: NOW).number()
    assert OwnLease(tmp_path, lambda: NOW - timedelta(days=9)).number() == first + 1


def test_without_the_file_the_clock_goes_on_above(tmp_path: Path) -> None:
    first = OwnLease(tmp_path, lambda: NOW).number()
    (tmp_path / FILE_NAME).unlink()
    assert OwnLease(tmp_path, lambda: NOW + timedelta(seconds=1)).number() > first


@pytest.mark.parametrize("octets", [b"", b"[]", b'{"number": "1"}', b'{"number": -1}', b"\xff"])
def test_a_damaged_file_is_said_to_be_one(tmp_path: Path, octets: bytes) -> None:
    """A guess might be lower than what was given out."""
    (tmp_path / FILE_NAME).write_bytes(octets)
    with pytest.raises(LeaseError, match=FILE_NAME):
        OwnLease(tmp_path, lambda: NOW).number()


def test_a_number_that_cannot_be_kept_is_not_given_out(tmp_path: Path) -> None:
    with pytest.raises(LeaseError):
        OwnLease(tmp_path / "nowhere", lambda: NOW).number()
