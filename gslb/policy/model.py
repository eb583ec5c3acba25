"""What a policy file may say. Field names here are the words in the YAML.

A model holds what was written, checked word by word; `policy.compile` resolves names and defaults.
Messages of the validators are written for operators: they say what was read and what would do.
"""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Annotated, Any, Literal, Self

from pydantic import (
    AfterValidator,
    BeforeValidator,
    Field,
    WithJsonSchema,
    model_validator,
)

from gslb.policy.basics import HostName, Name, Strict, Word
from gslb.policy.checkmodel import CheckFields, CheckRef
from gslb.policy.values import (
    MAX_TTL,
    V4,
    V6,
    Address,
    Headroom,
    Milliseconds,
    OneOrMany,
    Seconds,
    Share,
    Ttl,
    as_text,
)
from gslb.policy.wording import shown

MAX_ANSWERS = 8  # addresses in one answer; protocol.md Z4
MAX_TERMS = 1000  # words in one list of a condition
MAX_RULES = 1000  # of one name; they are tried one after the other
MAX_ADDRESSES = 16  # of one name server
MAX_ENDPOINTS = 256  # in one availability zone
HEADROOM = (
    "spare capacity over the usual load; 50%: a site can carry half as much again as usual,"
    " so two of three zones are enough"
)

Weight = Annotated[
    int, Field(ge=0, le=1000, description="relative; 0: only when every weighted one is gone")
]
SiteName = Annotated[
    str,
    Field(
        pattern=r"^[a-z0-9]([a-z0-9-]*[a-z0-9])?/[a-z0-9]([a-z0-9-]*[a-z0-9])?$",
        description="cloud/region",
    ),
]
Words = Annotated[list[Word], OneOrMany(), Field(min_length=1, max_length=MAX_TERMS)]
Number = Annotated[Word, BeforeValidator(as_text), WithJsonSchema({"type": ["string", "integer"]})]
Numbers = Annotated[list[Number], OneOrMany(), Field(min_length=1, max_length=MAX_TERMS)]


def _until(value: Any) -> Any:
    """Read an ISO 8601 moment; one without an offset is refused, for nobody knows which it is."""
    if not isinstance(value, str):
        raise ValueError('give a moment such as "2026-12-01T06:00Z"')
    try:
        moment = datetime.fromisoformat(value)
    except ValueError:
        raise ValueError(f'{shown(value)} is not a moment such as "2026-12-01T06:00Z"') from None
    if moment.tzinfo is None:
        text = moment.isoformat(timespec="auto" if moment.second else "minutes")
        raise ValueError(f'{shown(value)} has no time zone; write "{text}Z" for UTC')
    return moment.astimezone(UTC)


class Drain(Strict):
    """An operator's word that something is to get no traffic."""

    why: str = Field(
        min_length=1,
        max_length=500,
        pattern=r"^[^\x00-\x1f\x7f-\x9f]*$",
        description="for the people who find it later",
    )
    until: Annotated[datetime, BeforeValidator(_until)] | None = Field(
        default=None, description="ISO 8601 with a time zone; without it, until the line is removed"
    )


class Endpoint(Strict):
    """One load balancer: addresses, or a name that stands for them."""

    A: V4 | None = None
    AAAA: V6 | None = None
    alias: HostName | None = Field(
        default=None, description="host name that we resolve again at its TTL"
    )
    CNAME: HostName | None = Field(default=None, description="host name that is handed on")
    weight: Weight = 1
    drained: Drain | None = None

    @model_validator(mode="after")
    def _one_kind(self) -> Self:
        kinds = [bool(self.A or self.AAAA), bool(self.alias), bool(self.CNAME)]
        if sum(kinds) == 0:
            raise ValueError("an endpoint needs A, AAAA, alias or CNAME")
        if sum(kinds) > 1:
            raise ValueError(
                "an endpoint has addresses (A, AAAA), or alias, or CNAME: only one of the three"
            )
        return self


Endpoints = Annotated[list[Endpoint], OneOrMany(), Field(min_length=1, max_length=MAX_ENDPOINTS)]


