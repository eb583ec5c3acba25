"""Tokens: hard to guess, shown once, known by their hash, gone when they are gone."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gslb.api import tokens
from gslb.api.access import Scope
from gslb.api.tokens import MAX_DAYS, TokenError, TokenFile, new_token, well_formed

NOW = datetime(2026, 12, 1, tzinfo=UTC)


@pytest.fixture
def file(tmp_path: Path) -> TokenFile:
    return TokenFile(tmp_path / "api-tokens.json")


def test_a_token_is_found_by_its_text_alone(file: TokenFile) -> None:
    text, token = file.create("ci", [Scope.READ], 30, NOW)
    other, _ = file.create("ops", [Scope.ADMIN], 30, NOW)
    assert file.find(text, NOW) == token
    assert file.find(other, NOW) != token
    assert file.find(new_token(), NOW) is None
    assert file.last_used[token.id] == NOW


def test_the_file_is_private_and_holds_nothing_that_can_be_used(file: TokenFile) -> None:
    text, token = file.create("ci", [Scope.READ, Scope.DRAIN], 30, NOW)
    assert file.path.stat().st_mode & 0o777 == 0o600
    content = file.path.read_text()
    secret = text.removeprefix("gslb_")
    assert all(secret[start : start + 12] not in content for start in range(len(secret) - 12))
    for entry in json.loads(content)["tokens"]:
        for value in entry.values():
            assert not isinstance(value, str) or file.find(value, NOW) is None
    assert token.id in content


def test_a_token_ends_with_its_time_and_with_its_revocation(file: TokenFile) -> None:
    text, token = file.create("ci", [Scope.READ], 1, NOW)
    assert file.find(text, NOW + timedelta(days=1)) is None
    assert not file.valid(token.id, NOW + timedelta(days=1))
    assert file.find(text, NOW + timedelta(hours=23)) == token
    assert file.revoke(token.id) == token
    assert file.find(text, NOW) is None
    with pytest.raises(TokenError, match="no token has the id"):
        file.revoke(token.id)


def test_what_another_process_changes_counts_at_once(file: TokenFile) -> None:
    text, token = file.create("ci", [Scope.READ], 1, NOW)
    reader = TokenFile(file.path)
    assert reader.find(text, NOW) == token
    file.revoke(token.id)
    assert reader.find(text, NOW) is None
    again, _ = file.create("ci", [Scope.READ], 1, NOW)
    assert reader.find(again, NOW) is not None
    file.path.unlink()
    assert reader.find(again, NOW) is None


@pytest.mark.parametrize(
    "content", [b"", b"[]", b'{"tokens": [{"name": "x"}]}', b"\xff", b"{" * 99]
)
def test_a_file_that_is_none_of_ours_lets_nobody_in(file: TokenFile, content: bytes) -> None:
    text, _ = file.create("ci", [Scope.READ], 1, NOW)
    file.path.write_bytes(content)
    with pytest.raises(TokenError) as caught:
        file.find(text, NOW)
    assert text not in str(caught.value)


def test_a_file_that_others_may_read_lets_nobody_in(file: TokenFile) -> None:
    text, _ = file.create("ci", [Scope.READ], 1, NOW)
    fresh = TokenFile(file.path)
    file.path.chmod(0o640)
    with pytest.raises(TokenError, match="0600"):
        fresh.find(text, NOW)


@pytest.mark.parametrize("days", [0, -1, MAX_DAYS + 0.1, float("nan")])
def test_no_token_is_valid_for_too_long(file: TokenFile, days: float) -> None:
    with pytest.raises(TokenError):
        file.create("ci", [Scope.READ], days, NOW)
    assert file.tokens() == ()


@pytest.mark.parametrize(
    ("name", "scopes"),
    [("", [Scope.READ]), ("a\nb", [Scope.READ]), ("x" * 65, [Scope.READ]), ("a", [])],
)
def test_names_are_one_line_and_scopes_are_some(file: TokenFile, name, scopes) -> None:
    with pytest.raises(TokenError):
        file.create(name, scopes, 1, NOW)


def test_expired_tokens_make_room(file: TokenFile, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tokens, "MAX_TOKENS", 2)
    for _ in range(2):
        file.create("ci", [Scope.READ], 1, NOW)
    with pytest.raises(TokenError, match="revoke one"):
        file.create("ci", [Scope.READ], 1, NOW)
    file.create("ci", [Scope.READ], 1, NOW + timedelta(days=2))
    assert len(file.tokens()) == 1


@given(
    st.binary(min_size=20, max_size=20), st.integers(0, 52), st.sampled_from("0123456789abcdef_G")
)
def test_the_checksum_finds_every_wrong_digit(secret: bytes, place: int, digit: str) -> None:
    text = new_token(lambda size: secret[:size])
    assert well_formed(text)
    changed = text[:place] + digit + text[place + 1 :]
    assert well_formed(changed) == (changed == text)


@given(st.text(max_size=80))
def test_no_text_makes_it_stumble(text: str) -> None:
    assert not well_formed(text)
