"""A pattern covers what is at or below it, and nothing else."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gslb.state.locations import (
    MAX_PATTERN,
    LocationError,
    ancestors,
    covered,
    matches,
    nothing_at,
    parse_pattern,
)
from gslb.steering.whatif import at_location

IDS = ("aws/us-east-1/use1-az1", "aws/us-east-1/use1-az2", "aws/eu-west-1/euw1-az2/2", "gcp/x/a")
words = st.text("ab1-.", min_size=1, max_size=4)
ids = st.lists(words, min_size=3, max_size=4).map("/".join)
patterns = st.lists(st.text("ab1-.*?", min_size=1, max_size=4), min_size=1, max_size=4)


@pytest.mark.parametrize(
    ("pattern", "expected"),
    [
        ("aws", IDS[:3]),
        ("aws/us-east-1", IDS[:2]),
        ("aws/*/*-az2", (IDS[1], IDS[2])),
        ("aws/eu-west-1/euw1-az2/2", (IDS[2],)),
        ("*", IDS),
        ("aw?", IDS[:3]),
        ("aws/us-east", ()),
        ("us-east-1", ()),
        ("*/*/*/*", (IDS[2],)),
        ("AWS", ()),
    ],
)
def test_what_a_pattern_covers(pattern: str, expected: tuple[str, ...]) -> None:
    assert covered(parse_pattern(pattern), IDS) == expected


@pytest.mark.parametrize(
    "text",
    [
        "",
        " / ",
        "a//b",
        "a/b/c/d/e",
        "a b",
        "a\nb",
        "[ab]",
        "ä",
        "a" * (MAX_PATTERN + 1),
        "/".join(["*a*a*a"] * 4),
        "a\x00",
    ],
)
def test_what_cannot_name_a_location_is_refused(text: str) -> None:
    with pytest.raises(LocationError):
        parse_pattern(text)


def test_slashes_and_spaces_at_the_ends_do_not_matter() -> None:
    assert parse_pattern(" /aws/us-east-1/ ") == "aws/us-east-1"


@given(patterns, ids)
def test_suppositions_and_drains_mean_the_same_by_a_location(parts: list[str], one: str) -> None:
    pattern = "/".join(parts)
    assert matches(pattern, one) == at_location(one, pattern)


@given(ids)
def test_every_ancestor_covers_the_endpoint(one: str) -> None:
    assert ancestors(one)[-1] == one
    assert all(matches(place, one) for place in ancestors(one))


def test_a_typing_mistake_gets_a_suggestion() -> None:
    assert "did you mean aws/us-east-1?" in str(nothing_at("aws/us-eats-1", IDS))
    assert "did you mean" not in str(nothing_at("zzzzzzzz", IDS))
