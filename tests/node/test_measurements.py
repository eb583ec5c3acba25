"""Measurements on disk are replaced whole, and never keep a server from starting."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from gslb.errors import GslbError
from gslb.node import measurements
from gslb.node.measurements import (
    measurements_in_use,
    measurements_path,
    put_in_use,
    read_measurements,
)

NOW = datetime(2026, 10, 5, 12, tzinfo=UTC)
GOOD = "key,site,p50_ms,samples,observed_at\nBR,aws/sa-east-1,20,100,2026-10-05T11:00:00Z\n"


def test_what_is_put_in_use_is_what_is_steered_by(tmp_path) -> None:
    source = tmp_path / "measured.csv"
    source.write_text(GOOD)
    put_in_use(source, measurements_path(tmp_path / "state"))
    table, wrong = measurements_in_use(tmp_path / "state", NOW)
    assert [cell.site for cell in table.cells] == ["aws/sa-east-1"]
    assert wrong == []
    assert [path.name for path in (tmp_path / "state").iterdir()] == ["latency.csv"]


def test_without_a_file_there_are_no_measurements(tmp_path) -> None:
    assert measurements_in_use(tmp_path, NOW) == (None, [])


@pytest.mark.parametrize("octets", [b"\xff\xfe", b"", b"key,site\n", GOOD.encode() + b"x\n"])
def test_a_broken_file_is_said_and_never_raised(tmp_path, octets) -> None:
    measurements_path(tmp_path).write_bytes(octets)
    _, wrong = measurements_in_use(tmp_path, NOW)
    assert len(wrong) == 1


def test_a_file_that_cannot_be_read_is_one_line(tmp_path, monkeypatch) -> None:
    with pytest.raises(GslbError, match=r"cannot read .*missing\.csv"):
        read_measurements(tmp_path / "missing.csv", NOW)
    monkeypatch.setattr(measurements, "MAX_OCTETS", 8)
    (tmp_path / "large.csv").write_text(GOOD)
    with pytest.raises(GslbError, match="more than"):
        read_measurements(tmp_path / "large.csv", NOW)
    measurements_path(tmp_path).mkdir()
    assert measurements_in_use(tmp_path, NOW)[0] is None
