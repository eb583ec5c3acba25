"""Exhaustive sweeps: an RCODE or silence for everything, and octets that dnspython can read.

Answers that differ in nothing but ID and question are given to dnspython once, as it takes longer
to read one than we take for a hundred.
"""

from __future__ import annotations

import itertools
import random
import struct
from collections import Counter
from collections.abc import Iterator

import dns.edns
import dns.message
import dns.opcode
import pytest

from gslb.dataplane.client import source_of
from gslb.dataplane.settings import Transport

NAMES = {
    "existing": b"\3www\7example\3com\0",
    "ent": b"\3ent\7example\3com\0",
    "wildcard": b"\1x\4wild\7example\3com\0",
    "missing": b"\7nowhere\7example\3com\0",
    "foreign": b"\7example\3org\0",
    "cut": b"\1a\3sub\7example\3com\0",
    "alias": b"\5alias\7example\3com\0",
    "root": b"\0",
}
OPT = b"\0\0\x29\x04\xd0\0\0\0\0\0\0"
SOURCE = source_of("198.51.100.53")
RCODES = {0, 1, 2, 3, 4, 5}


class Reader:
    """Checks responses, and shows each kind of them to dnspython once."""

    def __init__(self) -> None:
        self.seen: set[bytes] = set()
        self.rcodes: Counter[int] = Counter()

    def check(self, message: bytes, response: bytes | None) -> int | None:
        if response is None:
            return None
        assert response[:2] == message[:2]
        assert response[2] & 0xF8 == 0x80 | message[2] & 0x78  # QR, the opcode, no TC flag games
        assert response[2] & 1 == message[2] & 1
        assert response[3] & 0xF0 == 0  # RA, Z, AD, CD
        assert len(response) <= 1232
        rcode = response[3] & 15
        assert rcode in RCODES
        self.rcodes[rcode] += 1
        end = 12
        if response[5]:
            while response[end]:
                end += 1 + response[end]
            end += 5
            assert response[12:end] == message[12:end]
        kind = (
            bytes((response[2] & 6, response[3])) + response[4:12] + bytes((end,)) + response[end:]
        )
        if kind not in self.seen:
            self.seen.add(kind)
            if response[2] & 0x78 != dns.opcode.UPDATE << 3:  # whose sections it reads otherwise
                dns.message.from_wire(response)
        return rcode


@pytest.mark.parametrize("name", NAMES)
def test_every_type(make, name: str) -> None:
    """H9: 65 536 types at every kind of name."""
    world, reader = make(errors_per_second=0.0), Reader()
    respond = world.responder.respond
    head = b"\x12\x34\1\0\0\1\0\0\0\0\0\1" + NAMES[name]
    for rtype in range(65_536):
        message = head + struct.pack("!HH", rtype, 1) + OPT
        reader.check(message, respond(message, SOURCE, 4242, Transport.UDP))
    assert sum(reader.rcodes.values()) == 65_536
    assert reader.rcodes[1] == 2  # OPT, NXNAME
    assert reader.rcodes[4] == 4  # TKEY, TSIG, MAILA, MAILB
    refused = {"foreign": 65_530, "root": 65_530}.get(name, 2)  # AXFR, IXFR
    assert reader.rcodes[5] == refused
    assert reader.rcodes[2] == 0


def test_every_class(world) -> None:
    """H10: 65 536 classes."""
    reader = Reader()
    for rclass in range(65_536):
        message = (
            b"\x12\x34\1\0\0\1\0\0\0\0\0\0" + NAMES["existing"] + struct.pack("!HH", 1, rclass)
        )
        rcode = reader.check(message, world.responder.respond(message, SOURCE, 4242, Transport.UDP))
        assert rcode == (0 if rclass == 1 else 5)


def test_every_flag_word(make) -> None:
    """H3, H4, T11: all 65 536."""
    world, reader = make(errors_per_second=0.0), Reader()
    tail = b"\0\1\0\0\0\0\0\0" + NAMES["existing"] + b"\0\1\0\1"
    for flags in range(65_536):
        message = b"\x12\x34" + flags.to_bytes(2, "big") + tail
        response = world.responder.respond(message, SOURCE, 4242, Transport.UDP)
        rcode = reader.check(message, response)
        if flags & 0x8000:
            assert response is None
        else:
            assert rcode == (4 if flags & 0x7800 else 0)


@pytest.mark.parametrize("length", [0, 1, 8, 16])
def test_every_option(make, length: int) -> None:
    """All option codes, with data that some of them refuse."""
    world, reader = make(errors_per_second=0.0), Reader()
    head = b"\x12\x34\1\0\0\1\0\0\0\0\0\1" + NAMES["existing"] + b"\0\1\0\1" + OPT[:-2]
    for code in range(65_536):
        option = struct.pack("!HH", code, length) + b"\0" * length
        message = head + len(option).to_bytes(2, "big") + option
        rcode = reader.check(message, world.responder.respond(message, SOURCE, 4242, Transport.UDP))
        # an ECS option of these lengths is never good, a cookie of 0 or 1 octets neither
        assert rcode == (1 if code == 8 or (code == 10 and length < 8) else 0), code


