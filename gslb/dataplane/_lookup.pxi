# The answer table as it lies in memory: `gslb.answers.layout`, read in place. Offsets that stand in
# the immutable part have been proved by `gslb.answers.verify`; what a cell points to may be newer
# than that, so every record behind a cell is checked against the size of the table.

cdef enum Outcome:
    OUTSIDE
    NAME
    MISSING
    REFERRAL

cdef struct Found:
    Outcome outcome
    size_t zone  # offset of its record
    size_t ref  # NAME: index of a typeset; REFERRAL: offset of a body

cdef struct Range:
    uint16_t number  # class of the clients in it
    uint64_t first
    uint64_t last

cdef inline uint8_t t8(const Table* t, size_t at) noexcept nogil:
    return t.base[at]


cdef inline uint16_t t16(const Table* t, size_t at) noexcept nogil:
    return (<const uint16_t*>(t.base + at))[0]


cdef inline uint32_t t32(const Table* t, size_t at) noexcept nogil:
    return (<const uint32_t*>(t.base + at))[0]


cdef inline uint64_t t64(const Table* t, size_t at) noexcept nogil:
    return (<const uint64_t*>(t.base + at))[0]


cdef inline const uint8_t* octets_at(const Table* t, size_t at) noexcept nogil:
    return t.base + at


cdef inline bint holds(const Table* t, size_t at, size_t count) noexcept nogil:
    """Tell whether *count* octets at *at* are within the table, where records may be."""
    return GSLB_SIZEOF_HEADER <= at <= t.octets and count <= t.octets - at and at & 3 == 0


cdef inline size_t cell(const Table* t, size_t number) noexcept nogil:
    """Return what a cell points to now; 0 where there is no such cell."""
    if number >= t.cell_count:
        return 0
    return load64(<const uint64_t*>(t.base + t.cells + 8 * number))


# ---- names -------------------------------------------------------------------------------------

cdef uint32_t CRC[8][256]  # of CRC-32 as in zlib, eight octets at a step


cdef void set_up_crc() noexcept nogil:
    cdef uint32_t value
    cdef size_t octet, step
    for octet in range(256):
        value = <uint32_t>octet
        for step in range(8):
            value = value >> 1 ^ (0xEDB88320U if value & 1 else 0U)
        CRC[0][octet] = value
    for octet in range(256):
        for step in range(1, 8):
            CRC[step][octet] = CRC[step - 1][octet] >> 8 ^ CRC[0][CRC[step - 1][octet] & 0xFF]


cdef inline uint32_t crc32(const uint8_t* octets, size_t count) noexcept nogil:
    cdef uint32_t value = 0xFFFFFFFFU
    cdef uint64_t word
    cdef size_t at = 0
    while count - at >= 8:
        memcpy(&word, &octets[at], 8)
        word ^= value
        value = (
            CRC[7][word & 0xFF] ^ CRC[6][word >> 8 & 0xFF]
            ^ CRC[5][word >> 16 & 0xFF] ^ CRC[4][word >> 24 & 0xFF]
            ^ CRC[3][word >> 32 & 0xFF] ^ CRC[2][word >> 40 & 0xFF]
            ^ CRC[1][word >> 48 & 0xFF] ^ CRC[0][word >> 56]
        )
        at += 8
    while at < count:
        value = value >> 8 ^ CRC[0][(value ^ octets[at]) & 0xFF]
        at += 1
    return ~value


cdef inline size_t node_of(
    const Table* t, const uint8_t* name, size_t count, uint32_t hash
) noexcept nogil:
    """Return the offset of the node of *name*, or 0."""
    cdef size_t at = hash & t.mask
    cdef size_t node
    cdef int probe
    cdef uint64_t slot
    for probe in range(GSLB_MAX_PROBE + 1):
        slot = t64(t, t.slots + GSLB_SIZEOF_SLOT * at)
        if slot == 0:
            return 0
        if slot >> 32 == hash:
            node = t.nodes + ((slot & 0xFFFFFFFFU) - 1) * GSLB_SIZEOF_NODE
            if (
                t8(t, node + GSLB_NODE_NAME_OCTETS) == count
                and memcmp(octets_at(t, t32(t, node + GSLB_NODE_NAME)), name, count) == 0
            ):
                return node
        at = (at + 1) & t.mask
    return 0


cdef inline Found found_at(const Table* t, size_t node, bint cut) noexcept nogil:
    cdef Found found
    found.outcome = REFERRAL if cut else NAME
    found.zone = t.zones + t16(t, node + GSLB_NODE_ZONE) * GSLB_SIZEOF_ZONE
    found.ref = t32(t, node + (GSLB_NODE_CUT if cut else GSLB_NODE_TYPESET))
    return found


