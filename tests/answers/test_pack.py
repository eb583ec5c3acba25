"""The builder: deterministic, small, and it refuses what the layout cannot hold."""

from __future__ import annotations

import pytest
from hypothesis import given, settings

from gslb.answers.model import Body, Pool, TableContent, Typeset, ZoneContent
from gslb.answers.pack import MIN_ARENA, pack
from gslb.answers.table import AnswerTable
from gslb.answers.verify import verify
from gslb.errors import GslbError
from tests.answers.conftest import APEX, SOA, A, contents, one_policy, wire

@settings(max_examples=20, deadline=None)
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
    table = AnswerTable(pack(TableContent((outer, below), [Typeset(), Typeset({6: SOA})], [], [], [], []), 1, 0))
    found = table.find(inner)
    assert table.zones[found.zone].apex == inner
    assert table.zones[table.find(wire(b"x", b"sub", b"example", b"com")).zone].serial == 2
    assert table.zones[table.find(wire(b"x", b"example", b"com")).zone].serial == 1


@pytest.mark.parametrize("weights", [(0.0,), (-1.0,), (float("nan"),), (float("inf"),), (1.0, 2.0), ()])
def test_weights_must_be_weights(weights: tuple[float, ...]) -> None:
    """A negative or missing weight is never stored, whatever computed it."""
    content = one_policy(1)
    bad = TableContent(content.zones, content.typesets, content.steers, content.maps, content.choices, [Pool((A,), weights)])
    with pytest.raises(ValueError, match="weights"):
        pack(bad, 1, 0)


def test_an_answer_must_fit_a_message() -> None:
    huge = Body(bytes(70_000), answer=1)
    content = one_policy(1)
    bad = TableContent(content.zones, content.typesets, content.steers, content.maps, content.choices, [Pool((huge,), (1.0,))])
    with pytest.raises(GslbError, match="does not fit"):
        pack(bad, 1, 0)
