"""``gslb stop``: ends what a dead supervisor has left, and nothing else."""

from __future__ import annotations

from pathlib import Path

import pytest

from gslb.cli import stop
from gslb.cli.main import main
from gslb.node.statedir import StateDirectory


@pytest.fixture(autouse=True)
def _no_log(monkeypatch: pytest.MonkeyPatch) -> None:
    """Leave the log of the tests' own process as it is."""
    monkeypatch.setattr(stop.logs, "set_up", lambda *_: None)


@pytest.mark.parametrize(
    ("gone", "says"),
    [(0, "no worker was left"), (1, "1 worker has ended"), (2, "2 workers have ended")],
)
def test_what_has_ended_is_counted(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    gone: int,
    says: str,
) -> None:
    """And the folder is free afterwards."""
    monkeypatch.setattr(stop, "send_home", lambda _: (gone, 0))
    assert main(["stop", "--state-directory", str(tmp_path)]) == 0
    assert capsys.readouterr().out == says + "\n"
    StateDirectory(tmp_path).close()


def test_one_that_does_not_obey_is_a_failure(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """It still answers, so the one who asked has to know."""
    monkeypatch.setattr(stop, "send_home", lambda _: (1, 1))
    assert main(["stop", "--state-directory", str(tmp_path)]) == 1
    assert "1 of 2 workers did not obey" in capsys.readouterr().err


def test_a_running_server_is_not_touched(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Its supervisor holds the folder."""
    held = StateDirectory(tmp_path)
    assert main(["stop", "--state-directory", str(tmp_path)]) == 1
    error = capsys.readouterr().err
    assert "another gslb" in error
    assert "SIGTERM or the service manager ends it" in error
    held.close()


def test_a_folder_that_is_not_there_is_not_made(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """It is most likely misspelt."""
    assert main(["stop", "--state-directory", str(tmp_path / "none")]) == 1
    assert "no such state directory" in capsys.readouterr().err
    assert not (tmp_path / "none").exists()
