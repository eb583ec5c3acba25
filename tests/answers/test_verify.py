"""A table that is not whole, or not what it says, is refused; nothing raises."""

from __future__ import annotations

import random

from hypothesis import given, settings
from hypothesis import strategies as st

from gslb.answers import layout
from gslb.answers.model import TableContent
from gslb.answers.pack import MIN_ARENA, checksum, pack
from gslb.answers.table import AnswerTable
from gslb.answers.verify import verify
from tests.answers.conftest import contents

QUICK = settings(max_examples=30, deadline=None)


def parts(octets: bytearray) -> dict[str, int]:
    names = [name for name, _ in layout.HEADER.fields]
    return dict(zip(names, layout.HEADER.struct.unpack_from(octets), strict=True))


@QUICK
@given(contents(), st.randoms(use_true_random=False))
def test_every_cut_is_refused(content: TableContent, chance: random.Random) -> None:
    octets = pack(content, 1, 0)
    interesting = len(octets) - MIN_ARENA
    for size in [0, 1, 7, 8, len(octets) - 1, *(chance.randrange(interesting) for _ in range(50))]:
        assert verify(octets[:size])


@QUICK
@given(contents(), st.randoms(use_true_random=False))
def test_a_flipped_bit_is_found_by_the_checksum(content: TableContent, chance: random.Random) -> None:
    octets = pack(content, 1, 0)
    end = parts(octets)["cells_offset"]
    for _ in range(50):
        at, bit = chance.randrange(end), 1 << chance.randrange(8)
        octets[at] ^= bit
        assert verify(octets)
        octets[at] ^= bit
    assert verify(octets) == []


@settings(max_examples=60, deadline=None)
@given(contents(), st.randoms(use_true_random=False))
def test_damage_under_a_right_checksum_is_found_or_harmless(content: TableContent, chance: random.Random) -> None:
    """What passes can be read to the last answer: no index leads out, no search goes on for ever."""
    clean = pack(content, 1, 0)
    head = parts(clean)
    for _ in range(30):
        octets = bytearray(clean)
        for _ in range(chance.randrange(1, 4)):
            at = chance.randrange(layout.HEADER.struct.size, head["cells_offset"] + head["cells_octets"])
            octets[at] = chance.choice((0, 1, 0x7F, 0x80, 0xFF, chance.randrange(256)))
        at = layout.HEADER.offset("checksum")
        octets[at : at + 16] = checksum(octets, head["cells_offset"])
        if verify(octets) == []:
            read_everything(AnswerTable(octets), content)


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


@given(st.binary(max_size=2000))
def test_any_octets_are_refused(octets: bytes) -> None:
    assert verify(octets)
    assert verify(layout.MAGIC + octets)
