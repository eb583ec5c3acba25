"""What `gslb serve` does before it knows its settings."""

from __future__ import annotations

import os

import pytest

from gslb.cli.serve import MAX_RECRUITS, expected_workers


@pytest.mark.parametrize(
    ("option", "variable", "count"),
    [("3", "", 3), (None, "2", 2), ("1", "5", 1), ("0", "", 0), ("9" * 50, "", MAX_RECRUITS)],
)
def test_as_many_workers_are_started_ahead_as_are_surely_wanted(
    option: str | None, variable: str, count: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("GSLB_WORKERS", variable)
    assert expected_workers(option) == count


@pytest.mark.parametrize("option", [None, "", "many", "-1", "²"])
def test_whatever_else_is_said_there_is_one_a_core_at_most(
    option: str | None, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What is wrong with it is told when the settings are read."""
    monkeypatch.delenv("GSLB_WORKERS", raising=False)
    assert expected_workers(option) == min(len(os.sched_getaffinity(0)), MAX_RECRUITS)
