"""The compiled data plane says what the responder says, octet by octet, or declines."""

from __future__ import annotations

import itertools
import random
import struct
from collections.abc import Iterator
from pathlib import Path

import pytest

from gslb.answers import layout
from gslb.answers.pack import pack
from gslb.dataplane import client, counters, fast
from gslb.dataplane.counters import Event
from gslb.dataplane.settings import ResponderSettings, Source, Transport
from gslb.errors import GslbError
from gslb.wire.cookies import CookieJar
from tests.conformance.conftest import build_content
from tests.conformance.test_sweeps import NAMES, OPT, mutations, real_queries
from tests.dataplane.counted import event
from tests.dataplane.planes import NOW, SECRET, SOURCES, Compiled, Pair, needs_fast


@pytest.fixture(scope="module")
def octets() -> bytes:
    return bytes(pack(build_content(), 1, NOW))


@pytest.fixture
def pair(octets: bytes) -> Iterator[Pair]:
    """Both, and when all has been asked, they have counted the same."""
    made = Pair(octets)
    yield made
    fast, slow = made.counted()
    assert fast == slow
    assert sum(fast[counters.REQUEST_SIZES : counters.REQUEST_OCTETS]) == made.asked


def test_it_is_built() -> None:
    """Where the tests run there is a compiler, so that slowness is never silent."""
    assert fast.why_not() == ""


def test_the_layout_that_it_includes_is_the_layout() -> None:
    """Written anew by ``python -m gslb.answers.layout``, ``python -m gslb.dataplane.counters``."""
    folder = Path(fast.__file__).parent
    assert (folder / "_layout.h").read_text() == layout.layout_include()
    assert (folder / "_counters.h").read_text() == counters.counters_include()


