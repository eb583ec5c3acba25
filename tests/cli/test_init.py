"""``gslb init`` writes a policy that can be used at once, and never over another file."""

from __future__ import annotations

import argparse
import json
from pathlib import Path

import jsonschema
import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from gslb.cli import check, init
from gslb.errors import GslbError
from gslb.policy.compile import compile_policies
from gslb.wire.names import to_text


def run(module, *words: str) -> int:
    parser = argparse.ArgumentParser()
    module.add_parser(parser.add_subparsers())
    arguments = parser.parse_args(words)
    return arguments.run(arguments)


@pytest.mark.parametrize("zone", ["example.com", "gslb.example.org", "xn--bcher-kva.example"])
def test_what_it_writes_passes_the_strict_check(
    tmp_path: Path, zone: str, capsys: pytest.CaptureFixture[str]
) -> None:
    file = tmp_path / "first.yaml"
    assert run(init, "init", str(file), "--zone", zone) == 0
    assert str(file) in capsys.readouterr().err
    assert run(check, "check", "--strict", str(file)) == 0
    plan, problems = compile_policies([file])
    assert problems == []
    assert plan is not None
    assert to_text(plan.zones[0].apex) == f"{zone}."
    assert [to_text(name) for name, _ in plan.zones[0].names] == [f"www.{zone}."]


def test_the_file_is_called_like_the_zone(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    assert run(init, "init", "--zone", "Shop.Example.") == 0
    written = sorted(file.name for file in tmp_path.iterdir())
    assert written == ["policy.schema.json", "shop.example.yaml"]
    assert "zone: shop.example\n" in (tmp_path / "shop.example.yaml").read_text()


def test_it_does_not_overwrite(tmp_path: Path) -> None:
    file = tmp_path / "mine.yaml"
    file.write_text("mine")
    with pytest.raises(GslbError, match="exists and is left as it is"):
        run(init, "init", str(file))
    assert file.read_text() == "mine"


def test_a_place_that_cannot_be_written_is_said(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(GslbError, match="cannot be written"):
        run(init, "init", str(tmp_path / "file" / "folder.yaml"))


def test_a_missing_folder_is_made(tmp_path: Path) -> None:
    assert run(init, "init", str(tmp_path / "new" / "policies" / "first.yaml")) == 0
    assert (tmp_path / "new" / "policies" / "first.yaml").exists()


def test_standard_output(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(init, "init", "-") == 0
    assert "zone: example.com\n" in capsys.readouterr().out


@pytest.mark.parametrize(
    "zone", ["", "com", "a..b", "-a.example", "*.example", "a b.example", "a: x.example", f"{'a' * 64}.b", "a." * 101 + "b"]
)  # fmt: skip
def test_what_is_no_zone_is_refused(zone: str) -> None:
    with pytest.raises(GslbError):
        init.starter(zone)


@given(st.text(max_size=30))
def test_whatever_is_accepted_is_one_word_of_yaml(zone: str) -> None:
    try:
        text = init.starter(zone)
    except GslbError:
        return
    assert f"  zone: {zone}\n" in text
    assert not set(zone) & set(" :#{}[],&*!|>'\"%@`\n\t")


def test_the_first_line_leads_editors_to_the_schema_beside_the_file(tmp_path: Path) -> None:
    file = tmp_path / "policies" / "first.yaml"
    assert run(init, "init", str(file)) == 0
    first, text = file.read_text().split("\n", 1)
    form, _, path = first.partition("$schema=")
    assert form == "# yaml-language-server: "
    schema = json.loads((file.parent / path).read_text())
    jsonschema.validate(yaml.safe_load(text), schema)
    with pytest.raises(jsonschema.ValidationError):
        jsonschema.validate(yaml.safe_load(text.replace("zones:", "zoned:")), schema)
    assert run(check, "check", "--strict", str(file.parent)) == 0  # the folder, schema and all


def test_a_schema_that_is_there_is_left_as_it_is(tmp_path: Path) -> None:
    (tmp_path / "policy.schema.json").write_text("{}")
    assert run(init, "init", str(tmp_path / "first.yaml")) == 0
    assert (tmp_path / "policy.schema.json").read_text() == "{}"
