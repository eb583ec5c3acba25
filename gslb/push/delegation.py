"""Which servers a parent zone names for a zone of ours: what is wanted, and what stands in the way."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Protocol

from gslb.push.addresses import address_of
from gslb.push.objects import Actual, Place, Rrset
from gslb.push.provider import Dialect

LEAST_SERVERS = 2  # RFC 1034 §4.1


@dataclass(frozen=True, slots=True)
class Delegation:
    """A delegation as it should be."""

    zone: str  # absolute, lower case
    servers: tuple[str, ...]  # absolute, lower case, sorted
    ttl: int  # seconds
    glue: Mapping[str, tuple[str, ...]] = field(
        default_factory=dict
    )  # server in the zone → addresses

    def records(self) -> list[str]:
        """Return it as lines of a zone file, for whoever has to type it in."""
        lines = [f"{self.zone} {self.ttl} IN NS {server}" for server in self.servers]
        for server, addresses in sorted(self.glue.items()):
            for text in addresses:
                rtype = "AAAA" if ":" in text else "A"
                lines.append(f"{server} {self.ttl} IN {rtype} {text}")
        return lines


class Parent(Protocol):
    """A zone at a provider that delegates to us. Errors are those of `provider`."""

    @property
    def dialect(self) -> Dialect:
        """Return how it writes."""

    async def read(self, names: Iterable[str]) -> dict[Place, Rrset]:
        """Return the record sets at *names*."""

    async def delegate(self, wanted: Delegation, old: Rrset | None) -> str:
        """Have the zone delegated as *wanted*, in place of *old*; return the change's name.

        Raises:
            Conflict: it is not as it was read, or nobody knows: read again.
        """

    async def settled(self, change: str) -> bool:
        """Return whether the name servers have the change."""

    async def close(self) -> None:
        """Close connections."""


def provider_servers(
    dialect: Dialect, zone: str, actual: Actual, ours: Iterable[str]
) -> tuple[str, ...]:
    """Return the provider's own servers of a copy: those of the NS set at its apex, without *ours*."""
    found = actual.rrsets.get((zone, "NS", ""))
    named = {text.lower() for text in dialect.text_of(found)} if found is not None else set()
    return tuple(sorted(named - {one.lower() for one in ours}))


def ttl_of(one: Rrset | None) -> int | None:
    """Return the TTL of a record set, in seconds; None: there is none."""
    found = None if one is None else one.body.get("TTL", one.body.get("ttl"))
    return found if isinstance(found, int) else None


def obstacles(wanted: Delegation, dialect: Dialect, held: Mapping[Place, Rrset]) -> list[str]:
    """Return why the parent, which holds *held* at the names in question, must not be changed so."""
    found = []
    if len(wanted.servers) < LEAST_SERVERS:
        found.append(f"{len(wanted.servers)} name servers are too few to delegate to")
    if (wanted.zone, "DS") in held:
        found.append(
            f"the parent has a DS for {wanted.zone}: answers of unsigned servers would be bogus;"
            " remove it, and wait for its TTL"
        )
    for server, addresses in sorted(wanted.glue.items()):
        there = {
            text
            for rtype in ("A", "AAAA")
            if (one := held.get((server, rtype))) is not None
            for text in dialect.text_of(one)
        }
        if {str(address_of(text)) for text in there} != set(addresses):
            words = ", ".join(sorted(there)) or "nothing"
            found.append(
                f"glue of {server} has to be {', '.join(addresses)}; the parent has {words}"
            )
    return found
