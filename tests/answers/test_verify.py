"""A table that is not whole, or not what it says, is refused; nothing raises."""

from __future__ import annotations

import random
import re
import struct
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gslb.answers import layout
from gslb.answers.model import (
    Choice,
    Patch,
    Pool,
    PrefixMap,
    TableContent,
    Typeset,
    ZoneContent,
)
from gslb.answers.pack import pack
from gslb.answers.patch import TableWriter
from gslb.answers.records import seal
from gslb.answers.table import AnswerTable
from gslb.answers.verify import verify
from tests.answers.conftest import APEX, EVERYWHERE, SOA, A, contents, one_policy, wire
from tests.answers.damages import (
    cells_of,
    cuts,
    everything,
    flips,
    parts,
    read_everything,
    resealed,
)

QUICK = settings(max_examples=30)


@QUICK
@given(contents(), st.randoms(use_true_random=False))
def test_every_cut_is_refused(content: TableContent, chance: random.Random) -> None:
    for cut in cuts(pack(content, 1, 0), chance):
        assert verify(cut)


@QUICK
@given(contents(), st.randoms(use_true_random=False))
def test_a_flipped_bit_is_found_by_the_checksum(
    content: TableContent, chance: random.Random
) -> None:
    octets = pack(content, 1, 0)
    for flipped in flips(octets, parts(octets)["cells_offset"], chance):
        assert verify(flipped)
    assert verify(octets) == []


@settings(max_examples=60)
@given(contents(), st.randoms(use_true_random=False))
def test_damage_under_a_right_checksum_is_found_or_harmless(
    content: TableContent, chance: random.Random
) -> None:
    """What passes can be read to the last answer: no index leads out, no search goes on for ever."""
    clean = pack(content, 1, 0)
    head = parts(clean)
    for _ in range(30):
        octets = bytearray(clean)
        for _ in range(chance.randrange(1, 4)):
            at = chance.randrange(
                layout.HEADER.struct.size, head["cells_offset"] + head["cells_octets"]
            )
            octets[at] = chance.choice((0, 1, 0x7F, 0x80, 0xFF, chance.randrange(256)))
        if verify(resealed(octets)) == []:
            read_everything(AnswerTable(octets), content)


@given(st.binary(max_size=2000))
def test_any_octets_are_refused(octets: bytes) -> None:
    assert verify(octets)
    assert verify(layout.MAGIC + octets)


@settings(max_examples=40)
@given(contents(), st.randoms(use_true_random=False))
def test_damage_where_patches_are_written_is_found_or_harmless(
    content: TableContent, chance: random.Random
) -> None:
    """Cells and arena are under no common checksum; yet what passes gives the very answers."""
    octets = pack(content, 1, 0)
    pools = dict(enumerate(content.pools[::-1]))
    TableWriter(octets).patch(Patch({0: Choice((0,), (1.0,))}, pools))
    head, told = parts(octets), everything(AnswerTable(octets), content)
    end = head["arena_offset"] + cells_of(octets)[layout.ARENA_CELL]
    for _ in range(60):
        at, bit = chance.randrange(head["arena_offset"], end), 1 << chance.randrange(8)
        octets[at] ^= bit
        if verify(octets) == []:
            assert everything(AnswerTable(octets), content) == told
        octets[at] ^= bit
    for _ in range(60):
        at = chance.randrange(head["cells_offset"], head["arena_offset"])
        kept, octets[at] = octets[at], chance.randrange(256)
        if verify(octets) == []:
            read_everything(AnswerTable(octets), content)
        octets[at] = kept
    assert verify(octets) == []


def test_a_page_that_was_never_written_is_no_empty_answer() -> None:
    """After a loss of power a cell may be on disk, and what it points to not: all zeros."""
    octets = pack(one_policy(2), 1, 0)
    TableWriter(octets).patch(Patch({}, {0: Pool((A, SOA), (1.0, 1.0))}))
    head = parts(octets)
    for start in range(0, cells_of(octets)[layout.ARENA_CELL], 4):
        lost = bytearray(octets)
        at = head["arena_offset"] + start
        lost[at:] = bytes(len(lost) - at)
        assert verify(lost)


