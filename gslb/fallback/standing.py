"""How one copy stands: what plans and outcomes tell of it, put together."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any

from gslb.fallback.messages import CopyId, CopyState, CopyStateWord
from gslb.logs import Log
from gslb.push.outcome import Outcome, State, Status
from gslb.push.plan import Plan, Request, Thresholds
from gslb.push.provider import PushError, Throttled, Unavailable
from gslb.push.reconcile import Due, Result
from gslb.push.verify import Drift
from gslb.settings import PushSection

NOT_BEGUN = "nothing was pushed yet; to begin: gslb push plan, then gslb push apply PLAN"
NO_POLICIES = "the policies are not compiled yet"

_WORDS = {
    State.INSYNC: (CopyStateWord.INSYNC, Result.DONE),
    State.DEGRADED: (CopyStateWord.INSYNC, Result.DONE),
    State.PENDING: (CopyStateWord.PENDING, Result.FAILED),  # in sync later than is usual
    State.BLOCKED: (CopyStateWord.HELD, Result.HELD),
    State.STALE: (CopyStateWord.FAILED, Result.STALE),
    State.CONFLICT: (CopyStateWord.FAILED, Result.FAILED),
    State.UNAVAILABLE: (CopyStateWord.UNAVAILABLE, Result.UNAVAILABLE),
    State.FAILED: (CopyStateWord.FAILED, Result.FAILED),
}

_log = Log(__name__)

Tell = Callable[[str, CopyId, Mapping[str, Any]], None]


class Standing:
    """The state of a copy, and who is told when it changes."""

    def __init__(
        self,
        one: CopyId,
        changed: Callable[[], None],
        happened: Tell,
        wall: Callable[[], float],
    ) -> None:
        """Know nothing of the copy.

        Args:
            one: which.
            changed: is called when `state` has changed.
            happened: is told of pushes that have ended.
            wall: seconds since 1970.
        """
        self.state = CopyState(one, reason=NO_POLICIES)
        self._changed = changed
        self._happened = happened
        self._wall = wall

    def say(self, **changes: Any) -> None:
        """Change parts of the state."""
        state = replace(self.state, **changes)
        if state != self.state:
            self.state = state
            self._changed()

    def want(self, generation: int) -> None:
        """Note that there is another desired state."""
        known = self.state
        waits = known.follows or known.reason == NO_POLICIES
        self.say(
            generation=generation,
            behind_since=known.behind_since or self._wall(),
            state=CopyStateWord.PENDING if waits else known.state,
            reason="" if waits else known.reason,
        )

    def learn(self, plan: Plan) -> None:
        """Note what a plan tells of the zone beside its changes."""
        losses = Counter(loss.severity.value for loss in plan.losses)
        self.say(losses=dict(losses), quota=dict(plan.quota), cost=plan.cost[0])

    def drifted(self, drift: tuple[Drift, ...]) -> None:
        """Note what somebody else has changed."""
        self.say(drift=dict(Counter(one.kind.value for one in drift)))

    def follow(self, status: Status) -> None:
        """Note how far a push has come."""
        self.say(part=status.part, of=status.of, change=status.change or self.state.change)

    def push(self, plan: Plan) -> None:
        """Note that *plan* is being carried out."""
        self.say(
            state=CopyStateWord.PENDING,
            reason="",
            behind_since=self.state.behind_since or self._wall(),
            generation=max(self.state.generation, plan.request.generation),
        )

    def hold(self, reason: str) -> Result:
        """Note that an operator's word is wanted."""
        self.say(state=CopyStateWord.HELD, reason=reason)
        return Result.HELD

    def fine(self) -> Result:
        """Note that there is nothing to do."""
        self.say(state=CopyStateWord.INSYNC, reason="", stops=(), alarms=(), plan="")
        return Result.DONE

    def fail(self, error: PushError) -> Result:
        """Note that the zone could not be read."""
        away = isinstance(error, Unavailable | Throttled)
        word = CopyStateWord.UNAVAILABLE if away else CopyStateWord.FAILED
        self.say(state=word, reason=str(error))
        return Result.UNAVAILABLE if away else Result.FAILED

    def take(self, plan: Plan, outcome: Outcome) -> Result:
        """Note what has become of *plan*."""
        word, result = _WORDS[outcome.state]
        changed = Counter(self.state.changed)
        if outcome.batches:
            changed.update({a: plan.counts[a] for a in ("create", "update", "delete")})
        self.say(
            state=word,
            reason=outcome.reason,
            change=outcome.change or self.state.change,
            stops=tuple(f"{stop.kind.value}: {stop.text}" for stop in outcome.stops),
            alarms=tuple(alarm.text for alarm in outcome.alarms),
            plan=plan.hash if outcome.stops else "",
            changed={action: number for action, number in changed.items() if number},
        )
        if (seen := outcome.verification) is not None:
            self.drifted(seen.drift)
            if seen.asked:
                self.say(wrong=seen.wrong, differs=seen.differs)
        return result

    def end(self, before: CopyState, result: Result, due: Due, *, newest: bool) -> None:
        """Note that a push has ended, and have told what is new: changes, and other troubles.

        *newest*: nothing else is desired meanwhile.
        """
        done = result is Result.DONE
        self.say(
            runs=dict(Counter(self.state.runs) + Counter([result.value])),
            pushed=max(self.state.pushed, due.generation) if done else self.state.pushed,
            succeeded_at=self._wall() if done else self.state.succeeded_at,
        )
        if done and newest:
            self.say(behind_since=None)
        elif done or result is Result.CUT:
            self.say(state=CopyStateWord.PENDING)
        self._tell_end(before, result, due)

    def _tell_end(self, before: CopyState, result: Result, due: Due) -> None:
        """Have told what is new: changes made, and troubles that were not there before."""
        after = self.state
        made = {
            action: number - before.changed.get(action, 0)
            for action, number in after.changed.items()
            if number > before.changed.get(action, 0)
        }
        detail = {
            "state": after.state.value,
            "reason": after.reason,
            "generation": due.generation,
            "change": after.change,
            "drain": due.drain,
            "changes": made,
        }
        if result is Result.DONE and made:
            self._happened("push.done", self.state.id, detail)
        elif result not in {Result.DONE, Result.CUT} and (after.state, after.reason) != (
            before.state,
            before.reason,
        ):
            _log.warning("not pushed", copy=f"{self.state.id.provider} {self.state.id.zone}",
                         state=after.state.value, reason=after.reason)  # fmt: skip
            self._happened(f"push.{after.state.value}", self.state.id, detail)


def request_of(settings: PushSection, generation: int, *, drain: bool) -> Request:
    """Return what the settings say of every push."""
    return Request(
        owner=settings.owner or "",
        generation=generation,
        thresholds=Thresholds(
            deletes=settings.max_deletes,
            updates=settings.max_updates,
            weight=settings.max_weight_loss,
            checks=settings.max_checks,
            cost_rise=settings.max_cost_rise,
        ),
        globs=settings.names,
        ignore=settings.ignore,
        drain=drain,
    )
