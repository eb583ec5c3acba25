"""Proves that octets are an answer table, before anybody answers from them.

A table comes from our own disk, where it may be cut short, old, or damaged. After `verify` found
nothing, a reader needs no check of its own: every offset, count and index that it can reach is in
bounds, every search is bounded, every weight ends where a draw can end.
"""

from __future__ import annotations

from itertools import pairwise
from typing import Any
from zlib import crc32

import numpy as np
import numpy.typing as npt

from gslb.answers import layout
from gslb.answers.model import STICKY_SLOTS
from gslb.answers.pack import checksum
from gslb.answers.pick import FULL
from gslb.answers.ranges import bucket_index
from gslb.answers.records import hold_records

_CODES = {"B": "u1", "H": "<u2", "I": "<u4", "Q": "<u8"}
MAX_LABEL = 63  # RFC 1035 section 3.1
_WILD = b"\x01*"


class _BadError(Exception):
    """One thing that makes the octets no table."""


def verify(octets: Any) -> list[str]:
    """Return what keeps *octets* from being an answer table; nothing when they are one.

    It stops at the first problem: what stands behind that could not be judged. *octets* may be
    patched meanwhile.
    """
    try:
        _Verifier(memoryview(octets)).run()
    except _BadError as error:
        return [str(error)]
    return []


def _need(condition: object, what: str) -> None:
    if not condition:
        raise _BadError(what)


