"""`gslb check`: what it prints, and the codes that it ends with."""

from __future__ import annotations

import io
import json
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from types import SimpleNamespace

import pytest

from gslb.cli import check, options
from gslb.cli.main import main
from gslb.geo.settings import GeoSettings
from gslb.node.surroundings import look_around
from gslb.settings import Settings
from tests.policytext import HEAD

CLEAN = (
    HEAD
    + """\
defaults: {ttl: 30, check: tcp}
checks:
  tcp: {type: tcp, port: 443}
sites:
  aws/us-east-1:
    zones:
      a: {A: 192.0.2.11, AAAA: "2001:db8::11"}
      b: {A: 192.0.2.12, AAAA: "2001:db8::12"}
records:
  www.example.com:
    rules:
      - to: aws/us-east-1
"""
)
WARNED = CLEAN.replace("ttl: 30", "ttl: 3600")
WRONG = CLEAN.replace("to: aws/us-east-1", "to: aws/us-east-2\n        fence: yes")
UNKNOWN = CLEAN.replace("to: aws/us-east-1", "to: aws/us-east-2")


@pytest.fixture(scope="module", autouse=True)
def _geography_is_loaded_once() -> Iterator[None]:
    around = look_around(GeoSettings(), Path("/nowhere"), datetime(2026, 11, 24, tzinfo=UTC))
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(check, "look_around", lambda *_: around)
        yield


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Return the current directory, empty; nothing outside decides about colours."""
    for variable in ("NO_COLOR", "FORCE_COLOR", "TTY_COMPATIBLE", "COLUMNS"):
        monkeypatch.delenv(variable, raising=False)
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.mark.parametrize(
    ("text", "plain", "strict"), [(CLEAN, 0, 0), (WARNED, 0, 2), (UNKNOWN, 1, 1), (WRONG, 1, 1)]
)
def test_the_exit_code_tells_errors_and_with_strict_warnings(
    folder: Path, text: str, plain: int, strict: int
) -> None:
    (folder / "p.yaml").write_text(text)
    assert main(["check", "p.yaml"]) == plain
    assert main(["check", "--strict", "p.yaml"]) == strict


def test_a_clean_policy_prints_nothing_but_what_it_is(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (folder / "p.yaml").write_text(CLEAN)
    assert main(["check", "p.yaml"]) == 0
    out, err = capsys.readouterr()
    assert out == ""
    assert err == "0 errors, 0 warnings; 1 zone, 1 steered name\n"


def test_a_problem_is_printed_with_its_line_and_a_caret(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (folder / "p.yaml").write_text(UNKNOWN)
    assert main(["check", "p.yaml"]) == 1
    out, err = capsys.readouterr()
    assert out.splitlines()[:4] == [
        'p.yaml:16:13: error[E201] unknown site "aws/us-east-2"',
        "          - to: aws/us-east-2",
        "                ^",
        '    did you mean "aws/us-east-1"?',
    ]
    assert err.startswith("1 error, ")


def test_what_is_printed_to_no_terminal_has_no_colours(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (folder / "p.yaml").write_text(UNKNOWN)
    main(["check", "p.yaml"])
    assert "\x1b" not in capsys.readouterr().out


def test_colours_can_be_asked_for_and_ruled_out(
    folder: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    (folder / "p.yaml").write_text(UNKNOWN)
    monkeypatch.setenv("TERM", "xterm-256color")
    monkeypatch.setenv("FORCE_COLOR", "1")
    main(["check", "p.yaml"])
    assert "\x1b[1;31merror[E201]\x1b[0m" in capsys.readouterr().out
    monkeypatch.setenv("NO_COLOR", "1")
    main(["check", "p.yaml"])
    assert "31m" not in capsys.readouterr().out


def test_json_has_every_problem_with_its_place(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (folder / "p.yaml").write_text(UNKNOWN)
    assert main(["check", "--json", "p.yaml"]) == 1
    out, err = capsys.readouterr()
    assert err == ""
    assert json.loads(out)[0] == {
        "file": "p.yaml",
        "line": 16,
        "column": 13,
        "severity": "error",
        "code": "E201",
        "text": 'unknown site "aws/us-east-2"',
        "hint": 'did you mean "aws/us-east-1"?',
    }


def test_json_of_a_clean_policy_is_an_empty_list(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (folder / "p.yaml").write_text(CLEAN)
    assert main(["check", "--json", "p.yaml"]) == 0
    assert json.loads(capsys.readouterr().out) == []


def test_print_shows_the_plan_and_keeps_problems_beside_it(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (folder / "p.yaml").write_text(WARNED)
    assert main(["check", "--print", "p.yaml"]) == 0
    out, err = capsys.readouterr()
    (zone,) = json.loads(out)["zones"]
    assert zone["names"] == {"www.example.com.": "www.example.com"}
    assert zone["policies"][0]["ttl"] == 3600
    assert "warning[W310]" in err


def test_there_is_no_plan_of_a_policy_with_errors(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (folder / "p.yaml").write_text(UNKNOWN)
    assert main(["check", "--print", "--json", "p.yaml"]) == 1
    out, err = capsys.readouterr()
    assert json.loads(out) is None
    assert json.loads(err)[0]["code"] == "E201"


def test_notes_are_printed_when_asked_for_and_never_counted(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    unused = CLEAN.replace("  tcp: {", "  spare: {type: tcp, port: 80}\n  tcp: {")
    (folder / "p.yaml").write_text(unused)
    assert main(["check", "--strict", "p.yaml"]) == 0
    assert capsys.readouterr().out == ""
    assert main(["check", "--strict", "--notes", "p.yaml"]) == 0
    assert "note[N404]" in capsys.readouterr().out


def test_standard_input_is_read_and_json_is_yaml(
    folder: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    octets = json.dumps({"version": 1, "dns": {"zone": "example.com"}}).encode()
    monkeypatch.setattr("sys.stdin", SimpleNamespace(buffer=io.BytesIO(octets)))
    assert main(["check", "-"]) == 1
    assert capsys.readouterr().out == '-:1:16: error[E102] "nameservers" is missing\n'


def test_a_folder_stands_for_the_policies_in_it(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (folder / "zones" / "sites").mkdir(parents=True)
    (folder / "zones" / "a.yaml").write_text("include: sites/*.yaml\n" + CLEAN)
    (folder / "zones" / "sites" / "b.yaml").write_text("policies: {}\n")
    (folder / "zones" / "a.expect.yaml").write_text("- not a policy\n")
    (folder / "zones" / "c.yaml").write_text(UNKNOWN.replace("example.com", "example.net"))
    assert main(["check", "zones"]) == 1
    out = capsys.readouterr().out
    assert [line.split(": ")[1].split(" ")[0] for line in out.splitlines() if "[" in line] == [
        "error[E201]",
    ]
    assert "zones/c.yaml:16:13" in out


def test_problems_of_several_files_are_sorted_by_place(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (folder / "b.yaml").write_text(UNKNOWN)
    (folder / "a.yaml").write_text("a: 1\nb: 2\n")
    main(["check", "--json", "b.yaml", "a.yaml"])
    found = [(one["file"], one["line"]) for one in json.loads(capsys.readouterr().out)]
    assert found == sorted(found)
    assert {name for name, _ in found} == {"a.yaml", "b.yaml"}


@pytest.mark.parametrize("path", ["missing.yaml", "empty", "/dev/null"])
def test_a_path_without_a_policy_is_an_error_with_its_name(
    folder: Path, capsys: pytest.CaptureFixture[str], path: str
) -> None:
    (folder / "empty").mkdir()
    assert main(["check", path]) == 1
    assert capsys.readouterr().out.startswith(f"{path}:0:0: error[E")


def test_what_would_move_a_terminal_is_not_printed(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (folder / "p.yaml").write_text(CLEAN.replace("ttl: 30", 'ttl: "\\u009b31m\\t"'))
    assert main(["check", "p.yaml"]) == 1
    out = capsys.readouterr().out
    assert out.isascii()
    assert not set(out) & {"\x1b", "\t", "\x9b"}


def test_the_schema_is_printed_for_editors(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["check", "--schema"]) == 0
    assert json.loads(capsys.readouterr().out)["title"] == "GSLB policy"


def test_no_path_means_the_policies_of_the_settings(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (folder / "policy.yaml").write_text(CLEAN)
    (folder / "gslb.yaml").write_text("policies: policy.yaml\n")
    assert main(["check", "--config", str(folder / "gslb.yaml")]) == 0
    assert "1 zone, 1 steered name" in capsys.readouterr().err


def test_no_path_at_all_is_one_line_and_exit_code_1(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(options, "DEFAULT_POLICIES", tmp_path / "none")
    monkeypatch.setattr(check, "read_settings", lambda *_: Settings(policies=(tmp_path / "none",)))
    assert main(["check"]) == 1
    said = capsys.readouterr()
    assert said.out == ""
    assert "which policies?" in said.err


def test_a_record_that_is_pushed_and_ignored_is_an_error(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (folder / "policy.yaml").write_text(CLEAN)
    config = folder / "gslb.yaml"
    config.write_text(
        "push:\n  owner: prod\n  route53: {zone: example.com, zone_id: Z0123456789ABC}\n"
        '  ignore: ["www.* A", "mail.* MX"]\n'
    )
    assert main(["check", "--config", str(config), "policy.yaml"]) == 1
    out = capsys.readouterr().out
    assert "error[E280] www.example.com. A is pushed, and push.ignore leaves it alone" in out
    assert "policy.yaml:14:" in out
    assert "AAAA" not in out
