"""A stream of events that breaks is taken up again where it broke, and whoever reads it is told."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gslb.cli.calling import CallError
from gslb.cli.following import AGAIN_SECONDS, PATIENCE_SECONDS, follow
from gslb.control import ControlError, NobodyThereError


class Restarting:
    """A node with *newest* events that ends or breaks its streams as *script* says, then for good.

    Of each entry: how many events the stream still sends before it ends, or what it raises.
    """

    def __init__(self, newest: int, script: list[int | Exception]) -> None:
        self.newest, self.script = newest, script
        self.asked: list[int] = []
        self.said: list[str] = []
        self.now = 0.0

    def events(self, after: int, opened: Callable[[], None]) -> Iterator[dict[str, Any]]:
        self.asked.append(after)
        step = self.script.pop(0) if self.script else NobodyThereError("nobody")
        if isinstance(step, Exception):
            raise step
        opened()
        for number in range(after + 1, min(after + step, self.newest) + 1):
            yield {"sequence": number, "kind": "k"}

    def wait(self, seconds: float) -> None:
        self.now += seconds

    def follow(self, after: int) -> Iterator[dict[str, Any]]:
        return follow(self, after, self.said.append, wait=self.wait, clock=lambda: self.now)


@given(st.integers(0, 20), st.lists(st.sampled_from([0, 1, 3, ControlError("broke")]), max_size=30))
def test_no_event_is_missed_or_told_twice(newest: int, script: list[int | Exception]) -> None:
    """However often the node goes away."""
    node = Restarting(newest, [*script, newest])
    told: list[int] = []
    with pytest.raises(NobodyThereError):
        told.extend(event["sequence"] for event in node.follow(0))
    assert told == list(range(1, newest + 1))


def test_it_is_told_that_the_stream_broke_and_that_it_goes_on() -> None:
    node = Restarting(5, [2, NobodyThereError("nobody"), CallError({"status": 503}), 9])
    stream = node.follow(1)
    assert [next(stream)["sequence"] for _ in range(4)] == [2, 3, 4, 5]
    assert node.asked == [1, 3, 3, 3]
    assert [line.partition(";")[0].partition(":")[0] for line in node.said] == [
        "the stream ended",
        "connected again",
    ]
    assert "after 3" in node.said[1]


def test_who_stays_away_is_given_up() -> None:
    node = Restarting(1, [1])
    with pytest.raises(NobodyThereError):
        list(node.follow(0))
    assert PATIENCE_SECONDS <= node.now <= PATIENCE_SECONDS + 3 * AGAIN_SECONDS
    assert len(node.said) == 1  # not a line for each try


def test_a_no_for_good_is_not_asked_again() -> None:
    node = Restarting(1, [1, CallError({"status": 403, "detail": "not for you"})])
    with pytest.raises(CallError, match="not for you"):
        list(node.follow(0))
    assert node.asked == [0, 1]


def test_a_gap_is_handed_on() -> None:
    class Gone(Restarting):
        def events(self, after: int, opened: Callable[[], None]) -> Iterator[dict[str, Any]]:
            yield {"kind": "gap"}
            yield from super().events(after, opened)

    assert next(Gone(1, [1]).follow(0)) == {"kind": "gap"}