def put(octets: bytearray, section: str, record: layout.Record, row: int, **fields: int) -> None:
    codes = dict(record.fields)
    start = parts(octets)[f"{section}_offset"] + row * record.struct.size
    for field, value in fields.items():
        struct.pack_into("<" + codes[field], octets, start + record.offset(field), value)


FAR = 0xFFFF_FFF0


@pytest.mark.parametrize(
    ("section", "record", "row", "fields", "reason"),
    [
        ("zones", layout.ZONE, 0, {"apex": FAR}, "apex is out of bounds"),
        ("zones", layout.ZONE, 0, {"apex_octets": 12}, "malformed apex"),
        ("zones", layout.ZONE, 0, {"negative": FAR}, "record is out of bounds"),
        ("zones", layout.ZONE, 0, {"negative": 2}, "not aligned"),
        ("nodes", layout.NODE, 1, {"name": FAR}, "name is out of bounds"),
        ("nodes", layout.NODE, 1, {"name_octets": 5}, "malformed name"),
        ("nodes", layout.NODE, 1, {"name_octets": 0}, "malformed name"),
        ("nodes", layout.NODE, 1, {"typeset": 9}, "has no types"),
        ("nodes", layout.NODE, 1, {"zone": 1}, "in no zone"),
        ("nodes", layout.NODE, 1, {"cut": FAR}, "record is out of bounds"),
        ("slots", layout.SLOT, 0, {"node": 9, "hash": 9}, "hash table|slot"),
        ("typesets", layout.TYPESET, 1, {"count": 99}, "types out of bounds"),
        ("typesets", layout.TYPESET, 0, {"count": 2}, "not in order"),
        ("entries", layout.ENTRY, 0, {"kind": 2}, "of no kind"),
        ("entries", layout.ENTRY, 1, {"ref": 1}, "has no steer"),
        ("steers", layout.STEER, 0, {"views": 99}, "views out of bounds"),
        ("steers", layout.STEER, 0, {"view_count": 0}, "views out of bounds"),
        ("steers", layout.STEER, 0, {"choice_count": 99}, "choices out of bounds"),
        ("steers", layout.STEER, 0, {"resolvers": 2}, "map of resolvers"),
        ("links", layout.Record("link", (("to", "I"),)), 0, {"to": 1}, "no map|no cell"),
        ("maps", layout.MAP, 0, {"count4": 0}, "without ranges"),
        ("maps", layout.MAP, 0, {"bits4": 17}, "too many buckets"),
        ("maps", layout.MAP, 0, {"starts6": FAR}, "map is out of bounds"),
        ("maps", layout.MAP, 0, {"starts6": 4}, "map is not aligned"),
    ],
)
def test_what_is_wrong_is_said(
    section: str, record: layout.Record, row: int, fields: dict[str, int], reason: str
) -> None:
    octets = pack(one_policy(2), 1, 0)
    put(octets, section, record, row, **fields)
    (problem,) = verify(resealed(octets))
    assert re.search(reason, problem)


@pytest.mark.parametrize(
    ("fields", "reason"),
    [
        ({"version": 2}, "layout version 2, not 1"),
        ({"header_octets": 8}, "header of another size"),
        ({"max_probe": 65}, "search is too long"),
        ({"max_probe": 0}, "search is too long"),
        ({"max_labels": 128}, "names too long"),
        ({"max_labels": 1}, "malformed apex"),
        ({"slot_mask": 3}, "hash table's size"),
        ({"choices": 0}, "has no cell"),
        ({"choices": 99}, "cells are missing"),
        ({"nodes_octets": 1}, "misplaced"),
    ],
)
def test_a_wrong_head_is_said(fields: dict[str, int], reason: str) -> None:
    octets = pack(one_policy(2), 1, 0)
    codes = dict(layout.HEADER.fields)
    for field, value in fields.items():
        struct.pack_into("<" + codes[field], octets, layout.HEADER.offset(field), value)
    (problem,) = verify(resealed(octets))
    assert re.search(reason, problem)


