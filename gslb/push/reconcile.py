"""When to push a copy: soon after a change, at once after a drain, and now and then in any case.

Sans-IO: told what happens and what time it is (monotonic seconds), it says what is due. One
`Schedule` for each copy; it never has two pushes under way. A push compares what is with what
should be, so one that finds nothing to do is the watch for drift, too.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from math import inf

DEBOUNCE = 2.0  # seconds without a further change before a push begins
MAX_DEBOUNCE = 10.0  # seconds after the first change, however many follow
GAP = 10.0  # seconds between the beginnings of two pushes, but for drains
COMPARE_EVERY = 600.0  # seconds between two comparisons if nothing happens here
FIRST_RETRY, LAST_RETRY = 5.0, 300.0  # seconds after a failure; doubled each time


class Result(StrEnum):
    """How a push ended."""

    DONE = "done"  # the copy is as it should be
    HELD = "held"  # an operator's word is wanted; trying again brings nothing new
    CUT = "cut"  # stopped for a drain that waits
    FAILED = "failed"  # for a reason that may pass
    UNAVAILABLE = "unavailable"  # credentials, access, network
    STALE = "stale"  # the copy has a higher generation: somebody newer pushes


@dataclass(frozen=True, slots=True)
class Due:
    """A push to be made now, of the desired state of this generation."""

    generation: int
    drain: bool = False  # it carries a drain: shares of changes do not stop it


class Schedule:
    """What is due of one copy, and when."""

    def __init__(self) -> None:
        """Know no desired state yet; nothing is due before there is one."""
        self.generation = 0  # the newest desired state
        self.pushed = 0  # the newest that was carried out
        self.stale = False
        self.failures = 0  # in a row
        self._changed_at = inf  # the last change that is not pushed; inf: there is none
        self._first_at = inf  # the first of them
        self._drain = False  # one of them is a drain
        self._urgent = False  # and was not tried yet
        self._began_at = -inf  # the last push
        self._running: Due | None = None
        self._not_before = -inf  # after failures
        self._compare_at = -inf

    @property
    def urgent(self) -> bool:
        """Whether a drain was not tried yet."""
        return self._urgent

    def changed(self, generation: int, now: float, *, drain: bool = False) -> bool:
        """Take note of another desired state; return False for one that is old: it is ignored."""
        if generation <= self.generation:
            return False
        self.generation = generation
        self.stale = False
        self._changed_at = now
        self._first_at = min(self._first_at, now)
        self._drain = self._drain or drain
        self._urgent = self._urgent or drain
        return True

    def confirm(self, now: float) -> None:
        """Have what was pushed compared with what is there as soon as the gap allows."""
        self._compare_at = min(self._compare_at, now)

    def retry(self) -> None:
        """Have everything tried again soon: an operator has done something about it."""
        self.stale = False
        self.failures, self._not_before, self._compare_at = 0, -inf, -inf

    def take(self, now: float) -> Due | None:
        """Return what is due, and take it as begun; None: nothing is, or something is under way."""
        if now < self.wake_at():
            return None
        self._running = Due(self.generation, self._drain)
        self._began_at = now
        self._changed_at = self._first_at = inf
        self._drain = self._urgent = False
        self._compare_at = now + COMPARE_EVERY
        return self._running

    def wake_at(self) -> float:
        """Return when to ask `take` again if nothing happens until then; inf: never."""
        if self._running is not None or not self.generation or self.stale:
            return inf
        if self._urgent:
            return -inf
        changed = min(self._changed_at + DEBOUNCE, self._first_at + MAX_DEBOUNCE)
        return max(min(changed, self._compare_at), self._began_at + GAP, self._not_before)

    def ended(self, result: Result, now: float, jitter: float = 0.5) -> None:
        """Take note of how the push that was begun has ended.

        Args:
            result: how.
            now: monotonic seconds.
            jitter: 0 to 1, random: nodes that lost the same provider do not come back as one.
        """
        done, self._running = self._running, None
        assert done is not None
        self.stale = result is Result.STALE and done.generation == self.generation
        if result in {Result.FAILED, Result.UNAVAILABLE, Result.CUT}:
            # As if it had not begun, but for the drain's hurry.
            self._changed_at = min(self._changed_at, now)
            self._first_at = min(self._first_at, now)
            self._drain = self._drain or done.drain
        if result in {Result.FAILED, Result.UNAVAILABLE}:
            self.failures += 1
            wait = min(FIRST_RETRY * 2.0 ** min(self.failures - 1, 16), LAST_RETRY)
            self._not_before = now + wait * (0.5 + jitter)
            return
        self.failures, self._not_before = 0, -inf
        if result is Result.DONE:
            self.pushed = max(self.pushed, done.generation)
