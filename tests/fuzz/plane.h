/* The compiled data plane as the fuzz targets see it: the C that Cython made of _fast.pyx, included
 * whole, so that its functions can be called with no Python running and nothing is made public for
 * the tests alone. world.h has what the settings and the layout of a test need; build.py makes it. */
#ifndef GSLB_TESTS_FUZZ_PLANE_H
#define GSLB_TESTS_FUZZ_PLANE_H

#define PY_SSIZE_T_CLEAN
#include <Python.h>

/* The import of the module is not reached: then nothing that needs an interpreter is compiled. */
#undef PyMODINIT_FUNC
#define PyMODINIT_FUNC static PyObject *
#include "_fast.c"
#include "world.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define FAST(name) __pyx_f_4gslb_9dataplane_5_fast_##name
#define FAST_STRUCT(name) typedef struct __pyx_t_4gslb_9dataplane_5_fast_##name name
FAST_STRUCT(Cursor);
FAST_STRUCT(Writer);
FAST_STRUCT(Table);
FAST_STRUCT(Source);
FAST_STRUCT(Config);
FAST_STRUCT(Bucket);
FAST_STRUCT(Lane);
FAST_STRUCT(Query);

enum {
    SILENT = 0,
    DECLINED = -1,
    HEAD = 12,              /* octets of a DNS header */
    MAX_OWN_OPT = 192,      /* octets that our OPT record may take at most: _edns.pxi */
    UDP_ROOM = 4096,        /* what the UDP loop has for an answer: _loop.pxi */
    TCP_ROOM = 65535,
    BUCKETS = 16384 * 4,    /* token buckets of a limit: _lane.pxi */
    HASH_BITS = 5,          /* of the counters' hash table */
    NOW = 1700000000,       /* seconds since 1970 */
};

