# cython: language_level=3, embedsignature=False
"""The data plane, compiled: the octets of `gslb.dataplane.responder`, with no object made for a query.

Octets from outside are reached through the cursor, octets to send through the writer, the answer
table through its accessors, and through nothing else. What is not common is declined: Python
answers it. Built for little-endian Linux; where it cannot be built, Python answers everything.
"""

from cpython.buffer cimport PyBUF_SIMPLE, PyBUF_WRITABLE, PyBuffer_Release, PyObject_GetBuffer
from libc.errno cimport EINTR, errno
from libc.stdint cimport int32_t, int64_t, uint8_t, uint16_t, uint32_t, uint64_t
from libc.stdlib cimport calloc, free
from libc.string cimport memcmp, memcpy, memset
from libc.time cimport time_t

import os
import secrets

from gslb.dataplane.client import BLOCKS4, BLOCKS6
from gslb.dataplane.settings import Source as SourceTuple
from gslb.dataplane.settings import Transport

include "_system.pxi"
include "_cursor.pxi"
include "_lane.pxi"
include "_count.pxi"
include "_decode.pxi"
include "_lookup.pxi"
include "_edns.pxi"
include "_limits.pxi"
include "_respond.pxi"

DECLINED = b""  # no response is empty
DRY_RESPONSES_PER_SECOND = 1000.0  # what is counted as too much of one network where nothing limits
TCP = Transport.TCP


cdef class FastTable:
    """An answer table that `verify` found good, and the block to count in while it is served.

    Both are held in place as long as this lives.
    """

    cdef Table t
    cdef Py_buffer view
    cdef Py_buffer block
    cdef bint held
    cdef bint counting

    def __cinit__(self, octets, block):
        PyObject_GetBuffer(octets, &self.view, PyBUF_SIMPLE)
        self.held = True
        PyObject_GetBuffer(block, &self.block, PyBUF_WRITABLE)
        self.counting = True
        if self.block.len < 8 * GSLB_COUNT_ROWS or not open_block(
            &self.t.block, <uint64_t*>self.block.buf, <size_t>self.block.len
        ):
            raise ValueError("the block of counters has another size than it says")
        if open_table(&self.t, <const uint8_t*>self.view.buf, <size_t>self.view.len) < 0:
            raise MemoryError

    def __dealloc__(self):
        free(self.t.tailored)
        if self.held:
            PyBuffer_Release(&self.view)
        if self.counting:
            PyBuffer_Release(&self.block)

    @property
    def generation(self):
        """The generation of the table."""
        return self.t.generation


cdef int open_table(Table* t, const uint8_t* base, size_t octets) noexcept nogil:
    """Find the sections of a table; below 0 if memory is short."""
    cdef size_t number, link, views
    cdef bint tailored
    t.base, t.octets = base, octets
    t.generation = t64(t, GSLB_HEADER_GENERATION)
    t.mask, t.max_labels = t32(t, GSLB_HEADER_SLOT_MASK), t32(t, GSLB_HEADER_MAX_LABELS)
    t.choices = t32(t, GSLB_HEADER_CHOICES)
    t.zones, t.slots = t32(t, GSLB_HEADER_ZONES_OFFSET), t32(t, GSLB_HEADER_SLOTS_OFFSET)
    t.nodes, t.typesets = t32(t, GSLB_HEADER_NODES_OFFSET), t32(t, GSLB_HEADER_TYPESETS_OFFSET)
    t.entries, t.steers = t32(t, GSLB_HEADER_ENTRIES_OFFSET), t32(t, GSLB_HEADER_STEERS_OFFSET)
    t.links, t.maps = t32(t, GSLB_HEADER_LINKS_OFFSET), t32(t, GSLB_HEADER_MAPS_OFFSET)
    t.cells, t.cell_count = (
        t32(t, GSLB_HEADER_CELLS_OFFSET), t32(t, GSLB_HEADER_CELLS_OCTETS) // 8
    )
    number = t32(t, GSLB_HEADER_STEERS_OCTETS) // GSLB_SIZEOF_STEER
    t.tailored = <uint8_t*>calloc(number + 1, 1)
    if t.tailored is NULL:
        return -1
    while number:
        number -= 1
        link = t.steers + number * GSLB_SIZEOF_STEER
        tailored = t32(t, link + GSLB_STEER_RESOLVERS) != 0
        views = t32(t, link + GSLB_STEER_VIEW_COUNT)
        link = t32(t, link + GSLB_STEER_VIEWS)
        while views:
            views -= 1
            tailored |= not is_single(t, map_at(t, link + views))
        t.tailored[number] = tailored
    return 0


