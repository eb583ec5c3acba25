# What the C compiler and the system give: layout of the table, ordered loads, sockets of Linux.

cdef extern from *:
    """
    #if __BYTE_ORDER__ != __ORDER_LITTLE_ENDIAN__
    #error "the answer table is little-endian and read in place"
    #endif
    #include <endian.h>
    #define NOTHING ((size_t)-1)

    static inline uint64_t load64(const uint64_t *at) { return __atomic_load_n(at, __ATOMIC_ACQUIRE); }
    static inline void *load_pointer(void **at) { return __atomic_load_n(at, __ATOMIC_ACQUIRE); }
    static inline void store_pointer(void **at, void *to) { __atomic_store_n(at, to, __ATOMIC_RELEASE); }
    static inline int load_int(int *at) { return __atomic_load_n(at, __ATOMIC_ACQUIRE); }
    static inline void store_int(int *at, int value) { __atomic_store_n(at, value, __ATOMIC_RELEASE); }
    static inline int bit_length(uint64_t value) { return value ? 64 - __builtin_clzll(value) : 0; }
    static inline void prefetch(const void *at) { __builtin_prefetch(at); }
    """
    const size_t NOTHING  # where an offset, a reference or a number is looked for and there is none
    uint64_t load64(const uint64_t* at) noexcept nogil
    void* load_pointer(void** at) noexcept nogil
    void store_pointer(void** at, void* to) noexcept nogil
    int load_int(int* at) noexcept nogil
    void store_int(int* at, int value) noexcept nogil
    int bit_length(uint64_t value) noexcept nogil
    void prefetch(const void* at) noexcept nogil
    uint64_t be64toh(uint64_t value) noexcept nogil
    uint32_t be32toh(uint32_t value) noexcept nogil
    uint16_t be16toh(uint16_t value) noexcept nogil
    uint16_t htobe16(uint16_t value) noexcept nogil

cdef extern from "_layout.h":  # generated from gslb/answers/layout.py
    enum:
        GSLB_MAX_PROBE
        GSLB_STICKY_SLOTS
        GSLB_ZONE_ECS
        GSLB_STEERED
        GSLB_STEER_STICKY
        GSLB_STEER_IGNORE_ECS
        GSLB_STICKY
        GSLB_REFUSED
        GSLB_FIRST_CELL
        GSLB_SIZEOF_HEADER
        GSLB_HEADER_TOTAL_OCTETS
        GSLB_HEADER_GENERATION
        GSLB_HEADER_SLOT_MASK
        GSLB_HEADER_MAX_LABELS
        GSLB_HEADER_CHOICES
        GSLB_HEADER_ZONES_OFFSET
        GSLB_HEADER_SLOTS_OFFSET
        GSLB_HEADER_NODES_OFFSET
        GSLB_HEADER_TYPESETS_OFFSET
        GSLB_HEADER_ENTRIES_OFFSET
        GSLB_HEADER_STEERS_OFFSET
        GSLB_HEADER_STEERS_OCTETS
        GSLB_HEADER_LINKS_OFFSET
        GSLB_HEADER_MAPS_OFFSET
        GSLB_HEADER_CELLS_OFFSET
        GSLB_HEADER_CELLS_OCTETS
        GSLB_SIZEOF_ZONE
        GSLB_ZONE_APEX
        GSLB_ZONE_SERIAL
        GSLB_ZONE_NEGATIVE
        GSLB_ZONE_APEX_OCTETS
        GSLB_ZONE_FLAGS
        GSLB_SIZEOF_SLOT
        GSLB_SIZEOF_NODE
        GSLB_NODE_NAME
        GSLB_NODE_TYPESET
        GSLB_NODE_CUT
        GSLB_NODE_ZONE
        GSLB_NODE_NAME_OCTETS
        GSLB_SIZEOF_TYPESET
        GSLB_TYPESET_FIRST
        GSLB_TYPESET_COUNT
        GSLB_SIZEOF_ENTRY
        GSLB_ENTRY_RTYPE
        GSLB_ENTRY_KIND
        GSLB_ENTRY_REF
        GSLB_SIZEOF_STEER
        GSLB_STEER_VIEWS
        GSLB_STEER_VIEW_COUNT
        GSLB_STEER_CHOICES
        GSLB_STEER_RESOLVERS
        GSLB_STEER_FLAGS
        GSLB_SIZEOF_MAP
        GSLB_MAP_COUNT4
        GSLB_MAP_STARTS4
        GSLB_MAP_CLASSES4
        GSLB_MAP_BUCKETS4
        GSLB_MAP_COUNT6
        GSLB_MAP_BITS4
        GSLB_MAP_BITS6
        GSLB_SIZEOF_PICK
        GSLB_PICK_KIND
        GSLB_PICK_COUNT
        GSLB_SIZEOF_BODY
        GSLB_BODY_ANSWER
        GSLB_BODY_AUTHORITY
        GSLB_BODY_ADDITIONAL
        GSLB_BODY_OPTIONAL
        GSLB_BODY_OCTETS
        GSLB_BODY_OPTIONAL_OCTETS
        GSLB_BODY_FIXUPS
        GSLB_BODY_STRIDE

cdef extern from "<sys/socket.h>" nogil:
    enum:
        AF_INET
        AF_INET6
        MSG_DONTWAIT
    ctypedef unsigned int socklen_t
    struct iovec:
        void* iov_base
        size_t iov_len
    struct msghdr:
        void* msg_name
        socklen_t msg_namelen
        iovec* msg_iov
        size_t msg_iovlen
        void* msg_control
        size_t msg_controllen
    struct mmsghdr:
        msghdr msg_hdr
        unsigned int msg_len
    struct sockaddr:
        unsigned short sa_family
    struct cmsghdr:
        int cmsg_level
        int cmsg_type
    cmsghdr* CMSG_FIRSTHDR(msghdr* head)
    cmsghdr* CMSG_NXTHDR(msghdr* head, cmsghdr* c)
    unsigned char* CMSG_DATA(cmsghdr* c)
    int recvmmsg(int descriptor, mmsghdr* heads, unsigned int count, int flags, timespec* timeout)
    int sendmmsg(int descriptor, mmsghdr* heads, unsigned int count, int flags)

cdef extern from "<netinet/in.h>" nogil:
    enum:
        IPPROTO_IP
        IPPROTO_IPV6
        IP_PKTINFO
        IPV6_PKTINFO
    struct in_addr:
        uint32_t s_addr
    struct in6_addr:
        pass
    struct sockaddr_in:
        uint16_t sin_port
        in_addr sin_addr
    struct sockaddr_in6:
        uint16_t sin6_port
        in6_addr sin6_addr
    struct in_pktinfo:
        int ipi_ifindex
        in_addr ipi_addr
    struct in6_pktinfo:
        in6_addr ipi6_addr
        unsigned int ipi6_ifindex
    uint16_t ntohs(uint16_t value)

cdef extern from "<poll.h>" nogil:
    enum:
        POLLIN
    struct pollfd:
        int fd
        short events
        short revents
    int poll(pollfd* polls, unsigned long count, int timeout)

cdef extern from "<time.h>" nogil:
    struct timespec:
        time_t tv_sec
        long tv_nsec
    enum:
        CLOCK_MONOTONIC
        CLOCK_REALTIME
    int clock_gettime(int clock, timespec* now)

cdef extern from "<unistd.h>" nogil:
    ssize_t read(int descriptor, void* to, size_t count)
