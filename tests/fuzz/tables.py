"""Random valid answer tables, small and with a small arena, the same ones at every call."""

from __future__ import annotations

import random
from collections.abc import Iterator
from unittest import mock

from hypothesis import HealthCheck, Phase, given, seed, settings

from gslb.answers import pack as packing
from gslb.answers.model import Body, Choice, Patch, Pool, TableContent, Typeset, ZoneContent
from gslb.answers.patch import ArenaFull, TableWriter
from gslb.answers.verify import verify
from tests.answers.conftest import APEX, contents, wire
from tests.conformance.conftest import NOW, build_content

ARENA = 4096  # octets, so that a read too far leaves the table soon


def random_contents(count: int, number: int) -> list[TableContent]:
    """Return *count* contents of tables; another *number*, others."""
    found: list[TableContent] = []

    @seed(number)
    @settings(
        max_examples=count, database=None, deadline=None, phases=[Phase.generate],
        suppress_health_check=list(HealthCheck),
    )  # fmt: skip
    @given(contents())
    def collect(content: TableContent) -> None:
        found.append(content)

    collect()
    return found


def small(content: TableContent, generation: int = 1) -> bytearray:
    """Return the table of *content* with an arena of some thousand octets."""
    with mock.patch.multiple(packing, MIN_ARENA=ARENA, ARENA_TIMES=1):
        return packing.pack(content, generation, NOW)


def patched(content: TableContent, chance: random.Random) -> bytearray:
    """Return the table of *content* after changes, so that cells point into the arena."""
    octets = small(content)
    writer = TableWriter(octets)
    record = b"\xc0\x0c\0\1\0\1\0\0\0\x1e\0\4\xc0\0\2"
    try:
        for _ in range(chance.randrange(1, 9)):
            bodies = tuple(
                Body(b"".join(record + bytes((n,)) for n in range(size)), size, stride=16)
                for size in range(1, chance.randrange(2, 6))
            )
            weights = tuple(chance.random() + 1e-6 for _ in bodies)
            writer.patch(Patch(pools={chance.randrange(len(content.pools)): Pool(bodies, weights)}))
            number = chance.randrange(len(content.choices))
            pools = tuple(chance.randrange(len(content.pools)) for _ in range(3))
            writer.patch(Patch(choices={number: Choice(pools, (1.0, 2.0, 3.0))}))
    except ArenaFull:
        pass
    return octets


def edges() -> TableContent:
    """Return a content whose bodies, with what may be left out, end around every limit of a response."""
    soa = Body(b"\0\0\0\6\0\1\0\0\0\x3c\0\x16" + bytes(22), authority=1, fixups=(0,))
    typesets, names = [Typeset({6: soa})], [(APEX, 0)]
    for size in (500, 512, 1100, 1232, 4000, 4096, 8192, 65_000, 65_535):
        answer = b"\xc0\x0c\0\x10\0\1\0\0\0\x1e\0\x0a\x09nine more"
        owned = b"\0\0" + answer[2:]  # by the apex
        count = size // len(answer)
        for optional in (0, 1, count // 2, count - 1):
            first = len(answer) * (count - optional)
            fixups = tuple(range(first, len(answer) * count, len(answer)))
            body = Body(
                answer * (count - optional) + owned * optional, count - optional, 0, 0, optional,
                len(answer) * optional, fixups, len(answer) if optional % 2 else 0,
            )  # fmt: skip
            names.append((wire(b"n%d" % len(names))[:-1] + APEX, len(typesets)))
            typesets.append(Typeset({16: body}))
    zone = ZoneContent(APEX, 1, soa, names, {}, ecs=True)
    return TableContent((zone,), typesets, [], [], [], [])


def tables(count: int, number: int = 1) -> Iterator[tuple[str, bytearray]]:
    """Yield names and tables: the conformance tests' own world, then random ones and patched ones.

    Bodies hold records, and not just octets, in those that have "real" in their names.
    """
    chance = random.Random(number)
    real = build_content()
    made = [
        ("00-real", small(real)),
        ("01-real-patched", patched(real, chance)),
        ("02-real-edges", small(edges())),
    ]
    for at, content in enumerate(random_contents(count, number), len(made)):
        octets = patched(content, chance) if at % 3 == 2 else small(content)
        made.append((f"{at:02}-random", octets))
    for name, octets in made:
        assert verify(octets) == []
        yield name, octets
