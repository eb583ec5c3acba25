"""The course of one push: what has happened, and whether to go on. No network, no clock.

A push is a loop: carry a plan out, read the zone, plan again; it ends when the plan is empty, when
it may not be carried out, or when the zone has been read in vain too often.
"""

from __future__ import annotations

from dataclasses import replace

from gslb.push.outcome import Alarm, Outcome, Proposal, State
from gslb.push.plan import Stopped
from gslb.push.provider import PushError, Refused
from gslb.push.verify import Verification

ROUNDS = 3  # plans made anew because of somebody else's writing
LOST = 3  # replies lost in one push
REFUSALS = 10  # batches refused in one push; each takes at least one name out


class Course:
    """What has happened to one push. Told everything, and asked after every reading."""

    def __init__(self, proposal: Proposal, rounds: int = ROUNDS) -> None:
        self.proposal = proposal
        self.batches = 0  # that landed
        self.change = ""  # the provider's name of the last one
        self.blind = False  # the reply to the last one was lost
        self._rounds = rounds
        self._conflicts = 0
        self._whole = 0  # plans carried out to the end
        self._lost = 0
        self._refusals = 0
        self._refused: Refused | None = None
        self._why = ""

    @property
    def generation(self) -> int:
        """Return the generation that is pushed."""
        return self.proposal.wish.request.generation

    def landed(self, change: str) -> None:
        """Note that a batch was taken."""
        self.change, self.blind = change, False
        self.batches += 1

    def carried_out(self) -> None:
        """Note that all batches of the plan were taken."""
        self._whole += 1

    def conflict(self, why: str) -> None:
        """Note that the zone was not as it was read."""
        self._conflicts += 1
        self._why = why

    def lost(self, why: str) -> None:
        """Note that a batch may have landed or not: the next reading tells."""
        self._lost += 1
        self._why = why
        self.blind = True

    def refused(self, error: Refused) -> None:
        """Note that the provider does not take a batch."""
        self._refusals += 1
        self._refused = error
        self._why = str(error)

    @property
    def wasted(self) -> Outcome | None:
        """Return the outcome if it makes no sense to read the zone again."""
        if self._conflicts > self._rounds:
            text = f"written by somebody else {self._conflicts} times meanwhile: {self._why}"
            return self._outcome(State.CONFLICT, text, self._rival())
        if self._whole > self._rounds + 1:
            text = "the zone does not come to hold what is handed in"
            return self._outcome(State.FAILED, text, Alarm("not-intact", text))
        if self._lost > LOST:
            return self._outcome(State.UNAVAILABLE, f"{self._lost} replies were lost: {self._why}")
        if self._refused is not None and (not self._refused.names or self._refusals > REFUSALS):
            return self._outcome(State.FAILED, self._why)
        return None

    def read_again(self, proposal: Proposal) -> bool:
        """Note a new plan; return whether it has to be made once more, without refused names.

        A batch that is refused while the zone was changed under it may be sound: nobody is put
        into quarantine then.
        """
        error, self._refused = self._refused, None
        before, self.proposal = self.proposal, proposal
        if error is None:
            return False
        if _texts(before) != _texts(proposal):
            self.conflict(str(error))
            return False
        request = proposal.wish.request
        wider = request.quarantine | frozenset(error.names)
        if wider == request.quarantine:
            self._refused = Refused(str(error))
            return False
        wish = replace(proposal.wish, request=replace(request, quarantine=wider))
        self.proposal = replace(proposal, wish=wish)
        return True

    @property
    def stopped(self) -> Outcome | None:
        """Return the outcome if the plan must not be carried out."""
        held = self.proposal.plan.blocked
        if not held:
            return None
        text = "; ".join(f"{stop.kind.value}: {stop.text}" for stop in held)
        kinds = {stop.kind for stop in held}
        if Stopped.STALE in kinds:
            return replace(self._outcome(State.STALE, text), stops=held)
        if Stopped.OWNER in kinds:
            return replace(self._outcome(State.CONFLICT, text, self._rival()), stops=held)
        return replace(self._outcome(State.BLOCKED, text), stops=held)

    def done(self, verification: Verification | None, *, settled: bool) -> Outcome:
        """Return the outcome of a push after which there is nothing to do.

        *verification*: of its last plan, which is empty; None: the zone was not read again.
        """
        plan = self.proposal.plan
        alarms = []
        state, reasons = State.INSYNC, []
        if plan.conflicts or plan.quarantined:
            state = State.DEGRADED
            reasons += [str(one) for one in plan.conflicts]
        if plan.quarantined:
            names = ", ".join(sorted({name for name, _ in plan.quarantined}))
            reasons.append(f"refused by the provider: {names}")
            alarms.append(Alarm("quarantine", f"{names}: {self._why}"))
        if not settled:
            state = State.PENDING
            reasons.append("not yet on all name servers")
        if verification is not None and not verification.intact:
            state = State.FAILED
            reasons.append(f"{verification.wrong:.2%} of the answers are not those handed in")
            alarms.append(Alarm("not-intact", reasons[-1]))
        outcome = self._outcome(state, "; ".join(reasons), *alarms)
        return replace(outcome, verification=verification)

    def failed(self, error: PushError) -> Outcome:
        """Return the outcome of a push that an error ended."""
        state = State.FAILED if isinstance(error, Refused) else State.UNAVAILABLE
        return self._outcome(state, str(error))

    def _rival(self) -> Alarm:
        """Return the alarm of a concurrent writer, with its owner if that is another."""
        plan = self.proposal.plan
        theirs = plan.parent.owner if plan.parent is not None else ""
        owner = theirs if theirs != plan.request.owner else ""
        text = f"{plan.zone} on {plan.provider} is written by {owner or 'somebody else'}, too"
        return Alarm("concurrent-writer", text, owner)

    def _outcome(self, state: State, reason: str, *alarms: Alarm) -> Outcome:
        plan = self.proposal.plan
        return Outcome(
            state=state,
            generation=self.generation,
            hash=plan.desired_hash,
            reason=reason,
            change=self.change,
            batches=self.batches,
            conflicts=self._conflicts,
            quarantined=plan.quarantined,
            alarms=alarms,
        )


def unread(error: PushError, generation: int) -> Outcome:
    """Return the outcome of a push whose zone could not be read."""
    state = State.FAILED if isinstance(error, Refused) else State.UNAVAILABLE
    return Outcome(state, generation, reason=str(error))


def _texts(proposal: Proposal) -> set[str]:
    return {one.text for one in proposal.actual.rrsets.values()}
