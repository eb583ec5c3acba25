# Octets to a query, or the RCODE that they earn, or silence: `gslb.wire.query` and `wire.edns`,
# statement by statement. No compression pointer is followed.

cdef enum:
    HEADER_OCTETS = 12
    NAME_END = HEADER_OCTETS + 255  # just behind the longest name in a question
    MAX_LABEL = 63
    MAX_LABELS = 127
    MAX_ADDITIONAL = 2

    QR = 0x8000
    AA = 0x0400
    TC = 0x0200
    RD = 0x0100
    OPCODE_MASK = 0x7800
    DO = 0x8000

    NOERROR = 0
    FORMERR = 1
    NXDOMAIN = 3
    NOTIMP = 4
    REFUSED = 5
    BADVERS = 16

    TYPE_CNAME = 5
    TYPE_TXT = 16
    TYPE_OPT = 41
    TYPE_DS = 43
    TYPE_NXNAME = 128
    TYPE_TKEY = 249
    TYPE_TSIG = 250
    TYPE_IXFR = 251
    TYPE_AXFR = 252
    TYPE_MAILB = 253
    TYPE_MAILA = 254
    TYPE_ANY = 255

    CLASS_IN = 1
    CLASS_CH = 3

    OPTION_NSID = 3
    OPTION_ECS = 8
    OPTION_COOKIE = 10
    OPTION_KEEPALIVE = 11
    OPTION_EDE = 15
    OPTION_ZONEVERSION = 19

    NO_EDE = 0xFFFF
    EDE_OTHER = 0
    EDE_PROHIBITED = 18
    EDE_NOT_AUTHORITATIVE = 20
    EDE_NOT_SUPPORTED = 21
    EDE_INVALID_QUERY_TYPE = 30

cdef struct Edns:
    bint there
    uint16_t payload
    uint16_t flags  # DO, if set
    uint8_t error  # FORMERR or BADVERS; 0: none
    bint nsid
    bint zone_version
    bint unknown_family  # refused for a family in ECS that does not exist
    uint8_t family  # of the client subnet; 0: there is none
    uint8_t source  # its prefix length
    uint64_t address  # 32 bits, or the upper 64 of IPv6
    const uint8_t* subnet  # the option's data, to be mirrored
    size_t subnet_octets
    const uint8_t* cookie  # NULL: none
    size_t cookie_octets

cdef struct Query:
    uint16_t flags  # of the response: QR, opcode and RD as in the query
    uint16_t qtype
    uint16_t qclass
    uint16_t ede  # that goes with the error; NO_EDE: none
    uint8_t error  # extended RCODE to answer with; 0: the query is good
    bint trailing  # octets behind the last record, ignored
    size_t end  # behind the question; 12: there is none to echo
    size_t name_octets
    size_t labels
    uint32_t hash  # of the name
    Edns edns
    Note note
    uint8_t starts[MAX_LABELS]  # where the name goes on behind each label
    uint8_t name[256]  # in lower case


cdef bint decode(Query* q, Cursor* m) noexcept nogil:
    """Read the query in *m*; false where silence is the only safe answer."""
    cdef const uint8_t* head = take(m, HEADER_OCTETS)
    cdef uint16_t questions, answers, authorities, additionals
    begin_note(&q.note)
    q.qtype = 0
    if head is NULL or head[2] & 0x80:
        return False
    q.flags = QR | u16(&head[2]) & (OPCODE_MASK | RD)
    questions, answers, authorities, additionals = (
        u16(&head[4]), u16(&head[6]), u16(&head[8]), u16(&head[10])
    )
    q.error, q.ede, q.trailing, q.end = NOERROR, NO_EDE, False, HEADER_OCTETS
    q.qclass, q.name_octets, q.labels, q.hash = CLASS_IN, 0, 0, 0
    q.edns.there = False
    if q.flags & OPCODE_MASK:
        decode_other_opcode(q, m, questions, answers, authorities, additionals)
        return True
    if questions != 1:
        decode_no_question(q, m, questions, answers, authorities, additionals)
        return True
    if not read_question(q, m):
        q.error = FORMERR
        return True
    # RFC 1995 section 3: a query for IXFR has the SOA that the client holds in its authority section.
    if answers or authorities > (q.qtype == TYPE_IXFR) or additionals > MAX_ADDITIONAL:
        q.error = FORMERR
        return True
    judge_records(q, m, authorities, additionals)
    return True


