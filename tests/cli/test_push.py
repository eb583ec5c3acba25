"""``gslb push``: plans without a server, exit codes, and copies as lines for people."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from gslb.cli.main import main
from gslb.cli.push import EXIT_CHANGES, copy_lines
from gslb.fallback.messages import CopyId, CopyState, CopyStateWord
from gslb.push.dialects import DIALECTS
from gslb.push.objects import Actual
from gslb.push.statefile import actual_json

POLICY = """\
version: 1
dns:
  zone: example.com
  nameservers: {ns1.example.com: [192.0.2.53], ns2.example.com: [198.51.100.53]}
sites:
  aws/us-east-1: {zones: {a: {A: 192.0.2.1}, b: {A: 192.0.2.2}}}
records:
  www.example.com: {rules: [{to: aws/us-east-1}]}
"""


@pytest.fixture
def place(tmp_path: Path) -> list[str]:
    """The options that name a node which has never run."""
    (tmp_path / "policy.yaml").write_text(POLICY)
    (tmp_path / "gslb.yaml").write_text("policies: policy.yaml\nstate_directory: state\n")
    return ["--config", str(tmp_path / "gslb.yaml")]


def test_a_plan_needs_neither_server_nor_settings_nor_credentials(
    place: list[str], capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("AWS_ACCESS_KEY_ID", "AWS_PROFILE", "GOOGLE_APPLICATION_CREDENTIALS"):
        monkeypatch.delenv(name, raising=False)
    assert main(["push", "plan", "--offline", *place, "--json"]) == EXIT_CHANGES
    plans = json.loads(capsys.readouterr().out)
    assert [one["provider"] for one in plans] == list(DIALECTS)
    assert all(one["assumed_empty"] for one in plans)
    assert main(["push", "plan", "--offline", *place, "--markdown", "--provider", "route53"]) == 2
    text = capsys.readouterr().out
    assert text.startswith("### `route53` `example.com.`")
    assert "| www.example.com. | A | " in text


def test_a_plan_against_a_file_is_one_against_that_zone(
    place: list[str], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    dialect = DIALECTS["route53"]
    note = dialect.text("note.example.com.", 300, "x")
    state = tmp_path / "zone.json"
    said = actual_json("route53", "example.com.", Actual({note.key: note}))
    state.write_text(json.dumps(said))
    words = ["push", "plan", "--state", str(state), "--provider", "route53", *place]
    assert main([*words, "--json"]) == EXIT_CHANGES
    (plan,) = json.loads(capsys.readouterr().out)
    assert plan["counts"]["foreign"] == 1
    assert not plan["assumed_empty"]
    assert main([*words[:4], "--provider", "clouddns", *place]) == 1
    assert "about route53 example.com., not clouddns" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("words", "says"),
    [
        (["plan", "--offline", "--zone", "other.example"], "no copy is meant"),
        (["plan", "--direct"], "no copy is meant"),
        (["plan", "--offline", "--save", "x"], "--save takes --direct"),
        (["plan"], "does the server run (gslb serve)"),
        (["plan"], "gslb push plan --offline needs no account"),
        (["status"], "does the server run"),
    ],
)
def test_what_cannot_be_done_is_told(
    words: list[str], says: str, place: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["push", *words, *place]) == 1
    assert says in capsys.readouterr().err


def test_copies_are_told_in_few_words_unless_something_is_wrong() -> None:
    copy: dict[str, Any] = CopyState(
        CopyId("route53", "example.com.", "Z1"), CopyStateWord.INSYNC, generation=7, pushed=7,
        begun=True,
    ).to_json()  # fmt: skip
    assert copy_lines([copy]) == [
        "route53 example.com. (Z1)  insync",
        "    generation 7, it holds 7",
    ]
    held = {**copy, "state": "held", "reason": "stopped", "stops": ["deletes: 9 of 10"],
            "plan": "ab", "drift": {"missing": 1}, "alarms": ["x"]}  # fmt: skip
    text = "\n".join(copy_lines([held]))
    assert "HELD: stopped" in text
    assert "to go on all the same: gslb push apply ab --force" in text
    assert "changed there by others: 1 missing" in text
