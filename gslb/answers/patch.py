"""Changes to a table that is being read: new records in the arena, then one store for each cell.

A reader sees a cell's old target or its new one, never a part of either: the record is complete
before the cell is stored, and the store is one aligned 64-bit word. The arena is never reused, so a
reader may keep what it parsed by offset; when it is full the table is packed again.
"""

from __future__ import annotations

from typing import Any

from gslb.answers import layout
from gslb.answers.model import Body, Choice, Patch, Pool
from gslb.answers.pack import body_octets, pick_octets
from gslb.errors import GslbError


class ArenaFull(GslbError):
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
        self._arena: int = head["arena_offset"]
        self._end: int = self._arena + head["arena_octets"]
        self._bodies: dict[bytes, int] = {}  # bodies of this writer's patches, to be shared

    @property
    def free(self) -> int:
        """Octets that are left for patches."""
        return self._end - self._arena - int(self._cells[layout.ARENA_CELL])

    def patch(self, patch: Patch) -> None:
        """Make *patch* visible, pools before the choices that may refer to them.

        Raises ArenaFull, with the table as it was, when there is no room.
        """
        if not patch.pools and not patch.choices:
            return
        start = self._arena + int(self._cells[layout.ARENA_CELL])
        writing = _Writing(start, dict(self._bodies))
        pools = {number: writing.pool(pool) for number, pool in patch.pools.items()}
        choices = {number: writing.choice(choice) for number, choice in patch.choices.items()}
        if start + len(writing.octets) > self._end:
            raise ArenaFull("the table's room for changes is used up")
        self._view[start : start + len(writing.octets)] = writing.octets
        self._bodies = writing.bodies
        self._cells[layout.ARENA_CELL] = start + len(writing.octets) - self._arena
        for number, at in pools.items():
            self._cells[layout.FIRST_CELL + self._choices + number] = at
        for number, at in choices.items():
            self._cells[layout.FIRST_CELL + number] = at
        self._cells[layout.EPOCH_CELL] += 1


class _Writing:
    """The octets of one patch, before any of them is stored."""

    def __init__(self, start: int, bodies: dict[bytes, int]) -> None:
        self.start = start
        self.octets = bytearray()
        self.bodies = bodies

    def choice(self, choice: Choice) -> int:
        pools = () if choice.refused else choice.pools
        return self._add(pick_octets(pools, choice.weights, choice.slots))

    def pool(self, pool: Pool) -> int:
        refs = [self._body(body) for body in pool.bodies]
        return self._add(pick_octets(refs, pool.weights, pool.slots))

    def _body(self, body: Body) -> int:
        octets = body_octets(body)
        known = self.bodies.get(octets)
        if known is None:
            known = self.bodies[octets] = self._add(octets)
        return known

    def _add(self, record: bytes) -> int:
        self.octets += bytes(-(self.start + len(self.octets)) % 4)
        at = self.start + len(self.octets)
        self.octets += record
        return at
