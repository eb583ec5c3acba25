"""What goes over the wire: the models of requests and answers, and so of the OpenAPI document."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from enum import StrEnum
from typing import Annotated, Any, Literal, Self

from pydantic import (
    AfterValidator,
    AwareDatetime,
    BaseModel,
    ConfigDict,
    Field,
    PlainSerializer,
    WithJsonSchema,
    model_validator,
)

from gslb.state import history
from gslb.state.locations import MAX_PATTERN, LocationError, matches, parse_pattern
from gslb.state.overrides import (
    AT_ONCE,
    DEFAULT_LASTS,
    GRADUAL,
    MAX_LASTS,
    MAX_REASON,
    Arrival,
    Kind,
    Override,
    arrivals,
    residual,
)
from gslb.state.tree import Node
from gslb.steering.draineffect import DrainPlan as Effect
from gslb.steering.draineffect import NameCapacity
from gslb.steering.flows import Move

MAX_SECONDS = int(MAX_LASTS.total_seconds())
DEFAULT_SECONDS = int(DEFAULT_LASTS.total_seconds())
MAX_SUPPOSITIONS = 32
LOCATION_PATTERN = r"^/?[A-Za-z0-9_.*?-]+(/[A-Za-z0-9_.*?-]+){0,3}/?$"


def _location(text: str) -> str:
    try:
        pattern = parse_pattern(text)
    except LocationError as error:
        raise ValueError(str(error)) from None
    if text.removeprefix("/").removesuffix("/") != pattern:  # a command line may be less exact
        raise ValueError("a location has no blanks around it, and one slash at an end at most")
    return pattern


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
Pattern = Annotated[
    str,
    AfterValidator(_location),  # the limits below, in words of its own
    WithJsonSchema(
        {
            "type": "string",
            "minLength": 1,
            "maxLength": MAX_PATTERN,
            "pattern": LOCATION_PATTERN,
            "examples": ["aws/*/az1"],
        }
    ),
]


class Model(BaseModel):
    """A value of the API: no field that it does not know, no change once made."""

    model_config = ConfigDict(frozen=True, extra="forbid", defer_build=True)


class DrainRequest(Model):
    """An operator's word: what is to get no traffic (or to count as up or down), and why."""

    location: Pattern = Field(
        description="cloud, cloud/region or cloud/region/zone, with wildcards"
    )
    reason: Line = Field(min_length=1, max_length=MAX_REASON)
    kind: Kind = Kind.DRAIN
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
        if self.gradual and self.kind is not Kind.DRAIN:
            raise ValueError("only a drain can be gradual")
        return self

    def end(self, now: datetime) -> datetime | None:
        """Return when it is to end if it begins *now* (aware); None: never, or nobody said."""
        return self.until if self.seconds is None else now + timedelta(seconds=self.seconds)


class WaitQuery(Model):
    """When to be answered."""

    wait: Literal["push"] | None = Field(
        None, description="`push`: not before the copies elsewhere follow, or a minute has passed"
    )


class LiftQuery(WaitQuery):
    """Why a drain ends; for the audit log."""

    reason: Annotated[Line, Field(max_length=MAX_REASON)] | None = None


class DrainPlan(Model):
    """What a drain would do, before it is done."""

    endpoints: tuple[str, ...] = Field(description="ids that it takes out")
    already: tuple[str, ...] = Field(description="ids at the location that are out as it is")
    names_touched: int
    ttl: int = Field(description="seconds; the longest of the names touched")
    moved: float = Field(description="share of the answers of these names that go elsewhere")
    moves: tuple[Move, ...] = Field(description="where to, the greatest first")
    names: tuple[NameCapacity, ...] = Field(description="those with the least left, first")
    refusals: tuple[str, ...] = Field(description="why the guard refuses; empty: it does not")
    dns_off_at: Time | None = Field(description="when no answer has it any more")
    safe_to_stop_at: Time | None = Field(description="when those who keep answers too long let go")
    reasons: tuple[str, ...] = Field(
        description="why traffic leaves sites of which only a part is drained"
    )
    unheeded: float = Field(
        description="share of the answers of these names that go on to drained endpoints, because"
        " nothing else is left"
    )
    arriving: tuple[Arrival, ...] = Field(
        description="what still arrives after `dns_off_at`, as resolvers forget"
    )

    @classmethod
    def of(cls, effect: Effect, request: DrainRequest, now: datetime) -> Self:
        """Return *effect* with its times, if *request* is granted *now* (aware)."""
        stages = GRADUAL if request.gradual else AT_ONCE
        off = now + timedelta(seconds=effect.ttl * (len(stages) - 1))
        drains = request.kind is Kind.DRAIN
        return cls(
            endpoints=effect.endpoints,
            already=effect.already,
            names_touched=effect.names_touched,
            ttl=effect.ttl,
            moved=effect.moved,
            moves=effect.moves,
            names=effect.names,
            refusals=effect.refusals,
            dns_off_at=off if drains else None,
            safe_to_stop_at=off + residual(effect.ttl) if drains else None,
            reasons=effect.reasons,
            unheeded=effect.unheeded,
            arriving=arrivals(effect.ttl) if drains else (),
        )


class DryRun(Model):
    """The answer to a drain that was only planned."""

    dry_run: bool
    plan: DrainPlan


