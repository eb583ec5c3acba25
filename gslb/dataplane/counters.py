"""The layout of a block of counters, written down once; `counters_include` renders it for C.

A block is shared memory of 64-bit words in the machine's own order, little-endian where we run. It
belongs to one transport of one worker and to one generation of the answer table, because zones,
choices and bodies are numbered by the table:

    header · fixed words · rows, one a zone · answers, an open-addressing hash table

It has one writer, the loop that answers on that transport, which adds and stores and never locks.
Whoever reads may see a query half counted, never a torn word, and never a smaller one than before.
A block outlives its writer: the supervisor holds it too, and adds it to the totals when the writer
has `FINISHED` it or has died.

A query is counted once, when it is known what becomes of it: a response, or one of the reasons to
stay silent. So requests are responses and drops together. Who answers also counts: what the compiled
loop declines is counted by the Python that answers it, into the same block.
"""

from __future__ import annotations

import struct
import sys
from bisect import bisect_left
from collections.abc import Iterable, Sequence
from enum import IntEnum
from typing import Final

from gslb.bounds import DNS_OCTETS, DNS_SECONDS
from gslb.dataplane.settings import Transport

MAGIC: Final = int.from_bytes(b"GSLBCNT1", "little")
WORD: Final = 8  # octets
MAX_ZONES: Final = 500  # with a row of their own; 500 × 512 octets, and as many label values
LEAST_BITS, MOST_BITS = 10, 16  # of the number of answers told apart: 16 KiB to 1 MiB
MAX_PROBE: Final = 16  # places looked at for an answer; if all are others', it is not told apart
HASH_FACTOR: Final = 0x9E3779B97F4A7C15  # 2⁶⁴ over the golden ratio: Fibonacci hashing

TRANSPORTS: Final = (Transport.UDP, Transport.TCP)


class Head(IntEnum):
    """Words of the header. All but FINISHED are written by whoever makes the block."""

    MAGIC = 0
    GENERATION = 1  # of the answer table
    WORKER = 2  # number
    TRANSPORT = 3  # index into TRANSPORTS
    ZONES = 4  # with a row of their own: the first ones of the table
    HASH_BITS = 5  # of the hash table there are 2 ** HASH_BITS entries
    WORDS = 6  # of the whole block
    FINISHED = 7  # 1: nothing more will be counted here


class Dropped(IntEnum):
    """Why a message got no response."""

    PARSE = 0  # fewer than 12 octets, or itself a response
    LOOP = 1  # from a port or address where a response would begin a loop
    RATELIMIT = 2  # malformed, from a network that has had its share of errors
    OVERLOAD = 3  # declined by the compiled loop, beyond what Python may answer a second


class Client(IntEnum):
    """By what the client of a steered answer was known."""

    RESOLVER = 0  # the address that the query came from
    ECS = 1
    PRIVATE = 2  # its subnet was a private one, which says nothing: the address, again


class Declined(IntEnum):
    """Why the compiled loop left a query to Python."""

    NO_TABLE = 0
    CHAOS = 1
    OTHER = 2


class Event(IntEnum):
    """What else is counted; each is a metric of its own, or a label of one."""

    TRUNCATED = 0  # responses with TC
    LIMITED = 1  # responses cut to nothing because the network has had its share
    LIMITED_DRY = 2  # would have been, if the limit were not on trial
    TRAILING = 3  # queries with octets behind their last record
    UNKNOWN_FAMILY = 4  # queries refused for a family in ECS that does not exist
    FAILED = 5  # queries that failed inside and were answered SERVFAIL
    OVERFLOW = 6  # answers that the hash table had no place for
    OPENED = 7  # TCP connections
    REFUSED = 8  # TCP connections: the client held too many
    EVICTED = 9  # TCP connections that gave way to a newcomer
    EXPIRED = 10  # TCP connections
    UNSENT = 11  # responses, counted as such, that the kernel did not take