cdef Found find(const Table* t, Query* q) noexcept nogil:
    """Return what the queried name is (`AnswerTable.find`). Writes over the name in *q*."""
    cdef Found found
    cdef size_t start, left, node
    cdef size_t number = 0
    node = node_of(t, q.name, q.name_octets, q.hash)
    if node:
        return found_at(t, node, t32(t, node + GSLB_NODE_CUT) and q.qtype != TYPE_DS)
    if q.labels > t.max_labels:
        number = q.labels - t.max_labels - 1
    while number < q.labels:
        start = q.starts[number]
        number += 1
        left = q.name_octets - start
        node = node_of(t, &q.name[start], left, crc32(&q.name[start], left))
        if not node:
            continue
        if t32(t, node + GSLB_NODE_CUT):
            return found_at(t, node, True)
        found = found_at(t, node, False)
        found.outcome, found.ref = MISSING, 0
        q.name[start - 2], q.name[start - 1] = 1, 0x2A  # a label has two octets or more
        left += 2
        node = node_of(t, &q.name[start - 2], left, crc32(&q.name[start - 2], left))
        return found_at(t, node, False) if node else found
    found.outcome, found.zone, found.ref = OUTSIDE, 0, 0
    return found


cdef inline void expect(const Table* t, const Query* q) noexcept nogil:
    """Ask for the memory that a look-up of the queried name begins with."""
    prefetch(octets_at(t, t.slots + GSLB_SIZEOF_SLOT * (q.hash & t.mask)))


cdef inline size_t entry_of(const Table* t, size_t typeset, uint16_t rtype) noexcept nogil:
    """Return the offset of the entry for a type, of the CNAME in its place, or 0."""
    cdef size_t first = t32(t, t.typesets + typeset * GSLB_SIZEOF_TYPESET + GSLB_TYPESET_FIRST)
    cdef size_t count = t32(t, t.typesets + typeset * GSLB_SIZEOF_TYPESET + GSLB_TYPESET_COUNT)
    cdef size_t entry
    if count == 0:
        return 0
    if rtype == TYPE_ANY:  # RFC 8482 section 4.1
        return t.entries + first * GSLB_SIZEOF_ENTRY
    entry = entry_among(t, first, count, rtype)
    return entry if entry else entry_among(t, first, count, TYPE_CNAME)


cdef inline size_t entry_among(
    const Table* t, size_t first, size_t count, uint16_t rtype
) noexcept nogil:
    cdef size_t behind = first + count
    cdef size_t middle, entry
    cdef uint16_t here
    while first < behind:
        middle = (first + behind) >> 1
        entry = t.entries + middle * GSLB_SIZEOF_ENTRY
        here = t16(t, entry + GSLB_ENTRY_RTYPE)
        if here == rtype:
            return entry
        if here < rtype:
            first = middle + 1
        else:
            behind = middle
    return 0


# ---- clients -----------------------------------------------------------------------------------

cdef inline size_t map_at(const Table* t, size_t link) noexcept nogil:
    return t.maps + <size_t>t32(t, t.links + 4 * link) * GSLB_SIZEOF_MAP


cdef inline Range range_of(
    const Table* t, size_t map, uint8_t family, uint64_t address
) noexcept nogil:
    """Return the range that *address* is in, its ends included (`ranges.look_up`)."""
    cdef bint six = family != 1
    cdef size_t fields = map + (GSLB_MAP_COUNT6 - GSLB_MAP_COUNT4 if six else 0)
    cdef uint32_t count = t32(t, fields + GSLB_MAP_COUNT4)
    cdef size_t starts = t32(t, fields + GSLB_MAP_STARTS4)
    cdef size_t buckets = t32(t, fields + GSLB_MAP_BUCKETS4)
    cdef uint32_t bits = t8(t, map + (GSLB_MAP_BITS6 if six else GSLB_MAP_BITS4))
    cdef size_t bucket = address >> ((64 if six else 32) - bits) if bits else 0
    cdef size_t low = t32(t, buckets + 4 * bucket)
    cdef size_t high = <size_t>t32(t, buckets + 4 * bucket + 4) + 1
    cdef size_t left = high - low if high > low else 0  # never is it, in a table that verifies
    cdef size_t half
    cdef Range found
    # The first range that begins behind the address. Each step is taken whole, with no branch on
    # what clients send: a guess of the processor would be wrong every other time.
    while left:
        half = (left + 1) >> 1
        if six:
            low += half * (t64(t, starts + 8 * (low + half - 1)) <= address)
        else:
            low += half * (t32(t, starts + 4 * (low + half - 1)) <= address)
        left -= half
    found.number = t16(t, t32(t, fields + GSLB_MAP_CLASSES4) + 2 * (low - 1))
    if six:
        found.first = t64(t, starts + 8 * (low - 1))
        found.last = t64(t, starts + 8 * low) - 1 if low < count else <uint64_t>-1
    else:
        found.first = t32(t, starts + 4 * (low - 1))
        found.last = <uint64_t>t32(t, starts + 4 * low) - 1 if low < count else 0xFFFFFFFFU
    return found


