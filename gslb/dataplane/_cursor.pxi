# The only ways to octets: the cursor reads what came from outside, the writer fills what goes out.
# A pointer that one of them hands out is valid for as many octets as were asked for, not one more.

cdef struct Cursor:
    const uint8_t* base
    size_t at  # invariant: at <= end
    size_t end

cdef struct Writer:
    uint8_t* base
    size_t at  # invariant: at <= end
    size_t end
    bint full  # something did not fit; then nothing of it counts


cdef inline Cursor cursor_over(const uint8_t* octets, size_t count) noexcept nogil:
    cdef Cursor c
    c.base, c.at, c.end = octets, 0, count
    return c


cdef inline Writer writer_over(uint8_t* octets, size_t count) noexcept nogil:
    cdef Writer w
    w.base, w.at, w.end, w.full = octets, 0, count, False
    return w


cdef inline const uint8_t* take(Cursor* c, size_t count) noexcept nogil:
    """Return the next *count* octets and step over them, or NULL when there are fewer."""
    if count > c.end - c.at:
        return NULL
    c.at += count
    return c.base + (c.at - count)


cdef inline const uint8_t* part(const Cursor* c, size_t at, size_t count) noexcept nogil:
    """Return *count* octets from *at* on, or NULL where they are not all there."""
    if at > c.end or count > c.end - at:
        return NULL
    return c.base + at


cdef inline uint16_t u16(const uint8_t* p) noexcept nogil:
    """Return two octets, the most significant first."""
    cdef uint16_t value
    memcpy(&value, p, 2)
    return be16toh(value)


cdef inline uint8_t* room(Writer* w, size_t count) noexcept nogil:
    """Return where the next *count* octets go and step over them, or NULL when they do not fit."""
    if count > w.end - w.at:
        w.full = True
        return NULL
    w.at += count
    return w.base + (w.at - count)


cdef inline void put(Writer* w, const void* octets, size_t count) noexcept nogil:
    cdef uint8_t* to = room(w, count)
    if to is not NULL:
        memcpy(to, octets, count)


cdef inline void put8(Writer* w, uint8_t value) noexcept nogil:
    cdef uint8_t* to = room(w, 1)
    if to is not NULL:
        to[0] = value


cdef inline void set16(uint8_t* to, uint16_t value) noexcept nogil:
    """Write two octets, the most significant first."""
    value = htobe16(value)
    memcpy(to, &value, 2)


cdef inline void put16(Writer* w, uint16_t value) noexcept nogil:
    cdef uint8_t* to = room(w, 2)
    if to is not NULL:
        set16(to, value)


cdef inline void put32(Writer* w, uint32_t value) noexcept nogil:
    put16(w, <uint16_t>(value >> 16))
    put16(w, <uint16_t>(value & 0xFFFF))
