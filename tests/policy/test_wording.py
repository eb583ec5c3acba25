"""Values in messages: known again by their writer, harmless to a terminal, never long."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gslb.policy.wording import MAX_SHOWN, did_you_mean, short, shown


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (None, "nothing"),
        (True, "true"),
        (False, "false"),
        (7, "7"),
        (1.5, "1.5"),
        ("", '""'),
        ("x y", '"x y"'),
        ("a\x1b[31mb\n", '"a?[31mb?"'),
        ({"a": 1}, "a mapping"),
        ([1, 2], "a list of 2"),
        ("x" * 61, '"' + "x" * 60 + '…"'),
    ],
)
def test_values_are_shown_as_they_were_written(value: object, text: str) -> None:
    assert shown(value) == text


@given(st.text() | st.integers() | st.lists(st.integers()))
def test_what_is_shown_prints_on_one_short_line(value: object) -> None:
    assert shown(value).isprintable()
    assert len(shown(value)) <= MAX_SHOWN + 3
    assert len(short(value)) <= MAX_SHOWN + 1


def test_a_word_that_is_close_is_suggested() -> None:
    assert did_you_mean("wieght", ["weight", "width"]) == 'did you mean "weight"?'
    assert did_you_mean("zzz", ["weight"]) == ""
    assert did_you_mean("w" * 1000, ["w" * 1000]) == ""
    assert did_you_mean("x", []) == ""
