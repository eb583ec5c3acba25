/* Any octets, from anybody, by any transport, answered from one of several tables.
 *
 * Of the input the first octet chooses the table, the second has the flags below, then two of port
 * and sixteen of address; the rest is the message. Tables: the files in the folder that
 * GSLB_FUZZ_TABLES names, in the order of their names; "real" in one: its bodies are records. */
#include "plane.h"

#include <dirent.h>

enum {
    CHOICES = 20, /* octets before the message */
    BY_TCP = 1,
    IPV6 = 2,
    LIMITED = 4,   /* no token left */
    UNLIMITED = 8, /* one always there */
    PLAIN = 16,    /* no cookies, no NSID */
    DRY = 32,      /* counts what would be limited */
    MAX_TABLES = 64,
};

static struct {
    Table table;
    int real;
} worlds[MAX_TABLES];
static size_t count_of_worlds;
static Config full, plain;
static Lane lane;
static uint8_t *rooms[2][2]; /* by pass and transport; each as large as the server's own */

int LLVMFuzzerTestOneInput(const uint8_t *octets, size_t count);
int LLVMFuzzerInitialize(int *argc, char ***argv);

static void load(const char *folder, const char *name)
{
    char path[4096];
    snprintf(path, sizeof path, "%s/%s", folder, name);
    FILE *file = fopen(path, "rb");
    HOLDS(file && count_of_worlds < MAX_TABLES);
    HOLDS(!fseek(file, 0, SEEK_END));
    size_t octets = (size_t)ftell(file);
    rewind(file);
    uint8_t *base = must_have(octets); /* never freed: in use to the end */
    HOLDS(fread(base, 1, octets, file) == octets);
    fclose(file);
    worlds[count_of_worlds].real = strstr(name, "real") != NULL;
    open_world(&worlds[count_of_worlds++].table, base, octets);
}

int LLVMFuzzerInitialize(int *argc, char ***argv)
{
    (void)argc, (void)argv;
    const char *folder = getenv("GSLB_FUZZ_TABLES");
    struct dirent **names;
    int found = folder ? scandir(folder, &names, NULL, alphasort) : -1;
    HOLDS(found >= 0);
    set_up();
    for (int number = 0; number < found; number++) {
        if (names[number]->d_name[0] != '.')
            load(folder, names[number]->d_name);
        free(names[number]);
    }
    free(names);
    HOLDS(count_of_worlds > 0);
    fill_config(&full);
    fill_config(&plain);
    plain.secrets = plain.nsid_octets = 0;
    plain.ecs_max4 = 32;
    plain.ecs_max6 = 64;
    plain.max_udp = UDP_ROOM;
    lane.errors.buckets = must_have(BUCKETS * sizeof(Bucket));
    lane.responses.buckets = must_have(BUCKETS * sizeof(Bucket));
    for (int pass = 0; pass < 2; pass++) {
        rooms[pass][0] = must_have(UDP_ROOM);
        rooms[pass][1] = must_have(TCP_ROOM);
    }
    return 0;
}

int LLVMFuzzerTestOneInput(const uint8_t *octets, size_t count)
{
    if (count < CHOICES)
        return 0;
    unsigned flags = octets[1];
    size_t world = octets[0] % count_of_worlds;
    int tcp = flags & BY_TCP, said[2];
    const uint8_t *message = octets + CHOICES;
    size_t room = tcp ? TCP_ROOM : UDP_ROOM;
    Query q;
    Source s = {0};
    FAST(source_from)(&s, octets + 4, flags & IPV6 ? 16 : 4);
    s.port = (uint16_t)two(&octets[2]);
    count -= CHOICES;
    lane.config = flags & PLAIN ? &plain : &full;
    lane.table = &worlds[world].table;
    lane.now = NOW;
    lane.keepalive = 100;
    lane.errors.rate = lane.responses.rate = flags & LIMITED ? 0.5 : flags & UNLIMITED ? 1e9 : 0;
    lane.dry = !!(flags & DRY);
    /* Twice, and the second time over the opposite of what should come: all that is sent is written. */
    for (int pass = 0; pass < 2; pass++) {
        Cursor m = cursor(message, count);
        Writer w = writer(rooms[pass][tcp], room);
        for (int at = 0; pass && at < said[0]; at++)
            rooms[1][tcp][at] = (uint8_t)~rooms[0][tcp][at];
        memset(&q, pass ? 0xFF : 0, sizeof q);
        lane.random = 0x9E3779B97F4A7C15u ^ s.port;
        said[pass] = SILENT;
        if (FAST(decode)(&q, &m))
            said[pass] = FAST(respond)(&lane, &q, &m, &s, tcp, &w);
        HOLDS(said[pass] >= DECLINED && said[pass] <= (int)room);
        if (said[pass] != DECLINED)
            FAST(count_query)(&lane.table->block, &q, count, s.family, rooms[pass][tcp], (size_t)said[pass], count);
    }
    HOLDS(said[0] == said[1]);
    if (said[0] == DECLINED) /* a good table is declined nothing but CHAOS */
        HOLDS(q.qclass == 3 && !q.error);
    if (said[0] <= 0)
        return 0;
    HOLDS(!memcmp(rooms[0][tcp], rooms[1][tcp], (size_t)said[0]));
    judge_response(&q, message, count, tcp, lane.config, rooms[0][tcp], (size_t)said[0]);
    if (worlds[world].real)
        read_response(rooms[0][tcp], (size_t)said[0]);
    return 0;
}
