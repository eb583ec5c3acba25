"""What the fuzzer starts from: queries as people send them, and some that nobody should."""

from __future__ import annotations

import itertools
import random
import struct
from collections.abc import Iterator
from pathlib import Path

from gslb.dataplane.client import octets_of
from gslb.wire.cookies import CookieJar
from tests.answers.conftest import APEX, LABELS, wire
from tests.conformance.conftest import NOW
from tests.conformance.test_sweeps import NAMES, OPT, real_queries
from tests.dataplane.planes import OWN, SECRET, SOURCES

BY_TCP, IPV6, LIMITED, UNLIMITED, PLAIN, DRY = (1 << bit for bit in range(6))  # of answer.c
FLAGS = (
    0, BY_TCP, IPV6, IPV6 | BY_TCP, LIMITED, LIMITED | DRY, UNLIMITED, PLAIN, PLAIN | BY_TCP,
)  # fmt: skip
HEAD = struct.Struct("!BBH16s")  # of answer.c: table, flags, port, address
TABLES = 64  # that the first octet may name


def queries() -> list[bytes]:
    """Return the seeds of the target that decodes."""
    return [*real_queries(), *_odd(), *_random_names()]


def _odd() -> Iterator[bytes]:
    """Yield what is refused, declined, or goes to the edge of what is allowed."""
    question = NAMES["existing"] + b"\0\1\0\1"
    head = b"\x12\x34\1\0\0\1\0\0\0\0\0\1"
    yield b""
    yield head[:11]
    yield b"\x12\x34\x81\0" + head[4:] + question + OPT  # a response
    for opcode in (1, 2, 4, 5, 15):
        yield bytes((0, 1, opcode << 3)) + head[3:] + question + OPT
    for rtype, rclass in itertools.product(
        (1, 5, 16, 41, 43, 128, 249, 250, 251, 252, 253, 255), (1, 3, 4, 255)
    ):
        yield head + NAMES["existing"] + struct.pack("!HH", rtype, rclass) + OPT
    for name in NAMES.values():
        yield head + name + b"\0\1\0\1" + OPT
    longest = (b"\x3f" + b"x" * 63) * 3 + b"\x2f" + b"y" * 47 + APEX
    deepest = b"\1a" * 120 + APEX
    for name in (longest, deepest, longest + b"\0", b"\xc0\x0c", b"\x40a\0", b"\3ww"):
        yield head + name + b"\0\1\0\1" + OPT
    counts = (b"\0\0\0\0\0\0\0\1", b"\0\2\0\0\0\0\0\0", b"\0\1\0\1\0\0\0\0", b"\0\1\0\0\0\1\0\0")
    for count in counts:
        yield head[:4] + count + (OPT if count[1] == 0 else question * 2)
    soa = b"\xc0\x0c\0\6\0\1\0\0\0\0\0\4abcd"
    yield head[:8] + b"\0\1\0\1" + NAMES["existing"] + b"\0\xfb\0\1" + soa + OPT  # IXFR
    yield head[:10] + b"\0\2" + question + OPT * 2
    yield head[:10] + b"\0\2" + question + OPT + b"\0\0\xfa\0\xff\0\0\0\0\0\0"  # TSIG
    for version, data in itertools.product((0, 1), _options()):
        record = struct.pack("!BHHBBHH", 0, 41, 4096, 0, version, 0x8000, len(data)) + data
        yield head + question + record
        yield head[:4] + b"\0\0\0\0\0\0\0\1" + record


def _options() -> Iterator[bytes]:
    jar = CookieJar((SECRET,))
    for source, age in itertools.product(SOURCES, (0, 2000, 4000, -100)):
        yield b"\0\x0a\0\x18" + jar.issue(b"abcdefgh", octets_of(source), NOW - age)
    for family, bits in ((1, 0), (1, 1), (1, 24), (1, 32), (2, 56), (2, 64), (2, 128), (3, 8)):
        octets = (bits + 7) // 8
        data = struct.pack("!HBB", family, bits, 0) + b"\xc0" * octets
        yield struct.pack("!HH", 8, len(data)) + data
    yield b"\0\3\0\0\0\x13\0\0\0\x0a\0\x08abcdefgh\xfd\xe9\0\3abc"
    yield b"\0\x0a\0\x07abcdefg"
    yield b"\0\x08\0\xff"


def _random_names() -> Iterator[bytes]:
    """Yield queries for names that the random tables have."""
    chance = random.Random(1)
    for _ in range(150):
        name = wire(*chance.choices(LABELS, k=chance.randrange(4)))[:-1] + APEX
        tail = OPT if chance.random() < 0.7 else b""
        head = struct.pack("!HHHHHH", chance.randrange(65_536), 0x100, 1, 0, 0, bool(tail))
        yield head + name + struct.pack("!HH", chance.randrange(1, 300), 1) + tail


def _edges() -> Iterator[bytes]:
    """Yield queries for `tables.edges`, with every limit that its answers are made for."""
    for number, payload in itertools.product(range(1, 37), (0, 512, 1232, 4096, 65_535)):
        opt = struct.pack("!BHHIH", 0, 41, payload, 0, 0) if payload else b""
        head = struct.pack("!HHHHHH", number, 0x100, 1, 0, 0, bool(opt))
        yield head + wire(b"n%d" % number)[:-1] + APEX + b"\0\x10\0\1" + opt


def write_decode(folder: Path) -> None:
    """Write the seeds of the target that decodes into *folder*."""
    folder.mkdir(parents=True, exist_ok=True)
    for number, query in enumerate(queries()):
        (folder / f"{number:04}").write_bytes(query)


def write_answer(folder: Path) -> None:
    """Write the seeds of the target that answers: each query with choices in front."""
    folder.mkdir(parents=True, exist_ok=True)
    chance = random.Random(2)
    places = [(source, 4242) for source in SOURCES] + [OWN, (SOURCES[0], 53), (SOURCES[0], 19)]
    seeds = []
    for query in queries() * 2:
        source, port = chance.choice(places)
        flags = chance.choice(FLAGS) | (IPV6 if source[0] == 2 else 0)
        table = chance.choice((0, 1, chance.randrange(TABLES)))
        head = HEAD.pack(table, flags, port, octets_of(source).ljust(16, b"\0"))
        seeds.append(head + query)
    seeds += [
        HEAD.pack(2, flags, 4242, b"\1" * 16) + query
        for query in _edges()
        for flags in (0, PLAIN, BY_TCP)
    ]
    for number, seed in enumerate(seeds):
        (folder / f"{number:04}").write_bytes(seed)
