"""An answer table as octets, from its content. Deterministic: same content, same octets.

The invariants that readers rest on are made here and proved by `verify`: bounded probes, sorted
typesets and ranges, cumulative weights that end at 2³² − 1, bodies that fit their counts.
"""

from __future__ import annotations

import hashlib
from array import array
from collections.abc import Iterable, Sequence
from zlib import crc32

import numpy as np
import numpy.typing as npt

from gslb.answers import layout
from gslb.answers.model import Body, Choice, Pool, PrefixMap, Steer, TableContent, Typeset
from gslb.answers.pick import cumulate
from gslb.errors import GslbError

MIN_ARENA = 1 << 20  # octets kept free for patches, at least
ARENA_TIMES = 4  # or this many times the octets of what patches replace


def pack(content: TableContent, generation: int, built_at: int) -> bytearray:
    """Return *content* as a table of *generation*; *built_at* is in seconds since 1970.

    Raises GslbError when the table would pass a limit of the layout.
    """
    return _Packer(content).pack(generation, built_at)


def pick_octets(refs: Sequence[int], weights: Sequence[float], slots: Sequence[int]) -> bytes:
    """Return a choice's or pool's record: weighted, sticky when there are *slots*, refused when empty."""
    if not refs:
        return layout.PICK.struct.pack(layout.REFUSED, 0, 0)
    kind = layout.STICKY if slots else layout.WEIGHTED
    tail = array("H", slots) if slots else array("I", cumulate(weights))
    if not slots and len(weights) != len(refs):
        raise ValueError(f"{len(refs)} alternatives, {len(weights)} weights")
    return layout.PICK.struct.pack(kind, len(refs), 0) + array("I", refs).tobytes() + tail.tobytes()


def body_octets(body: Body) -> bytes:
    """Return a body's record. Raises GslbError when it would not fit a DNS message."""
    if len(body.octets) > 65_535:
        raise GslbError(f"an answer of {len(body.octets)} octets does not fit a DNS message")
    head = layout.BODY.struct.pack(
        body.answer,
        body.authority,
        body.additional,
        body.optional,
        len(body.octets),
        body.optional_octets,
        len(body.fixups),
        body.stride,
    )
    return head + array("H", body.fixups).tobytes() + body.octets


def checksum(octets: bytes | bytearray | memoryview, end: int) -> bytes:
    """Return BLAKE2b (16 octets) of the immutable part, its own place as zeros."""
    at = layout.HEADER.offset("checksum")
    digest = hashlib.blake2b(digest_size=16)
    view = memoryview(octets)
    digest.update(view[:at])
    digest.update(bytes(16))
    digest.update(view[at + 16 : end])
    return digest.digest()


class _Blobs:
    """Records that are pointed to; equal ones are kept once."""

    def __init__(self) -> None:
        self.octets = bytearray()
        self._known: dict[bytes, int] = {}

    def add(self, record: bytes) -> int:
        """Return the offset of *record* within the section."""
        known = self._known.get(record)
        if known is None:
            self.octets += bytes(-len(self.octets) % 4)
            known = self._known[record] = len(self.octets)
            self.octets += record
        return known


