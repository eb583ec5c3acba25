"""The layout of the answer table, written down once: sections, record shapes, limits.

Little-endian, fixed-width, offsets in place of pointers (octets from the start of the file, 32 bits,
so a table is at most 4 GiB). `layout_include` renders the same facts as C constants for a reader
that is compiled.

    header · zones · slots · nodes · names · typesets · entries · steers · links · maps · mapdata
    · blobs                                                     immutable, under the checksum
    cells · arena                                               change while being read

A cell is one aligned 64-bit word that is stored at once; what it points to is complete before and
never changes after. Cell 0 counts the patches, cell 1 the octets of the arena in use; behind them
one cell for each choice and then for each pool.

A name is looked for at the slot `CRC-32(name) & slot_mask` (zlib's, from 0), then at the next ones
in a ring: every search, for a name that is there or not, ends within `max_probe` slots. What is
pointed to (picks, bodies) begins with the CRC-32 of the rest of it, for the verifier alone: after
a loss of power the pages of an arena are on disk in no order.
"""

from __future__ import annotations

import hashlib
import struct
import sys
from dataclasses import dataclass
from typing import Final

from gslb.answers.model import STICKY_SLOTS

MAGIC: Final = b"GSLBTBL1"
# Of the layout, and of what `verify` demands of it: a table on disk was verified by whoever made it.
VERSION: Final = 1
MAX_OCTETS: Final = 2**32 - 1  # offsets have 32 bits
MAX_PROBE: Final = 64  # slots looked at for a name, the empty one that ends it included
MAX_NAME_LABELS: Final = 127  # RFC 1035 section 2.3.4: 255 octets, two for the shortest label
MAX_BUCKET_BITS: Final = 16  # of a prefix map's bucket index
ALIGN: Final = 8

