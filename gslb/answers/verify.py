"""Proves that octets are an answer table, before anybody answers from them.

A table comes from our own disk, where it may be cut short, old, or damaged. After `verify` found
nothing, a reader needs no check of its own: every offset, count and index that it can reach is in
bounds, every search is bounded, every weight ends where a draw can end.
"""

from __future__ import annotations

from typing import Any
from zlib import crc32

import numpy as np
import numpy.typing as npt

from gslb.answers import layout
from gslb.answers.model import STICKY_SLOTS
from gslb.answers.pack import checksum
from gslb.answers.pick import FULL

MAX_BODY_RECORDS = 65_535
_CODES = {"B": "u1", "H": "<u2", "I": "<u4", "Q": "<u8"}


class _BadError(Exception):
    """One thing that makes the octets no table."""


def verify(octets: Any) -> list[str]:
    """Return what keeps *octets* from being an answer table; nothing when they are one."""
    try:
        _Verifier(memoryview(octets)).run()
    except _BadError as error:
        return [str(error)]
    return []


def _need(condition: Any, what: str) -> None:
    if not condition:
        raise _BadError(what)


class _Verifier:
    def __init__(self, view: memoryview) -> None:
        self.view = view
        self.head: dict[str, Any] = {}
        self.bodies: set[int] = set()  # offsets found good
        self.picks: set[int] = set()

    def run(self) -> None:
        self._header()
        self._maps()
        self._steers()
        self._typesets()
        self._names()
        self._cells()

    # ---- sections --------------------------------------------------------------------------

    def _header(self) -> None:
        shape = layout.HEADER.struct
        _need(len(self.view) >= shape.size, "shorter than a header")
        names = [name for name, _ in layout.HEADER.fields]
        self.head = head = dict(zip(names, shape.unpack_from(self.view, 0), strict=True))
        _need(head["magic"] == layout.MAGIC, "not an answer table")
        _need(head["version"] == layout.VERSION, f"layout version {head['version']}, not {layout.VERSION}")
        _need(head["header_octets"] == shape.size, "header of another size")
        _need(head["total_octets"] == len(self.view), f"{len(self.view)} octets, not {head['total_octets']}")
        at = shape.size
        for name in layout.SECTIONS:
            offset, size = head[f"{name}_offset"], head[f"{name}_octets"]
            _need(offset % layout.ALIGN == 0 and at <= offset <= at + layout.ALIGN, f"section {name} misplaced")
            at = offset + size
            _need(at <= len(self.view), f"section {name} passes the end")
        _need(at == len(self.view), "octets behind the last section")
        _need(checksum(self.view, head["cells_offset"]) == head["checksum"], "checksum does not match")
        _need(head["max_probe"] <= layout.MAX_PROBE, "probes too long")
        _need(head["max_labels"] <= layout.MAX_NAME_LABELS, "names too long")
        try:
            head["origin"].rstrip(b"\0").decode()
        except UnicodeDecodeError:
            raise _BadError("the origin is not text") from None

    def _rows(self, section: str, record: layout.Record) -> npt.NDArray[np.void]:
        offset, size = self.head[f"{section}_offset"], self.head[f"{section}_octets"]
        kind = np.dtype([(name, _CODES[code]) for name, code in record.fields])
        _need(size % kind.itemsize == 0, f"section {section} has a part of a record")
        return np.frombuffer(self.view, kind, size // kind.itemsize, offset)

    def _numbers(self, section: str, code: str) -> npt.NDArray[Any]:
        offset, size = self.head[f"{section}_offset"], self.head[f"{section}_octets"]
        kind = np.dtype(_CODES[code])
        _need(size % kind.itemsize == 0, f"section {section} has a part of a number")
        return np.frombuffer(self.view, kind, size // kind.itemsize, offset)

    # ---- maps and steers -------------------------------------------------------------------

    def _maps(self) -> None:
        rows = self._rows("maps", layout.MAP)
        self.map_tops = []  # the greatest class of each
        for row in rows.tolist():
            n4, s4, c4, b4, n6, s6, c6, b6, bits4, bits6, _, _ = row
            top4 = self._half(n4, s4, c4, b4, bits4, 32, "I")
            top6 = self._half(n6, s6, c6, b6, bits6, 64, "Q")
            self.map_tops.append(max(top4, top6))

    def _half(self, n: int, starts: int, classes: int, buckets: int, bits: int, width: int, code: str) -> int:
        _need(n >= 1, "a prefix map without ranges")
        _need(bits <= layout.MAX_BUCKET_BITS, "too many buckets")
        begin = self._mapdata(starts, n, code)
        _need(begin[0] == 0 and bool((begin[1:] > begin[:-1]).all()), "ranges are not in order")
        index = self._mapdata(buckets, 2**bits + 1, "I")
        edges = [bucket << (width - bits) for bucket in range(2**bits)] + [2**width - 1]
        right = np.searchsorted(begin, np.array(edges, begin.dtype), side="right") - 1
        _need(bool((index == right).all()), "the bucket index does not fit the ranges")
        return int(self._mapdata(classes, n, "H").max())

    def _mapdata(self, at: int, count: int, code: str) -> npt.NDArray[Any]:
        kind = np.dtype(_CODES[code])
        low = self.head["mapdata_offset"]
        _need(at % kind.itemsize == 0, "a map is not aligned")
        _need(low <= at and at + count * kind.itemsize <= low + self.head["mapdata_octets"], "a map is out of bounds")
        return np.frombuffer(self.view, kind, count, at)

    def _steers(self) -> None:
        links = self._numbers("links", "I")
        rows = self._rows("steers", layout.STEER)
        self.steers = len(rows)
        for views, view_count, choices, choice_count, resolvers, _ in rows.tolist():
            _need(view_count >= 1 and views + view_count <= len(links), "views out of bounds")
            _need(choice_count >= 1 and choices + choice_count <= len(links), "choices out of bounds")
            for number in links[views : views + view_count].tolist():
                _need(number < len(self.map_tops), "a view has no map")
                _need(self.map_tops[number] < choice_count, "a class has no choice")
            _need(int(links[choices : choices + choice_count].max()) < self.head["choices"], "a choice has no cell")
            if resolvers:
                _need(resolvers <= len(self.map_tops), "the map of resolvers is missing")
                _need(self.map_tops[resolvers - 1] < view_count, "a resolver has no view")

    # ---- names -----------------------------------------------------------------------------

    def _typesets(self) -> None:
        rows = self._rows("typesets", layout.TYPESET)
        entries = self._rows("entries", layout.ENTRY)
        self.typesets = len(rows)
        first, count = rows["first"].astype(np.int64), rows["count"].astype(np.int64)
        _need(bool((first + count <= len(entries)).all()), "types out of bounds")
        rising = entries["rtype"][1:] > entries["rtype"][:-1]
        for start, many in zip(first.tolist(), count.tolist(), strict=True):
            _need(many < 2 or bool(rising[start : start + many - 1].all()), "types are not in order")
        for _, kind, ref in entries.tolist():
            _need(kind in (layout.STATIC, layout.STEERED), "an entry of no kind")
            if kind == layout.STATIC:
                self._body(ref)
            else:
                _need(ref < self.steers, "an entry has no steer")

    def _names(self) -> None:
        nodes = self._rows("nodes", layout.NODE)
        zones = self._rows("zones", layout.ZONE)
        _need(len(zones) >= 1 and len(nodes) >= 1, "no zone")
        low = self.head["names_offset"]
        high = low + self.head["names_octets"]
        at, size = nodes["name"].astype(np.int64), nodes["name_octets"].astype(np.int64)
        _need(bool(((at >= low) & (at + size <= high) & (size >= 1)).all()), "a name is out of bounds")
        _need(bool((nodes["zone"] < len(zones)).all()), "a name is in no zone")
        _need(bool((nodes["typeset"] < self.typesets).all()), "a name has no types")
        for cut in np.unique(nodes["cut"]).tolist():
            if cut:
                self._body(cut)
        names = bytes(self.view[low:high])
        hashes = []
        for start, octets in zip((at - low).tolist(), size.tolist(), strict=True):
            name = names[start : start + octets]
            _need(_well_formed(name, self.head["max_labels"]), f"malformed name {name!r}")
            hashes.append(crc32(name))
        self._slots(np.array(hashes, np.uint64))
        for apex, _, negative, octets, _, _ in zones.tolist():
            _need(low <= apex and apex + octets <= high, "an apex is out of bounds")
            _need(_well_formed(bytes(self.view[apex : apex + octets]), self.head["max_labels"]), "malformed apex")
            self._body(negative)

    def _slots(self, hashes: npt.NDArray[np.uint64]) -> None:
        """Every node is found within the longest probe, and so is an empty slot."""
        slots = self._numbers("slots", "Q")
        mask = self.head["slot_mask"]
        _need(len(slots) == mask + 1 and mask & (mask + 1) == 0, "the hash table's size is off")
        used = np.flatnonzero(slots)
        _need(len(used) == len(hashes) and len(used) < len(slots), "the hash table does not hold the names")
        number = (slots[used] & np.uint64(0xFFFFFFFF)).astype(np.int64) - 1
        _need(bool(((number >= 0) & (number < len(hashes))).all()), "a slot has no node")
        _need(len(np.unique(number)) == len(hashes), "a node has two slots")
        _need(bool((slots[used] >> np.uint64(32) == hashes[number]).all()), "a slot has another hash")
        home = (hashes[number] & np.uint64(mask)).astype(np.int64)
        probe = (used - home) % len(slots)
        _need(int(probe.max()) < max(1, self.head["max_probe"]), "a name is too far from its slot")
        # From its home to its slot no slot may be empty, or the search would stop before it.
        filled = np.concatenate([slots != 0, slots != 0]).astype(np.int64)
        sums = np.concatenate([[0], np.cumsum(filled)])
        _need(bool((sums[home + probe] - sums[home] == probe).all()), "a name cannot be reached")

    # ---- what cells point to ---------------------------------------------------------------

    def _cells(self) -> None:
        cells = self._numbers("cells", "Q")
        choices = self.head["choices"]
        _need(len(cells) >= layout.FIRST_CELL + choices, "cells are missing")
        _need(int(cells[layout.ARENA_CELL]) <= self.head["arena_octets"], "more arena used than there is")
        pools = len(cells) - layout.FIRST_CELL - choices
        for at in np.unique(cells[layout.FIRST_CELL : layout.FIRST_CELL + choices]).tolist():
            _, refs = self._pick(at)
            _need(all(ref < pools for ref in refs), "a choice has no pool")
        for at in np.unique(cells[layout.FIRST_CELL + choices :]).tolist():
            kind, refs = self._pick(at)
            _need(kind != layout.REFUSED, "a pool without answers")
            for ref in refs:
                self._body(ref)

    def _span(self, at: int, size: int) -> None:
        """Raise unless the octets lie in the blobs or the arena in use."""
        blobs = self.head["blobs_offset"]
        arena = self.head["arena_offset"]
        used = int(self._numbers("cells", "Q")[layout.ARENA_CELL])
        inside = blobs <= at <= at + size <= blobs + self.head["blobs_octets"]
        _need(at % 4 == 0, "a record is not aligned")
        _need(inside or arena <= at <= at + size <= arena + used, "a record is out of bounds")

    def _pick(self, at: int) -> tuple[int, list[int]]:
        shape = layout.PICK.struct
        self._span(at, shape.size)
        kind, count, _ = shape.unpack_from(self.view, at)
        _need(kind in (layout.WEIGHTED, layout.STICKY, layout.REFUSED), "a pick of no kind")
        _need((count == 0) == (kind == layout.REFUSED), "a pick of nothing")
        tail = 2 * STICKY_SLOTS if kind == layout.STICKY else 4 * count
        self._span(at, shape.size + 4 * count + tail)
        start = at + shape.size
        refs = np.frombuffer(self.view, "<u4", count, start)
        if kind == layout.STICKY:
            slots = np.frombuffer(self.view, "<u2", STICKY_SLOTS, start + 4 * count)
            _need(int(slots.max()) < count, "a slot of nothing")
        elif kind == layout.WEIGHTED:
            ends = np.frombuffer(self.view, "<u4", count, start + 4 * count)
            _need(int(ends[-1]) == FULL and bool((ends[1:] > ends[:-1]).all()), "weights are not cumulative")
        return kind, refs.tolist()

    def _body(self, at: int) -> None:
        if at in self.bodies:
            return
        shape = layout.BODY.struct
        self._span(at, shape.size)
        answer, authority, additional, optional, octets, optional_octets, fixups, stride = (
            shape.unpack_from(self.view, at)
        )
        self._span(at, shape.size + 2 * fixups + octets)
        places = np.frombuffer(self.view, "<u2", fixups, at + shape.size).astype(np.int64)
        if fixups:
            _need(bool((places[1:] >= places[:-1] + 2).all()), "pointers overlap")
            _need(int(places[-1]) + 2 <= octets, "a pointer is out of bounds")
        _need(optional_octets <= octets, "more optional octets than there are")
        _need(bool(optional) == bool(optional_octets), "optional records without octets")
        _need(answer * stride <= octets, "answers are shorter than they say")
        _need(answer + authority + additional + optional <= MAX_BODY_RECORDS, "too many records")
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
