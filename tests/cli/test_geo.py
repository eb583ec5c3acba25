"""``gslb geo`` as somebody at a terminal uses it."""

import json
from pathlib import Path

import pytest

from gslb.cli.main import main
from gslb.geo.file import read_table
from gslb.geo.lookup import locate


@pytest.fixture
def country(tmp_path: Path) -> Path:
    path = tmp_path / "country.csv"
    path.write_text("192.0.2.0,192.0.2.255,JP\n2001:db8::,2001:db8::ffff:ffff:ffff:ffff,KR\n")
    (tmp_path / "LICENSE").write_text("Credit example.com.")
    return path


@pytest.fixture
def table(country: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> Path:
    output = tmp_path / "my.tbl"
    words = ["geo", "build", "--country", str(country), "--date", "2026-06-17", "-o", str(output)]
    assert main(words) == 0
    capsys.readouterr()
    return output


def test_build_writes_a_table_and_describes_it(
    country: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    output = tmp_path / "my.tbl"
    assert main(["geo", "build", "--country", str(country), "-o", str(output)]) == 0
    printed = capsys.readouterr()
    assert "Credit example.com." in printed.out
    assert "country.csv" in printed.out
    assert printed.err == ""  # the bar is for terminals
    assert locate(read_table(output), "192.0.2.1").country == "JP"


def test_build_can_keep_subdivisions_and_fill_from_the_embedded_table(tmp_path: Path) -> None:
    city = tmp_path / "city.csv"
    city.write_text("8.8.8.0,8.8.8.255,US,California\n")
    output = tmp_path / "my.tbl"
    words = ["geo", "build", "--city", str(city), "--subdivide", "US, CN", "--fill"]
    assert main([*words, "-o", str(output)]) == 0
    found = locate(read_table(output), "8.8.8.8")
    assert (found.area, found.asn) == ("US-CA", 15169)


def test_info_tells_sources_licences_and_counts(
    table: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["geo", "info", str(table)]) == 0
    out = capsys.readouterr().out
    for part in ("data of 2026-06-17", "ranges4", "country.csv", "sha256", "Credit example.com."):
        assert part in out


def test_info_for_programs_is_the_manifest(table: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["geo", "info", "--json", str(table)]) == 0
    manifest = json.loads(capsys.readouterr().out)
    assert manifest == dict(read_table(table).manifest)
    assert manifest["counts"]["countries"] == 2


def test_info_without_a_file_is_of_the_embedded_table(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["geo", "info"]) == 0
    out = capsys.readouterr().out
    assert "embedded" in out
    assert "Creative Commons Attribution 4.0" in out


def test_lookup_tells_place_origin_and_network(
    table: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    words = ["geo", "lookup", "192.0.2.1", "2001:db8::1", "203.0.113.1", "--table", str(table)]
    assert main(words) == 0
    one, six, unknown = capsys.readouterr().out.splitlines()
    assert "JP Japan" in one
    assert "192.0.2.0/24 in 192.0.2.0 – 192.0.2.255" in one
    assert "KR South Korea" in six
    assert "unknown place" in unknown
    assert "unknown AS" in unknown


def test_lookup_for_programs_is_json(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["geo", "lookup", "8.8.8.8", "--json"]) == 0
    (found,) = json.loads(capsys.readouterr().out)
    assert (found["address"], found["country"], found["asn"]) == ("8.8.8.8", "US", 15169)


@pytest.mark.parametrize(
    ("words", "complaint"),
    [
        (["lookup", "example.com"], "example.com"),
        (["lookup", "192.0.2.1", "--table", "none.tbl"], "none.tbl: No such file"),
        (["info", "none.tbl"], "none.tbl: No such file"),
        (["build", "-o", "x.tbl"], "nothing to build from"),
        (["build", "--country", "none.csv", "-o", "x.tbl"], "none.csv: No such file"),
    ],
)
def test_errors_are_one_line_and_exit_code_1(
    words: list[str],
    complaint: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.chdir(tmp_path)
    assert main(["geo", *words]) == 1
    printed = capsys.readouterr()
    assert printed.out == ""
    assert complaint in printed.err
    assert printed.err.count("\n") == 1
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("words", "complaint"),
    [
        ([], "ACTION"),
        (["build", "--country", "a.csv"], "--output"),
        (["build", "--subdivide", "US,XX", "-o", "x"], '"XX" is no country code'),
        (["build", "--date", "yesterday", "-o", "x"], '"yesterday" is no day'),
        (["lookup"], "ADDRESS"),
    ],
)
def test_mistakes_on_the_command_line_are_explained(
    words: list[str], complaint: str, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit) as caught:
        main(["geo", *words])
    assert caught.value.code == 1
    assert complaint in capsys.readouterr().err


def test_lookup_takes_prefixes(table: Path, capsys: pytest.CaptureFixture[str]) -> None:
    words = ["geo", "lookup", "192.0.2.0/25", "192.0.0.0/16", "--table", str(table)]
    assert main(words) == 0
    whole, part = capsys.readouterr().out.splitlines()
    assert whole.startswith("192.0.2.0/25  JP Japan")
    assert not whole.endswith("others differ)")
    assert part.startswith("192.0.0.0/16  unknown place")
    assert part.endswith("(its first address; others differ)")
    assert main(["geo", "lookup", "192.0.0.0/16", "--json", "--table", str(table)]) == 0
    (row,) = json.loads(capsys.readouterr().out)
    assert row["whole"] is False


def test_one_bad_argument_leaves_the_others_their_answers(
    capsys: pytest.CaptureFixture[str],
) -> None:
    assert main(["geo", "lookup", "8.8.8.8", "example.com", "1.1.1.1/40", "9.9.9.9"]) == 1
    said = capsys.readouterr()
    assert [line.split()[0] for line in said.out.splitlines()] == ["8.8.8.8", "9.9.9.9"]
    assert said.err.splitlines() == [
        'gslb: "example.com" is neither an address nor a prefix',
        'gslb: "1.1.1.1/40" is neither an address nor a prefix',
    ]


def test_codes_that_nobody_knows_are_explained(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    city = tmp_path / "city.csv"
    city.write_text("192.0.2.0,192.0.2.255,AN\n198.51.100.0,198.51.100.255,US,Bavaria\n")
    words = [
        "geo",
        "build",
        "--city",
        str(city),
        "--subdivide",
        "US",
        "-o",
        str(tmp_path / "t.tbl"),
    ]
    assert main(words) == 0
    said = capsys.readouterr().out
    assert "codes in the sources that ISO 3166-1 does not have: AN\n" in said
    assert "subdivisions in the sources that ISO 3166-2 does not have: US Bavaria\n" in said
