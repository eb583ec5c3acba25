"""What happens to tables on disk, and is found without proving everything again."""

from __future__ import annotations

import random

from hypothesis import given, settings
from hypothesis import strategies as st

from gslb.answers import layout
from gslb.answers.damage import find_damage
from gslb.answers.model import Choice, Patch, TableContent
from gslb.answers.pack import pack
from gslb.answers.patch import TableWriter
from gslb.answers.table import AnswerTable
from gslb.answers.verify import verify
from tests.answers.conftest import contents
from tests.answers.damages import (
    cells_of,
    cuts,
    everything,
    flips,
    parts,
    read_everything,
    resealed,
)

QUICK = settings(max_examples=25)


@QUICK
@given(contents())
def test_what_was_verified_and_not_touched_is_whole(content: TableContent) -> None:
    octets = pack(content, 1, 0)
    assert verify(octets) == []
    assert find_damage(octets) == []
    TableWriter(octets).patch(Patch({0: Choice((0,), (1.0,))}, dict(enumerate(content.pools))))
    assert find_damage(octets) == []


@QUICK
@given(contents(), st.randoms(use_true_random=False))
def test_every_cut_is_found(content: TableContent, chance: random.Random) -> None:
    for cut in cuts(pack(content, 1, 0), chance):
        assert find_damage(cut)


@QUICK
@given(contents(), st.randoms(use_true_random=False))
def test_every_flipped_bit_of_what_cannot_change_is_found(
    content: TableContent, chance: random.Random
) -> None:
    octets = pack(content, 1, 0)
    for flipped in flips(octets, parts(octets)["cells_offset"], chance):
        assert find_damage(flipped)
    assert find_damage(octets) == []


@QUICK
@given(contents(), st.randoms(use_true_random=False))
def test_damage_where_patches_are_written_is_found_as_the_verifier_finds_it(
    content: TableContent, chance: random.Random
) -> None:
    """Cells and arena are under no common checksum: both look at them in the same way."""
    octets = pack(content, 1, 0)
    TableWriter(octets).patch(
        Patch({0: Choice((0,), (1.0,))}, dict(enumerate(content.pools[::-1])))
    )
    head, told = parts(octets), everything(AnswerTable(octets), content)
    end = head["arena_offset"] + cells_of(octets)[layout.ARENA_CELL]
    for _ in range(40):
        at = chance.randrange(head["cells_offset"], end)
        kept, octets[at] = octets[at], chance.randrange(256)
        assert find_damage(octets) == verify(octets)
        if not find_damage(octets):
            read_everything(AnswerTable(octets), content)
        octets[at] = kept
    assert everything(AnswerTable(octets), content) == told


@given(st.binary(max_size=2000))
def test_any_octets_are_refused(octets: bytes) -> None:
    assert find_damage(octets)
    assert find_damage(layout.MAGIC + octets)


@QUICK
@given(contents())
def test_a_table_of_another_layout_is_refused(content: TableContent) -> None:
    """It is whole, and says so; what it demands of a reader is not what this one knows."""
    octets = pack(content, 1, 0)
    at = layout.HEADER.offset("version")
    octets[at : at + 4] = (layout.VERSION + 1).to_bytes(4, "little")
    assert find_damage(resealed(octets)) == [
        f"layout version {layout.VERSION + 1}, not {layout.VERSION}"
    ]
