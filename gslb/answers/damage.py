"""Finds what has happened to an answer table on disk since its maker verified it.

Only what `gslb.answers.verify` found good is ever written to disk, and its checksum says that these
are the very octets: so what cannot change need not be proved again. What does change while a table is
served, its cells and what was added for them, is looked at as closely as there. numpy is not needed:
a worker that starts must not wait for it.
"""

from __future__ import annotations

from itertools import pairwise
from typing import Any
from zlib import crc32

from gslb.answers import layout
from gslb.answers.layout import checksum
from gslb.answers.model import STICKY_SLOTS
from gslb.answers.pick import FULL
from gslb.answers.records import hold_records


class BadTableError(Exception):
    """One thing that makes octets no table."""


def find_damage(octets: Any) -> list[str]:
    """Return what keeps *octets* from being the table that was verified; nothing if they are it.

    It stops at the first problem: what stands behind that could not be judged. *octets* may be
    patched meanwhile.
    """
    inspector = Inspector(memoryview(octets))
    try:
        inspector.inspect_header()
        inspector.inspect_cells()
    except BadTableError as error:
        return [str(error)]
    return []


def need(condition: object, what: str) -> None:
    """Raise BadTableError, which says *what* is wrong, unless *condition* holds."""
    if not condition:
        raise BadTableError(what)


class Inspector:
    """Looks at one table. The header comes first: all else is found by it."""

    def __init__(self, view: memoryview) -> None:
        """Look at *view*, the octets of a whole file."""
        self.view = view
        self.head: dict[str, Any] = {}
        self._bodies: set[int] = set()  # offsets found good

    def inspect_header(self) -> None:
        """Find out whether every section is in its place, and as it was written."""
        shape = layout.HEADER.struct
        size = len(self.view)
        need(size >= shape.size, "shorter than a header")
        names = [name for name, _ in layout.HEADER.fields]
        self.head = head = dict(zip(names, shape.unpack_from(self.view, 0), strict=True))
        version, total = head["version"], head["total_octets"]
        need(head["magic"] == layout.MAGIC, "not an answer table")
        need(version == layout.VERSION, f"layout version {version}, not {layout.VERSION}")
        need(head["header_octets"] == shape.size, "header of another size")
        need(total == size, f"{size} octets, not {total}")
        at = shape.size
        for name in layout.SECTIONS:
            offset, octets = head[f"{name}_offset"], head[f"{name}_octets"]
            need(offset == at + -at % layout.ALIGN, f"section {name} misplaced")
            at = offset + octets
            need(at <= size, f"section {name} passes the end")
        need(at == size, "octets behind the last section")
        need(checksum(self.view, head["cells_offset"]) == head["checksum"], "wrong checksum")
        need(head["max_labels"] <= layout.MAX_NAME_LABELS, "names too long")
        need(head["origin"].isascii(), "the origin is not text")
        at, octets = head["cells_offset"], head["cells_octets"]
        need(octets % 8 == 0 and octets >= 8 * layout.FIRST_CELL, "cells are missing")
        self.cells = self.view[at : at + octets].cast("Q")
        # Before any record is looked for: those in the arena are bounded by this.
        used = self.cells[layout.ARENA_CELL]
        need(used <= head["arena_octets"], "more arena used than there is")

    # ---- what cells point to ---------------------------------------------------------------

    def inspect_cells(self) -> None:
        """Find out whether all that cells point to is whole."""
        cells = self.cells.tolist()  # before the octets in use: these only grow
        first, choices = layout.FIRST_CELL, self.head["choices"]
        need(len(cells) >= first + choices, "cells are missing")
        pools = len(cells) - first - choices
        for at in sorted(set(cells[first : first + choices])):
            _, refs = self._pick(at)
            need(all(ref < pools for ref in refs), "a choice has no pool")
        for at in sorted(set(cells[first + choices :])):
            kind, refs = self._pick(at)
            need(kind != layout.REFUSED, "a pool without answers")
            for ref in refs:
                self.inspect_body(ref)

    def _span(self, at: int, size: int) -> None:
        """Raise unless the octets lie in the blobs or the arena in use."""
        blobs, arena = self.head["blobs_offset"], self.head["arena_offset"]
        end = at + size
        inside = blobs <= at and end <= blobs + self.head["blobs_octets"]
        patched = arena <= at and end <= arena + self.cells[layout.ARENA_CELL]
        need(at % 4 == 0, "a record is not aligned")
        need(inside or patched, "a record is out of bounds")

    def _sealed(self, at: int, size: int, check: int) -> None:
        self._span(at, size)
        rest = self.view[at + layout.CHECKED_FROM : at + size]
        need(crc32(rest) == check, "a record is damaged")

    def _pick(self, at: int) -> tuple[int, list[int]]:
        shape = layout.PICK.struct
        self._span(at, shape.size)
        check, kind, count = shape.unpack_from(self.view, at)
        need(kind in {layout.WEIGHTED, layout.STICKY, layout.REFUSED}, "a pick of no kind")
        need((count == 0) == (kind == layout.REFUSED), "a pick of nothing")
        tail = 2 * STICKY_SLOTS if kind == layout.STICKY else 4 * count
        self._sealed(at, shape.size + 4 * count + tail, check)
        start = at + shape.size
        refs = self.view[start : start + 4 * count].cast("I").tolist()
        behind = self.view[start + 4 * count : start + 4 * count + tail]
        if kind == layout.STICKY:
            need(max(behind.cast("H")) < count, "a slot of nothing")
        elif kind == layout.WEIGHTED:
            ends = behind.cast("I").tolist()
            rising = all(a < b for a, b in pairwise(ends))
            need(ends[-1] == FULL and rising, "weights are not cumulative")
        return kind, refs

    def inspect_body(self, at: int) -> None:
        """Find out whether there is a body at *at* that a response can be made of."""
        if at in self._bodies:
            return
        shape = layout.BODY.struct
        self._span(at, shape.size)
        check, *counts, octets, optional_octets, fixups, stride = shape.unpack_from(self.view, at)
        answer, _, _, optional = counts
        self._sealed(at, shape.size + 2 * fixups + octets, check)
        # Nothing may empty an answer: not even a page that was never written.
        need(any(counts), "a body without records")
        start = at + shape.size
        places = self.view[start : start + 2 * fixups].cast("H").tolist()
        apart = all(a + 2 <= b for a, b in pairwise((*places, octets)))
        need(apart, "pointers do not fit")
        need(optional_octets <= octets, "more optional octets than there are")
        # Nor may the counts of a response pass what their 16 bits hold, or leave octets uncounted.
        need(hold_records(octets - optional_octets, sum(counts[:3])), "records do not fit")
        need(hold_records(optional_octets, optional), "optional records do not fit")
        need(answer * stride <= octets - optional_octets, "answers are shorter than they say")
        self._bodies.add(at)
