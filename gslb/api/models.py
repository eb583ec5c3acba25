"""What goes over the wire: the models of requests and answers, and so of the OpenAPI document."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from enum import StrEnum
from typing import Annotated, Any, Self

from pydantic import (
    AfterValidator,
    AwareDatetime,
    BaseModel,
    ConfigDict,
    Field,
    PlainSerializer,
    model_validator,
)

DEFAULT_SECONDS = 4 * 3600  # how long a drain holds if nobody says
MAX_SECONDS = 72 * 3600  # the longest that has an end
MAX_TARGET = 200  # characters
MAX_REASON = 500
MAX_SUPPOSITIONS = 32
TARGET_PATTERN = r"^[A-Za-z0-9_.*?\[\]!-]+(/[A-Za-z0-9_.*?\[\]!-]+){0,3}$"


def _printable(text: str) -> str:
    """Refuse what would break a line of a log or a terminal."""
    if not text.isprintable() or not text.strip():
        raise ValueError("one line of printable text is wanted")
    return text


def _as_utc(time: datetime) -> str:
    return time.astimezone(UTC).isoformat(timespec="seconds").replace("+00:00", "Z")


Time = Annotated[AwareDatetime, PlainSerializer(_as_utc, return_type=str, when_used="json")]
Line = Annotated[str, AfterValidator(_printable)]
Ratio = Annotated[float, Field(ge=0, le=1)]
Target = Annotated[
    str, Field(min_length=1, max_length=MAX_TARGET, pattern=TARGET_PATTERN, examples=["aws/*/az1"])
]


class Model(BaseModel):
    """A value of the API: no field that it does not know, no change once made."""

    model_config = ConfigDict(frozen=True, extra="forbid")


class OverrideKind(StrEnum):
    """What an operator says of a part of the tree."""

    DRAIN = "drain"
    FORCE_UP = "force-up"
    FORCE_DOWN = "force-down"


class DrainRequest(Model):
    """An operator's word: what is to get no traffic (or to count as up or down), and why."""

    target: Target = Field(description="cloud, cloud/region or cloud/region/zone, with wildcards")
    reason: Line = Field(min_length=1, max_length=MAX_REASON)
    kind: OverrideKind = Field(OverrideKind.DRAIN, strict=False)
    seconds: int | None = Field(
        None, ge=1, le=MAX_SECONDS, description=f"how long it holds (default: {DEFAULT_SECONDS})"
    )
    until: Time | None = Field(None, description="when it ends, in place of `seconds`")
    without_end: bool = Field(False, description="it holds until somebody deletes it")
    gradual: bool = Field(False, description="50 %, 25 %, 0 %, one TTL each")
    dry_run: bool = Field(False, description="plan it, change nothing")
    force: bool = Field(False, description="do it although the guard refuses")

    @model_validator(mode="after")
    def _one_end(self) -> Self:
        ends = [self.seconds is not None, self.until is not None, self.without_end]
        if sum(ends) > 1:
            raise ValueError("only one of `seconds`, `until` and `without_end` can be given")
        if self.gradual and self.kind is not OverrideKind.DRAIN:
            raise ValueError("only a drain can be gradual")
        return self

    def expires(self, now: datetime) -> datetime | None:
        """Return when it ends if it begins *now* (aware); None: never.

        Raises:
            ValueError: `until` has passed, or is more than `MAX_SECONDS` away.
        """
        if self.without_end:
            return None
        if self.until is None:
            seconds = DEFAULT_SECONDS if self.seconds is None else self.seconds
            return now + timedelta(seconds=seconds)
        if not now < self.until <= now + timedelta(seconds=MAX_SECONDS):
            raise ValueError(
                f"`until` is to be within the next {MAX_SECONDS // 3600} hours;"
                " `without_end` holds a drain for longer"
            )
        return self.until


class LiftQuery(Model):
    """Why a drain ends; for the audit log."""

    reason: Annotated[Line, Field(max_length=MAX_REASON)] | None = None


class Move(Model):
    """Traffic that leaves a site for another: a share of all answers, 0 to 1."""

    source: str
    to: str
    share: Ratio


class NameCapacity(Model):
    """What a name would be left with, of one record type."""

    name: str
    rtype: str
    before: Ratio  # healthy undrained weight over declared weight
    after: Ratio
    endpoints: int  # that may still be answered


class DrainPlan(Model):
    """What a drain would do, before it is done."""

    endpoints: tuple[str, ...] = Field(description="ids that the target matches")
    names_touched: int = Field(ge=0)
    moves: tuple[Move, ...]
    names: tuple[NameCapacity, ...] = Field(description="those with the least left, first")
    refusals: tuple[str, ...] = Field(description="why the guard refuses; empty: it does not")
    dns_off_at: Time | None = Field(description="when the last answer with it was given")
    safe_to_stop_at: Time | None = Field(description="when those who keep answers too long let go")


