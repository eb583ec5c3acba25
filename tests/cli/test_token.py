"""`gslb token`: a token is shown once, listed without its secret, and ends when revoked."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from pathlib import Path

import pytest

from gslb.api.tokens import FILE_NAME, TokenFile
from gslb.cli.main import main


def test_a_token_is_made_listed_and_revoked(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    place = ["--state-directory", str(tmp_path)]
    assert main(["token", "create", "ops", "--scope", "drain", *place]) == 0
    said = capsys.readouterr()
    text = said.out.removesuffix("\n")  # nothing else: a file or a variable may take it
    assert "Keep it now" in said.err
    found = TokenFile(tmp_path / FILE_NAME).find(text, datetime.now(UTC))
    assert found is not None
    assert main(["token", "list", "--json", *place]) == 0
    listed = capsys.readouterr().out
    assert text not in listed
    assert json.loads(listed)[0]["scopes"] == ["drain"]
    assert main(["token", "revoke", found.id, *place]) == 0
    assert TokenFile(tmp_path / FILE_NAME).find(text, datetime.now(UTC)) is None
    assert main(["token", "revoke", found.id, *place]) == 1


def test_a_state_directory_that_is_none_is_said_to_be_none(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    place = ["--state-directory", str(tmp_path / "none")]
    assert main(["token", "create", "ops", "--scope", "read", *place]) == 1
    assert "no such state directory" in capsys.readouterr().err
