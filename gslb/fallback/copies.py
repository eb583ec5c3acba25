"""One copy, kept up: what is due is pushed, a drain before all else, and what operators want is done.

A copy is kept up by itself only once an operator has had a first plan carried out: what it cannot
say has been seen by then.
"""

from __future__ import annotations

import asyncio
import contextlib
import random
import time
from collections.abc import AsyncIterator, Callable, Coroutine
from dataclasses import dataclass, replace
from enum import StrEnum

from gslb.errors import GslbError
from gslb.fallback.messages import CopyId, CopyState
from gslb.fallback.snapshot import Snapshot
from gslb.fallback.standing import NOT_BEGUN, Standing, request_of
from gslb.logs import Log
from gslb.push.apply import Pusher
from gslb.push.outcome import Proposal, State, Status
from gslb.push.plan import Plan
from gslb.push.provider import Provider, PushError
from gslb.push.reconcile import Due, Result, Schedule
from gslb.push.verify import find_drift
from gslb.settings import PushSection

TIDY_AGAIN = 60.0  # seconds after checks could not be deleted

_log = Log(__name__)

Connect = Callable[[], Provider]


@dataclass(frozen=True, slots=True)
class Time:
    """The clocks that a copy goes by, and chance; tests have their own."""

    clock: Callable[[], float] = time.monotonic
    wall: Callable[[], float] = time.time  # seconds since 1970
    chance: Callable[[], float] = random.random  # 0 to 1


class Doing(StrEnum):
    """What a copy is at, in words for whoever has to wait for it."""

    NOTHING = "nothing"
    COMPARING = "the zone is compared with what it should be; nothing is written"
    WRITING = "a push writes"
    ENDING = "a push has handed everything in, and waits until all name servers have it"
    TIDYING = "checks that nothing uses any more are deleted"
    JUDGING = "another plan is about to be carried out"


class UnderWayError(GslbError):
    """Something is under way for longer than anybody wants to wait; the text says what."""


