"""An answer table as octets, from its content. Deterministic: same content, same octets.

The invariants that readers rest on are made here and proved by `verify`: bounded probes, sorted
typesets and ranges, cumulative weights that end at 2³² − 1, bodies that fit their counts.
"""

from __future__ import annotations

from array import array
from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import pairwise
from zlib import crc32

import numpy as np
import numpy.typing as npt

from gslb.answers import layout
from gslb.answers.buckets import bucket_index
from gslb.answers.layout import checksum
from gslb.answers.model import Body, PrefixMap, Steer, TableContent, Typeset, ZoneContent
from gslb.answers.records import body_octets, choice_octets, pool_octets
from gslb.errors import GslbError

MIN_ARENA = 1 << 20  # octets kept free for patches, at least
ARENA_TIMES = 4  # or this many times the octets of what patches replace
MAX_ZONES = 65_535  # a node has its zone in 16 bits
MAX_SPARSENESS = 16  # slots to a name, at most, in the search for short probes

_Rows = npt.NDArray[np.void]
_Octets = bytes | bytearray | _Rows | npt.NDArray[np.unsignedinteger]


def pack(content: TableContent, generation: int, built_at: int) -> bytearray:
    """Return *content* as a table of *generation*; *built_at* is in seconds since 1970.

    Raises GslbError when the table would pass a limit of the layout, ValueError when the content
    contradicts itself.
    """
    return _Packer(content).pack(generation, built_at)


class _Pieces:
    """Octets one behind the other, aligned; equal pieces are kept once."""

    def __init__(self, align: int) -> None:
        self.octets = bytearray()
        self._align = align
        self._known: dict[bytes, int] = {}

    def add(self, piece: bytes) -> int:
        """Return the offset of *piece* within the section."""
        known = self._known.get(piece)
        if known is None:
            self.octets += bytes(-len(self.octets) % self._align)
            known = self._known[piece] = len(self.octets)
            self.octets += piece
        return known


