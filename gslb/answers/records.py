"""The records that cells and each other point to: picks (choices and pools) and bodies, as octets.

Both the builder and the writer of patches make them; what a reader could trip over is refused here.
"""

from __future__ import annotations

from array import array
from collections.abc import Sequence
from zlib import crc32

from gslb.answers import layout
from gslb.answers.model import STICKY_SLOTS, Body, Choice, Pool
from gslb.answers.pick import cumulate
from gslb.errors import GslbError

MAX_ALTERNATIVES = 65_535  # of one choice or pool; they are counted in 16 bits
MAX_BODY_OCTETS = 65_535  # RFC 1035 section 4.2.2: what TCP can carry


def choice_octets(choice: Choice, pools: int) -> bytes:
    """Return the record of *choice*. Raises ValueError when it refers to none of that many *pools*."""
    if choice.refused:
        return seal(layout.PICK.struct.pack(0, layout.REFUSED, 0))
    if not all(0 <= pool < pools for pool in choice.pools):
        raise ValueError(f"a choice of pools {choice.pools}; there are {pools}")
    return _pick_octets(choice.pools, choice.weights, choice.slots)


def pool_octets(pool: Pool, bodies: Sequence[int]) -> bytes:
    """Return the record of *pool*; *bodies* are the offsets of its bodies."""
    return _pick_octets(bodies, pool.weights, pool.slots)


def body_octets(body: Body) -> bytes:
    """Return the record of *body*.

    Raises GslbError when it would not fit a DNS message, ValueError when it holds no record or its
    counts do not fit its octets.
    """
    size = len(body.octets)
    if size > MAX_BODY_OCTETS:
        raise GslbError(f"an answer of {size} octets does not fit a DNS message")
    count = body.answer + body.authority + body.additional
    if not count + body.optional:
        raise ValueError("a body without records")
    if body.optional_octets > size or body.answer * body.stride > size - body.optional_octets:
        raise ValueError(f"a body whose parts are longer than its {size} octets")
    if not hold_records(size - body.optional_octets, count) or not hold_records(
        body.optional_octets, body.optional
    ):
        raise ValueError(f"a body of {count} and {body.optional} records in {size} octets")
    gaps = zip((-2, *body.fixups), (*body.fixups, size), strict=True)
    if any(later - earlier < 2 for earlier, later in gaps):
        raise ValueError(f"fixups {body.fixups} do not fit {size} octets")
    head = layout.BODY.struct.pack(
        0,
        body.answer,
        body.authority,
        body.additional,
        body.optional,
        size,
        body.optional_octets,
        len(body.fixups),
        body.stride,
    )
    return seal(head + array("H", body.fixups).tobytes() + body.octets)


def hold_records(octets: int, count: int) -> bool:
    """Return whether so many *octets* may be *count* records; none has none."""
    return bool(octets) == bool(count) and count * layout.MIN_RECORD <= octets


def seal(record: bytes) -> bytes:
    """Return *record* with its check in place."""
    rest = record[layout.CHECKED_FROM :]
    return crc32(rest).to_bytes(layout.CHECKED_FROM, "little") + rest


def _pick_octets(refs: Sequence[int], weights: Sequence[float], slots: Sequence[int]) -> bytes:
    count = len(refs)
    if not 0 < count <= MAX_ALTERNATIVES:
        raise ValueError(f"{count} alternatives; there must be 1 to {MAX_ALTERNATIVES}")
    if slots:
        if len(slots) != STICKY_SLOTS or not all(0 <= slot < count for slot in slots):
            raise ValueError(f"{len(slots)} slots for {count} alternatives do not fit")
        kind, tail = layout.STICKY, array("H", slots)
    else:
        if len(weights) != count:
            raise ValueError(f"{len(weights)} weights for {count} alternatives")
        kind, tail = layout.WEIGHTED, array("I", cumulate(weights))
    head = layout.PICK.struct.pack(0, kind, count)
    return seal(head + array("I", refs).tobytes() + tail.tobytes())
