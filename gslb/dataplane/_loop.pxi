# The loop of the UDP thread: receive a batch, answer it, send it. It holds no lock and no GIL but
# for a query that it declines.

cdef enum:
    MAX_SOCKETS = 64  # `settings.MAX_LISTEN`
    BATCH = 64
    MAX_QUERY = 4096  # octets taken of a datagram, as in `gslb.dataplane.udp`
    MAX_ANSWER = 4096  # the largest `max_udp`
    SKEW = 192  # octets between two buffers, or all of them would compete for the same cache lines
    ANCILLARY_WORDS = 8  # of 64 bits: one struct in6_pktinfo and its header fit
    DECLINES_PER_SECOND = 200  # each waits for the GIL, up to a switch interval of 0.5 ms


cdef struct Slot:  # one datagram of a batch
    sockaddr_in6 peer  # the longer of the two families
    uint64_t ancillary[ANCILLARY_WORDS]
    uint8_t query[MAX_QUERY]
    uint8_t answer[MAX_ANSWER]
    uint8_t skew[SKEW]

cdef struct Thread:  # everything that the UDP thread uses
    Lane lane
    void* published  # Table*: what the loop is to use; stored by others
    void* taken  # Table*: what it uses; stored by the loop between two batches
    int stop
    void* owner  # the `Loop`, for declined queries
    size_t sockets
    pollfd polls[MAX_SOCKETS + 1]  # the last one wakes the loop
    bint wildcard[MAX_SOCKETS]
    time_t second  # that the budget below belongs to
    uint32_t declines  # in that second
    int filled  # headers that the kernel has written to since they were made ready
    bint asked  # whether they are ready for sockets that tell where a datagram was sent to
    mmsghdr received[BATCH]
    mmsghdr sent[BATCH]
    iovec parts_in[BATCH]
    iovec parts_out[BATCH]
    Query queries[BATCH]
    bint good[BATCH]
    int octets[BATCH]  # of the response; SILENCE; DECLINE: Python has counted the query
    uint8_t family[BATCH]
    Slot slots[BATCH]


cdef void set_up_batch(Thread* h) noexcept nogil:
    cdef int number
    for number in range(BATCH):
        h.parts_in[number].iov_base = h.slots[number].query
        h.parts_in[number].iov_len = MAX_QUERY
        h.received[number].msg_hdr.msg_iov = &h.parts_in[number]
        h.received[number].msg_hdr.msg_iovlen = 1
        h.received[number].msg_hdr.msg_name = &h.slots[number].peer
        h.sent[number].msg_hdr.msg_iov = &h.parts_out[number]
        h.sent[number].msg_hdr.msg_iovlen = 1
    h.filled = BATCH


cdef void turn(Thread* h) noexcept nogil:
    """Answer until told to stop. What has been received is answered; the rest stays in the sockets."""
    cdef uint64_t waking
    cdef size_t number
    while True:
        if poll(h.polls, h.sockets + 1, -1) < 0:
            continue  # interrupted by a signal, which is for the main thread
        if h.polls[h.sockets].revents:
            read(h.polls[h.sockets].fd, &waking, sizeof(waking))
        take_up(h, <Table*>load_pointer(&h.published))
        if load_int(&h.stop):
            return
        for number in range(h.sockets):
            if h.polls[number].revents:
                answer_batch(h, h.polls[number].fd, h.wildcard[number])


cdef inline void take_up(Thread* h, Table* table) noexcept nogil:
    """Answer from *table* from now on; the block of the former one is finished with that."""
    cdef const Table* former = h.lane.table
    if former is not NULL and former.block.words != table.block.words:
        former.block.words[GSLB_COUNT_HEAD_FINISHED] = 1
    h.lane.table = table
    store_pointer(&h.taken, table)


