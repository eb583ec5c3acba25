"""Notices when the event loop, or the whole process, stood still. Sans-IO: it is told the time."""

from __future__ import annotations

TICK = 0.05  # seconds between the ticks that the runner asks the loop for


class LagWatch:
    """How late the loop runs what is due. A stall that is not over yet shows as well."""

    __slots__ = ("_due", "_lag", "_stall", "_until", "worst")

    def __init__(self, now: float, stall: float) -> None:
        """Ticks begin at *now*; a lag above *stall* seconds is remembered as a stall."""
        self._due = now + TICK
        self._stall = stall
        self._lag = 0.0  # of the last stall
        self._until = float("-inf")  # when it was over
        self.worst = 0.0  # seconds, since somebody set it to 0

    def tick(self, now: float) -> None:
        """Take the tick that was due; the next is due one TICK from *now*."""
        self._note(now)
        self._due = now + TICK

    def during(self, started: float, now: float) -> float:
        """Return the longest stall that touched *started* to *now*, in seconds, or the lag at *now*.

        Timers that were due in a stall fire in any order after it, so a tick that is overdue counts
        before it has come.
        """
        lag = self._note(now)
        return max(lag, self._lag) if self._until >= started else lag

    def _note(self, now: float) -> float:
        lag = max(0.0, now - self._due)
        self.worst = max(self.worst, lag)
        if lag > self._stall:
            self._lag = lag
            self._until = now
        return lag
