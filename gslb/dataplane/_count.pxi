# Counting what becomes of a query, in the block that `gslb.dataplane.counters` lays out and as
# `counting` does it; the block belongs to the answer table that is served.

cdef extern from "_counters.h":  # generated from gslb/dataplane/counters.py
    enum:
        GSLB_COUNT_MAX_PROBE
        GSLB_COUNT_MAX_ZONES
        GSLB_COUNT_HEAD_ZONES
        GSLB_COUNT_HEAD_HASH_BITS
        GSLB_COUNT_HEAD_FINISHED
        GSLB_COUNT_TYPE_BUCKETS
        GSLB_COUNT_REQUEST_SIZES
        GSLB_COUNT_REQUEST_OCTETS
        GSLB_COUNT_RESPONSE_SIZES
        GSLB_COUNT_RESPONSE_OCTETS
        GSLB_COUNT_DROPPED
        GSLB_COUNT_CLIENTS
        GSLB_COUNT_DECLINED
        GSLB_COUNT_ROWS
        GSLB_COUNT_ROW
        GSLB_COUNT_REQUESTS
        GSLB_COUNT_RESPONSES
        GSLB_COUNT_DURATION
        GSLB_COUNT_NANOSECONDS
        GSLB_COUNT_ENTRY
        GSLB_COUNT_TRUNCATED
        GSLB_COUNT_LIMITED
        GSLB_COUNT_LIMITED_DRY
        GSLB_COUNT_TRAILING
        GSLB_COUNT_UNKNOWN_FAMILY
        GSLB_COUNT_OVERFLOW
        GSLB_COUNT_UNSENT
    uint64_t GSLB_COUNT_HASH_FACTOR
    unsigned gslb_type_bucket(uint16_t rtype) noexcept nogil
    unsigned gslb_size_bucket(uint32_t value) noexcept nogil
    unsigned gslb_duration_bucket(uint64_t value) noexcept nogil


cdef inline bint open_block(Block* b, uint64_t* words, size_t octets) noexcept nogil:
    """Count in *words*; false if its header says that there are more or fewer."""
    b.words, b.zones = words, words[GSLB_COUNT_HEAD_ZONES]
    b.hash_bits = <uint32_t>words[GSLB_COUNT_HEAD_HASH_BITS]
    b.answers = GSLB_COUNT_ROWS + (b.zones + 2) * GSLB_COUNT_ROW
    return (
        b.zones <= GSLB_COUNT_MAX_ZONES and 1 <= b.hash_bits <= 32
        and octets == 8 * (b.answers + (<size_t>GSLB_COUNT_ENTRY << b.hash_bits))
    )


cdef inline void add(const Block* b, size_t word, uint64_t count) noexcept nogil:
    b.words[word] += count  # this thread is the only one that writes


cdef inline void begin_note(Note* n) noexcept nogil:
    """Know nothing of a query yet."""
    n.zone = n.choice = -1
    n.body, n.rcode, n.client, n.dropped, n.declined = 0, 0, RESOLVER, PARSE, OTHER


cdef void count_query(
    const Block* b, const Query* q, size_t asked, uint8_t family, const uint8_t* answer,
    size_t octets, uint64_t took,
) noexcept nogil:
    """Count a query that has had its response of so many *octets* (0: silence) in *took* ns."""
    cdef const Note* n = &q.note
    cdef size_t row = b.zones + (n.zone < 0)
    if n.zone >= 0 and <size_t>n.zone < b.zones:
        row = <size_t>n.zone
    row = GSLB_COUNT_ROWS + GSLB_COUNT_ROW * row
    add(b, row + GSLB_COUNT_REQUESTS + (family - 1) * GSLB_COUNT_TYPE_BUCKETS + gslb_type_bucket(q.qtype), 1)
    add(b, GSLB_COUNT_REQUEST_SIZES + gslb_size_bucket(<uint32_t>asked), 1)
    add(b, GSLB_COUNT_REQUEST_OCTETS, asked)
    if octets == 0:
        add(b, GSLB_COUNT_DROPPED + n.dropped, 1)
        return
    add(b, row + GSLB_COUNT_RESPONSES + (n.rcode if n.rcode else answer[3] & 15), 1)
    add(b, GSLB_COUNT_RESPONSE_SIZES + gslb_size_bucket(<uint32_t>octets), 1)
    add(b, GSLB_COUNT_RESPONSE_OCTETS, octets)
    if answer[2] & 2:
        add(b, GSLB_COUNT_TRUNCATED, 1)
    if n.choice >= 0:
        add(b, GSLB_COUNT_CLIENTS + n.client, 1)
        add(b, place_of(b, <uint64_t>(n.choice + 1) << 32 | n.body), 1)
    add(b, row + GSLB_COUNT_DURATION + gslb_duration_bucket(took), 1)
    add(b, row + GSLB_COUNT_NANOSECONDS, took)


cdef inline size_t place_of(const Block* b, uint64_t key) noexcept nogil:
    """Return the word where answers of that *key* are counted."""
    cdef size_t entry = key * GSLB_COUNT_HASH_FACTOR >> (64 - b.hash_bits)
    cdef size_t at
    cdef int probe
    for probe in range(GSLB_COUNT_MAX_PROBE):
        at = b.answers + GSLB_COUNT_ENTRY * entry
        if b.words[at] == 0:
            b.words[at] = key
        if b.words[at] == key:
            return at + 1
        entry = (entry + 1) & ((<size_t>1 << b.hash_bits) - 1)
    return GSLB_COUNT_OVERFLOW