cdef class FastSettings:
    """What `ResponderSettings` says, as the compiled code reads it. May be shared by threads."""

    cdef Config config
    cdef double errors
    cdef double responses

    def __init__(self, settings):
        cdef Config* c = &self.config
        c.max_udp, c.ecs_max4, c.ecs_max6 = settings.max_udp, settings.ecs_max4, settings.ecs_max6
        nsid = settings.nsid or b""
        c.nsid_octets = len(nsid)
        memcpy(c.nsid, <const char*>nsid, min(<size_t>len(nsid), <size_t>MAX_NSID))
        if len(settings.cookie_secrets) > MAX_SECRETS:
            raise ValueError(f"more than {MAX_SECRETS} cookie secrets")
        for number, secret in enumerate(settings.cookie_secrets):
            c.secret[number].k0 = int.from_bytes(secret[:8], "little")
            c.secret[number].k1 = int.from_bytes(secret[8:], "little")
        c.secrets = len(settings.cookie_secrets)
        if len(settings.own) > MAX_OWN:
            raise ValueError(f"more than {MAX_OWN} addresses of our own")
        for number, (source, port) in enumerate(settings.own):
            source_of_tuple(&c.own[number], source, port)
        c.owns = len(settings.own)
        fill_blocks(&c.blocks4, BLOCKS4)
        fill_blocks(&c.blocks6, BLOCKS6)
        self.errors, self.responses = settings.errors_per_second, settings.responses_per_second


cdef fill_blocks(Blocks* b, blocks):
    starts, lengths = blocks
    b.count = len(starts) - 1  # the last one is the end of all
    if b.count > MAX_BLOCKS:
        raise ValueError(f"more than {MAX_BLOCKS} blocks")
    for number in range(b.count):
        b.starts[number], b.lengths[number] = starts[number], lengths[number]


cdef source_of_tuple(Source* s, source, port):
    cdef bytes octets = source[1].to_bytes(4 if source[0] == 1 else 16, "big")
    source_from(s, <const uint8_t*><const char*>octets, len(octets))
    s.port = port


cdef source_tuple(const Source* s):
    return SourceTuple(s.family, int.from_bytes(s.octets[:s.count], "big"))


cdef int set_up_lane(Lane* lane, FastSettings settings, uint64_t seed) except -1:
    """Begin with empty buckets; *seed* is a state of `pick.Xorshift`."""
    lane.config, lane.random = &settings.config, seed
    lane.errors.rate, lane.responses.rate = settings.errors, settings.responses
    lane.dry = settings.responses == 0
    if lane.dry:
        lane.responses.rate = DRY_RESPONSES_PER_SECOND
    lane.errors.salt, lane.responses.salt = secrets.randbits(64), secrets.randbits(64)
    lane.errors.buckets = <Bucket*>calloc(SETS * WAYS, sizeof(Bucket))
    lane.responses.buckets = <Bucket*>calloc(SETS * WAYS, sizeof(Bucket))
    if lane.errors.buckets is NULL or lane.responses.buckets is NULL:
        raise MemoryError
    return 0


cdef void tear_down_lane(Lane* lane) noexcept:
    free(lane.errors.buckets)
    free(lane.responses.buckets)


