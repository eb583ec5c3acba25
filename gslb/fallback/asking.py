"""What name servers say of a delegation, asked over DNS: the parent's, and our own."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import dns.asyncquery
import dns.asyncresolver
import dns.exception
import dns.flags
import dns.message
import dns.name
import dns.nameserver
import dns.rcode
import dns.rdatatype

from gslb.errors import GslbError

PORT = 53
REPLY_WITHIN = 2.0  # seconds, of one server
TRIES = 2  # of one server
MOST_SERVERS = 4  # of the parent that are asked; the first that answers tells

Server = tuple[str, int]  # address, port


@dataclass(frozen=True, slots=True)
class Said:
    """A delegation as a parent's server has it."""

    servers: tuple[str, ...]  # absolute, lower case, sorted; empty: there is none
    ttl: int | None  # seconds
    at: str  # who said so


async def parent_says(zone: str, at: Sequence[Server], resolvers: Sequence[Server]) -> Said:
    """Return which servers the parent of *zone* names.

    Args:
        zone: absolute.
        at: the parent's servers; empty: they are looked up.
        resolvers: what to look up with; empty: those of this machine.

    Raises:
        GslbError: nobody knows, or none answers.
    """
    name = dns.name.from_text(zone)
    servers = at or await _parents(name, resolvers)
    for server in servers[:MOST_SERVERS]:
        reply = await _ask(name, dns.rdatatype.NS, server)
        if reply is None:
            continue
        found = next(
            (
                one
                for section in (reply.answer, reply.authority)
                for one in section
                if one.rdtype == dns.rdatatype.NS and one.name == name
            ),
            None,
        )
        if found is None:
            return Said((), None, f"{server[0]}, port {server[1]}")
        texts = sorted(rdata.target.to_text().lower() for rdata in found)
        return Said(tuple(texts), found.ttl, f"{server[0]}, port {server[1]}")
    raise GslbError(f"no server of the parent of {zone} answers")


async def answers_for(zone: str, address: str, port: int = PORT) -> bool:
    """Return whether the server at *address* answers for *zone* with authority."""
    reply = await _ask(dns.name.from_text(zone), dns.rdatatype.SOA, (address, port))
    return (
        reply is not None
        and reply.rcode() == dns.rcode.NOERROR
        and bool(reply.flags & dns.flags.AA)
        and bool(reply.answer)
    )


async def _ask(
    name: dns.name.Name, rtype: dns.rdatatype.RdataType, server: Server
) -> dns.message.Message | None:
    """Return a reply, asked for without recursion; None: there is none."""
    query = dns.message.make_query(name, rtype, flags=0, use_edns=0)
    for _ in range(TRIES):
        try:
            reply, _ = await dns.asyncquery.udp_with_fallback(
                query, server[0], timeout=REPLY_WITHIN, port=server[1]
            )
        except (dns.exception.DNSException, OSError, EOFError):
            continue
        return reply
    return None


async def _parents(name: dns.name.Name, resolvers: Sequence[Server]) -> list[Server]:
    """Return the servers of the zone above *name*. Raises GslbError."""
    try:
        resolver = dns.asyncresolver.Resolver(configure=not resolvers)
        if resolvers:
            resolver.nameservers = [
                dns.nameserver.Do53Nameserver(one, port) for one, port in resolvers
            ]
        above = await dns.asyncresolver.zone_for_name(name.parent(), resolver=resolver)
        found = await resolver.resolve(above, dns.rdatatype.NS)
    except (dns.exception.DNSException, OSError) as error:
        raise GslbError(
            f"the servers of the parent of {name} are not found by"
            f" {'the resolvers of the settings' if resolvers else 'the resolvers of this machine'}"
            f" ({type(error).__name__}): --at ADDRESS names one of them"
        ) from None
    servers: list[Server] = []
    for rdata in found:
        for rtype in (dns.rdatatype.A, dns.rdatatype.AAAA):
            try:
                answer = await resolver.resolve(rdata.target, rtype)
            except (dns.exception.DNSException, OSError):
                continue
            servers += [(one.address, PORT) for one in answer]
        if len(servers) >= MOST_SERVERS:
            break
    return servers
