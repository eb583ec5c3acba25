"""Contents of answer tables, made by hypothesis; and the slow, plain reading of them."""

from __future__ import annotations

import numpy as np
from hypothesis import strategies as st
from hypothesis.strategies import DrawFn

from gslb.answers.model import (
    STICKY_SLOTS,
    Body,
    Choice,
    Pool,
    PrefixMap,
    Steer,
    TableContent,
    Typeset,
    ZoneContent,
)

LABELS = [b"a", b"b", b"www", b"*", b"deep", b"x" * 63]


def wire(*labels: bytes) -> bytes:
    """Return labels as a wire-form name."""
    return b"".join(bytes([len(label)]) + label for label in labels) + b"\0"


APEX = wire(b"example", b"com")


@st.composite
def bodies(draw: DrawFn) -> Body:
    count = draw(st.integers(1, 4))
    pad = draw(st.just(b"") | st.binary(min_size=11, max_size=20))
    octets = draw(st.binary(min_size=16 * count, max_size=16 * count))
    fixups = (2, 6) if draw(st.booleans()) else ()
    return Body(
        octets + pad, count, 0, 0, int(bool(pad)), len(pad), fixups, draw(st.sampled_from((0, 16)))
    )


@st.composite
def maps(draw: DrawFn, classes: int) -> PrefixMap:
    def half(width: int, kind: type) -> tuple[np.ndarray, np.ndarray]:
        starts = {0} | draw(st.sets(st.integers(1, 2**width - 1), max_size=20))
        starts |= {
            draw(st.integers(1, 2**16 - 1)) << (width - 16) for _ in range(draw(st.integers(0, 8)))
        }
        ordered = sorted(starts)
        values = [draw(st.integers(0, classes - 1)) for _ in ordered]
        return np.array(ordered, kind), np.array(values, np.uint16)

    return PrefixMap(*half(32, np.uint32), *half(64, np.uint64))


def weighted(draw: DrawFn, count: int) -> tuple[tuple[float, ...], tuple[int, ...]]:
    if draw(st.booleans()):
        slots = draw(st.lists(st.integers(0, count - 1), min_size=8, max_size=8))
        return (), tuple(slots * (STICKY_SLOTS // 8))
    weights = draw(st.lists(st.floats(1e-6, 1e6), min_size=count, max_size=count))
    return tuple(weights), ()


@st.composite
def contents(draw: DrawFn) -> TableContent:
    pools = []
    for _ in range(draw(st.integers(1, 4))):
        answers = tuple(draw(st.lists(bodies(), min_size=1, max_size=4)))
        pools.append(Pool(answers, *weighted(draw, len(answers))))
    choices = [Choice((), refused=True)]
    for _ in range(draw(st.integers(1, 4))):
        numbers = tuple(draw(st.lists(st.integers(0, len(pools) - 1), min_size=1, max_size=3)))
        choices.append(Choice(numbers, *weighted(draw, len(numbers))))
    steers, prefix_maps = [], []
    for _ in range(draw(st.integers(1, 3))):
        classes = draw(st.integers(1, 4))
        views = draw(st.integers(1, 2))
        first = len(prefix_maps)
        prefix_maps += [draw(maps(classes)) for _ in range(views)]
        resolvers = None
        if views > 1:
            resolvers = len(prefix_maps)
            prefix_maps.append(draw(maps(views)))
        numbers = tuple(draw(st.integers(0, len(choices) - 1)) for _ in range(classes))
        steers.append(
            Steer(
                tuple(range(first, first + views)),
                numbers,
                resolvers,
                draw(st.booleans()),
                draw(st.booleans()),
            )
        )
    typesets = [Typeset()]
    for _ in range(draw(st.integers(1, 4))):
        types = draw(st.lists(st.integers(1, 300), min_size=0, max_size=5, unique=True))
        kinds = {t: draw(st.booleans()) for t in types}
        typesets.append(
            Typeset(
                {t: draw(bodies()) for t, static in kinds.items() if static},
                {
                    t: draw(st.integers(0, len(steers) - 1))
                    for t, static in kinds.items()
                    if not static
                },
            )
        )
    relative = draw(
        st.sets(st.lists(st.sampled_from(LABELS), min_size=1, max_size=4).map(tuple), max_size=12)
    )
    owners = {APEX} | {
        wire(*labels[at:], b"example", b"com") for labels in relative for at in range(len(labels))
    }
    owners = {name for name in owners if len(name) <= 255}  # RFC 1035 section 3.1
    ordered = sorted(owners)
    names = [(name, draw(st.integers(0, len(typesets) - 1))) for name in ordered]
    below = [name for name in ordered if name != APEX and b"\x01*" not in name]
    cut = draw(st.sampled_from(below)) if below and draw(st.booleans()) else None
    cuts = {}
    if cut is not None:
        names = [
            (name, typeset) for name, typeset in names if name == cut or not name.endswith(cut)
        ]
        cuts[cut] = draw(bodies())
    zone = ZoneContent(
        APEX, draw(st.integers(0, 2**32 - 1)), draw(bodies()), names, cuts, draw(st.booleans())
    )
    return TableContent((zone,), typesets, steers, prefix_maps, choices, pools, "0123abc")


SOA = Body(b"\xc0\x00" + b"s" * 30, authority=1, fixups=(0,))
A = Body(b"\xc0\x0c\0\1\0\1\0\0\0\x1e\0\4\xc0\0\2\1", answer=1, stride=16)
EVERYWHERE = PrefixMap(
    *(np.zeros(1, kind) for kind in (np.uint32, np.uint16, np.uint64, np.uint16))
)


def one_policy(names: int) -> TableContent:
    """Return a table of *names* steered names under one policy with one address, and a spare pool."""
    owners = [(APEX, 0), *((wire(b"n%d" % n, b"example", b"com"), 1) for n in range(names))]
    zone = ZoneContent(APEX, 1, SOA, owners, {}, ecs=True)
    return TableContent(
        (zone,), [Typeset({6: SOA}), Typeset({}, {1: 0})], [Steer((0,), (0,))], [EVERYWHERE],
        [Choice((0,), (1.0,))], [Pool((A,), (1.0,)), Pool((A, SOA), (1.0, 2.0))],
    )  # fmt: skip
