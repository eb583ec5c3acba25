"""An API over a process that is made up, on a real socket: what it knows stands in plain fields."""

from __future__ import annotations

import socket
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path

import aiohttp
import pytest
from aiohttp import web

from gslb.api.access import Access, Scope, TokenAccess
from gslb.api.app import make_app
from gslb.api.counts import RequestCounts
from gslb.api.drainmodels import Drain, DrainCreated, DrainLifted, DrainPlan, DrainRequest
from gslb.api.events import EventHub
from gslb.api.listener import Listener
from gslb.api.locationmodels import Location, Locations
from gslb.api.models import EndpointCounts, ExplainQuery, Status, WorkerStatus
from gslb.api.pipeline import Rates
from gslb.api.pushmodels import (
    Copy,
    PushApplyRequest,
    PushPlanRequest,
    PushPlans,
    PushVerified,
    PushVerifyRequest,
)
from gslb.api.services import (
    Author,
    DrainRefusedError,
    Once,
    RequestRefusedError,
    UnknownDrainError,
)
from gslb.api.tokens import TokenFile
from gslb.fallback.messages import CopyId, CopyState, CopyStateWord
from gslb.policy.plan import Drained
from gslb.policy.problems import Where
from gslb.state.history import Event, Page
from gslb.state.locations import covered, nothing_at
from gslb.state.overrides import Override, draft
from gslb.state.replies import KeptReply
from gslb.state.tree import Node as TreeNode
from gslb.steering.draineffect import DrainPlan as Effect
from gslb.steering.draineffect import NameCapacity
from gslb.steering.existence import Outcome
from gslb.steering.explanation import Explanation
from gslb.steering.flows import Move

NOW = datetime(2026, 12, 1, 6, 0, tzinfo=UTC)
ENDPOINTS = ("aws/us-east-1/use1-az1", "aws/us-east-1/use1-az2", "gcp/europe-west4/a")
GENEROUS = Rates(changes=1e6, reads=1e6)


def copy(state: str = "insync", **more: object) -> Copy:
    """How a copy stands."""
    said = CopyState(CopyId("route53", "example.com.", "Z1"), CopyStateWord(state)).to_json()
    return Copy.model_validate({**said, **more})


@dataclass
class FakeCopies:
    """One copy, pending until somebody waits for it."""

    trouble: BaseException | None = None
    asked: list[object] = field(default_factory=list)

    def copies(self) -> tuple[Copy, ...]:
        if self.trouble is not None:
            raise self.trouble
        return (copy("pending"),)

    async def settled(self) -> tuple[Copy, ...]:
        return (copy(),)

    async def plan(self, request: PushPlanRequest) -> PushPlans:
        self._note(request)
        return PushPlans(plans=({"hash": "0" * 16, "error": None},))

    async def apply(self, request: PushApplyRequest, author: Author) -> Copy:
        self._note((request, author))
        return copy("pending")

    async def verify(self, request: PushVerifyRequest) -> PushVerified:
        self._note(request)
        return PushVerified(copies=({"intact": True},))

    def _note(self, asked: object) -> None:
        if self.trouble is not None:
            raise self.trouble
        self.asked.append(asked)


