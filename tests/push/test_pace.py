"""Requests keep their distance, and repeats end."""

from __future__ import annotations

import asyncio
import heapq
import itertools
from collections.abc import Coroutine, Iterable, Sequence

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gslb.push.pace import ATTEMPTS, WINDOW, Pace, Timing, Transient, patiently
from gslb.push.provider import Throttled, Unavailable
from tests.doubles.clock import ManualClock


def timing(clock: ManualClock) -> Timing:
    return Timing(clock, clock.sleep, lambda: 1.0)


def most_in_a_second(times: Sequence[float]) -> int:
    return max(sum(at <= one < at + 1.0 for one in times) for at in times)


class Line:
    """Requests on their way: each takes its time, and arrives at some moment of it.

    Time passes from event to event, whoever sleeps.
    """

    def __init__(self) -> None:
        self.now = 0.0
        self.arrived: list[float] = []
        self._order = itertools.count()
        self._events: list[tuple[float, int, asyncio.Future[None]]] = []

    def clock(self) -> float:
        return self.now

    async def sleep(self, seconds: float) -> None:
        waked = asyncio.get_running_loop().create_future()
        heapq.heappush(self._events, (self.now + max(0.0, seconds), next(self._order), waked))
        await waked

    async def request(self, pace: Pace, seconds: float, arrives: float) -> None:
        async with pace.turn():
            self.arrived.append(self.now + seconds * arrives)
            await self.sleep(seconds)

    async def run(self, work: Iterable[Coroutine[None, None, None]]) -> None:
        async with asyncio.timeout(30):
            tasks = [asyncio.create_task(one) for one in work]
            while not all(one.done() for one in tasks):
                for _ in range(10):  # whoever can go on does, before time passes
                    await asyncio.sleep(0)
                if self._events:
                    self.now, _, waked = heapq.heappop(self._events)
                    if not waked.done():
                        waked.set_result(None)


REQUESTS = st.lists(
    st.tuples(
        st.floats(0.0, 3.0),  # when it is wanted: bursts, and rests between them
        st.sampled_from([0.0, 0.001, 0.2, 0.9, 2.0]),  # how long it takes
        st.floats(0.0, 1.0),  # at what part of that it arrives
    ),
    max_size=25,
)


@given(REQUESTS, st.integers(1, 5))
def test_no_second_at_the_other_end_holds_more_than_it_may(
    wanted: list[tuple[float, float, float]], most: int
) -> None:
    async def run() -> Line:
        line = Line()
        pace = Pace(most, Timing(line.clock, line.sleep))

        async def one(at: float, seconds: float, arrives: float) -> None:
            await line.sleep(at)
            await line.request(pace, seconds, arrives)

        await line.run(one(*each) for each in wanted)
        return line

    arrived = asyncio.run(run()).arrived
    assert len(arrived) == len(wanted)
    assert not arrived or most_in_a_second(arrived) <= most


async def test_after_a_rest_as_many_go_at_once_as_a_second_may_hold() -> None:
    line = Line()
    pace = Pace(4, Timing(line.clock, line.sleep))
    await line.run(line.request(pace, 0.01, 0.5) for _ in range(5))
    assert [round(one, 3) for one in line.arrived] == [0.005] * 4 + [round(WINDOW + 0.015, 3)]


async def test_who_gives_up_waiting_leaves_the_turn_to_others() -> None:
    pace = Pace(1, Timing())
    async with pace.turn():
        waiting = asyncio.create_task(pace.turn().__aenter__())
        await asyncio.sleep(0)
        waiting.cancel()
        await asyncio.gather(waiting, return_exceptions=True)
    line = Line()
    pace = Pace(1, Timing(line.clock, line.sleep))
    await line.run([line.request(pace, 0.0, 0.0)])
    asleep = asyncio.create_task(pace.turn().__aenter__())
    for _ in range(3):
        await asyncio.sleep(0)
    asleep.cancel()
    await asyncio.gather(asleep, return_exceptions=True)
    await line.run([line.request(pace, 0.0, 0.0)])
    assert line.arrived == [0.0, WINDOW]


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
    assert await patiently(asked, timing(clock)) == "done"
    assert clock() > 30  # the pauses grow


@pytest.mark.parametrize(
    ("error", "told"), [(Throttled("busy"), Throttled), (Transient("no reply"), Unavailable)]
)
async def test_patience_ends(error: Exception, told: type[Exception]) -> None:
    clock = ManualClock()
    asked = Failing(error, 99)
    with pytest.raises(told):
        await patiently(asked, timing(clock))
    assert asked.calls == ATTEMPTS


async def test_what_must_not_be_repeated_is_not() -> None:
    clock = ManualClock()
    asked = Failing(Transient("no reply"), 1)
    with pytest.raises(Transient):
        await patiently(asked, timing(clock), again=False)
    assert asked.calls == 1
