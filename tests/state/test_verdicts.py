"""Down is a matter of one family, dead of all of which anything is known."""

from __future__ import annotations

import pytest

from gslb.state.verdicts import Verdict
from healthcheck.model import Status

UP, DOWN, UNKNOWN = Status.UP, Status.DOWN, Status.UNKNOWN


@pytest.mark.parametrize(
    ("v4", "v6", "is_down", "is_dead"),
    [
        (UP, UP, False, False),
        (DOWN, UP, True, False),
        (UP, DOWN, True, False),
        (DOWN, UNKNOWN, True, True),
        (DOWN, DOWN, True, True),
        (UNKNOWN, UNKNOWN, False, False),
    ],
)
def test_down_and_dead(v4: Status, v6: Status, is_down: bool, is_dead: bool) -> None:
    verdict = Verdict(v4, v6)
    assert (verdict.is_down, verdict.is_dead) == (is_down, is_dead)
