"""What the API asks of the copies at other services, answered."""

from __future__ import annotations

from typing import Any, Protocol

from gslb.api.pushmodels import (
    WAIT_SECONDS,
    Copy,
    PushApplyRequest,
    PushPlanRequest,
    PushPlans,
    PushVerified,
    PushVerifyRequest,
)
from gslb.api.services import Author, PushRefusedError, UnavailableError
from gslb.fallback.messages import (
    ApplyPush,
    CopyState,
    PlanPush,
    Question,
    VerifyPush,
    Which,
)
from gslb.fallback.process import NotPushingError, RefusedError
from gslb.node.records import Records
from gslb.state.audit import Entry


class Pushing(Protocol):
    """The pushing process, as far as the desk needs it (`gslb.fallback.process`)."""

    @property
    def states(self) -> tuple[CopyState, ...]:
        """How every copy stands."""
        ...

    async def settled(self, seconds: float) -> tuple[CopyState, ...]:
        """Return the same once nothing is on its way, or *seconds* have passed."""
        ...

    async def ask(self, question: Question) -> Any:
        """Return the answer. Raises NotPushingError, RefusedError."""
        ...


class CopiesDesk:
    """Implements `gslb.api.services.CopyServices` over the pushing process of a node."""

    def __init__(self, pushing: Pushing, records: Records) -> None:
        self._pushing = pushing
        self._records = records

    def copies(self) -> tuple[Copy, ...]:
        """Return how every copy stands."""
        return tuple(map(_shown, self._pushing.states))

    async def settled(self) -> tuple[Copy, ...]:
        """Return the same once nothing is on its way to any of them, or a minute has passed."""
        return tuple(map(_shown, await self._pushing.settled(WAIT_SECONDS)))

    async def plan(self, request: PushPlanRequest) -> PushPlans:
        """Return what a push would do to each copy. Raises UnavailableError, PushRefusedError."""
        which = Which(request.provider or "", request.zone or "")
        plans = await self._ask(
            PlanPush(which, request.takeover, request.predecessor or "", request.purge)
        )
        return PushPlans(plans=tuple(plans))

    async def apply(self, request: PushApplyRequest, author: Author) -> Copy:
        """Begin to carry out a plan; the audit log has it before.

        Raises AuditError, UnavailableError, PushRefusedError: nothing was begun.
        """
        self._write(request, author, "accepted", "")
        try:
            begun = await self._ask(ApplyPush(request.plan_hash, request.force))
        except (UnavailableError, PushRefusedError) as error:
            self._write(request, author, "refused", str(error))
            raise
        return _shown(begun)

    async def verify(self, request: PushVerifyRequest) -> PushVerified:
        """Return what each copy was found to be. Raises UnavailableError, PushRefusedError."""
        which = Which(request.provider or "", request.zone or "")
        return PushVerified(copies=tuple(await self._ask(VerifyPush(which, request.answers))))

    async def _ask(self, question: Question) -> Any:
        try:
            return await self._pushing.ask(question)
        except NotPushingError as error:
            raise UnavailableError(str(error)) from None
        except RefusedError as error:
            raise PushRefusedError(str(error)) from None

    def _write(self, request: PushApplyRequest, author: Author, result: str, why: str) -> None:
        """Write an operator's push into the audit log. Raises AuditError."""
        source = " ".join(part for part in (author.via, author.address) if part)
        change = {"plan": request.plan_hash, "force": request.force, "request": author.request}
        self._records.write(
            Entry("push.apply", request.plan_hash, author.name, source, why, result, change)
        )


def _shown(state: CopyState) -> Copy:
    return Copy.model_validate(state.to_json())
