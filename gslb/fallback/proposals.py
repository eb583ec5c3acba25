"""What operators ask of a copy: a plan to be looked at, that very plan carried out, a verification."""

from __future__ import annotations

import asyncio
from collections import OrderedDict
from dataclasses import dataclass, replace
from typing import Any

from gslb.errors import GslbError
from gslb.fallback.copies import Copy, Doing, UnderWayError, pushed_before
from gslb.fallback.messages import CopyState, CopyStateWord, PlanPush
from gslb.fallback.snapshot import Snapshot
from gslb.fallback.standing import NO_POLICIES, NOT_BEGUN, request_of
from gslb.policy.plan import ZonePlan
from gslb.push.apply import Pusher, verification
from gslb.push.fidelity import measure_fidelity
from gslb.push.model import Desired
from gslb.push.objects import Actual
from gslb.push.outcome import Proposal, Wish
from gslb.push.plan import PASSABLE, Plan, Request
from gslb.push.plantext import FORCE, plan_json
from gslb.push.provider import Dialect
from gslb.push.reconcile import Due, Result
from gslb.push.traffic import traffic
from gslb.push.verify import find_drift

MAX_PLANS = 32  # that operators had made and may still have carried out
PLAN_SECONDS = 3600.0  # how long they may
PATIENCE_SECONDS = 30.0  # for what is under way to end: comparisons take seconds, few pushes more


class PlanRefusedError(GslbError):
    """A plan is not made or not carried out; the text is for whoever asked."""


@dataclass(frozen=True, slots=True)
class _Kept:
    """A plan that an operator has seen."""

    request: Request
    purge: bool
    at: float  # monotonic


