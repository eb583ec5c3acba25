"""One query message in, at most one response message out: the definition of what we say.

No sockets, no clock of its own, no chance but the one it is handed. A faster data plane may hand a
query over to this one, but where it answers itself, it answers these octets.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

from gslb.answers.model import Body
from gslb.answers.pick import sticky_key
from gslb.answers.table import AnswerTable, Outcome, SteerView, ZoneView
from gslb.answers.table import scope as scope_of
from gslb.dataplane.chaos import chaos_texts
from gslb.dataplane.client import block_of, octets_of
from gslb.dataplane.counters import Client, Dropped, Event
from gslb.dataplane.counting import Counting, Countings, private_countings
from gslb.dataplane.limits import RateLimit
from gslb.dataplane.settings import ResponderSettings, Source, Transport
from gslb.wire import edns as options
from gslb.wire.constants import (
    AA,
    CLASS_CH,
    CLASS_IN,
    EDE_NOT_AUTHORITATIVE,
    EDE_NOT_READY,
    EDE_OTHER,
    EDE_PROHIBITED,
    EDNS_DO,
    FAMILY_IPV4,
    FAMILY_IPV6,
    FORMERR,
    HEADER_OCTETS,
    MAX_MESSAGE,
    MIN_UDP_PAYLOAD,
    NOERROR,
    NXDOMAIN,
    RCODE_MASK,
    REFUSED,
    SERVFAIL,
    TYPE_ANY,
    TYPE_AXFR,
    TYPE_IXFR,
    TYPE_TXT,
)
from gslb.wire.cookies import CookieJar
from gslb.wire.edns import ClientSubnet, Edns
from gslb.wire.names import label_count
from gslb.wire.query import NO_EDE, Query, read_query
from gslb.wire.response import Sections, make_sections, write_error, write_response

# Ports of services that answer anything (echo, discard, daytime, chargen, time), and none at all: a
# reply there would start a loop, or hit whoever the source address was forged for.
SILENT_PORTS: Final = frozenset({0, 7, 13, 19, 37})
READY_BODIES: Final = 16_384  # bodies kept cut at their fixups; when full, all are cut anew

_TRANSFERS: Final = frozenset({TYPE_AXFR, TYPE_IXFR})
_BITS: Final = {FAMILY_IPV4: 32, FAMILY_IPV6: 128}


class Responder:
    """Answers queries from one generation of the answer table.

    `draining` makes edns-tcp-keepalive say 0, so that clients leave by themselves (RFC 7828 §3.2).
    What is found out about a query is noted for whoever counts; nothing here depends on it.
    """

    def __init__(
        self,
        table: AnswerTable | None,
        settings: ResponderSettings,
        draw: Callable[[], int],
        clock: Callable[[], float],
        countings: Countings | None = None,
    ) -> None:
        """Answer from *table*; None: there is none yet, and everything is SERVFAIL.

        *draw* gives uniform numbers of 32 bits; *clock* gives seconds since 1970, for cookies and
        limits; *countings* take notes (default: some that nobody reads).
        """
        self.settings = settings
        self.draining = False
        self.countings = countings or private_countings()
        self._table = table
        self._draw = draw
        self._clock = clock
        self._errors = RateLimit(settings.errors_per_second)
        self._responses = RateLimit(settings.responses_per_second)
        self._own = settings.own
        self._ecs_max = {FAMILY_IPV4: settings.ecs_max4, FAMILY_IPV6: settings.ecs_max6}
        self._jar = CookieJar(settings.cookie_secrets) if settings.cookie_secrets else None
        self._chaos = chaos_texts(settings)
        self._plain = {do: options.write_opt(settings.max_udp, do) for do in (0, EDNS_DO)}
        self._ready: dict[int, tuple[Sections, Body]] = {}

    def respond(
        self, message: bytes, source: Source, source_port: int, transport: Transport
    ) -> bytes | None:
        """Return the response to *message*, or None where silence is the only safe answer."""
        query = read_query(message)
        if query is None:
            return None
        note = self.countings[transport is Transport.TCP]
        note.qtype = query.qtype
        if source_port in SILENT_PORTS or (self._own and (source, source_port) in self._own):
            note.dropped = Dropped.LOOP
            return None
        if query.trailing:
            note.add(Event.TRAILING)
        if query.error:
            return self._refuse_malformed(message, query, source, transport)
        if query.end == HEADER_OCTETS:
            return self._refresh_cookie(message, query, source, transport)
        if query.qclass != CLASS_IN:
            return self._answer_other_class(message, query, source, transport)
        if self._table is None:
            return self._empty(message, query, source, transport, SERVFAIL, EDE_NOT_READY)
        if query.qtype in _TRANSFERS:
            return self._empty(message, query, source, transport, REFUSED, EDE_PROHIBITED)
        return self._answer(self._table, message, query, source, transport)

    def _answer(
        self,
        table: AnswerTable,
        message: bytes,
        query: Query,
        source: Source,
        transport: Transport,
    ) -> bytes:
        """Answer a query of class IN from the *table*."""
        flags, qname, qtype, _, end, edns, _, _, _ = query
        outcome, number, ref = table.find(qname, qtype)
        if outcome is Outcome.OUTSIDE:
            return self._empty(message, query, source, transport, REFUSED, EDE_NOT_AUTHORITATIVE)
        zone = table.zones[number]
        note = self.countings[transport is Transport.TCP]
        note.zone = number
        subnet = edns.subnet if edns is not None and zone.ecs else None
        scope = 0  # also of all that does not depend on the client, RFC 7871 §7.4
        body = zone.negative
        if outcome is Outcome.NAME:
            flags |= AA
            found = table.any_entry(ref) if qtype == TYPE_ANY else table.entry(ref, qtype)
            if isinstance(found, SteerView):
                found, scope = self._steer(table, found, source, subnet, note)
                if found is None:  # the policy says in words to refuse when all is down
                    return self._empty(message, query, source, transport, REFUSED, EDE_OTHER)
            if found is not None:
                body = found
        elif outcome is Outcome.MISSING:
            flags |= AA | NXDOMAIN
        else:
            body = table.referral(ref)

        if edns is None:
            opt = b""
        elif edns.plain and transport is Transport.UDP:
            opt = self._plain[edns.flags]
        else:
            told = zone if flags & AA else None
            opt = self._opt(edns, source, transport, NOERROR, NO_EDE, told, subnet, scope)
        limited = self._is_limited(edns, source, transport)
        if limited:
            note.add(Event.LIMITED)
        limit = 0 if limited else self._limit(edns, transport)
        kept = self._ready.get(id(body))
        sections = kept[0] if kept else self._make_ready(body)
        turn = self._draw() * sections.answer >> 32 if sections.stride else 0
        return write_response(
            message, end, flags, sections, end - 4 - len(zone.apex), turn, opt, limit
        )

    def _steer(
        self,
        table: AnswerTable,
        steer: SteerView,
        source: Source,
        subnet: ClientSubnet | None,
        note: Counting,
    ) -> tuple[Body | None, int]:
        """Return what the client gets, and the scope of that answer (RFC 7871 §7.2.1).

        The client is the subnet, cut to our limit, if there is one that may be used; otherwise the
        address that the query came from. The scope is 0 where the subnet did not matter, and the
        length of its block where it is private, for the block says nothing (RFC 7871 §11.3).
        """
        family, address = source
        scope = 0
        note.client = Client.RESOLVER
        public: tuple[int, int] | None = None  # the range around a subnet that decides
        if (
            subnet is not None
            and subnet.source
            and not steer.ignore_ecs
            and (steer.tailored or steer.sticky)
        ):
            length, first, behind = block_of(subnet.family, subnet.address)
            scope = min(length, self._ecs_max[subnet.family])
            note.client = Client.PRIVATE if length else Client.ECS
            if not length:
                public = first, behind
                family = subnet.family
                spare = _BITS[family] - self._ecs_max[family]
                address = subnet.address >> spare << spare
        limit = self._ecs_max[family]
        number, low, high = table.classify(steer, family, address, *source)
        key = sticky_key(family, address, limit) if steer.sticky else 0
        note.choice = steer.cells[number]
        note.body = table.pick(steer, number, self._draw, key)
        if public is not None:
            # A sticky answer is that of one block of the limit's size, whatever was sent of it. And
            # no block reaches into private space, which has scopes of its own.
            low, high = max(low, public[0]), min(high, public[1])
            scope = limit if steer.sticky else scope_of(family, address, low, high, limit)
        return table.body(note.body) if note.body else None, scope

    def _make_ready(self, body: Body) -> Sections:
        """Return *body* cut at its fixups, and keep it so.

        It is kept by its identity, and itself beside, so that no other body gets that identity.
        """
        counts = (body.answer, body.authority, body.additional, body.optional)
        stride = body.stride if body.answer > 1 else 0
        sections = make_sections(body.octets, counts, body.optional_octets, body.fixups, stride)
        if len(self._ready) >= READY_BODIES:
            self._ready.clear()
        self._ready[id(body)] = (sections, body)
        return sections

    # ---- what is not an answer from the table ----------------------------------------------

    def _refuse_malformed(
        self, message: bytes, query: Query, source: Source, transport: Transport
    ) -> bytes | None:
        """Answer a query that `read_query` found fault with, unless its network has had enough."""
        edns = query.edns
        note = self.countings[transport is Transport.TCP]
        if edns is not None and edns.error and edns.subnet is not None:
            note.add(Event.UNKNOWN_FAMILY)
        if transport is Transport.UDP and not self._errors.allows(source, self._clock()):
            note.dropped = Dropped.RATELIMIT
            return None
        return self._empty(message, query, source, transport, query.error, query.ede)

    def _refresh_cookie(
        self, message: bytes, query: Query, source: Source, transport: Transport
    ) -> bytes:
        """Answer a query without question: nothing but a fresh cookie (RFC 7873 §5.4)."""
        rcode = FORMERR if self._jar is None else NOERROR
        return self._empty(message, query, source, transport, rcode, NO_EDE)

    def _answer_other_class(
        self, message: bytes, query: Query, source: Source, transport: Transport
    ) -> bytes:
        """Answer class CHAOS from what it has (RFC 4892), refuse the rest."""
        if query.qclass == CLASS_CH and query.qtype in {TYPE_TXT, TYPE_ANY}:
            sections = self._chaos.get(query.qname)
            if sections is not None:
                opt = self._opt(query.edns, source, transport)
                flags, limit = query.flags | AA, self._limit(query.edns, transport)
                return write_response(message, query.end, flags, sections, 12, 0, opt, limit)
        return self._empty(message, query, source, transport, REFUSED, EDE_NOT_AUTHORITATIVE)

    def _empty(
        self,
        message: bytes,
        query: Query,
        source: Source,
        transport: Transport,
        rcode: int,
        ede: int,
    ) -> bytes:
        """Return a response without records, with *rcode* and, if not NO_EDE, an extended error.

        It fits 512 octets with the longest name and every option, so nothing is ever dropped.
        """
        if rcode > RCODE_MASK:
            self.countings[transport is Transport.TCP].rcode = rcode
        opt = self._opt(query.edns, source, transport, rcode, ede)
        return write_error(message, query.end, query.flags | rcode & RCODE_MASK, opt)

    # ---- EDNS ------------------------------------------------------------------------------

    def _opt(
        self,
        edns: Edns | None,
        source: Source,
        transport: Transport,
        rcode: int = NOERROR,
        ede: int = NO_EDE,
        zone: ZoneView | None = None,
        subnet: ClientSubnet | None = None,
        scope: int = 0,
    ) -> bytes:
        """Return our OPT record, or nothing to a query without one (RFC 6891 §6.1.1, §7).

        *zone* is given where we speak with authority; only then is its version told (RFC 9660 §3.2).
        """
        if edns is None:
            return b""
        if edns.error:
            return options.write_opt(self.settings.max_udp, edns.flags, rcode)
        written = []
        if subnet is not None:
            written.append(options.subnet_option(subnet, scope))
        if edns.cookie is not None and self._jar is not None:
            now = int(self._clock())
            cookie, _ = self._jar.refresh(edns.cookie, octets_of(source), now)
            written.append(options.cookie_option(cookie))
        if edns.nsid and self.settings.nsid is not None:
            written.append(options.nsid_option(self.settings.nsid))
        if edns.zone_version and zone is not None:
            written.append(options.zone_version_option(label_count(zone.apex), zone.serial))
        if transport is Transport.TCP:  # unasked, RFC 7828 §3.3.2; never by UDP
            idle = 0.0 if self.draining else self.settings.tcp_idle_seconds
            written.append(options.keepalive_option(idle))
        if ede != NO_EDE:
            written.append(options.error_option(ede))
        return options.write_opt(self.settings.max_udp, edns.flags, rcode, b"".join(written))

    def _limit(self, edns: Edns | None, transport: Transport) -> int:
        """Return how many octets a response may have (RFC 6891 §6.2.3–6.2.5)."""
        if transport is Transport.TCP:
            return MAX_MESSAGE
        if edns is None:
            return MIN_UDP_PAYLOAD
        return max(MIN_UDP_PAYLOAD, min(edns.payload, self.settings.max_udp))

    def _is_limited(self, edns: Edns | None, source: Source, transport: Transport) -> bool:
        """Tell whether the source's network has had its share of full UDP responses."""
        if transport is Transport.TCP or not self._responses.rate:
            return False
        now = self._clock()
        cookie = edns.cookie if edns is not None else None
        if cookie and self._jar and self._jar.verify(cookie, octets_of(source), int(now)):
            return False
        return not self._responses.allows(source, now)
