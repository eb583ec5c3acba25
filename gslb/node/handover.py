"""When which of two supervisors owns the node: the handover as the old one sees it. Sans-IO.

The new one says hello and gets copies of the sockets; it prepares all that it can without owning
anything; then the old one lets go (no checks, no changes; its workers answer), hands over, and ends
once the new one serves. Until that very moment everything that goes wrong makes the old one own
the node again.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum, StrEnum
from math import inf

OWNING_SECONDS = 60.0  # from the old one's letting go; checks and changes rest meanwhile


class Phase(StrEnum):
    """How far a handover is; the value says what the new one is doing."""

    ALONE = "not there"
    AWAITED = "starting"
    PREPARING = "preparing"
    OWNING = "taking over"
    OVER = "serving"


class Event(Enum):
    """What may happen."""

    WANTED = "somebody wants a replacement"
    HELLO = "the new one is there"
    READY = "it has prepared everything"
    SERVES = "it serves"
    FAILED = "it says that it cannot"
    LOST = "it has ended, or does not speak to us any more"
    LATE = "its time is over"


class Act(Enum):
    """What the old one does then, in this order."""

    START = "start the new one"
    LET_GO = "stop checking and changing, and hand over"
    END = "end, and leave the workers to the new one"
    KILL = "make sure that the new one is gone"
    TAKE_BACK = "own the node again"
    TELL = "tell that, and why, there was no replacement"


class NotNowError(Exception):
    """What happened does not belong to the phase; nothing has changed."""


_STEPS: dict[tuple[Phase, Event], tuple[Phase, tuple[Act, ...]]] = {
    (Phase.ALONE, Event.WANTED): (Phase.AWAITED, (Act.START,)),
    (Phase.ALONE, Event.HELLO): (Phase.PREPARING, ()),  # started by somebody else
    (Phase.AWAITED, Event.HELLO): (Phase.PREPARING, ()),
    (Phase.PREPARING, Event.READY): (Phase.OWNING, (Act.LET_GO,)),
    (Phase.OWNING, Event.SERVES): (Phase.OVER, (Act.END,)),
}
_FAILURES = {Event.FAILED, Event.LOST, Event.LATE}
_BACK = {
    Phase.AWAITED: (Act.KILL, Act.TELL),
    Phase.PREPARING: (Act.KILL, Act.TELL),
    Phase.OWNING: (Act.KILL, Act.TAKE_BACK, Act.TELL),
}


@dataclass(frozen=True, slots=True)
class Handover:
    """One moment of it."""

    phase: Phase = Phase.ALONE
    deadline: float = inf  # monotonic seconds

    def after(self, event: Event, now: float, limit: float) -> tuple[Handover, tuple[Act, ...]]:
        """Return what follows from *event* at *now*.

        Args:
            event: what has happened.
            now: monotonic seconds.
            limit: seconds that the new one has from its start, or its hello, until it is ready.

        Raises:
            NotNowError: it does not belong here.
        """
        if event in _FAILURES and self.phase in _BACK:
            return Handover(), _BACK[self.phase]
        if (self.phase, event) not in _STEPS:
            raise NotNowError(f"{event.value}, while it is {self.phase.value}")
        phase, acts = _STEPS[self.phase, event]
        deadline = self.deadline if self.phase is not Phase.ALONE else now + limit
        if phase is Phase.OWNING:
            deadline = now + OWNING_SECONDS
        elif phase is Phase.OVER:
            deadline = inf
        return Handover(phase, deadline), acts

    @property
    def ours(self) -> bool:
        """Whether the old one owns the node: it checks, changes, and writes."""
        return self.phase not in {Phase.OWNING, Phase.OVER}
