"""What goes wrong, and when: faults that a test orders before the request that meets them."""

from __future__ import annotations

import dataclasses
import enum
import threading
from collections.abc import Callable

ANY = "*"
HELD_AT_MOST = 60.0  # s; a test that forgets to release does not hang the run


class Moment(enum.Enum):
    """Where in the life of a request a fault strikes."""

    BEFORE = "before anything is applied"
    AFTER = "after it was applied, before the reply"


@dataclasses.dataclass(frozen=True)
class Refusal:
    """An error reply: HTTP *status*, the provider's *code* and its words."""

    status: int
    code: str
    message: str


class Hold:
    """A request that waits until the test lets it go on."""

    def __init__(self) -> None:
        self._arrived = threading.Event()
        self._released = threading.Event()

    def wait_for_arrival(self, timeout: float = 10.0) -> None:
        """Return once the request is there; ``AssertionError`` when none came."""
        assert self._arrived.wait(timeout), "no request came to be held"

    def release(self) -> None:
        """Let the request go on."""
        self._released.set()

    def wait(self) -> None:
        """Wait for the release, in the thread of the request."""
        self._arrived.set()
        self._released.wait(HELD_AT_MOST)


@dataclasses.dataclass
class _Fault:
    operation: str
    moment: Moment
    deed: Refusal | Hold | Callable[[], object] | None  # None: the connection is cut
    skip: int
    times: int


class Faults:
    """Faults in the order they were ordered; each strikes *times* times after *skip* requests.

    *operation* is the provider's name of it (``ChangeResourceRecordSets``,
    ``dns.changes.create``) or ``"*"``. A fault that has struck is gone.
    """

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._faults: list[_Fault] = []

    def refuse(self, operation: str, refusal: Refusal, *, times: int = 1, skip: int = 0) -> None:
        """Answer with an error; nothing is applied."""
        self._add(operation, Moment.BEFORE, refusal, skip, times)

    def refuse_after(
        self, operation: str, refusal: Refusal, *, times: int = 1, skip: int = 0
    ) -> None:
        """Apply, and answer with an error all the same."""
        self._add(operation, Moment.AFTER, refusal, skip, times)

    def cut(self, operation: str, *, times: int = 1, skip: int = 0) -> None:
        """Close the connection without a reply; nothing is applied."""
        self._add(operation, Moment.BEFORE, None, skip, times)

    def lose_reply(self, operation: str, *, times: int = 1, skip: int = 0) -> None:
        """Apply, then close the connection without a reply."""
        self._add(operation, Moment.AFTER, None, skip, times)

    def hold(self, operation: str, *, skip: int = 0) -> Hold:
        """Make one request wait before it is applied, until the test releases it."""
        held = Hold()
        self._add(operation, Moment.BEFORE, held, skip, 1)
        return held

    def hold_reply(self, operation: str, *, skip: int = 0) -> Hold:
        """Apply one request, and keep its reply back until the test releases it."""
        held = Hold()
        self._add(operation, Moment.AFTER, held, skip, 1)
        return held

    def first(self, operation: str, action: Callable[[], object], *, skip: int = 0) -> None:
        """Run *action* just before one request is applied: somebody else came first."""
        self._add(operation, Moment.BEFORE, action, skip, 1)

    def clear(self) -> None:
        """Forget every fault, and release whoever is held."""
        with self._lock:
            for fault in self._faults:
                if isinstance(fault.deed, Hold):
                    fault.deed.release()
            self._faults.clear()

    @property
    def pending(self) -> int:
        """How many faults have not struck (fully) yet."""
        with self._lock:
            return len(self._faults)

    def strike(self, operation: str, moment: Moment) -> list[Refusal | None]:
        """Do what is due now; return what has to be answered instead (``None``: cut)."""
        outcome: list[Refusal | None] = []
        for deed in self._due(operation, moment):
            if isinstance(deed, Hold):
                deed.wait()
            elif deed is None or isinstance(deed, Refusal):
                outcome.append(deed)
            else:
                deed()
        return outcome

    def _due(
        self, operation: str, moment: Moment
    ) -> list[Refusal | Hold | Callable[[], object] | None]:
        """Take the faults that strike now; of those that answer, one a request."""
        due: list[Refusal | Hold | Callable[[], object] | None] = []
        answered = False
        with self._lock:
            for fault in list(self._faults):
                if fault.operation not in (ANY, operation) or fault.moment is not moment:
                    continue
                if fault.skip:
                    fault.skip -= 1
                    continue
                answers = fault.deed is None or isinstance(fault.deed, Refusal)
                if answers and answered:
                    continue
                answered = answered or answers
                fault.times -= 1
                if not fault.times:
                    self._faults.remove(fault)
                due.append(fault.deed)
        return due

    def _add(
        self,
        operation: str,
        moment: Moment,
        deed: Refusal | Hold | Callable[[], object] | None,
        skip: int,
        times: int,
    ) -> None:
        with self._lock:
            self._faults.append(_Fault(operation, moment, deed, skip, times))
