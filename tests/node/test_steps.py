"""What changes by itself, and when."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

from gslb.node.compilation import Compiled
from gslb.node.steps import LOOK_AROUND_EVERY, is_time_to_look, next_step

AT = datetime(2026, 1, 1, tzinfo=UTC)
SOON, LATER = AT + timedelta(minutes=5), AT + timedelta(hours=9)
PLAIN = Compiled(Path("t"), 1, 1, "", (), 0, (), (), (), 0, "", (), 0.0, 0)


def test_without_ends_and_measurements_nothing_changes() -> None:
    assert next_step(PLAIN, AT, AT) is None
    assert not is_time_to_look(PLAIN, AT, LATER)
    assert not is_time_to_look(None, AT, LATER)


def test_the_next_end_of_a_drain_is_a_step_and_one_that_has_passed_is_none() -> None:
    made = replace(PLAIN, ends=(AT, SOON, LATER))
    assert next_step(made, AT, AT) == SOON
    assert next_step(made, SOON, AT) == LATER
    assert next_step(made, LATER, AT) is None


def test_measurements_are_looked_at_again() -> None:
    made = replace(PLAIN, ends=(LATER,), measured=True)
    assert next_step(made, AT, AT) == AT + LOOK_AROUND_EVERY
    assert not is_time_to_look(made, AT, SOON)
    assert is_time_to_look(made, AT, AT + LOOK_AROUND_EVERY)
    assert not is_time_to_look(made, None, LATER)
