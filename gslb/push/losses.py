"""What a managed copy of a policy cannot say, as typed losses: computed, shown, never silent."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from enum import StrEnum


class Severity(StrEnum):
    """How much a loss matters."""

    INFO = "info"  # answers are as good
    DEGRADED = "degraded"  # some clients get other endpoints than ours would give
    UNSAFE = "unsafe"  # something that the policy forbids can happen


class Bites(StrEnum):
    """When answers can differ because of a loss; a difference at another time is a defect."""

    NEVER = "never"  # it changes how answers come about, or how many records they hold
    ALWAYS = "always"
    CLIENTS = "clients"  # whatever the health, for those clients who are told apart differently
    SICK = "sick"  # while an endpoint that the client's rule may use is down
    REDUCED = "reduced"  # the same, or while one of them is drained
    RAMPING = "ramping"  # while one of them gets a part of its weight only
    ALL_SICK = "all_sick"  # while no endpoint that the client's rule may use is up


class Code(StrEnum):
    """The kinds of losses."""

    # common to all providers: no DNS service counts capacity or remembers clients
    SPILL = "spill.dropped"  # a site that lost zones keeps its full share
    PANIC = "panic.dropped"  # health is believed however little is healthy
    FAIL_CLOSED = "failclosed.impossible"
    RUNTIME = "runtime.frozen"  # ramps, damping, schedules stop at the last push
    STICKY = "stickiness.dropped"
    TIES = "ties.fixed"  # sites that tie only once another is gone
    COUNT = "answers.count"
    ALIAS = "alias.frozen"  # the addresses that a host name had at the last push
    HTTPS = "https.hints"  # HTTPS records without addresses
    ECS = "ecs.used"  # the policy ignores client subnets, the provider does not
    # who
    AREA = "geo.coarse"  # clients of one area whose rules differ
    REGION = "geo.nearest-region"  # the nearest region decides, not the country
    SELECTOR = "selector.dropped"  # AS, carrier, prefix or resolver
    # what
    CHAIN = "chain.truncated"
    WEIGHT_ROUNDED = "weight.rounded"
    WEIGHT_DROPPED = "weight.dropped"
    FLATTENED = "weight.flattened"  # a sick endpoint's traffic leaves its site
    STANDBY = "standby.dropped"
    FENCE = "fence.global"
    LAST_RESORT = "lastresort.dropped"
    POOL = "pool.truncated"  # more endpoints than a group may have
    CNAME = "cname.mixed"  # host names beside addresses
    # health
    PROBE_CHANGED = "probe.changed"
    PROBE_NONE = "probe.none"
    PROBE_SHARED = "probe.shared"  # a site that is gone keeps its part: rules share its probes
    FAMILIES = "families.apart"  # an endpoint is judged by the address that is asked for
    # data
    TYPE = "type.unsupported"


@dataclass(frozen=True, slots=True)
class Loss:
    """One thing that the copy does otherwise, for the names of one policy."""

    code: Code
    policy: str
    rtype: str  # "A"; "": whatever the type
    about: str  # what it is about: a rule, a site, an endpoint
    wanted: str
    given: str
    severity: Severity
    bites: Bites
    share: float | None = None  # of the policy's clients that it concerns, where that is measured


def merged(losses: Iterable[Loss]) -> tuple[Loss, ...]:
    """Return *losses*, each once, worst first, then by policy, type and code."""
    order = list(Severity)
    return tuple(
        sorted(
            dict.fromkeys(losses),
            key=lambda one: (
                -order.index(one.severity),
                one.policy,
                one.rtype,
                one.code,
                one.about,
            ),
        )
    )