TYPES: Final = {
    "A": 1, "NS": 2, "CNAME": 5, "SOA": 6, "PTR": 12, "MX": 15, "TXT": 16, "AAAA": 28, "SRV": 33,
    "DS": 43, "DNSKEY": 48, "SVCB": 64, "HTTPS": 65, "ANY": 255, "CAA": 257,
}  # fmt: skip
OTHER_TYPE: Final = len(TYPES)
TYPE_BUCKETS: Final = len(TYPES) + 1
FAMILIES: Final = 2  # of the address that a query came from, less 1
OTHER_RCODE: Final = 17  # RCODEs up to BADVERS have words of their own
RCODES: Final = 18
SIZE_BOUNDS: Final = tuple(int(bound) for bound in DNS_OCTETS)
NANOSECOND_BOUNDS: Final = tuple(round(bound * 1e9) for bound in DNS_SECONDS)
SIZES: Final = len(SIZE_BOUNDS) + 1
DURATIONS: Final = len(NANOSECOND_BOUNDS) + 1

# Words of the block.
FIXED: Final = 8
REQUEST_SIZES: Final = FIXED  # counts by bucket, then the octets of all
REQUEST_OCTETS: Final = REQUEST_SIZES + SIZES
RESPONSE_SIZES: Final = REQUEST_OCTETS + 1
RESPONSE_OCTETS: Final = RESPONSE_SIZES + SIZES
DROPPED: Final = RESPONSE_OCTETS + 1  # by Dropped
CLIENTS: Final = DROPPED + len(Dropped)
DECLINED: Final = CLIENTS + len(Client)
EVENTS: Final = DECLINED + len(Declined)
ROWS: Final = 64  # where the rows begin

# Words of a row. Behind the zones' own there are two more: of all other zones, and of no zone.
REQUESTS: Final = 0  # family × TYPE_BUCKETS + bucket
RESPONSES: Final = REQUESTS + FAMILIES * TYPE_BUCKETS  # by RCODE
DURATION: Final = RESPONSES + RCODES  # counts by bucket of responses
NANOSECONDS: Final = DURATION + DURATIONS  # of all responses
ROW: Final = 64  # words; 512 octets, so that rows share no cache line

ENTRY: Final = 2  # words of an answer: its key, then how often; key 0: free

assert EVENTS + len(Event) <= ROWS
assert NANOSECONDS < ROW


def rows_of(zones: int) -> int:
    """Return how many rows a block has for a table of that many *zones*."""
    return min(zones, MAX_ZONES) + 2


def hash_bits_of(choices: int) -> int:
    """Return the size of the hash table for a table with so many *choices*, as a power of two."""
    return min(MOST_BITS, max(LEAST_BITS, (8 * choices).bit_length()))


def words_of(zones: int, hash_bits: int) -> int:
    """Return how many words a block has."""
    return answers_at(zones) + (ENTRY << hash_bits)


def answers_at(zones: int) -> int:
    """Return the word where the hash table begins."""
    return ROWS + rows_of(zones) * ROW


def row_at(zone: int, zones: int) -> int:
    """Return the first word of the row of *zone*, an index into the table's *zones*; -1: of none."""
    own = min(zones, MAX_ZONES)
    return ROWS + ROW * (zone if 0 <= zone < own else own + (zone < 0))


def new_block(
    zones: int, choices: int, generation: int, worker: int, transport: Transport
) -> bytearray:
    """Return a block with nothing counted, for a table with so many *zones* and *choices*."""
    bits = hash_bits_of(choices)
    octets = bytearray(WORD * words_of(zones, bits))
    head = (
        MAGIC, generation, worker, TRANSPORTS.index(transport), min(zones, MAX_ZONES), bits,
        len(octets) // WORD, 0,
    )  # fmt: skip
    struct.pack_into(f"<{len(head)}Q", octets, 0, *head)
    return octets


def answer_key(choice: int, body: int) -> int:
    """Return the key of answers by that *choice* with the body at that offset; never 0.

    Body 0: the policy says in words to refuse.
    """
    return choice + 1 << 32 | body


