"""What the README shows of a plan is what the command prints for its example policy."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from gslb.cli.main import main

ROOT = Path(__file__).parents[2]
COMMAND = "$ gslb push plan --offline"
VARIES = re.compile(r"generation \d+|plan [0-9a-f]{16}")  # by the time of day


def shown() -> tuple[list[str], list[str]]:
    """Return the words of the command that the README shows, and the lines under it."""
    text = (ROOT / "README.md").read_text()
    block = text[text.index(COMMAND) :].partition("```")[0].splitlines()
    return block[0].removeprefix("$ gslb ").split(), block[1:]


def test_the_sample_of_a_plan_is_what_is_printed(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """Every line, in order; a line of three dots stands for those left out."""
    words, lines = shown()
    monkeypatch.chdir(ROOT)
    assert main([*words, "--state-directory", str(tmp_path)]) == 2
    printed = iter([VARIES.sub("#", line) for line in capsys.readouterr().out.splitlines()])
    left_out = False
    for line in (VARIES.sub("#", line) for line in lines):
        if line.strip() == "…":
            left_out = True
        elif left_out:
            assert line in printed, line  # takes what stands before it
            left_out = False
        else:
            assert next(printed) == line
    assert not list(filter(None, printed))
