"""What the API says of copies of our zones at other services, and of pushes to them."""

from __future__ import annotations

import re
from enum import StrEnum
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, BeforeValidator, Field, WithJsonSchema

from gslb.api.drainmodels import DrainCreated, DrainLifted
from gslb.api.models import Model
from gslb.policy.names import BadNameError, read_name
from gslb.wire.names import to_text

WAIT_SECONDS = 60.0  # that an answer waits for copies to follow; providers document as much
MAX_TAKEOVER = 100  # names in one plan


class CopyWord(StrEnum):
    """How a copy stands."""

    PENDING = "pending"
    INSYNC = "insync"
    HELD = "held"
    FAILED = "failed"
    UNAVAILABLE = "unavailable"


def _absolute(text: object) -> object:
    if not isinstance(text, str):
        return text
    try:
        return to_text(read_name(text))
    except BadNameError as error:
        raise ValueError(str(error)) from None


def _owner(text: str) -> str:
    if not text:
        raise ValueError("an owner has at least one character")
    return text


def _hash(text: str) -> str:
    if re.fullmatch(HASH_PATTERN, text) is None:
        raise ValueError("16 hexadecimal digits in lower case, as gslb push plan prints them")
    return text


HASH_PATTERN = r"^[0-9a-f]{16}$"
PlanHash = Annotated[
    str,
    AfterValidator(_hash),  # in words of its own
    WithJsonSchema({"type": "string", "pattern": HASH_PATTERN}),
]
Name = Annotated[str, BeforeValidator(_absolute), Field(max_length=1024)]
ProviderName = Literal["route53", "clouddns"]


class Copy(Model):
    """One managed zone. Shares of 1."""

    provider: str
    zone: str = Field(description="of ours, absolute")
    place: str = Field(description="the provider's name of it")
    state: CopyWord = Field(
        description="pending: something is on its way; held: an operator's word is wanted"
    )
    reason: str = Field(description="why it is not in sync")
    generation: int = Field(description="of what it should hold; rises with each change")
    pushed: int = Field(description="the newest that it was found to hold since the start")
    begun: bool = Field(description="whether it is kept up by itself")
    change: str = Field(description="the provider's name of the last change")
    part: int = Field(description="batches of the last push that have landed")
    of: int = Field(description="batches of the last push")
    succeeded_at: float | None = Field(description="seconds since 1970")
    behind_since: float | None = Field(description="seconds since 1970; null: it is not")
    stops: tuple[str, ...] = Field(description="thresholds that were hit")
    alarms: tuple[str, ...]
    plan: str = Field(description="hash of the plan that waits for an operator")
    drift: dict[str, int] = Field(description="what somebody else has changed, by class")
    losses: dict[str, int] = Field(description="what it cannot say, by severity")
    quota: dict[str, tuple[int, int]] = Field(description="used, allowed")
    cost: float | None = Field(description="US dollars a month for health checks, by list price")
    wrong: float | None = Field(description="of sampled answers: not what was pushed")
    differs: float | None = Field(description="of sampled answers: not what this node answers")
    runs: dict[str, int] = Field(description="pushes by result")
    changed: dict[str, int] = Field(description="record sets by action")


class CopyList(Model):
    """Every copy."""

    copies: tuple[Copy, ...]


class PushPlanRequest(Model):
    """Which copies to plan a push for, and what beside the policies is wanted of them."""

    provider: ProviderName | None = None
    zone: Name | None = None
    takeover: tuple[Name, ...] = Field(
        (),
        max_length=MAX_TAKEOVER,
        description="names whose records become ours, whoever made them",
    )
    predecessor: Annotated[str, AfterValidator(_owner), Field(max_length=32)] | None = Field(
        None, description="an owner whose records all become ours"
    )
    purge: bool = Field(False, description="everything of ours goes")

    @property
    def drastic(self) -> bool:
        """Whether it is about more than keeping a copy up."""
        return bool(self.takeover or self.predecessor or self.purge)


class PushPlans(Model):
    """A plan for each copy: as `gslb push plan --json` prints it, or `error`."""

    plans: tuple[dict[str, Any], ...]


class PushApplyRequest(Model):
    """Which plan to carry out; refused if anything has changed since it was made."""

    plan_hash: PlanHash
    force: bool = Field(False, description="although thresholds are hit")


class PushVerifyRequest(Model):
    """Which copies to read and compare."""

    provider: ProviderName | None = None
    zone: Name | None = None
    answers: bool = Field(True, description="compare what sampled clients are answered, too")


class PushVerified(Model):
    """What each copy was found to be: drift by class, shares of wrong answers, or `error`."""

    copies: tuple[dict[str, Any], ...]


class DrainAnswer(DrainCreated):
    """A drain that holds, its effect, and how the copies elsewhere stand."""

    copies: tuple[Copy, ...] = Field((), description="empty where an earlier reply is repeated")


class LiftAnswer(DrainLifted):
    """A drain that holds no longer, and how the copies elsewhere stand."""

    copies: tuple[Copy, ...]
