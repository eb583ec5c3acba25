/* Tables that the verifier accepted, read to the last answer.
 *
 * Standard input: 32 bits of size, then the table, again and again; for each, one line with the
 * number of queries that were answered. The queries are made of the table's own names, types and
 * ranges. Sanitizers stop at a read outside the table; arena that is not in use yet is outside. */
#include "plane.h"

#include <sanitizer/asan_interface.h>
#include <unistd.h>

enum { QUERIES = 1500 }; /* for each table */

static Lane lane;
static Config config;
static Table table;
static uint64_t chance;

static inline uint32_t at32(size_t at) { return table32(table.base, at); }

static inline size_t below(size_t count)
{
    return count ? FAST(draw)(&chance) % count : 0;
}

/* Rows of a section, and where one of them is. */
#define ROWS(section, record)                                                                      \
    (at32(GSLB_HEADER_##section##_OCTETS) / GSLB_SIZEOF_##record)
#define ROW(section, record)                                                                       \
    (at32(GSLB_HEADER_##section##_OFFSET) + below(ROWS(section, record)) * GSLB_SIZEOF_##record)

/* An address at the edge of a range in one of the maps, upper 64 bits or all 32; or any address. */
static uint64_t some_address(int six)
{
    uint64_t any = (uint64_t)FAST(draw)(&chance) << 32 | FAST(draw)(&chance);
    if (ROWS(MAPS, MAP) && below(4)) {
        size_t map = ROW(MAPS, MAP);
        size_t number = below(at32(map + (six ? GSLB_MAP_COUNT6 : GSLB_MAP_COUNT4)));
        size_t start = at32(map + (six ? GSLB_MAP_STARTS6 : GSLB_MAP_STARTS4)) + number * (six ? 8 : 4);
        any = 0;
        memcpy(&any, table.base + start, six ? 8 : 4);
        any -= below(2);
    } else if (!below(8)) {
        any = 0 - (uint64_t)below(2);
    }
    return six ? any : any & UINT32_MAX;
}

static void big_endian(uint8_t *to, uint64_t value, int octets)
{
    while (octets--) {
        to[octets] = (uint8_t)value;
        value >>= 8;
    }
}

static size_t some_query(uint8_t *message)
{
    size_t node = ROW(NODES, NODE), at = HEAD;
    size_t octets = table.base[node + GSLB_NODE_NAME_OCTETS];
    const uint8_t *name = table.base + at32(node + GSLB_NODE_NAME);
    memset(message, 0, 512);
    message[5] = 1;
    if (!below(3) && octets <= 253) { /* a name that is not there, or a wildcard's */
        message[at++] = 1;
        message[at++] = (uint8_t)('a' + below(26));
    }
    while (!below(4) && octets > 1) { /* a name above */
        octets -= 1 + (size_t)name[0];
        name += 1 + (size_t)name[0];
    }
    memcpy(message + at, name, octets);
    at += octets;
    unsigned qtype = below(8) ? 1 : 255;
    if (ROWS(ENTRIES, ENTRY) && below(8))
        memcpy(&qtype, table.base + ROW(ENTRIES, ENTRY) + GSLB_ENTRY_RTYPE, 2);
    if (!below(16))
        qtype = 43;
    big_endian(message + at, qtype, 2);
    message[at + 3] = 1;
    at += 4;
    if (below(4)) {
        static const uint16_t payloads[] = {0, 512, 600, 1232, 4096, 65535};
        message[11] = 1;
        message[at + 2] = 41;
        big_endian(message + at + 3, payloads[below(6)], 2);
        at += 11;
        if (below(4)) {
            int six = (int)below(2), bits = (int)below(six ? 65 : 33), many = (bits + 7) / 8;
            uint64_t address = some_address(six);
            if (bits)
                address = address >> ((six ? 64 : 32) - bits) << ((six ? 64 : 32) - bits);
            message[at - 1] = (uint8_t)(8 + many);
            message[at + 1] = 8;
            message[at + 3] = (uint8_t)(4 + many);
            message[at + 5] = six ? 2 : 1;
            message[at + 6] = (uint8_t)bits;
            uint8_t whole[8];
            big_endian(whole, address, six ? 8 : 4);
            memcpy(message + at + 8, whole, (size_t)many);
            at += 8 + (size_t)many;
        } else if (below(2)) {
            message[at - 1] = 4;
            message[at + 1] = 19; /* ZONEVERSION */
            at += 4;
        }
    }
    return at;
}

static void ask(uint8_t *room)
{
    uint8_t message[512], address[16] = {0};
    size_t count = some_query(message);
    int tcp = !below(3), six = (int)below(2);
    Source s = {0};
    Query q;
    Cursor m = cursor(message, count);
    Writer w = writer(room, tcp ? TCP_ROOM : UDP_ROOM);
    big_endian(address, some_address(six), six ? 8 : 4);
    FAST(source_from)(&s, address, six ? 16 : 4);
    s.port = 4242;
    HOLDS(FAST(decode)(&q, &m));
    int said = FAST(respond)(&lane, &q, &m, &s, tcp, &w);
    HOLDS(said > 0); /* what was verified is answered */
    FAST(count_query)(&table.block, &q, count, s.family, room, (size_t)said, 1);
    judge_response(&q, message, count, tcp, &config, room, (size_t)said);
}

static int read_all(void *to, size_t count)
{
    for (size_t got = 0; got < count;) {
        ssize_t more = read(STDIN_FILENO, (uint8_t *)to + got, count - got);
        if (more <= 0) {
            HOLDS(more == 0 && got == 0);
            return 0;
        }
        got += (size_t)more;
    }
    return 1;
}

int main(void)
{
    uint8_t *room = must_have(TCP_ROOM);
    uint32_t octets;
    set_up();
    fill_config(&config);
    config.max_udp = UDP_ROOM;
    lane.config = &config;
    lane.table = &table;
    lane.now = NOW;
    while (read_all(&octets, sizeof octets)) {
        uint8_t *base = must_have(octets);
        HOLDS(read_all(base, octets));
        chance = lane.random = 0x9E3779B97F4A7C15u;
        open_world(&table, base, octets);
        size_t used = at32(GSLB_HEADER_ARENA_OFFSET) + at32(at32(GSLB_HEADER_CELLS_OFFSET) + 8 * GSLB_ARENA_CELL);
        ASAN_POISON_MEMORY_REGION(base + used, octets - used);
        for (int number = 0; number < QUERIES; number++)
            ask(room);
        ASAN_UNPOISON_MEMORY_REGION(base + used, octets - used);
        free(table.tailored);
        free(table.block.words);
        free(base);
        printf("%d\n", QUERIES);
        fflush(stdout);
    }
    free(room);
    return 0;
}