cdef class Answerer:
    """Answers one message at a time, for whoever holds the GIL: the TCP server, and tests."""

    cdef Lane lane
    cdef FastSettings settings
    cdef FastTable table
    cdef object clock
    cdef uint8_t* answer_octets

    def __cinit__(self, FastSettings settings, seed, clock):
        self.settings, self.clock = settings, clock
        self.answer_octets = <uint8_t*>calloc(MAX_MESSAGE, 1)
        if self.answer_octets is NULL:
            raise MemoryError
        set_up_lane(&self.lane, settings, seed)

    def __dealloc__(self):
        tear_down_lane(&self.lane)
        free(self.answer_octets)

    def serve(self, FastTable table):
        """Answer from *table* from now on."""
        self.table = table
        self.lane.table = &table.t if table is not None else NULL

    def set_keepalive(self, uint16_t tenths):
        """Tell TCP clients that they may stay that many tenths of a second (RFC 7828)."""
        self.lane.keepalive = tenths

    def answer(self, bytes message, source, uint16_t port, transport):
        """Return the response, None for silence, or DECLINED; count it, unless it is declined."""
        cdef Query q
        cdef Source s
        cdef int count = SILENCE
        cdef uint64_t began = monotonic()
        cdef Cursor m = cursor_over(<const uint8_t*><const char*>message, len(message))
        cdef Writer w = writer_over(self.answer_octets, MAX_MESSAGE)
        source_of_tuple(&s, source, port)
        self.lane.now = self.clock()
        if decode(&q, &m):
            count = respond(&self.lane, &q, &m, &s, transport is TCP, &w)
        if self.lane.table is not NULL:
            if count == DECLINE:
                add(&self.lane.table.block, GSLB_COUNT_DECLINED + q.note.declined, 1)
            else:
                count_query(
                    &self.lane.table.block, &q, m.end, s.family, self.answer_octets,
                    <size_t>count, monotonic() - began,
                )
        if count == SILENCE:
            return None
        return self.answer_octets[:count] if count > 0 else DECLINED


include "_loop.pxi"


cdef class Loop:
    """Answers on UDP sockets in the thread that calls `run`, without the GIL."""

    cdef Thread* h
    cdef FastSettings settings
    cdef object respond
    cdef int waker
    cdef list tables

    def __cinit__(self, FastSettings settings, seed, respond, sockets):
        """Answer on *sockets* (descriptor, wildcard); *respond* answers what is declined."""
        if not 1 <= len(sockets) <= MAX_SOCKETS:
            raise ValueError(f"1 to {MAX_SOCKETS} sockets, not {len(sockets)}")
        self.settings, self.respond, self.tables = settings, respond, []
        self.waker = -1
        self.h = <Thread*>calloc(1, sizeof(Thread))
        if self.h is NULL:
            raise MemoryError
        set_up_lane(&self.h.lane, settings, seed)
        set_up_batch(self.h)
        self.waker = os.eventfd(0, os.EFD_NONBLOCK | os.EFD_CLOEXEC)
        self.h.owner, self.h.sockets = <void*>self, len(sockets)
        for number, (descriptor, wildcard) in enumerate(sockets):
            self.h.polls[number] = pollfd(descriptor, POLLIN, 0)
            self.h.wildcard[number] = wildcard
        self.h.polls[self.h.sockets] = pollfd(self.waker, POLLIN, 0)

    def __dealloc__(self):
        if self.h is not NULL:
            tear_down_lane(&self.h.lane)
            free(self.h)
        if self.waker >= 0:
            os.close(self.waker)

    def run(self):
        """Answer until `stop`. Whatever has been received by then has been answered."""
        with nogil:
            turn(self.h)

    def stop(self):
        """Let `run` return after the batch that it is at."""
        store_int(&self.h.stop, 1)
        os.eventfd_write(self.waker, 1)

    def serve(self, FastTable table):
        """Publish *table*: the loop takes it up before its next batch."""
        self.tables.append(table)
        store_pointer(&self.h.published, &table.t)
        os.eventfd_write(self.waker, 1)

    def release(self):
        """Let go of older tables, if the loop has moved on to the newest; return whether it has."""
        if not self.tables or load_pointer(&self.h.taken) != &(<FastTable>self.tables[-1]).t:
            return False
        del self.tables[:-1]
        return True

    cdef bytes respond_slowly(self, bytes message, source, uint16_t port):
        return self.respond(message, source, port, Transport.UDP)


set_up_crc()
