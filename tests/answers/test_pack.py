"""The builder: deterministic, small, and it refuses what the layout cannot hold."""

from __future__ import annotations

import itertools
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings

from gslb.answers import layout
from gslb.answers.model import (
    STICKY_SLOTS,
    Body,
    Choice,
    Pool,
    TableContent,
    Typeset,
    ZoneContent,
)
from gslb.answers.pack import ARENA_TIMES, MIN_ARENA, pack
from gslb.answers.table import AnswerTable, Outcome
from gslb.answers.verify import verify
from gslb.errors import GslbError
from tests.answers.conftest import APEX, EVERYWHERE, SOA, A, contents, one_policy, wire


@settings(max_examples=20)
@given(contents())
def test_the_same_content_gives_the_same_octets(content: TableContent) -> None:
    assert pack(content, 3, 5) == pack(content, 3, 5)


def test_a_steered_name_takes_few_octets_beyond_itself() -> None:
    """The budget is 200; measured 28 to 44, by how full the hash table is."""
    content = one_policy(20_000)
    octets = pack(content, 1, 0)
    own = sum(len(name) for name, _ in content.zones[0].names)
    assert (len(octets) - MIN_ARENA - own) / 20_000 < 60
    assert verify(octets) == []
    assert AnswerTable(octets).names == 20_001


def test_names_of_a_zone_within_a_zone_belong_to_the_inner_one() -> None:
    inner = wire(b"sub", b"example", b"com")
    outer = ZoneContent(APEX, 1, SOA, [(APEX, 0), (inner, 0)], {}, ecs=False)
    below = ZoneContent(inner, 2, SOA, [(inner, 1)], {}, ecs=False)
    table = AnswerTable(
        pack(TableContent((outer, below), [Typeset(), Typeset({6: SOA})], [], [], [], []), 1, 0)
    )
    found = table.find(inner)
    assert table.zones[found.zone].apex == inner
    assert table.zones[table.find(wire(b"x", b"sub", b"example", b"com")).zone].serial == 2
    assert table.zones[table.find(wire(b"x", b"example", b"com")).zone].serial == 1


@pytest.mark.parametrize(
    "weights", [(0.0,), (-1.0,), (float("nan"),), (float("inf"),), (1.0, 2.0), ()]
)
def test_weights_must_be_weights(weights: tuple[float, ...]) -> None:
    """A negative or missing weight is never stored, whatever computed it."""
    content = one_policy(1)
    bad = TableContent(
        content.zones,
        content.typesets,
        content.steers,
        content.maps,
        content.choices,
        [Pool((A,), weights)],
    )
    with pytest.raises(ValueError, match="weights"):
        pack(bad, 1, 0)


def test_an_inner_zone_takes_all_below_its_apex() -> None:
    """What the outer zone has there is not served: neither at the apex, nor below it."""
    inner, ghost = wire(b"sub", b"example", b"com"), wire(b"x", b"sub", b"example", b"com")
    names = [(APEX, 0), (inner, 0), (ghost, 0), (wire(b"xsub", b"example", b"com"), 0)]
    outer = ZoneContent(APEX, 1, SOA, names, {}, ecs=False)
    below = ZoneContent(inner, 2, SOA, [(inner, 0)], {}, ecs=False)
    table = AnswerTable(pack(TableContent((outer, below), [Typeset()], [], [], [], []), 1, 0))
    assert table.names == 3
    found = table.find(ghost)
    assert (found.outcome, table.zones[found.zone].serial) == (Outcome.MISSING, 2)
    assert table.find(wire(b"xsub", b"example", b"com")).outcome is Outcome.NAME


def test_equal_things_are_kept_once() -> None:
    """A thousand equal maps, pools and bodies take the room of one, but for their cells and rows."""
    one = one_policy(1)
    many = replace(
        one,
        maps=[EVERYWHERE] * 1000,
        pools=[Pool((A,), (1.0,))] * 1000,
        typesets=[*one.typesets, *[Typeset({1: A})] * 1000],
    )
    more = len(pack(many, 1, 0)) - len(pack(one, 1, 0))
    assert more < 1000 * (layout.MAP.struct.size + layout.TYPESET.struct.size + 8 + 8 + 1)


def test_room_for_changes_follows_what_may_change() -> None:
    sticky = Pool((A, SOA), slots=(0, 1) * (STICKY_SLOTS // 2))
    bodies = [Body(bytes([n % 256, n // 256]) * 500, answer=1) for n in range(500)]
    content = replace(one_policy(1), pools=[sticky, *(Pool((b,), (1.0,)) for b in bodies)])
    octets = pack(content, 1, 0)
    head = dict(
        zip(
            (n for n, _ in layout.HEADER.fields),
            layout.HEADER.struct.unpack_from(octets),
            strict=True,
        )
    )
    assert head["arena_octets"] > ARENA_TIMES * 500 * 1000
    assert verify(octets) == []


def test_a_table_that_contradicts_itself_is_not_made() -> None:
    one = one_policy(1)
    zone = one.zones[0]
    wrong = [
        (replace(one, zones=(zone, zone)), "same apex"),
        (replace(one, zones=(replace(zone, names=zone.names[1:]),)), "does not list its apex"),
        (replace(one, typesets=[Typeset({1: A}, {1: 0})]), "both static and steered"),
        (replace(one, choices=[Choice((2,), (1.0,))]), "there are 2"),
        (replace(one, maps=[replace(EVERYWHERE, classes4=np.zeros(2, np.uint16))]), "ranges"),
    ]
    for content, what in wrong:
        with pytest.raises(ValueError, match=what):
            pack(content, 1, 0)


def test_limits_of_the_layout_are_errors_in_words(monkeypatch: pytest.MonkeyPatch) -> None:
    content = one_policy(70)
    with monkeypatch.context() as patched:
        patched.setattr(layout, "MAX_OCTETS", 1 << 20)
        with pytest.raises(GslbError, match=r"would have \d+ octets"):
            pack(content, 1, 0)
    with monkeypatch.context() as patched:
        patched.setattr("gslb.answers.pack.MAX_ZONES", 0)
        with pytest.raises(GslbError, match="1 zones"):
            pack(content, 1, 0)
    monkeypatch.setattr("gslb.answers.pack.crc32", lambda _: 7)
    with pytest.raises(GslbError, match="same CRC-32"):
        pack(content, 1, 0)


def test_the_hash_table_grows_until_searches_are_short(monkeypatch: pytest.MonkeyPatch) -> None:
    """Names whose hashes stand in one row are apart in a larger table."""
    row = itertools.count()
    monkeypatch.setattr("gslb.answers.pack.crc32", lambda _: (next(row) * 2) & 0xFF)
    octets = pack(one_policy(99), 1, 0)
    head = dict(
        zip(
            (n for n, _ in layout.HEADER.fields),
            layout.HEADER.struct.unpack_from(octets),
            strict=True,
        )
    )
    assert head["max_probe"] <= layout.MAX_PROBE


def test_a_long_origin_is_cut() -> None:
    table = AnswerTable(pack(replace(one_policy(1), origin="é" + "0" * 40), 1, 0))
    assert table.origin == "?" + "0" * 31