class Copy:
    """One managed zone that is a copy of one of ours."""

    def __init__(
        self, standing: Standing, settings: PushSection, connect: Connect, times: Time | None = None
    ) -> None:
        """Nothing is read or written before `run`. *connect* makes the client, or raises Unavailable."""
        self.standing = standing
        self.settings = settings
        self.snapshot: Snapshot | None = None  # the newest desired state; None: none yet
        self.seen: Callable[[Plan], None] = lambda _: None  # is told of plans that are held
        self.turn = asyncio.Lock()  # held by whoever is to change the zone
        self.times = times or Time()
        self._connect = connect
        self._schedule = Schedule()
        self._poked = asyncio.Event()
        self._pusher: Pusher | None = None
        self._work: asyncio.Task[None] | None = None
        self._doing = Doing.NOTHING  # of `_work`
        self._since = 0.0  # when `_work` began
        self._ended = asyncio.Event()  # set whenever nothing is under way any more
        self._waiting = 0  # operators, for their turn
        self._cuttable = False  # what is under way changes nothing: a drain need not wait for it
        self._doubtful = False  # the zone may be otherwise than we know: even a drain reads it
        self._tidy_not_before = 0.0

    @property
    def id(self) -> CopyId:
        """Which it is."""
        return self.standing.state.id

    @property
    def state(self) -> CopyState:
        """How it stands."""
        return self.standing.state

    @property
    def working(self) -> bool:
        """Whether something is changed, or about to be."""
        return self._work is not None or self.turn.locked()

    @property
    def doing(self) -> str:
        """What is under way, for people; of a push how far it is."""
        if self._work is None:
            return (Doing.JUDGING if self.turn.locked() else Doing.NOTHING).value
        text, state = self._doing.value, self.state
        if self._doing is Doing.WRITING:
            text += f", {state.part} of {state.of} batches handed in"
        return f"{text} (for {self.times.clock() - self._since:.0f} s)"

    @contextlib.asynccontextmanager
    async def operators_turn(self, seconds: float) -> AsyncIterator[None]:
        """Hold the turn once what is under way has ended. Only a drain may begin before that.

        Raises:
            UnderWayError: it has not ended within *seconds*.
        """
        self._waiting += 1
        try:
            try:
                async with asyncio.timeout(seconds):
                    while self.working:
                        self._ended.clear()
                        await self._ended.wait()
            except TimeoutError:
                raise UnderWayError(self.doing) from None
            async with self.turn:  # free, so nobody else comes between
                yield
        finally:
            self._waiting -= 1
            self._ended.set()
            self._poked.set()

    def want(self, snapshot: Snapshot, *, drain: bool) -> None:
        """Take note of another desired state."""
        if self._schedule.changed(snapshot.generation, self.times.clock(), drain=drain):
            self.snapshot = snapshot
            self.standing.want(snapshot.generation)
            self._poked.set()

    async def run(self) -> None:
        """Keep the copy up until cancelled."""
        try:
            while True:
                await self._rest()
                await self._step()
        finally:
            if self._work is not None:
                self._work.cancel()
                await asyncio.gather(self._work, return_exceptions=True)
            if self._pusher is not None:
                await self._pusher.close()

    async def _step(self) -> None:
        """Begin what is due, if nothing is under way; cut what is, for a drain."""
        now = self.times.clock()
        if self._work is not None:
            if self._work.done():
                work, self._work = self._work, None
                self._doing = Doing.NOTHING
                self._ended.set()
                await work  # raises a fault of ours: better seen than survived
                self._poked.set()
            elif self._schedule.urgent and self._cuttable:
                self._cuttable = False
                self._work.cancel()
        elif not self.turn.locked():
            if self._waiting and not self._schedule.urgent:
                return
            if (due := self._schedule.take(now)) is not None:
                self.begin(self._push(due), Doing.COMPARING)
            elif self._tidy_at() <= now:
                self.begin(self._tidy(), Doing.TIDYING)

    async def _rest(self) -> None:
        """Wait until there may be something to do."""
        held = self.working or (self._waiting and not self._schedule.urgent)
        at = float("inf") if held else min(self._schedule.wake_at(), self._tidy_at())
        seconds = at - self.times.clock()
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(max(seconds, 0.0) if at < float("inf") else None):
                await self._poked.wait()
        self._poked.clear()

    def begin(self, work: Coroutine[None, None, None], doing: Doing) -> None:
        """Have *work* done in the background. Only while nothing else is."""
        assert self._work is None
        self._doing, self._since = doing, self.times.clock()
        self._work = asyncio.create_task(work)
        self._work.add_done_callback(lambda _: self._poked.set())

    def look_again(self, *, doubtful: bool = True) -> None:
        """Have the zone compared again soon; *doubtful*: nobody knows what it holds by now."""
        self._doubtful = self._doubtful or doubtful
        self._schedule.retry()
        self._poked.set()

    async def _push(self, due: Due) -> None:
        before, result = self.state, Result.CUT
        self._cuttable = not due.drain  # one drain does not cut another's planning: it ends soon
        try:
            async with self.turn:
                result = await self._pushed(due)
        except asyncio.CancelledError:
            if not self._schedule.urgent:
                raise  # the process ends
        except PushError as error:
            result = self.standing.fail(error)
        finally:
            self._cuttable = False
        self._schedule.ended(result, self.times.clock(), self.times.chance())
        newest = self._schedule.generation == due.generation
        self.standing.end(before, result, due, newest=newest)

    async def _pushed(self, due: Due) -> Result:
        """Compare, and change what differs. Raises PushError."""
        snapshot = self.snapshot
        assert snapshot is not None
        zone = snapshot.zone(self.id.zone)
        if zone is None:
            return self.standing.hold(f"{self.id.zone} is not served here")
        pusher = self.pusher()
        request = request_of(self.settings, due.generation, drain=due.drain)
        wish = await asyncio.to_thread(snapshot.wish, zone, request, sampled=False)
        trust = due.drain and self.state.begun and not self._doubtful
        proposal = await pusher.plan(wish, trust=trust)
        self._doubtful = self._doubtful and proposal.trusted
        plan = proposal.plan
        self.standing.learn(plan)
        if plan.parent is None and not plan.blocked:
            self.standing.say(begun=False)
            return self.standing.hold(NOT_BEGUN)
        self.standing.say(begun=True)
        drift = find_drift(plan, proposal.actual) if pushed_before(plan) else ()
        self.standing.drifted(drift)
        if plan.empty or (drift and not self.settings.heal):
            return self.standing.fine()
        if not due.drain:  # a drain does not wait for questions to be thought up
            wish = await asyncio.to_thread(snapshot.wish, zone, request, sampled=True)
            proposal = replace(proposal, wish=wish)
        return await self.carry_out(pusher, proposal)

    async def carry_out(self, pusher: Pusher, proposal: Proposal, *, rounds: int = 3) -> Result:
        """Apply *proposal*, and make the outcome the state."""
        self._doing, self._cuttable = Doing.WRITING, False
        self.standing.push(proposal.plan)
        outcome = await pusher.apply(proposal, rounds=rounds)
        if proposal.trusted:  # not read back: whether somebody else has changed anything, too
            self._schedule.confirm(self.times.clock())
        if outcome.stops:
            self.seen(proposal.plan)
        return self.standing.take(proposal.plan, outcome)

    def _tidy_at(self) -> float:
        """Return when checks that nothing uses any more are to go; inf: there are none."""
        at = self._pusher.status.discard_at if self._pusher is not None else None
        return float("inf") if at is None else max(at, self._tidy_not_before)

    async def _tidy(self) -> None:
        assert self._pusher is not None
        self._cuttable = True
        try:
            async with self.turn:
                gone = await self._pusher.tidy()
            _log.info(
                "unused checks deleted", provider=self.id.provider, zone=self.id.zone, count=gone
            )
        except PushError as error:
            self._tidy_not_before = self.times.clock() + TIDY_AGAIN
            _log.warning("unused checks stay for now", reason=str(error))
        except asyncio.CancelledError:
            if not self._schedule.urgent:
                raise  # the process ends
        finally:
            self._cuttable = False

    def pusher(self) -> Pusher:
        """Return what reads and writes the zone; made when first needed. Raises Unavailable."""
        if self._pusher is None:
            self._pusher = Pusher(self._connect(), told=self._follow)
        return self._pusher

    def _follow(self, status: Status) -> None:
        """Note how far a push has come."""
        self._cuttable = 0 < status.of == status.part and status.state is State.PUSHING
        if self._doing in {Doing.WRITING, Doing.ENDING}:
            self._doing = Doing.ENDING if self._cuttable else Doing.WRITING
        self.standing.follow(status)
        self._poked.set()


def pushed_before(plan: Plan) -> bool:
    """Return whether the zone was last pushed by us, whole, and with what is wanted now."""
    parent = plan.parent
    return (
        parent is not None
        and parent.complete
        and parent.owner == plan.request.owner
        and parent.hash == plan.desired_hash
        and parent.generation <= plan.request.generation
    )
