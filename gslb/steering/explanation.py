"""Why a client gets the answer that it gets, as a value: for people, the API and tests."""

from __future__ import annotations

from dataclasses import asdict, dataclass

from gslb.steering.existence import Outcome
from gslb.steering.model import Level, Reason


@dataclass(frozen=True, slots=True)
class ClientLine:
    """Who is asking, as far as it matters."""

    asked: str  # as written: an address or a prefix
    address: str  # what the decision is made by
    area: str  # "CI-AB"; "" unknown
    precision: str  # "subdivision", "country", "unknown"
    asn: int  # 0 unknown
    source: str  # "ECS /24", "its own address", "resolver 192.0.2.53"
    scope: int | None  # ECS prefix length of the answer; None: no ECS in it


@dataclass(frozen=True, slots=True)
class TermTrace:
    """One key of a condition for one client."""

    key: str  # "area", "asn", "carrier", "net", "resolver", "qtype"; "not area" …
    wanted: str  # as written: "eu27, GB, CH"
    got: str  # what the client has: "CI-AB", "AS29571", "41.66.0.1"
    ok: bool


@dataclass(frozen=True, slots=True)
class RuleLine:
    """One rule for this client."""

    name: str
    matched: bool
    decides: bool  # the first that matched
    how: str  # "pick latency, tie 15 ms"
    reasons: tuple[TermTrace, ...]


@dataclass(frozen=True, slots=True)
class SiteLine:
    """One site that the rule may use."""

    site: str
    share: float  # of this client's answers, 0 to 1
    reason: Reason | None
    weight: int | None  # as written in ``to``; None: from ``then``
    ms: float | None
    km: float | None
    basis: str  # how its rank is known; "" where sites are not ranked
    slower_ms: float | None  # than the best
    capacity: float  # healthy undrained weight over all weight
    needed: float  # capacity from which it keeps its full share
    kept: float  # share of its own traffic that it keeps


@dataclass(frozen=True, slots=True)
class EndpointLine:
    """One endpoint of a site that is answered, or would be."""

    endpoint: str
    site: str
    zone: str
    addresses: tuple[str, ...]
    weight: int
    status: str
    detail: str  # what the checks saw
    drained: str  # "" or why, where, until when
    chance: float  # to be the first address of an answer of its site, 0 to 1


@dataclass(frozen=True, slots=True)
class Alternative:
    """One set of records that may be the answer."""

    records: tuple[str, ...]  # RDATA as text, sorted
    chance: float


@dataclass(frozen=True, slots=True)
class Explanation:
    """The whole story of one question by one client."""

    name: str
    rtype: str
    client: ClientLine | None  # None: the answer does not depend on the client
    outcome: Outcome
    rcode: str
    zone: str  # "" outside
    policy: str  # "" without one
    plan: str  # the policy files' hash
    rules: tuple[RuleLine, ...] = ()
    sites: tuple[SiteLine, ...] = ()
    endpoints: tuple[EndpointLine, ...] = ()
    reason: Reason | None = None
    level: Level | None = None
    healthy: float | None = None  # healthy weight over all weight that the rule may use
    answers: tuple[Alternative, ...] = ()  # likeliest first
    answer_type: str = ""  # of the records; CNAME perhaps
    ttl: int | None = None
    rotates: bool = False
    sticky: bool = False
    what_if: str = ""  # what changes if the most important endpoint also fails
    notes: tuple[str, ...] = ()

    @property
    def allowed(self) -> frozenset[frozenset[str]]:
        """Every set of records that may be served to this client now."""
        return frozenset(frozenset(answer.records) for answer in self.answers)

    @property
    def last_resort(self) -> bool:
        """Whether the answer is the policy's last resort."""
        return self.reason is Reason.LAST_RESORT

    def to_json(self) -> dict[str, object]:
        """Return the explanation as JSON values; the field names are the keys."""
        return asdict(self)
