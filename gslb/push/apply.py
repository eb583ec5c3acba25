"""A push, carried out: hand in batch after batch, wait, read the zone again, until it says what is wanted.

Reading decides, nothing else: after a conflict, a lost reply or a crash the zone is read and
planned anew, and its manifest says whether a batch has landed. So no change is sent blindly twice,
and what was half done is finished.

A drain is in a hurry, and reading a large zone takes longer than all the rest. It may go by what
was read or left last: every batch swaps the manifest, so one that lands says that nobody else has
pushed since, and one that does not makes the zone be read after all.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterable
from dataclasses import replace
from typing import Protocol

from gslb.logs import Log
from gslb.push.course import ROUNDS, Course, unread
from gslb.push.model import Desired
from gslb.push.objects import Action, Actual, Batch, Change, after, manifest_name
from gslb.push.outcome import Outcome, Proposal, State, Status, Wish
from gslb.push.pace import Timing
from gslb.push.plan import Request, idle, make_plan
from gslb.push.provider import (
    Conflict,
    Dialect,
    Provider,
    PushError,
    Refused,
    Throttled,
    Unavailable,
    Unknown,
)
from gslb.push.verify import Drift, Verification, ask, find_drift

POLL = 5.0  # seconds between looks at a change, jittered by a fifth
FIRST_POLL = 1.0  # seconds to the second look; doubled up to the above, so that a drain ends soon
SETTLED_WITHIN = 180.0  # seconds; both providers document about 60
UNSEEN = 60.0  # seconds to wait for a change whose name was lost
DISCARD_AFTER = 60.0  # seconds after the longest TTL of what names the support
_LOG = Log(__name__)


class Pusher:
    """Pushes to one zone of one provider. One operation at a time; others wait.

    Args:
        provider: of the zone.
        timing: the clock.
        told: called whenever the status changes.
    """

    def __init__(
        self,
        provider: Provider,
        timing: Timing | None = None,
        told: Callable[[Status], None] = lambda _: None,
    ) -> None:
        self.provider = provider
        self._timing = timing or Timing()
        self._told = told
        self._lock = asyncio.Lock()
        self._status = Status()
        self._known: Actual | None = None  # the zone as read or left last; None: not known for sure
        self._open: list[str] = []  # changes of earlier pushes that are not in sync yet
        self._due: dict[str, float] = {}  # keys of supports → when they may go
        self._inherited: frozenset[str] = frozenset()  # owners whose zone has become ours

    @property
    def status(self) -> Status:
        """Where the pushing is."""
        return self._status

    async def plan(self, wish: Wish, *, trust: bool = False) -> Proposal:
        """Read the zone and return what it would take to make it say *wish*. Nothing is changed.

        Args:
            wish: what it should say.
            trust: do not read it again if it is known. A plan by which there is nothing to do, or
                that is not to be carried out, is made of what was read all the same.

        Raises:
            PushError: the zone could not be read.
        """
        async with self._lock:
            if trust and self._known is not None:
                found = await asyncio.to_thread(self._propose, wish, self._known)
                if not found.plan.empty and not found.plan.blocked:
                    return replace(found, trusted=True)
            return await self._plan(wish)

    async def apply(self, proposal: Proposal, *, rounds: int = ROUNDS) -> Outcome:
        """Carry *proposal* out and return what became of it, once it is in sync or will not be.

        Errors of the provider are outcomes. Takes minutes; may be cancelled between any two
        requests: the next push finishes what was begun.

        Args:
            proposal: from `plan`. If the zone has changed since, another plan is made.
            rounds: how many plans may be spoilt by others; 0: carry out this very plan or none.
        """
        async with self._lock:
            return await self._apply(proposal, rounds)

    async def push(self, wish: Wish, *, rounds: int = ROUNDS) -> Outcome:
        """Plan and apply in one. Errors are outcomes."""
        async with self._lock:
            self._say(state=State.PUSHING, generation=wish.request.generation, part=0, of=0,
                      since=self._timing.clock())  # fmt: skip
            try:
                proposal = await self._plan(wish)
            except PushError as error:
                return self._end(unread(error, wish.request.generation))
            return await self._apply(proposal, rounds)

    async def takeover(
        self, wish: Wish, names: Iterable[str] = (), predecessor: str = ""
    ) -> Outcome:
        """Push, with other people's records made ours on purpose.

        Args:
            wish: what the zone should say.
            names: names (absolute) whose records become ours, whoever made them.
            predecessor: an owner all of whose records, and whose manifest, become ours. Its health
                checks go when `tidy` finds their time come.
        """
        taken = frozenset(names) | wish.request.takeover
        request = replace(wish.request, takeover=taken, predecessor=predecessor)
        return await self.push(replace(wish, request=request))

    async def purge(self, zone: str, request: Request) -> Outcome:
        """Remove everything from the zone that carries the mark of the request's owner.

        What its predecessor left goes, too, if it names one. The generation is taken from the zone.
        Health checks follow when `tidy` finds their time come.
        """
        nothing = Wish(Desired(zone, (), (), (), frozenset()), replace(request, force=True))
        async with self._lock:
            try:
                proposal = await self._plan(nothing)
                plan = proposal.plan
                if not plan.counts["owned"] and (
                    plan.parent is None
                    or plan.parent.owner not in {request.owner, request.predecessor}
                ):  # nothing, or checks that were left when the zone became somebody else's
                    self._inherited |= {request.predecessor} - {""}
                    self._retire(proposal)
                    return self._end(Outcome(State.INSYNC, request.generation))
                if plan.parent is not None:
                    above = replace(nothing.request, generation=plan.parent.generation + 1)
                    nothing = replace(nothing, request=above)
                outcome = await self._apply(await self._plan(nothing), ROUNDS)
                if outcome.state is not State.INSYNC:
                    return outcome
                return self._end(await self._unwrite(await self._plan(nothing), outcome))
            except PushError as error:
                return self._end(unread(error, request.generation))

    async def verify(self, wish: Wish) -> Verification:
        """Read the zone and return how it differs from *wish*, and what it answers.

        Raises:
            PushError: the zone could not be read.
        """
        async with self._lock:
            return await self._verification(await self._plan(wish))

    async def drift(self, wish: Wish) -> tuple[Drift, ...]:
        """Read the zone and return what has changed there beside us.

        *wish* is what was pushed last: what it wants otherwise by now shows as drift, too.

        Raises:
            PushError: the zone could not be read.
        """
        async with self._lock:
            proposal = await self._plan(wish)
            return find_drift(proposal.plan, proposal.actual)

    async def tidy(self, *, at_once: bool = False) -> int:
        """Delete supports that have been out of use for long enough; return how many.

        Args:
            at_once: those that have not been, too: clients may still be answered by them.

        Raises:
            PushError: the provider could not be asked.
        """
        async with self._lock:
            now = self._timing.clock()
            due = {key for key, when in self._due.items() if at_once or when <= now}
            if not due:
                return 0
            self.provider.inherit(self._inherited)
            actual = await self.provider.read()
            keys = sorted(due & idle(self.provider.dialect, actual))
            left = {key: one for key, one in actual.supports.items() if key not in keys}
            self._known = replace(actual, supports=left)
            await self.provider.discard(keys)
            for key in due:
                del self._due[key]
            self._say(discard_at=min(self._due.values(), default=None))
            return len(keys)

    async def close(self) -> None:
        """Close the provider's connections."""
        await self.provider.close()

    async def _plan(self, wish: Wish) -> Proposal:
        self.provider.inherit(self._inherited | {wish.request.predecessor} - {""})
        self._known = actual = await self.provider.read()
        return await asyncio.to_thread(self._propose, wish, actual)

    def _propose(self, wish: Wish, actual: Actual) -> Proposal:
        dialect = self.provider.dialect
        rendered = dialect.render(wish.desired, wish.request.owner, actual.limits)
        plan = make_plan(dialect, wish.desired, rendered, actual, wish.request)
        return Proposal(wish, rendered, actual, plan)

    async def _apply(self, proposal: Proposal, rounds: int) -> Outcome:
        course = Course(proposal, rounds)
        self._say(state=State.PUSHING, generation=course.generation, part=0,
                  of=len(proposal.plan.batches), since=self._timing.clock())  # fmt: skip
        try:
            while (ended := course.stopped) is None and not course.proposal.plan.empty:
                sure = await self._carry_out(course)
                if (ended := course.wasted) is not None:
                    break
                if sure and course.proposal.trusted:
                    return self._end(await self._finished(course, proposal))
                again = await self._plan(course.proposal.wish)
                if course.read_again(again):
                    course.read_again(await asyncio.to_thread(
                        self._propose, course.proposal.wish, again.actual
                    ))  # fmt: skip
                if (ended := course.wasted) is not None:
                    break
            return self._end(ended or await self._finished(course, proposal))
        except PushError as error:
            return self._end(course.failed(error))

    async def _carry_out(self, course: Course) -> bool:
        """Make what the batches need, hand them in, in order, and wait until they are in sync.

        Return whether all of them have landed, for sure.
        """
        plan = course.proposal.plan
        self._known = None
        try:
            await self.provider.create(plan.create)
            for batch in plan.batches:
                await self._hand_in(course, batch)
        except Conflict as error:
            course.conflict(str(error))
        except Unknown as error:
            course.lost(str(error))
        except Refused as error:
            course.refused(error)
        else:
            self._known = after(course.proposal.actual, plan.create, plan.batches)
            course.carried_out()
            await self._settle()
            return True
        return False

    async def _hand_in(self, course: Course, batch: Batch) -> None:
        change = await self.provider.commit(batch)
        course.landed(change)
        self._open.append(change)
        self._say(part=batch.part, of=batch.of, change=change)

    async def _settle(self) -> bool:
        """Wait until every change that was handed in is in sync; return whether it is."""
        return await settle(self.provider, self._open, self._timing)

    async def _finished(self, course: Course, first: Proposal) -> Outcome:
        """Return the outcome of a push after which there is nothing left to do.

        What was trusted and has landed is what is wanted: it is not read back.
        """
        if course.blind:
            await self._timing.sleep(UNSEEN)
        settled = await self._settle()
        self._inherited |= {first.plan.request.predecessor} - {""}
        self._retire(first, course.proposal)
        seen = None if course.proposal.trusted else await self._verification(course.proposal)
        outcome = course.done(seen, settled=settled)
        if outcome.state in {State.INSYNC, State.DEGRADED}:
            self._say(insync_at=self._timing.clock())
        return outcome

    def _retire(self, *proposals: Proposal) -> None:
        """Note which supports nothing names any more, and when they may go."""
        dialect = self.provider.dialect
        ttl = max(_longest_ttl(dialect, one) for one in proposals)
        when = self._timing.clock() + DISCARD_AFTER + ttl
        unused = proposals[-1].plan.unused
        self._due = {key: self._due.get(key, when) for key in unused}
        self._say(discard_at=min(self._due.values(), default=None))

    async def _verification(self, proposal: Proposal) -> Verification:
        return await asyncio.to_thread(verification, self.provider, proposal)

    async def _unwrite(self, proposal: Proposal, outcome: Outcome) -> Outcome:
        """Delete the manifest of a zone that holds nothing else of ours."""
        found = proposal.actual.rrsets[manifest_name(proposal.plan.zone), "TXT", ""]
        course = Course(proposal)
        self._known = None
        await self._hand_in(course, Batch((Change(Action.DELETE, found, None),), 1, 1))
        state = State.INSYNC if await self._settle() else State.PENDING
        batches = outcome.batches + course.batches
        return replace(outcome, state=state, change=course.change, batches=batches)

    def _say(self, **changes: object) -> None:
        self._status = replace(self._status, **changes)  # type: ignore[arg-type]
        self._told(self._status)

    def _end(self, outcome: Outcome) -> Outcome:
        self._say(state=outcome.state, generation=outcome.generation, outcome=outcome)
        _LOG.info("pushed", provider=self.provider.dialect.name, state=outcome.state.value,
                  generation=outcome.generation, batches=outcome.batches,
                  change=outcome.change, reason=outcome.reason)  # fmt: skip
        return outcome


