# A query to a response: `gslb.dataplane.responder`, which defines what is said, and why.

cdef enum:
    MIN_UDP_PAYLOAD = 512
    MAX_MESSAGE = 65535
    SILENCE = 0
    DECLINE = -1


cdef int respond(Lane* lane, Query* q, Cursor* m, const Source* s, bint tcp, Writer* w) noexcept nogil:
    """Write the response to *m*, already decoded into *q*; return its octets, SILENCE or DECLINE."""
    if is_silent_port(s.port) or is_own(lane.config, s):
        q.note.dropped = LOOP
        return SILENCE
    if lane.table is NULL:
        q.note.declined = NO_TABLE
        return DECLINE
    if q.qclass == CLASS_CH and not q.error and q.qtype in (TYPE_TXT, TYPE_ANY):
        q.note.declined = CHAOS
        return DECLINE
    if q.trailing:
        add(&lane.table.block, GSLB_COUNT_TRAILING, 1)
    if q.error:
        if q.edns.there and q.edns.unknown_family:
            add(&lane.table.block, GSLB_COUNT_UNKNOWN_FAMILY, 1)
        if not tcp and not allows(&lane.errors, s, lane.now):
            q.note.dropped = RATELIMIT
            return SILENCE
        return respond_empty(lane, q, m, s, tcp, w, q.error, q.ede)
    if q.end == HEADER_OCTETS:  # nothing but a fresh cookie, RFC 7873 section 5.4
        return respond_empty(
            lane, q, m, s, tcp, w, NOERROR if lane.config.secrets else FORMERR, NO_EDE
        )
    if q.qclass != CLASS_IN:
        return respond_empty(lane, q, m, s, tcp, w, REFUSED, EDE_NOT_AUTHORITATIVE)
    if q.qtype == TYPE_AXFR or q.qtype == TYPE_IXFR:
        return respond_empty(lane, q, m, s, tcp, w, REFUSED, EDE_PROHIBITED)
    return respond_in(lane, q, m, s, tcp, w)


cdef inline bint is_silent_port(uint16_t port) noexcept nogil:
    """Tell whether a reply there would start a loop: `responder.SILENT_PORTS`."""
    return port <= 37 and port in (0, 7, 13, 19, 37)


cdef inline bint is_own(const Config* c, const Source* s) noexcept nogil:
    cdef size_t number
    cdef const Source* own
    for number in range(c.owns):
        own = &c.own[number]
        if (
            own.port == s.port and own.address == s.address
            and own.family == s.family and own.rest == s.rest
        ):
            return True
    return False