cdef inline void answer_batch(Thread* h, int descriptor, bint wildcard) noexcept nogil:
    """Take what has arrived, a bounded number of datagrams, and answer them."""
    cdef int count, number
    cdef int octets
    cdef size_t due = 0
    cdef timespec now
    cdef uint64_t began
    cdef Cursor m
    cdef Writer w
    cdef Source s
    cdef msghdr* head
    make_room(h, wildcard)
    count = recvmmsg(descriptor, h.received, BATCH, MSG_DONTWAIT, NULL)
    h.filled = max(count, 1)
    if count <= 0:
        return  # nothing there, or an error that the kernel kept for an earlier datagram
    began = monotonic()
    clock_gettime(CLOCK_REALTIME, &now)
    h.lane.now = now.tv_sec + now.tv_nsec * 1e-9
    for number in range(count):  # all of them first: what they will need is on its way meanwhile
        m = cursor_over(h.slots[number].query, h.received[number].msg_len)
        h.good[number] = decode(&h.queries[number], &m)
        if h.good[number] and h.lane.table is not NULL:
            expect(h.lane.table, &h.queries[number])
    for number in range(count):
        m = cursor_over(h.slots[number].query, h.received[number].msg_len)
        w = writer_over(h.slots[number].answer, MAX_ANSWER)
        source_of(&s, <const sockaddr*>&h.slots[number].peer)
        h.family[number] = s.family
        octets = SILENCE
        if h.good[number]:
            octets = respond(&h.lane, &h.queries[number], &m, &s, False, &w)
        h.octets[number] = octets
        if octets == DECLINE:
            octets = decline(h, number, &m, &s, now.tv_sec)
        if octets <= 0:
            continue
        head = &h.sent[due].msg_hdr
        h.parts_out[due].iov_base = h.slots[number].answer
        h.parts_out[due].iov_len = <size_t>octets
        head.msg_name = &h.slots[number].peer
        head.msg_namelen = h.received[number].msg_hdr.msg_namelen
        head.msg_control, head.msg_controllen = NULL, 0
        if wildcard:
            answer_from(&h.received[number].msg_hdr, head)
        due += 1
    send_batch(h, descriptor, due)
    if h.lane.table is not NULL:
        count_batch(h, count, monotonic() - began)


cdef inline void make_room(Thread* h, bint wildcard) noexcept nogil:
    """Offer room for addresses again, in the headers where the kernel has said how much it took."""
    cdef msghdr* head
    cdef int number
    if wildcard != h.asked:  # the last batch came from a socket of the other kind
        h.asked, h.filled = wildcard, BATCH
    for number in range(h.filled):
        head = &h.received[number].msg_hdr
        head.msg_namelen = sizeof(sockaddr_in6)
        head.msg_control = h.slots[number].ancillary if wildcard else NULL
        head.msg_controllen = 8 * ANCILLARY_WORDS if wildcard else 0


cdef inline void count_batch(Thread* h, int count, uint64_t took) noexcept nogil:
    """Count what a batch was about; its responses left together, *took* ns after they were received."""
    cdef int number
    for number in range(count):
        if h.octets[number] != DECLINE:
            count_query(
                &h.lane.table.block, &h.queries[number], h.received[number].msg_len,
                h.family[number], h.slots[number].answer, <size_t>h.octets[number], took,
            )


cdef inline uint64_t monotonic() noexcept nogil:
    """Return nanoseconds."""
    cdef timespec now
    clock_gettime(CLOCK_MONOTONIC, &now)
    return <uint64_t>now.tv_sec * 1000000000 + <uint64_t>now.tv_nsec


cdef inline void send_batch(Thread* h, int descriptor, size_t due) noexcept nogil:
    """Send what is due. What the kernel refuses concerns that datagram only."""
    cdef size_t done = 0
    cdef int count
    while done < due:
        count = sendmmsg(descriptor, &h.sent[done], <unsigned int>(due - done), MSG_DONTWAIT)
        if count > 0:
            done += count
        elif errno != EINTR:
            unsent(h)
            done += 1


cdef inline void unsent(Thread* h) noexcept nogil:
    if h.lane.table is not NULL:
        add(&h.lane.table.block, GSLB_COUNT_UNSENT, 1)


