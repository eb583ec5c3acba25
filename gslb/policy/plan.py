"""A plan: what the policies say with every name resolved and every default filled in.

`policy.compile` makes it; steering, explanation, health checks and push read nothing else.
Nothing in it depends on time, health or clients.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from gslb.policy.problems import Where


class Pick(StrEnum):
    """How a rule chooses among the sites of its ``to``."""

    SHARE = "share"
    NEAREST = "nearest"
    LATENCY = "latency"
    HASH = "hash"


class Spread(StrEnum):
    """Which endpoints may stand together in one answer."""

    ZONE = "zone"  # never two from one availability zone
    NONE = "none"


class WhenAllDown(StrEnum):
    """What a rule answers when nothing that it may use is up."""

    SERVE_ALL = "serve_all"
    LAST_RESORT = "last_resort"
    REFUSE = "refuse"


class Families(StrEnum):
    """Whether the address families of an endpoint are judged as one."""

    TOGETHER = "together"
    APART = "apart"


@dataclass(frozen=True, slots=True)
class Drained:
    """An operator's word, in a file, that something is to get no traffic."""

    why: str
    until: datetime | None  # aware; None: until the line is removed
    where: Where


CALCULATED = "calculated"  # type of a check that is made of others


@dataclass(frozen=True, slots=True)
class Check:
    """How an endpoint is probed. Durations in seconds. Equal checks are one check.

    A calculated check has `parts`, and of the other fields only times: those of its slowest leaf.
    """

    type: str
    port: int | None
    path: str | None
    host: str | None  # HTTP Host and SNI; None: the record's own name
    expect: tuple[tuple[int, int], ...]  # accepted HTTP codes as closed ranges
    body: str | None  # text that must appear in the first 64 KiB
    target: str | None  # address or host name to probe in place of the endpoint's own
    every: float
    timeout: float
    down_after: int
    up_after: int
    quorum: tuple[int, int] | None  # (2, 3): two of at least three checkers
    vantage: tuple[str, ...]  # ``from:``; empty: any checker
    extra: tuple[tuple[str, str], ...] = ()  # fields that only this type of check has, in order
    scope: bytes | None = None  # apex of the only zone that it judges for (`namesakes`); None: all
    needed: int = 0  # of `parts`, so many have to be up
    parts: tuple[Check, ...] = ()

    @property
    def leaves(self) -> tuple[Check, ...]:
        """The checks that are probed: itself, unless it is calculated; some may be there twice."""
        if not self.parts:
            return (self,)
        return tuple(leaf for part in self.parts for leaf in part.leaves)


def words_of(check: Check) -> str:
    """Return how *check* is called in messages: "https 443 /healthz", "1 of (tcp 443, icmp)"."""
    if check.parts:
        return f"{check.needed} of ({', '.join(map(words_of, check.parts))})"
    words = (check.type, check.port, check.path, check.target and f"at {check.target}")
    return " ".join(str(word) for word in words if word)


@dataclass(frozen=True, slots=True)
class Endpoint:
    """One load balancer in one availability zone: addresses, or a name that stands for them."""

    id: str  # "aws/us-east-1/use1-az1"; "aws/us-east-1/use1-az1/2" for the second in a list
    weight: int  # 0 to 1000; 0: only when every weighted one is gone
    a: bytes | None  # 4 octets
    aaaa: bytes | None  # 16 octets
    alias: bytes | None  # wire-form name that we resolve and flatten
    cname: bytes | None  # wire-form name that is handed on
    drained: Drained | None
    where: Where


@dataclass(frozen=True, slots=True)
class AvailabilityZone:
    """The endpoints of one availability zone of a site."""

    name: str
    endpoints: tuple[Endpoint, ...]


@dataclass(frozen=True, slots=True)
class Site:
    """A cloud's region. `Endpoint.drained` already includes a drain of its zone or site."""

    name: str  # "aws/us-east-1"
    zones: tuple[AvailabilityZone, ...]
    bias: int  # -99 to 99, for nearest
    at: tuple[float, float] | None  # degrees north, east; None: from the list of cloud regions
    where: Where

    @property
    def endpoints(self) -> tuple[Endpoint, ...]:
        """All endpoints, in the order of the file."""
        return tuple(endpoint for zone in self.zones for endpoint in zone.endpoints)


@dataclass(frozen=True, slots=True)
class Term:
    """One word of a condition as written (an area, an AS number, a carrier, a prefix), and where."""

    text: str
    where: Where


