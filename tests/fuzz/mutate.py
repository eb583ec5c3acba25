"""Damage to answer tables that knows their layout, under right checksums: what a verifier must judge.

A flipped bit is found by the checksums, so whatever is changed here is sealed again. Half of the
changes are mended besides (a hash table or a bucket index made anew), so that they get further.
"""

from __future__ import annotations

import random
import struct
from collections.abc import Callable
from typing import Final
from zlib import crc32

import numpy as np

from gslb.answers import layout
from gslb.answers.buckets import bucket_index
from gslb.answers.layout import checksum
from gslb.answers.model import STICKY_SLOTS

ROWS: Final = {
    "zones": layout.ZONE, "slots": layout.SLOT, "nodes": layout.NODE, "typesets": layout.TYPESET,
    "entries": layout.ENTRY, "steers": layout.STEER, "maps": layout.MAP,
}  # fmt: skip
WIDTHS: Final = {"B": 1, "H": 2, "I": 4, "Q": 8}
MAX_MUTATIONS: Final = 3


class Mutant:
    """One table being damaged; ask for `octets` when it is done."""

    def __init__(self, octets: bytes | bytearray, chance: random.Random) -> None:
        self.octets = bytearray(octets)
        self.chance = chance
        names = [name for name, _ in layout.HEADER.fields]
        values = layout.HEADER.struct.unpack_from(self.octets, 0)
        self.head: dict[str, int] = dict(zip(names, values, strict=True))
        self._kinds: tuple[Callable[[], None], ...] = (
            self._row, self._row, self._row, self._copied_row, self._header, self._word, self._word,
            self._octet, self._body, self._body, self._pick, self._pick, self._map, self._cell,
            self._name, self._resized_section,
        )  # fmt: skip

    def mutate(self) -> bytearray:
        """Change one to three things, seal, and return the octets."""
        for _ in range(self.chance.randint(1, MAX_MUTATIONS)):
            self.chance.choice(self._kinds)()
        if self.chance.random() < 0.5:
            self._mend_slots()
        end = self.number("cells_offset")
        if end <= len(self.octets):
            at = layout.HEADER.offset("checksum")
            self.octets[at : at + 16] = checksum(self.octets, end)
        return self.octets

    # ---- reading and writing, wherever that may lead ------------------------------------------

    def get(self, at: int, width: int) -> int:
        return int.from_bytes(self.octets[at : at + width], "little")

    def put(self, at: int, width: int, value: int) -> None:
        if at + width <= len(self.octets):
            value &= (1 << 8 * width) - 1
            self.octets[at : at + width] = value.to_bytes(width, "little")

    def number(self, field: str) -> int:
        """Return a field of the header as it is now."""
        width = WIDTHS[dict(layout.HEADER.fields)[field]]
        return self.get(layout.HEADER.offset(field), width)

    def other(self, value: int, width: int) -> int:
        """Return a number in place of *value* that may be just wrong."""
        chance, top = self.chance, (1 << 8 * width) - 1
        section = chance.choice(layout.SECTIONS)
        edge = self.head[f"{section}_offset"]
        if chance.random() < 0.5:
            edge += self.head[f"{section}_octets"]
        return chance.choice(
            (
                value + chance.choice((1, 2, 4, 8, 16, 20, 24, 40)),
                value - chance.choice((1, 2, 4, 8, 16, 20, 24, 40)),
                value * 2, value // 2, 0, 1, 2, top, top - 1, top // 2 + 1,
                edge + chance.randint(-8, 8), chance.randint(0, 40), chance.randint(0, top),
            )
        )  # fmt: skip

    # ---- kinds of damage ----------------------------------------------------------------------

    def _some_row(self, section: str) -> int:
        size = ROWS[section].struct.size
        rows = self.head[f"{section}_octets"] // size
        return self.head[f"{section}_offset"] + size * self.chance.randrange(max(1, rows))

    def _row(self) -> None:
        """One field of a record becomes another number, or that of a sibling."""
        section = self.chance.choice(list(ROWS))
        record = ROWS[section]
        name, code = self.chance.choice(record.fields)
        at, width = self._some_row(section) + record.offset(name), WIDTHS[code]
        if self.chance.random() < 0.4:
            self.put(at, width, self.get(self._some_row(section) + record.offset(name), width))
        else:
            self.put(at, width, self.other(self.get(at, width), width))

    def _copied_row(self) -> None:
        section = self.chance.choice(list(ROWS))
        size = ROWS[section].struct.size
        one, two = self._some_row(section), self._some_row(section)
        self.octets[one : one + size], self.octets[two : two + size] = (
            self.octets[two : two + size],
            self.octets[one : one + size],
        )

    def _header(self) -> None:
        fields = [(name, code) for name, code in layout.HEADER.fields if code in WIDTHS]
        name, code = self.chance.choice(fields)
        at, width = layout.HEADER.offset(name), WIDTHS[code]
        self.put(at, width, self.other(self.get(at, width), width))

    def _resized_section(self) -> None:
        """A border between two sections moves, so that one has more rows and the other fewer."""
        at = self.chance.randrange(len(layout.SECTIONS) - 1)
        step = layout.ALIGN * self.chance.choice((1, 2, 3, 5)) * self.chance.choice((1, -1))
        for name, by in (
            (f"{layout.SECTIONS[at]}_octets", step),
            (f"{layout.SECTIONS[at + 1]}_offset", step),
            (f"{layout.SECTIONS[at + 1]}_octets", -step),
        ):
            self.put(layout.HEADER.offset(name), 4, self.number(name) + by)

    def _word(self) -> None:
        """A link, a cell, or a number of a map becomes another, or a sibling's."""
        section, width = self.chance.choice(
            (("links", 4), ("cells", 8), ("mapdata", 2), ("mapdata", 4), ("mapdata", 8))
        )
        count = max(1, self.head[f"{section}_octets"] // width)
        start = self.head[f"{section}_offset"]
        one, two = (start + width * self.chance.randrange(count) for _ in range(2))
        value = self.get(two, width)
        self.put(one, width, value if self.chance.random() < 0.5 else self.other(value, width))

    def _octet(self) -> None:
        at = self.chance.randrange(self.head["cells_offset"] + self.head["cells_octets"])
        self.octets[at] = self.chance.choice(
            (0, 1, 2, 0x7F, 0x80, 0xFF, self.chance.randrange(256))
        )

    def _name(self) -> None:
        start, size = self.head["names_offset"], self.head["names_octets"]
        at = start + self.chance.randrange(max(1, size))
        self.octets[at] = self.chance.choice(
            (0, 1, 3, 63, 64, 0x41, 0x61, 0xC0, self.octets[at] + 1 & 255)
        )

    def _bodies(self) -> list[int]:
        found = [self.get(self._some_row("zones") + layout.ZONE.offset("negative"), 4)]
        entry = self._some_row("entries")
        if self.get(entry + layout.ENTRY.offset("kind"), 2) == layout.STATIC:
            found.append(self.get(entry + layout.ENTRY.offset("ref"), 4))
        pick = self._some_pick(pools=True)
        if self.get(pick + layout.PICK.offset("count"), 2):
            found.append(self.get(pick + layout.PICK.struct.size, 4))
        return found

    def _body(self) -> None:
        at = self.chance.choice(self._bodies())
        name, code = self.chance.choice(layout.BODY.fields[1:])
        field, width = at + layout.BODY.offset(name), WIDTHS[code]
        self.put(field, width, self.other(self.get(field, width), width))
        fixups = self.get(at + layout.BODY.offset("fixups"), 2)
        if fixups and self.chance.random() < 0.3:
            place = at + layout.BODY.struct.size + 2 * self.chance.randrange(fixups)
            self.put(place, 2, self.other(self.get(place, 2), 2))
            fixups = self.get(at + layout.BODY.offset("fixups"), 2)
        octets = self.get(at + layout.BODY.offset("octets"), 2)
        self._seal(at, layout.BODY.struct.size + 2 * fixups + octets)

    def _some_pick(self, pools: bool) -> int:
        first = layout.FIRST_CELL
        count = self.head["cells_octets"] // 8
        if pools:
            first += self.head["choices"]
        else:
            count = first + self.head["choices"]
        number = self.chance.randrange(first, max(first + 1, count))
        return self.get(self.head["cells_offset"] + 8 * number, 8)

    def _pick(self) -> None:
        at = self._some_pick(self.chance.random() < 0.5)
        size = layout.PICK.struct.size
        count = self.get(at + layout.PICK.offset("count"), 2)
        if self.chance.random() < 0.4 or not count:
            name, code = self.chance.choice(layout.PICK.fields[1:])
            field, width = at + layout.PICK.offset(name), WIDTHS[code]
            self.put(field, width, self.other(self.get(field, width), width))
        elif self.chance.random() < 0.6:
            field = at + size + 4 * self.chance.randrange(count)
            self.put(field, 4, self.other(self.get(field, 4), 4))
        else:
            field = at + size + 4 * count + 2 * self.chance.randrange(STICKY_SLOTS)
            self.put(field, 2, self.other(self.get(field, 2), 2))
        count = self.get(at + layout.PICK.offset("count"), 2)
        kind = self.get(at + layout.PICK.offset("kind"), 2)
        tail = 2 * STICKY_SLOTS if kind == layout.STICKY else 4 * count
        self._seal(at, size + 4 * count + tail)

    def _seal(self, at: int, size: int) -> None:
        if 0 < at <= at + size <= len(self.octets):
            self.put(at, 4, crc32(self.octets[at + layout.CHECKED_FROM : at + size]))

    def _cell(self) -> None:
        """A record goes to the arena, at its very end at times, and a cell points to it."""
        chance, head = self.chance, self.head
        source = chance.choice([*self._bodies(), self._some_pick(True), self._some_pick(False)])
        size = chance.choice((8, 16, 20, 28, 64, 2064))
        used = self.get(head["cells_offset"] + 8 * layout.ARENA_CELL, 8)
        place = head["arena_offset"] + chance.choice((used, head["arena_octets"] - size, used + 4))
        if not 0 <= place <= len(self.octets) - size:
            return
        self.octets[place : place + size] = self.octets[source : source + size].ljust(size, b"\0")
        behind = place + size - head["arena_offset"] + chance.choice((0, 0, 0, -1, -4, 4))
        self.put(head["cells_offset"] + 8 * layout.ARENA_CELL, 8, behind)
        number = chance.randrange(layout.FIRST_CELL, max(3, head["cells_octets"] // 8))
        self.put(head["cells_offset"] + 8 * number, 8, place)

    def _map(self) -> None:
        """A prefix map gets another count or other bounds, and a bucket index that fits them."""
        at = self._some_row("maps")
        six = self.chance.random() < 0.5
        tail, code, bits_at = ("6", "<u8", "bits6") if six else ("4", "<u4", "bits4")
        width = 64 if six else 32
        field = at + layout.MAP.offset("count" + tail)
        if self.chance.random() < 0.6:
            self.put(field, 4, self.get(field, 4) + self.chance.choice((-1, 1, 2, -2)))
        if self.chance.random() < 0.3:
            place = at + layout.MAP.offset(bits_at)
            self.put(place, 1, self.get(place, 1) + self.chance.choice((-1, 1)))
        count, bits = self.get(field, 4), self.get(at + layout.MAP.offset(bits_at), 1)
        start = self.get(at + layout.MAP.offset("starts" + tail), 4)
        index = self.get(at + layout.MAP.offset("buckets" + tail), 4)
        size = count * width // 8
        if not count or bits > layout.MAX_BUCKET_BITS or start + size > len(self.octets):
            return
        starts = np.frombuffer(bytes(self.octets[start : start + size]), code)
        made = bucket_index(starts, bits, width).tobytes()
        if index + len(made) <= len(self.octets):
            self.octets[index : index + len(made)] = made

    def _mend_slots(self) -> None:
        """Make the hash table anew from the names that the nodes have now, if it has room."""
        start, size = self.number("slots_offset"), self.number("slots_octets")
        mask, node_at = self.number("slot_mask"), self.number("nodes_offset")
        count = self.number("nodes_octets") // layout.NODE.struct.size
        if mask + 1 != size // 8 or count >= mask or start + size > len(self.octets):
            return
        slots = [0] * (mask + 1)
        for number in range(count):
            row = node_at + number * layout.NODE.struct.size
            name = self.get(row + layout.NODE.offset("name"), 4)
            octets = self.get(row + layout.NODE.offset("name_octets"), 1)
            value = crc32(self.octets[name : name + octets])
            at = value & mask
            while slots[at]:
                at = (at + 1) & mask
            slots[at] = value << 32 | number + 1
        struct.pack_into(f"<{mask + 1}Q", self.octets, start, *slots)
