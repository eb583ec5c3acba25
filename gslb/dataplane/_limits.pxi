# How fast one network is answered: token buckets as in `gslb.dataplane.limits`, in a table of fixed
# size. Where that is full, the network that was heard of longest ago is forgotten, not all of them.

cdef inline bint allows(Limit* limit, const Source* s, double now) noexcept nogil:
    """Take a token for the network of the source, if there is one."""
    cdef uint64_t network
    cdef Bucket* here
    cdef Bucket* own = NULL
    cdef int way
    cdef bint allowed
    if limit.rate == 0:
        return True
    if s.family == 1:
        if s.address >> 24 == 127:  # loopback is never limited
            return True
        network = s.address >> 8 | <uint64_t>1 << 63
    else:
        if s.address >> 8 == 0:
            return True
        network = s.address >> 8 | <uint64_t>1 << 62
    here = &limit.buckets[((network ^ limit.salt) * 0x9E3779B97F4A7C15ULL >> 50) * WAYS]
    for way in range(WAYS):
        if here[way].network == network:
            own = &here[way]
            break
        if own is NULL or here[way].since < own.since:
            own = &here[way]
    if own.network != network:
        own.network, own.tokens, own.since = network, limit.rate, now
    if now > own.since:
        own.tokens += (now - own.since) * limit.rate
    if own.tokens > limit.rate:
        own.tokens = limit.rate
    own.since = now
    allowed = own.tokens >= 1
    if allowed:
        own.tokens -= 1
    return allowed
