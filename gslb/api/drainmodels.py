"""What the API says of drains: what is asked for, what it would do, what holds."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Annotated, Literal, Self

from pydantic import AfterValidator, Field, WithJsonSchema, model_validator

from gslb.api.models import Line, Model, Time
from gslb.state.locations import MAX_PATTERN, LocationError, parse_pattern
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
from gslb.steering.draineffect import DrainPlan as Effect
from gslb.steering.draineffect import NameCapacity
from gslb.steering.flows import Move

MAX_SECONDS = int(MAX_LASTS.total_seconds())
DEFAULT_SECONDS = int(DEFAULT_LASTS.total_seconds())
LOCATION_PATTERN = r"^/?[A-Za-z0-9_.*?-]+(/[A-Za-z0-9_.*?-]+){0,3}/?$"


def _location(text: str) -> str:
    try:
        pattern = parse_pattern(text)
    except LocationError as error:
        raise ValueError(str(error)) from None
    if text.removeprefix("/").removesuffix("/") != pattern:  # a command line may be less exact
        raise ValueError("a location has no blanks around it, and one slash at an end at most")
    return pattern


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
