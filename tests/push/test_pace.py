"""Requests keep their distance, and repeats end."""

from __future__ import annotations

import asyncio

import pytest

from gslb.push.pace import ATTEMPTS, Pace, Timing, Transient, patiently
from gslb.push.provider import Throttled, Unavailable
from tests.doubles.clock import ManualClock


def timing(clock: ManualClock) -> Timing:
    return Timing(clock, clock.sleep, lambda: 1.0)


async def test_whoever_asks_no_second_holds_more_than_the_rate() -> None:
    clock = ManualClock()
    pace = Pace(4.0, timing(clock))
    went: list[float] = []

    async def caller() -> None:
        for _ in range(5):
            await pace.turn()
            went.append(clock())

    await asyncio.gather(*(caller() for _ in range(4)))
    assert len(went) == 20
    assert clock() >= 19 / 4


class Failing:
    """Fails so many times, then answers."""

    def __init__(self, error: Exception, times: int) -> None:
        self.error = error
        self.times = times
        self.calls = 0

    async def __call__(self) -> str:
        self.calls += 1
        if self.calls <= self.times:
            raise self.error
        return "done"


@pytest.mark.parametrize("error", [Throttled("busy"), Transient("no reply")])
async def test_patience_lasts_until_the_last_attempt(error: Exception) -> None:
    clock = ManualClock()
    asked = Failing(error, ATTEMPTS - 1)
    assert await patiently(asked, Pace(4.0, timing(clock)), timing(clock)) == "done"
    assert clock() > 30  # the pauses grow


@pytest.mark.parametrize(
    ("error", "told"), [(Throttled("busy"), Throttled), (Transient("no reply"), Unavailable)]
)
async def test_patience_ends(error: Exception, told: type[Exception]) -> None:
    clock = ManualClock()
    asked = Failing(error, 99)
    with pytest.raises(told):
        await patiently(asked, Pace(4.0, timing(clock)), timing(clock))
    assert asked.calls == ATTEMPTS


async def test_what_must_not_be_repeated_is_not() -> None:
    clock = ManualClock()
    asked = Failing(Transient("no reply"), 1)
    with pytest.raises(Transient):
        await patiently(asked, Pace(4.0, timing(clock)), timing(clock), again=False)
    assert asked.calls == 1
