"""The UDP loop, on loopback sockets: datagrams in, datagrams out, nothing stops it."""

from __future__ import annotations

import asyncio
import errno
import socket
from collections.abc import Iterator

import pytest

from gslb.dataplane.counters import Dropped, Event
from gslb.dataplane.guard import Guard
from gslb.dataplane.settings import Source, Transport
from gslb.dataplane.udp import BATCH, UdpLoop
from tests.dataplane.counted import dropped, event, rcodes
from tests.patience import PATIENCE_SECONDS

QUERY = b"\x12\x34\1\0\0\1\0\0\0\0\0\0\3www\7example\3com\0\0\1\0\1"


class Echo:
    """Answers with what it got, or as told, and remembers who asked."""

    def __init__(self) -> None:
        self.asked: list[tuple[Source, int, Transport]] = []

    def __call__(
        self, message: bytes, source: Source, port: int, transport: Transport
    ) -> bytes | None:
        self.asked.append((source, port, transport))
        if message == b"silence":
            return None
        if message == b"too long":
            return b"x" * 70_000
        if message == QUERY:
            raise ZeroDivisionError
        return b"re:" + message


@pytest.fixture
def client() -> Iterator[socket.socket]:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:
        sock.bind(("127.0.0.1", 0))
        sock.settimeout(PATIENCE_SECONDS)
        yield sock


def bound(host: str, family: socket.AddressFamily = socket.AF_INET) -> socket.socket:
    sock = socket.socket(family, socket.SOCK_DGRAM)
    try:
        sock.bind((host, 0))
    except OSError as error:
        sock.close()
        if error.errno == errno.EADDRNOTAVAIL:
            pytest.skip(f"no {host} on this machine")
        raise
    return sock


def test_each_datagram_is_answered_and_the_source_told(client: socket.socket) -> None:
    with bound("127.0.0.1") as sock:
        echo = Echo()
        loop = UdpLoop(sock, Guard(echo, lambda: 0.0))
        client.sendto(b"hello", sock.getsockname())
        assert loop.drain() == 1
        assert client.recvfrom(100) == (b"re:hello", sock.getsockname())
        assert echo.asked == [(Source(1, 0x7F000001), client.getsockname()[1], Transport.UDP)]


@pytest.mark.parametrize("host", ["127.0.0.1", "0.0.0.0"])
def test_silence_failure_and_an_impossible_send_stop_nothing(
    client: socket.socket, host: str
) -> None:
    with bound(host) as sock:
        guard = Guard(Echo(), lambda: 0.0)
        loop = UdpLoop(sock, guard)
        to = ("127.0.0.1", sock.getsockname()[1])
        for message in (b"silence", b"too long", QUERY, b"last"):
            client.sendto(message, to)
        assert loop.drain() == 4
        assert client.recv(100) == b"\x12\x34\x81\2" + bytes(8)
        assert client.recv(100) == b"re:last"
        counting = guard.countings.udp
        assert dropped(counting) == {Dropped.PARSE: 1}
        assert sum(rcodes(counting).values()) == 3
        assert event(counting, Event.UNSENT) == event(counting, Event.FAILED) == 1


def test_one_wake_up_takes_a_bounded_batch(client: socket.socket) -> None:
    with bound("127.0.0.1") as sock:
        loop = UdpLoop(sock, Guard(Echo(), lambda: 0.0))
        for number in range(BATCH + 5):
            client.sendto(b"%d" % number, sock.getsockname())
        assert loop.drain() == BATCH
        assert loop.drain() == 5
        assert loop.drain() == 0


def test_an_error_left_by_a_client_that_is_gone_stops_nothing(client: socket.socket) -> None:
    with bound("127.0.0.1") as sock:
        loop = UdpLoop(sock, Guard(Echo(), lambda: 0.0))
        with bound("127.0.0.1") as gone:
            gone.sendto(b"bye", sock.getsockname())
        client.sendto(b"hello", sock.getsockname())
        while loop.drain():
            pass
        assert client.recv(100) == b"re:hello"


@pytest.mark.parametrize("host", ["127.0.0.1", "127.0.0.2", "127.5.6.7"])
def test_a_wildcard_socket_answers_from_the_address_that_was_asked(
    client: socket.socket, host: str
) -> None:
    """RFC 2181 §4."""
    with bound("0.0.0.0") as sock:
        loop = UdpLoop(sock, Guard(Echo(), lambda: 0.0))
        client.sendto(b"hello", (host, sock.getsockname()[1]))
        assert loop.drain() == 1
        assert client.recvfrom(100) == (b"re:hello", (host, sock.getsockname()[1]))


def test_ipv6_wildcard() -> None:
    with bound("::", socket.AF_INET6) as sock, bound("::1", socket.AF_INET6) as asking:
        asking.settimeout(PATIENCE_SECONDS)
        echo = Echo()
        loop = UdpLoop(sock, Guard(echo, lambda: 0.0))
        asking.sendto(b"hello", ("::1", sock.getsockname()[1]))
        assert loop.drain() == 1
        message, server = asking.recvfrom(100)
        assert (message, server[0]) == (b"re:hello", "::1")
        assert echo.asked[0][0] == Source(2, 1)


def test_ipv4_on_a_socket_for_both_counts_as_ipv4(client: socket.socket) -> None:
    with socket.socket(socket.AF_INET6, socket.SOCK_DGRAM) as sock:
        sock.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 0)
        try:
            sock.bind(("::", 0))
        except OSError:
            pytest.skip("no IPv6 on this machine")
        echo = Echo()
        loop = UdpLoop(sock, Guard(echo, lambda: 0.0))
        client.sendto(b"hello", ("127.0.0.3", sock.getsockname()[1]))
        assert loop.drain() == 1
        assert client.recvfrom(100)[1][0] == "127.0.0.3"
        assert echo.asked[0][0] == Source(1, 0x7F000001)


async def test_started_on_a_loop_it_answers_until_stopped(client: socket.socket) -> None:
    running = asyncio.get_running_loop()
    client.setblocking(False)
    with bound("127.0.0.1") as sock:
        udp = UdpLoop(sock, Guard(Echo(), lambda: 0.0))
        udp.start(running)
        await running.sock_sendto(client, b"hello", sock.getsockname())
        assert (
            await asyncio.wait_for(running.sock_recv(client, 100), PATIENCE_SECONDS) == b"re:hello"
        )
        udp.stop(running)
        client.sendto(b"later", sock.getsockname())
        assert udp.drain() == 1  # what came after stays for whoever holds the socket


def test_fragments_are_forbidden_by_the_socket() -> None:
    """RFC 9715 §3.1: path MTU messages are not believed."""
    with bound("127.0.0.1") as sock:
        UdpLoop(sock, Guard(Echo(), lambda: 0.0))
        assert sock.getsockopt(socket.IPPROTO_IP, 10) == 5
