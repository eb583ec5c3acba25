"""Both data planes for one test: the responder, and the compiled one with the same face."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from gslb.answers.pick import Xorshift
from gslb.answers.table import AnswerTable
from gslb.dataplane import client, counters
from gslb.dataplane.counters import Declined, Event, new_block
from gslb.dataplane.counting import Counting, Countings
from gslb.dataplane.fast import DECLINED, why_not
from gslb.dataplane.guard import Guard
from gslb.dataplane.responder import Responder
from gslb.dataplane.settings import ResponderSettings, Source, Transport
from tests.dataplane import counted

NOW = 1_700_000_000
SECRET = bytes.fromhex("e5e973e5a6b2a43f48e7dc849e37bfcf")
KINDS = ("python", "fast")
needs_fast = pytest.mark.skipif(bool(why_not()), reason="not built; test_it_is_built fails for it")


def one_block(octets: Any) -> Countings:
    """Return countings that put both transports into one block, made for a table."""
    table = AnswerTable(octets)
    block = new_block(len(table.zones), table.choices, table.generation, 0, Transport.UDP)
    counting = Counting(block)
    return Countings(counting, counting)


class Compiled:
    """The compiled data plane, with what it declines answered by a responder."""

    def __init__(
        self,
        octets: Any,
        settings: ResponderSettings,
        seed: int,
        clock: Callable[[], float],
    ) -> None:
        from gslb.dataplane import _fast

        self.countings = one_block(octets)
        draw = Xorshift(seed).next32
        self.slow = Responder(AnswerTable(octets), settings, draw, clock, self.countings)
        self.guard = Guard(self.slow.respond, clock, self.countings)
        self.fast = _fast.Answerer(_fast.FastSettings(settings), seed, clock)
        self.fast.serve(_fast.FastTable(octets, self.countings.udp.block))
        self.fast.set_keepalive(round(settings.tcp_idle_seconds * 10))
        self.declined = 0

    def respond(
        self, message: bytes, source: Source, port: int, transport: Transport
    ) -> bytes | None:
        response = self.fast.answer(message, source, port, transport)
        if response != DECLINED:
            return response
        self.declined += 1
        return self.guard.respond(message, source, port, transport)

    @property
    def draining(self) -> bool:
        return self.slow.draining

    @draining.setter
    def draining(self, value: bool) -> None:
        assert value
        self.slow.draining = value
        self.fast.set_keepalive(0)


Plane = Responder | Compiled


def plane(
    kind: str,
    octets: Any,
    settings: ResponderSettings,
    seed: int = 1,
    clock: Callable[[], float] = lambda: 1000.0,
) -> Plane:
    """Return a data plane of that *kind* on a table."""
    if kind == "python":
        return Responder(AnswerTable(octets), settings, Xorshift(seed).next32, clock)
    if why_not():
        pytest.skip(why_not())
    return Compiled(octets, settings, seed, clock)


SOURCES = (
    client.source_of("198.51.100.53"),
    client.source_of("203.0.113.9"),
    client.source_of("10.1.2.3"),
    client.source_of("2001:db8:a::53"),
    client.source_of("fd00::1"),
)
OWN = (client.source_of("192.0.2.53"), 53)
USUAL = ResponderSettings(
    nsid=b"fra1",
    version=b"one",
    cookie_secrets=(SECRET, b"x" * 16),
    errors_per_second=0.0,
    own=frozenset({OWN, (client.source_of("2001:db8::53"), 5300)}),
)


class Pair:
    """Both data planes on one table, with the same draws and the same time."""

    def __init__(self, octets: Any, settings: ResponderSettings = USUAL, seed: int = 7) -> None:
        self.now = float(NOW)
        self.countings = one_block(octets)
        draw = Xorshift(seed).next32
        self.slow = Responder(AnswerTable(octets), settings, draw, lambda: self.now, self.countings)
        self.guard = Guard(self.slow.respond, lambda: self.now, self.countings)
        self.fast = Compiled(octets, settings, seed, lambda: self.now)
        self.asked = 0

    def ask(
        self,
        message: bytes,
        source: Source = SOURCES[0],
        port: int = 4242,
        transport: Transport = Transport.UDP,
    ) -> bytes | None:
        """Ask both, and return what they agree on."""
        self.asked += 1
        before = self.fast.declined
        said = self.fast.respond(message, source, port, transport)
        expected = self.guard.respond(message, source, port, transport)
        assert said == expected, (message.hex(), source, port, transport)
        if self.fast.declined > before:  # only what class CHAOS is asked for
            assert expected is not None
            end = len(expected)
            assert b"\0\x03" in message[12:end]
        return said

    def counted(self) -> tuple[list[int], list[int]]:
        """Return what each has counted, all that is not the same by nature aside."""
        return _comparable(self.fast.countings), _comparable(self.countings)


def _comparable(countings: Countings) -> list[int]:
    words = counted.words(countings.udp)
    for row in range(words[counters.Head.ZONES] + 2):
        first = counters.ROWS + counters.ROW * row
        assert words[first + counters.NANOSECONDS] > 0 or not any(
            words[first + counters.DURATION : first + counters.NANOSECONDS]
        )
        assert sum(words[first + counters.DURATION : first + counters.NANOSECONDS]) == sum(
            words[first + counters.RESPONSES : first + counters.DURATION]
        )
        words[first + counters.DURATION : first + counters.NANOSECONDS + 1] = []
        words[first + counters.DURATION : first + counters.DURATION] = [0] * (
            counters.NANOSECONDS + 1 - counters.DURATION
        )
    for declined in Declined:
        words[counters.DECLINED + declined] = 0
    words[counters.EVENTS + Event.LIMITED_DRY] = 0  # the responder tries no limits
    return words