def _on_earth(point: list[float]) -> list[float]:
    if not (-90 <= point[0] <= 90 and -180 <= point[1] <= 180):
        raise ValueError("degrees north (-90 to 90) come first, then degrees east (-180 to 180)")
    return point


Point = Annotated[list[float], Field(min_length=2, max_length=2), AfterValidator(_on_earth)]


class Site(Strict):
    """A cloud's region, and the endpoints in its availability zones."""

    zones: dict[Name, Endpoints] = Field(min_length=1, description="availability zones")
    at: Point | None = Field(
        default=None,
        description="[degrees north, degrees east]; known for the regions of the large clouds",
    )
    bias: Annotated[int, Field(ge=-99, le=99)] = Field(
        default=0, description="for pick: nearest; above 0 attracts"
    )
    check: CheckRef | None = None
    headroom: Headroom | None = Field(default=None, description=HEADROOM)
    drained: Drain | None = None


class Condition(Strict):
    """Which clients: keys are AND, lists are OR."""

    area: Words | None = Field(
        default=None, description="countries, subdivisions, named groups: CN, US-CA, eu27"
    )
    asn: Numbers | None = Field(default=None, description="origin AS numbers")
    carrier: Words | None = Field(default=None, description="named lists of AS numbers: cn-telecom")
    net: Words | None = Field(default=None, description="prefixes of clients")
    resolver: Words | None = Field(default=None, description="prefixes of the resolvers that ask")
    qtype: Words | None = Field(default=None, description="A, AAAA, HTTPS")
    not_: Annotated[list[Condition], OneOrMany()] | None = Field(default=None, alias="not")

    @model_validator(mode="after")
    def _says_something(self) -> Self:
        if not self.model_fields_set:
            raise ValueError(
                "an empty condition; leave `when` out for a rule that is for everybody"
            )
        return self


ShareOfTraffic = Annotated[int, Field(ge=0, le=1000)]


class Rule(Strict):
    """Which clients get which sites."""

    name: Name | None = None
    when: Condition | None = Field(default=None, description="nothing: everybody")
    pick: Literal["share", "nearest", "latency", "hash"] = "share"
    tie: Milliseconds | None = Field(
        default=None, description="latency: sites this close share by weight"
    )
    to: SiteName | list[SiteName] | dict[SiteName, ShareOfTraffic] = Field(
        description="a site, a list (equal shares) or a map (shares)"
    )
    then: Annotated[list[SiteName], OneOrMany()] = Field(
        default_factory=list, description="in this order once `to` cannot carry the load"
    )
    fence: bool = Field(default=False, description="never answer with anything else")


class Answer(Strict):
    """The shape of an answer."""

    count: Annotated[int, Field(ge=1, le=MAX_ANSWERS)] | None = Field(
        default=None, description="addresses, at most"
    )
    spread: Literal["zone", "none"] | None = Field(
        default=None, description="zone: never two from one zone"
    )


class Panic(Strict):
    """When health is no longer believed."""

    below: Share = Field(description="healthy share of everything that the rule may use")
    serve: Literal["all", "none", "last_resort"] = "all"


class Removal(Strict):
    """How fast health may take endpoints away."""

    share: Share
    per: Seconds


class Protect(Strict):
    """Limits on what happens automatically; `off` switches one off."""

    slow_start: Seconds | Literal["off"] | None = None
    damping: Literal["on", "off"] | None = None
    removal: Removal | Literal["off"] | None = None


class LastResort(Strict):
    """Fixed records for when nothing else may be answered."""

    A: Annotated[list[V4], OneOrMany()] = Field(default_factory=list, max_length=MAX_ANSWERS)
    AAAA: Annotated[list[V6], OneOrMany()] = Field(default_factory=list, max_length=MAX_ANSWERS)
    CNAME: HostName | None = None

    @model_validator(mode="after")
    def _one_kind(self) -> Self:
        if not (self.A or self.AAAA or self.CNAME):
            raise ValueError("needs A, AAAA or CNAME")
        if self.CNAME and (self.A or self.AAAA):
            raise ValueError("has addresses or a CNAME, not both")
        return self


