"""The TCP server on loopback: pipelining, limits, clients that misbehave. Time is passed in."""

from __future__ import annotations

import asyncio
import contextlib
import inspect
import socket
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass, field

import pytest

from gslb.dataplane.connections import LEAVE_SECONDS, LONGEST_LEAVE_SECONDS, UNTOLD_SECONDS
from gslb.dataplane.counters import Event
from gslb.dataplane.framing import frame
from gslb.dataplane.guard import Guard
from gslb.dataplane.settings import Source, TcpSettings, Transport
from gslb.dataplane.tcp import TcpServer
from tests.dataplane.counted import event
from tests.patience import PATIENCE_SECONDS


class Clock:
    now = 0.0

    def __call__(self) -> float:
        return self.now


@dataclass
class Echo:
    """Answers with what it got, `size` octets at least."""

    size: int = 0
    asked: list[bytes] = field(default_factory=list)

    def __call__(
        self, message: bytes, source: Source, port: int, transport: Transport
    ) -> bytes | None:
        assert transport is Transport.TCP
        self.asked.append(message)
        return None if message == b"silence" else message.ljust(self.size, b".")


class Bare(Guard):
    """Passes on whatever the echo says, which is no DNS to be counted."""

    def respond(
        self, message: bytes, source: Source, source_port: int, transport: Transport
    ) -> bytes | None:
        return self._respond(message, source, source_port, transport)


@dataclass
class World:
    """A running server and what its tests need."""

    server: TcpServer
    port: int
    clock: Clock
    echo: Echo
    writers: list[asyncio.StreamWriter] = field(default_factory=list)

    async def connect(self, host: str = "127.0.0.1") -> Client:
        opened = self.greeted()
        reader, writer = await asyncio.open_connection("127.0.0.1", self.port, local_addr=(host, 0))
        self.writers.append(writer)
        await until(lambda: self.greeted() > opened)
        return Client(reader, writer)

    def greeted(self) -> int:
        return self.count(Event.OPENED) + self.count(Event.REFUSED)

    def count(self, which: Event) -> int:
        return event(self.server.counting, which)


@dataclass
class Client:
    reader: asyncio.StreamReader
    writer: asyncio.StreamWriter

    def send(self, octets: bytes) -> None:
        self.writer.write(octets)

    async def receive(self) -> bytes:
        async with asyncio.timeout(PATIENCE_SECONDS):
            length = int.from_bytes(await self.reader.readexactly(2), "big")
            return await self.reader.readexactly(length)

    async def is_closed(self) -> bool:
        """Wait for the end of the stream; what comes before it is an error."""
        async with asyncio.timeout(PATIENCE_SECONDS):
            with contextlib.suppress(ConnectionResetError):
                assert await self.reader.read() == b""
            return True


async def until(condition: Callable[[], bool]) -> None:
    """Let the loop turn until *condition* holds."""
    async with asyncio.timeout(PATIENCE_SECONDS):
        while not condition():  # noqa: ASYNC110 # a condition of sockets has no event to wait for
            await asyncio.sleep(0)


@contextlib.asynccontextmanager
async def world(settings: TcpSettings | None = None, size: int = 0) -> AsyncIterator[World]:
    clock, echo = Clock(), Echo(size)
    server = TcpServer(Bare(echo, clock), settings or TcpSettings(), clock)
    sock = socket.socket()
    sock.bind(("127.0.0.1", 0))
    await server.start(sock)
    made = World(server, sock.getsockname()[1], clock, echo)
    try:
        yield made
    finally:
        server.close()
        for writer in made.writers:
            writer.transport.abort()
        await until(lambda: not len(server.connections))


async def test_a_query_in_any_fragmentation_is_answered() -> None:
    async with world() as w:
        client = await w.connect()
        for octet in frame(b"hello"):
            client.send(bytes((octet,)))
            await client.writer.drain()
            await asyncio.sleep(0)
        assert await client.receive() == b"hello"


async def test_a_hundred_queries_in_one_segment_get_a_hundred_answers_in_order() -> None:
    """RFC 7766 §6.2.1.1."""
    async with world() as w:
        client = await w.connect()
        client.send(b"".join(frame(b"%d" % n) for n in range(100)))
        assert [await client.receive() for _ in range(100)] == [b"%d" % n for n in range(100)]


