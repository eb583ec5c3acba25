"""The node's side of pushing: the process kept going, told what is desired, asked, listened to.

Only the owner of the node pushes; so `run` is paused while another version takes over. If anything
fails here the copies stay as they are, and what is served goes on.
"""

from __future__ import annotations

import asyncio
import contextlib
import itertools
import pickle
import sys
import time
from collections.abc import Awaitable, Callable
from dataclasses import replace
from datetime import datetime
from typing import Any

from gslb.errors import GslbError
from gslb.fallback.messages import (
    LENGTH_OCTETS,
    Ask,
    Copies,
    CopyState,
    CopyStateWord,
    Happened,
    Moment,
    Order,
    PlanPush,
    Policies,
    Question,
    Refused,
    Report,
    Start,
    Told,
    copy_ids,
)
from gslb.logs import Log
from gslb.node.compilation import Compiled
from gslb.node.compiler import Compiler
from gslb.node.keeper import TableKeeper
from gslb.node.piped import Pauses, end
from gslb.node.records import Records
from gslb.settings import Settings
from gslb.state.audit import AuditError, Entry
from gslb.state.history import Event, News
from gslb.state.lease import Lease, LeaseError, OwnLease
from gslb.steering.situation import Situation

LOOK_EVERY = 1.0  # seconds between two looks at whether something else is desired
END_SECONDS = 1.0  # for the process to end; what is in flight is decided by the zone's manifest
FIRST_DELAY_SECONDS, MAX_DELAY_SECONDS = 0.5, 60.0  # before it is started again
ASK_SECONDS = 150.0  # for an answer: a large zone is read in many pages, and measured

_log = Log(__name__)


class NotPushingError(GslbError):
    """No process pushes now, or none is wanted."""


class RefusedError(GslbError):
    """The pushing process says no; the text is for whoever asked."""


