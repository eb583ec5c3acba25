"""Changes to a table that is being read: new records in the arena, then one store for each cell.

A reader sees a cell's old target or its new one, never a part of either: the record is complete
before the cell is stored, and the store is one aligned 64-bit word. The arena is never reused, so a
reader may keep what it parsed by offset; when it is full the table is packed again.
"""

from __future__ import annotations

import threading
from collections.abc import Iterable
from typing import Any

from gslb.answers import layout
from gslb.answers.model import Choice, Patch, Pool
from gslb.answers.records import body_octets, choice_octets, pool_octets
from gslb.errors import GslbError


class ArenaFull(GslbError):  # noqa: N818 - not a mistake of anybody: the table is packed again
    """The table has no room for the patch; nothing of it was stored."""


class TableWriter:
    """The one writer of a table, on writable *octets* (a bytearray, or a file mapped shared)."""

    def __init__(self, octets: Any) -> None:
        """Take over the table where the last writer left it."""
        view = memoryview(octets)
        names = [name for name, _ in layout.HEADER.fields]
        head = dict(zip(names, layout.HEADER.struct.unpack_from(view, 0), strict=True))
        self._view = view
        at = head["cells_offset"]
        self._cells = view[at : at + head["cells_octets"]].cast("Q")
        self._choices: int = head["choices"]
        self._pools = len(self._cells) - layout.FIRST_CELL - self._choices
        self._arena: int = head["arena_offset"]
        self._end: int = self._arena + head["arena_octets"]
        self._known: dict[bytes, int] = {}  # records of this writer, so that a flapping costs once

    @property
    def free(self) -> int:
        """Octets that are left for patches."""
        return self._end - self._arena - int(self._cells[layout.ARENA_CELL])

    def patch(self, patch: Patch) -> None:
        """Make *patch* visible, pools before the choices that may refer to them.

        Raises ArenaFull when there is no room, ValueError when the patch is not one of this table;
        the table is then as it was.
        """
        if not patch.pools and not patch.choices:
            return
        _check(patch.pools, self._pools, "pool")
        _check(patch.choices, self._choices, "choice")
        start = self._arena + int(self._cells[layout.ARENA_CELL])
        writing = _Writing(start, self._known)
        first = layout.FIRST_CELL
        stores = [
            (first + self._choices + number, writing.pool(pool))
            for number, pool in patch.pools.items()
        ]
        stores += [
            (first + number, writing.choice(choice, self._pools))
            for number, choice in patch.choices.items()
        ]
        behind = start + len(writing.octets)
        if behind > self._end:
            raise ArenaFull("the table's room for changes is used up")
        self._view[start:behind] = writing.octets
        self._cells[layout.ARENA_CELL] = behind - self._arena
        _fence()
        for cell, at in stores:
            self._cells[cell] = at
        self._cells[layout.EPOCH_CELL] += 1
        self._known.update(writing.new)


class _Writing:
    """The octets of one patch, before any of them is stored."""

    def __init__(self, start: int, known: dict[bytes, int]) -> None:
        self.start = start
        self.octets = bytearray()
        self.new: dict[bytes, int] = {}
        self._known = known

    def choice(self, choice: Choice, pools: int) -> int:
        return self._add(choice_octets(choice, pools))

    def pool(self, pool: Pool) -> int:
        bodies = [self._add(body_octets(body)) for body in pool.bodies]
        return self._add(pool_octets(pool, bodies))

    def _add(self, record: bytes) -> int:
        known = self._known.get(record) or self.new.get(record)
        if known is not None:
            return known
        self.octets += bytes(-(self.start + len(self.octets)) % 4)
        at = self.new[record] = self.start + len(self.octets)
        self.octets += record
        return at


def _check(numbers: Iterable[int], count: int, what: str) -> None:
    for number in numbers:
        if not 0 <= number < count:
            raise ValueError(f"no {what} {number}; there are {count}")


_LOCK = threading.Lock()


def _fence() -> None:
    """Let no store from before be seen after one from behind, on processors that would reorder.

    x86 does not; for the others, a lock's release and the next taking of it are such a fence. A
    reader needs none: what it reads through a cell depends on the cell's value.
    """
    for _ in range(2):
        with _LOCK:
            pass
