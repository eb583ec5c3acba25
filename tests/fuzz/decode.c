/* Any octets, decoded as a query. */
#include "plane.h"

int LLVMFuzzerTestOneInput(const uint8_t *octets, size_t count);
int LLVMFuzzerInitialize(int *argc, char ***argv);

int LLVMFuzzerInitialize(int *argc, char ***argv)
{
    (void)argc, (void)argv;
    set_up();
    return 0;
}

int LLVMFuzzerTestOneInput(const uint8_t *octets, size_t count)
{
    Query q;
    memset(&q, 0xA5, sizeof q); /* what is not set is not used */
    Cursor m = cursor(octets, count);
    if (!FAST(decode)(&q, &m)) {
        HOLDS(count < HEAD || octets[2] & 0x80);
        return 0;
    }
    HOLDS(count >= HEAD && !(octets[2] & 0x80));
    HOLDS(m.base == octets && m.end == count && m.at <= count);
    HOLDS(q.end >= HEAD && q.end <= count);
    HOLDS(q.flags == (0x8000 | (two(&octets[2]) & 0x7900)));
    HOLDS(q.error == 0 || q.error == 1 || q.error == 4 || q.error == 16);
    if (q.end > HEAD) {
        HOLDS(q.name_octets >= 1 && q.name_octets <= 255 && q.labels <= 127);
        HOLDS(q.end == HEAD + q.name_octets + 4);
        HOLDS(q.name[q.name_octets - 1] == 0);
        size_t at = 0;
        for (size_t label = 0; label < q.labels; label++) {
            at += 1 + (size_t)q.name[at];
            HOLDS(q.starts[label] == at);
        }
        HOLDS(at == q.name_octets - 1);
        for (at = 0; at < q.name_octets; at++) {
            uint8_t was = octets[HEAD + at];
            HOLDS(q.name[at] == (was >= 'A' && was <= 'Z' ? was + 32 : was));
        }
    }
    if (q.edns.there) {
        HOLDS(!(q.edns.flags & 0x7FFF));
        if (q.edns.family) {
            HOLDS(q.edns.subnet >= octets && q.edns.subnet + q.edns.subnet_octets <= octets + count);
            HOLDS(q.edns.source <= (q.edns.family == 1 ? 32 : 128));
            HOLDS(q.edns.family != 1 || q.edns.address <= UINT32_MAX);
        }
        if (q.edns.cookie)
            HOLDS(q.edns.cookie >= octets && q.edns.cookie + q.edns.cookie_octets <= octets + count);
    }
    return 0;
}
