"""Patches of a table that is being read: the old answer or the new one, never a mixture."""

from __future__ import annotations

import itertools

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gslb.answers import layout
from gslb.answers.model import Body, Choice, Patch, Pool, TableContent
from gslb.answers.pack import pack
from gslb.answers.patch import ArenaFull, TableWriter
from gslb.answers.table import AnswerTable
from gslb.answers.verify import verify
from tests.answers.conftest import SOA, A, bodies, contents, one_policy


@settings(max_examples=40)
@given(contents(), st.data())
def test_a_patched_table_is_the_table_of_the_patched_content(
    content: TableContent, data: st.DataObject
) -> None:
    octets = pack(content, 1, 0)
    table, writer = AnswerTable(octets), TableWriter(octets)
    pools, choices = list(content.pools), list(content.choices)
    for number, steer in enumerate(content.steers):
        for client_class in range(len(steer.choices)):
            table.alternatives(table.steer(number), client_class)  # all is parsed and kept
    for step in range(3):
        pool_number = data.draw(st.integers(0, len(pools) - 1))
        fresh = data.draw(st.lists(bodies(), min_size=1, max_size=3))
        pools[pool_number] = Pool(tuple(fresh), tuple(1.0 for _ in fresh))
        choice_number = data.draw(st.integers(0, len(choices) - 1))
        choices[choice_number] = Choice((pool_number,), (1.0,))
        writer.patch(
            Patch({choice_number: choices[choice_number]}, {pool_number: pools[pool_number]})
        )
        assert table.epoch == step + 1
    assert verify(octets) == []
    whole = TableContent(
        content.zones, content.typesets, content.steers, content.maps, choices, pools
    )
    fresh_table = AnswerTable(pack(whole, 2, 0))
    for number, steer in enumerate(content.steers):
        for client_class in range(len(steer.choices)):
            assert table.alternatives(
                table.steer(number), client_class
            ) == fresh_table.alternatives(fresh_table.steer(number), client_class)


def test_a_reader_between_any_two_stores_sees_a_valid_table() -> None:
    """Each cell is stored after what it points to; so the table verifies after every single store."""
    content = one_policy(3)
    octets = pack(content, 1, 0)
    writer = TableWriter(octets)
    cells = writer._cells

    class Cells:
        def __getitem__(self, at: int) -> int:
            return int(cells[at])

        def __setitem__(self, at: int, value: int) -> None:
            cells[at] = value
            assert verify(octets) == []
            both = (reader, AnswerTable(octets))  # one that keeps what it parsed, one fresh
            seen.extend(table.alternatives(table.steer(0), 0) for table in both)

    reader = AnswerTable(octets)
    old = reader.alternatives(reader.steer(0), 0)
    new, between = [(1 / 4, A), (3 / 4, SOA)], [(1.0, SOA)]  # the old choice with its new pool
    seen: list[list[tuple[float, Body]]] = []
    writer._cells = Cells()  # type: ignore[assignment] # stands in for the memoryview
    pools = {0: Pool((SOA,), (1.0,)), 1: Pool((A, SOA), (1.0, 3.0))}
    writer.patch(Patch({0: Choice((1,), (1.0,))}, pools))
    assert [key for key, _ in itertools.groupby(seen)] == [old, between, new]
    assert reader.epoch == 1


def test_a_full_arena_changes_nothing() -> None:
    content = one_policy(3)
    octets = pack(content, 1, 0)
    writer = TableWriter(octets)
    names = [name for name, _ in layout.HEADER.fields]
    head = dict(zip(names, layout.HEADER.struct.unpack_from(octets), strict=True))
    bodies_of_one = (A,) * 10_000

    def many(number: int) -> Patch:
        return Patch({}, {0: Pool(bodies_of_one, tuple(1.0 + i % number for i in range(10_000)))})

    number = 1
    while writer.free > 80_000:
        writer.patch(many(number))
        number += 1
    assert number > 3
    before = bytes(octets)
    with pytest.raises(ArenaFull):
        writer.patch(many(number))
    assert bytes(octets) == before
    assert writer.free < head["arena_octets"]
    assert verify(octets) == []


def test_a_patch_of_another_table_changes_nothing() -> None:
    """A number too large must not be stored into a cell of something else."""
    octets = pack(one_policy(3), 1, 0)
    before, writer = bytes(octets), TableWriter(octets)
    some = Pool((A,), (1.0,))
    wrong = [
        Patch({1: Choice((0,), (1.0,))}),
        Patch({-1: Choice((0,), (1.0,))}),
        Patch({}, {2: some}),
        Patch({0: Choice((2,), (1.0,))}, {0: some}),
        Patch({0: Choice((0,), (0.0,))}, {0: some}),
        Patch({}, {0: some, 1: Pool(())}),
        Patch({}, {0: Pool((Body(b""),), (1.0,))}),
    ]
    for patch in wrong:
        with pytest.raises(ValueError, match=r"there are|weights|alternatives|body"):
            writer.patch(patch)
        assert bytes(octets) == before
    writer.patch(Patch())
    assert bytes(octets) == before


def test_a_flapping_endpoint_takes_its_room_once() -> None:
    octets = pack(one_policy(3), 1, 0)
    writer = TableWriter(octets)
    states = [Patch({}, {0: Pool((A,), (1.0,))}), Patch({}, {0: Pool((A, SOA), (3.0, 1.0))})]
    for patch in states:
        writer.patch(patch)
    free = writer.free
    for patch in states * 1000:
        writer.patch(patch)
    assert writer.free == free
    assert AnswerTable(octets).epoch == 2002
    assert verify(octets) == []


def test_a_writer_goes_on_where_another_ended() -> None:
    """A new supervisor takes over the table of the old one."""
    octets = pack(one_policy(3), 1, 0)
    TableWriter(octets).patch(Patch({}, {0: Pool((SOA,), (1.0,))}))
    table = AnswerTable(octets)
    first = table.pick(table.steer(0), 0, lambda: 0, 0)
    TableWriter(octets).patch(Patch({0: Choice((1,), (1.0,))}))
    TableWriter(octets).patch(Patch({}, {1: Pool((A,), (1.0,))}))
    assert table.body(first) == SOA
    assert table.body(table.pick(table.steer(0), 0, lambda: 0, 0)) == A
    assert table.epoch == 3
    assert verify(octets) == []