class Fallback:
    """All copies of a node, as the node sees them."""

    def __init__(
        self,
        settings: Settings,
        records: Records,
        lease: Lease,
        compiled: Callable[[], Compiled | None],
        policies: Callable[[], Awaitable[bytes]],
        situation: Callable[[], Situation],
    ) -> None:
        """Nothing is started before `run`, and nothing at all without copies in the settings.

        Args:
            settings: the node's.
            records: where pushes are written down.
            lease: who may push, and the numbers of desired states.
            compiled: what is served; None: nothing was compiled in this run.
            policies: returns the served policies, as the table maker hands them out.
            situation: what is true now.
        """
        self._settings = settings
        self._records = records
        self._lease = lease
        self._compiled = compiled
        self._policies = policies
        self._situation = situation
        self._ids = copy_ids(settings.push)
        self._states: tuple[CopyState, ...] = tuple(map(CopyState, self._ids))
        self._number = 0  # of the newest desired state
        self._sent: Situation | None = None  # None: none to this process
        self._sent_policies: tuple[str, int] | None = None
        self._poked = asyncio.Event()
        self._changed = asyncio.Condition()
        self._into: asyncio.StreamWriter | None = None
        self._numbers = itertools.count(1)
        self._answers: dict[int, asyncio.Future[Any]] = {}
        self._trouble = "the pushing process is being started"  # empty: it runs
        self.restarts = 0
        records.listen(self._heard_event)

    # --- how the copies stand ---

    @property
    def states(self) -> tuple[CopyState, ...]:
        """How every copy stands now."""
        return tuple(map(self._shown, self._states))

    def _shown(self, state: CopyState) -> CopyState:
        if self._trouble:
            return replace(state, state=CopyStateWord.UNAVAILABLE, reason=self._trouble)
        if state.generation < self._number and state.follows:
            return replace(state, state=CopyStateWord.PENDING, generation=self._number)
        return state

    async def settled(self, seconds: float) -> tuple[CopyState, ...]:
        """Return how the copies stand once none is on its way any more, or *seconds* have passed."""
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(seconds), self._changed:
                await self._changed.wait_for(
                    lambda: all(one.state is not CopyStateWord.PENDING for one in self.states)
                )
        return self.states

    def _heard_event(self, event: Event) -> None:
        """Have a drain pushed at once."""
        if event.kind.startswith("drain.") and self._ids and not self._trouble:
            self._desire(drain=True)

    # --- the process ---

    async def run(self) -> None:
        """Keep the process going, if there are copies, until cancelled."""
        if not self._ids:
            await asyncio.Event().wait()
        pauses = Pauses(FIRST_DELAY_SECONDS, MAX_DELAY_SECONDS)
        while True:
            born = time.monotonic()
            try:
                cause = await self._live()
            except OSError as error:  # no process or no memory to be had now
                cause = error.strerror or str(error)
            self.restarts += 1
            delay = pauses.after(time.monotonic() - born)
            await self._be_in_trouble(f"the pushing process has ended ({cause})")
            _log.error("pushing process ended", cause=cause, again_in_seconds=delay)
            await asyncio.sleep(delay)

    async def _live(self) -> str:
        """Run one process to its end; return how that came. Raises OSError."""
        process = await asyncio.create_subprocess_exec(
            sys.executable,
            "-P",  # no code from the current folder, which may be another checkout
            "-c",
            "from gslb.fallback.pusher import main; main()",
            stdin=asyncio.subprocess.PIPE,
            stdout=asyncio.subprocess.PIPE,
        )
        assert process.stdin is not None
        assert process.stdout is not None
        self._into, self._sent, self._sent_policies = process.stdin, None, None
        settings = self._settings
        self._tell(Start(settings.push, settings.geo, settings.state_directory, settings.log))
        self._trouble = ""
        tasks = [
            asyncio.create_task(self._listen(process.stdout)),
            asyncio.create_task(self._feed()),
        ]
        try:
            done, _ = await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
            for task in done:
                task.result()
        except (ConnectionError, asyncio.IncompleteReadError):
            pass
        finally:
            self._into = None
            self._trouble = "this node does not push now"
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)
            self._forget_questions()
            await end(process, END_SECONDS)
        return f"exit code {process.returncode}"

    async def _be_in_trouble(self, why: str) -> None:
        self._trouble = why
        async with self._changed:
            self._changed.notify_all()

    def _tell(self, order: Order) -> None:
        assert self._into is not None
        octets = pickle.dumps(order, pickle.HIGHEST_PROTOCOL)
        self._into.write(len(octets).to_bytes(LENGTH_OCTETS, "big") + octets)

    async def _listen(self, out: asyncio.StreamReader) -> None:
        """Hear what it says until it ends."""
        while True:
            length = int.from_bytes(await out.readexactly(LENGTH_OCTETS), "big")
            report = pickle.loads(await out.readexactly(length))  # noqa: S301 - our own child
            await self._hear(report)

    async def _hear(self, report: Report) -> None:
        match report:
            case Copies(states):
                self._states = states
                async with self._changed:
                    self._changed.notify_all()
            case Told(number, answer):
                self._answer(number, answer)
            case Refused(number, reason):
                self._answer(number, RefusedError(reason))
            case Happened():
                self._write_down(report)

    def _answer(self, number: int, answer: Any) -> None:
        waiting = self._answers.pop(number, None)
        if waiting is None or waiting.done():
            return
        if isinstance(answer, RefusedError):
            waiting.set_exception(answer)
        else:
            waiting.set_result(answer)

    def _forget_questions(self) -> None:
        for number in tuple(self._answers):
            self._answer(number, RefusedError("the pushing process has ended; try again"))

    def _write_down(self, report: Happened) -> None:
        """Put a push into the history, and into the audit log if it changed anything."""
        subject = f"{report.id.provider} {report.id.zone}"
        self._records.tell([News(report.kind, subject, report.detail)])
        if not report.detail["changes"]:
            return
        result = "done" if report.kind == "push.done" else "failed"
        entry = Entry(
            "push", subject, "gslb", "local", str(report.detail["reason"]), result, report.detail,
            self._number,
        )  # fmt: skip
        try:
            self._records.write(entry)
        except AuditError as error:
            _log.error("push is not in the audit log", reason=str(error))

    # --- what is desired ---

    async def _feed(self) -> None:
        """Tell the process what is desired, whenever that changes."""
        while True:
            await self._feed_policies()
            if self._sent_policies is not None:
                self._desire()
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(LOOK_EVERY):
                    await self._poked.wait()
            self._poked.clear()
            assert self._into is not None
            await self._into.drain()

    async def _feed_policies(self) -> None:
        compiled = self._compiled()
        if compiled is None or (compiled.policy, compiled.generation) == self._sent_policies:
            return
        try:
            octets = await self._policies()
        except GslbError as error:  # a reload, or the table maker has died: the next look finds out
            _log.warning("policies not handed to the pushing process", reason=str(error))
            return
        self._tell(Policies(octets))
        self._sent_policies, self._sent = (compiled.policy, compiled.generation), None

    def _desire(self, *, drain: bool = False, anew: bool = False) -> None:
        """Tell what is desired now, if that is something else than before, or *anew*."""
        compiled = self._compiled()
        if self._into is None or self._sent_policies is None or compiled is None:
            return
        now, sent = replace(self._situation(), health={}), self._sent
        if sent is not None and not anew:
            ended = any(sent.at < end <= now.at for end in compiled.ends)
            drains = ended or (now.drains, now.lifted) != (sent.drains, sent.lifted)
            if not drains and now.aliases == sent.aliases:
                return
            drain = drain or drains
        try:
            self._number = self._lease.number()
        except LeaseError as error:
            _log.error("not pushed: no number can be had", reason=str(error))
            return
        self._tell(Moment(now, self._number, drain))
        self._sent = now

    # --- questions ---

    async def ask(self, question: Question) -> Any:
        """Return what the process answers, for the desired state of now.

        Raises NotPushingError, RefusedError.
        """
        if not self._ids:
            raise RefusedError("the settings name no copies (push: in gslb.yaml)")
        if self._trouble or self._into is None:
            raise NotPushingError(self._trouble)
        await self._feed_policies()
        self._desire(anew=isinstance(question, PlanPush))
        number = next(self._numbers)
        self._answers[number] = waiting = asyncio.get_running_loop().create_future()
        self._tell(Ask(number, question))
        try:
            async with asyncio.timeout(ASK_SECONDS):
                return await waiting
        except TimeoutError:
            raise RefusedError(f"no answer within {ASK_SECONDS:g} s") from None
        finally:
            self._answers.pop(number, None)


def make_fallback(
    settings: Settings, keeper: TableKeeper, records: Records, now: Callable[[], datetime]
) -> Fallback:
    """Return the fallback of a node alone, fed by *keeper*."""
    return Fallback(
        settings,
        records,
        OwnLease(settings.state_directory, now),
        lambda: keeper.compiled,
        lambda: keeper.ask(Compiler.give_plan),
        keeper.situation,
    )