cdef inline bint read_question(Query* q, Cursor* m) noexcept nogil:
    """Read name, type and class of the question; false if it is not well formed."""
    cdef const uint8_t* p
    cdef size_t labels = 0
    while True:
        p = take(m, 1)
        if p is NULL:
            return False
        if p[0] == 0:
            break
        if p[0] > MAX_LABEL or take(m, p[0]) is NULL or m.at >= NAME_END or labels == MAX_LABELS:
            return False
        q.starts[labels] = <uint8_t>(m.at - HEADER_OCTETS)
        labels += 1
    q.name_octets = m.at - HEADER_OCTETS
    p = take(m, 4)
    if p is NULL:
        return False
    q.labels, q.end, q.qtype, q.qclass = labels, m.at, u16(&p[0]), u16(&p[2])
    lower(q.name, part(m, HEADER_OCTETS, q.name_octets), q.name_octets)
    q.hash = crc32(q.name, q.name_octets)
    return True


cdef inline void lower(uint8_t* to, const uint8_t* name, size_t count) noexcept nogil:
    """Copy a name in lower case (ASCII; a length octet is at most 63, below any letter)."""
    cdef size_t at = 0
    cdef uint64_t word, letters
    while count - at >= 8:  # eight octets at once
        memcpy(&word, &name[at], 8)
        letters = (word & 0x7F7F7F7F7F7F7F7FULL) + 0x3F3F3F3F3F3F3F3FULL  # bit 7: from "A" on
        letters &= ~((word & 0x7F7F7F7F7F7F7F7FULL) + 0x2525252525252525ULL)  # and not behind "Z"
        word |= (letters & ~word & 0x8080808080808080ULL) >> 2
        memcpy(&to[at], &word, 8)
        at += 8
    while at < count:
        to[at] = name[at] | 0x20 if 0x41 <= name[at] <= 0x5A else name[at]
        at += 1


cdef inline void judge_records(Query* q, Cursor* m, size_t skipped, size_t count) noexcept nogil:
    """Read what follows the question and note what is wrong with it."""
    if not read_records(q, m, skipped, count):
        q.error = FORMERR
        return
    q.trailing = m.at < m.end
    if q.edns.there and q.edns.error:
        q.error = q.edns.error
    elif q.qtype == TYPE_OPT or q.qtype == TYPE_NXNAME:  # RFC 9824 section 3.5
        q.error, q.ede = FORMERR, EDE_INVALID_QUERY_TYPE
    elif q.qtype in (TYPE_TKEY, TYPE_TSIG, TYPE_MAILA, TYPE_MAILB):
        q.error, q.ede = NOTIMP, EDE_NOT_SUPPORTED


cdef inline bint read_records(Query* q, Cursor* m, size_t skipped, size_t count) noexcept nogil:
    """Read the OPT record among *count* records behind *skipped* ones; false if malformed."""
    cdef const uint8_t* head
    cdef const uint8_t* data
    cdef const uint8_t* owner
    cdef uint16_t rtype
    cdef size_t number
    for number in range(skipped + count):
        owner = part(m, m.at, 1)
        if owner is NULL or not skip_name(m):
            return False
        head = take(m, 10)
        if head is NULL:
            return False
        rtype = u16(&head[0])
        data = take(m, u16(&head[8]))
        if number >= skipped and rtype == TYPE_OPT:
            if q.edns.there or owner[0] or data is NULL:
                begin_edns(&q.edns, 512, u16(&head[6]) & DO)
                return False
            begin_edns(&q.edns, u16(&head[2]), u16(&head[6]) & DO)
            read_options(&q.edns, head[5], data, u16(&head[8]))
        elif rtype == TYPE_TSIG or data is NULL:  # we hold no keys, RFC 8945 section 5.2
            return False
    return True


