"""Events have numbers that only rise; a reader that was away learns what it missed, or that it did."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from gslb.errors import GslbError
from gslb.state import history as module
from gslb.state.database import Database
from gslb.state.history import History, News

NOW = datetime(2026, 11, 24, 12, 0, tzinfo=UTC)
DOWN = News("endpoint.down", "aws/us-east-1/a", {"kind": "timeout", "detail": "no answer in 2 s"})


@pytest.fixture
def database(tmp_path: Path):
    made = Database(tmp_path)
    yield made
    made.close()


def subjects(events: tuple[module.Event, ...]) -> list[str]:
    return [event.subject for event in events]


def test_an_event_is_read_as_it_was_recorded_also_after_a_restart(database: Database) -> None:
    history = History(database, NOW)
    (event,) = history.record([DOWN], NOW)
    assert (event.at, event.kind, event.subject) == (NOW, DOWN.kind, DOWN.subject)
    assert history.since(0).events == (event,)
    assert History(database, NOW).since(0).events == (event,)
    assert event.to_json()["at"] == "2026-11-24T12:00:00Z"
    assert event.to_json()["detail"] == DOWN.detail


def test_numbers_rise_over_restarts_even_if_the_clock_is_set_back(database: Database) -> None:
    first = History(database, NOW).record([DOWN, DOWN], NOW)
    second = History(database, NOW - timedelta(days=9)).record([DOWN], NOW)
    third = History(database, NOW + timedelta(days=9)).record([DOWN], NOW)
    numbers = [event.sequence for event in (*first, *second, *third)]
    assert numbers == sorted(set(numbers))


def test_a_reader_goes_on_where_it_was(database: Database) -> None:
    history = History(database, NOW)
    events = history.record([News("x", str(n)) for n in range(10)], NOW)
    page = history.since(events[3].sequence, limit=2)
    assert page.events == events[4:6]
    assert not page.gap
    assert history.since(history.newest).events == ()
    assert history.latest(3) == events[-3:]
    assert history.oldest == events[0].sequence


def test_a_reader_from_nowhere_is_told_of_a_gap(database: Database) -> None:
    history = History(database, NOW)
    history.record([DOWN], NOW)
    assert history.since(2**70).gap
    assert not history.since(-(2**70)).gap


def test_what_is_old_or_too_much_is_pruned_and_leaves_a_gap(
    database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    history = History(database, NOW)
    old = history.record([News("x", "old")], NOW - timedelta(days=module.MAX_DAYS, seconds=1))
    new = history.record([News("x", str(n)) for n in range(5)], NOW)
    assert history.prune(NOW) == ""
    assert history.since(0).events == new
    assert history.since(0).gap
    assert not history.since(old[-1].sequence).gap
    monkeypatch.setattr(module, "MAX_EVENTS", 2)
    history.prune(NOW)
    assert history.since(0).events == new[-2:]
    assert History(database, NOW).since(new[0].sequence).gap


def test_pruning_comes_by_itself(database: Database, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "MAX_EVENTS", 5)
    monkeypatch.setattr(module, "PRUNE_EVERY", 10)
    history = History(database, NOW)
    for _ in range(100):
        history.record([DOWN], NOW)
    assert len(database.rows("SELECT 1 FROM events")) <= 15


def test_a_disk_that_takes_nothing_delays_no_event_and_loses_none(database: Database) -> None:
    history = History(database, NOW)
    before = history.record([News("x", "a")], NOW)
    database.rows("PRAGMA query_only=ON")
    during = history.record([News("x", "b"), News("x", "c")], NOW)
    assert history.held == 2
    assert "readonly" in history.flush(NOW)
    assert history.since(0).events == (*before, *during)
    assert history.since(0, limit=2).events == (*before, during[0])
    assert history.latest(2) == during
    database.rows("PRAGMA query_only=OFF")
    after = history.record([News("x", "d")], NOW)
    assert history.held == 0
    assert History(database, NOW).since(0).events == (*before, *during, *after)


def test_what_is_held_is_bounded_and_the_loss_is_seen(
    database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "MAX_HELD", 2)
    database.rows("PRAGMA query_only=ON")
    history = History(database, NOW)
    events = history.record([News("x", str(n)) for n in range(5)], NOW)
    assert history.since(0).events == events[-2:]
    assert history.since(events[0].sequence).gap
    assert not history.since(events[2].sequence).gap
    assert history.oldest == events[3].sequence


@pytest.mark.parametrize("detail", [{"x": float("nan")}, {"x": object()}, {"x": "y" * 20_000}])
def test_an_event_that_is_no_json_or_too_large_is_refused_with_all_others(
    database: Database, detail: dict[str, object]
) -> None:
    history = History(database, NOW)
    with pytest.raises(GslbError, match="event x"):
        history.record([DOWN, News("x", "", detail)], NOW)
    assert history.since(0).events == ()
    assert history.oldest == 0
