"""The values that pass between the steps of steering.

matching: policy × geography → classes of clients         (changes with policy or geography)
decide:   class × situation → shares of sites, with trace (changes with health and drains)
pools:    site × situation → answer sets                  (the same)
render:   all of it → answer table contents, or a patch
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum

from gslb.answers.model import PrefixMap


@dataclass(frozen=True, slots=True)
class ClientClass:
    """Clients that one policy treats alike in every situation.

    `order` is for the picks that rank sites (nearest, latency): the sites of ``to``, best first.
    `bands[i]` is the position behind the last site that ties with ``order[i]`` when that is the
    best one left; so any set of sites may drop out and the tie is still known.
    """

    rule: int  # index into Policy.rules; -1: no rule matches (the plan has no catch-all)
    order: tuple[str, ...] = ()
    bands: tuple[int, ...] = ()


@dataclass(frozen=True, slots=True, eq=False)
class Classes:
    """All classes of one policy for one type, and the maps that tell a client's class."""

    classes: tuple[ClientClass, ...]
    views: tuple[PrefixMap, ...]  # by class of resolver; values are indices into classes
    resolvers: PrefixMap | None  # resolver's own address → index into views


class Reason(StrEnum):
    """Why a site has the share that it has; the names are those of the decision metric."""

    PREFERRED = "preferred"
    SPILL = "spill"  # another site lost more than its headroom
    FAILOVER = "failover"  # every preferred site is gone
    FENCE_HOLD = "fence_hold"  # the fence forbids leaving, so what is left carries all
    PANIC = "panic"  # too little is healthy: health ignored
    FAIL_OPEN = "fail_open"  # nothing is healthy: health ignored
    LAST_RESORT = "last_resort"
    ALL_DRAINED = "all_drained"  # nothing else exists: drained endpoints are answered
    REFUSED = "refused"  # the policy says so in words
    NO_ADDRESS = "no_address"  # its aliases are known to have none of the type: NODATA
    UNRESOLVED = "unresolved"  # its aliases have never been resolved: nothing can be said


class Level(StrEnum):
    """Which endpoints of a site may be answered."""

    HEALTHY = "healthy"  # up or unknown, not drained
    UNDRAINED = "undrained"  # health ignored
    ANY = "any"  # drains ignored too


@dataclass(frozen=True, slots=True)
class SiteCapacity:
    """One site in one decision."""

    site: str
    capacity: float  # healthy undrained weight over all weight, 0 to 1
    kept: float  # share of its own traffic that it keeps, 0 to 1
    share: float  # of this class's answers, 0 to 1
    reason: Reason | None  # None: no share


@dataclass(frozen=True, slots=True)
class Outcome:
    """Which sites a class of clients gets. Shares sum to 1, or there is no site."""

    rule: int
    shares: Mapping[str, float]  # sites with a share above 0, preferred first
    level: Level
    reasons: Mapping[str, Reason]  # for each site with a share
    reason: Reason  # of the decision as a whole


@dataclass(frozen=True, slots=True)
class Decision(Outcome):
    """An outcome with how it came."""

    sites: tuple[SiteCapacity, ...]  # every site that the rule may use: the trace
    healthy: float  # healthy weight over all weight that the rule may use