class _Verifier:
    def __init__(self, view: memoryview) -> None:
        self.view = view
        self.head: dict[str, Any] = {}
        self.map_tops: list[int] = []  # the greatest class of each map
        self.steers = self.typesets = 0
        self.bodies: set[int] = set()  # offsets found good

    def run(self) -> None:
        self._header()
        self._maps()
        self._steers()
        self._typesets()
        self._names(self._zones())
        self._cells()

    # ---- sections --------------------------------------------------------------------------

    def _header(self) -> None:
        shape = layout.HEADER.struct
        size = len(self.view)
        _need(size >= shape.size, "shorter than a header")
        names = [name for name, _ in layout.HEADER.fields]
        self.head = head = dict(zip(names, shape.unpack_from(self.view, 0), strict=True))
        version, total = head["version"], head["total_octets"]
        _need(head["magic"] == layout.MAGIC, "not an answer table")
        _need(version == layout.VERSION, f"layout version {version}, not {layout.VERSION}")
        _need(head["header_octets"] == shape.size, "header of another size")
        _need(total == size, f"{size} octets, not {total}")
        at = shape.size
        for name in layout.SECTIONS:
            offset, octets = head[f"{name}_offset"], head[f"{name}_octets"]
            _need(offset == at + -at % layout.ALIGN, f"section {name} misplaced")
            at = offset + octets
            _need(at <= size, f"section {name} passes the end")
        _need(at == size, "octets behind the last section")
        _need(checksum(self.view, head["cells_offset"]) == head["checksum"], "wrong checksum")
        _need(head["max_labels"] <= layout.MAX_NAME_LABELS, "names too long")
        _need(head["origin"].isascii(), "the origin is not text")
        at, octets = head["cells_offset"], head["cells_octets"]
        _need(octets % 8 == 0 and octets >= 8 * layout.FIRST_CELL, "cells are missing")
        self.cells = self.view[at : at + octets].cast("Q")
        # Before any record is looked for: those in the arena are bounded by this.
        used = self.cells[layout.ARENA_CELL]
        _need(used <= head["arena_octets"], "more arena used than there is")

    def _rows(self, section: str, record: layout.Record) -> npt.NDArray[np.void]:
        kind = np.dtype([(name, _CODES[code]) for name, code in record.fields])
        return self._section(section, kind)

    def _numbers(self, section: str, code: str) -> npt.NDArray[Any]:
        return self._section(section, np.dtype(_CODES[code]))

    def _section(self, section: str, kind: np.dtype[Any]) -> npt.NDArray[Any]:
        offset, size = self.head[f"{section}_offset"], self.head[f"{section}_octets"]
        _need(size % kind.itemsize == 0, f"section {section} has a part of a record")
        return np.frombuffer(self.view, kind, size // kind.itemsize, offset)

    # ---- maps and steers -------------------------------------------------------------------

    def _maps(self) -> None:
        for row in self._rows("maps", layout.MAP).tolist():
            top4 = self._half(row[:4], row[8], 32, "I")
            top6 = self._half(row[4:8], row[9], 64, "Q")
            self.map_tops.append(max(top4, top6))

    def _half(self, half: tuple[int, ...], bits: int, width: int, code: str) -> int:
        count, starts, classes, buckets = half
        _need(count >= 1, "a prefix map without ranges")
        _need(bits <= layout.MAX_BUCKET_BITS, "too many buckets")
        ranges = self._mapdata(starts, count, code)
        rising = bool((ranges[1:] > ranges[:-1]).all())
        _need(ranges[0] == 0 and rising, "ranges are not in order")
        index = self._mapdata(buckets, 2**bits + 1, "I")
        fits = np.array_equal(index, bucket_index(ranges, bits, width))
        _need(fits, "the bucket index does not fit the ranges")
        return int(self._mapdata(classes, count, "H").max())

    def _mapdata(self, at: int, count: int, code: str) -> npt.NDArray[Any]:
        kind = np.dtype(_CODES[code])
        low = self.head["mapdata_offset"]
        high = low + self.head["mapdata_octets"]
        _need(at % kind.itemsize == 0, "a map is not aligned")
        _need(low <= at and at + count * kind.itemsize <= high, "a map is out of bounds")
        return np.frombuffer(self.view, kind, count, at)

    def _steers(self) -> None:
        links = self._numbers("links", "I")
        rows = self._rows("steers", layout.STEER)
        self.steers = len(rows)
        maps = len(self.map_tops)
        for views, view_count, choices, choice_count, resolvers, _ in rows.tolist():
            _need(view_count >= 1 and views + view_count <= len(links), "views out of bounds")
            fits = choice_count >= 1 and choices + choice_count <= len(links)
            _need(fits, "choices out of bounds")
            for number in links[views : views + view_count].tolist():
                _need(number < maps, "a view has no map")
                _need(self.map_tops[number] < choice_count, "a class has no choice")
            greatest = links[choices : choices + choice_count].max()
            _need(greatest < self.head["choices"], "a choice has no cell")
            if resolvers:
                _need(resolvers <= maps, "the map of resolvers is missing")
                _need(self.map_tops[resolvers - 1] < view_count, "a resolver has no view")

    # ---- names -----------------------------------------------------------------------------

    def _typesets(self) -> None:
        rows = self._rows("typesets", layout.TYPESET)
        entries = self._rows("entries", layout.ENTRY)
        self.typesets = len(rows)
        rtypes = entries["rtype"].tolist()
        for first, count in rows.tolist():
            _need(first + count <= len(rtypes), "types out of bounds")
            own = rtypes[first : first + count]
            _need(all(a < b for a, b in pairwise(own)), "types are not in order")
        for _, kind, ref in entries.tolist():
            _need(kind in {layout.STATIC, layout.STEERED}, "an entry of no kind")
            if kind == layout.STATIC:
                self._body(ref)
            else:
                _need(ref < self.steers, "an entry has no steer")

    def _zones(self) -> list[bytes]:
        """Return the apexes."""
        low = self.head["names_offset"]
        high = low + self.head["names_octets"]
        apexes = []
        for at, _, negative, size, _, _ in self._rows("zones", layout.ZONE).tolist():
            _need(low <= at and at + size <= high, "an apex is out of bounds")
            apex = bytes(self.view[at : at + size])
            _need(_well_formed(apex, self.head["max_labels"]), f"malformed apex {apex!r}")
            _need(not apex.startswith(_WILD), "a zone at a wildcard")
            self._body(negative)
            apexes.append(apex)
        _need(apexes, "no zone")
        return apexes

    def _names(self, apexes: list[bytes]) -> None:
        nodes = self._rows("nodes", layout.NODE)
        _need(len(nodes) >= len(apexes), "a zone without names")
        low, octets = self.head["names_offset"], self.head["names_octets"]
        starts, sizes = nodes["name"].astype(np.int64) - low, nodes["name_octets"].astype(np.int64)
        within = (starts >= 0) & (starts + sizes <= octets)
        _need(bool(within.all()), "a name is out of bounds")
        _need(int(nodes["zone"].max()) < len(apexes), "a name is in no zone")
        _need(int(nodes["typeset"].max()) < self.typesets, "a name has no types")
        for cut in np.unique(nodes["cut"]).tolist():
            if cut:
                self._body(cut)
        self._labels(starts, sizes, low, octets)
        text = bytes(self.view[low : low + octets])
        names: set[bytes] = set()
        hashes = []
        places = zip(starts.tolist(), sizes.tolist(), nodes["zone"].tolist(), strict=True)
        for start, size, zone in places:
            name = text[start : start + size]
            # Pointers to the apex inside the question rest on this.
            _need(name.endswith(apexes[zone]), f"{name!r} is in another zone")
            names.add(name)
            hashes.append(crc32(name))
        _need(len(names) == len(nodes), "a name is there twice")
        _need(names.issuperset(apexes), "an apex is no name")
        self._slots(np.array(hashes, np.uint64))

    def _labels(
        self, starts: npt.NDArray[np.int64], sizes: npt.NDArray[np.int64], low: int, octets: int
    ) -> None:
        """Every name ends where its labels do, all of them stepped through together."""
        text = np.frombuffer(self.view, np.uint8, octets, low)
        _need(bool((sizes > 0).all()), "malformed name b''")
        at, last, left = starts, starts + sizes - 1, self.head["max_labels"]
        while len(at):  # those that have a label here; at most as often as a name has labels
            lengths = text[at]
            ends = at == last
            _need(
                bool((ends == (lengths == 0)).all()), "malformed name: it does not end at its end"
            )
            at, last, lengths = at[~ends], last[~ends], lengths[~ends]
            at = at + lengths + 1
            fits = bool((lengths <= MAX_LABEL).all() and (at <= last).all())
            _need(
                fits and (left or not len(at)), "malformed name: a label is too long, or too many"
            )
            left -= 1
        capital = (text >= ord("A")) & (text <= ord("Z"))  # no length octet is one
        _need(not capital.any(), "malformed name: not in lower case")

    def _slots(self, hashes: npt.NDArray[np.uint64]) -> None:
        """Every node is found, and every search ends within the longest probe."""
        slots = self._numbers("slots", "Q")
        mask = self.head["slot_mask"]
        _need(len(slots) == mask + 1 and mask & (mask + 1) == 0, "the hash table's size is off")
        used, empty = np.flatnonzero(slots), np.flatnonzero(slots == 0)
        _need(len(used) == len(hashes), "the hash table does not hold the names")
        _need(len(empty), "the hash table is full")
        longest = int(np.diff(empty, append=empty[0] + len(slots)).max())
        _need(longest <= self.head["max_probe"] <= layout.MAX_PROBE, "a search is too long")
        number = (slots[used] & np.uint64(0xFFFFFFFF)).astype(np.int64) - 1
        within = (number >= 0) & (number < len(hashes))
        _need(bool(within.all()), "a slot has no node")
        _need(len(np.unique(number)) == len(hashes), "a node has two slots")
        same = slots[used] >> np.uint64(32) == hashes[number]
        _need(bool(same.all()), "a slot has another hash")
        home = (hashes[number] & np.uint64(mask)).astype(np.int64)
        probe = (used - home) % len(slots)
        # From its home to its slot no slot may be empty, or the search would stop before it.
        filled = np.concatenate([[0], np.cumsum(np.tile(slots != 0, 2))])
        reached = filled[home + probe] - filled[home] == probe
        _need(bool(reached.all()), "a name cannot be reached")

    # ---- what cells point to ---------------------------------------------------------------

    def _cells(self) -> None:
        cells = np.array(self.cells)  # before the octets in use: these only grow
        first, choices = layout.FIRST_CELL, self.head["choices"]
        _need(len(cells) >= first + choices, "cells are missing")
        pools = len(cells) - first - choices
        for at in np.unique(cells[first : first + choices]).tolist():
            _, refs = self._pick(at)
            _need(all(ref < pools for ref in refs), "a choice has no pool")
        for at in np.unique(cells[first + choices :]).tolist():
            kind, refs = self._pick(at)
            _need(kind != layout.REFUSED, "a pool without answers")
            for ref in refs:
                self._body(ref)

    def _span(self, at: int, size: int) -> None:
        """Raise unless the octets lie in the blobs or the arena in use."""
        blobs, arena = self.head["blobs_offset"], self.head["arena_offset"]
        end = at + size
        inside = blobs <= at and end <= blobs + self.head["blobs_octets"]
        patched = arena <= at and end <= arena + self.cells[layout.ARENA_CELL]
        _need(at % 4 == 0, "a record is not aligned")
        _need(inside or patched, "a record is out of bounds")

    def _sealed(self, at: int, size: int, check: int) -> None:
        self._span(at, size)
        rest = self.view[at + layout.CHECKED_FROM : at + size]
        _need(crc32(rest) == check, "a record is damaged")

    def _pick(self, at: int) -> tuple[int, list[int]]:
        shape = layout.PICK.struct
        self._span(at, shape.size)
        check, kind, count = shape.unpack_from(self.view, at)
        _need(kind in {layout.WEIGHTED, layout.STICKY, layout.REFUSED}, "a pick of no kind")
        _need((count == 0) == (kind == layout.REFUSED), "a pick of nothing")
        tail = 2 * STICKY_SLOTS if kind == layout.STICKY else 4 * count
        self._sealed(at, shape.size + 4 * count + tail, check)
        start = at + shape.size
        refs = np.frombuffer(self.view, "<u4", count, start)
        if kind == layout.STICKY:
            slots = np.frombuffer(self.view, "<u2", STICKY_SLOTS, start + 4 * count)
            _need(slots.max() < count, "a slot of nothing")
        elif kind == layout.WEIGHTED:
            ends = np.frombuffer(self.view, "<u4", count, start + 4 * count)
            rising = bool((ends[1:] > ends[:-1]).all())
            _need(ends[-1] == FULL and rising, "weights are not cumulative")
        return kind, refs.tolist()

    def _body(self, at: int) -> None:
        if at in self.bodies:
            return
        shape = layout.BODY.struct
        self._span(at, shape.size)
        check, *counts, octets, optional_octets, fixups, stride = shape.unpack_from(self.view, at)
        answer, _, _, optional = counts
        self._sealed(at, shape.size + 2 * fixups + octets, check)
        # Nothing may empty an answer: not even a page that was never written.
        _need(any(counts), "a body without records")
        places = np.frombuffer(self.view, "<u2", fixups, at + shape.size).astype(np.int64)
        apart = bool((places[1:] >= places[:-1] + 2).all())
        _need(apart and (places[-1:] + 2 <= octets).all(), "pointers do not fit")
        _need(optional_octets <= octets, "more optional octets than there are")
        # Nor may the counts of a response pass what their 16 bits hold, or leave octets uncounted.
        _need(hold_records(octets - optional_octets, sum(counts[:3])), "records do not fit")
        _need(hold_records(optional_octets, optional), "optional records do not fit")
        _need(answer * stride <= octets - optional_octets, "answers are shorter than they say")
        self.bodies.add(at)


def _well_formed(name: bytes, max_labels: int) -> bool:
    """Return whether *name* is a wire-form name in lower case with at most *max_labels* labels."""
    at = labels = 0
    while at < len(name) and name[at]:
        if name[at] > 63:
            return False
        at += name[at] + 1
        labels += 1
    return at == len(name) - 1 and labels <= max_labels and name.lower() == name