class Https(Strict):
    """The HTTPS record of a name (RFC 9460); hints follow the same decision as A and AAAA."""

    priority: Annotated[int, Field(ge=1, le=65535)] = 1
    alpn: Annotated[list[Word], OneOrMany()] = Field(default_factory=lambda: ["h2"], max_length=8)
    port: Annotated[int, Field(ge=1, le=65535)] | None = None
    hints: bool = True


class Steering(Strict):
    """Settings that defaults, shared policies and records have in common."""

    ttl: Ttl | None = None
    answer: Answer | None = None
    check: CheckRef | None = None
    headroom: Headroom | None = Field(default=None, description=HEADROOM)
    panic: Panic | None = None
    when_all_down: Literal["serve_all", "last_resort", "refuse"] | None = None
    acknowledge: bool | None = Field(
        default=None, description="true: yes, refuse may leave clients without an answer"
    )
    last_resort: LastResort | None = None
    https: Https | None = None
    families: Literal["together", "apart"] | None = None
    protect: Protect | None = None
    ignore_ecs: bool | None = None
    recover_in: Seconds | None = Field(
        default=None, description="promise: clients have left a dead endpoint by then"
    )


class SharedPolicy(Steering):
    """A rule list that many records may use."""

    rules: list[Rule] = Field(min_length=1, max_length=MAX_RULES, description="first match wins")


class Record(Steering):
    """A steered name: rules of its own, or a shared policy."""

    policy: Name | None = Field(default=None, description="a rule list from policies")
    rules: list[Rule] | None = Field(
        default=None, min_length=1, max_length=MAX_RULES, description="first match wins"
    )

    @model_validator(mode="after")
    def _one_source(self) -> Self:
        if self.policy is None and self.rules is None:
            raise ValueError("a record needs rules, or a policy that has them")
        if self.policy is not None and self.rules is not None:
            raise ValueError("a record has rules of its own or a policy, not both")
        return self


Timer = Annotated[int, Field(ge=1, le=2**31 - 1)]  # seconds; RFC 2181 §8 has the bound for TTLs


class SoaFields(Strict):
    """Values of the SOA record; times in seconds."""

    mname: HostName | None = Field(default=None, description="the first name server if not given")
    contact: HostName | None = Field(
        default=None, description="mail address or its DNS form; hostmaster if not given"
    )
    serial: Annotated[int, Field(ge=0, le=2**32 - 1)] | None = Field(
        default=None, description="automatic if not given"
    )
    refresh: Timer = 7200
    retry: Timer = 1800
    expire: Timer = 1_209_600
    minimum: Annotated[int, Field(ge=0, le=MAX_TTL)] = Field(
        default=60, description="TTL of negative answers"
    )
    ttl: Ttl = 3600


class Dns(Strict):
    """The zone that is served."""

    zone: HostName
    nameservers: dict[
        HostName, Annotated[list[Address], OneOrMany(), Field(max_length=MAX_ADDRESSES)]
    ] = Field(min_length=1, max_length=13, description="name: addresses")
    soa: SoaFields = Field(default_factory=SoaFields)
    ns_ttl: Ttl = 86_400
    glue_ttl: Ttl = 3600
    static: str | None = Field(
        default=None, description="zone-file text, or the path of a zone file"
    )


class PolicyFile(Strict):
    """One served zone: who gets which endpoint, and why."""

    version: Literal[1]
    dns: Dns
    include: Annotated[list[str], OneOrMany()] = Field(
        default_factory=list, description="files below this folder: [sites/*.yaml]"
    )
    defaults: Steering = Field(default_factory=Steering)
    checks: dict[Name, CheckFields] = Field(default_factory=dict, description="templates")
    sites: dict[SiteName, Site] = Field(default_factory=dict, description="cloud/region")
    policies: dict[Name, SharedPolicy] = Field(
        default_factory=dict, description="rule lists to share"
    )
    records: dict[HostName, Record] = Field(default_factory=dict, description="steered names")
