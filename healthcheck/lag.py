"""Notices when the event loop, or the whole process, stood still. Sans-IO: it is told the time."""

from __future__ import annotations

TICK = 0.05  # seconds between the ticks that the runner asks the loop for


class LagWatch:
    """How late the loop runs what is due. A stall that is not over yet shows as well."""

    __slots__ = ("_due", "_stalled", "_stalled_until", "worst")

    def __init__(self, now: float, stall: float) -> None:
        """Ticks begin at *now*; a lag above *stall* seconds is remembered as a stall."""
        self._due = now + TICK
        self._stalled_until = float("-inf")
        self._stalled = stall
        self.worst = 0.0  # seconds, since `reset`

    def tick(self, now: float) -> None:
        """Take the tick that was due; the next is due one TICK from *now*."""
        self._note(now)
        self._due = now + TICK

    def during(self, started: float, now: float) -> float:
        """Return a lag, in seconds, that the loop had between *started* and *now*; 0.0 for none.

        Timers that were due in a stall fire in any order after it, so the tick that is overdue
        counts before it has come.
        """
        return 0.0
