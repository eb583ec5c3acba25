# The OPT record of a response, and server cookies: `gslb.wire.edns`, `gslb.wire.cookies`.

cdef enum:
    MAX_OPT = 192  # octets of our OPT record, all options that we know included
    OPT_OCTETS = 11  # of an OPT record without options
    COOKIE_OCTETS = 24
    CLIENT_OCTETS = 8
    VALID_SECONDS = 3600
    AHEAD_SECONDS = 300
    RENEW_SECONDS = 1800


cdef inline uint64_t rotated(uint64_t x, int bits) noexcept nogil:
    return x << bits | x >> (64 - bits)


cdef inline void sip_rounds(uint64_t* v, int count) noexcept nogil:
    cdef int turn
    for turn in range(count):
        v[0] += v[1]
        v[1] = rotated(v[1], 13) ^ v[0]
        v[0] = rotated(v[0], 32)
        v[2] += v[3]
        v[3] = rotated(v[3], 16) ^ v[2]
        v[0] += v[3]
        v[3] = rotated(v[3], 21) ^ v[0]
        v[2] += v[1]
        v[1] = rotated(v[1], 17) ^ v[2]
        v[2] = rotated(v[2], 32)


cdef uint64_t siphash24(const Secret* key, const uint8_t* octets, size_t count) noexcept nogil:
    """Return SipHash-2-4 as a little-endian number."""
    cdef uint64_t v[4]
    cdef uint64_t word
    cdef size_t at = 0
    v[0], v[1] = key.k0 ^ 0x736F6D6570736575ULL, key.k1 ^ 0x646F72616E646F6DULL
    v[2], v[3] = key.k0 ^ 0x6C7967656E657261ULL, key.k1 ^ 0x7465646279746573ULL
    while count - at >= 8:
        memcpy(&word, &octets[at], 8)
        v[3] ^= word
        sip_rounds(v, 2)
        v[0] ^= word
        at += 8
    word = <uint64_t>count << 56
    memcpy(&word, &octets[at], count - at)
    v[3] ^= word
    sip_rounds(v, 2)
    v[0] ^= word
    v[2] ^= 0xFF
    sip_rounds(v, 4)
    return v[0] ^ v[1] ^ v[2] ^ v[3]


cdef inline uint64_t cookie_hash(
    const Secret* key, const uint8_t* head, const Source* s
) noexcept nogil:
    """Return the hash that belongs to the first 16 octets of a cookie and a client."""
    cdef uint8_t signed[32]
    memcpy(signed, head, 16)
    memcpy(&signed[16], s.octets, s.count)
    return siphash24(key, signed, 16 + s.count)


cdef inline int32_t cookie_age(const uint8_t* cookie, uint32_t now) noexcept nogil:
    """Return seconds since the issue, below 0 for the future (RFC 1982)."""
    return <int32_t>(now - (<uint32_t>u16(&cookie[12]) << 16 | u16(&cookie[14])))


cdef bint is_valid_cookie(
    const Config* c, const Edns* e, const Source* s, uint32_t now, bint* current
) noexcept nogil:
    """Tell whether the query's cookie is ours and in date; *current*: of the secret that issues."""
    cdef uint64_t proof, different
    cdef size_t number
    cdef bint valid = False
    current[0] = False
    if e.cookie_octets != COOKIE_OCTETS or e.cookie[8] != 1:
        return False
    if not -AHEAD_SECONDS <= cookie_age(e.cookie, now) <= VALID_SECONDS:
        return False
    memcpy(&proof, &e.cookie[16], 8)
    for number in range(c.secrets):  # all, so that time does not tell which one fits
        different = cookie_hash(&c.secret[number], e.cookie, s) ^ proof
        valid |= different == 0
        if number == 0:
            current[0] = different == 0
    return valid


cdef void put_cookie(Writer* w, const Config* c, const Edns* e, const Source* s, uint32_t now) noexcept nogil:
    """Write the cookie option: the cookie that came, if it is fresh, or a new one."""
    cdef uint8_t head[16]
    cdef uint64_t proof
    cdef bint current
    put16(w, OPTION_COOKIE)
    put16(w, COOKIE_OCTETS)
    if (
        is_valid_cookie(c, e, s, now, &current)
        and current
        and cookie_age(e.cookie, now) <= RENEW_SECONDS
    ):
        put(w, e.cookie, COOKIE_OCTETS)
        return
    memcpy(head, e.cookie, CLIENT_OCTETS)
    memset(&head[8], 0, 4)
    head[8] = 1
    set16(&head[12], <uint16_t>(now >> 16))
    set16(&head[14], <uint16_t>(now & 0xFFFF))
    proof = cookie_hash(&c.secret[0], head, s)
    put(w, head, 16)
    put(w, &proof, 8)


cdef void put_opt(
    Writer* w, const Lane* lane, const Query* q, const Source* s, bint tcp,
    uint16_t rcode, uint16_t ede, size_t zone, bint with_subnet, uint8_t scope,
) noexcept nogil:
    """Write our OPT record to a query that had one (RFC 6891 sections 6.1.1 and 7).

    *zone* is the offset of the zone whose version may be told; 0: none.
    """
    cdef const Edns* e = &q.edns
    cdef const Config* c = lane.config
    cdef uint8_t* head
    cdef size_t before
    if not e.there:
        return
    head = room(w, OPT_OCTETS)
    if head is NULL:
        return
    head[0] = 0
    set16(&head[1], TYPE_OPT)
    set16(&head[3], c.max_udp)
    head[5], head[6] = <uint8_t>(rcode >> 4), 0
    set16(&head[7], e.flags)
    before = w.at
    if not e.error:
        if with_subnet:
            put_subnet(w, e, scope)
        if e.cookie is not NULL and c.secrets:
            put_cookie(w, c, e, s, <uint32_t><int64_t>lane.now)
        if e.nsid and c.nsid_octets:
            put16(w, OPTION_NSID)
            put16(w, c.nsid_octets)
            put(w, c.nsid, c.nsid_octets)
        if e.zone_version and zone:
            put16(w, OPTION_ZONEVERSION)
            put16(w, 6)
            put8(w, labels_of(lane.table, zone))
            put8(w, 0)  # the only type of RFC 9660 section 2
            put32(w, t32(lane.table, zone + GSLB_ZONE_SERIAL))
        if tcp:  # unasked, RFC 7828 section 3.3.2; never by UDP
            put16(w, OPTION_KEEPALIVE)
            put16(w, 2)
            put16(w, lane.keepalive)
        if ede != NO_EDE:
            put16(w, OPTION_EDE)
            put16(w, 2)
            put16(w, ede)
    set16(&head[9], <uint16_t>(w.at - before))


cdef inline void put_subnet(Writer* w, const Edns* e, uint8_t scope) noexcept nogil:
    """Write the client subnet as it came, with our *scope* (RFC 7871 section 7.2.1)."""
    cdef uint8_t* to = room(w, 4 + e.subnet_octets)
    if to is NULL:
        return
    set16(&to[0], OPTION_ECS)
    set16(&to[2], <uint16_t>e.subnet_octets)
    memcpy(&to[4], e.subnet, e.subnet_octets)
    to[7] = scope  # it has 4 octets or more, or it has not been read


cdef inline uint8_t labels_of(const Table* t, size_t zone) noexcept nogil:
    """Return how many labels the apex of a zone has."""
    cdef size_t at = t32(t, zone + GSLB_ZONE_APEX)
    cdef uint8_t count = 0
    while t8(t, at):
        at += 1 + <size_t>t8(t, at)
        count += 1
    return count
