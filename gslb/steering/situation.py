"""What is true at this moment and may change the answers: health, drains, addresses of aliases.

A situation is a value. Steering takes a plan, the geography and a situation, and decides.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum

from gslb.policy.plan import Check, Drained, Endpoint


class Status(StrEnum):
    """What we believe of an endpoint; UNKNOWN until there is evidence, and served like UP."""

    UNKNOWN = "unknown"
    UP = "up"
    DOWN = "down"


@dataclass(frozen=True, slots=True)
class Health:
    """Belief in one endpoint under one check, by family, and its ramp after a recovery."""

    v4: Status = Status.UNKNOWN
    v6: Status = Status.UNKNOWN
    ramp: float = 1.0  # 0 to 1: share of its weight that it gets now (slow start)
    detail: str = ""  # for people: "3/3 agents", "HTTP 503 in 41 ms"


UNKNOWN = Health()
HealthKey = tuple[str, Check | None]  # endpoint id, check


@dataclass(frozen=True, slots=True)
class AliasAddresses:
    """What an alias resolved to last; empty: never yet, and the endpoint cannot be answered."""

    a: tuple[bytes, ...] = ()
    aaaa: tuple[bytes, ...] = ()


@dataclass(frozen=True, slots=True)
class Situation:
    """The state that steering decides by."""

    at: datetime  # aware; drains end by it
    health: Mapping[HealthKey, Health] = field(default_factory=dict)  # absent: UNKNOWN
    drains: Mapping[str, Drained] = field(default_factory=dict)  # by endpoint id, from operators
    aliases: Mapping[bytes, AliasAddresses] = field(default_factory=dict)  # by wire-form name
    leaving: frozenset[str] = frozenset()  # endpoint ids that a drain takes out step by step
    lifted: frozenset[str] = frozenset()  # endpoint ids whose drain in a file an operator lifted

    def health_of(self, endpoint: Endpoint, check: Check | None) -> Health:
        """Return what is believed of *endpoint* under *check*."""
        return self.health.get((endpoint.id, check), UNKNOWN)

    def drain_of(self, endpoint: Endpoint) -> Drained | None:
        """Return the drain that holds *endpoint* now; an operator's call beats the file."""
        in_file = None if endpoint.id in self.lifted else endpoint.drained
        for drain in (self.drains.get(endpoint.id), in_file):
            if drain is not None and (drain.until is None or drain.until > self.at):
                return drain
        return None
