"""How fast a provider is asked, and how patiently: a pace of requests, and repeats with pauses.

An account's quota is shared by everybody who uses it, so there is one `Pace` an account, not one
a zone. Repeats are ours, not the library's: what is lost after it was sent must not be sent again
blindly, and time is passed in.
"""

from __future__ import annotations

import asyncio
import random
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import TypeVar

from gslb.push.provider import PushError, Throttled, Unavailable

ATTEMPTS = 9  # of a request. botocore's default of 3 gave up within 0.8 s on a busy account
LONGEST_PAUSE = 20.0  # seconds between attempts; botocore's standard mode has the same
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
    """Lets requests go one after another, *rate* a second at most, whoever makes them."""

    def __init__(self, rate: float, timing: Timing) -> None:
        self._gap = 1.0 / rate
        self._timing = timing
        self._free = float("-inf")  # when the next may go

    async def turn(self) -> None:
        """Return once it is the caller's turn."""
        now = self._timing.clock()
        at = max(now, self._free)
        self._free = at + self._gap
        if at > now:
            await self._timing.sleep(at - now)


async def patiently(
    once: Callable[[], Awaitable[_Result]],
    pace: Pace,
    timing: Timing,
    *,
    attempts: int = ATTEMPTS,
    again: bool = True,
) -> _Result:
    """Return what *once* does, at the pace; repeated while the provider asks for patience.

    Args:
        once: makes one request.
        pace: of the account.
        timing: the clock.
        attempts: at most.
        again: whether a request without a reply may be repeated.

    Raises:
        Throttled: patience did not help.
        Unavailable: no reply, however often it was tried.
        Transient: no reply, and `again` is false.
    """
    for tried in range(1, attempts + 1):
        await pace.turn()
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