async def test_more_than_may_be_unanswered_are_answered_in_turns() -> None:
    async with world(TcpSettings(max_unanswered=3)) as w:
        client = await w.connect()
        client.send(b"".join(frame(b"%d" % n) for n in range(50)))
        assert [await client.receive() for _ in range(50)] == [b"%d" % n for n in range(50)]


async def test_silence_for_one_message_does_not_end_the_others() -> None:
    async with world() as w:
        client = await w.connect()
        client.send(frame(b"silence") + frame(b"hello"))
        assert await client.receive() == b"hello"
        assert w.echo.asked == [b"silence", b"hello"]


async def test_after_its_last_query_a_connection_is_closed_with_all_answered() -> None:
    async with world(TcpSettings(max_queries=5)) as w:
        client = await w.connect()
        client.send(b"".join(frame(b"%d" % n) for n in range(9)))
        assert [await client.receive() for _ in range(5)] == [b"%d" % n for n in range(5)]
        assert await client.is_closed()


async def test_queries_beyond_the_last_do_not_cost_the_answers_before() -> None:
    """Closing with queries unread would reset the connection; so they are read and thrown away."""
    async with world(TcpSettings(max_queries=5), size=50_000) as w:
        client = await w.connect()
        client.send(b"".join(frame(b"%d" % n) for n in range(5000)))
        got = [await client.receive() for _ in range(5)]
        assert [answer.rstrip(b".") for answer in got] == [b"%d" % n for n in range(5)]
        assert len(w.echo.asked) == 5
        client.send(frame(b"more") * 1000)
        client.writer.close()
        await until(lambda: len(w.server.connections) == 0)


async def test_a_client_that_stays_after_its_last_answer_is_closed_as_if_silent() -> None:
    async with world(TcpSettings(max_queries=1)) as w:
        client = await w.connect()
        client.send(frame(b"hello"))
        assert await client.receive() == b"hello"
        w.clock.now = 5.0
        client.send(frame(b"more"))  # earns no time
        await client.writer.drain()
        w.clock.now = 10.0
        w.server.sweep()
        await until(lambda: len(w.server.connections) == 0)


async def test_draining_answers_all_that_a_slow_client_has_asked() -> None:
    async with world(size=60_000) as w:
        client = await w.connect()
        client.writer.transport.pause_reading()
        client.send(frame(b"q") * 200)
        (connection,) = w.server.connections.all()
        await until(lambda: not connection._writable)
        w.server.drain()
        w.clock.now += LONGEST_LEAVE_SECONDS
        w.server.sweep()
        client.writer.transport.resume_reading()
        assert [len(await client.receive()) for _ in range(200)] == [60_000] * 200
        w.server.sweep()
        assert await client.is_closed()
        assert w.count(Event.EXPIRED) == 1


async def test_a_client_that_closes_its_side_early_is_still_answered() -> None:
    async with world(TcpSettings(max_unanswered=2)) as w:
        client = await w.connect()
        client.send(b"".join(frame(b"%d" % n) for n in range(9)))
        client.writer.write_eof()
        assert [await client.receive() for _ in range(9)] == [b"%d" % n for n in range(9)]
        assert await client.is_closed()


async def test_silent_clients_are_closed_when_their_time_is_over() -> None:
    async with world() as w:
        silent, idle = await w.connect(), await w.connect()
        idle.send(frame(b"hello"))
        assert await idle.receive() == b"hello"
        w.clock.now = 3.0
        w.server.sweep()
        assert await silent.is_closed()
        assert len(w.server.connections) == 1
        w.clock.now = 10.0
        w.server.sweep()
        assert await idle.is_closed()
        assert w.count(Event.EXPIRED) == 2


async def test_a_client_beyond_its_share_is_closed_and_others_are_served() -> None:
    async with world(TcpSettings(max_per_client=2)) as w:
        held = [await w.connect() for _ in range(2)]
        assert await (await w.connect()).is_closed()
        other = await w.connect("127.0.0.9")
        other.send(frame(b"hello"))
        assert await other.receive() == b"hello"
        held[0].send(frame(b"still here"))
        assert await held[0].receive() == b"still here"
        assert w.count(Event.REFUSED) == 1


