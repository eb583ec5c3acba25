"""``gslb latency`` checks, summarises and puts measurements in use."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta

import pytest

from gslb.cli.main import main
from tests.policytext import HEAD

HEADER = "key,site,p50_ms,p75_ms,samples,observed_at,source"


def row(key: str, site: str, samples: int = 100, age: timedelta = timedelta(hours=1)) -> str:
    moment = (datetime.now(UTC) - age).isoformat()
    return f"{key},{site},20,30,{samples},{moment},rum"


@pytest.fixture
def file(tmp_path):
    def write(*rows: str):
        path = tmp_path / "measured.csv"
        path.write_text("\n".join((HEADER, *rows)))
        return path

    return write


@pytest.fixture
def latency(tmp_path, capsys, monkeypatch):
    """Run ``gslb latency …`` and return exit code, output and errors."""
    monkeypatch.setenv("GSLB_STATE_DIRECTORY", str(tmp_path / "state"))

    def run(action: str, *words: object):
        code = main(["latency", action, *map(str, words)])
        return code, *capsys.readouterr()

    return run


def test_an_import_is_in_use_and_shown(tmp_path, file, latency) -> None:
    path = file(row("BR", "aws/sa-east-1"), row("AS64500/BR", "aws/us-east-1"))
    code, out, error = latency("import", path)
    assert code == 0
    assert "2 rows: 1 asn_country, 1 country" in out
    assert "in use from the next gslb reload" in error
    assert (tmp_path / "state" / "latency.csv").read_text() == path.read_text()
    assert latency("show")[1] == out


def test_a_dry_run_changes_nothing(tmp_path, file, latency) -> None:
    code, out, _ = latency("import", file(row("BR", "aws/sa-east-1")), "--dry-run")
    assert (code, (tmp_path / "state").exists()) == (0, False)
    assert "1 usable" in out


def test_a_wrong_row_is_named_with_its_line_and_nothing_is_imported(
    tmp_path, file, latency
) -> None:
    path = file(row("BR", "aws/sa-east-1"), row("BRA", "aws/sa-east-1"), row("CN", "x"))
    code, _, error = latency("import", path)
    assert code == 1
    assert f"{path}:3:1: error[E290]" in error
    assert f"{path}:4:1: error[E290]" in error
    assert not (tmp_path / "state").exists()


def test_the_summary_as_json_counts_what_is_not_used(file, latency) -> None:
    path = file(
        row("BR", "aws/sa-east-1", samples=29),
        row("CN", "aws/sa-east-1", age=timedelta(hours=25)),
        row("192.0.2.0/24", "aws/us-east-1", age=timedelta(hours=30)),
    )
    code, out, _ = latency("show", path, "--json")
    found = json.loads(out)
    assert code == 0
    assert (found["rows"], found["usable"], found["stale"], found["thin"]) == (3, 0, 2, 1)
    assert found["levels"] == {"country": 2, "prefix": 1}
    assert found["sites"]["aws/us-east-1"]["fresh"] is False
    assert found["sites"]["aws/sa-east-1"]["fresh"] is True
    assert "STALE" in latency("show", path)[1]


POLICY = (
    HEAD
    + """\
sites:
  aws/us-east-1: {zones: {a: {A: 192.0.2.11}}}
  aws/sa-east-1: {zones: {a: {A: 198.51.100.21}}}
records:
  www.example.com:
    rules:
      - {name: fastest, pick: latency, to: [aws/us-east-1, aws/sa-east-1]}
  api.example.com:
    rules:
      - {name: all, to: aws/us-east-1}
"""
)


def test_an_import_says_which_decisions_change(tmp_path, file, latency) -> None:
    policy = tmp_path / "example.com.yaml"
    policy.write_text(POLICY)
    slow, fast = (row("BR", "aws/sa-east-1", 9999), row("BR", "aws/us-east-1", 9999))
    path = file(slow.replace(",20,30,", ",900,900,"), fast)
    code, out, error = latency("import", path, "--dry-run", "--policies", policy)
    assert code == 0, error
    assert "of routed IPv4 gets another best site" in out
    assert "aws/sa-east-1 → aws/us-east-1" in out
    assert out.count("another best site") == 1  # api has no latency rule


def test_a_missing_file_is_one_line(tmp_path, latency) -> None:
    code, _, error = latency("import", tmp_path / "no.csv")
    assert code == 1
    assert error.count("\n") == 1
    assert latency("show")[0] == 1


def test_sites_that_no_policy_has_are_a_warning(tmp_path, file, latency) -> None:
    policy = tmp_path / "example.com.yaml"
    policy.write_text(POLICY)
    path = file(row("BR", "aws/us-east-1"), row("CN", "aws/us-oest-1"))
    code, out, error = latency("import", path, "--dry-run", "--policies", policy)
    assert code == 0
    assert error == (
        "warning: no policy has the site aws/us-oest-1 of 1 row; did you mean aws/us-east-1?\n"
    )
    assert "warning" not in out


def test_one_row_is_singular(file, latency) -> None:
    out = latency("show", file(row("BR", "aws/sa-east-1")))[1]
    assert out.startswith("1 row: 1 country\n")
    assert " 1 row " in out.splitlines()[-1]