class Settles(Protocol):
    """What changes are made at."""

    async def settled(self, change: str) -> bool:
        """Return whether the name servers have the change."""


async def settle(provider: Settles, changes: list[str], timing: Timing) -> bool:
    """Wait until *changes* are in sync, taking out those that are; return whether all are."""
    begun, pause = timing.clock(), FIRST_POLL
    while changes:
        try:
            while changes and await provider.settled(changes[0]):
                del changes[0]
        except (Throttled, Unavailable) as error:
            _LOG.warning("change not seen", change=changes[0], reason=str(error))
        if changes:
            if timing.clock() - begun >= SETTLED_WITHIN:
                return False
            await timing.sleep(pause * (0.8 + 0.4 * timing.random()))
            pause = min(2 * pause, POLL)
    return True


def verification(provider: Provider, proposal: Proposal) -> Verification:
    """Return how the zone that was read for *proposal* differs from what is wanted."""
    plan = proposal.plan
    absent = {place[0] for place in plan.quarantined} | {one.place[0] for one in plan.conflicts}
    asked, wrong, differs = ask(
        provider.dialect,
        proposal.rendered,
        proposal.actual,
        [one for one in proposal.wish.questions if one.name not in absent],
    )
    return Verification(find_drift(plan, proposal.actual), asked, wrong, differs)


def _longest_ttl(dialect: Dialect, proposal: Proposal) -> float:
    """Return the longest TTL, in seconds, of what names supports, as found and as wanted."""
    found = [
        ttl
        for one in proposal.actual.rrsets.values()
        if dialect.supports_of(one)
        for ttl in (one.body.get("TTL"), one.body.get("ttl"))
        if isinstance(ttl, int)
    ]
    return float(max([0, *found, *(one.ttl for one in proposal.wish.desired.steered)]))
