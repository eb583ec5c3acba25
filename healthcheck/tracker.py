"""Decides whether a target is up, from the outcomes of its probe alone. No I/O, no clock.

A pass decides at once what is not known yet; everything else takes a run of equal verdicts. A first
failure decides nothing even where nothing is known: a checker that has just started has no better
evidence than one that has run for a month, and what is unknown is served (so the run costs nobody
an answer, and its re-checks make it short).
"""

from __future__ import annotations

from collections.abc import Iterable
from enum import StrEnum
from typing import NamedTuple

from healthcheck.model import Kind, Outcome, Probe, Status, Transition, Verdict

RECHECK_AFTER = 1.0  # seconds from the start of a contrary failure to the next try, at most
RECHECK_SHARE = 0.2  # of the interval, where that is shorter
FRESH_INTERVALS = 3  # a verdict speaks for this many intervals
HOLD_AT_MOST = 600.0  # seconds that a belief outlives its last verdict before it is UNKNOWN


class Freshness(StrEnum):
    """How much a belief is worth by its age."""

    FRESH = "fresh"  # a verdict within the last intervals
    HELD = "held"  # none, but not for so long that we know nothing
    EXPIRED = "expired"


class Belief(NamedTuple):
    """What is believed of one target, and the run of verdicts against it."""

    status: Status = Status.UNKNOWN
    since: float = 0.0  # when `status` was reached; nothing for an UNKNOWN that was always so
    run: int = 0  # consecutive verdicts that speak against `status`; of UNKNOWN, failures
    seen_at: float | None = None  # the last verdict; None: never
    tried: bool = False  # any outcome at all since we started, one that says nothing included

    @property
    def failing(self) -> bool:
        """Whether the last verdict was a failure, however little it changed."""
        return (self.status is Status.DOWN) == (self.run == 0) and self.seen_at is not None


class Step(NamedTuple):
    """What one outcome did."""

    belief: Belief
    transition: Transition | None = None
    again: float | None = None  # seconds until the next try; None: at the usual time


def observe(probe: Probe, belief: Belief, outcome: Outcome) -> Step:
    """Return what is believed after *outcome* of *probe*.

    UP needs `probe.down_after` consecutive failures to fall, DOWN `probe.up_after` passes to rise,
    UNKNOWN one pass or `probe.down_after` failures. An outcome without a verdict counts for
    nothing: it neither adds to a run nor ends it, and amid failures it is made up for as early as
    they are looked at again. A run whose last verdict is too old to speak begins anew.
    """
    if outcome.verdict is Verdict.UNKNOWN:
        after = belief if belief.tried else belief._replace(tried=True)
        amid = belief.run and belief.status is not Status.DOWN
        if amid and freshness(probe, belief, outcome.finished) is Freshness.FRESH:
            return Step(after, again=_again(probe, outcome))
        return Step(after)
    seen = Status.UP if outcome.verdict is Verdict.PASSED else Status.DOWN
    at = outcome.finished
    if seen is belief.status:
        return Step(Belief(seen, belief.since, 0, at, tried=True))
    fresh = freshness(probe, belief, at) is Freshness.FRESH
    run = (belief.run if fresh else 0) + 1
    if run < _needed(probe, belief.status, seen):
        again = _again(probe, outcome) if seen is Status.DOWN else None
        return Step(Belief(belief.status, belief.since, run, at, tried=True), again=again)
    after = Belief(seen, since=at, seen_at=at, tried=True)
    return Step(after, Transition(probe, belief.status, seen, outcome, at))


def age(probe: Probe, belief: Belief, now: float) -> Step:
    """Return what is left of *belief* at *now*: one that nothing confirms ends as UNKNOWN."""
    if belief.status is Status.UNKNOWN or freshness(probe, belief, now) is not Freshness.EXPIRED:
        return Step(belief)
    seen_at = belief.since if belief.seen_at is None else belief.seen_at
    because = Outcome(
        Verdict.UNKNOWN, Kind.LATE, f"no verdict for {now - seen_at:.0f} s", seen_at, seen_at, now
    )
    after = Belief(since=now, seen_at=belief.seen_at, tried=belief.tried)
    return Step(after, Transition(probe, belief.status, Status.UNKNOWN, because, now))


def freshness(probe: Probe, belief: Belief, now: float) -> Freshness:
    """Return what *belief* is worth at *now*."""
    if belief.seen_at is None:
        return Freshness.EXPIRED
    old = now - belief.seen_at
    lasts = lifetime(probe)
    if old <= lasts:
        return Freshness.FRESH
    return Freshness.HELD if old <= max(lasts, HOLD_AT_MOST) else Freshness.EXPIRED


def lifetime(probe: Probe) -> float:
    """Return for how many seconds a verdict speaks: three intervals, and the time of one try.

    Without the latter a target that times out every time would hardly be fresh where `every` is
    short: its verdicts lie `every` + `timeout` apart.
    """
    return FRESH_INTERVALS * probe.every + probe.timeout


def restore(probe: Probe, status: Status, old: float, now: float) -> Belief:
    """Return what is still believed of a *status* whose last verdict was *old* seconds ago.

    It is kept across a restart like any belief that nothing confirms. An age that is negative
    or not a number (the wall clock was set) makes it worthless.
    """
    if status is Status.UNKNOWN or not 0 <= old <= max(lifetime(probe), HOLD_AT_MOST):
        return Belief(since=now)
    return Belief(status, since=now - old, seen_at=now - old)


def first_pass_over(beliefs: Iterable[Belief]) -> bool:
    """Whether each target was tried since the start, so that removals may begin.

    A try without a verdict counts: a family that has no route from here must not hold up the rest.
    """
    return all(belief.tried for belief in beliefs)


def _again(probe: Probe, outcome: Outcome) -> float:
    """Return the seconds from the end of a try that must not wait for the usual time until the next.

    They count from its start: what has timed out has been waited for already.
    """
    least = min(RECHECK_AFTER, RECHECK_SHARE * probe.every)
    return max(0.0, least - (outcome.finished - outcome.started))


def _needed(probe: Probe, held: Status, seen: Status) -> int:
    if seen is Status.DOWN:
        return probe.down_after
    return 1 if held is Status.UNKNOWN else probe.up_after
