/* Generated from gslb/dataplane/counters.py; do not edit. */
#include <stdint.h>
#define GSLB_COUNT_MAGIC 3554552056684237639ULL
#define GSLB_COUNT_MAX_ZONES 500
#define GSLB_COUNT_MAX_PROBE 16
#define GSLB_COUNT_HASH_FACTOR 11400714819323198485ULL
#define GSLB_COUNT_OTHER_TYPE 15
#define GSLB_COUNT_TYPE_BUCKETS 16
#define GSLB_COUNT_OTHER_RCODE 17
#define GSLB_COUNT_REQUEST_SIZES 8
#define GSLB_COUNT_REQUEST_OCTETS 19
#define GSLB_COUNT_RESPONSE_SIZES 20
#define GSLB_COUNT_RESPONSE_OCTETS 31
#define GSLB_COUNT_DROPPED 32
#define GSLB_COUNT_CLIENTS 36
#define GSLB_COUNT_DECLINED 39
#define GSLB_COUNT_EVENTS 42
#define GSLB_COUNT_ROWS 64
#define GSLB_COUNT_REQUESTS 0
#define GSLB_COUNT_RESPONSES 32
#define GSLB_COUNT_DURATION 50
#define GSLB_COUNT_NANOSECONDS 61
#define GSLB_COUNT_ROW 64
#define GSLB_COUNT_ENTRY 2
#define GSLB_COUNT_HEAD_MAGIC 0
#define GSLB_COUNT_HEAD_GENERATION 1
#define GSLB_COUNT_HEAD_WORKER 2
#define GSLB_COUNT_HEAD_TRANSPORT 3
#define GSLB_COUNT_HEAD_ZONES 4
#define GSLB_COUNT_HEAD_HASH_BITS 5
#define GSLB_COUNT_HEAD_WORDS 6
#define GSLB_COUNT_HEAD_FINISHED 7
#define GSLB_COUNT_DROPPED_PARSE 32
#define GSLB_COUNT_DROPPED_LOOP 33
#define GSLB_COUNT_DROPPED_RATELIMIT 34
#define GSLB_COUNT_DROPPED_OVERLOAD 35
#define GSLB_COUNT_CLIENT_RESOLVER 36
#define GSLB_COUNT_CLIENT_ECS 37
#define GSLB_COUNT_CLIENT_PRIVATE 38
#define GSLB_COUNT_DECLINED_NO_TABLE 39
#define GSLB_COUNT_DECLINED_CHAOS 40
#define GSLB_COUNT_DECLINED_OTHER 41
#define GSLB_COUNT_TRUNCATED 42
#define GSLB_COUNT_LIMITED 43
#define GSLB_COUNT_LIMITED_DRY 44
#define GSLB_COUNT_TRAILING 45
#define GSLB_COUNT_UNKNOWN_FAMILY 46
#define GSLB_COUNT_FAILED 47
#define GSLB_COUNT_OVERFLOW 48
#define GSLB_COUNT_OPENED 49
#define GSLB_COUNT_REFUSED 50
#define GSLB_COUNT_EVICTED 51
#define GSLB_COUNT_EXPIRED 52
#define GSLB_COUNT_UNSENT 53
static inline unsigned gslb_type_bucket(uint16_t type) {
    switch (type) {
    case 1: return 0;
    case 2: return 1;
    case 5: return 2;
    case 6: return 3;
    case 12: return 4;
    case 15: return 5;
    case 16: return 6;
    case 28: return 7;
    case 33: return 8;
    case 43: return 9;
    case 48: return 10;
    case 64: return 11;
    case 65: return 12;
    case 255: return 13;
    case 257: return 14;
    default: return 15;
    }
}
static inline unsigned gslb_size_bucket(uint32_t value) {
    unsigned low = (value > 32U) + (value > 64U) + (value > 128U) + (value > 256U) + (value > 512U);
    return low < 5 ? low : low + (value > 1024U) + (value > 1232U) + (value > 4096U) + (value > 16384U) + (value > 65535U);
}
static inline unsigned gslb_duration_bucket(uint64_t value) {
    unsigned low = (value > 50000U) + (value > 100000U) + (value > 250000U) + (value > 500000U) + (value > 1000000U);
    return low < 5 ? low : low + (value > 2500000U) + (value > 5000000U) + (value > 10000000U) + (value > 25000000U) + (value > 50000000U);
}
