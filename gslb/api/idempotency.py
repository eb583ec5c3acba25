"""The same change asked for twice is made once (the Idempotency-Key header field)."""

from __future__ import annotations

import asyncio
import re
from collections import OrderedDict
from collections.abc import Awaitable, Callable
from dataclasses import dataclass

from gslb.api.problems import ApiProblem
from gslb.api.routes import Reply
from gslb.api.services import Once, UnavailableError
from gslb.state.replies import KeptReply

HEADER = "Idempotency-Key"
MAX_KEPT = 1024  # answers
KEPT_SECONDS = 24 * 3600.0
MAX_RUNNING = 64  # changes at one time, with a key or without
_KEY = re.compile(r"[!-~]{1,255}")

Make = Callable[[], Awaitable[Reply]]


def _check(once: Once, fingerprint: bytes) -> None:
    """Refuse a key that was used for something else. Raises ApiProblem."""
    if once.fingerprint != fingerprint:
        raise ApiProblem(422, f"This {HEADER} was used for another request.")


@dataclass(frozen=True, slots=True)
class _Kept:
    fingerprint: bytes
    outcome: asyncio.Task[Reply]
    at: float


class Changes:
    """Runs changes to their end, whoever goes away meanwhile, and remembers the keyed ones."""

    def __init__(
        self,
        clock: Callable[[], float],
        remembered: Callable[[str, str], KeptReply | None] = lambda *_: None,
    ) -> None:
        """Measure age with *clock* (monotonic seconds).

        *remembered* returns what an earlier run of the program answered to a caller and his key.
        """
        self._clock = clock
        self._remembered = remembered
        self._kept: OrderedDict[tuple[str, str], _Kept] = OrderedDict()
        self._running: set[asyncio.Task[Reply]] = set()

    async def once(self, once: Once | None, make: Make) -> Reply:
        """Return what *make* returns; with a key that the caller has used, what it returned then.

        Args:
            once: the header field's value with what belongs to it, or None.
            make: makes the change. It is kept if it returns or raises a DrainRefusedError's kind
                of problem (409); anything else was no change, and may be tried again.

        Raises:
            ApiProblem: 400 for a bad key, 422 for a key that was used for something else, and
                whatever *make* raises.
        """
        if once is None:
            return await asyncio.shield(self._run(make))
        if _KEY.fullmatch(once.key) is None:
            raise ApiProblem(400, f"{HEADER} is 1 to 255 printable ASCII characters.")
        now = self._clock()
        self._forget(now)
        name = once.caller, once.key
        kept = self._kept.get(name)
        if kept is None and (earlier := self._remembered(*name)) is not None:
            _check(once, earlier.fingerprint)
            return Reply(earlier.status, earlier.octets, (("Location", earlier.location),))
        if kept is None:
            self._make_room()
            kept = _Kept(once.fingerprint, self._run(make), now)
            self._kept[name] = kept
            kept.outcome.add_done_callback(lambda task: self._settle(name, task))
        _check(once, kept.fingerprint)
        return await asyncio.shield(kept.outcome)

    async def finish(self) -> None:
        """Wait for the changes that are being made."""
        await asyncio.gather(*self._running, return_exceptions=True)

    def _run(self, make: Make) -> asyncio.Task[Reply]:
        if len(self._running) >= MAX_RUNNING:
            raise UnavailableError("Too many changes are being made; try again.")

        async def run() -> Reply:
            return await make()

        task = asyncio.get_running_loop().create_task(run())
        self._running.add(task)
        task.add_done_callback(self._ran)
        return task

    def _ran(self, task: asyncio.Task[Reply]) -> None:
        self._running.discard(task)
        if not task.cancelled():
            task.exception()  # whoever waited has it; nobody may be waiting any more

    def _settle(self, name: tuple[str, str], task: asyncio.Task[Reply]) -> None:
        if task.cancelled():
            self._kept.pop(name, None)
            return
        error = task.exception()
        if error is not None and not (isinstance(error, ApiProblem) and error.status == 409):
            self._kept.pop(name, None)

    def _forget(self, now: float) -> None:
        """Forget what is too old: the first ones, because each is added last."""
        while self._kept and now - next(iter(self._kept.values())).at > KEPT_SECONDS:
            self._kept.popitem(last=False)

    def _make_room(self) -> None:
        """Forget the oldest that is over, if there is no room for one more."""
        if len(self._kept) >= MAX_KEPT:
            over = (name for name, kept in self._kept.items() if kept.outcome.done())
            self._kept.pop(next(over, ("", "")), None)