class DryRun(Model):
    """The answer to a drain that was only planned."""

    dry_run: bool
    plan: DrainPlan


class Drain(Model):
    """An operator's word that holds now."""

    id: str
    target: str
    kind: OverrideKind
    reason: str
    author: str
    created: Time
    expires: Time | None = Field(description="null: until it is deleted")
    gradual: bool
    forced: bool
    share: Ratio = Field(description="of its usual weight that the target has now")
    dns_off_at: Time | None
    safe_to_stop_at: Time | None


class DrainCreated(Model):
    """A drain that holds, its effect, and the generation of the answers that have it."""

    drain: Drain
    plan: DrainPlan
    generation: int


class DrainLifted(Model):
    """A drain that holds no longer, and the generation of the answers without it."""

    drain: Drain
    generation: int


class Drains(Model):
    """Every operator's word that holds now, oldest first."""

    drains: tuple[Drain, ...]


class FileDrain(Model):
    """A `drained` line of a policy file."""

    why: str
    until: Time | None
    where: str = Field(description="file:line:column")


class LocationKind(StrEnum):
    """How deep in the tree."""

    CLOUD = "cloud"
    REGION = "region"
    ZONE = "zone"
    ENDPOINT = "endpoint"


class LocationStatus(StrEnum):
    """What is believed of everything at a location together."""

    UP = "up"
    DOWN = "down"
    UNKNOWN = "unknown"
    PARTLY = "partly"  # some of it is down


class Location(Model):
    """A node of the cloud/region/zone tree; both kinds of drain stand side by side."""

    path: str
    kind: LocationKind
    status: LocationStatus
    status_ipv4: LocationStatus | None = None
    status_ipv6: LocationStatus | None = None
    detail: str = Field("", description="what the checks saw")
    masked: bool = Field(description="health keeps all of it out of the answers")
    drained: bool = Field(description="an operator keeps all of it out of the answers")
    capacity: Ratio = Field(description="healthy undrained weight over declared weight")
    ramp: Ratio = Field(1.0, description="share of its weight after a recovery (slow start)")
    weight: int = Field(ge=0, description="declared; of inner nodes the sum")
    addresses: tuple[str, ...] = ()
    api_drains: tuple[Drain, ...] = Field((), description="by operators' calls, at this level")
    file_drains: tuple[FileDrain, ...] = Field((), description="by policy files, at this level")
    children: tuple[Location, ...] = ()


class Locations(Model):
    """The whole tree, and the generation of the answers that it goes with."""

    generation: int
    clouds: tuple[Location, ...]


class WorkerStatus(Model):
    """One process that answers queries."""

    worker: int
    serving: bool
    generation: int
    restarts: int


class EndpointCounts(Model):
    """How many endpoints are in which state; a drained one counts as drained only."""

    up: int
    down: int
    unknown: int
    drained: int


class Status(Model):
    """How this node is."""

    version: str
    uptime_seconds: float
    ready: bool
    generation: int
    policy: str | None
    zones: tuple[str, ...]
    names: int | None
    geo: str | None
    alarms: tuple[str, ...] = Field(description="what somebody should look at")
    refused: tuple[str, ...] = Field(description="why the newest policies are not served")
    workers: tuple[WorkerStatus, ...]
    endpoints: EndpointCounts
    drains: int
    pending_removals: int = Field(description="held back by the limit on the speed of removal")
    last_event: int = Field(description="sequence number; a stream can begin behind it")


class ExplainQuery(Model):
    """Who asks for what."""

    name: str = Field(min_length=1, max_length=1024, examples=["www.example.com"])
    client: str = Field(min_length=1, max_length=64, examples=["192.0.2.0/24"])
    type: str = Field("A", min_length=1, max_length=16)
    resolver: str | None = Field(None, min_length=1, max_length=64)
    what_if: tuple[Annotated[str, Field(min_length=1, max_length=MAX_TARGET + 6)], ...] = Field(
        (),
        max_length=MAX_SUPPOSITIONS,
        description="`down:LOCATION`, `up:LOCATION` or `drain:LOCATION`",
    )


class Event(Model):
    """Something that happened: a transition with the outcome that tipped it, a drain, a reload."""

    sequence: int = Field(ge=0)
    at: Time
    kind: str = Field(pattern=r"^[a-z][a-z0-9_.-]{0,63}$")
    subject: str = Field(description="a location, a name, a file; empty: the node")
    text: str
    data: dict[str, Any] = Field(default_factory=dict)


class Fault(Model):
    """One thing that is wrong with a request."""

    where: str = Field(description="`body.reason`, `query.client`")
    text: str


class Problem(BaseModel):
    """An error (RFC 9457 §3.1). Some have members of their own, such as `plan`."""

    model_config = ConfigDict(frozen=True, extra="allow")

    type: str = "about:blank"
    title: str
    status: int
    detail: str = ""
    instance: str = Field("", description="the request's id; the node's log has it")
    errors: tuple[Fault, ...] = ()
