"""Lines and columns as editors count them."""

from __future__ import annotations

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gslb.policy.syntax import lines, place, unusable

TEXTS = st.text(st.sampled_from("ab\r\n\x0b\x85\u2028é"), max_size=30)


@given(TEXTS, st.data())
def test_a_place_is_the_line_and_the_characters_before(text: str, data: st.DataObject) -> None:
    at = [m.start() for m in re.finditer(r"[^\r\n]", text)]
    if not at:
        assert place(text, 0) == (1, 1)
        return
    offset = data.draw(st.sampled_from(at))
    line, column = place(text, offset)
    assert lines(text)[line - 1][column - 1] == text[offset]


@given(TEXTS)
def test_lines_lose_nothing_but_their_ends(text: str) -> None:
    assert "".join(lines(text)) == re.sub(r"[\r\n]", "", text)


@pytest.mark.parametrize("text", ["", "a: é\t中😀\r\n", "\xa0\ufffd\U0010ffff"])
def test_ordinary_text_is_usable(text: str) -> None:
    assert unusable(text) is None


def test_the_first_unusable_character_is_told() -> None:
    assert unusable("a\r\nbé\x00\x01") == (2, 3, "the character U+0000 has no place in a policy")