SECTIONS: Final = (
    "zones", "slots", "nodes", "names", "typesets", "entries", "steers", "links", "maps", "mapdata",
    "blobs", "cells", "arena",
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Record:
    """One record shape: its name, its fields with their struct codes, and how to read it."""

    name: str
    fields: tuple[tuple[str, str], ...]

    @property
    def struct(self) -> struct.Struct:
        """The shape as a `struct.Struct`."""
        return struct.Struct("<" + "".join(code for _, code in self.fields))

    def offset(self, field: str) -> int:
        """Return where *field* begins, in octets from the start of the record."""
        codes = ""
        for name, code in self.fields:
            if name == field:
                return struct.calcsize("<" + codes)
            codes += code
        raise KeyError(field)


HEADER: Final = Record(
    "header",
    (
        ("magic", "8s"),
        ("version", "I"),
        ("header_octets", "I"),
        ("total_octets", "Q"),
        ("generation", "Q"),
        ("built_at", "Q"),  # seconds since 1970
        ("slot_mask", "I"),
        ("max_probe", "I"),
        ("max_labels", "I"),
        ("choices", "I"),  # choice cells; the pools' follow
        ("origin", "32s"),  # the plan's hash, for people
        ("checksum", "16s"),  # BLAKE2b of everything before the cells, these 16 octets as zero
        *((f"{name}_{what}", "I") for name in SECTIONS for what in ("offset", "octets")),
    ),
)
ZONE: Final = Record(
    "zone",
    (
        ("apex", "I"),  # offset of the name
        ("serial", "I"),
        ("negative", "I"),  # offset of a body
        ("apex_octets", "B"),
        ("flags", "B"),
        ("spare", "H"),
    ),
)
ZONE_ECS: Final = 1

SLOT: Final = Record("slot", (("node", "I"), ("hash", "I")))  # node + 1; 0: empty
NODE: Final = Record(
    "node",
    (
        ("name", "I"),  # offset of the name's octets
        ("typeset", "I"),  # index
        ("cut", "I"),  # offset of the referral's body; 0: not a zone cut
        ("zone", "H"),
        ("name_octets", "B"),
        ("spare", "B"),
    ),
)
TYPESET: Final = Record("typeset", (("first", "I"), ("count", "I")))  # entries, sorted by type
ENTRY: Final = Record("entry", (("rtype", "H"), ("kind", "H"), ("ref", "I")))
STATIC: Final = 0  # ref is the offset of a body
STEERED: Final = 1  # ref is the index of a steer
STEER: Final = Record(
    "steer",
    (
        ("views", "I"),  # index of the first link: map indices
        ("view_count", "I"),
        ("choices", "I"),  # index of the first link: choice indices, by class
        ("choice_count", "I"),
        ("resolvers", "I"),  # map index + 1; 0: one view for all
        ("flags", "I"),
    ),
)
STEER_STICKY: Final = 1
STEER_IGNORE_ECS: Final = 2
MAP: Final = Record(
    "map",
    (
        ("count4", "I"),
        ("starts4", "I"),  # u32 each
        ("classes4", "I"),  # u16 each
        ("buckets4", "I"),  # u32 each, 2 ** bits + 1 of them
        ("count6", "I"),
        ("starts6", "I"),  # u64 each
        ("classes6", "I"),
        ("buckets6", "I"),
        ("bits4", "B"),
        ("bits6", "B"),
        ("spare", "H"),
        ("spare2", "I"),
    ),
)
MIN_RECORD: Final = 11  # octets of a resource record at least, RFC 1035 section 3.2.1
CHECKED_FROM: Final = 4  # octets of a pick or body before those that its check covers
PICK: Final = Record("pick", (("check", "I"), ("kind", "H"), ("count", "H")))
# Behind a pick: count × u32 refs (of a choice: pool numbers; of a pool: body offsets), then
# count × u32 cumulative weights (the last is 2³² − 1), or STICKY_SLOTS × u16 positions of refs.
WEIGHTED: Final = 0
STICKY: Final = 1
REFUSED: Final = 2
BODY: Final = Record(
    "body",
    (
        ("check", "I"),
        ("answer", "H"),
        ("authority", "H"),
        ("additional", "H"),
        ("optional", "H"),
        ("octets", "H"),
        ("optional_octets", "H"),
        ("fixups", "H"),
        ("stride", "H"),
    ),
)  # behind it: fixups × u16, then the octets

EPOCH_CELL: Final = 0
ARENA_CELL: Final = 1
FIRST_CELL: Final = 2

RECORDS: Final = (HEADER, ZONE, SLOT, NODE, TYPESET, ENTRY, STEER, MAP, PICK, BODY)
_CONSTANTS: Final = {
    "VERSION": VERSION,
    "MAX_PROBE": MAX_PROBE,
    "MAX_NAME_LABELS": MAX_NAME_LABELS,
    "MAX_BUCKET_BITS": MAX_BUCKET_BITS,
    "ZONE_ECS": ZONE_ECS,
    "STATIC": STATIC,
    "STEERED": STEERED,
    "STEER_STICKY": STEER_STICKY,
    "STEER_IGNORE_ECS": STEER_IGNORE_ECS,
    "WEIGHTED": WEIGHTED,
    "STICKY": STICKY,
    "REFUSED": REFUSED,
    "STICKY_SLOTS": STICKY_SLOTS,
    "CHECKED_FROM": CHECKED_FROM,
    "EPOCH_CELL": EPOCH_CELL,
    "ARENA_CELL": ARENA_CELL,
    "FIRST_CELL": FIRST_CELL,
}


def checksum(octets: bytes | bytearray | memoryview, end: int) -> bytes:
    """Return BLAKE2b (16 octets) of the immutable part, its own place as zeros."""
    at = HEADER.offset("checksum")
    digest = hashlib.blake2b(digest_size=16)
    view = memoryview(octets)
    digest.update(view[:at])
    digest.update(bytes(16))
    digest.update(view[at + 16 : end])
    return digest.digest()


def layout_include() -> str:
    """Return the layout as C preprocessor constants: sizes, offsets of fields, kinds, limits."""
    lines = ["/* Generated from gslb/answers/layout.py; do not edit. */"]
    lines += [f"#define GSLB_{name} {value}" for name, value in _CONSTANTS.items()]
    for record in RECORDS:
        lines.append(f"#define GSLB_SIZEOF_{record.name.upper()} {record.struct.size}")
        lines += [
            f"#define GSLB_{record.name.upper()}_{field.upper()} {record.offset(field)}"
            for field, _ in record.fields
        ]
    return "\n".join(lines) + "\n"


if __name__ == "__main__":  # > gslb/dataplane/_layout.h
    sys.stdout.write(layout_include())