@dataclass
class FakeServices:
    """Two clouds; a drain of all of one leaves half, a drain of everything is refused."""

    overrides: dict[int, Override] = field(default_factory=dict)
    authors: list[tuple[str, Author]] = field(default_factory=list)
    events: list[Event] = field(default_factory=list)
    trouble: BaseException | None = None  # what every call raises
    gate: Callable[[], Awaitable[None]] | None = None  # what a change waits for
    made: int = 0
    pending: str = ""  # why answers do not follow

    @property
    def copies(self) -> FakeCopies:
        self._copies.trouble = self.trouble or self._copies.trouble
        return self._copies

    def __post_init__(self) -> None:
        self._copies = FakeCopies()

    def _check(self) -> None:
        if self.trouble is not None:
            raise self.trouble

    async def status(self) -> Status:
        self._check()
        return Status(
            version="0.1.0",
            uptime_seconds=1.5,
            ready=True,
            generation=7,
            policy="abc1234",
            zones=("gslb.example.com",),
            names=2,
            geo="embedded",
            alarms=(),
            refused=(),
            failed=(),
            warnings=0,
            notes=(),
            workers=(WorkerStatus(worker=0, serving=True, generation=7, restarts=0),),
            endpoints=EndpointCounts(up=2, down=0, unknown=1, drained=0),
            drains=len(self.overrides),
            pending_removals=0,
            last_event=len(self.events),
        )

    async def locations(self) -> Locations:
        self._check()
        file = Drained("moving", None, Where(Path("shop.yaml"), 12, 5))
        leaf = TreeNode("aws/us-east-1", 2, 1, 1, 0, 0, 1, 1, 20, 0.5, file)
        cloud = TreeNode("aws", 2, 1, 1, 0, 0, 1, 1, 20, 0.5, None, (leaf,))
        held = tuple(self.overrides.values())
        return Locations(generation=7, clouds=(Location.of(cloud, held, NOW),))

    async def explain(self, question: ExplainQuery) -> Explanation:
        self._check()
        if not question.name.isascii():
            raise RequestRefusedError(f'"{question.name}" is no name')
        notes = question.what_if
        return Explanation(
            question.name,
            question.type,
            None,
            Outcome.OUTSIDE,
            "REFUSED",
            "",
            "",
            "abc",
            notes=notes,
        )

    async def drains(self) -> tuple[Drain, ...]:
        self._check()
        return tuple(Drain.of(one, NOW) for one in self.overrides.values())

    async def plan_drain(self, request: DrainRequest) -> DrainPlan:
        self._check()
        hit = covered(request.location, ENDPOINTS)
        if not hit:
            raise nothing_at(request.location, ENDPOINTS)
        left = 1 - len(hit) / len(ENDPOINTS)
        refusals = ("www.example.com would keep no endpoint",) if left == 0 else ()
        effect = Effect(
            endpoints=hit,
            already=(),
            names_touched=1,
            ttl=30,
            moved=0.5,
            moves=(Move("aws/us-east-1", "gcp/europe-west4", 0.5),),
            names=(NameCapacity("www.example.com", "A", "all", 1.0, left, 1, 0.5),),
            refusals=refusals,
        )
        return DrainPlan.of(effect, request, NOW)

    def remembered(self, *_: str) -> KeptReply | None:
        return None

    async def create_drain(
        self, request: DrainRequest, author: Author, once: Once | None = None
    ) -> DrainCreated:
        plan = await self.plan_drain(request)
        if self.gate is not None:
            await self.gate()
        if plan.refusals and not request.force:
            raise DrainRefusedError(plan)
        wanted = draft(
            request.kind,
            request.location,
            author.name,
            request.reason,
            NOW,
            until=request.end(NOW),
            endless=request.without_end,
            gradual=request.gradual,
            ttl=30,
            forced=bool(plan.refusals),
        )
        self.made += 1
        values = {name: getattr(wanted, name) for name in wanted.__dataclass_fields__}
        override = Override(**values, id=self.made)
        self.overrides[override.id] = override
        self.authors.append((request.reason, author))
        return DrainCreated(
            drain=Drain.of(override, NOW), plan=plan, generation=8, pending=self.pending
        )

    async def delete_drain(self, drain: int, reason: str, author: Author) -> DrainLifted:
        self._check()
        gone = self.overrides.pop(drain, None)
        if gone is None:
            raise UnknownDrainError(f"no drain has the id {drain}")
        self.authors.append((reason, author))
        return DrainLifted(drain=Drain.of(gone, NOW), generation=9, pending=self.pending)

    def newest_event(self) -> int:
        return self.events[-1].sequence if self.events else 0

    async def history(self, after: int, limit: int) -> Page:
        self._check()
        newer = [one for one in self.events if one.sequence > after]
        oldest = self.events[0].sequence if self.events else 0
        return Page(tuple(newer[:limit]), after > self.newest_event() or after < oldest - 1)

    def happened(self, hub: EventHub, sequence: int, text: str = "down") -> Event:
        event = Event(sequence, NOW, "endpoint.down", "aws", {"text": text})
        self.events.append(event)
        hub.publish(event)
        return event


@dataclass
class Node:
    """What a test talks to, and what it can turn."""

    services: FakeServices
    hub: EventHub
    counts: RequestCounts
    file: TokenFile
    tokens: dict[Scope, str]
    url: str
    http: aiohttp.ClientSession
    listener: Listener
    port: int
    time: list[float]  # the one element is the monotonic clock

    def auth(self, scope: Scope = Scope.ADMIN) -> dict[str, str]:
        return {"Authorization": f"Bearer {self.tokens[scope]}"}


@pytest.fixture
def services() -> FakeServices:
    return FakeServices()


MakeNode = Callable[..., Awaitable[Node]]


@pytest.fixture
async def make_node(tmp_path: Path) -> AsyncIterator[MakeNode]:
    async with AsyncExitStack() as stack:

        async def make(
            rates: Rates = GENEROUS,
            access: Access | None = None,
            app: web.Application | None = None,
        ) -> Node:
            file = TokenFile(tmp_path / "api-tokens.json")
            tokens = {scope: file.create(scope.value, [scope], 90, NOW)[0] for scope in Scope}
            services, hub, counts, time = FakeServices(), EventHub(), RequestCounts(), [1000.0]
            access = access or TokenAccess(file, lambda: NOW, lambda: time[0])
            made = app or make_app(services, access, hub, lambda: time[0], counts, rates)
            listener = Listener(made)
            sock = socket.create_server(("127.0.0.1", 0))
            port = sock.getsockname()[1]
            await listener.start(sock)
            stack.push_async_callback(listener.stop)
            http = await stack.enter_async_context(aiohttp.ClientSession())
            url = f"http://127.0.0.1:{port}"
            return Node(services, hub, counts, file, tokens, url, http, listener, port, time)

        yield make


@pytest.fixture
async def node(make_node: MakeNode) -> Node:
    return await make_node()
