"""The TCP server: connections in, framed responses out, within the limits of `connections`.

Messages of one connection are answered in the order in which they came. What is answered at a time
is bounded, so that a connection with a thousand queries in its pocket does not hold up the others.
"""

from __future__ import annotations

import asyncio
import select
import socket
from collections import deque
from collections.abc import Callable
from typing import Final, cast

from gslb.dataplane.client import client_prefix, source_of
from gslb.dataplane.connections import Connections
from gslb.dataplane.counters import Event
from gslb.dataplane.framing import Framer, frame
from gslb.dataplane.guard import Responds
from gslb.dataplane.settings import TcpSettings, Transport

SWEEP_SECONDS: Final = 0.25  # how late a connection may be closed at most
BATCH_OCTETS: Final = 65_536  # of responses, written at once; one more message may pass it
BACKLOG: Final = 1024  # connections that the kernel holds for us


class TcpServer:
    """Answers on any number of listening sockets."""

    def __init__(
        self, guard: Responds, settings: TcpSettings, clock: Callable[[], float] | None = None
    ) -> None:
        """Take what answers and the limits; *clock* gives monotonic seconds (default: the loop's)."""
        self.respond = guard.respond
        self.settings = settings
        self.connections: Connections[Connection] = Connections(settings)
        self.counting = guard.countings.tcp
        self._clock = clock
        self._servers: list[asyncio.Server] = []
        self._sweeper: asyncio.TimerHandle | None = None

    def now(self) -> float:
        """Return monotonic seconds."""
        return self._clock() if self._clock else asyncio.get_running_loop().time()

    async def start(self, sock: socket.socket) -> None:
        """Accept on *sock*, a bound stream socket that this server owns from now on."""
        loop = asyncio.get_running_loop()
        server = await loop.create_server(lambda: Connection(self), sock=sock, backlog=BACKLOG)
        self._servers.append(server)
        if self._sweeper is None:
            self._sweeper = loop.call_later(SWEEP_SECONDS, self._sweep_again)

    def _sweep_again(self) -> None:
        self.sweep()
        loop = asyncio.get_running_loop()
        self._sweeper = loop.call_later(SWEEP_SECONDS, self._sweep_again)

    def sweep(self) -> None:
        """Close the connections whose time is over."""
        draining = self.connections.draining
        for connection in self.connections.expired(self.now()):
            self.counting.add(Event.EXPIRED, connection.leave() if draining else connection.shut())

    def drain(self) -> None:
        """Accept no more, and take leave of each connection once nothing is on its way."""
        for server in self._servers:
            server.close()
        self._servers.clear()
        self.connections.drain(self.now())

    def close(self) -> None:
        """Accept no more and close everything now."""
        self.drain()
        if self._sweeper is not None:
            self._sweeper.cancel()
            self._sweeper = None
        for connection in self.connections.all():
            connection.shut()


class Connection(asyncio.Protocol):
    """One client's connection."""

    def __init__(self, server: TcpServer) -> None:
        self._server = server
        self._framer = Framer()
        self._waiting: deque[bytes] = deque()  # messages not answered yet; one read's at most
        self._left = server.settings.max_queries
        self._transport: asyncio.Transport | None = None
        self._writable = True
        self._ended = False  # the client has closed its side
        self._finished = False  # we have closed ours; what still comes is thrown away

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Ask for admission."""
        # Not an isinstance: uvloop's transports are alike, but of another family.
        transport = self._transport = cast("asyncio.Transport", transport)
        server = self._server
        try:
            peer = transport.get_extra_info("peername")
            self._source, self._port = source_of(peer[0]), peer[1]
        except (OSError, TypeError):  # the client is gone already
            transport.abort()
            return
        admitted, evicted = server.connections.admit(
            self, client_prefix(self._source), server.now()
        )
        if evicted is not None:
            server.counting.add(Event.EVICTED)
            evicted.shut()
        if not admitted:
            server.counting.add(Event.REFUSED)
            transport.close()
            self._transport = None
            return
        server.counting.add(Event.OPENED)
        transport.set_write_buffer_limits(high=BATCH_OCTETS)

    def connection_lost(self, exc: Exception | None) -> None:  # noqa: ARG002 # asyncio's signature
        """Free the place."""
        self._server.connections.remove(self)
        self._transport = None
        self._waiting.clear()

    def data_received(self, data: bytes) -> None:
        """Cut out the messages that are complete, and answer them."""
        if self._transport is None or self._finished:
            return
        messages = self._framer.feed(data)
        self._waiting.extend(messages)
        self._server.connections.received(
            self, len(messages), self._framer.is_within_message, self._server.now()
        )
        self._answer()

    def eof_received(self) -> bool:
        """Answer what has been asked, then close: a client may close its side early."""
        self._ended = True
        if self._finished:
            return False
        return bool(self._waiting)  # true keeps the transport open for what is still to be said

    def pause_writing(self) -> None:
        """Answer no more until the client reads again."""
        self._writable = False

    def resume_writing(self) -> None:
        """Go on where `pause_writing` stopped."""
        self._writable = True
        self._answer()

    def _answer(self) -> None:
        """Answer what waits, a bounded number at once, in one write."""
        transport = self._transport
        if transport is None or not self._writable:
            self._pause_if_waiting()
            return
        server, out, octets = self._server, [], 0
        budget = server.settings.max_unanswered
        while self._waiting and budget and self._left and octets < BATCH_OCTETS:
            budget -= 1
            self._left -= 1
            message = self._waiting.popleft()
            response = server.respond(message, self._source, self._port, Transport.TCP)
            if response is None:
                continue
            out.append(frame(response))
            octets += len(out[-1])
        if out:
            transport.write(b"".join(out))  # length and body leave together, RFC 7766 §8
        if self._ended and not self._waiting:
            transport.close()
        elif not self._left:
            self._finish(transport)
        elif self._waiting:
            self._pause_if_waiting()
            if self._writable:
                asyncio.get_running_loop().call_soon(self._answer)
        elif not transport.is_reading():
            transport.resume_reading()

    def _pause_if_waiting(self) -> None:
        transport = self._transport
        if self._waiting and transport is not None and transport.is_reading():
            transport.pause_reading()

    def _finish(self, transport: asyncio.Transport) -> None:
        """Say that no more will come, and wait for the client to close, as long as silence may last.

        To close at once, with queries unread, would reset the connection and lose responses that
        are still on their way.
        """
        self._finished = True
        self._waiting.clear()
        transport.write_eof()
        if self._ended:
            transport.close()
        elif not transport.is_reading():
            transport.resume_reading()

    def leave(self) -> bool:
        """Say that no more will come, as soon as all is answered; tell whether that was news.

        A client that does not read keeps what it has asked until everything is closed.
        """
        transport = self._transport
        if transport is None or self._finished or self._waiting or transport.is_closing():
            return False
        if _has_input(transport):  # this process was held up, and not the client silent
            return False
        self._finish(transport)
        return True

    def shut(self) -> bool:
        """Close; tell whether that was news. What the client has not taken is thrown away.

        It might never take it.
        """
        transport = self._transport
        if transport is None:
            return False
        self._waiting.clear()
        news = not transport.is_closing()
        if transport.get_write_buffer_size():
            transport.abort()
        elif news:
            transport.close()
        return news


def _has_input(transport: asyncio.Transport) -> bool:
    """Return whether something has arrived that was not read yet."""
    readable, _, _ = select.select([transport.get_extra_info("socket")], [], [], 0)
    return bool(readable)
