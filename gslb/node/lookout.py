"""Looking out for large shifts, in the process that has the plan, when nothing else is asked of it.

The answering path knows nothing of it: what was served is weighed afterwards, a policy at a time,
and only when somebody looks. So many changes in a second cost one weighing.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Generator, Sequence
from dataclasses import dataclass

from gslb.node.compilation import Looked
from gslb.policy.plan import Plan
from gslb.steering.audience import Audience
from gslb.steering.flows import Shift
from gslb.steering.situation import Situation
from gslb.steering.swing import Past, Roster, roster_of, sharing


@dataclass(frozen=True, slots=True)
class Weighing:
    """What there is to weigh."""

    plan: Plan
    situation: Situation
    audiences: Sequence[Audience]


class Lookout:
    """How answers are shared out, now and in the last minute."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        """Nothing is served yet. *clock*: monotonic seconds, the same for all processes."""
        self.past = Past()
        self._clock = clock
        self._roster: Roster | None = None
        self._moved_at: float | None = None  # a change that is not weighed; None: none
        self._asked = False
        self._weighing: Generator[None, None, Shift] | None = None
        self._shifts: list[Shift] = []  # found, not told

    def begin(self, past: bytes) -> None:
        """Take up a plan, behind another one whose `Past.octets` are *past*."""
        self.past = Past.read(past)
        self.renew()
        self._asked = True  # it is what later changes are compared with

    def renew(self) -> None:
        """Note that clients are told apart otherwise than before."""
        self._roster = self._weighing = None
        self.moved()

    def moved(self) -> None:
        """Note that something else is answered now."""
        self._moved_at = self._clock()

    def look(self) -> Looked:
        """Return what was found since the last look, and have what is left weighed."""
        found, self._shifts = tuple(self._shifts), []
        self._asked = self._moved_at is not None
        return Looked(found, self._asked or self._weighing is not None)

    def work_ahead(self, weighing: Callable[[], Weighing]) -> bool:
        """Weigh one policy, or compare once; return whether there is more.

        *weighing* returns what is to be weighed.
        """
        if self._weighing is None:
            if not self._asked or self._moved_at is None:
                return False
            self._weighing = self._weigh(weighing(), self._moved_at)
            self._moved_at, self._asked = None, False
            return True
        try:
            next(self._weighing)
        except StopIteration as done:
            self._weighing = None
            if done.value.large:
                self._shifts.append(done.value)
            return self._asked
        return True

    def _weigh(self, made: Weighing, at: float) -> Generator[None, None, Shift]:
        """Return how much moved until what is to be weighed, which came to be *at* that time."""
        if self._roster is None:
            self._roster = roster_of(made.plan, made.audiences)
        shares = yield from sharing(made.plan, made.situation, made.audiences, self._roster)
        return (yield from self.past.adding(at, shares))
