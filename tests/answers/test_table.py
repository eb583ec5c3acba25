"""What goes into a table comes out of it: names, types, classes of clients, chances, scopes."""

from __future__ import annotations

from bisect import bisect_right

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gslb.answers.model import STICKY_SLOTS, Choice, Pool, TableContent
from gslb.answers.pack import pack
from gslb.answers.table import AnswerTable, Found, Outcome, SteerView, scope
from gslb.answers.verify import verify
from tests.answers.conftest import APEX, LABELS, contents, one_policy, wire

QUICK = settings(max_examples=60, deadline=None)


def opened(content: TableContent) -> AnswerTable:
    octets = pack(content, generation=7, built_at=1_700_000_000)
    assert verify(octets) == []
    return AnswerTable(octets)


def plain_find(content: TableContent, name: bytes, qtype: int) -> tuple[Outcome, object]:
    """RFC 1034 section 4.3.2 and RFC 4592 over a dict, label by label, without any index."""
    (zone,) = content.zones
    names = dict(zone.names)
    if not name.endswith(APEX) or (len(name) > len(APEX) and not _at_label(name, len(name) - len(APEX))):
        return Outcome.OUTSIDE, None
    suffixes = [name[at:] for at in _label_starts(name)]
    for suffix in reversed(suffixes):
        if suffix in zone.cuts and not (suffix == name and qtype == 43):
            return Outcome.REFERRAL, zone.cuts[suffix]
    if name in names:
        return Outcome.NAME, names[name]
    encloser = next(suffix for suffix in suffixes if suffix in names)
    wild = names.get(b"\x01*" + encloser)
    return (Outcome.MISSING, None) if wild is None else (Outcome.NAME, wild)


def _label_starts(name: bytes) -> list[int]:
    starts, at = [], 0
    while name[at]:
        starts.append(at)
        at += name[at] + 1
    return [*starts, at]


def _at_label(name: bytes, at: int) -> bool:
    return at in _label_starts(name)


@QUICK
@given(contents(), st.data())
def test_names_are_found_as_the_rfcs_say(content: TableContent, data: st.DataObject) -> None:
    table = opened(content)
    labels = st.lists(st.sampled_from([*LABELS, b"other"]), max_size=5)
    for _ in range(40):
        tail = data.draw(st.sampled_from(((b"example", b"com"), (b"xexample", b"com"), (b"com",))))
        name = wire(*data.draw(labels), *tail)
        qtype = data.draw(st.sampled_from((1, 43)))
        outcome, expected = plain_find(content, name, qtype)
        found = table.find(name, qtype)
        assert found.outcome is outcome
        if outcome is Outcome.NAME:
            assert found.ref == expected
        elif outcome is Outcome.REFERRAL:
            assert table.referral(found.ref) == expected


def test_the_root_is_outside_of_every_other_zone() -> None:
    assert opened(one_policy(1)).find(b"\0") == Found(Outcome.OUTSIDE, 0, 0)


@QUICK
@given(contents())
def test_types_come_back(content: TableContent) -> None:
    table = opened(content)
    for number, typeset in enumerate(content.typesets):
        types = table.types(number)
        assert list(types) == sorted([*typeset.static, *typeset.steered])
        for rtype, body in typeset.static.items():
            assert types[rtype] == body
        for rtype, steer in typeset.steered.items():
            view = types[rtype]
            assert isinstance(view, SteerView)
            assert view.number == steer
            assert view.sticky == content.steers[steer].sticky
            assert view.ignore_ecs == content.steers[steer].ignore_ecs


@QUICK
@given(contents(), st.data())
def test_clients_have_the_class_of_their_range(content: TableContent, data: st.DataObject) -> None:
    table = opened(content)
    for number, steer in enumerate(content.steers):
        view = table.steer(number)
        for family, width, drop in ((1, 32, 0), (2, 128, 64)):
            edges = [int(s) for m in content.maps for s in (m.starts4 if family == 1 else m.starts6)]
            for edge in data.draw(st.lists(st.sampled_from(edges), max_size=6)) + [2 ** (width - drop) - 1]:
                for upper in (edge - 1, edge, edge + 1):
                    if not 0 <= upper < 2 ** (width - drop):
                        continue
                    address = upper << drop
                    map_number = steer.views[0]
                    if steer.resolvers is not None:
                        map_number = steer.views[plain_class(content, steer.resolvers, family, upper)[0]]
                    expected = plain_class(content, map_number, family, upper)
                    assert table.classify(view, family, address, family, address) == expected


