# Entries for tests/fuzz: the whole way from octets to octets, with no Python running.

cdef Config fuzz_config
cdef Lane fuzz_lane
cdef Table fuzz_table
cdef uint64_t fuzz_words[2240]  # a block of counters for no zone and 1024 answers


cdef public int fuzz_decode(const uint8_t* octets, size_t count) noexcept nogil:
    """Read a query; return its error, or below 0 for silence."""
    cdef Query q
    cdef Cursor m = cursor_over(octets, count)
    return q.error if decode(&q, &m) else -1


cdef public int fuzz_open(const uint8_t* table, size_t count) noexcept nogil:
    """Answer from a verified table from now on; below 0 if memory is short."""
    set_up_crc()
    fuzz_config.max_udp, fuzz_config.ecs_max4, fuzz_config.ecs_max6 = 1232, 24, 56
    fuzz_config.nsid_octets, fuzz_config.nsid[0] = 1, 0x6E
    fuzz_config.secrets, fuzz_config.blocks4.count, fuzz_config.blocks6.count = 1, 1, 1
    fuzz_lane.config, fuzz_lane.table = &fuzz_config, &fuzz_table
    fuzz_lane.random, fuzz_lane.now, fuzz_lane.keepalive = 1, 1e9, 100
    free(fuzz_table.tailored)
    fuzz_words[GSLB_COUNT_HEAD_HASH_BITS] = 10
    if not open_block(&fuzz_table.block, fuzz_words, sizeof(fuzz_words)):
        return -1
    return open_table(&fuzz_table, table, count)


cdef public int fuzz_answer(
    const uint8_t* octets, size_t count, uint8_t* answer, size_t space, int tcp, int six
) noexcept nogil:
    """Answer a query; return the octets of the response, SILENCE or DECLINE."""
    cdef Query q
    cdef Source s
    cdef uint8_t address[16]
    cdef Cursor m = cursor_over(octets, count)
    cdef Writer w = writer_over(answer, space)
    cdef int written
    if not decode(&q, &m):
        return SILENCE
    memset(address, 0x20, 16)
    source_from(&s, address, 16 if six else 4)
    s.port = 4242
    written = respond(&fuzz_lane, &q, &m, &s, tcp, &w)
    if written != DECLINE:
        count_query(&fuzz_table.block, &q, count, s.family, answer, <size_t>written, 1)
    return written