def first_place(key: int, hash_bits: int) -> int:
    """Return the entry at which the search for *key* begins; it goes on in a ring."""
    return (key * HASH_FACTOR & 0xFFFF_FFFF_FFFF_FFFF) >> (64 - hash_bits)


def type_bucket(rtype: int) -> int:
    """Return the bucket of a type."""
    return _BUCKETS.get(rtype, OTHER_TYPE)


def size_bucket(octets: int) -> int:
    """Return the bucket of a message's size."""
    return bisect_left(SIZE_BOUNDS, octets)


def duration_bucket(nanoseconds: int) -> int:
    """Return the bucket of a duration."""
    return bisect_left(NANOSECOND_BOUNDS, nanoseconds)


_BUCKETS: Final = {number: bucket for bucket, number in enumerate(TYPES.values())}
_CONSTANTS: Final = {
    "MAGIC": f"{MAGIC}ULL",
    "MAX_ZONES": MAX_ZONES,
    "MAX_PROBE": MAX_PROBE,
    "HASH_FACTOR": f"{HASH_FACTOR}ULL",
    "OTHER_TYPE": OTHER_TYPE,
    "TYPE_BUCKETS": TYPE_BUCKETS,
    "OTHER_RCODE": OTHER_RCODE,
    "REQUEST_SIZES": REQUEST_SIZES,
    "REQUEST_OCTETS": REQUEST_OCTETS,
    "RESPONSE_SIZES": RESPONSE_SIZES,
    "RESPONSE_OCTETS": RESPONSE_OCTETS,
    "DROPPED": DROPPED,
    "CLIENTS": CLIENTS,
    "DECLINED": DECLINED,
    "EVENTS": EVENTS,
    "ROWS": ROWS,
    "REQUESTS": REQUESTS,
    "RESPONSES": RESPONSES,
    "DURATION": DURATION,
    "NANOSECONDS": NANOSECONDS,
    "ROW": ROW,
    "ENTRY": ENTRY,
}


def counters_include() -> str:
    """Return the layout for C: words as constants, and which bucket a value falls into."""
    lines = ["/* Generated from gslb/dataplane/counters.py; do not edit. */", "#include <stdint.h>"]
    lines += [f"#define GSLB_COUNT_{name} {value}" for name, value in _CONSTANTS.items()]
    for words, at in ((Head, 0), (Dropped, DROPPED), (Client, CLIENTS), (Declined, DECLINED)):
        lines += [
            f"#define GSLB_COUNT_{words.__name__.upper()}_{word.name} {at + word}" for word in words
        ]
    lines += [f"#define GSLB_COUNT_{event.name} {EVENTS + event}" for event in Event]
    lines += _switch("gslb_type_bucket", "uint16_t type", TYPES.values())
    lines += _steps("gslb_size_bucket", "uint32_t value", SIZE_BOUNDS)
    lines += _steps("gslb_duration_bucket", "uint64_t value", NANOSECOND_BOUNDS)
    return "\n".join(lines) + "\n"


def _switch(name: str, parameter: str, values: Iterable[int]) -> list[str]:
    cases = [f"    case {value}: return {bucket};" for bucket, value in enumerate(values)]
    head = f"static inline unsigned {name}({parameter}) {{"
    return [head, "    switch (type) {", *cases, f"    default: return {OTHER_TYPE};", "    }", "}"]


def _steps(name: str, parameter: str, bounds: Sequence[int]) -> list[str]:
    head = f"static inline unsigned {name}({parameter}) {{"
    over = [f"(value > {bound}U)" for bound in bounds]
    half = len(over) // 2  # most values are in the lower one
    return [
        head,
        f"    unsigned low = {' + '.join(over[:half])};",
        f"    return low < {half} ? low : low + {' + '.join(over[half:])};",
        "}",
    ]


if __name__ == "__main__":  # > gslb/dataplane/_counters.h
    sys.stdout.write(counters_include())
