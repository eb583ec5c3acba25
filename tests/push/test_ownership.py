"""Marks and manifests are read back as written, and nothing else is taken for one."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gslb.push.ownership import (
    Manifest,
    OwnerError,
    checked_owner,
    ident,
    mark,
    mark_name,
    owner_in,
    read_manifest,
    read_mark,
)

owners = st.from_regex(r"[a-z0-9]([a-z0-9-]{0,30}[a-z0-9])?", fullmatch=True)


@given(owners, st.integers(0, 10**17), st.integers(1, 9), st.integers(1, 9))
def test_a_manifest_is_read_back(owner: str, generation: int, part: int, of: int) -> None:
    made = Manifest(checked_owner(owner), generation, "0123abcd", part, of)
    assert read_manifest((made.text(),)) == made
    assert len(made.text()) <= 255  # one string of a TXT record
    assert read_mark((made.text(),)) is None


@given(owners)
def test_a_mark_is_read_back(owner: str) -> None:
    assert read_mark((mark(owner),)) == owner
    assert owner_in(ident(owner, "aws/us-east-1/z1")) == owner
    assert read_manifest((mark(owner),)) is None


@pytest.mark.parametrize(
    "texts",
    [(), ("",), ("heritage=external-dns,external-dns/owner=me",), ("heritage=gslb",),
     (mark("me"), mark("me")), (mark("me") + " ",)],
)  # fmt: skip
def test_other_texts_are_no_marks(texts: tuple[str, ...]) -> None:
    assert read_mark(texts) is None
    assert read_manifest(texts) is None


@pytest.mark.parametrize("text", ["", "Me", "a/b", "-a", "a" * 33, "ä"])
def test_an_owner_has_letters_digits_and_hyphens(text: str) -> None:
    with pytest.raises(OwnerError, match="cannot be an owner"):
        checked_owner(text)


def test_identifiers_of_others_carry_no_mark_of_ours() -> None:
    assert owner_in("eu-Primary") is None
    assert owner_in("gslb/me") is None


def test_a_wildcard_is_marked_beside_no_wildcard() -> None:
    assert mark_name("*.example.com.", "A") == "_gslb-own.a._wildcard.example.com."
