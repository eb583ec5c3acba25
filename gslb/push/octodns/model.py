"""What an octoDNS zone file says, checked, with the place of every part that may be refused later."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from gslb.policy.problems import Where
from gslb.push.octodns.geo import Land

STEERED = ("A", "AAAA", "CNAME")  # types whose `dynamic` is read
MAX_WEIGHT = 100
STATUSES = ("up", "down", "obey")
SUBTREE = "octodns"  # cloud of sites that are made of pools; pools with a site of their own say so
CHECK_PATH, CHECK_PORT = "/_dns", 443  # of a record that does not say otherwise


@dataclass(frozen=True, slots=True)
class Value:
    """One value of a pool: an address, or a host name with its final dot."""

    text: str
    weight: int = 1
    status: str = "obey"


@dataclass(frozen=True, slots=True)
class Pool:
    """Values, and the pool that is used when none of them is up."""

    name: str
    values: tuple[Value, ...]
    fallback: str | None
    where: Where = field(compare=False)


@dataclass(frozen=True, slots=True)
class Rule:
    """Clients of `land` **or** of `subnets` get `pool`; neither: everybody."""

    pool: str
    land: Land
    subnets: tuple[str, ...]
    where: Where = field(compare=False)


@dataclass(frozen=True, slots=True)
class Check:
    """How the values of a record are checked; None: octoDNS has no word for it, or none was given."""

    protocol: str = "HTTPS"
    host: str | None = None  # None: the record's own name
    path: str = CHECK_PATH
    port: int = CHECK_PORT
    interval: int | None = None  # seconds
    threshold: int | None = None  # failures


@dataclass(frozen=True, slots=True)
class Dynamic:
    """A record with pools and rules. `chain` walks fallbacks; they end, and every pool is used."""

    pools: Mapping[str, Pool]
    rules: tuple[Rule, ...]
    check: Check

    def chain(self, name: str) -> tuple[Pool, ...]:
        """Return the pool called *name* and those behind it, in order."""
        found = []
        following: str | None = name
        while following is not None:
            found.append(self.pools[following])
            following = self.pools[following].fallback
        return tuple(found)


@dataclass(frozen=True, slots=True)
class Record:
    """The records of one name and type."""

    name: str  # absolute, without the final dot
    owner: str  # as zone files write it: relative, "@" for the apex
    rtype: str
    ttl: int
    values: tuple[tuple[Any, Where], ...]
    dynamic: Dynamic | None
    ours: Mapping[str, Any]  # `octodns.gslb`: what octoDNS has no word for
    where: Where


@dataclass(frozen=True, slots=True)
class Zone:
    """One file."""

    name: str  # without the final dot
    records: tuple[Record, ...]
    where: Where
