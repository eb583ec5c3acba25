"""Counts what one transport of a worker does, in a block that `gslb.dataplane.counters` lays out.

The responder notes what it finds out about a query, `Guard` says when a query begins and is over.
All of one `Counting` happens in one thread: it is the block's only writer.
"""

from __future__ import annotations

from bisect import bisect_left
from time import perf_counter_ns
from typing import Any, Final, NamedTuple

from gslb.dataplane import counters
from gslb.dataplane.counters import Client, Dropped, Event, Head, size_bucket
from gslb.dataplane.settings import Source
from gslb.wire.constants import TC

NO_ZONE: Final = -1
NO_CHOICE: Final = -1
MAX_KEPT: Final = 65_536  # places of answers that are remembered; beyond it each is looked for

# Names of this module are found faster than those of another.
_ROWS: Final = counters.ROWS
_ROW: Final = counters.ROW
_FAMILY: Final = (0, counters.REQUESTS, counters.REQUESTS + counters.TYPE_BUCKETS)
_RESPONSES: Final = counters.RESPONSES
_DURATION: Final = counters.DURATION
_NANOSECONDS: Final = counters.NANOSECONDS
_REQUEST_SIZES: Final = counters.REQUEST_SIZES
_REQUEST_OCTETS: Final = counters.REQUEST_OCTETS
_RESPONSE_SIZES: Final = counters.RESPONSE_SIZES
_RESPONSE_OCTETS: Final = counters.RESPONSE_OCTETS
_CLIENTS: Final = counters.CLIENTS
_TRUNCATED: Final = counters.EVENTS + Event.TRUNCATED
_STEPS: Final = counters.NANOSECOND_BOUNDS
_TC: Final = TC >> 8
_TYPES: Final = {number: bucket for bucket, number in enumerate(counters.TYPES.values())}
_OTHER: Final = counters.OTHER_TYPE
_SIZED: Final = 4096  # octets up to which the bucket is looked up, not searched
_SIZES: Final = bytes(size_bucket(octets) for octets in range(_SIZED))
_RCODE: Final = 0x0F


class Counting:
    """The words of one transport, and what is known of the query that is being answered."""

    __slots__ = (
        "_answers", "_began", "_bits", "_own", "_places", "_words", "_zones",
        "block", "body", "choice", "client", "dropped", "qtype", "rcode", "zone",
    )  # fmt: skip

    def __init__(self, block: Any) -> None:
        """Count in *block*, a writable buffer whose header is written."""
        self.zone = NO_ZONE  # index into the table's
        self.qtype = 0
        self.rcode = 0  # where it does not fit the header
        self.choice = NO_CHOICE
        self.body = 0
        self.client = Client.RESOLVER
        self.dropped = Dropped.PARSE
        self._began = 0
        self.use(block)

    def use(self, block: Any, *, finish: bool = True) -> None:
        """Count in *block* from now on; *finish* what was counted in before, if nobody else will."""
        former = getattr(self, "_words", None)
        self.block = block
        words: Any = memoryview(block).cast("B").cast("Q")
        self._words = words
        self._zones: int = words[Head.ZONES]
        self._own: int = _ROWS + _ROW * self._zones
        self._bits: int = words[Head.HASH_BITS]
        self._answers: int = self._own + 2 * _ROW
        self._places: dict[tuple[int, int], int] = {}
        if former is not None and finish:
            former[Head.FINISHED] = 1

    def finish(self) -> None:
        """Say that nothing more will be counted."""
        self._words[Head.FINISHED] = 1

    def add(self, event: Event, count: int = 1) -> None:
        """Count something that is no query."""
        self._words[counters.EVENTS + event] += count

    def begin(self) -> None:
        """Begin a query."""
        self.zone = self.choice = -1  # NO_ZONE, NO_CHOICE
        self.qtype = self.rcode = 0
        self.dropped = Dropped.PARSE
        self._began = perf_counter_ns()

    def forget(self) -> None:
        """Take back what was noted of an answer that is not given after all."""
        self.rcode, self.choice = 0, NO_CHOICE

    def end(self, message: bytes, response: bytes | None, source: Source) -> None:
        """Count the query that began last, now that it has its *response*, or silence."""
        words = self._words
        row = self._row(self.zone)
        words[row + _TYPES.get(self.qtype, _OTHER) + _FAMILY[source.family]] += 1
        size = len(message)
        words[_REQUEST_SIZES + (_SIZES[size] if size < _SIZED else size_bucket(size))] += 1
        words[_REQUEST_OCTETS] += size
        if response is None:
            words[counters.DROPPED + self.dropped] += 1
            return
        words[row + _RESPONSES + (self.rcode or response[3] & _RCODE)] += 1
        size = len(response)
        words[_RESPONSE_SIZES + (_SIZES[size] if size < _SIZED else size_bucket(size))] += 1
        words[_RESPONSE_OCTETS] += size
        if response[2] & _TC:
            words[_TRUNCATED] += 1
        if self.choice >= 0:
            words[_CLIENTS + self.client] += 1
            words[self._places.get((self.choice, self.body)) or self._place()] += 1
        took = perf_counter_ns() - self._began
        words[row + _DURATION + bisect_left(_STEPS, took)] += 1
        words[row + _NANOSECONDS] += took

    def _row(self, zone: int) -> int:
        if 0 <= zone < self._zones:
            return _ROWS + _ROW * zone
        return self._own + _ROW * (zone < 0)

    def _place(self) -> int:
        """Return the word where answers of this choice and body are counted."""
        key = counters.answer_key(self.choice, self.body)
        words, mask = self._words, (1 << self._bits) - 1
        entry: int = counters.first_place(key, self._bits)
        for _ in range(counters.MAX_PROBE):
            at: int = self._answers + counters.ENTRY * entry
            if words[at] in (0, key):
                words[at] = key
                if len(self._places) < MAX_KEPT:
                    self._places[self.choice, self.body] = at + 1
                return at + 1
            entry = entry + 1 & mask
        return counters.EVENTS + Event.OVERFLOW


class Countings(NamedTuple):
    """What a worker counts with, a part for each transport."""

    udp: Counting
    tcp: Counting

    def use(self, blocks: tuple[Any, Any], *, finish_udp: bool = True) -> None:
        """Count in other *blocks* from now on; *finish_udp*: no thread still counts in UDP's."""
        self.udp.use(blocks[0], finish=finish_udp)
        self.tcp.use(blocks[1])

    def finish(self) -> None:
        """Say that nothing more will be counted."""
        for counting in self:
            counting.finish()


def private_countings(zones: int = 0, choices: int = 0) -> Countings:
    """Return countings that nobody else reads, for a responder without a worker around it."""
    udp, tcp = (
        Counting(counters.new_block(zones, choices, 0, 0, transport))
        for transport in counters.TRANSPORTS
    )
    return Countings(udp, tcp)
