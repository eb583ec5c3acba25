"""When to push a copy: soon after a change, at once after a drain, and now and then in any case.

Sans-IO: told what happens and what time it is (monotonic seconds), it says what is due. One
`Schedule` for each copy; it never has two things under way.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from math import inf

DEBOUNCE = 2.0  # seconds without a further change before a push begins
MAX_DEBOUNCE = 10.0  # seconds after the first change, however many follow
GAP = 10.0  # seconds between the beginnings of two pushes, but for drains
RECONCILE_EVERY = 900.0  # seconds between two full comparisons of what is and what should be
DRIFT_EVERY = 600.0  # seconds between two looks at what somebody else may have changed
FIRST_RETRY, LAST_RETRY = 5.0, 300.0  # seconds after a failure; doubled each time


class Act(StrEnum):
    """What can be due."""

    PUSH = "push"  # compare, and change what differs
    WATCH = "watch"  # compare, and tell what somebody else has changed


class Outcome(StrEnum):
    """How an act ended."""

    DONE = "done"  # the copy is as it should be, or will be when it is in sync
    HELD = "held"  # an operator's word is wanted; trying again brings nothing new
    FAILED = "failed"  # for a reason that may pass
    UNAVAILABLE = "unavailable"  # credentials, access, network
    STALE = "stale"  # the copy has a higher generation: somebody newer pushes


@dataclass(frozen=True, slots=True)
class Due:
    """What is to be done now, for the desired state of this generation."""

    act: Act
    generation: int
    drain: bool = False  # it carries a drain: shares of changes do not stop it


class Schedule:
    """What is due of one copy, and when."""

    def __init__(self, now: float) -> None:
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
        self._reconcile_at = now
        self._watch_at = now + DRIFT_EVERY

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

    def retry(self, now: float) -> None:
        """Have everything tried again: an operator has done something about it."""
        self.stale = False
        self.failures, self._not_before, self._reconcile_at = 0, -inf, now

    def take(self, now: float) -> Due | None:
        """Return what is due, and take it as begun; None: nothing is, or something is under way."""
        due = self._due(now)
        if due is not None:
            self._running = due
            if due.act is Act.PUSH:
                self._began_at = now
                self._changed_at = self._first_at = inf
                self._drain = self._urgent = False
                self._reconcile_at = now + RECONCILE_EVERY
            self._watch_at = now + DRIFT_EVERY
        return due

    def _due(self, now: float) -> Due | None:
        if self._running is not None or not self.generation or self.stale:
            return None
        if now >= self._push_at():
            return Due(Act.PUSH, self.generation, self._drain)
        if now >= max(self._watch_at, self._not_before):
            return Due(Act.WATCH, self.generation)
        return None

    def _push_at(self) -> float:
        """Return when the next push is due."""
        if self._urgent:
            return -inf
        changed = min(self._changed_at + DEBOUNCE, self._first_at + MAX_DEBOUNCE)
        return max(min(changed, self._reconcile_at), self._began_at + GAP, self._not_before)

    def wake_at(self) -> float:
        """Return when to ask `take` again if nothing happens until then; inf: never."""
        if self._running is not None or not self.generation or self.stale:
            return inf
        return min(self._push_at(), max(self._watch_at, self._not_before))

    def ended(self, outcome: Outcome, now: float, jitter: float = 0.5) -> None:
        """Take note of how what was begun has ended.

        Args:
            outcome: how.
            now: monotonic seconds.
            jitter: 0 to 1, random: nodes that lost the same provider do not come back as one.
        """
        done, self._running = self._running, None
        assert done is not None
        self.stale = outcome is Outcome.STALE and done.generation == self.generation
        if outcome in {Outcome.FAILED, Outcome.UNAVAILABLE}:
            self.failures += 1
            wait = min(FIRST_RETRY * 2.0 ** min(self.failures - 1, 16), LAST_RETRY)
            self._not_before = now + wait * (0.5 + jitter)
            if done.act is Act.PUSH:  # it is as if it had not begun, but for the drain's hurry
                self._changed_at = min(self._changed_at, now)
                self._first_at = min(self._first_at, now)
                self._drain = self._drain or done.drain
            return
        self.failures, self._not_before = 0, -inf
        if outcome is Outcome.DONE and done.act is Act.PUSH:
            self.pushed = max(self.pushed, done.generation)
