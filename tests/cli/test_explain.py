"""``gslb explain``: what is printed, and what the exit code says."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from pathlib import Path

import pytest

from gslb.cli import explain as command
from gslb.cli import options
from gslb.cli.main import main
from gslb.errors import GslbError
from gslb.settings import Settings

EXAMPLE = Path(__file__).parents[2] / "policies" / "example.com.yaml"
AT = "2026-11-24T12:00Z"


def run(capsys, *words, policies=EXAMPLE):
    code = main(["explain", *words, "--policies", str(policies), "--at", AT])
    return code, capsys.readouterr()


def test_the_example_of_the_language_is_explained(capsys):
    code, said = run(capsys, "www.example.com", "41.66.0.0/24")
    assert code == 0
    assert said.out.startswith("www.example.com. A for 41.66.0.0/24")
    assert "✓ everyone-else" in said.out
    assert (
        "capacity aws/eu-central-1 67 % ≥ 67 % needed with headroom 50 %: keeps its full share"
        in said.out
    )
    assert "drained in example.com.yaml:" in said.out
    assert '"CHG-4821 kernel", until 2026-12-01 06:00Z' in said.out
    assert "198.51.100.21, 198.51.100.22   TTL 30   order rotates   NOERROR" in said.out
    assert "50 % of this client's answers go to aws/us-east-1 (none now)" in said.out


def test_a_drain_ends_by_the_time_that_is_given(capsys):
    code = main(
        [
            "explain",
            "www.example.com",
            "41.66.0.0/24",
            "--policies",
            str(EXAMPLE),
            "--json",
            "--at",
            "2026-12-01T06:00:01Z",
        ]
    )
    story = json.loads(capsys.readouterr().out)
    assert code == 0
    assert [line["chance"] for line in story["endpoints"]] == pytest.approx([1 / 3] * 3)


def test_the_last_resort_is_exit_code_4(capsys):
    code, said = run(capsys, "www.example.com", "41.66.0.0/24", "--what-if", "drain:*")
    assert code == command.EXIT_LAST_RESORT
    assert "sorry.example.net." in said.out


def test_suppositions_add_up(capsys):
    words = ("api.example.com", "192.0.2.1", "--json", "--what-if", "down:aws/us-east-1")
    code, said = run(capsys, *words, "--what-if", "drain:aws/eu-*")
    assert code == 0
    story = json.loads(said.out)
    assert {line["site"]: line["share"] for line in story["sites"] if line["share"]} == {
        "gcp/asia-east1": 1.0
    }


@pytest.mark.parametrize("name", ["nothing.example.com", "www.example.net"])
def test_a_name_that_is_not_here_is_exit_code_3(capsys, name):
    code, said = run(capsys, name, "192.0.2.1")
    assert code == command.EXIT_NOT_SERVED
    assert said.out


def test_policies_with_errors_are_exit_code_1_with_every_error(capsys, tmp_path):
    bad = tmp_path / "bad.yaml"
    bad.write_text(EXAMPLE.read_text().replace("to: aws/us-east-1", "to: aws/us-oest-1"))
    code, said = run(capsys, "www.example.com", "192.0.2.1", policies=bad)
    assert code == 1
    assert "bad.yaml:" in said.err
    assert "aws/us-oest-1" in said.err
    assert said.out == ""


@pytest.mark.parametrize(
    "words",
    [
        ("www.example.com", "192.0.2"),
        ("www.example.com", "192.0.2.1", "--type", "NOPE"),
        ("www.example.com", "192.0.2.1", "--what-if", "down:nowhere"),
        ("www.example.com", "192.0.2.1", "--resolver", "x"),
    ],
)
def test_a_word_that_means_nothing_is_one_line_and_exit_code_1(capsys, words):
    code, said = run(capsys, *words)
    assert code == 1
    assert said.err.count("\n") == 1
    assert said.out == ""


def test_types_are_read_as_text_or_number():
    assert command.read_type("aaaa") == 28
    assert command.read_type("TYPE65280") == 65280
    for text in ("", "ANY", "OPT", "AXFR", "TYPE70000"):
        with pytest.raises(GslbError):
            command.read_type(text)


def test_a_time_without_a_zone_is_utc():
    assert command.read_time("2026-12-01T06:00") == datetime(2026, 12, 1, 6, tzinfo=UTC)
    assert command.read_time("2026-12-01T07:00+01:00") == datetime(2026, 12, 1, 6, tzinfo=UTC)
    with pytest.raises(GslbError):
        command.read_time("tomorrow")


def test_an_up_that_a_drain_outlasts_is_a_note(capsys):
    code, said = run(
        capsys, "www.example.com", "41.66.0.0/24", "--what-if", "up:aws/eu-central-1/euc1-az3"
    )
    assert code == 0
    assert "up:aws/eu-central-1/euc1-az3 does not end a drain" in said.out


def test_what_a_supposition_does_to_a_site_is_seen_when_nothing_of_it_is_left(capsys):
    words = ("www.example.com", "41.66.0.0/24", "--what-if", "down:aws/eu-central-1")
    said = run(capsys, *words)[1].out
    assert "aws/eu-central-1/euc1-az1  198.51.100.21  down supposed" in said
    assert "aws/eu-central-1 has nothing left, so all of its share goes elsewhere" in said


def test_without_policies_the_option_is_named(capsys, monkeypatch, tmp_path):
    monkeypatch.setattr(options, "DEFAULT_POLICIES", tmp_path / "none")
    monkeypatch.setattr(
        command, "read_settings", lambda *_: Settings(policies=(tmp_path / "none",))
    )
    assert main(["explain", "www.example.com", "192.0.2.1"]) == 1
    assert "--policies PATH" in capsys.readouterr().err
