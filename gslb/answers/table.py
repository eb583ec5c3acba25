"""The reader of an answer table, for the Python responder. The octets have been verified before.

What is small is parsed once, when it is first met, and kept: typesets, steers, choices, pools and
bodies are immutable, and a patch writes new ones at new offsets, so nothing kept goes stale.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Callable, Sequence
from enum import IntEnum
from typing import Any, Final, NamedTuple, TypeVar
from zlib import crc32

from gslb.answers import layout
from gslb.answers.model import STICKY_SLOTS, Body
from gslb.answers.pick import sticky_slot
from gslb.answers.ranges import HalfView, MapView, look_up, scope

__all__ = [
    "AnswerTable",
    "Found",
    "MapView",
    "Outcome",
    "PickView",
    "SteerView",
    "ZoneView",
    "scope",
]

MAX_KEPT: Final = 65_536  # parsed records of one kind; beyond it they are parsed at each use
TYPE_CNAME: Final = 5
TYPE_DS: Final = 43


class Outcome(IntEnum):
    """What a name turned out to be."""

    OUTSIDE = 0  # of every zone
    NAME = 1  # exists, or a wildcard covers it
    MISSING = 2  # in a zone, and does not exist
    REFERRAL = 3  # at or below a zone cut


class ZoneView(NamedTuple):
    """One zone."""

    apex: bytes  # wire form, lower case
    serial: int
    negative: Body
    ecs: bool


class SteerView(NamedTuple):
    """How one policy answers one type."""

    number: int
    views: tuple[MapView, ...]
    resolvers: MapView | None
    cells: Sequence[int]  # choice numbers, by class
    tailored: bool  # more than one class: the answer depends on who asks
    sticky: bool
    ignore_ecs: bool


class PickView(NamedTuple):
    """A choice or a pool."""

    refs: Sequence[int]
    ends: Sequence[int]  # cumulative weights, or none when there is one ref
    slots: Sequence[int]  # positions in refs, or none


class Found(NamedTuple):
    """A name's place: for NAME `ref` is a typeset, for REFERRAL a body's offset, else 0."""

    outcome: Outcome
    zone: int
    ref: int


_OUTSIDE: Final = Found(Outcome.OUTSIDE, 0, 0)


class AnswerTable:
    """One generation of answers, read from *octets* (bytes, or a mapped file that may be patched)."""

    def __init__(self, octets: Any) -> None:
        """Open *octets*, which `verify` found good."""
        view: Any = memoryview(octets)  # its `cast` takes only literals from a type checker
        names = [name for name, _ in layout.HEADER.fields]
        head = dict(zip(names, layout.HEADER.struct.unpack_from(view, 0), strict=True))
        self._view = view
        self.generation: int = head["generation"]
        self.built_at: int = head["built_at"]
        self.octets: int = head["total_octets"]
        self.origin: str = head["origin"].rstrip(b"\0").decode()
        self._mask: int = head["slot_mask"]
        self._max_labels: int = head["max_labels"]
        self.choices: int = head["choices"]

        def part(name: str, code: str = "B") -> Any:
            at, size = head[f"{name}_offset"], head[f"{name}_octets"]
            return view[at : at + size].cast(code)

        self._slots = part("slots", "Q")
        self._nodes = part("nodes")
        self._typesets = part("typesets", "I")
        self._entries = part("entries")
        self._steer_rows = part("steers")
        self._links = part("links", "I")
        self._maps = part("maps")
        self._cells = part("cells", "Q")
        self.names = len(self._nodes) // layout.NODE.struct.size
        self._kept_types: dict[int, dict[int, Body | SteerView]] = {}
        self._kept_steers: dict[int, SteerView] = {}
        self._kept_maps: dict[int, MapView] = {}
        self._kept_picks: dict[int, PickView] = {}
        self._kept_bodies: dict[int, Body] = {}
        self.zones = tuple(self._zone(row) for row in layout.ZONE.struct.iter_unpack(part("zones")))

    @property
    def epoch(self) -> int:
        """How often the table has been patched."""
        return int(self._cells[layout.EPOCH_CELL])

    # ---- names -----------------------------------------------------------------------------

    def find(self, name: bytes, qtype: int = 0) -> Found:
        """Return what *name* (wire form, lower case) is (RFC 1034 section 4.3.2, RFC 4592).

        At a zone cut a DS query (*qtype* 43) is about our side of it (RFC 4035 section 3.1.4.1).
        """
        found = self._node(name)
        if found is not None:
            _, typeset, cut, zone, _, _ = found
            if cut and qtype != TYPE_DS:
                return Found(Outcome.REFERRAL, zone, cut)
            return Found(Outcome.NAME, zone, typeset)
        starts = []
        at = 0
        while name[at]:
            at += name[at] + 1
            starts.append(at)
        for start in starts[max(0, len(starts) - self._max_labels - 1) :]:
            encloser = name[start:]
            found = self._node(encloser)
            if found is None:
                continue
            _, _, cut, zone, _, _ = found
            if cut:
                return Found(Outcome.REFERRAL, zone, cut)
            wild = self._node(b"\x01*" + encloser)
            if wild is not None:
                return Found(Outcome.NAME, wild[3], wild[1])
            return Found(Outcome.MISSING, zone, 0)
        return _OUTSIDE

    def _node(self, name: bytes) -> tuple[int, int, int, int, int, int] | None:
        number = crc32(name)
        slots, mask = self._slots, self._mask
        at = number & mask
        while slot := slots[at]:
            if slot >> 32 == number:
                row: tuple[int, int, int, int, int, int] = _node_row(
                    self._nodes, ((slot & 0xFFFFFFFF) - 1) * _NODE_OCTETS
                )
                if row[4] == len(name) and self._view[row[0] : row[0] + row[4]] == name:
                    return row
            at = (at + 1) & mask
        return None

    def _zone(self, row: tuple[Any, ...]) -> ZoneView:
        apex, serial, negative, octets, flags, _ = row
        ecs = bool(flags & layout.ZONE_ECS)
        return ZoneView(bytes(self._view[apex : apex + octets]), serial, self.body(negative), ecs)

    # ---- types -----------------------------------------------------------------------------

    def entry(self, typeset: int, qtype: int) -> Body | SteerView | None:
        """Return what *typeset* has for *qtype*; a CNAME stands for every type that is not there."""
        types = self.types(typeset)
        found = types.get(qtype)
        return found if found is not None else types.get(TYPE_CNAME)

    def any_entry(self, typeset: int) -> Body | SteerView | None:
        """Return the first RRset of *typeset*, for ANY (RFC 8482 section 4.1)."""
        return next(iter(self.types(typeset).values()), None)

    def types(self, typeset: int) -> dict[int, Body | SteerView]:
        """Return everything at a name, by type, in the order of the types."""
        kept = self._kept_types.get(typeset)
        if kept is not None:
            return kept
        first, count = self._typesets[2 * typeset], self._typesets[2 * typeset + 1]
        types: dict[int, Body | SteerView] = {}
        size = layout.ENTRY.struct.size
        for number in range(first, first + count):
            rtype, kind, ref = layout.ENTRY.struct.unpack_from(self._entries, number * size)
            types[rtype] = self.body(ref) if kind == layout.STATIC else self.steer(ref)
        return _keep(self._kept_types, typeset, types)

    def steer(self, number: int) -> SteerView:
        """Return the steer of that *number*."""
        kept = self._kept_steers.get(number)
        if kept is not None:
            return kept
        shape = layout.STEER.struct
        views, view_count, choices, choice_count, resolvers, flags = shape.unpack_from(
            self._steer_rows, number * shape.size
        )
        maps = tuple(self._map(link) for link in self._links[views : views + view_count])
        steer = SteerView(
            number,
            maps,
            self._map(resolvers - 1) if resolvers else None,
            self._links[choices : choices + choice_count],
            bool(resolvers) or not all(found.single for found in maps),
            bool(flags & layout.STEER_STICKY),
            bool(flags & layout.STEER_IGNORE_ECS),
        )
        return _keep(self._kept_steers, number, steer)

    def _map(self, number: int) -> MapView:
        kept = self._kept_maps.get(number)
        if kept is not None:
            return kept
        shape = layout.MAP.struct
        row = shape.unpack_from(self._maps, number * shape.size)
        found = MapView(self._half(row[:4], row[8], 32, "I"), self._half(row[4:8], row[9], 64, "Q"))
        return _keep(self._kept_maps, number, found)

    def _half(self, half: Sequence[int], bits: int, width: int, code: str) -> HalfView:
        count, starts, classes, buckets = half
        view = self._view
        size = width // 8 * count
        return HalfView(
            view[starts : starts + size].cast(code),
            view[classes : classes + 2 * count].cast("H"),
            view[buckets : buckets + 4 * (2**bits + 1)].cast("I"),
            width - bits,
            2**width,
        )

    # ---- clients ---------------------------------------------------------------------------

    def classify(
        self, steer: SteerView, family: int, client: int, resolver_family: int, resolver: int
    ) -> tuple[int, int, int]:
        """Return the class of *client*, and the bounds of its range: first, and first behind it.

        Families are 1 (addresses of 32 bits) and 2 (128 bits). The bounds are in the map's own
        width: 32 bits, or the upper 64 of IPv6; the one behind may be 2³² or 2⁶⁴.
        """
        view = steer.views[0]
        if steer.resolvers is not None:
            number, _, _ = look_up(steer.resolvers, resolver_family, resolver)
            view = steer.views[number]
        return look_up(view, family, client)

    def pick(self, steer: SteerView, client_class: int, draw: Callable[[], int], key: int) -> int:
        """Return where the body of one answer for *client_class* is; 0 where the policy refuses.

        *draw* gives uniform 32-bit numbers; *key* is the client's `pick.sticky_key`, which decides
        where the steer is sticky.
        """
        cells = self._cells
        cell = cells[layout.FIRST_CELL + steer.cells[client_class]]
        choice = self._kept_picks.get(cell) or self._pick(cell)
        if not choice.refs:
            return 0
        pool_number = _one(choice, draw, key, 0)
        cell = cells[layout.FIRST_CELL + self.choices + pool_number]
        pool = self._kept_picks.get(cell) or self._pick(cell)
        return _one(pool, draw, key, 1)

    def alternatives(self, steer: SteerView, client_class: int) -> list[tuple[float, Body]]:
        """Return every answer that *client_class* may get, with its probability; none if refused."""
        choice = self._pick(self._cells[layout.FIRST_CELL + steer.cells[client_class]])
        found = []
        for share, number in _chances(choice):
            pool = self._pick(self._cells[layout.FIRST_CELL + self.choices + number])
            found += [(share * chance, self.body(at)) for chance, at in _chances(pool)]
        return found

    def _pick(self, at: int) -> PickView:
        _, kind, count = layout.PICK.struct.unpack_from(self._view, at)
        start = at + layout.PICK.struct.size
        middle = start + 4 * count
        refs = tuple(self._view[start:middle].cast("I"))
        ends: tuple[int, ...] = ()
        slots: tuple[int, ...] = ()
        if kind == layout.STICKY:
            slots = tuple(self._view[middle : middle + 2 * STICKY_SLOTS].cast("H"))
        elif count > 1:
            ends = tuple(self._view[middle : middle + 4 * count].cast("I"))
        return _keep(self._kept_picks, at, PickView(refs, ends, slots))

    def body(self, at: int) -> Body:
        """Return the body at that offset."""
        kept = self._kept_bodies.get(at)
        if kept is not None:
            return kept
        shape = layout.BODY.struct
        _, answer, authority, additional, optional, octets, optional_octets, fixups, stride = (
            shape.unpack_from(self._view, at)
        )
        start = at + shape.size
        middle = start + 2 * fixups
        body = Body(
            bytes(self._view[middle : middle + octets]),
            answer,
            authority,
            additional,
            optional,
            optional_octets,
            tuple(self._view[start:middle].cast("H")),
            stride,
        )
        return _keep(self._kept_bodies, at, body)

    referral = body  # a referral is found by its body's offset


_NODE_OCTETS: Final = layout.NODE.struct.size
_node_row: Final = layout.NODE.struct.unpack_from


_Kept = TypeVar("_Kept")


def _keep(kept: dict[int, _Kept], key: int, value: _Kept) -> _Kept:
    if len(kept) < MAX_KEPT:
        kept[key] = value
    return value


def _one(pick: PickView, draw: Callable[[], int], key: int, stage: int) -> int:
    refs = pick.refs
    if pick.slots:
        return refs[pick.slots[sticky_slot(key, stage)]]
    if len(refs) == 1:
        return refs[0]
    return refs[bisect_left(pick.ends, draw())]


def _chances(pick: PickView) -> list[tuple[float, int]]:
    if pick.slots:
        counts = [0] * len(pick.refs)
        for slot in pick.slots:
            counts[slot] += 1
        return [(n / STICKY_SLOTS, ref) for n, ref in zip(counts, pick.refs, strict=True) if n]
    if len(pick.refs) <= 1:
        return [(1.0, ref) for ref in pick.refs]
    before = [-1, *pick.ends[:-1]]
    return [
        ((end - start) / 2**32, ref)
        for start, end, ref in zip(before, pick.ends, pick.refs, strict=True)
    ]
