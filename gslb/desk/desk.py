"""What the API asks of a node, answered: the one place where a drain becomes an answer.

A drain is planned in the process that has the policies, judged, written down (database and audit
log in one step), and then served; only after that anybody is told that it holds.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Protocol

from gslb import __version__
from gslb.api.drainmodels import (
    Drain,
    DrainCreated,
    DrainLifted,
    DrainPlan,
    DrainRequest,
    FileDrain,
)
from gslb.api.drains import created
from gslb.api.locationmodels import Location, Locations
from gslb.api.models import EndpointCounts, ExplainQuery, Status
from gslb.api.routes import Reply
from gslb.api.services import (
    Author,
    CopyServices,
    DrainRefusedError,
    Once,
    RequestRefusedError,
    UnavailableError,
    UnknownDrainError,
)
from gslb.desk.looks import file_drains, leaves, state_of, worker_status
from gslb.errors import GslbError
from gslb.logs import Log
from gslb.node.compilation import Compiled, MistakenError
from gslb.node.records import Records
from gslb.state.audit import AuditError, Entry
from gslb.state.board import Overlay
from gslb.state.history import News, Page
from gslb.state.inventory import Inventory
from gslb.state.locations import covered, nothing_at
from gslb.state.overrides import MAX_TTL, Draft, Kind, Override, draft
from gslb.state.replies import KeptReply
from gslb.state.tables import ServedTable
from gslb.state.tree import Node, tree
from gslb.steering.draineffect import DrainPlan as Effect
from gslb.steering.explanation import Explanation

UNCONFIRMED = (
    "it was stored before the node started anew; answers follow once the policies are compiled"
)
_log = Log(__name__)


class Answers(Protocol):
    """What is served, as far as the desk needs it (`gslb.node.keeper`)."""

    served: ServedTable | None
    compiled: Compiled | None
    refusal: list[str]

    @property
    def failures(self) -> list[str]:
        """What could not be done."""
        ...

    async def apply(self) -> bool:
        """Serve what is true now."""
        ...

    async def explain(
        self, name: str, client: str, rtype: str, resolver: str | None, what_if: tuple[str, ...]
    ) -> Explanation:
        """Return why an answer is what it is."""
        ...

    async def plan_drain(self, endpoints: tuple[str, ...], *, force_down: bool = False) -> Effect:
        """Return what a drain would do."""
        ...


class Standing(Protocol):
    """How the tree stands (`gslb.node.watch`)."""

    inventory: Inventory
    overlay: Overlay

    def notes(self) -> list[str]:
        """Return which checks are not run, and why."""
        ...


@dataclass(frozen=True, slots=True)
class Planned:
    """A drain that was thought through and not done."""

    effect: Effect
    shown: DrainPlan


class Desk:
    """Implements `gslb.api.services.Services` over one node."""

    def __init__(
        self,
        answers: Answers,
        standing: Standing,
        records: Records,
        workers: Callable[[], Awaitable[list[dict[str, Any]]]],
        now: Callable[[], datetime],
        clock: Callable[[], float] = time.monotonic,
        *,
        copies: CopyServices,
    ) -> None:
        """Speak for a node.

        Args:
            answers: what is served, and why.
            standing: the board's last word.
            records: what is kept on disk.
            workers: returns what each worker says of itself.
            now: wall time, aware.
            clock: monotonic seconds.
            copies: what is pushed elsewhere.
        """
        self._answers = answers
        self._standing = standing
        self._records = records
        self._workers = workers
        self._now = now
        self.copies = copies
        self._clock = clock
        self._began = clock()
        self._turn = asyncio.Lock()  # a guard has to see the drain before
        self._closed = ""  # why nothing may be changed; empty: it may

    async def close(self, why: str) -> None:
        """Let the changes that have begun come to their end, and refuse others from now on."""
        async with self._turn:
            self._closed = why

    def reopen(self) -> None:
        """Take changes again."""
        self._closed = ""

    def _check_open(self) -> None:
        if self._closed:
            raise UnavailableError(self._closed)

    async def status(self) -> Status:
        """Return how the node is."""
        compiled, now = self._answers.compiled, self._now()
        workers = [worker_status(said) for said in await self._workers()]
        alarms = compiled.geo_alarms if compiled else ()
        return Status(
            version=__version__,
            uptime_seconds=round(self._clock() - self._began, 1),
            ready=not self.missing() and all(one.serving for one in workers),
            generation=self._generation,
            policy=compiled.policy if compiled else None,
            zones=compiled.zones if compiled else (),
            names=compiled.names if compiled else None,
            geo=compiled.geo if compiled else None,
            alarms=(*alarms, *self._records.troubles),
            refused=tuple(self._answers.refusal),
            failed=tuple(self._answers.failures),
            warnings=compiled.warning_count if compiled else 0,
            notes=tuple(self._standing.notes()),
            workers=tuple(workers),
            endpoints=self.counts(),
            drains=len([one for one in self._records.overrides if one.live(now)]),
            pending_removals=len({key[0] for key in self._standing.overlay.waiting}),
            last_event=self.newest_event(),
        )

    def missing(self) -> list[str]:
        """Return what keeps the node from being ready: nothing, once a table is served."""
        return [] if self._answers.served is not None else ["no answer table is served yet"]

    def counts(self) -> EndpointCounts:
        """Return how many endpoints are in which state."""
        found = {"up": 0, "down": 0, "unknown": 0, "drained": 0}
        for leaf in leaves(self.nodes()):
            found[state_of(leaf)] += 1
        return EndpointCounts(**found)

    def nodes(self) -> tuple[Node, ...]:
        """Return the clouds as they stand now."""
        return tree(self._standing.inventory, self._standing.overlay, self._now())

    async def locations(self) -> Locations:
        """Return the tree with statuses, capacities and drains."""
        return self.look()

    def look(self) -> Locations:
        """Return the same at once."""
        now = self._now()
        live = [one for one in self._records.overrides if one.live(now)]
        clouds = tuple(Location.of(node, live, now) for node in self.nodes())
        return Locations(generation=self._generation, clouds=clouds)

    async def explain(self, question: ExplainQuery) -> Explanation:
        """Return why a client is answered what it is. Raises RequestRefusedError."""
        try:
            return await self._answers.explain(
                question.name, question.client, question.type, question.resolver, question.what_if
            )
        except MistakenError as error:
            raise RequestRefusedError(str(error)) from None
        except GslbError as error:
            raise UnavailableError(str(error)) from None

    async def drains(self) -> tuple[Drain, ...]:
        """Return every override that holds now, oldest first."""
        return self.held()

    def held(self) -> tuple[Drain, ...]:
        """Return the same at once."""
        now = self._now()
        return tuple(Drain.of(one, now) for one in self._records.overrides if one.live(now))

    def file_drains(self) -> list[tuple[str, FileDrain]]:
        """Return the drains of policy files that hold, each at the location where it begins."""
        return list(file_drains(self.look().clouds))

    async def plan_drain(self, request: DrainRequest) -> DrainPlan:
        """Return what *request* would do. Raises as `create_drain`, but for the guard."""
        _drafted(request, "dry run", self._now(), 0)
        return (await self._plan(request, self._now())).shown

    async def _plan(self, request: DrainRequest, now: datetime) -> Planned:
        places = self._standing.inventory.places
        if self._answers.compiled is None:
            raise UnavailableError("The policies are being compiled; try again in a moment.")
        found = covered(request.location, places)
        if not found:
            raise nothing_at(request.location, places)
        # What is forced up loses nothing; there is no traffic to be moved away.
        taken = found if request.kind is not Kind.FORCE_UP else ()
        try:
            effect = await self._answers.plan_drain(
                taken, force_down=request.kind is Kind.FORCE_DOWN
            )
        except GslbError as error:
            raise UnavailableError(str(error)) from None
        return Planned(effect, DrainPlan.of(effect, request, now))

    async def create_drain(
        self, request: DrainRequest, author: Author, once: Once | None = None
    ) -> DrainCreated:
        """Plan, judge, write and apply *request*; return once the answers follow it.

        What is written holds, whether they follow yet or not; `DrainCreated.pending` tells.

        Raises:
            LocationError, OverrideError, UnavailableError: nothing was changed.
            DrainRefusedError: the guard refuses; the audit log has the attempt.
            AuditError, StoreError: it could not be written, so nothing was changed.
        """
        async with self._turn:
            self._check_open()
            _drafted(request, author.name, self._now(), 0)  # what is wrong is told without a plan
            plan = await self._plan(request, self._now())
            if plan.effect.refusals and not request.force:
                self._note_refusal(request, author, plan.effect)
                raise DrainRefusedError(plan.shown)
            now = self._now()
            forced = bool(plan.effect.refusals)
            wanted = _drafted(request, author.name, now, min(plan.effect.ttl, MAX_TTL), forced)
            shown = DrainPlan.of(plan.effect, request, now)

            def made(override: Override, pending: str) -> DrainCreated:
                drain = Drain.of(override, now)
                return DrainCreated(
                    drain=drain, plan=shown, generation=self._generation, pending=pending
                )

            override = self._records.add(
                wanted,
                lambda one: self._entry("drain.create", one, author, one.reason),
                None if once is None else lambda one: _kept(once, created(made(one, UNCONFIRMED))),
            )
            pending = await self._serve(f"drain {override.id} holds")
            self._records.tell([News("drain.created", override.pattern, override.to_json())])
            return made(override, pending)

    async def delete_drain(self, drain: int, reason: str, author: Author) -> DrainLifted:
        """Lift the drain with this id, and return once the answers follow.

        Raises:
            UnknownDrainError, AuditError, StoreError: nothing was changed.
        """
        async with self._turn:
            self._check_open()
            now = self._now()
            known = [one for one in self._records.overrides if one.id == drain and one.live(now)]
            if not known:
                raise UnknownDrainError(f"No drain has the id {drain}: it has ended, or never was.")
            shown = Drain.of(known[0], now)
            self._records.end(drain, lambda one: self._entry("drain.delete", one, author, reason))
            pending = await self._serve(f"drain {drain} has ended")
            detail = {**known[0].to_json(), "ended_by": author.name, "why": reason}
            self._records.tell([News("drain.deleted", known[0].pattern, detail)])
            return DrainLifted(drain=shown, generation=self._generation, pending=pending)

    async def _serve(self, what: str) -> str:
        """Have the answers follow; return empty text, or *what* and why they do not yet."""
        try:
            followed = await self._answers.apply()
        except GslbError as error:
            return f"{what}, but answers do not follow yet: {error}; it is tried again"
        return "" if followed else f"{what}; answers follow when the policies are compiled"

    def remembered(self, caller: str, key: str) -> KeptReply | None:
        """Return what an earlier run answered to a request of *caller* with *key*."""
        return self._records.reply(caller, key)

    def _entry(self, action: str, override: Override, author: Author, why: str) -> Entry:
        return Entry(
            action=action,
            target=override.pattern,
            who=author.name,
            source=" ".join(part for part in (author.via, author.address) if part),
            why=why,
            result="accepted",
            change={**override.to_json(), "request": author.request},
            generation=self._generation,
        )

    def _note_refusal(self, request: DrainRequest, author: Author, effect: Effect) -> None:
        """Write down what the guard refused; that nothing was done does not depend on it."""
        entry = Entry(
            action="drain.create",
            target=request.location,
            who=author.name,
            source=" ".join(part for part in (author.via, author.address) if part),
            why=request.reason,
            result="refused",
            change={"refusals": list(effect.refusals), "request": author.request},
            generation=self._generation,
        )
        try:
            self._records.write(entry)
        except AuditError as error:
            _log.error("refused drain is not in the audit log", reason=str(error))

    async def history(self, after: int, limit: int) -> Page:
        """Return the first *limit* events with a number above *after*, and whether some are gone."""
        return self._records.page(after, limit)

    def newest_event(self) -> int:
        """Return the highest number given to an event so far."""
        return self._records.newest_event

    @property
    def _generation(self) -> int:
        return self._answers.served.generation if self._answers.served is not None else 0


def _drafted(
    request: DrainRequest, author: str, now: datetime, ttl: int, forced: bool = False
) -> Draft:
    """Return what *request* asks for, checked. Raises OverrideError, with every reason."""
    return draft(
        request.kind,
        request.location,
        author,
        request.reason,
        now,
        until=request.end(now),
        endless=request.without_end,
        gradual=request.gradual,
        ttl=ttl,
        forced=forced,
    )


def _kept(once: Once, reply: Reply) -> KeptReply:
    location = dict(reply.headers)["Location"]
    return KeptReply(once.caller, once.key, once.fingerprint, reply.status, reply.octets, location)
