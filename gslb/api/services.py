"""What the API needs from the process that it speaks for, and how that says no."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

from gslb.api.drainmodels import Drain, DrainCreated, DrainLifted, DrainPlan, DrainRequest
from gslb.api.locationmodels import Locations
from gslb.api.models import ExplainQuery, Status
from gslb.api.pushmodels import (
    Copy,
    PushApplyRequest,
    PushPlanRequest,
    PushPlans,
    PushVerified,
    PushVerifyRequest,
)
from gslb.errors import GslbError
from gslb.state.history import Page
from gslb.state.replies import KeptReply
from gslb.steering.explanation import Explanation


class RequestRefusedError(GslbError):
    """The request asks for what makes no sense here; its text is shown to the caller."""


class DrainRefusedError(GslbError):
    """The guard refuses a drain that was not forced."""

    def __init__(self, plan: DrainPlan) -> None:
        super().__init__("; ".join(plan.refusals))
        self.plan = plan


class UnknownDrainError(GslbError):
    """No drain has this id: never, or no longer."""


class UnavailableError(GslbError):
    """Something that this needs does not work now; nothing was changed."""


@dataclass(frozen=True, slots=True)
class Author:
    """Who changes something, for the audit log."""

    name: str  # of the token, or "uid 0"
    via: str  # "token 1f2e3d4c5b6a" or "socket"
    address: str  # of the client; "" over the socket
    request: str  # the request's id


@dataclass(frozen=True, slots=True)
class Once:
    """Tells that a request was made before: a key that its caller has chosen."""

    caller: str  # keys of different callers have nothing to do with each other
    key: str
    fingerprint: bytes  # of all that tells one request from another


class PushRefusedError(GslbError):
    """A push, or what was asked of a copy, is refused; its text is shown to the caller."""


class CopyServices(Protocol):
    """Copies of our zones at other services, as the API sees them.

    Any method but `copies` may raise UnavailableError or PushRefusedError.
    """

    def copies(self) -> tuple[Copy, ...]:
        """Return how every copy stands."""
        ...

    async def settled(self) -> tuple[Copy, ...]:
        """Return the same once nothing is on its way to any of them, or a minute has passed."""
        ...

    async def plan(self, request: PushPlanRequest) -> PushPlans:
        """Return what a push would do to each copy that is meant."""
        ...

    async def apply(self, request: PushApplyRequest, author: Author) -> Copy:
        """Begin to carry out a plan, and return how its copy stands. Raises AuditError."""
        ...

    async def verify(self, request: PushVerifyRequest) -> PushVerified:
        """Return how each copy that is meant differs from what it should be."""
        ...


class Services(Protocol):
    """The process in charge, as the API sees it. Any method may raise UnavailableError or StoreError.

    A mutation is one transaction: the audit log has it before anybody is told. It is not cancelled
    when its caller has gone.
    """

    copies: CopyServices

    async def status(self) -> Status:
        """Return how the node is."""
        ...

    async def locations(self) -> Locations:
        """Return the tree with statuses, capacities and drains."""
        ...

    async def explain(self, question: ExplainQuery) -> Explanation:
        """Return why a client is answered what it is.

        Raises RequestRefusedError for a name, type, address, prefix or supposition that is none.
        """
        ...

    async def drains(self) -> tuple[Drain, ...]:
        """Return every override that holds now, oldest first."""
        ...

    async def plan_drain(self, request: DrainRequest) -> DrainPlan:
        """Return what *request* would do. Raises as `create_drain`, but for the guard."""
        ...

    async def create_drain(
        self, request: DrainRequest, author: Author, once: Once | None = None
    ) -> DrainCreated:
        """Plan, judge, write and apply *request*, and return once the answers follow it.

        Should they not follow yet, it holds all the same: `DrainCreated.pending` says why. With
        *once*, the reply is remembered, so that the request is known again after a restart.

        Raises LocationError (no endpoint is there), OverrideError, RequestRefusedError,
        DrainRefusedError, AuditError.
        """
        ...

    async def delete_drain(self, drain: int, reason: str, author: Author) -> DrainLifted:
        """Lift the drain with this id. Raises UnknownDrainError, AuditError."""
        ...

    def remembered(self, caller: str, key: str) -> KeptReply | None:
        """Return what an earlier run answered to a request of *caller* with *key*."""
        ...

    async def history(self, after: int, limit: int) -> Page:
        """Return the first *limit* events with a number above *after*, and whether some are gone."""
        ...

    def newest_event(self) -> int:
        """Return the highest number given to an event so far."""
        ...
