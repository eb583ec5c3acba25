"""Time that tests move by hand; shared with the code under test, so that nobody sleeps."""

from __future__ import annotations

import datetime as dt

_EPOCH = dt.datetime(2026, 1, 1, tzinfo=dt.UTC)


class ManualClock:
    """Seconds since the double began; they pass only by :meth:`advance`."""

    def __init__(self) -> None:
        self._now = 0.0

    def __call__(self) -> float:
        return self._now

    def advance(self, seconds: float) -> None:
        """Let *seconds* pass at once."""
        if seconds < 0:
            raise ValueError("time does not run backwards")
        self._now += seconds

    async def sleep(self, seconds: float) -> None:
        """Stand in for ``asyncio.sleep``: the time passes, nobody waits."""
        self.advance(max(seconds, 0.0))


def wall(seconds: float) -> dt.datetime:
    """Return the time of day that a clock at *seconds* shows."""
    return _EPOCH + dt.timedelta(seconds=seconds)


def stamp(seconds: float) -> str:
    """Return that time of day as RFC 3339 text with milliseconds."""
    return wall(seconds).strftime("%Y-%m-%dT%H:%M:%S.%f")[:-3] + "Z"