class Drain(Model):
    """An operator's word that holds now."""

    id: int
    location: str
    kind: Kind
    reason: str
    author: str
    created: Time
    expires: Time | None = Field(description="null: until it is deleted")
    gradual: bool
    forced: bool
    share: Ratio = Field(description="of its usual weight that it leaves its endpoints now")
    dns_off_at: Time | None
    safe_to_stop_at: Time | None

    @classmethod
    def of(cls, override: Override, at: datetime) -> Self:
        """Return *override* as it is at *at* (aware)."""
        drains = override.kind is Kind.DRAIN
        return cls(
            id=override.id,
            location=override.pattern,
            kind=override.kind,
            reason=override.reason,
            author=override.author,
            created=override.created,
            expires=override.expires,
            gradual=len(override.stages) > 1,
            forced=override.forced,
            share=override.share(at),
            dns_off_at=override.off_at if drains else None,
            safe_to_stop_at=override.safe_to_stop_at if drains else None,
        )


class DrainCreated(Model):
    """A drain that holds, its effect, and the generation of the answers that have it."""

    drain: Drain
    plan: DrainPlan
    generation: int
    pending: str = Field("", description="why the answers do not follow it yet; empty: they do")


class DrainLifted(Model):
    """A drain that holds no longer, and the generation of the answers without it."""

    drain: Drain
    generation: int
    pending: str = Field("", description="why the answers do not follow yet; empty: they do")


class Drains(Model):
    """Every operator's word that holds now, oldest first."""

    drains: tuple[Drain, ...]


class FileDrain(Model):
    """A `drained` line of a policy file."""

    why: str
    until: Time | None
    where: str = Field(description="file:line:column")


class LocationStatus(StrEnum):
    """What is believed of everything at a location together."""

    UP = "up"
    DOWN = "down"
    UNKNOWN = "unknown"
    PARTLY = "partly"  # some of it is down


class Location(Model):
    """A node of the cloud/region/zone tree; both kinds of drain stand side by side."""

    path: str
    status: LocationStatus
    endpoints: int = Field(description="at and below; so are `up` to `waiting`")
    up: int
    down: int
    unknown: int
    drained: int
    usable: int = Field(description="neither down nor drained")
    waiting: int = Field(description="down, held back by the limit on the speed of removal")
    masked: bool = Field(description="health keeps all of it out of the answers")
    weight: int = Field(description="declared")
    capacity: float = Field(description="usable weight over declared weight, 0 to 1")
    overrides: tuple[Drain, ...] = Field(description="operators' calls that begin at this level")
    file_drain: FileDrain | None = Field(description="a policy file's line, if it holds all of it")
    children: tuple[Location, ...] = ()

    @classmethod
    def of(
        cls, node: Node, overrides: Sequence[Override], at: datetime, parent: str | None = None
    ) -> Self:
        """Return *node* and all below it, with what *overrides* say of them at *at* (aware)."""
        here = [
            Drain.of(one, at)
            for one in overrides
            if matches(one.pattern, node.path)
            and (parent is None or not matches(one.pattern, parent))
        ]
        file = node.file
        return cls(
            path=node.path,
            status=_status(node),
            endpoints=node.endpoints,
            up=node.up,
            down=node.down,
            unknown=node.unknown,
            drained=node.drained,
            usable=node.usable,
            waiting=node.waiting,
            masked=node.masked,
            weight=node.weight,
            capacity=node.capacity,
            overrides=tuple(here),
            file_drain=file and FileDrain(why=file.why, until=file.until, where=str(file.where)),
            children=tuple(cls.of(child, overrides, at, node.path) for child in node.children),
        )


def _status(node: Node) -> LocationStatus:
    if node.down:
        return LocationStatus.DOWN if node.down == node.endpoints else LocationStatus.PARTLY
    return LocationStatus.UP if node.up else LocationStatus.UNKNOWN


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
    failed: tuple[str, ...] = Field(
        description="what could not be done, though nothing is wrong with the policies"
    )
    warnings: int = Field(description="of the policies that are served; `gslb check` shows them")
    notes: tuple[str, ...] = Field(description="which checks are not run, and why")
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
    what_if: tuple[Annotated[str, Field(min_length=1, max_length=MAX_PATTERN + 6)], ...] = Field(
        (),
        max_length=MAX_SUPPOSITIONS,
        description="`down:LOCATION`, `up:LOCATION` or `drain:LOCATION`",
    )


class Event(Model):
    """Something that happened: a transition with the outcome that tipped it, a drain, a reload."""

    sequence: int
    at: Time
    kind: str = Field(examples=["endpoint.down", "drain.created"])
    subject: str = Field(description="what it happened to")
    detail: dict[str, Any]

    @classmethod
    def of(cls, event: history.Event) -> Self:
        """Return *event* as it is shown."""
        return cls(
            sequence=event.sequence,
            at=event.at,
            kind=event.kind,
            subject=event.subject,
            detail=dict(event.detail),
        )


class Fault(Model):
    """One thing that is wrong with a request."""

    where: str = Field(description="`body.reason`, `query.client`")
    text: str


class Problem(BaseModel):
    """An error (RFC 9457 §3.1). Some have members of their own, such as `plan`."""

    model_config = ConfigDict(frozen=True, extra="allow", defer_build=True)

    type: str = "about:blank"
    title: str
    status: int
    detail: str = ""
    instance: str = Field("", description="the request's id; the node's log has it")
    errors: tuple[Fault, ...] = ()