async def test_when_full_a_newcomer_is_served_and_the_longest_idle_closed() -> None:
    async with world(TcpSettings(max_connections=2)) as w:
        first, second = await w.connect(), await w.connect()
        first.send(frame(b"busy"))
        assert await first.receive() == b"busy"
        third = await w.connect()
        third.send(frame(b"hello"))
        assert await third.receive() == b"hello"
        assert await second.is_closed()
        assert len(w.server.connections) == 2


@pytest.mark.parametrize("queries", [60, 900])
async def test_a_client_that_does_not_read_cannot_make_us_hold_much_and_is_thrown_out(
    queries: int,
) -> None:
    """A window of zero: answering stops, reading stops, and time goes on (class 15 of advisories)."""
    async with world(size=60_000) as w:
        client = await w.connect()
        client.writer.transport.pause_reading()
        client.send(frame(b"q") * queries)
        before = -1
        while len(w.echo.asked) != before:
            before = len(w.echo.asked)
            for _ in range(200):
                await asyncio.sleep(0)
        (connection,) = w.server.connections.all()
        assert connection._transport is not None
        assert connection._transport.get_write_buffer_size() <= 3 * 65_536
        w.clock.now = 30.0
        w.server.sweep()
        await until(lambda: len(w.server.connections) == 0)


async def test_draining_closes_the_idle_and_lets_a_begun_message_finish() -> None:
    async with world() as w:
        idle, busy = await w.connect(), await w.connect()
        for client in (idle, busy):
            client.send(frame(b"hello"))
            assert await client.receive() == b"hello"
        w.server.drain()
        w.clock.now += UNTOLD_SECONDS - 0.01
        w.server.sweep()
        busy.send(frame(b"last words")[:5])
        await until(lambda: any(c._framer.is_within_message for c in w.server.connections.all()))
        assert len(w.server.connections) == 2
        w.clock.now += 0.01
        w.server.sweep()
        assert await idle.is_closed()
        busy.send(frame(b"last words")[5:])
        assert await busy.receive() == b"last words"
        w.clock.now += LEAVE_SECONDS
        w.server.sweep()
        assert await busy.is_closed()
        with pytest.raises(ConnectionRefusedError):
            await asyncio.open_connection("127.0.0.1", w.port)


async def test_draining_cuts_off_nothing_that_has_arrived_and_was_not_read() -> None:
    """This process may have been held up for longer than clients are allowed to be silent."""
    async with world() as w:
        client = await w.connect()
        await until(lambda: len(w.server.connections) == 1)
        w.server.drain()
        client.send(frame(b"in time"))
        w.clock.now += LONGEST_LEAVE_SECONDS
        w.server.sweep()  # before the loop has come to read
        assert await client.receive() == b"in time"


async def test_draining_resets_nobody_who_goes_on_asking() -> None:
    """What comes after our word that no more will come is read, so that nothing is reset."""
    async with world() as w:
        client = await w.connect()
        w.server.drain()
        client.send(frame(b"in time"))
        assert await client.receive() == b"in time"
        w.clock.now += LONGEST_LEAVE_SECONDS
        w.server.sweep()
        client.send(frame(b"too late"))
        assert await client.is_closed()  # an end of file, and no ConnectionResetError
        client.writer.close()
        await until(lambda: len(w.server.connections) == 0)
        assert w.echo.asked == [b"in time"]


async def test_places_come_back_whatever_way_clients_go() -> None:
    async with world() as w:
        for _ in range(30):
            client = await w.connect()
            client.send(frame(b"x")[:2])
            client.writer.transport.abort()
        await until(lambda: len(w.server.connections) == 0)
        assert not w.server.connections._clients


SCENARIOS = [made for name, made in list(globals().items()) if name.startswith("test_")]


@pytest.mark.parametrize("scenario", SCENARIOS, ids=lambda made: made.__name__)
def test_the_same_on_the_event_loop_of_the_workers(scenario) -> None:
    uvloop = pytest.importorskip("uvloop")
    queries = {"queries": 300} if "queries" in inspect.signature(scenario).parameters else {}
    uvloop.run(scenario(**queries))
