# What an answering thread knows: settings that it shares, and what is its own.

cdef enum:
    MAX_NSID = 16
    MAX_SECRETS = 8
    MAX_OWN = 128  # addresses that we answer on
    MAX_BLOCKS = 32  # private ones, of one family
    WAYS = 4  # places that one network may have among the token buckets
    SETS = 16384  # so 65 536 networks, 1.5 MiB

cdef enum:  # of a note, in the order of `counters.Dropped`, `Client`, `Declined`
    PARSE = 0
    LOOP = 1
    RATELIMIT = 2
    OVERLOAD = 3
    RESOLVER = 0
    ECS = 1
    PRIVATE = 2
    NO_TABLE = 0
    CHAOS = 1
    OTHER = 2

cdef struct Note:  # what is found out about a query, for whoever counts
    int64_t zone  # index; below 0: none
    int64_t choice  # below 0: not steered
    uint32_t body  # 0: the policy refuses
    uint16_t rcode  # where it does not fit the header; else 0
    uint8_t client
    uint8_t dropped
    uint8_t declined

cdef struct Block:  # of counters, see _count.pxi
    uint64_t* words
    size_t zones  # that have a row of their own
    size_t answers  # the word where the hash table begins
    uint32_t hash_bits

cdef struct Table:
    const uint8_t* base
    size_t octets
    uint64_t generation
    uint32_t mask
    uint32_t max_labels
    uint32_t choices
    size_t cell_count
    size_t zones  # offsets of sections
    size_t slots
    size_t nodes
    size_t typesets
    size_t entries
    size_t steers
    size_t links
    size_t maps
    size_t cells
    uint8_t* tailored  # by steer: whether the answer depends on who asks
    Block block  # where what is done with this table is counted

cdef struct Source:
    uint8_t family  # 1: IPv4, 2: IPv6
    uint16_t port
    uint64_t address  # 32 bits, or the upper 64
    uint64_t rest  # the lower 64 of IPv6
    size_t count  # of the octets: 4 or 16
    uint8_t octets[16]

cdef struct Secret:
    uint64_t k0
    uint64_t k1

cdef struct Blocks:  # which addresses say nothing about where a client is: `client.block_of`
    size_t count
    uint64_t starts[MAX_BLOCKS]
    uint8_t lengths[MAX_BLOCKS]

cdef struct Config:  # what `ResponderSettings` says; does not change
    uint16_t max_udp
    uint8_t ecs_max4
    uint8_t ecs_max6
    uint16_t nsid_octets
    uint8_t nsid[MAX_NSID]
    size_t secrets
    Secret secret[MAX_SECRETS]
    size_t owns
    Source own[MAX_OWN]
    Blocks blocks4
    Blocks blocks6

cdef struct Bucket:
    uint64_t network  # 0: free
    double tokens
    double since

cdef struct Limit:
    double rate  # a second; 0: no limit
    uint64_t salt  # so that nobody can name networks that share their places
    Bucket* buckets

cdef struct Lane:
    const Config* config
    const Table* table  # NULL: there is none yet, and everything is declined
    double now  # seconds since 1970
    uint64_t random
    uint16_t keepalive  # tenths of a second that TCP clients are told
    Limit errors
    Limit responses
    bint dry  # responses over the limit are counted only