cdef inline void source_of(Source* s, const sockaddr* peer) noexcept nogil:
    """Take over where a datagram came from; IPv4 on a socket for both counts as IPv4."""
    cdef const sockaddr_in* four = <const sockaddr_in*>peer
    cdef const sockaddr_in6* six = <const sockaddr_in6*>peer
    cdef const uint8_t* octets
    if peer.sa_family == AF_INET:
        octets = <const uint8_t*>&four.sin_addr
        source_from(s, octets, 4)
        s.port = ntohs(four.sin_port)
    else:
        octets = <const uint8_t*>&six.sin6_addr
        source_from(s, octets, 16)
        s.port = ntohs(six.sin6_port)


cdef inline void source_from(Source* s, const uint8_t* octets, size_t count) noexcept nogil:
    """Take over an address in network order."""
    cdef uint64_t high, low
    cdef uint32_t four
    s.rest = 0
    if count == 16:
        memcpy(&high, octets, 8)
        memcpy(&low, &octets[8], 8)
        high, low = be64toh(high), be64toh(low)
        if high or low >> 32 != 0xFFFF:
            s.family, s.address, s.rest, s.count = 2, high, low, 16
            memcpy(s.octets, octets, 16)
            return
        octets = &octets[12]
    memcpy(&four, octets, 4)
    s.family, s.address, s.count = 1, be32toh(four), 4
    memcpy(s.octets, octets, 4)


cdef inline void answer_from(msghdr* received, msghdr* sent) noexcept nogil:
    """Let a reply leave from where the query was sent to (RFC 2181 section 4), as `udp` does."""
    cdef cmsghdr* c = CMSG_FIRSTHDR(received)
    cdef in_pktinfo* four
    cdef in6_pktinfo* six
    while c is not NULL:
        if c.cmsg_level == IPPROTO_IP and c.cmsg_type == IP_PKTINFO:
            four = <in_pktinfo*>CMSG_DATA(c)
            four.ipi_ifindex = 0
            memset(&four.ipi_addr, 0, sizeof(four.ipi_addr))
            break
        if c.cmsg_level == IPPROTO_IPV6 and c.cmsg_type == IPV6_PKTINFO:
            six = <in6_pktinfo*>CMSG_DATA(c)
            if (<const uint8_t*>&six.ipi6_addr)[0] != 0xFE:  # only link-local ones need theirs
                six.ipi6_ifindex = 0
            break
        c = CMSG_NXTHDR(received, c)
    if c is not NULL:  # the only kind that was asked for
        sent.msg_control, sent.msg_controllen = received.msg_control, received.msg_controllen


cdef inline int decline(
    Thread* h, int number, Cursor* m, const Source* s, time_t second
) noexcept nogil:
    """Let Python answer and count, if the budget of this second allows it."""
    cdef Note* note = &h.queries[number].note
    if h.lane.table is not NULL:
        add(&h.lane.table.block, GSLB_COUNT_DECLINED + note.declined, 1)
    if second != h.second:
        h.second, h.declines = second, 0
    if h.declines >= DECLINES_PER_SECOND:
        note.dropped, h.octets[number] = OVERLOAD, SILENCE
        return SILENCE
    h.declines += 1
    return ask_python(h, m.base, m.end, s, h.slots[number].answer)


cdef int ask_python(
    Thread* h, const uint8_t* message, size_t count, const Source* s, uint8_t* answer
) noexcept with gil:
    """Return the octets of what Python answered, or SILENCE; an answer that cannot be sent is counted."""
    try:
        response = (<Loop>h.owner).respond_slowly(
            message[:count], source_tuple(s), s.port
        )
        if response is None:
            return SILENCE
        if len(response) > MAX_ANSWER:
            unsent(h)
            return SILENCE
        memcpy(answer, <const uint8_t*><const char*>response, len(response))
        return len(response)
    except BaseException:  # the guard has caught what a query can cause
        return SILENCE
