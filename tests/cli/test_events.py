"""`gslb events`: where the stream begins and ends, as the command line says."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import pytest

from gslb.cli import events
from gslb.cli.main import main


class _Node:
    """A node whose newest event is number 7; the next ones happen while it is read."""

    def __init__(self) -> None:
        self.asked: list[int] = []

    def call(self, method: str, path: str) -> dict[str, Any]:
        assert (method, path) == ("GET", "/status")
        return {"last_event": 7}

    def events(self, after: int, opened: Callable[[], None]) -> Iterator[dict[str, Any]]:
        self.asked.append(after)
        opened()
        for number in range(after + 1, after + 100):
            yield {"sequence": number, "at": "now", "kind": "k", "subject": "s", "detail": {}}


@pytest.fixture
def node(monkeypatch: pytest.MonkeyPatch) -> _Node:
    found = _Node()
    monkeypatch.setattr(events, "node_of", lambda _: found)
    return found


def test_events_begin_now_or_after_a_number(
    node: _Node, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["events", "--count", "2"]) == 0
    assert main(["events", "--since", "0", "--count", "1"]) == 0
    assert node.asked == [7, 0]
    assert [line.split()[1] for line in capsys.readouterr().out.splitlines()] == ["8", "9", "1"]


def test_a_number_that_was_not_reached_yet_is_a_mistake(
    node: _Node, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["events", "--since", "8"]) == 1
    assert "there is no event 8 yet; the newest is 7" in capsys.readouterr().err
    assert node.asked == []


@pytest.mark.parametrize(
    "words",
    [
        ["--count", "0"],
        ["--count", "-3"],
        ["--since", "-1"],
        ["--since", "x"],
        ["--since", "9" * 19],
    ],
)
def test_a_number_that_is_none_is_refused_before_anybody_is_asked(
    words: list[str], node: _Node
) -> None:
    with pytest.raises(SystemExit) as ended:
        main(["events", *words])
    assert ended.value.code == 1
    assert node.asked == []
