"""The reader of an answer table, for the Python responder. The octets have been verified before.

What is small is parsed once, when it is first met, and kept: typesets, steers, choices, pools and
bodies are immutable, and a patch writes new ones at new offsets, so nothing kept goes stale.
"""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections.abc import Callable, Sequence
from enum import IntEnum
from typing import Any, Final, NamedTuple
from zlib import crc32

from gslb.answers import layout
from gslb.answers.model import STICKY_SLOTS, Body
from gslb.answers.pick import sticky_slot

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


class MapView(NamedTuple):
    """One prefix map: for each family the starts, classes, buckets, and the shift to a bucket."""

    starts4: memoryview
    classes4: memoryview
    buckets4: memoryview
    shift4: int
    starts6: memoryview
    classes6: memoryview
    buckets6: memoryview
    shift6: int


class SteerView(NamedTuple):
    """How one policy answers one type."""

    number: int
    views: tuple[MapView, ...]
    resolvers: MapView | None
    cells: memoryview  # choice numbers, by class
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
        view = memoryview(octets)
        names = [name for name, _ in layout.HEADER.fields]
        head = dict(zip(names, layout.HEADER.struct.unpack_from(view, 0), strict=True))
        self._view = view
        self.generation: int = head["generation"]
        self.built_at: int = head["built_at"]
        self.octets: int = head["total_octets"]
        self.origin: str = head["origin"].rstrip(b"\0").decode()
        self._mask: int = head["slot_mask"]
        self._max_labels: int = head["max_labels"]
        self._choices: int = head["choices"]

        def part(name: str, code: str = "B") -> memoryview:
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
                row = layout_node(self._nodes, ((slot & 0xFFFFFFFF) - 1) * _NODE_OCTETS)
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
            bool(resolvers) or any(len(m.starts4) > 1 or len(m.starts6) > 1 for m in maps),
            bool(flags & layout.STEER_STICKY),
            bool(flags & layout.STEER_IGNORE_ECS),
        )
        return _keep(self._kept_steers, number, steer)

    def _map(self, number: int) -> MapView:
        kept = self._kept_maps.get(number)
        if kept is not None:
            return kept
        shape = layout.MAP.struct
        (n4, starts4, classes4, buckets4, n6, starts6, classes6, buckets6, bits4, bits6, _, _) = (
            shape.unpack_from(self._maps, number * shape.size)
        )
        view = self._view
        made = MapView(
            view[starts4 : starts4 + 4 * n4].cast("I"),
            view[classes4 : classes4 + 2 * n4].cast("H"),
            view[buckets4 : buckets4 + 4 * (2**bits4 + 1)].cast("I"),
            32 - bits4,
            view[starts6 : starts6 + 8 * n6].cast("Q"),
            view[classes6 : classes6 + 2 * n6].cast("H"),
            view[buckets6 : buckets6 + 4 * (2**bits6 + 1)].cast("I"),
            64 - bits6,
        )
        self._kept_maps[number] = made
        return made

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
            number, _, _ = _look_up(steer.resolvers, resolver_family, resolver)
            view = steer.views[number]
        return _look_up(view, family, client)

    def pick(
        self, steer: SteerView, client_class: int, draw: Callable[[], int], key: int
    ) -> Body | None:
        """Return one answer for *client_class*; None where the policy refuses.

        *draw* gives uniform 32-bit numbers; *key* is the client's `pick.sticky_key`, which decides
        where the steer is sticky.
        """
        cells = self._cells
        cell = cells[layout.FIRST_CELL + steer.cells[client_class]]
        choice = self._kept_picks.get(cell) or self._pick(cell)
        if not choice.refs:
            return None
        pool_number = _one(choice, draw, key, 0)
        cell = cells[layout.FIRST_CELL + self._choices + pool_number]
        pool = self._kept_picks.get(cell) or self._pick(cell)
        at = _one(pool, draw, key, 1)
        return self._kept_bodies.get(at) or self.body(at)

    def alternatives(self, steer: SteerView, client_class: int) -> list[tuple[float, Body]]:
        """Return every answer that *client_class* may get, with its probability; none if refused."""
        choice = self._pick(self._cells[layout.FIRST_CELL + steer.cells[client_class]])
        found = []
        for share, number in _chances(choice):
            pool = self._pick(self._cells[layout.FIRST_CELL + self._choices + number])
            found += [(share * chance, self.body(at)) for chance, at in _chances(pool)]
        return found

    def _pick(self, at: int) -> PickView:
        kind, count, _ = layout.PICK.struct.unpack_from(self._view, at)
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
        answer, authority, additional, optional, octets, optional_octets, fixups, stride = (
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
layout_node = layout.NODE.struct.unpack_from


def _keep(kept: dict[int, Any], key: int, value: Any) -> Any:
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


def _look_up(view: MapView, family: int, address: int) -> tuple[int, int, int]:
    if family == 1:
        starts, classes, buckets, shift, full = view.starts4, view.classes4, view.buckets4, view.shift4, 2**32
    else:
        starts, classes, buckets, shift, full = view.starts6, view.classes6, view.buckets6, view.shift6, 2**64
        address >>= 64
    bucket = address >> shift
    at = bisect_right(starts, address, buckets[bucket], buckets[bucket + 1] + 1) - 1
    behind = at + 1
    return classes[at], starts[at], starts[behind] if behind < len(starts) else full


def scope(family: int, address: int, low: int, high: int, cap: int) -> int:
    """Return the ECS scope for *address*: the shortest prefix, up to *cap*, whose clients are alike.

    The clients of the range [*low*, *high*) that are seen through a client subnet are those whose
    first *cap* bits begin inside it: so the bounds are rounded up to whole blocks of the cap. The
    scope is the largest block around *address* within them; such blocks of different clients never
    overlap, because aligned blocks are nested or apart and these are maximal (RFC 7871 section
    7.2.1). *address* is of the family's full width; the bounds are as `classify` returns them.
    """
    width = 32
    if family != 1:
        width = 64
        address >>= 64
    step = 1 << (width - cap)
    address &= -step
    low = (low + step - 1) & -step
    high = (high + step - 1) & -step
    bits = 0
    if low > 0:
        bits = width + 1 - (address ^ (low - 1)).bit_length()
    if high < 1 << width:
        bits = max(bits, width + 1 - (address ^ high).bit_length())
    return min(bits, cap)
