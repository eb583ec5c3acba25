"""Proves that octets are an answer table, before anybody answers from them.

Its maker does so once, before it lies on disk. After `verify` found nothing, a reader needs no check
of its own: every offset, count and index that it can reach is in bounds, every search is bounded,
every weight ends where a draw can end. On disk it may be cut short or damaged, or be a table of
another version: that is what `gslb.answers.damage` finds, each time that somebody opens it.
"""

from __future__ import annotations

from itertools import pairwise
from typing import Any
from zlib import crc32

import numpy as np
import numpy.typing as npt

from gslb.answers import layout
from gslb.answers.buckets import bucket_index
from gslb.answers.damage import BadTableError, Inspector, need

_CODES = {"B": "u1", "H": "<u2", "I": "<u4", "Q": "<u8"}
MAX_LABEL = 63  # RFC 1035 section 3.1
_WILD = b"\x01*"


def verify(octets: Any) -> list[str]:
    """Return what keeps *octets* from being an answer table; nothing when they are one.

    It stops at the first problem: what stands behind that could not be judged. *octets* may be
    patched meanwhile.
    """
    try:
        _Verifier(memoryview(octets)).run()
    except BadTableError as error:
        return [str(error)]
    return []


class _Verifier(Inspector):
    def __init__(self, view: memoryview) -> None:
        super().__init__(view)
        self.map_tops: list[int] = []  # the greatest class of each map
        self.steers = self.typesets = 0

    def run(self) -> None:
        self.inspect_header()
        self._maps()
        self._steers()
        self._typesets()
        self._names(self._zones())
        self.inspect_cells()

    # ---- sections --------------------------------------------------------------------------

    def _rows(self, section: str, record: layout.Record) -> npt.NDArray[np.void]:
        kind = np.dtype([(name, _CODES[code]) for name, code in record.fields])
        return self._section(section, kind)

    def _numbers(self, section: str, code: str) -> npt.NDArray[Any]:
        return self._section(section, np.dtype(_CODES[code]))

    def _section(self, section: str, kind: np.dtype[Any]) -> npt.NDArray[Any]:
        offset, size = self.head[f"{section}_offset"], self.head[f"{section}_octets"]
        need(size % kind.itemsize == 0, f"section {section} has a part of a record")
        return np.frombuffer(self.view, kind, size // kind.itemsize, offset)

    # ---- maps and steers -------------------------------------------------------------------

    def _maps(self) -> None:
        for row in self._rows("maps", layout.MAP).tolist():
            top4 = self._half(row[:4], row[8], 32, "I")
            top6 = self._half(row[4:8], row[9], 64, "Q")
            self.map_tops.append(max(top4, top6))

    def _half(self, half: tuple[int, ...], bits: int, width: int, code: str) -> int:
        count, starts, classes, buckets = half
        need(count >= 1, "a prefix map without ranges")
        need(bits <= layout.MAX_BUCKET_BITS, "too many buckets")
        ranges = self._mapdata(starts, count, code)
        rising = bool((ranges[1:] > ranges[:-1]).all())
        need(ranges[0] == 0 and rising, "ranges are not in order")
        index = self._mapdata(buckets, 2**bits + 1, "I")
        fits = np.array_equal(index, bucket_index(ranges, bits, width))
        need(fits, "the bucket index does not fit the ranges")
        return int(self._mapdata(classes, count, "H").max())

    def _mapdata(self, at: int, count: int, code: str) -> npt.NDArray[Any]:
        kind = np.dtype(_CODES[code])
        low = self.head["mapdata_offset"]
        high = low + self.head["mapdata_octets"]
        need(at % kind.itemsize == 0, "a map is not aligned")
        need(low <= at and at + count * kind.itemsize <= high, "a map is out of bounds")
        return np.frombuffer(self.view, kind, count, at)

    def _steers(self) -> None:
        links = self._numbers("links", "I")
        rows = self._rows("steers", layout.STEER)
        self.steers = len(rows)
        maps = len(self.map_tops)
        for views, view_count, choices, choice_count, resolvers, _ in rows.tolist():
            need(view_count >= 1 and views + view_count <= len(links), "views out of bounds")
            fits = choice_count >= 1 and choices + choice_count <= len(links)
            need(fits, "choices out of bounds")
            for number in links[views : views + view_count].tolist():
                need(number < maps, "a view has no map")
                need(self.map_tops[number] < choice_count, "a class has no choice")
            greatest = links[choices : choices + choice_count].max()
            need(greatest < self.head["choices"], "a choice has no cell")
            if resolvers:
                need(resolvers <= maps, "the map of resolvers is missing")
                need(self.map_tops[resolvers - 1] < view_count, "a resolver has no view")

    # ---- names -----------------------------------------------------------------------------

    def _typesets(self) -> None:
        rows = self._rows("typesets", layout.TYPESET)
        entries = self._rows("entries", layout.ENTRY)
        self.typesets = len(rows)
        rtypes = entries["rtype"].tolist()
        for first, count in rows.tolist():
            need(first + count <= len(rtypes), "types out of bounds")
            own = rtypes[first : first + count]
            need(all(a < b for a, b in pairwise(own)), "types are not in order")
        for _, kind, ref in entries.tolist():
            need(kind in {layout.STATIC, layout.STEERED}, "an entry of no kind")
            if kind == layout.STATIC:
                self.inspect_body(ref)
            else:
                need(ref < self.steers, "an entry has no steer")

    def _zones(self) -> list[bytes]:
        """Return the apexes."""
        low = self.head["names_offset"]
        high = low + self.head["names_octets"]
        apexes = []
        for at, _, negative, size, _, _ in self._rows("zones", layout.ZONE).tolist():
            need(low <= at and at + size <= high, "an apex is out of bounds")
            apex = bytes(self.view[at : at + size])
            need(_well_formed(apex, self.head["max_labels"]), f"malformed apex {apex!r}")
            need(not apex.startswith(_WILD), "a zone at a wildcard")
            self.inspect_body(negative)
            apexes.append(apex)
        need(apexes, "no zone")
        return apexes

    def _names(self, apexes: list[bytes]) -> None:
        nodes = self._rows("nodes", layout.NODE)
        need(len(nodes) >= len(apexes), "a zone without names")
        low, octets = self.head["names_offset"], self.head["names_octets"]
        starts, sizes = nodes["name"].astype(np.int64) - low, nodes["name_octets"].astype(np.int64)
        within = (starts >= 0) & (starts + sizes <= octets)
        need(bool(within.all()), "a name is out of bounds")
        need(int(nodes["zone"].max()) < len(apexes), "a name is in no zone")
        need(int(nodes["typeset"].max()) < self.typesets, "a name has no types")
        for cut in np.unique(nodes["cut"]).tolist():
            if cut:
                self.inspect_body(cut)
        self._labels(starts, sizes, low, octets)
        text = bytes(self.view[low : low + octets])
        names: set[bytes] = set()
        hashes = []
        places = zip(starts.tolist(), sizes.tolist(), nodes["zone"].tolist(), strict=True)
        for start, size, zone in places:
            name = text[start : start + size]
            # Pointers to the apex inside the question rest on this.
            need(name.endswith(apexes[zone]), f"{name!r} is in another zone")
            names.add(name)
            hashes.append(crc32(name))
        need(len(names) == len(nodes), "a name is there twice")
        need(names.issuperset(apexes), "an apex is no name")
        self._slots(np.array(hashes, np.uint64))

    def _labels(
        self, starts: npt.NDArray[np.int64], sizes: npt.NDArray[np.int64], low: int, octets: int
    ) -> None:
        """Every name ends where its labels do, all of them stepped through together."""
        text = np.frombuffer(self.view, np.uint8, octets, low)
        need(bool((sizes > 0).all()), "malformed name b''")
        at, last, left = starts, starts + sizes - 1, self.head["max_labels"]
        while len(at):  # those that have a label here; at most as often as a name has labels
            lengths = text[at]
            ends = at == last
            need(bool((ends == (lengths == 0)).all()), "malformed name: it does not end at its end")
            at, last, lengths = at[~ends], last[~ends], lengths[~ends]
            at = at + lengths + 1
            fits = bool((lengths <= MAX_LABEL).all() and (at <= last).all())
            need(fits and (left or not len(at)), "malformed name: a label is too long, or too many")
            left -= 1
        capital = (text >= ord("A")) & (text <= ord("Z"))  # no length octet is one
        need(not capital.any(), "malformed name: not in lower case")

    def _slots(self, hashes: npt.NDArray[np.uint64]) -> None:
        """Every node is found, and every search ends within the longest probe."""
        slots = self._numbers("slots", "Q")
        mask = self.head["slot_mask"]
        need(len(slots) == mask + 1 and mask & (mask + 1) == 0, "the hash table's size is off")
        used, empty = np.flatnonzero(slots), np.flatnonzero(slots == 0)
        need(len(used) == len(hashes), "the hash table does not hold the names")
        need(len(empty), "the hash table is full")
        longest = int(np.diff(empty, append=empty[0] + len(slots)).max())
        need(longest <= self.head["max_probe"] <= layout.MAX_PROBE, "a search is too long")
        number = (slots[used] & np.uint64(0xFFFFFFFF)).astype(np.int64) - 1
        within = (number >= 0) & (number < len(hashes))
        need(bool(within.all()), "a slot has no node")
        need(len(np.unique(number)) == len(hashes), "a node has two slots")
        same = slots[used] >> np.uint64(32) == hashes[number]
        need(bool(same.all()), "a slot has another hash")
        home = (hashes[number] & np.uint64(mask)).astype(np.int64)
        probe = (used - home) % len(slots)
        # From its home to its slot no slot may be empty, or the search would stop before it.
        filled = np.concatenate([[0], np.cumsum(np.tile(slots != 0, 2))])
        reached = filled[home + probe] - filled[home] == probe
        need(bool(reached.all()), "a name cannot be reached")


def _well_formed(name: bytes, max_labels: int) -> bool:
    """Return whether *name* is a wire-form name in lower case with at most *max_labels* labels."""
    at = labels = 0
    while at < len(name) and name[at]:
        if name[at] > 63:
            return False
        at += name[at] + 1
        labels += 1
    return at == len(name) - 1 and labels <= max_labels and name.lower() == name