class Proposals:
    """The plans of one copy that operators may have carried out."""

    def __init__(self, copy: Copy, patience: float = PATIENCE_SECONDS) -> None:
        """Keep no plan yet. *patience*: seconds to wait for what is under way."""
        self.copy = copy
        self._patience = patience
        copy.seen = self._keep
        self._kept: OrderedDict[str, _Kept] = OrderedDict()

    def _keep(self, plan: Plan, *, purge: bool = False) -> None:
        self._kept[plan.hash] = _Kept(plan.request, purge, self.copy.times.clock())
        while len(self._kept) > MAX_PLANS:
            self._kept.popitem(last=False)

    def has(self, plan: str) -> bool:
        """Whether the plan of this hash was made here, not long ago."""
        kept = self._kept.get(plan)
        return kept is not None and self.copy.times.clock() - kept.at <= PLAN_SECONDS

    async def plan(self, question: PlanPush) -> dict[str, Any]:
        """Return a plan as JSON values, and keep it. Raises PushError, PlanRefusedError."""
        snapshot, zone = self._zone()
        request = replace(
            request_of(self.copy.settings, snapshot.generation, drain=False),
            takeover=frozenset(question.takeover),
            predecessor=question.predecessor,
        )
        pusher = self.copy.pusher()
        proposal = await pusher.plan(await self._wish(snapshot, zone, request, question.purge))
        self.copy.standing.learn(proposal.plan)
        self._keep(proposal.plan, purge=question.purge)
        dialect = pusher.provider.dialect
        return await asyncio.to_thread(described, snapshot, zone, proposal, dialect)

    async def apply(self, plan: str, *, force: bool) -> CopyState:
        """Begin to carry out the plan of this hash, if nothing has changed since.

        A comparison or a push that is under way is waited for: it may be over in a moment.

        Raises:
            PlanRefusedError, PushError: nothing was begun.
        """
        kept = self._kept[plan]
        try:
            async with self.copy.operators_turn(self._patience):
                snapshot, zone = self._zone()
                pusher = self.copy.pusher()
                wish = await self._wish(snapshot, zone, kept.request, kept.purge)
                return self._begin(plan, kept, pusher, await pusher.plan(wish), force=force)
        except UnderWayError as error:
            text = f"{error}; try again when gslb push status says that it has ended"
            raise PlanRefusedError(text) from None

    def _begin(
        self, plan: str, kept: _Kept, pusher: Pusher, proposal: Proposal, *, force: bool
    ) -> CopyState:
        """Begin to carry out what *plan* has turned out to be by now. Raises PlanRefusedError."""
        if proposal.plan.hash != plan:
            raise PlanRefusedError(
                f"the state has moved since plan {plan} was made; it would be"
                f" {proposal.plan.hash} now: look at it again (gslb push plan)"
            )
        request = replace(kept.request, force=force)
        proposal = replace(
            proposal,
            wish=replace(proposal.wish, request=request),
            plan=replace(proposal.plan, request=request),
        )
        if stops := proposal.plan.blocked:
            texts = "; ".join(f"{stop.kind.value}: {stop.text}" for stop in stops)
            can = all(stop.kind in PASSABLE for stop in stops)
            raise PlanRefusedError(texts + (f"; {FORCE} goes on all the same" if can else ""))
        del self._kept[plan]
        self.copy.standing.push(proposal.plan)
        self.copy.begin(self._carry_out(pusher, proposal, purge=kept.purge), Doing.WRITING)
        return self.copy.state

    async def _carry_out(self, pusher: Pusher, proposal: Proposal, *, purge: bool) -> None:
        standing, plan = self.copy.standing, proposal.plan
        before = self.copy.state
        async with self.copy.turn:
            if purge:
                outcome = await pusher.purge(plan.zone, plan.request)
                result = standing.take(plan, outcome)
            else:
                result = await self.copy.carry_out(pusher, proposal, rounds=0)
        standing.end(before, result, Due(plan.request.generation), newest=True)
        if result is Result.DONE:
            standing.say(begun=not purge)
            if purge:
                standing.say(state=CopyStateWord.HELD, reason=NOT_BEGUN)
        self.copy.look_again(doubtful=result is not Result.DONE)

    async def verify(self, *, answers: bool) -> dict[str, Any]:
        """Return how the zone differs from what it should be, as JSON values.

        Raises PushError, PlanRefusedError.
        """
        snapshot, zone = self._zone()
        pusher = self.copy.pusher()
        request = request_of(self.copy.settings, snapshot.generation, drain=False)
        wish = await asyncio.to_thread(snapshot.wish, zone, request, sampled=answers)
        proposal = await pusher.plan(wish)
        found = await asyncio.to_thread(verification, pusher.provider, proposal)
        parent, same = proposal.plan.parent, pushed_before(proposal.plan)
        if same:
            self.copy.standing.drifted(find_drift(proposal.plan, proposal.actual))
        return {
            "intact": found.intact,
            "generation": parent.generation if parent is not None else None,
            "owner": parent.owner if parent is not None else None,
            "newest": same,
            "drift": [
                {"kind": one.kind.value, "about": one.about, "owner": one.owner}
                for one in found.drift
            ],
            "asked": found.asked,
            "wrong": found.wrong,
            "differs": found.differs,
        }

    async def _wish(
        self, snapshot: Snapshot, zone: ZonePlan, request: Request, purge: bool
    ) -> Wish:
        if purge:
            return Wish(Desired(self.copy.id.zone, (), (), (), frozenset()), request)
        return await asyncio.to_thread(snapshot.wish, zone, request, sampled=True)

    def _zone(self) -> tuple[Snapshot, ZonePlan]:
        snapshot = self.copy.snapshot
        if snapshot is None:
            raise PlanRefusedError(NO_POLICIES)
        zone = snapshot.zone(self.copy.id.zone)
        if zone is None:
            raise PlanRefusedError(f"{self.copy.id.zone} is not served here")
        return snapshot, zone


def described(
    snapshot: Snapshot, zone: ZonePlan, proposal: Proposal, dialect: Dialect, *, fresh: bool = False
) -> dict[str, Any]:
    """Return all that there is to say of a plan, as JSON values. Takes seconds.

    *fresh*: the zone was not read, but taken to be empty.
    """
    desired, rendered = proposal.wish.desired, proposal.rendered
    actual: Actual = proposal.actual
    fidelity = measure_fidelity(
        zone, snapshot.world, snapshot.situation, desired, rendered, dialect
    )
    supports = {**actual.supports, **rendered.supports}
    found = traffic(
        dialect, zone, snapshot.world, desired,
        (actual.rrsets, supports), (rendered.rrsets, supports),
    )  # fmt: skip
    return plan_json(proposal.plan, fidelity, found, fresh=fresh)