def plain_class(content: TableContent, number: int, family: int, upper: int) -> tuple[int, int, int]:
    found = content.maps[number]
    starts, classes, full = (
        (found.starts4, found.classes4, 2**32) if family == 1 else (found.starts6, found.classes6, 2**64)
    )
    ordered = [int(start) for start in starts]
    at = bisect_right(ordered, upper) - 1
    return int(classes[at]), ordered[at], ordered[at + 1] if at + 1 < len(ordered) else full


def chances(pick: Pool | Choice, count: int) -> list[float]:
    if pick.slots:
        return [pick.slots.count(i) / STICKY_SLOTS for i in range(count)]
    return [weight / sum(pick.weights) for weight in pick.weights]


@QUICK
@given(contents())
def test_every_answer_has_its_chance(content: TableContent) -> None:
    """Within 2⁻²⁹: a draw has 32 bits, and every weight gets one of them at least."""
    table = opened(content)
    for number, steer in enumerate(content.steers):
        for client_class, choice_number in enumerate(steer.choices):
            choice = content.choices[choice_number]
            expected: dict[object, float] = {}
            for share, pool_number in zip(chances(choice, len(choice.pools)), choice.pools, strict=True):
                pool = content.pools[pool_number]
                for chance, body in zip(chances(pool, len(pool.bodies)), pool.bodies, strict=True):
                    expected[body] = expected.get(body, 0.0) + share * chance
            found: dict[object, float] = {}
            for chance, body in table.alternatives(table.steer(number), client_class):
                found[body] = found.get(body, 0.0) + chance
            assert found == pytest.approx({b: p for b, p in expected.items() if p or b in found}, abs=2**-29)
            picked = table.pick(table.steer(number), client_class, lambda: 2**31, 12345)
            assert (picked is None) == choice.refused
            assert picked is None or picked in found


@given(
    st.sampled_from((1, 2)),
    st.data(),
)
@settings(max_examples=300, deadline=None)
def test_scopes_are_the_largest_blocks_of_one_class(family: int, data: st.DataObject) -> None:
    """Within a scope all clients are alike, one bit less is not, and scopes never overlap."""
    width, drop, cap = (32, 0, 24) if family == 1 else (64, 64, 56)
    step = 1 << (width - cap)
    edges = sorted(data.draw(st.sets(st.integers(1, 2**width - 1), min_size=1, max_size=6)))
    edges = sorted({e if data.draw(st.booleans()) else e & -step or step for e in edges})
    bounds = [0, *edges, 2**width]

    def range_of(upper: int) -> tuple[int, int]:
        at = bisect_right(bounds, upper) - 1
        return bounds[at], bounds[at + 1]

    def block(upper: int) -> tuple[int, int]:
        masked = upper & -step
        low, high = range_of(masked)
        bits = scope(family, masked << drop, low, high, cap)
        size = 1 << (width - bits)
        return masked & -size, size

    near = [e + d for e in edges for d in (-step, -1, 0, 1, step) if 0 <= e + d < 2**width]
    seen = []
    for upper in [*near, data.draw(st.integers(0, 2**width - 1))]:
        first, size = block(upper)
        masked = upper & -step
        for other in {first, first + size - step, first + (size // 2 & -step), masked}:
            assert range_of(other) == range_of(masked)
            assert block(other) == (first, size)
        if size < 1 << width:
            wider = masked & -(2 * size)
            ends = {range_of(wider), range_of(wider + 2 * size - step)}
            inner = {range_of(wider + k * step) for k in range(min(2 * size // step, 64))}
            assert len(ends | inner) > 1 or 2 * size > 64 * step
        seen.append((first, size))
    for a, size_a in seen:
        for b, size_b in seen:
            assert (a, size_a) == (b, size_b) or a + size_a <= b or b + size_b <= a
