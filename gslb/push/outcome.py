"""What goes into a push and what comes out of it, as values."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from gslb.push.model import Desired
from gslb.push.objects import Actual, Place, Rendered
from gslb.push.plan import Plan, Request, Stop
from gslb.push.verify import Question, Verification


@dataclass(frozen=True, slots=True)
class Wish:
    """What a zone should say, who wants it so, and questions to hold the copy against."""

    desired: Desired
    request: Request
    questions: tuple[Question, ...] = ()  # `verify.sample`; empty: no answers are compared


@dataclass(frozen=True, slots=True)
class Proposal:
    """A plan, with all that it takes to carry it out, and to make another one if need be."""

    wish: Wish
    rendered: Rendered
    actual: Actual  # the zone as it was read for the plan
    plan: Plan
    trusted: bool = False  # it was not read for it, but taken to be as we read or left it last


class State(StrEnum):
    """How far a push has come."""

    IDLE = "idle"  # none since the start
    PUSHING = "pushing"
    PENDING = "pending"  # handed in, and not yet on all name servers
    INSYNC = "insync"  # on all name servers, and what was wanted; read back, but after drains
    DEGRADED = "degraded"  # the same, without names that the provider refuses
    BLOCKED = "blocked"  # the plan has stops
    STALE = "stale"  # the zone holds a newer generation: somebody else leads
    CONFLICT = "conflict"  # somebody else writes, too
    UNAVAILABLE = "unavailable"  # credentials, access, network, patience
    FAILED = "failed"  # the provider refuses it, or it does not hold what was handed in


@dataclass(frozen=True, slots=True)
class Alarm:
    """What somebody has to look at. `code`: "concurrent-writer", "quarantine" or "not-intact"."""

    code: str
    text: str
    owner: str = ""  # of "concurrent-writer": whose mark is on the zone, if it is not ours


@dataclass(frozen=True, slots=True)
class Outcome:
    """What became of a push."""

    state: State
    generation: int
    hash: str = ""  # of what was wanted
    reason: str = ""  # for people: why it is not in sync; no secrets
    change: str = ""  # the provider's name of the last change that was handed in
    batches: int = 0  # that were handed in; 0 and INSYNC: there was nothing to do
    conflicts: int = 0  # rounds that met somebody else's writing
    quarantined: tuple[Place, ...] = ()
    stops: tuple[Stop, ...] = ()
    alarms: tuple[Alarm, ...] = ()
    verification: Verification | None = None  # None: the zone was not read back


@dataclass(frozen=True, slots=True)
class Status:
    """Where the pushing to one zone is, at any time. Times are of the injected clock."""

    state: State = State.IDLE
    generation: int | None = None  # of the push that is going on, or was last
    part: int = 0  # batches that have landed
    of: int = 0  # batches of the push
    change: str = ""  # the provider's name of the last change
    since: float | None = None  # when the push began
    insync_at: float | None = None  # when the last push was found in sync
    discard_at: float | None = (
        None  # when supports that are no longer used go; None: there are none
    )
    outcome: Outcome | None = None  # of the last push
