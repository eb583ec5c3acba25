"""What the doubles have in common: a server, a clock, ordered faults, a log of calls."""

from __future__ import annotations

import threading
import time
import traceback
from collections.abc import Callable
from typing import Self

from tests.doubles.clock import ManualClock
from tests.doubles.faults import Faults, Moment, Refusal
from tests.doubles.serving import Call, Reply, Request, Serving


class CutError(Exception):
    """The connection closes without a reply."""


class Double:
    """A server while it is entered; its state stays readable afterwards.

    *clock* gives seconds; without one, :attr:`manual` is moved by hand.
    """

    def __init__(self, clock: Callable[[], float] | None = None) -> None:
        self.manual = ManualClock()
        self.clock = clock or self.manual
        self.faults = Faults()
        self.calls: list[Call] = []
        self._lock = threading.RLock()
        self._crashes: list[str] = []
        self._serving = Serving(self._guarded)
        self.url = self._serving.url

    def __enter__(self) -> Self:
        self._serving.__enter__()
        return self

    def __exit__(self, *exception: object) -> None:
        self.faults.clear()
        self._serving.__exit__(*exception)
        assert not self._crashes, "the double itself failed:\n" + "\n".join(self._crashes)

    def called(self, operation: str) -> list[Call]:
        """Return the log's lines of one operation."""
        with self._lock:
            return [call for call in self.calls if call.operation == operation]

    def _guarded(self, request: Request) -> Reply | None:
        try:
            return self._handle(request)
        except Exception:  # noqa: BLE001 (whatever it is fails the test, with its traceback)
            self._crashes.append(traceback.format_exc())
            return Reply(500, self._crashes[-1].encode())

    def _handle(self, request: Request) -> Reply | None:
        """Return the reply to a request, or None to cut the connection."""
        raise NotImplementedError

    def _log(self, operation: str, request: Request, reply: Reply | None, code: str) -> None:
        status = reply.status if reply else 0
        with self._lock:
            at = time.monotonic()
            self.calls.append(Call(operation, request.method, request.path, status, code, at))

    def _struck(self, operation: str, moment: Moment) -> Refusal | None:
        """Let the faults strike that are due; return the error to answer, or raise to cut."""
        for refusal in self.faults.strike(operation, moment):
            if refusal is None:
                raise CutError
            return refusal
        return None


class Pace:
    """A bucket of requests: *rate* a second, as many saved up; None is no limit."""

    def __init__(self, clock: Callable[[], float]) -> None:
        self._clock = clock
        self._left: float | None = None
        self._refilled = clock()

    def admits(self, rate: float | None) -> bool:
        """Take one request's worth, if there is one."""
        if rate is None:
            return True
        now = self._clock()
        left = rate if self._left is None else self._left
        left = min(rate, left + (now - self._refilled) * rate)
        self._refilled = now
        self._left = left - 1 if left >= 1 else left
        return left >= 1