def test_fast_must_be_there_where_it_is_asked_for(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(fast, "_fast", None)
    monkeypatch.setattr(fast, "_WHY", "No module named '_fast'")
    assert not fast.choose("auto")
    assert not fast.choose("python")
    with pytest.raises(GslbError, match="No module named '_fast'"):
        fast.choose("fast")


@needs_fast
def test_it_is_taken_where_it_is_there_unless_python_is_asked_for() -> None:
    assert fast.choose("auto")
    assert fast.choose("fast")
    assert not fast.choose("python")


@needs_fast
class TestSweeps:
    """Everything of a kind, both planes at each step."""

    def test_real_queries_from_everywhere(self, pair: Pair) -> None:
        for query, source, transport in itertools.product(real_queries(), SOURCES, Transport):
            assert pair.ask(query, source, transport=transport) is not None
        assert pair.fast.declined == 0

    def test_every_truncation(self, pair: Pair) -> None:
        for query in real_queries():
            for size in range(len(query)):
                pair.ask(query[:size])

    @pytest.mark.parametrize("part", range(8))
    def test_every_change_of_one_octet(self, pair: Pair, part: int) -> None:
        chance = random.Random(part)
        for number, query in enumerate(real_queries()[part::8]):
            values = 256 if number % 12 == part else 8
            for message in mutations(query, values, chance):
                pair.ask(message, chance.choice(SOURCES))

    @pytest.mark.parametrize("name", NAMES)
    def test_every_type(self, pair: Pair, name: str) -> None:
        head = b"\x12\x34\1\0\0\1\0\0\0\0\0\1" + NAMES[name]
        for rtype in range(65_536):
            pair.ask(head + struct.pack("!HH", rtype, 1) + OPT)

    def test_every_class(self, pair: Pair) -> None:
        for rclass in range(65_536):
            tail = struct.pack("!HH", 1, rclass)
            pair.ask(b"\x12\x34\1\0\0\1\0\0\0\0\0\0" + NAMES["existing"] + tail)

    def test_every_flag_word_and_opcode(self, pair: Pair) -> None:
        for flags in range(65_536):
            counts = (b"\0\1", b"\0\0", b"\0\2")[flags % 7 % 3]
            head = b"\x12\x34" + flags.to_bytes(2, "big") + counts + b"\0\0\0\0\0\1"
            pair.ask(head + NAMES["existing"] + b"\0\1\0\1" + OPT)

    @pytest.mark.parametrize("length", [0, 1, 7, 8, 11, 16, 24, 40, 41])
    def test_every_option(self, pair: Pair, length: int) -> None:
        head = b"\x12\x34\1\0\0\1\0\0\0\0\0\1" + NAMES["existing"] + b"\0\1\0\1" + OPT[:-2]
        for code in (*range(32), *range(32, 65_536, 97), 65_535):
            option = struct.pack("!HH", code, length) + b"\0" * length
            pair.ask(head + struct.pack("!H", len(option)) + option)

    def test_every_size_of_the_payload_field(self, pair: Pair) -> None:
        head = b"\x12\x34\1\0\0\1\0\0\0\0\0\1\4many\7example\3com\0\0\1\0\1\0\0\x29"
        for size in range(65_536):
            pair.ask(head + size.to_bytes(2, "big") + bytes(6))

    def test_every_count_of_records(self, pair: Pair) -> None:
        question = NAMES["existing"] + b"\0\1\0\1"
        soa = b"\xc0\x0c\0\6\0\1\0\0\0\0\0\4abcd"
        tsig = b"\0\0\xfa\0\xff\0\0\0\0\0\4abcd"
        for counts in itertools.product(range(4), repeat=4):
            for rtype in (1, 251, 252):
                asked = NAMES["existing"] + struct.pack("!HH", rtype, 1)
                for tail in (b"", OPT, OPT + OPT, soa + OPT, OPT + soa, tsig, OPT + tsig, b"\1"):
                    head = struct.pack("!HHHHHH", 1, 0x100, *counts)
                    pair.ask(head + asked + tail)
                    pair.ask(struct.pack("!HHHHHH", 1, 0x2100, *counts) + question + tail)

    def test_every_source_port(self, pair: Pair) -> None:
        query = real_queries()[0]
        for port in range(65_536):
            pair.ask(query, port=port)
        for port in (52, 53, 54, 5300):
            for text in ("192.0.2.53", "2001:db8::53", "2001:db8::54", "192.0.2.54"):
                answered = pair.ask(query, client.source_of(text), port)
                own = (text, port) in {("192.0.2.53", 53), ("2001:db8::53", 5300)}
                assert (answered is None) == own

    def test_names_of_every_length(self, pair: Pair) -> None:
        for size in range(1, 64):
            for count in range(1, 70):
                name = (bytes((size,)) + b"N" * size) * count + b"\7example\3COM\0"
                pair.ask(b"\x12\x34\1\0\0\1\0\0\0\0\0\0" + name + b"\0\1\0\1")

    def test_every_octet_in_a_name(self, pair: Pair) -> None:
        for octet, place in itertools.product(range(256), range(1, 18)):
            name = bytearray(b"\x12abcdefghijklmnopqr\7example\3com\0")
            name[place] = octet
            pair.ask(b"\x12\x34\1\0\0\1\0\0\0\0\0\0" + bytes(name) + b"\0\1\0\1")

    def test_random_octets(self, pair: Pair) -> None:
        chance = random.Random(3)
        for _ in range(20_000):
            message = chance.randbytes(chance.randrange(80))
            pair.ask(message)
            pair.ask(b"\x12\x34\0\0\0\1\0\0\0\0\0\2" + message)


def subnets() -> Iterator[bytes]:
    """Client subnets around every edge that the table and the private blocks have."""
    edges4 = [0xCB007100, 0xCB007180, 0xC6330000, 0xC6340000, 0, 2**32 - 1]
    edges4 += list(client.BLOCKS4[0][:-1])
    edges6 = [0x20010DB8000A << 80, 0x20010DB8000B << 80, 0, 2**128 - 1]
    edges6 += [start << 64 for start in client.BLOCKS6[0][:-1]]
    for family, width, edges in ((1, 32, edges4), (2, 128, edges6)):
        lengths = range(width + 1) if family == 1 else (*range(66), 96, 127, 128)
        for edge, near, bits in itertools.product(edges, (-1, 0, 1), lengths):
            address = (edge + (near << (width - bits))) % 2**width >> (width - bits)
            address <<= width - bits
            size = (bits + 7) // 8
            data = address.to_bytes(width // 8, "big")[:size]
            yield struct.pack("!HBB", family, bits, 0) + data


@needs_fast
@pytest.mark.parametrize(
    "limits",
    [{}, {"ecs_max4": 0, "ecs_max6": 0}, {"ecs_max4": 32, "ecs_max6": 64}, {"ecs_max4": 9}],
)
def test_client_subnets_at_every_edge(octets: bytes, limits: dict[str, int]) -> None:
    pair = Pair(octets, ResponderSettings(errors_per_second=0.0, **limits))
    names = [b"\3www", b"\6sticky", b"\x08ignoring", b"\x08refusing", b"\x0aeverywhere"]
    for data in subnets():
        option = struct.pack("!HH", 8, len(data)) + data
        tail = OPT[:-2] + struct.pack("!H", len(option)) + option
        for name in names:
            head = b"\x12\x34\1\0\0\1\0\0\0\0\0\1" + name + b"\7example\3com\0\0\1\0\1"
            assert pair.ask(head + tail, SOURCES[pair.asked % len(SOURCES)]) is not None


@needs_fast
def test_cookies_of_every_age_secret_and_length(octets: bytes) -> None:
    pair = Pair(octets)
    head = b"\x12\x34\1\0\0\1\0\0\0\0\0\1" + NAMES["existing"] + b"\0\1\0\1" + OPT[:-2]
    jars = [CookieJar([key]) for key in (SECRET, b"x" * 16, b"other secret, 16")]
    for jar, source in itertools.product(jars, SOURCES):
        for age in (
            0,
            1,
            1799,
            1800,
            1801,
            3599,
            3600,
            3601,
            -1,
            -299,
            -300,
            -301,
            2**31,
            -(2**31),
        ):
            cookie = jar.issue(b"abcdefgh", client.octets_of(source), NOW - age)
            for data in (
                cookie,
                cookie[:-1] + b"\0",
                cookie[:8],
                cookie + b"z",
                b"\0" + cookie[1:],
            ):
                option = struct.pack("!HH", 10, len(data)) + data
                message = head + struct.pack("!H", len(option)) + option
                pair.ask(message, source)
                pair.ask(message, source, transport=Transport.TCP)
    pair.now = 2.0**32 + 100  # the clock of cookies wraps in 2106
    pair.ask(head + b"\0\x0c\0\x0a\0\x08abcdefgh")


@needs_fast
@pytest.mark.parametrize("source", [*SOURCES, Source(1, 0x7F000001), Source(2, 1)])
def test_limits_are_kept_alike(octets: bytes, source: Source) -> None:
    """The same number of tokens at the same time, for errors and for responses."""
    chance = random.Random(9)
    settings = ResponderSettings(
        errors_per_second=3.0, responses_per_second=5.0, cookie_secrets=(SECRET,)
    )
    pair = Pair(octets, settings)
    good, bad = real_queries()[0], struct.pack("!HHHHHH", 1, 0, 2, 0, 0, 0)
    cookie = CookieJar([SECRET]).issue(b"abcdefgh", client.octets_of(source), NOW)
    option = struct.pack("!HHH", 28, 10, 24) + cookie
    exempt = b"\x12\x34\1\0\0\1\0\0\0\0\0\1" + NAMES["existing"] + b"\0\1\0\1" + OPT[:-2] + option
    for _ in range(2000):
        pair.now += chance.choice((0.0, 0.01, 0.1, 0.5, 3.0, -1.0)) / 4
        neighbour = Source(source.family, source.address ^ chance.randrange(4))
        pair.ask(chance.choice((good, bad, exempt)), neighbour)
    fast, slow = pair.counted()
    assert fast == slow


@needs_fast
def test_what_a_limit_would_have_stopped_is_counted_where_there_is_none(octets: bytes) -> None:
    pair, query = Pair(octets), real_queries()[0]
    for _ in range(1010):
        assert pair.ask(query) is not None
    assert event(pair.fast.countings.udp, Event.LIMITED_DRY) == 10


@needs_fast
def test_a_flood_of_networks_forgets_some_and_limits_the_rest(octets: bytes) -> None:
    """More networks than are remembered: memory stays, and nobody is refused for it."""
    answerer = Compiled(octets, ResponderSettings(errors_per_second=1.0), 1, lambda: float(NOW))
    bad = struct.pack("!HHHHHH", 1, 0, 2, 0, 0, 0)
    for number in range(200_000):
        source = Source(1, (0x0B000000 + (number << 8)) & 0xFFFFFFFF)
        assert answerer.respond(bad, source, 9, Transport.UDP) is not None
    assert answerer.respond(bad, source, 9, Transport.UDP) is None
