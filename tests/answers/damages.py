"""Damage to packed tables, and what tells whether they still say the same."""

from __future__ import annotations

import random
from collections.abc import Iterator

from gslb.answers import layout
from gslb.answers.layout import checksum
from gslb.answers.model import TableContent
from gslb.answers.pack import MIN_ARENA
from gslb.answers.table import AnswerTable

CHANCES = 50  # cuts and flips of one table


def parts(octets: bytearray) -> dict[str, int]:
    names = [name for name, _ in layout.HEADER.fields]
    return dict(zip(names, layout.HEADER.struct.unpack_from(octets), strict=True))


def cuts(octets: bytearray, chance: random.Random) -> Iterator[bytearray]:
    """Yield beginnings of *octets*, none of them whole."""
    interesting = len(octets) - MIN_ARENA
    few = (0, 1, 7, 8, len(octets) - 1)
    for size in [*few, *(chance.randrange(interesting) for _ in range(CHANCES))]:
        yield octets[:size]


def flips(octets: bytearray, end: int, chance: random.Random) -> Iterator[bytearray]:
    """Yield *octets* with one bit before *end* flipped, another each time; whole afterwards."""
    for _ in range(CHANCES):
        at, bit = chance.randrange(end), 1 << chance.randrange(8)
        octets[at] ^= bit
        yield octets
        octets[at] ^= bit


def cells_of(octets: bytearray) -> memoryview:
    head = parts(octets)
    return memoryview(octets)[head["cells_offset"] : head["arena_offset"]].cast("Q")


def resealed(octets: bytearray) -> bytearray:
    """Give *octets* a right checksum, as one would who wants to be believed."""
    at = layout.HEADER.offset("checksum")
    octets[at : at + 16] = checksum(octets, parts(octets)["cells_offset"])
    return octets


def everything(table: AnswerTable, content: TableContent) -> list[object]:
    return [
        table.alternatives(table.steer(number), client_class)
        for number, steer in enumerate(content.steers)
        for client_class in range(len(steer.choices))
    ]


def read_everything(table: AnswerTable, content: TableContent) -> None:
    for zone in content.zones:
        for name, _ in zone.names:
            table.find(name)
            table.find(b"\x05other" + name[: 255 - 6] if len(name) < 249 else name)
    for number in range(len(content.typesets)):
        table.types(number)
    for number, steer in enumerate(content.steers):
        view = table.steer(number)
        for family, full in ((1, 2**32), (2, 2**128)):
            for address in (0, full // 2, full - 1):
                client_class, _, _ = table.classify(view, family, address, family, address)
                table.pick(view, client_class, lambda: 2**32 - 1, 1)
        for client_class in range(len(steer.choices)):
            table.alternatives(view, client_class)
