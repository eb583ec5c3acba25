"""What a node and its pushing process tell each other: pickled values over two pipes."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from enum import StrEnum
from pathlib import Path
from typing import Any

from gslb.geo.settings import GeoSettings
from gslb.settings import LogSection, PushSection
from gslb.steering.situation import Situation

LENGTH_OCTETS = 8  # in front of each pickled value


class CopyStateWord(StrEnum):
    """How a copy stands."""

    PENDING = "pending"  # something is on its way, or about to be
    INSYNC = "insync"  # on all name servers of the provider, as far as that says
    HELD = "held"  # an operator's word is wanted
    FAILED = "failed"
    UNAVAILABLE = "unavailable"  # credentials, access, network, the provider's library


@dataclass(frozen=True, slots=True)
class CopyId:
    """Which copy."""

    provider: str  # "route53" or "clouddns"
    zone: str  # of ours, absolute
    place: str  # the provider's name of it: "Z0123", "acme-dns/example-com"


def copy_ids(settings: PushSection) -> tuple[CopyId, ...]:
    """Return the copies that the settings name, in their order."""
    return (
        *(CopyId("route53", one.zone, one.zone_id) for one in settings.route53),
        *(CopyId("clouddns", one.zone, f"{one.project}/{one.managed_zone}")
          for one in settings.clouddns),
    )  # fmt: skip


@dataclass(frozen=True, slots=True)
class CopyState:
    """All there is to know of a copy. Times are seconds since 1970; shares of 1."""

    id: CopyId
    state: CopyStateWord = CopyStateWord.PENDING
    reason: str = ""  # why it is not in sync; for people, no secrets
    generation: int = 0  # the newest desired state; 0: none yet
    pushed: int = 0  # the newest that it was found to have
    begun: bool = False  # the zone has been pushed to, so that it is kept up from here
    change: str = ""  # the provider's name of the last change
    part: int = 0  # of the push that is under way
    of: int = 0
    succeeded_at: float | None = None  # when it was last found as it should be
    behind_since: float | None = None  # the oldest change that it does not have; None: it has all
    stops: tuple[str, ...] = ()
    alarms: tuple[str, ...] = ()
    plan: str = ""  # hash of the plan that waits for an operator
    drift: Mapping[str, int] = field(default_factory=dict)  # differences by class
    losses: Mapping[str, int] = field(default_factory=dict)  # by severity
    quota: Mapping[str, tuple[int, int]] = field(default_factory=dict)  # used, allowed
    cost: float | None = None  # US dollars a month for checks
    wrong: float | None = None  # share of sampled answers that are not what was pushed
    differs: float | None = None  # share of them that are not what we answer
    runs: Mapping[str, int] = field(default_factory=dict)  # by result, since the process began
    changed: Mapping[str, int] = field(default_factory=dict)  # record sets by action

    @property
    def follows(self) -> bool:
        """Whether something else that is desired is on its way at once: what stopped may pass."""
        stopped = self.state is CopyStateWord.HELD and bool(self.stops)
        return stopped or self.state is CopyStateWord.INSYNC

    def to_json(self) -> dict[str, Any]:
        """Return it as JSON values, the copy's id among them."""
        said = asdict(self)
        return {
            **said.pop("id"),
            **said,
            "state": self.state.value,
            "stops": list(self.stops),
            "alarms": list(self.alarms),
            "quota": {what: list(pair) for what, pair in self.quota.items()},
        }


# --- to the process ---


@dataclass(frozen=True, slots=True)
class Start:
    """What it is there for; the first message."""

    push: PushSection
    geo: GeoSettings
    state_directory: Path
    log: LogSection


@dataclass(frozen=True, slots=True)
class Policies:
    """What is served, as `gslb.node.compilation.GivePlan` hands it out."""

    octets: bytes


@dataclass(frozen=True, slots=True)
class Moment:
    """Another desired state: drains or addresses have changed, or the policies have."""

    situation: Situation  # without health
    generation: int
    drain: bool


NO_COPY = "no copy is meant: see push: in gslb.yaml, --provider and --zone"


@dataclass(frozen=True, slots=True)
class Which:
    """Copies by provider and zone; empty: any."""

    provider: str = ""
    zone: str = ""

    def has(self, one: CopyId) -> bool:
        """Whether *one* is meant."""
        return self.provider in {"", one.provider} and self.zone in {"", one.zone}


@dataclass(frozen=True, slots=True)
class PlanPush:
    """The wish for plans, one for each copy; the answer is a list of JSON values."""

    which: Which
    takeover: tuple[str, ...] = ()  # names, absolute
    predecessor: str = ""  # an owner whose records become ours
    purge: bool = False  # everything of ours goes


@dataclass(frozen=True, slots=True)
class ApplyPush:
    """The wish to have one plan carried out; the answer is the copy's state when it has begun."""

    hash: str
    force: bool


@dataclass(frozen=True, slots=True)
class VerifyPush:
    """The wish to have copies read and held against what they should be; a list of JSON values."""

    which: Which
    answers: bool  # ask them questions too


Question = PlanPush | ApplyPush | VerifyPush


@dataclass(frozen=True, slots=True)
class Ask:
    """A question and what tells its answer from others."""

    number: int
    question: Question


Order = Start | Policies | Moment | Ask

# --- from the process ---


@dataclass(frozen=True, slots=True)
class Copies:
    """How all copies stand, whenever that changes."""

    states: tuple[CopyState, ...]


@dataclass(frozen=True, slots=True)
class Told:
    """The answer to a question."""

    number: int
    answer: Any  # JSON values, or a CopyState


@dataclass(frozen=True, slots=True)
class Refused:
    """A question that is answered with no, for whoever asked."""

    number: int
    reason: str


@dataclass(frozen=True, slots=True)
class Happened:
    """A push that has ended, for the history and the audit log."""

    kind: str  # "push.done", "push.failed", …
    id: CopyId
    detail: Mapping[str, Any]  # JSON values


Report = Copies | Told | Refused | Happened