@dataclass(frozen=True, slots=True)
class Condition:
    """Which clients a rule is for. Keys are AND, the terms of a key are OR, empty keys match all."""

    area: tuple[Term, ...] = ()
    asn: tuple[Term, ...] = ()  # decimal digits, no "AS"
    carrier: tuple[Term, ...] = ()
    net: tuple[Term, ...] = ()  # prefixes of the client (ECS, or else the resolver)
    resolver: tuple[Term, ...] = ()  # prefixes of the resolver itself
    qtype: tuple[Term, ...] = ()
    excluded: tuple[Condition, ...] = ()  # ``not:``; the client may match none of these


@dataclass(frozen=True, slots=True)
class Target:
    """A site of a rule's ``to``, with its share of the traffic."""

    site: str
    share: int  # 0 to 1000; 0: only when every weighted one is gone


@dataclass(frozen=True, slots=True)
class Rule:
    """Which clients get which sites. The first rule whose condition holds decides."""

    name: str
    when: Condition | None  # None: everybody
    pick: Pick
    to: tuple[Target, ...]
    then: tuple[str, ...]  # sites, in this order, once ``to`` cannot carry the load
    fence: bool
    tie_ms: float  # latency: sites within this of the best share by weight
    where: Where

    @property
    def sites(self) -> tuple[str, ...]:
        """Every site that this rule may use, preferred first, each once."""
        return tuple(dict.fromkeys([target.site for target in self.to] + list(self.then)))


@dataclass(frozen=True, slots=True)
class Panic:
    """When health is no longer believed."""

    below: float  # 0 to 1, healthy weight over all weight that the rule may use
    serve: str  # "all", "none" or "last_resort"


@dataclass(frozen=True, slots=True)
class LastResort:
    """Fixed records that stand in when nothing else may be answered."""

    a: tuple[bytes, ...]
    aaaa: tuple[bytes, ...]
    cname: bytes | None
    where: Where


@dataclass(frozen=True, slots=True)
class Https:
    """The HTTPS record of a steered name; the hints follow the same decision as A and AAAA."""

    priority: int
    alpn: tuple[str, ...]
    port: int | None
    hints: bool


@dataclass(frozen=True, slots=True)
class Protect:
    """Limits on automatic removal; None switches one off. Seconds and shares of 1."""

    slow_start: float | None
    damping: bool
    removal: tuple[float, float] | None  # (share, per seconds)


@dataclass(frozen=True, slots=True)
class Policy:
    """How names are steered. Names whose settings are equal share one, and so one decision."""

    name: str  # the shared rule list's name, or the first record's own
    rules: tuple[Rule, ...]
    ttl: int  # seconds
    count: int  # addresses in an answer, at most
    spread: Spread
    # By site: its spare capacity over its usual load. With h, it keeps its full share while its
    # capacity is at least 1 / (1 + h). 0.5, half as much again as usual: two zones of three are
    # enough. The share of the site that may be *lost* is another number, h / (1 + h).
    headroom: Mapping[str, float]
    capacity_at: Mapping[str, Where]  # by site, where `headroom` is written; not the default's
    checks: Mapping[str, Check | None]  # by site
    panic: Panic
    when_all_down: WhenAllDown
    last_resort: LastResort | None
    https: Https | None
    families: Families
    protect: Protect
    ignore_ecs: bool
    where: Where


@dataclass(frozen=True, slots=True)
class StaticRRset:
    """An RRset of the zone's own data."""

    rtype: int
    ttl: int
    rdatas: tuple[bytes, ...]  # wire form, names not compressed


@dataclass(frozen=True, slots=True)
class Soa:
    """The zone's SOA; names in wire form, times in seconds."""

    mname: bytes
    rname: bytes
    serial: int
    refresh: int
    retry: int
    expire: int
    minimum: int
    ttl: int


@dataclass(frozen=True, slots=True)
class ZonePlan:
    """One served zone.

    Owner names are wire form in lower case. `static` holds the apex NS RRset and the addresses of
    the name servers too, not the SOA. `cuts` are the owners of delegations; data at and below a cut
    other than NS and DS is glue.
    """

    apex: bytes
    soa: Soa
    static: Mapping[bytes, tuple[StaticRRset, ...]]
    cuts: frozenset[bytes]
    sites: Mapping[str, Site]
    policies: tuple[Policy, ...]
    names: tuple[tuple[bytes, int], ...]  # steered owner name, index into policies
    ecs: bool  # client subnets are used in this zone unless a policy ignores them
    where: Where


@dataclass(frozen=True, slots=True)
class Plan:
    """Everything that the policy files say."""

    zones: tuple[ZonePlan, ...]
    hash: str  # of the files' octets, 7 hexadecimal digits or more
