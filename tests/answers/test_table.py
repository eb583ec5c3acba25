"""What goes into a table comes out of it: names, types, classes of clients, chances, scopes."""

from __future__ import annotations

from bisect import bisect_right

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gslb.answers.model import (
    STICKY_SLOTS,
    Body,
    Choice,
    Pool,
    TableContent,
    Typeset,
    ZoneContent,
)
from gslb.answers.pack import pack
from gslb.answers.table import AnswerTable, Found, Outcome, SteerView
from gslb.answers.verify import verify
from tests.answers.conftest import APEX, LABELS, SOA, A, contents, one_policy, wire

QUICK = settings(max_examples=100)


def opened(content: TableContent) -> AnswerTable:
    octets = pack(content, generation=7, built_at=1_700_000_000)
    assert verify(octets) == []
    return AnswerTable(octets)


def plain_find(content: TableContent, name: bytes, qtype: int) -> tuple[Outcome, object]:
    """RFC 1034 section 4.3.2 and RFC 4592 over a dict, label by label, without any index."""
    (zone,) = content.zones
    names = dict(zone.names)
    if not name.endswith(APEX) or (
        len(name) > len(APEX) and not _at_label(name, len(name) - len(APEX))
    ):
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
    for _ in range(12):
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
            edges = [
                int(s) for m in content.maps for s in (m.starts4 if family == 1 else m.starts6)
            ]
            for edge in [
                *data.draw(st.lists(st.sampled_from(edges), max_size=6)),
                2 ** (width - drop) - 1,
            ]:
                for upper in (edge - 1, edge, edge + 1):
                    if not 0 <= upper < 2 ** (width - drop):
                        continue
                    address = upper << drop
                    map_number = steer.views[0]
                    if steer.resolvers is not None:
                        map_number = steer.views[
                            plain_class(content, steer.resolvers, family, upper)[0]
                        ]
                    expected = plain_class(content, map_number, family, upper)
                    assert table.classify(view, family, address, family, address) == expected


def plain_class(
    content: TableContent, number: int, family: int, upper: int
) -> tuple[int, int, int]:
    found = content.maps[number]
    starts, classes, full = (
        (found.starts4, found.classes4, 2**32)
        if family == 1
        else (found.starts6, found.classes6, 2**64)
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
            for share, pool_number in zip(
                chances(choice, len(choice.pools)), choice.pools, strict=True
            ):
                pool = content.pools[pool_number]
                for chance, body in zip(chances(pool, len(pool.bodies)), pool.bodies, strict=True):
                    expected[body] = expected.get(body, 0.0) + share * chance
            found: dict[object, float] = {}
            for chance, body in table.alternatives(table.steer(number), client_class):
                found[body] = found.get(body, 0.0) + chance
            assert found == pytest.approx(
                {b: p for b, p in expected.items() if p or b in found}, abs=2**-29
            )
            picked = table.pick(table.steer(number), client_class, lambda: 2**31, 12345)
            assert (picked == 0) == choice.refused
            assert not picked or table.body(picked) in found


ZONE = [
    (b"example", b"com"),
    (b"sub", b"example", b"com"),
    (b"a", b"b", b"sub", b"example", b"com"),  # so b.sub is an empty non-terminal
    (b"b", b"sub", b"example", b"com"),
    (b"*", b"sub", b"example", b"com"),
    (b"cut", b"example", b"com"),
]


def served() -> AnswerTable:
    """Typeset 1 at every name, 0 at the empty non-terminal; cut is a zone cut."""
    names = [(wire(*labels), int(labels[0] != b"b")) for labels in ZONE]
    referral = Body(b"to be referred", authority=1)
    cuts = {wire(*ZONE[-1]): referral}
    outer = ZoneContent(APEX, 1, SOA, names, cuts, ecs=True)
    other = ZoneContent(wire(b"org"), 2, A, [(wire(b"org"), 0)], {}, ecs=False)
    types = [Typeset(), Typeset({1: A, 16: SOA})]
    return opened(TableContent((outer, other), types, [], [], [], [], "0123abc"))


@pytest.mark.parametrize(
    ("name", "outcome", "typeset"),
    [
        ("example.com", Outcome.NAME, 1),
        ("x.example.com", Outcome.MISSING, 0),
        ("x.sub.example.com", Outcome.NAME, 1),
        ("y.x.sub.example.com", Outcome.NAME, 1),
        ("*.sub.example.com", Outcome.NAME, 1),
        ("b.sub.example.com", Outcome.NAME, 0),  # exists, with nothing
        ("x.b.sub.example.com", Outcome.MISSING, 0),  # it blocks the wildcard above
        ("x.a.b.sub.example.com", Outcome.MISSING, 0),
        ("x.*.sub.example.com", Outcome.MISSING, 0),  # below the wildcard's own name
        ("com", Outcome.OUTSIDE, 0),
        ("xexample.com", Outcome.OUTSIDE, 0),
        ("x.org", Outcome.MISSING, 0),
    ],
)
def test_names_of_a_known_zone(name: str, outcome: Outcome, typeset: int) -> None:
    found = served().find(wire(*name.encode().split(b".")))
    assert (found.outcome, found.ref) == (outcome, typeset)


def test_at_and_below_a_cut_is_a_referral_but_for_ds() -> None:
    table = served()
    cut, below = wire(*ZONE[-1]), wire(b"x", *ZONE[-1])
    for name, qtype in ((cut, 1), (below, 1), (below, 43)):
        found = table.find(name, qtype)
        assert found.outcome is Outcome.REFERRAL
        assert table.referral(found.ref).octets == b"to be referred"
    assert table.find(cut, 43) == Found(Outcome.NAME, found.zone, 1)


def test_zones_and_head_come_back() -> None:
    table = served()
    assert (table.generation, table.built_at, table.origin) == (7, 1_700_000_000, "0123abc")
    assert (table.epoch, table.names) == (0, 7)
    com, org = table.zones[table.find(APEX).zone], table.zones[table.find(wire(b"org")).zone]
    assert com == (APEX, 1, SOA, True)
    assert org == (wire(b"org"), 2, A, False)


def test_a_cname_answers_every_type_without_an_entry() -> None:
    zone = ZoneContent(APEX, 1, SOA, [(APEX, 0)], {}, ecs=True)
    types = [Typeset({5: A, 46: SOA}), Typeset({16: SOA, 1: A}), Typeset()]
    table = opened(TableContent((zone,), types, [], [], [], []))
    assert table.entry(0, 28) == table.entry(0, 5) == A
    assert table.entry(0, 46) == SOA
    assert table.entry(1, 28) is None
    assert table.any_entry(1) == A
    assert table.any_entry(2) is None
    assert table.entry(2, 1) is None


def test_what_is_kept_is_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    """Beyond the bound answers are the same, only slower."""
    content = one_policy(3)
    table = opened(content)
    monkeypatch.setattr("gslb.answers.table.MAX_KEPT", 0)
    fresh = opened(content)
    view = fresh.steer(0)
    assert fresh.types(1)[1] == table.types(1)[1]
    picked = fresh.pick(view, 0, lambda: 0, 0)
    assert picked == table.pick(table.steer(0), 0, lambda: 0, 0)
    assert fresh.body(picked) == table.body(picked) == A
    assert not fresh._kept_bodies
    assert not fresh._kept_picks
