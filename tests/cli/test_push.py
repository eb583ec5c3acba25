"""``gslb push``: plans without a server, exit codes, and copies as lines for people."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from gslb.cli import push
from gslb.cli.main import main
from gslb.cli.push import EXIT_CHANGES, EXIT_STOPPED, copy_lines
from gslb.fallback import delegating
from gslb.fallback.delegating import Delegated, Wanted
from gslb.fallback.messages import CopyId, CopyState, CopyStateWord
from gslb.push.delegation import Delegation
from gslb.push.dialects import DIALECTS
from gslb.push.objects import Actual
from gslb.push.statefile import actual_json
from gslb.settings import Settings
from tests.policytext import HEAD

POLICY = (
    HEAD
    + """\
sites:
  aws/us-east-1: {zones: {a: {A: 192.0.2.1}, b: {A: 192.0.2.2}}}
records:
  www.example.com: {rules: [{to: aws/us-east-1}]}
"""
)
COPY: dict[str, Any] = CopyState(
    CopyId("route53", "example.com.", "Z1"), CopyStateWord.INSYNC, generation=7, pushed=7,
    begun=True,
).to_json()  # fmt: skip


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
        (["drain", "192.0.2.1"], "while our servers answer, `gslb drain`"),
        (["drain", "192.0.2.1", "--from-state"], "no copy is meant"),
        (["delegate", "--to", "own"], "which zone? --zone"),
    ],
)
def test_what_cannot_be_done_is_told(
    words: list[str], says: str, place: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["push", *words, *place]) == 1
    assert says in capsys.readouterr().err


class _Node:
    """A node with one copy, which is on its way, and then *ends* like this."""

    def __init__(self, **ends: Any) -> None:
        self.ends = {"state": "failed"} | ends

    def call(self, method: str, path: str, *_: Any, **__: Any) -> dict[str, Any]:
        if method == "POST":
            assert path == "/push/apply"
            return {**COPY, "state": "pending"}
        assert (method, path) == ("GET", "/push")
        return {"copies": [{**COPY, **self.ends}]}


@pytest.mark.parametrize(
    ("ends", "code"),
    [
        ({"state": "insync"}, 0),
        ({"state": "failed"}, 1),
        ({"state": "unavailable"}, 1),
        ({"state": "held", "reason": "nothing is kept up"}, 0),  # after a purge
        ({"state": "held", "stops": ["deletes: 9 of 10"]}, EXIT_STOPPED),
    ],
)
def test_a_plan_that_was_begun_is_followed_to_its_end(
    ends: dict[str, Any], code: int, place: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(push, "node_of", lambda _: _Node(**ends))
    monkeypatch.setattr(push, "LOOK_AGAIN_SECONDS", 0.0)
    assert main(["push", "apply", "0123456789abcdef", *place]) == code


def test_a_copy_that_is_gone_meanwhile_is_told(
    place: list[str], capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(push, "node_of", lambda _: _Node(place="Z2"))
    monkeypatch.setattr(push, "LOOK_AGAIN_SECONDS", 0.0)
    assert main(["push", "apply", "0123456789abcdef", *place]) == 1
    assert "do not name this copy any more" in capsys.readouterr().err


@pytest.mark.parametrize("zone", ["example.com", "Example.COM."])
def test_the_status_of_a_zone_is_found_however_it_is_written(
    zone: str, place: list[str], capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(push, "node_of", lambda _: _Node())
    assert main(["push", "status", "--zone", zone, *place]) == 1
    assert "route53 example.com. (Z1)  FAILED" in capsys.readouterr().out


def test_the_status_of_a_zone_without_a_copy_is_no_good_news(
    place: list[str], capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(push, "node_of", lambda _: _Node())
    assert main(["push", "status", "--zone", "example.org", *place]) == 1
    assert "no copy is meant" in capsys.readouterr().err


def test_a_delegation_reads_the_copy_unless_a_file_is_named(
    place: list[str], capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[Wanted] = []

    def delegate(settings: Settings, wanted: Wanted) -> Delegated:
        asked.append(wanted)
        meant = Delegation(wanted.zone, ("ns.example.net.",), 300)
        return Delegated(meant, "", (), done=True)

    monkeypatch.setattr(delegating, "delegate", delegate)
    words = ["push", "delegate", "--to", "route53", "--zone", "Example.com", *place]
    assert main(words) == 0
    assert asked == [Wanted("example.com.", "route53")]
    capsys.readouterr()
    at = ["--at", "192.0.2.1", "--at", "[2001:db8::1]:5353"]
    assert main([*words, "--state", "held.json", *at]) == 0
    assert asked[1:] == [
        Wanted("example.com.", "route53", Path("held.json"),
               (("192.0.2.1", 53), ("2001:db8::1", 5353)))
    ]  # fmt: skip


@pytest.mark.parametrize("text", ["ns1.example.com", "192.0.2.1:99999", "[::1", "2001:db8::1"])
def test_a_server_of_the_parent_is_an_address(
    text: str, place: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit) as ended:
        main(["push", "delegate", "--to", "own", "--at", text, *place])
    assert ended.value.code == 1
    assert "error: argument --at: " in capsys.readouterr().err


@pytest.mark.parametrize(
    ("action", "says"),
    [
        ("plan", "2 there are changes"),
        ("apply", "it is in sync, or on its way"),
        ("delegate", "2 somebody has to set it there"),
        ("drain", "0 it is out of all of them"),
        ("status", "0 the copies are well"),
        ("verify", "2 something differs"),
    ],
)
def test_each_action_tells_its_own_exit_codes(
    action: str, says: str, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit):
        main(["push", action, "--help"])
    assert says in " ".join(capsys.readouterr().out.split())


def test_copies_are_told_in_few_words_unless_something_is_wrong() -> None:
    assert copy_lines([COPY]) == [
        "route53 example.com. (Z1)  insync",
        "    generation 7, it holds 7",
    ]
    held = {**COPY, "state": "held", "reason": "stopped", "stops": ["deletes: 9 of 10"],
            "plan": "ab", "drift": {"missing": 1}, "alarms": ["x"]}  # fmt: skip
    text = "\n".join(copy_lines([held]))
    assert "HELD: stopped" in text
    assert "to go on all the same: gslb push apply ab --force" in text
    assert "changed there by others: 1 missing" in text
