"""The models that all of the API shares, and those of the node itself: status, events, errors."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Annotated, Any, Self

from pydantic import AfterValidator, AwareDatetime, BaseModel, ConfigDict, Field, PlainSerializer

from gslb.state import history
from gslb.state.locations import MAX_PATTERN

MAX_SUPPOSITIONS = 32


def _printable(text: str) -> str:
    """Refuse what would break a line of a log or a terminal."""
    if not text.isprintable() or not text.strip():
        raise ValueError("one line of printable text is wanted")
    return text


def _as_utc(time: datetime) -> str:
    return time.astimezone(UTC).isoformat(timespec="seconds").replace("+00:00", "Z")


Time = Annotated[AwareDatetime, PlainSerializer(_as_utc, return_type=str, when_used="json")]
Line = Annotated[str, AfterValidator(_printable)]


class Model(BaseModel):
    """A value of the API: no field that it does not know, no change once made."""

    model_config = ConfigDict(frozen=True, extra="forbid", defer_build=True)


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
