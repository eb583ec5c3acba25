"""`gslb audit verify`: a log that was touched is told from one that was not."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

import pytest

from gslb.cli.main import main
from gslb.state.audit import FILE_NAME, AuditLog, Entry

AT = datetime(2026, 12, 1, tzinfo=UTC)


@pytest.fixture
def log(tmp_path: Path) -> Path:
    log = AuditLog(tmp_path / FILE_NAME, AT)
    for number in range(3):
        log.append(Entry("drain.create", f"aws/{number}", "ops", "socket", "x", "accepted"), AT)
    log.close()
    return log.path


def test_a_whole_log_says_where_it_ends(log: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["audit", "verify", "--state-directory", str(log.parent)]) == 0
    end = capsys.readouterr().out.split()[-1]
    assert end.startswith("3:")
    assert main(["audit", "verify", "--file", str(log), "--head", end]) == 0


def test_a_flipped_byte_is_named(log: Path, capsys: pytest.CaptureFixture[str]) -> None:
    log.write_bytes(log.read_bytes().replace(b"aws/1", b"aws/7"))
    assert main(["audit", "verify", "--file", str(log)]) == 1
    assert f"{log}:2: " in capsys.readouterr().err


def test_lines_cut_off_show_with_an_end_kept_elsewhere(
    log: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    main(["audit", "verify", "--file", str(log)])
    end = capsys.readouterr().out.split()[-1]
    log.write_bytes(b"".join(log.read_bytes().splitlines(keepends=True)[:2]))
    assert main(["audit", "verify", "--file", str(log)]) == 0
    assert main(["audit", "verify", "--file", str(log), "--head", end]) == 1
    assert main(["audit", "verify", "--file", str(log), "--head", "nonsense"]) == 1
