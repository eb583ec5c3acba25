"""Reads what a `Counting` has counted, word by word, for tests."""

from __future__ import annotations

from gslb.dataplane import counters
from gslb.dataplane.counters import Client, Dropped, Event
from gslb.dataplane.counting import Counting


def words(counting: Counting) -> list[int]:
    """Return every word of the block."""
    return memoryview(counting.block).cast("B").cast("Q").tolist()


def event(counting: Counting, which: Event) -> int:
    """Return how often something has happened."""
    return words(counting)[counters.EVENTS + which]


def dropped(counting: Counting) -> dict[Dropped, int]:
    """Return the messages without a response, by reason; what did not happen is left out."""
    found = words(counting)
    return {why: n for why in Dropped if (n := found[counters.DROPPED + why])}


def clients(counting: Counting) -> dict[Client, int]:
    """Return how clients were known."""
    found = words(counting)
    return {how: n for how in Client if (n := found[counters.CLIENTS + how])}


def by_row(counting: Counting, first: int, count: int) -> dict[tuple[int, int], int]:
    """Return the words of rows from *first* on that are not 0, by row and number."""
    found = words(counting)
    rows = (len(found) - counters.ROWS) // counters.ROW
    own = found[counters.Head.ZONES] + 2
    return {
        (row, number): n
        for row in range(min(rows, own))
        for number in range(count)
        if (n := found[counters.ROWS + counters.ROW * row + first + number])
    }


def rcodes(counting: Counting) -> dict[int, int]:
    """Return the responses by RCODE, of all rows."""
    found: dict[int, int] = {}
    for (_, rcode), count in by_row(counting, counters.RESPONSES, counters.RCODES).items():
        found[rcode] = found.get(rcode, 0) + count
    return found


def answers(counting: Counting) -> dict[int, int]:
    """Return the answers by key."""
    found = words(counting)
    bits = found[counters.Head.HASH_BITS]
    start = len(found) - (counters.ENTRY << bits)
    return {found[at]: found[at + 1] for at in range(start, len(found), 2) if found[at]}