cdef inline bint is_single(const Table* t, size_t map) noexcept nogil:
    return t32(t, map + GSLB_MAP_COUNT4) == 1 and t32(t, map + GSLB_MAP_COUNT6) == 1


cdef inline uint8_t block_of(
    const Blocks* b, uint64_t address, uint64_t* first, uint64_t* last
) noexcept nogil:
    """Return the prefix length of the private block around *address*, 0 in public space.

    *first* and *last* become the ends of that block, or of the public range between two.
    """
    cdef size_t low = 0
    cdef size_t left = b.count
    cdef size_t half
    while left:  # as in `range_of`
        half = (left + 1) >> 1
        low += half * (b.starts[low + half - 1] <= address)
        left -= half
    first[0] = b.starts[low - 1]
    last[0] = b.starts[low] - 1 if low < b.count else <uint64_t>-1
    return b.lengths[low - 1]


cdef inline uint8_t scope_of(
    uint8_t family, uint64_t address, uint64_t low, uint64_t last, uint8_t cap
) noexcept nogil:
    """Return the ECS scope (`ranges.scope`, with the last address of the range in place of the end).

    *address* has no bits behind the *cap*.
    """
    cdef int width = 32 if family == 1 else 64
    cdef int bits = 0
    cdef int spare = width - cap
    cdef uint64_t high
    if cap == 0:
        return 0
    if low:
        low = ((low - 1) >> spare) + 1 << spare
        if low:
            bits = width + 1 - bit_length(address ^ (low - 1))
    high = (last >> spare) + 1  # in blocks of the cap
    if high < <uint64_t>1 << cap if cap < 64 else high != 0:
        bits = max(bits, width + 1 - bit_length(address ^ (high << spare)))
    return <uint8_t>min(bits, <int>cap)


cdef inline uint64_t sticky_key(uint8_t family, uint64_t address, uint8_t prefix) noexcept nogil:
    if family == 1:
        return (address >> (32 - prefix)) | <uint64_t>prefix << 40 | <uint64_t>1 << 48
    return (address >> (64 - prefix) << (64 - prefix) if prefix else 0) ^ (prefix | 1 << 7)


# ---- picks -------------------------------------------------------------------------------------

cdef inline size_t sticky_slot(uint64_t key, uint64_t stage) noexcept nogil:
    cdef uint64_t z = key + (stage + 1) * 0x9E3779B97F4A7C15ULL
    z = (z ^ z >> 30) * 0xBF58476D1CE4E5B9ULL
    z = (z ^ z >> 27) * 0x94D049BB133111EBULL
    return (z ^ z >> 31) >> 54  # the upper bits, as many as 1024 slots need


cdef inline uint32_t draw(uint64_t* state) noexcept nogil:
    """Return the next number of `pick.Xorshift`."""
    cdef uint64_t x = state[0]
    x ^= x >> 12
    x ^= x << 25
    x ^= x >> 27
    state[0] = x
    return x * 0x2545F4914F6CDD1DULL >> 32


cdef inline size_t pick_one(
    const Table* t, size_t at, uint64_t* random, uint64_t key, uint64_t stage, bint* refused
) noexcept nogil:
    """Return the reference that a pick at *at* gives; NOTHING if it refuses, or is damaged."""
    cdef size_t refs = at + GSLB_SIZEOF_PICK
    cdef size_t count, tail, low, left, half
    cdef uint16_t kind
    cdef uint32_t drawn
    if not holds(t, at, GSLB_SIZEOF_PICK):
        return NOTHING
    kind, count = t16(t, at + GSLB_PICK_KIND), t16(t, at + GSLB_PICK_COUNT)
    if count == 0:
        refused[0] = kind == GSLB_REFUSED
        return NOTHING
    tail = 2 * GSLB_STICKY_SLOTS if kind == GSLB_STICKY else 4 * count
    if not holds(t, at, GSLB_SIZEOF_PICK + 4 * count + tail):
        return NOTHING
    tail = refs + 4 * count
    low = 0
    if kind == GSLB_STICKY:
        low = t16(t, tail + 2 * sticky_slot(key, stage))
    elif count > 1:
        drawn = draw(random)
        left = count - 1  # the last end is the greatest number
        while left:  # the first end that is not below, as in `range_of`
            half = (left + 1) >> 1
            low += half * (t32(t, tail + 4 * (low + half - 1)) < drawn)
            left -= half
    return t32(t, refs + 4 * low) if low < count else NOTHING
