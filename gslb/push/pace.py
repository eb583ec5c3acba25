"""How fast a provider is asked, and how patiently: a pace of requests, and repeats with pauses.

An account's quota is shared by everybody who uses it, so there is one `Pace` an account, not one
a zone. Repeats are ours, not the library's: what is lost after it was sent must not be sent again
blindly, and time is passed in.

A provider counts what arrives, and a request arrives at some time between its sending and its
reply. So it is the end of a request that the next one keeps its distance from: then no second at
the other end holds more than it may, however the network stretches and squeezes them.
"""

from __future__ import annotations

import asyncio
import random
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from heapq import heappop, heappush
from typing import TypeVar

from gslb.push.provider import PushError, Throttled, Unavailable

ATTEMPTS = 9  # of a request. botocore's default of 3 gave up within 0.8 s on a busy account
LONGEST_PAUSE = 20.0  # seconds between attempts; botocore's standard mode has the same
WINDOW = 1.05  # seconds that a provider counts in: one, and what clocks and their timers may differ
_Result = TypeVar("_Result")


class Transient(PushError):  # noqa: N818  what happened
    """A request that came to nothing for now: no connection, no reply, or a reply of 5xx."""


@dataclass(frozen=True, slots=True)
class Timing:
    """The clock that the pushing goes by; tests move it by hand."""

    clock: Callable[[], float] = time.monotonic
    sleep: Callable[[float], Awaitable[None]] = asyncio.sleep
    random: Callable[[], float] = random.random  # from 0 up to 1


class Pace:
    """Lets so many requests go in any second, whoever makes them; after a rest as many at once.

    There are as many turns as the provider takes requests in a second. A turn is free again a
    `WINDOW` after its request has ended.
    """

    def __init__(self, most: int, timing: Timing) -> None:
        self._timing = timing
        self._free = [float("-inf")] * most  # when each turn that nobody has may be taken; a heap
        self._returned = asyncio.Event()  # some turn was
        self._queue = asyncio.Lock()  # who comes first goes first

    @asynccontextmanager
    async def turn(self) -> AsyncIterator[None]:
        """Hold a turn, for one request, from before it is sent until it has ended."""
        async with self._queue:
            await self._take()
        try:
            yield
        finally:
            self._give(self._timing.clock() + WINDOW)

    async def _take(self) -> None:
        while not self._free:
            self._returned.clear()
            await self._returned.wait()
        at = heappop(self._free)
        try:
            while (left := at - self._timing.clock()) > 0:
                await self._timing.sleep(left)
        except BaseException:
            self._give(at)
            raise

    def _give(self, at: float) -> None:
        heappush(self._free, at)
        self._returned.set()


async def patiently(
    once: Callable[[], Awaitable[_Result]],
    timing: Timing,
    *,
    attempts: int = ATTEMPTS,
    again: bool = True,
) -> _Result:
    """Return what *once* does, repeated while the provider asks for patience.

    Args:
        once: makes one request, at the pace of the account.
        timing: the clock.
        attempts: at most.
        again: whether a request without a reply may be repeated.

    Raises:
        Throttled: patience did not help.
        Unavailable: no reply, however often it was tried.
        Transient: no reply, and `again` is false.
    """
    for tried in range(1, attempts + 1):
        try:
            return await once()
        except Throttled:
            if tried == attempts:
                raise
        except Transient as error:
            if not again:
                raise
            if tried == attempts:
                raise Unavailable(str(error)) from None
        await timing.sleep(timing.random() * min(LONGEST_PAUSE, 0.5 * 2.0**tried))
    raise AssertionError("the last attempt returns or raises")