cdef inline int respond_in(
    Lane* lane, Query* q, Cursor* m, const Source* s, bint tcp, Writer* w
) noexcept nogil:
    """Answer a query of class IN from the table."""
    cdef const Table* t = lane.table
    cdef Found found = find(t, q)
    cdef uint16_t flags = q.flags
    cdef uint8_t scope = 0  # also of all that does not depend on the client, RFC 7871 section 7.4
    cdef bint with_subnet, refused = False
    cdef size_t entry, body
    cdef uint8_t opt_octets[MAX_OPT]
    cdef Writer opt = writer_over(opt_octets, MAX_OPT)
    if found.outcome == OUTSIDE:
        return respond_empty(lane, q, m, s, tcp, w, REFUSED, EDE_NOT_AUTHORITATIVE)
    q.note.zone = <int64_t>((found.zone - t.zones) // GSLB_SIZEOF_ZONE)
    with_subnet = (
        q.edns.there and q.edns.family and t8(t, found.zone + GSLB_ZONE_FLAGS) & GSLB_ZONE_ECS
    )
    body = t32(t, found.zone + GSLB_ZONE_NEGATIVE)
    if found.outcome == NAME:
        flags |= AA
        entry = entry_of(t, found.ref, q.qtype)
        if entry:
            body = t32(t, entry + GSLB_ENTRY_REF)
            if t16(t, entry + GSLB_ENTRY_KIND) == GSLB_STEERED:
                body = steer(lane, q, body, s, with_subnet, &scope, &refused)
                if refused:  # the policy says in words to refuse when all is down
                    return respond_empty(lane, q, m, s, tcp, w, REFUSED, EDE_OTHER)
    elif found.outcome == MISSING:
        flags |= AA | NXDOMAIN
    else:
        body = found.ref
    put_opt(
        &opt, lane, q, s, tcp, NOERROR, NO_EDE, found.zone if flags & AA else 0, with_subnet, scope
    )
    return write_body(
        lane, q, m, w, body, flags,
        q.end - 4 - t8(t, found.zone + GSLB_ZONE_APEX_OCTETS), &opt, response_limit(lane, q, s, tcp),
    )


cdef inline size_t response_limit(Lane* lane, const Query* q, const Source* s, bint tcp) noexcept nogil:
    """Return how many octets a response may have (RFC 6891 section 6.2.3); 0: it must be empty."""
    cdef bint current
    if tcp:
        return MAX_MESSAGE
    if not (
        q.edns.there and q.edns.cookie is not NULL and lane.config.secrets
        and is_valid_cookie(lane.config, &q.edns, s, <uint32_t><int64_t>lane.now, &current)
    ) and not allows(&lane.responses, s, lane.now):
        add(&lane.table.block, GSLB_COUNT_LIMITED_DRY if lane.dry else GSLB_COUNT_LIMITED, 1)
        if not lane.dry:
            return 0
    if not q.edns.there or q.edns.payload < MIN_UDP_PAYLOAD:
        return MIN_UDP_PAYLOAD
    return min(q.edns.payload, lane.config.max_udp)


cdef inline size_t steer(
    Lane* lane, Query* q, size_t number, const Source* s, bint with_subnet, uint8_t* scope,
    bint* refused,
) noexcept nogil:
    """Return the body that the client gets, and the scope of that answer; NOTHING: *refused*, or damaged."""
    cdef const Table* t = lane.table
    cdef const Config* c = lane.config
    cdef const Edns* subnet = &q.edns
    cdef size_t row = t.steers + number * GSLB_SIZEOF_STEER
    cdef uint32_t flags = t32(t, row + GSLB_STEER_FLAGS)
    cdef size_t view = t32(t, row + GSLB_STEER_VIEWS)
    cdef uint32_t resolvers = t32(t, row + GSLB_STEER_RESOLVERS)
    cdef bint sticky = flags & GSLB_STEER_STICKY
    cdef bint public = False
    cdef uint8_t family = s.family
    cdef uint64_t address = s.address
    cdef uint64_t first, last, key = 0
    cdef uint8_t limit, length
    cdef size_t pool
    cdef Range range
    if (
        with_subnet and subnet.source and not flags & GSLB_STEER_IGNORE_ECS
        and (sticky or t.tailored[number])
    ):
        limit = c.ecs_max4 if subnet.family == 1 else c.ecs_max6
        length = block_of(
            &c.blocks4 if subnet.family == 1 else &c.blocks6, subnet.address, &first, &last
        )
        scope[0] = min(length, limit)
        q.note.client = PRIVATE if length else ECS
        if not length:
            public, family = True, subnet.family
            address = cut_to(family, subnet.address, limit)
    limit = c.ecs_max4 if family == 1 else c.ecs_max6
    if resolvers:
        range = range_of(t, t.maps + (resolvers - 1) * GSLB_SIZEOF_MAP, s.family, s.address)
        view += range.number
    range = range_of(t, map_at(t, view), family, address)
    if sticky:
        key = sticky_key(family, address, limit)
    if public:
        scope[0] = limit if sticky else scope_of(
            family, address, max(range.first, first), min(range.last, last), limit
        )
    number = t32(t, t.links + 4 * (<size_t>t32(t, row + GSLB_STEER_CHOICES) + range.number))
    q.note.choice = <int64_t>number
    pool = pick_one(t, cell(t, GSLB_FIRST_CELL + number), &lane.random, key, 0, refused)
    if pool == NOTHING:
        return NOTHING
    number = pick_one(
        t, cell(t, GSLB_FIRST_CELL + t.choices + pool), &lane.random, key, 1, refused
    )
    q.note.body = <uint32_t>number
    return number


cdef inline uint64_t cut_to(uint8_t family, uint64_t address, uint8_t bits) noexcept nogil:
    """Return *address* without what is behind its first *bits*."""
    cdef int spare = (32 if family == 1 else 64) - bits
    return address >> spare << spare if spare < 64 else 0


# ---- writing -----------------------------------------------------------------------------------

cdef inline void put_head(
    Writer* w, Cursor* m, size_t end, uint16_t flags, uint16_t answer, uint16_t authority,
    uint16_t additional,
) noexcept nogil:
    """Write ID, flags, counts, and the question as it came."""
    cdef uint8_t* to = room(w, end)
    cdef const uint8_t* asked = part(m, 0, end)  # 12 octets or more, or it has not come this far
    if to is NULL or asked is NULL:
        w.full = True
        return
    memcpy(to, asked, 2)
    set16(&to[2], flags)
    set16(&to[4], end > HEADER_OCTETS)
    set16(&to[6], answer)
    set16(&to[8], authority)
    set16(&to[10], additional)
    memcpy(&to[HEADER_OCTETS], &asked[HEADER_OCTETS], end - HEADER_OCTETS)


cdef int respond_empty(
    Lane* lane, Query* q, Cursor* m, const Source* s, bint tcp, Writer* w, uint16_t rcode, uint16_t ede
) noexcept nogil:
    """Write a response without records; it fits 512 octets with the longest name and every option."""
    if rcode > 15:
        q.note.rcode = rcode
    put_head(w, m, q.end, q.flags | rcode & 15, 0, 0, q.edns.there)
    put_opt(w, lane, q, s, tcp, rcode, ede, 0, False, 0)
    return DECLINE if w.full else <int>w.at


cdef int write_body(
    Lane* lane, Query* q, Cursor* m, Writer* w, size_t body, uint16_t flags, size_t apex,
    Writer* opt, size_t limit,
) noexcept nogil:
    """Write a response with the rendered sections at *body* (`wire.response.write_response`)."""
    cdef const Table* t = lane.table
    cdef size_t octets, optional_octets, fixups, stride, at, number, first, low, cut, stop
    cdef uint16_t answer, authority, additional, optional
    cdef uint8_t* to
    if not holds(t, body, GSLB_SIZEOF_BODY):
        return DECLINE
    answer, authority = t16(t, body + GSLB_BODY_ANSWER), t16(t, body + GSLB_BODY_AUTHORITY)
    additional, optional = t16(t, body + GSLB_BODY_ADDITIONAL), t16(t, body + GSLB_BODY_OPTIONAL)
    octets, stride = t16(t, body + GSLB_BODY_OCTETS), t16(t, body + GSLB_BODY_STRIDE)
    optional_octets, fixups = (
        t16(t, body + GSLB_BODY_OPTIONAL_OCTETS), t16(t, body + GSLB_BODY_FIXUPS)
    )
    at = body + GSLB_SIZEOF_BODY
    first = at + 2 * fixups
    if (
        not holds(t, body, GSLB_SIZEOF_BODY + 2 * fixups + octets)
        or stride * answer + optional_octets > octets
    ):
        return DECLINE
    cut, stop = 0, 0
    if stride and answer > 1:
        cut = stride * (<uint64_t>draw(&lane.random) * answer >> 32)
        stop = stride * answer
    if q.end + octets + opt.at > limit:
        if q.end + octets + opt.at - limit <= optional_octets:
            octets -= optional_octets
            optional = 0
        else:
            octets = answer = authority = additional = optional = 0
            flags |= TC
    put_head(w, m, q.end, flags, answer, authority, additional + optional + q.edns.there)
    to = room(w, octets)
    if to is NULL:
        return DECLINE
    if octets:
        if cut:
            memcpy(to, octets_at(t, first + cut), stop - cut)
            memcpy(&to[stop - cut], octets_at(t, first), cut)
            memcpy(&to[stop], octets_at(t, first + stop), octets - stop)
        else:
            memcpy(to, octets_at(t, first), octets)
        for number in range(fixups):
            low = t16(t, at + 2 * number)
            if low < octets:
                to[turned(low, cut, stop)] = <uint8_t>(0xC0 | apex >> 8)
            if low + 1 < octets:
                to[turned(low + 1, cut, stop)] = <uint8_t>(apex & 0xFF)
    put(w, opt.base, opt.at)
    if w.full or opt.full:
        return DECLINE
    return <int>w.at


cdef inline size_t turned(size_t at, size_t cut, size_t stop) noexcept nogil:
    """Return where the octet at *at* goes when *cut* octets move from the front to *stop*."""
    if cut == 0 or at >= stop:
        return at
    return at - cut if at >= cut else at + stop - cut