cdef inline bint skip_name(Cursor* m) noexcept nogil:
    """Step over a name; a pointer ends it and is not followed."""
    cdef size_t stop = m.at + 255
    cdef const uint8_t* p
    while m.at < stop:
        p = take(m, 1)
        if p is NULL:
            return False
        if p[0] == 0:
            return True
        if p[0] >= 0xC0:
            return take(m, 1) is not NULL
        if p[0] > MAX_LABEL or take(m, p[0]) is NULL:
            return False
    return False


cdef inline void begin_edns(Edns* e, uint16_t payload, uint16_t flags) noexcept nogil:
    e.there, e.payload, e.flags, e.error = True, payload, flags, NOERROR
    e.nsid = e.zone_version = e.unknown_family = False
    e.family, e.cookie, e.subnet = 0, NULL, NULL


cdef inline void read_options(
    Edns* e, uint8_t version, const uint8_t* data, size_t count
) noexcept nogil:
    """Read the options of an OPT record; errors are left in `error`."""
    cdef Cursor c = cursor_over(data, count)
    cdef const uint8_t* head
    cdef size_t length
    if version:
        e.error = BADVERS
        return
    while c.at < c.end:
        head = take(&c, 4)
        if head is NULL:
            e.error = FORMERR
            return
        length = u16(&head[2])
        data = take(&c, length)
        if data is NULL:
            e.error = FORMERR
        elif u16(head) == OPTION_ECS:
            if e.family or not read_subnet(e, data, length):
                e.error = FORMERR
        elif u16(head) == OPTION_COOKIE:
            if e.cookie is NULL:  # the first counts, RFC 7873 section 5.2
                if length != 8 and not 16 <= length <= 40:
                    e.error = FORMERR
                e.cookie, e.cookie_octets = data, length
        elif u16(head) == OPTION_NSID:
            e.nsid = True
        elif u16(head) == OPTION_ZONEVERSION:
            e.zone_version = True
        if e.error:
            return


cdef inline bint read_subnet(Edns* e, const uint8_t* data, size_t count) noexcept nogil:
    """Read an ECS option (RFC 7871 section 6); false if it is malformed or of an unknown family."""
    cdef uint16_t family
    cdef size_t octets
    cdef uint64_t address = 0  # what is left of 128 bits
    if count < 4:
        return False
    family = u16(&data[0])
    if family != 1 and family != 2:
        e.unknown_family = True
        return False
    octets = count - 4
    if data[3] or data[2] > (32 if family == 1 else 128) or octets != <size_t>((data[2] + 7) >> 3):
        return False
    if data[2] & 7 and data[count - 1] & (0xFF >> (data[2] & 7)):
        return False
    memcpy(&address, &data[4], min(octets, sizeof(address)))
    address = be64toh(address)
    e.family, e.source = <uint8_t>family, data[2]
    e.address = address >> 32 if family == 1 else address
    e.subnet, e.subnet_octets = data, count
    return True


cdef inline void decode_other_opcode(
    Query* q, Cursor* m, uint16_t questions, uint16_t answers, uint16_t authorities,
    uint16_t additionals,
) noexcept nogil:
    """NOTIMP for an opcode other than QUERY, with question and OPT if they can be read."""
    q.error, q.ede = NOTIMP, EDE_NOT_SUPPORTED
    if questions > 1:
        return
    if questions and not read_question(q, m):
        return
    if answers or authorities or additionals > MAX_ADDITIONAL:
        return
    read_records(q, m, 0, additionals)
    if q.edns.there:
        begin_edns(&q.edns, q.edns.payload, q.edns.flags)


cdef inline void decode_no_question(
    Query* q, Cursor* m, uint16_t questions, uint16_t answers, uint16_t authorities,
    uint16_t additionals,
) noexcept nogil:
    """More than one question is malformed (RFC 9619 section 4); none asks for a fresh cookie."""
    if questions or answers or authorities or additionals > MAX_ADDITIONAL:
        q.error = FORMERR
        return
    judge_records(q, m, 0, additionals)
    if not q.error and not (q.edns.there and q.edns.cookie is not NULL):
        q.error = FORMERR