/* Say what does not hold, and stop in the way that libFuzzer and the sanitizers report. */
#define HOLDS(condition)                                                                           \
    do {                                                                                           \
        if (!(condition)) {                                                                        \
            fprintf(stderr, "%s:%d: does not hold: %s\n", __FILE__, __LINE__, #condition);         \
            abort();                                                                               \
        }                                                                                          \
    } while (0)

/* What the import of the module does for the functions below. */
static inline void set_up(void)
{
    FAST(set_up_crc)();
}

static inline unsigned two(const uint8_t *p) { return (unsigned)p[0] << 8 | p[1]; }

static inline void *must_have(size_t octets)
{
    void *got = calloc(octets ? octets : 1, 1);
    HOLDS(got);
    return got;
}

static inline Cursor cursor(const uint8_t *octets, size_t count)
{
    Cursor c = {.base = octets, .at = 0, .end = count};
    return c;
}

static inline Writer writer(uint8_t *octets, size_t count)
{
    Writer w = {.base = octets, .at = 0, .end = count, .full = 0};
    return w;
}

/* Settings with everything switched on. */
static inline void fill_config(Config *c)
{
    memset(c, 0, sizeof *c);
    c->max_udp = 1232;
    c->ecs_max4 = 24;
    c->ecs_max6 = 56;
    c->nsid_octets = sizeof c->nsid;
    memset(c->nsid, 'n', sizeof c->nsid);
    c->secrets = 2;
    c->secret[0].k0 = WORLD_K0;
    c->secret[0].k1 = WORLD_K1;
    c->owns = 1;
    c->own[0].family = 1;
    c->own[0].address = 0xC0000235;
    c->own[0].port = 53;
    c->blocks4.count = sizeof world_starts4 / sizeof *world_starts4;
    memcpy(c->blocks4.starts, world_starts4, sizeof world_starts4);
    memcpy(c->blocks4.lengths, world_lengths4, sizeof world_lengths4);
    c->blocks6.count = sizeof world_starts6 / sizeof *world_starts6;
    memcpy(c->blocks6.starts, world_starts6, sizeof world_starts6);
    memcpy(c->blocks6.lengths, world_lengths6, sizeof world_lengths6);
}

static inline uint32_t table32(const uint8_t *table, size_t at)
{
    uint32_t value;
    memcpy(&value, table + at, sizeof value);
    return value;
}

/* Open a table, with a block of counters that is soon full. */
static inline void open_world(Table *t, const uint8_t *base, size_t octets)
{
    size_t zones = table32(base, GSLB_HEADER_ZONES_OCTETS) / GSLB_SIZEOF_ZONE;
    zones = zones < GSLB_COUNT_MAX_ZONES ? zones : GSLB_COUNT_MAX_ZONES;
    size_t words = GSLB_COUNT_ROWS + (zones + 2) * GSLB_COUNT_ROW + (GSLB_COUNT_ENTRY << HASH_BITS);
    uint64_t *block = must_have(8 * words);
    block[GSLB_COUNT_HEAD_ZONES] = zones;
    block[GSLB_COUNT_HEAD_HASH_BITS] = HASH_BITS;
    HOLDS(FAST(open_block)(&t->block, block, 8 * words));
    HOLDS(FAST(open_table)(t, base, octets) == 0);
}

/* A name may be compressed, by pointers backwards only: then reading it ends. Returns where what
 * follows begins. */
static inline size_t behind_name(const uint8_t *message, size_t count, size_t at)
{
    size_t behind = 0, before = at;
    for (;;) {
        HOLDS(at < count);
        if (message[at] == 0)
            return behind ? behind : at + 1;
        if (message[at] < 64) {
            at += 1 + (size_t)message[at];
            continue;
        }
        HOLDS(message[at] >= 0xC0 && at + 1 < count);
        size_t to = two(&message[at]) & 0x3FFF;
        HOLDS(to >= HEAD && to < before);
        behind = behind ? behind : at + 2;
        at = before = to;
    }
}

/* The counts of the header are the records that are there, to the last octet. */
static inline void read_response(const uint8_t *message, size_t count)
{
    size_t at = HEAD;
    unsigned records = two(&message[6]) + two(&message[8]) + two(&message[10]);
    if (two(&message[4]))
        at = behind_name(message, count, at) + 4;
    for (; records; records--) {
        at = behind_name(message, count, at);
        HOLDS(at + 10 <= count);
        at += 10 + two(&message[at + 8]);
    }
    HOLDS(at == count);
}

/* What holds of every response, whatever the table says. q: the query, decoded; `respond` may have
 * written over its name. */
static inline void judge_response(const Query *q, const uint8_t *asked, size_t octets, int tcp,
                                  const Config *c, const uint8_t *said, size_t count)
{
    size_t limit = TCP_ROOM;
    if (!tcp) {
        limit = q->edns.there && q->edns.payload > 512 ? q->edns.payload : 512;
        limit = limit < c->max_udp ? limit : c->max_udp;
    }
    HOLDS(octets >= HEAD && !(asked[2] & 0x80)); /* a response is never answered */
    HOLDS(count >= HEAD && count <= limit);
    HOLDS(said[0] == asked[0] && said[1] == asked[1]);
    HOLDS((said[2] & 0xF9) == (0x80 | (asked[2] & 0x79))); /* QR; opcode and RD as in the query */
    HOLDS((said[3] & 0xF0) == 0);
    HOLDS(two(&said[4]) == (q->end > HEAD));
    HOLDS(q->end <= octets && count >= q->end && !memcmp(said + HEAD, asked + HEAD, q->end - HEAD));
    HOLDS(two(&said[10]) >= (unsigned)!!q->edns.there);
    if (!two(&said[6]) && !two(&said[8]) && two(&said[10]) == (unsigned)!!q->edns.there)
        HOLDS(count <= q->end + MAX_OWN_OPT); /* errors, and what does not fit */
    if ((said[3] & 15) != 0 && (said[3] & 15) != 3) /* errors gain an attacker nothing */
        HOLDS(!two(&said[6]) && !two(&said[8]) && two(&said[10]) <= 1);
    if (q->error)
        HOLDS((said[3] & 15) == (q->error & 15));
}

#endif
