"""Events of endpoints: which word, and the outcome that tipped it."""

from __future__ import annotations

import json

import pytest

from gslb.node.moves import Move, news_of, news_of_held
from gslb.state.board import Standing
from healthcheck.messages import Turn
from healthcheck.model import Kind, Status, Verdict
from tests.steering import lab

KEY = ("aws/us-east-1/a", lab.CHECK)
UP, DOWN, UNKNOWN = Status.UP, Status.DOWN, Status.UNKNOWN
TURN = Turn(1, "f" * 32, UP, DOWN, Verdict.FAILED, Kind.TIMEOUT, "timed out", 2.0, 0.0)


@pytest.mark.parametrize(
    ("v4", "v6", "kind"),
    [(UP, DOWN, "down"), (UP, UNKNOWN, "up"), (UNKNOWN, UNKNOWN, "unknown"), (DOWN, DOWN, "down")],
)
def test_the_worst_family_names_the_event(v4: Status, v6: Status, kind: str) -> None:
    """Down before up before unknown; both are in the detail."""
    news = news_of(Move(KEY, Standing(UP, UP), Standing(v4, v6), False, None))
    assert (news.kind, news.subject) == (f"endpoint.{kind}", KEY[0])
    assert (news.detail["v4"], news.detail["v6"]) == (v4.value, v6.value)
    assert news.detail["before"] == {"v4": "up", "v6": "up"}
    assert "outcome" not in news.detail


def test_the_outcome_is_there_and_all_of_it_is_json() -> None:
    """What was seen, how long it took, under which check."""
    news = news_of(Move(KEY, Standing(UP), Standing(DOWN, detail="x"), False, TURN))
    assert news.detail["outcome"] == {
        "verdict": "failed", "kind": "timeout", "detail": "timed out", "seconds": 2.0,
    }  # fmt: skip
    assert news.detail["check"] == lab.CHECK.type
    assert json.loads(json.dumps(dict(news.detail))) == news.detail


def test_an_operators_word_is_told_apart() -> None:
    """It has no outcome, and may concern an endpoint without a check."""
    news = news_of(Move((KEY[0], None), Standing(), Standing(DOWN, DOWN), True, None))
    assert news.detail["by_operator"] is True
    assert "check" not in news.detail


def test_what_is_held_back_says_why() -> None:
    """It is down, and answered all the same for now."""
    news = news_of_held(KEY, "much was removed just now")
    assert (news.kind, news.detail["why"]) == ("endpoint.held", "much was removed just now")
