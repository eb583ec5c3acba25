"""Any table and any packet: the compiled data plane says what the responder says."""

from __future__ import annotations

import random
import struct
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.strategies import DrawFn

from gslb.answers import layout
from gslb.answers.model import Body, Choice, Patch, Pool, TableContent
from gslb.answers.pack import pack
from gslb.answers.patch import TableWriter
from gslb.dataplane import fast
from gslb.dataplane.settings import ResponderSettings, Source, Transport
from tests.answers.conftest import APEX, LABELS, contents, wire
from tests.conformance.conftest import NOW, build_content
from tests.conformance.test_sweeps import NAMES, real_queries
from tests.dataplane.planes import SOURCES, USUAL, Pair, needs_fast, one_block


@st.composite
def names(draw: DrawFn) -> bytes:
    labels = draw(st.lists(st.sampled_from([*LABELS, b"WWW", b"q"]), max_size=6))
    return wire(*labels)[:-1] + draw(st.sampled_from([APEX, APEX, APEX, APEX.upper(), b"\3org\0"]))


@st.composite
def opts(draw: DrawFn) -> bytes:
    chosen = []
    for _ in range(draw(st.integers(0, 4))):
        code = draw(st.sampled_from([8, 8, 10, 3, 19, 11, 65_001]))
        if code == 8 and draw(st.booleans()):
            family, width = draw(st.sampled_from([(1, 32), (2, 128)]))
            bits = draw(st.integers(0, width))
            address = draw(st.integers(0, 2**width - 1)) >> (width - bits) << (width - bits)
            data = struct.pack("!HBB", family, bits, 0)
            data += address.to_bytes(width // 8, "big")[: (bits + 7) // 8]
        else:
            data = draw(st.binary(max_size=42))
        chosen.append(struct.pack("!HH", code, len(data)) + data)
    octets = b"".join(chosen)
    payload = draw(st.sampled_from([0, 40, 512, 513, 1232, 4096, 65_535]))
    version = draw(st.sampled_from([0, 0, 0, 0, 0, 1]))
    flags = draw(st.sampled_from([0, 0x8000, 0x4000]))
    head = struct.pack("!BHHBBHH", 0, 41, payload, 0, version, flags, len(octets))
    return head + octets


@st.composite
def packets(draw: DrawFn) -> bytes:
    rtype = draw(st.one_of(st.integers(1, 300), st.sampled_from([1, 5, 28, 43, 65, 255])))
    question = draw(names()) + struct.pack("!HH", rtype, draw(st.sampled_from([1, 1, 1, 1, 3, 4])))
    tail = draw(st.one_of(st.just(b""), opts(), st.binary(max_size=30)))
    counts = (1, 0, 0, 1 if tail else 0)
    if draw(st.integers(0, 9)) == 0:
        counts = tuple(draw(st.integers(0, 3)) for _ in range(4))
    return struct.pack("!HHHHHH", draw(st.integers(0, 65_535)), 0x100, *counts) + question + tail


@needs_fast
@settings(max_examples=400)
@given(
    contents(),
    st.lists(packets(), min_size=1, max_size=12),
    st.integers(1, 2**64 - 1),
    st.sampled_from(SOURCES),
    st.sampled_from(Transport),
)
def test_any_table_any_packet(
    content: TableContent, asked: list[bytes], seed: int, source: Source, transport: Transport
) -> None:
    pair = Pair(bytes(pack(content, 1, 1)), USUAL, seed)
    for message in asked:
        pair.ask(message, source, transport=transport)
    fast, slow = pair.counted()
    assert fast == slow


@needs_fast
def test_patches_are_seen_by_both_at_once() -> None:
    """Cells that point into the arena; picks with many alternatives, weights of every size."""
    octets = pack(build_content(), 1, NOW)
    content = build_content()
    writer, pair, chance = TableWriter(octets), Pair(octets), random.Random(5)
    record = b"\xc0\x0c\0\1\0\1\0\0\0\x1e\0\4\xc0\0\2"
    asked = [query for query in real_queries() if b"\3www" in query or b"sticky" in query]
    for turn in range(60):
        bodies = tuple(
            Body(b"".join(record + bytes((turn + n,)) for n in range(size)), size, stride=16)
            for size in range(1, chance.randrange(2, 40))
        )
        weights = tuple(chance.random() ** 9 * 1000 + 1e-9 for _ in bodies)
        number = chance.randrange(len(content.pools))
        if not content.pools[number].slots:
            writer.patch(Patch(pools={number: Pool(bodies, weights)}))
        if turn % 10 == 9:
            writer.patch(Patch(choices={chance.randrange(3): Choice((), refused=True)}))
        for query in asked:
            pair.ask(query, chance.choice(SOURCES))


@needs_fast
@pytest.mark.parametrize("offset", [0, 4, 8, 2, 2**32 - 4, 2**40, 2**64 - 4, "end", "last"])
def test_a_cell_that_points_nowhere_is_declined_and_not_followed(offset: int | str) -> None:
    """What the verifier has not seen is checked: the supervisor writes cells while we read."""
    octets = bytearray(pack(build_content(), 1, NOW))
    size = len(octets)
    value = (
        {"end": size, "last": size - 4}.get(offset, offset) if isinstance(offset, str) else offset
    )
    from gslb.dataplane import _fast

    answerer = _fast.Answerer(_fast.FastSettings(USUAL), 1, lambda: 1.0)
    cells = layout.HEADER.offset("cells_offset")
    (at,) = struct.unpack_from("<I", octets, cells)
    (count,) = struct.unpack_from("<I", octets, layout.HEADER.offset("cells_octets"))
    for cell in range(layout.FIRST_CELL, count // 8):
        struct.pack_into("<Q", octets, at + 8 * cell, value)
    answerer.serve(_fast.FastTable(octets, one_block(octets).udp.block))
    query = b"\x12\x34\1\0\0\1\0\0\0\0\0\0" + NAMES["existing"] + b"\0\1\0\1"
    assert answerer.answer(query, SOURCES[0], 9, Transport.UDP) == fast.DECLINED


@needs_fast
@pytest.mark.parametrize("size", [0, 8, 511, 512, 17_000, 20_000])
def test_a_block_of_another_size_is_refused(size: int) -> None:
    from gslb.dataplane import _fast

    octets = bytes(pack(build_content(), 1, NOW))
    block = bytearray(one_block(octets).udp.block)
    with pytest.raises(ValueError, match="size"):
        _fast.FastTable(octets, (block + bytes(20_000))[:size])
    with pytest.raises(BufferError):
        _fast.FastTable(octets, bytes(block))


@needs_fast
def test_without_a_table_everything_is_declined() -> None:
    from gslb.dataplane import _fast

    answerer = _fast.Answerer(_fast.FastSettings(USUAL), 1, lambda: 1.0)
    assert answerer.answer(real_queries()[0], SOURCES[0], 9, Transport.UDP) == fast.DECLINED


@needs_fast
@pytest.mark.parametrize(
    "wrong",
    [
        {"cookie_secrets": (b"x" * 16,) * 9},
        {"own": frozenset((Source(1, n), 53) for n in range(129))},
    ],
)
def test_settings_beyond_its_room_are_refused(wrong: dict[str, Any]) -> None:
    from gslb.dataplane import _fast

    with pytest.raises(ValueError, match="more than"):
        _fast.FastSettings(ResponderSettings(**wrong))