class _Packer:
    def __init__(self, content: TableContent) -> None:
        self.content = content
        self.blobs = _Blobs()
        self.sections: dict[str, bytes | bytearray | memoryview] = {}
        self.max_probe = self.max_labels = 0

    def pack(self, generation: int, built_at: int) -> bytearray:
        # Offsets into blobs and names are within their section until all sizes are known.
        content = self.content
        mapdata = _MapData()
        maps = [mapdata.add(prefix_map) for prefix_map in content.maps]
        typesets, entries = self._typesets(content.typesets)
        steers, links = _steers(content.steers)
        zones, nodes, names, slots = self._names()
        before = len(self.blobs.octets)
        picks = [self._choice(choice) for choice in content.choices]
        picks += [self._pool(pool) for pool in content.pools]
        dynamic = len(self.blobs.octets) - before
        arena = -(-max(MIN_ARENA, ARENA_TIMES * dynamic) // layout.ALIGN) * layout.ALIGN

        sizes = {
            "zones": zones.nbytes, "slots": slots.nbytes, "nodes": nodes.nbytes, "names": len(names),
            "typesets": typesets.nbytes, "entries": entries.nbytes, "steers": steers.nbytes,
            "links": links.nbytes, "maps": len(maps) * layout.MAP.struct.size,
            "mapdata": len(mapdata.octets), "blobs": len(self.blobs.octets),
            "cells": 8 * (layout.FIRST_CELL + len(picks)), "arena": arena,
        }  # fmt: skip
        offsets, total = _place(sizes)
        if total > layout.MAX_OCTETS:
            raise GslbError(f"the answer table would have {total} octets; the limit is {layout.MAX_OCTETS}")

        blobs = offsets["blobs"]
        zones["negative"] += blobs
        nodes["name"] += offsets["names"]
        nodes["cut"] = np.where(nodes["cut"] > 0, nodes["cut"] - 1 + blobs, 0)
        entries["ref"] += np.where(entries["kind"] == layout.STATIC, blobs, 0).astype(np.uint32)
        zones["apex"] = nodes["name"][zones["apex"]]
        self._relocate_pools(picks[len(content.choices) :], blobs)
        cells = np.zeros(layout.FIRST_CELL + len(picks), np.uint64)
        cells[layout.FIRST_CELL :] = np.array(picks, np.uint64) + np.uint64(blobs)

        table = bytearray(total)
        parts: dict[str, bytes] = {
            "zones": zones.tobytes(), "slots": slots.tobytes(), "nodes": nodes.tobytes(), "names": bytes(names),
            "typesets": typesets.tobytes(), "entries": entries.tobytes(), "steers": steers.tobytes(),
            "links": links.tobytes(),
            "maps": b"".join(_map_record(m, offsets["mapdata"]) for m in maps),
            "mapdata": bytes(mapdata.octets), "blobs": bytes(self.blobs.octets), "cells": cells.tobytes(),
        }  # fmt: skip
        for name, octets in parts.items():
            table[offsets[name] : offsets[name] + len(octets)] = octets
        places = [value for name in layout.SECTIONS for value in (offsets[name], sizes[name])]
        origin = content.origin.encode()[:32]
        head = (layout.MAGIC, layout.VERSION, layout.HEADER.struct.size, total, generation, built_at,
                len(slots) - 1, self.max_probe, self.max_labels, len(content.choices), origin)  # fmt: skip
        layout.HEADER.struct.pack_into(table, 0, *head, bytes(16), *places)
        layout.HEADER.struct.pack_into(
            table, 0, *head, checksum(table, offsets["cells"]), *places
        )
        return table

    def _typesets(self, typesets: Sequence[Typeset]) -> tuple[_Array, _Array]:
        heads, rows = [], []
        for typeset in typesets:
            own = [(rtype, layout.STATIC, self.blobs.add(body_octets(body))) for rtype, body in typeset.static.items()]
            own += [(rtype, layout.STEERED, steer) for rtype, steer in typeset.steered.items()]
            own.sort()
            if any(a[0] == b[0] for a, b in zip(own, own[1:], strict=False)):
                raise ValueError(f"a type is both static and steered: {own}")
            heads.append((len(rows), len(own)))
            rows += own
        return _rows(heads, layout.TYPESET), _rows(rows, layout.ENTRY)

    def _names(self) -> tuple[_Array, _Array, bytearray, _Array]:
        """Lay out zones, nodes and names. A name that two zones have belongs to the deeper one."""
        names = bytearray()
        node_rows: list[tuple[int, int, int, int, int, int]] = []
        zone_rows: list[tuple[int, int, int, int, int, int]] = []
        hashes = array("I")
        seen: set[bytes] = set()
        nested = len(self.content.zones) > 1
        order = sorted(self.content.zones, key=lambda zone: (-len(zone.apex), zone.apex))
        for number, zone in enumerate(order):
            apex = None
            cuts = {name: self.blobs.add(body_octets(body)) + 1 for name, body in zone.cuts.items()}
            for name, typeset in zone.names:
                if nested:
                    if name in seen:
                        continue
                    seen.add(name)
                if name == zone.apex:
                    apex = len(node_rows)
                node_rows.append((len(names), typeset, cuts.get(name, 0), number, len(name), 0))
                names += name
                hashes.append(crc32(name))
                self.max_labels = max(self.max_labels, _labels(name))
            if apex is None:
                raise ValueError(f"zone {zone.apex!r} does not list its apex")
            negative = self.blobs.add(body_octets(zone.negative))
            flags = layout.ZONE_ECS if zone.ecs else 0
            zone_rows.append((apex, zone.serial, negative, len(zone.apex), flags, 0))
        slots = self._slots(np.frombuffer(hashes, np.uint32))
        return _rows(zone_rows, layout.ZONE), _rows(node_rows, layout.NODE), names, slots

    def _slots(self, hashes: npt.NDArray[np.uint32]) -> _Array:
        """Open addressing at a load of a half at most; larger until each probe is short enough."""
        size = 1 << max(1, (2 * len(hashes) - 1).bit_length())
        while True:
            table = [0] * size
            mask, longest = size - 1, 0
            for node, number in enumerate(hashes.tolist(), 1):
                at = number & mask
                probe = 1
                while table[at]:
                    at = (at + 1) & mask
                    probe += 1
                table[at] = number << 32 | node
                longest = max(longest, probe)
            if longest <= layout.MAX_PROBE:
                self.max_probe = longest
                return np.array(table, np.uint64)
            if size > 64 * max(64, len(hashes)):
                raise GslbError("too many names have the same hash")
            size *= 2

    def _choice(self, choice: Choice) -> int:
        pools = () if choice.refused else choice.pools
        return self.blobs.add(pick_octets(pools, choice.weights, choice.slots))

    def _pool(self, pool: Pool) -> int:
        """Pools hold offsets: they are kept apart from equal octets of a choice, and relocated later."""
        refs = [self.blobs.add(body_octets(body)) for body in pool.bodies]
        record = pick_octets(refs, pool.weights, pool.slots)
        self.blobs.octets += bytes(-len(self.blobs.octets) % 4)
        at = len(self.blobs.octets)
        self.blobs.octets += record
        return at

    def _relocate_pools(self, pools: Iterable[int], base: int) -> None:
        octets, head = self.blobs.octets, layout.PICK.struct
        for at in pools:
            _, count, _ = head.unpack_from(octets, at)
            refs = np.frombuffer(octets, np.uint32, count, at + head.size) + np.uint32(base)
            octets[at + head.size : at + head.size + 4 * count] = refs.tobytes()


_Array = npt.NDArray[np.void]


def _rows(rows: Sequence[tuple[int, ...]], record: layout.Record) -> _Array:
    codes = {"B": "u1", "H": "<u2", "I": "<u4", "Q": "<u8"}
    return np.array(rows, np.dtype([(name, codes[code]) for name, code in record.fields]))


def _labels(name: bytes) -> int:
    """Return how many labels *name* has, the root not counted."""
    count = at = 0
    while name[at]:
        at += name[at] + 1
        count += 1
    return count


def _steers(steers: Sequence[Steer]) -> tuple[_Array, npt.NDArray[np.uint32]]:
    rows, links = [], array("I")
    shared: dict[tuple[int, ...], int] = {}

    def run(numbers: tuple[int, ...]) -> int:
        if numbers not in shared:
            shared[numbers] = len(links)
            links.extend(numbers)
        return shared[numbers]

    for steer in steers:
        flags = layout.STEER_STICKY * steer.sticky | layout.STEER_IGNORE_ECS * steer.ignore_ecs
        resolvers = 0 if steer.resolvers is None else steer.resolvers + 1
        rows.append((run(steer.views), len(steer.views), run(steer.choices), len(steer.choices), resolvers, flags))
    return _rows(rows, layout.STEER), np.frombuffer(links, np.uint32) if links else np.zeros(0, np.uint32)


class _MapData:
    """The arrays of prefix maps; equal arrays are kept once."""

    def __init__(self) -> None:
        self.octets = bytearray()
        self._known: dict[bytes, int] = {}

    def add(self, prefix_map: PrefixMap) -> tuple[int, ...]:
        """Return the map's record with offsets within the section."""
        four = self._half(prefix_map.starts4.astype("<u4"), prefix_map.classes4, 32)
        six = self._half(prefix_map.starts6.astype("<u8"), prefix_map.classes6, 64)
        return (*four[:4], *six[:4], four[4], six[4], 0, 0)

    def _half(self, starts: npt.NDArray[np.unsignedinteger], classes: npt.NDArray[np.uint16], width: int) -> tuple[int, ...]:
        bits = min(layout.MAX_BUCKET_BITS, max(0, len(starts).bit_length() - 1))
        edges = [bucket << (width - bits) for bucket in range(2**bits)] + [2**width - 1]
        buckets = (np.searchsorted(starts, np.array(edges, starts.dtype), side="right") - 1).astype("<u4")
        return (
            len(starts),
            self._put(starts.tobytes()),
            self._put(classes.astype("<u2").tobytes()),
            self._put(buckets.tobytes()),
            bits,
        )

    def _put(self, octets: bytes) -> int:
        known = self._known.get(octets)
        if known is None:
            self.octets += bytes(-len(self.octets) % layout.ALIGN)
            known = self._known[octets] = len(self.octets)
            self.octets += octets
        return known


def _map_record(values: tuple[int, ...], base: int) -> bytes:
    fields = [name for name, _ in layout.MAP.fields]
    moved = [
        value + base if name.startswith(("starts", "classes", "buckets")) else value
        for name, value in zip(fields, values, strict=True)
    ]
    return layout.MAP.struct.pack(*moved)


def _place(sizes: dict[str, int]) -> tuple[dict[str, int], int]:
    """Return each section's offset, aligned, and the size of the whole."""
    offsets, at = {}, layout.HEADER.struct.size
    for name in layout.SECTIONS:
        at += -at % layout.ALIGN
        offsets[name] = at
        at += sizes[name]
    return offsets, at
