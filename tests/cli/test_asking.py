"""Where nobody answers, it is said what is there and what to do."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from gslb.cli import asking
from gslb.cli.asking import SupervisorGoneError, ask_supervisor
from gslb.cli.main import main
from gslb.control import NobodyThereError
from gslb.settings import Settings

WORKERS: list[dict[str, Any]] = [{"pid": 7, "generation": 3}, {"pid": 8, "generation": 3}]


@pytest.fixture
def orphans(monkeypatch: pytest.MonkeyPatch) -> None:
    """Two workers answer, and no supervisor."""
    monkeypatch.setattr(asking, "look_for_workers", lambda _: WORKERS)


def test_nobody_at_all_is_a_question_about_the_folder(tmp_path: Path) -> None:
    """One line, with the option that names another."""
    for folder in (tmp_path, tmp_path / "none"):
        with pytest.raises(NobodyThereError) as caught:
            ask_supervisor(Settings(state_directory=folder), {"do": "status"}, 1.0)
        text = str(caught.value)
        assert text.startswith(f"{folder}/control.sock: nobody answers (")
        assert "does the server run" in text
        assert "--state-directory" in text
        assert "\n" not in text


@pytest.mark.usefixtures("orphans")
def test_workers_that_are_left_are_named(tmp_path: Path) -> None:
    """So are both ways on."""
    with pytest.raises(SupervisorGoneError) as caught:
        ask_supervisor(Settings(state_directory=tmp_path), {"do": "reload"}, 1.0)
    first, take_over, end = str(caught.value).splitlines()
    assert "the supervisor is gone; 2 of its workers still answer" in first
    assert first.endswith("pid 7 (generation 3), pid 8 (generation 3)")
    assert f"gslb serve --state-directory {tmp_path}" in take_over
    assert f"gslb stop --state-directory {tmp_path}" in end


@pytest.mark.usefixtures("orphans")
def test_status_has_an_exit_code_for_it(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """3, in words and as JSON; a reload cannot be done, which is 1."""
    place = ["--state-directory", str(tmp_path)]
    assert main(["status", *place]) == 3
    captured = capsys.readouterr()
    assert captured.out == ""
    assert captured.err.startswith("gslb: the supervisor is gone")
    assert main(["status", "--json", *place]) == 3
    assert json.loads(capsys.readouterr().out) == {"supervisor": None, "workers": WORKERS}
    assert main(["reload", *place]) == 1
    assert "the supervisor is gone" in capsys.readouterr().err