def test_names_must_be_able_to_be_found() -> None:
    octets = pack(one_policy(2), 1, 0)
    head = parts(octets)
    slots = memoryview(octets)[head["slots_offset"] : head["nodes_offset"]].cast("Q")
    used = [at for at, slot in enumerate(slots) if slot]
    free = next(at for at, slot in enumerate(slots) if not slot)
    slots[free], slots[used[0]] = slots[used[0]], 0
    assert "cannot be reached" in verify(resealed(octets))[0]
    slots[free] = slots[used[1]]
    assert verify(resealed(octets)) == ["a node has two slots"]
    slots[free] = 0
    assert "does not hold the names" in verify(resealed(octets))[0]


@pytest.mark.parametrize(
    ("names", "what"),
    [
        ([(APEX, 0), (wire(b"A", b"example", b"com"), 0)], "malformed name"),
        ([(APEX, 0), (wire(b"a", b"example", b"org"), 0)], "in another zone"),
        ([(APEX, 0), (wire(b"a", b"example", b"com"), 0)] * 2, "there twice"),
    ],
)
def test_names_are_in_lower_case_in_their_zone_and_once(
    names: list[tuple[bytes, int]], what: str
) -> None:
    zone = ZoneContent(APEX, 1, SOA, names, {}, ecs=True)
    (problem,) = verify(pack(TableContent((zone,), [Typeset()], [], [], [], []), 1, 0))
    assert what in problem


def test_a_zone_at_a_wildcard_is_refused() -> None:
    apex = wire(b"*", b"example", b"com")
    zone = ZoneContent(apex, 1, SOA, [(apex, 0)], {}, ecs=True)
    (problem,) = verify(pack(TableContent((zone,), [Typeset()], [], [], [], []), 1, 0))
    assert "wildcard" in problem


def test_ranges_must_ascend_from_0() -> None:
    for starts in ([1, 2], [0, 5, 5], [0, 9, 3]):
        kinds = (np.array(starts, np.uint32), np.zeros(len(starts), np.uint16))
        found = PrefixMap(*kinds, EVERYWHERE.starts6, EVERYWHERE.classes6)
        assert verify(pack(replace(one_policy(1), maps=[found]), 1, 0)) == [
            "ranges are not in order"
        ]


def test_every_class_must_have_a_choice() -> None:
    found = replace(EVERYWHERE, classes6=np.array([1], np.uint16))
    assert verify(pack(replace(one_policy(1), maps=[found]), 1, 0)) == ["a class has no choice"]


@pytest.mark.parametrize(
    ("fields", "problem"),
    [
        # The counts of a response would pass 65 535 and begin again.
        ({"additional": 65_535}, "records do not fit"),
        ({"optional": 65_535, "optional_octets": 12}, "optional records do not fit"),
        # Left out where they do not fit, they would leave octets that no count speaks of.
        ({"authority": 0, "optional": 1, "optional_octets": 12}, "records do not fit"),
        ({"optional_octets": 12}, "optional records do not fit"),
    ],
)
def test_records_fill_their_octets(fields: dict[str, int], problem: str) -> None:
    octets = pack(one_policy(1), 1, 0)
    zones = parts(octets)["zones_offset"]
    (at,) = struct.unpack_from("<I", octets, zones + layout.ZONE.offset("negative"))
    for field, value in fields.items():
        struct.pack_into("<H", octets, at + layout.BODY.offset(field), value)
    end = at + layout.BODY.struct.size + 2 * len(SOA.fixups) + len(SOA.octets)
    octets[at:end] = seal(bytes(octets[at:end]))
    assert verify(resealed(octets)) == [problem]


def test_the_arena_in_use_is_judged_before_what_may_lie_in_it() -> None:
    octets = pack(one_policy(1), 1, 0)
    put(octets, "zones", layout.ZONE, 0, negative=2**31)
    cells_of(octets)[layout.ARENA_CELL] = 2**63
    assert verify(resealed(octets)) == ["more arena used than there is"]
