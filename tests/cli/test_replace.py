"""``gslb replace``: what came of it, and who goes on."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import pytest

from gslb.cli import replace, serve
from gslb.cli.main import main
from gslb.control import ControlError, NobodyThereError

BEFORE = {"pid": 7, "version": "1"}
DONE = {
    "ok": True,
    "pid": 8,
    "version": "2",
    "old_pid": 7,
    "old_version": "1",
    "generation": 5,
    "names": 2,
    "zones": ["example.com"],
    "seconds": 1.25,
}
STATUS = {**DONE, "uptime_seconds": 3.0}


@pytest.fixture
def answers(monkeypatch: pytest.MonkeyPatch) -> list[Any]:
    """What the server answers, in order; an error is raised."""
    said: list[Any] = []

    def ask(*_: object) -> Any:
        one = said.pop(0)
        if isinstance(one, Exception):
            raise one
        return one

    monkeypatch.setattr(replace, "ask_supervisor", lambda *_: BEFORE)
    monkeypatch.setattr(replace.control, "ask", ask)
    monkeypatch.setattr(replace, "LOOK_AGAIN_SECONDS", 0.0)
    return said


def run(folder: Path) -> int:
    return main(["replace", "--state-directory", str(folder)])


def test_both_versions_are_named(
    tmp_path: Path, answers: list[Any], capsys: pytest.CaptureFixture[str]
) -> None:
    answers.append(DONE)
    assert run(tmp_path) == 0
    assert capsys.readouterr().out == (
        "gslb 2 (pid 8) serves in place of 1 (pid 7): generation 5, 2 names in example.com,"
        " after 1.2 s\n"
    )


def test_a_failure_has_its_reasons_and_who_goes_on(
    tmp_path: Path, answers: list[Any], capsys: pytest.CaptureFixture[str]
) -> None:
    answers.append({"ok": False, "problems": ["p.yaml:1:1: error"], "error": "refused"})
    assert run(tmp_path) == 1
    assert capsys.readouterr().err == (
        "p.yaml:1:1: error\ngslb: not replaced: refused; gslb 1, pid 7, goes on\n"
    )


def test_where_the_old_one_dies_meanwhile_the_new_one_is_looked_for(
    tmp_path: Path, answers: list[Any], capsys: pytest.CaptureFixture[str]
) -> None:
    answers += [ControlError("closed without an answer"), NobodyThereError("nobody"), STATUS]
    assert run(tmp_path) == 0
    assert "gslb 2 (pid 8) serves in place of 1 (pid 7)" in capsys.readouterr().out


def test_where_the_old_one_only_does_not_answer_it_has_not_been_replaced(
    tmp_path: Path, answers: list[Any], capsys: pytest.CaptureFixture[str]
) -> None:
    answers += [ControlError("no answer"), {**STATUS, "pid": 7}]
    assert run(tmp_path) == 1
    assert "not replaced: no answer; gslb 1, pid 7, goes on" in capsys.readouterr().err


def test_where_nobody_is_left_that_is_said(
    tmp_path: Path,
    answers: list[Any],
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(replace, "LOOK_SECONDS", -1.0)
    answers += [ControlError("closed"), NobodyThereError("nobody answers")]
    assert run(tmp_path) == 1
    assert capsys.readouterr().err == "gslb: nobody answers\n"


@pytest.mark.parametrize("more", [[], ["--replace"]])
def test_the_successor_is_started_as_we_were(
    more: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """The interpreter by its whole path; the option that makes it take over, once."""
    monkeypatch.setattr(sys, "orig_argv", ["python", "-P", "/opt/gslb/bin/gslb", "serve", *more])
    assert serve.successor() == [sys.executable, "-P", "/opt/gslb/bin/gslb", "serve", "--replace"]