class _Packer:
    """Offsets into names, mapdata and blobs are within their section until the sizes are known."""

    def __init__(self, content: TableContent) -> None:
        self.content = content
        self.blobs = _Pieces(4)
        self.max_probe = self.max_labels = 0

    def pack(self, generation: int, built_at: int) -> bytearray:
        content = self.content
        typesets, entries = self._typesets(content.typesets)
        zones, nodes, names, slots = self._names()
        steers, links = _steers(content.steers)
        mapdata = _Pieces(layout.ALIGN)
        maps = _rows([_map(prefix_map, mapdata) for prefix_map in content.maps], layout.MAP)
        parts: dict[str, _Octets] = {
            "zones": zones, "slots": slots, "nodes": nodes, "names": names, "typesets": typesets,
            "entries": entries, "steers": steers, "links": links, "maps": maps,
            "mapdata": mapdata.octets, "blobs": b"",
        }  # fmt: skip
        offsets, _ = _place(parts, {})
        before = len(self.blobs.octets)
        cells = self._cells(offsets["blobs"])
        arena = max(MIN_ARENA, ARENA_TIMES * (len(self.blobs.octets) - before))
        parts |= {"blobs": self.blobs.octets, "cells": cells}
        offsets, total = _place(parts, {"arena": -(-arena // layout.ALIGN) * layout.ALIGN})

        _relocate(zones, nodes, entries, maps, offsets)
        table = bytearray(total)
        for name, part in parts.items():
            octets = part.tobytes() if isinstance(part, np.ndarray) else part
            table[offsets[name] : offsets[name] + len(octets)] = octets
        sizes = {name: _size(part) for name, part in parts.items()}
        sizes["arena"] = total - offsets["arena"]
        places = [value for name in layout.SECTIONS for value in (offsets[name], sizes[name])]
        origin = content.origin.encode("ascii", "replace")[:32]
        head = (
            layout.MAGIC, layout.VERSION, layout.HEADER.struct.size, total, generation, built_at,
            len(slots) - 1, self.max_probe, self.max_labels, len(content.choices), origin,
        )  # fmt: skip
        layout.HEADER.struct.pack_into(table, 0, *head, bytes(16), *places)
        layout.HEADER.struct.pack_into(table, 0, *head, checksum(table, offsets["cells"]), *places)
        return table

    def _body(self, body: Body) -> int:
        return self.blobs.add(body_octets(body))

    def _typesets(self, typesets: Sequence[Typeset]) -> tuple[_Rows, _Rows]:
        heads: list[tuple[int, int]] = []
        rows: list[tuple[int, int, int]] = []
        for typeset in typesets:
            own = [(rtype, layout.STATIC, self._body(b)) for rtype, b in typeset.static.items()]
            own += [(rtype, layout.STEERED, steer) for rtype, steer in typeset.steered.items()]
            own.sort()
            if any(one[0] == other[0] for one, other in pairwise(own)):
                raise ValueError(f"a type is both static and steered: {own}")
            heads.append((len(rows), len(own)))
            rows += own
        return _rows(heads, layout.TYPESET), _rows(rows, layout.ENTRY)

    def _names(self) -> tuple[_Rows, _Rows, bytearray, npt.NDArray[np.uint64]]:
        """Lay out zones, nodes and names; `apex` of a zone is its node's index here; `pack` makes it an offset."""
        names = bytearray()
        node_rows: list[tuple[int, int, int, int, int, int]] = []
        zone_rows: list[tuple[int, int, int, int, int, int]] = []
        hashes = array("I")
        inner = _inner_zones(self.content.zones)
        order = sorted(self.content.zones, key=lambda zone: (-len(zone.apex), zone.apex))
        for number, zone in enumerate(order):
            apex = None
            cuts = {name: self._body(body) + 1 for name, body in zone.cuts.items()}
            for name, typeset in _own_names(zone, inner.get(zone.apex)):
                if name == zone.apex:
                    apex = len(node_rows)
                node_rows.append((len(names), typeset, cuts.get(name, 0), number, len(name), 0))
                names += name
                hashes.append(crc32(name))
                self.max_labels = max(self.max_labels, _labels(name))
            if apex is None:
                raise ValueError(f"zone {zone.apex!r} does not list its apex")
            flags = layout.ZONE_ECS if zone.ecs else 0
            negative = self._body(zone.negative)
            zone_rows.append((apex, zone.serial, negative, len(zone.apex), flags, 0))
        slots = self._slots(hashes)
        return _rows(zone_rows, layout.ZONE), _rows(node_rows, layout.NODE), names, slots

    def _slots(self, hashes: Sequence[int]) -> npt.NDArray[np.uint64]:
        """Open addressing at a load of a half at most; larger until every search is short enough.

        A seed would not help: names of one length that share a CRC share it from any start.
        """
        size = 1 << max(1, (2 * len(hashes) - 1).bit_length())
        while size <= MAX_SPARSENESS * max(layout.MAX_PROBE, len(hashes)):
            table = [0] * size
            mask = size - 1
            for node, number in enumerate(hashes, 1):
                at = number & mask
                while table[at]:
                    at = (at + 1) & mask
                table[at] = number << 32 | node
            slots = np.array(table, np.uint64)
            empty = np.flatnonzero(slots == 0)
            self.max_probe = int(np.diff(empty, append=empty[0] + size).max())
            if self.max_probe <= layout.MAX_PROBE:
                return slots
            size *= 2
        raise GslbError(f"too many of the {len(hashes)} names have the same CRC-32")

    def _cells(self, blobs: int) -> npt.NDArray[np.uint64]:
        """Add what cells point to; *blobs* is where the section begins."""
        pools = []
        for pool in self.content.pools:
            bodies = [blobs + self._body(body) for body in pool.bodies]
            pools.append(blobs + self.blobs.add(pool_octets(pool, bodies)))
        count = len(pools)
        choices = [blobs + self.blobs.add(choice_octets(c, count)) for c in self.content.choices]
        return np.array([0] * layout.FIRST_CELL + choices + pools, np.uint64)


def _rows(rows: Sequence[tuple[int, ...]], record: layout.Record) -> _Rows:
    codes = {"B": "u1", "H": "<u2", "I": "<u4", "Q": "<u8"}
    return np.array(rows, np.dtype([(name, codes[code]) for name, code in record.fields]))


def _labels(name: bytes) -> int:
    """Return how many labels *name* has, the root not counted."""
    count = at = 0
    while name[at]:
        at += name[at] + 1
        count += 1
    return count


def _parents(name: bytes) -> Iterator[bytes]:
    """Yield the names above *name*, the root last."""
    while name[0]:
        name = name[name[0] + 1 :]
        yield name


def _inner_zones(zones: Iterable[ZoneContent]) -> Mapping[bytes, set[bytes]]:
    """Return by apex the apexes of the zones below it."""
    apexes = [zone.apex for zone in zones]
    inner: dict[bytes, set[bytes]] = {apex: set() for apex in apexes}
    if len(inner) < len(apexes):
        raise ValueError("two zones have the same apex")
    if len(inner) > MAX_ZONES:
        raise GslbError(f"{len(inner)} zones; the answer table has room for {MAX_ZONES}")
    for apex in apexes:
        for parent in _parents(apex):
            if parent in inner:
                inner[parent].add(apex)
    return inner


def _own_names(zone: ZoneContent, inner: set[bytes] | None) -> Iterator[tuple[bytes, int]]:
    """Yield the zone's names, but not those at or below a zone within it: these are its own."""
    for name, typeset in zone.names:
        if inner and (name in inner or any(parent in inner for parent in _parents(name))):
            continue
        yield name, typeset


def _steers(steers: Sequence[Steer]) -> tuple[_Rows, npt.NDArray[np.uint32]]:
    rows: list[tuple[int, ...]] = []
    links: list[int] = []
    shared: dict[tuple[int, ...], int] = {}

    def run(numbers: tuple[int, ...]) -> int:
        if numbers not in shared:
            shared[numbers] = len(links)
            links.extend(numbers)
        return shared[numbers]

    for steer in steers:
        flags = layout.STEER_STICKY * steer.sticky | layout.STEER_IGNORE_ECS * steer.ignore_ecs
        resolvers = 0 if steer.resolvers is None else steer.resolvers + 1
        views, choices = steer.views, steer.choices
        rows.append((run(views), len(views), run(choices), len(choices), resolvers, flags))
    return _rows(rows, layout.STEER), np.array(links, np.uint32)


def _map(prefix_map: PrefixMap, data: _Pieces) -> tuple[int, ...]:
    """Return the map's record with offsets within *data*."""
    four = _half(prefix_map.starts4.astype("<u4"), prefix_map.classes4, 32, data)
    six = _half(prefix_map.starts6.astype("<u8"), prefix_map.classes6, 64, data)
    return (*four[:4], *six[:4], four[4], six[4], 0, 0)


def _half(
    starts: npt.NDArray[np.unsignedinteger],
    classes: npt.NDArray[np.uint16],
    width: int,
    data: _Pieces,
) -> tuple[int, int, int, int, int]:
    if len(starts) != len(classes):
        raise ValueError(f"{len(starts)} ranges, {len(classes)} classes")
    bits = min(layout.MAX_BUCKET_BITS, max(0, len(starts).bit_length() - 1))
    return (
        len(starts),
        data.add(starts.tobytes()),
        data.add(classes.astype("<u2").tobytes()),
        data.add(bucket_index(starts, bits, width).tobytes()),
        bits,
    )


def _relocate(
    zones: _Rows, nodes: _Rows, entries: _Rows, maps: _Rows, offsets: Mapping[str, int]
) -> None:
    """Turn offsets within sections into offsets within the table."""
    blobs = offsets["blobs"]
    zones["negative"] += blobs
    nodes["name"] += offsets["names"]
    nodes["cut"] = np.where(nodes["cut"] > 0, nodes["cut"] - 1 + blobs, 0)
    entries["ref"] += np.where(entries["kind"] == layout.STATIC, blobs, 0).astype(np.uint32)
    zones["apex"] = nodes["name"][zones["apex"]]
    for what in ("starts", "classes", "buckets"):
        for family in ("4", "6"):
            maps[what + family] += offsets["mapdata"]


def _size(part: _Octets) -> int:
    return part.nbytes if isinstance(part, np.ndarray) else len(part)


def _place(parts: Mapping[str, _Octets], room: Mapping[str, int]) -> tuple[dict[str, int], int]:
    """Return each section's offset, aligned, and the size of the whole; *room*: sections to come."""
    offsets, at = {}, layout.HEADER.struct.size
    for name in layout.SECTIONS:
        at += -at % layout.ALIGN
        offsets[name] = at
        at += _size(parts[name]) if name in parts else room.get(name, 0)
    if at > layout.MAX_OCTETS:
        raise GslbError(
            f"the answer table would have {at} octets; the limit is {layout.MAX_OCTETS}"
        )
    return offsets, at
