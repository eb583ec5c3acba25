"""`gslb import octodns` and `gslb export octodns`: files, losses, exit codes."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from gslb.cli.main import main
from tests.push.octodns import lab

ZONE_FILE = """\
'':
  type: NS
  values: [ns1.example.com., ns2.example.net.]
ns1: {type: A, value: 192.0.2.53}
www:
  type: A
  ttl: 60
  values: [192.0.2.1]
  dynamic:
    pools:
      eu: {fallback: us, values: [{value: 192.0.2.11, weight: 3}, {value: 192.0.2.12}]}
      us: {values: [{value: 192.0.2.21}]}
    rules:
    - {geos: [EU], pool: eu}
    - {pool: us}
"""
LOSSY = ZONE_FILE + "x: {type: DNAME, value: example.net.}\n"
WRONG = ZONE_FILE.replace("weight: 3", "weight: 0").replace("[EU]", "[XX]")


@pytest.fixture
def file(tmp_path: Path) -> Path:
    found = tmp_path / "example.com.yaml"
    found.write_text(ZONE_FILE)
    return found


def test_a_zone_file_becomes_a_policy_and_a_zone_file_again(
    file: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["import", "octodns", str(file), "--to", str(tmp_path / "policies")]) == 0
    assert main(["check", str(tmp_path / "policies"), "--strict"]) in {0, 2}
    capsys.readouterr()
    out = tmp_path / "octodns"
    assert (
        main(["export", "octodns", str(tmp_path / "policies"), "--to", str(out), "--strict"]) == 0
    )
    assert "written" in capsys.readouterr().err
    assert {("www", "A"), ("", "NS"), ("ns1", "A")} == set(lab.load(out))


def test_without_a_folder_the_policy_goes_to_standard_output(
    file: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["import", "octodns", str(file)]) == 0
    assert capsys.readouterr().out.startswith("version: 1\ndns:\n  zone: example.com\n")


def test_name_servers_of_ours_replace_those_of_the_file(
    file: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    server = [
        "--nameserver",
        "ns9.example.net=192.0.2.9,2001:db8::9",
        "--nameserver",
        "ns8.example.net.",
    ]
    assert main(["import", "octodns", str(file), *server]) == 0
    out = capsys.readouterr().out
    assert "ns9.example.net: [192.0.2.9, '2001:db8::9']" in out
    assert "ns8.example.net: []" in out
    assert "ns2" not in out
    assert main(["import", "octodns", str(file), "--nameserver", "ns1=nowhere"]) == 1


def test_errors_end_with_1_and_write_nothing(
    file: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    file.write_text(WRONG)
    assert main(["import", "octodns", str(file), "--to", str(tmp_path / "out")]) == 1
    told = capsys.readouterr().err
    assert f"{file}:11:35: error[E271]" in told
    assert f"{file}:14:15: error[E272]" in told
    assert not (tmp_path / "out").exists()


def test_losses_are_told_and_fail_only_where_that_is_wanted(
    file: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    file.write_text(LOSSY)
    assert main(["import", "octodns", str(file)]) == 0
    assert f"{file}:16:4: warning[W361]" in capsys.readouterr().err
    assert main(["import", "octodns", str(file), "--strict"]) == 2


def test_json_has_files_and_problems(file: Path, capsys: pytest.CaptureFixture[str]) -> None:
    file.write_text(LOSSY)
    assert main(["import", "octodns", str(file), "--json"]) == 0
    found = json.loads(capsys.readouterr().out)
    assert list(found["files"]) == ["example.com"]
    assert [one["code"] for one in found["problems"]] == ["W361"]
    file.write_text(WRONG)
    assert main(["import", "octodns", str(file), "--json"]) == 1
    assert json.loads(capsys.readouterr().out)["files"] == {}


def test_no_file_is_written_over(
    file: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "out").mkdir()
    (tmp_path / "out" / "example.com.yaml").write_text("mine")
    assert main(["import", "octodns", str(file), "--to", str(tmp_path / "out")]) == 1
    assert (tmp_path / "out" / "example.com.yaml").read_text() == "mine"
    assert "exists" in capsys.readouterr().err


def test_several_zones_want_a_folder(file: Path, capsys: pytest.CaptureFixture[str]) -> None:
    other = file.with_name("example.net.yaml")
    other.write_text(ZONE_FILE.replace("example.net", "example.org"))
    assert main(["import", "octodns", str(file), str(other)]) == 1
    assert "--to" in capsys.readouterr().err
    assert main(["import", "octodns", "--zone", "a.example", str(file), str(other)]) == 1
    assert main(["import", "octodns", str(file), str(file)]) == 1
    assert main(["import", "octodns", str(file.with_name("none.yaml"))]) == 1


def test_an_export_of_a_broken_policy_says_what_is_wrong(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    policy = tmp_path / "p.yaml"
    policy.write_text("version: 1\n")
    assert main(["export", "octodns", str(policy)]) == 1
    assert "p.yaml:1:1: error[E102]" in capsys.readouterr().err