def test_every_size_of_the_payload_field(world) -> None:
    reader = Reader()
    head = b"\x12\x34\1\0\0\1\0\0\0\0\0\1\4many\7example\3com\0\0\1\0\1\0\0\x29"
    for size in range(65_536):
        message = head + size.to_bytes(2, "big") + bytes(6)
        response = world.responder.respond(message, SOURCE, 4242, Transport.UDP)
        reader.check(message, response)
        assert len(response) <= max(512, size)


def real_queries() -> list[bytes]:
    """200 queries as resolvers and tools send them."""
    found = []
    names = (
        "www",
        "static",
        "many",
        "nowhere",
        "a.wild",
        "a.sub",
        "alias",
        "sticky",
        "ent",
        "huge",
    )
    options = [
        [],
        [dns.edns.ECSOption("203.0.113.0", 24)],
        [dns.edns.GenericOption(10, b"abcdefgh")],
        [dns.edns.GenericOption(10, b"abcdefgh" + b"\1\0\0\0" * 4), dns.edns.GenericOption(3, b"")],
        [dns.edns.ECSOption("2001:db8:a::", 48), dns.edns.GenericOption(19, b"")],
    ]
    for name, rtype, (number, chosen) in itertools.product(
        names, ("A", "AAAA", "TXT", "ANY"), enumerate(options)
    ):
        query = dns.message.make_query(
            f"{name}.example.com", rtype, use_edns=0 if number else -1, options=chosen or None,
            want_dnssec=number == 4, payload=1232, id=number * 257,
        )  # fmt: skip
        found.append(query.to_wire())
    assert len(found) == 200
    return found


def mutations(query: bytes, values: int, chance: random.Random) -> Iterator[bytes]:
    for at in range(len(query)):
        chosen = range(256) if values == 256 else chance.sample(range(256), values)
        for value in chosen:
            yield query[:at] + bytes((value,)) + query[at + 1 :]


def test_every_truncation_of_real_queries(make) -> None:
    world, reader = make(errors_per_second=0.0), Reader()
    for query in real_queries():
        for size in range(len(query)):
            message = query[:size]
            response = world.responder.respond(message, SOURCE, 4242, Transport.UDP)
            reader.check(message, response)
            assert (response is None) == (size < 12)
            if response is not None:
                assert response[3] & 15 == 1


@pytest.mark.parametrize("chosen", range(8))
def test_every_change_of_one_octet(make, chosen: int) -> None:
    """Every value of every octet of some queries; then some values of every octet of all."""
    world, reader = make(errors_per_second=0.0), Reader()
    chance = random.Random(chosen)
    queries = real_queries()
    for message in mutations(queries[chosen * 23 + 4], 256, chance):
        reader.check(message, world.responder.respond(message, SOURCE, 4242, Transport.UDP))
    for query in queries[chosen::8]:
        for message in mutations(query, 3, chance):
            reader.check(message, world.responder.respond(message, SOURCE, 4242, Transport.UDP))
    assert sum(reader.rcodes.values()) > 1000


def test_random_octets(make) -> None:
    world, reader = make(errors_per_second=0.0), Reader()
    chance = random.Random(7)
    for _ in range(20_000):
        message = chance.randbytes(chance.randrange(80))
        reader.check(message, world.responder.respond(message, SOURCE, 4242, Transport.UDP))
        message = b"\x12\x34\0\0\0\1\0\0\0\0\0\2" + message
        reader.check(message, world.responder.respond(message, SOURCE, 4242, Transport.UDP))


@pytest.mark.parametrize("kind", ["python"])  # the compiled one takes no octets that count
def test_a_stuffed_query_costs_no_more_than_a_short_one(world) -> None:
    """Class 7 of the advisories: 64 KiB of records are not walked. Counted in steps, not in time."""
    steps = 0

    class Counting(bytes):
        def __getitem__(self, at):
            nonlocal steps
            steps += 1
            return super().__getitem__(at)

    question = NAMES["existing"] + b"\0\1\0\1"
    record = b"\xc0\x0c\0\1\0\1\0\0\0\0\0\4abcd"
    for counts in ((1, 4000, 0, 0), (1, 0, 4000, 0), (1, 0, 0, 4000)):
        steps = 0
        message = Counting(struct.pack("!HHHHHH", 1, 0, *counts) + question + record * 4000)
        response = world.responder.respond(message, SOURCE, 4242, Transport.TCP)
        assert response[3] & 15 == 1
        assert steps < 30
    steps = 0
    endless = Counting(struct.pack("!HHHHHH", 1, 0, 1, 0, 0, 2) + question + b"\1a" * 30_000)
    assert world.responder.respond(endless, SOURCE, 4242, Transport.TCP)[3] & 15 == 1
    assert steps < 400
