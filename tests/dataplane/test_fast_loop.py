"""The compiled loop on loopback sockets: swaps, declined queries, sources, stopping between batches."""

from __future__ import annotations

import errno
import gc
import socket
import threading
import time
import weakref
from collections.abc import Callable, Iterator
from contextlib import ExitStack

import pytest

from gslb.answers.model import Body, Patch, Pool
from gslb.answers.pack import pack
from gslb.answers.patch import TableWriter
from gslb.dataplane import counters
from gslb.dataplane.counters import Declined, Dropped, Event, Head, new_block
from gslb.dataplane.fast import FastPlane
from gslb.dataplane.guard import Guard
from gslb.dataplane.settings import ResponderSettings, Source, Transport
from tests.answers.conftest import APEX, one_policy, wire
from tests.conformance.conftest import NOW, build_content
from tests.dataplane import counted
from tests.dataplane.planes import needs_fast, one_block
from tests.patience import PATIENCE_SECONDS

pytestmark = needs_fast

STATIC = b"\x12\x34\1\0\0\1\0\0\0\0\0\0\6static\7example\3com\0\0\1\0\1"
ONE = b"\x56\x78\1\0\0\1\0\0\0\0\0\0" + wire(b"n0")[:-1] + APEX + b"\0\1\0\1"
CHAOS = b"\x9a\xbc\0\0\0\1\0\0\0\0\0\0\2id\6server\0\0\x10\0\3"
TABLE = bytes(pack(build_content(), 1, NOW))


class Python:
    """Answers what is declined, and remembers who asked."""

    def __init__(self) -> None:
        self.asked: list[tuple[bytes, Source, int, Transport]] = []
        self.say: Callable[[bytes], bytes | None] = lambda message: b"re:" + message

    def __call__(
        self, message: bytes, source: Source, port: int, transport: Transport
    ) -> bytes | None:
        self.asked.append((message, source, port, transport))
        return self.say(message)


class Server:
    """A plane on some sockets, and clients of it."""

    def __init__(self, stack: ExitStack, *hosts: str) -> None:
        self._stack = stack
        self.sockets = [self.bound(host) for host in hosts]
        self.python = Python()
        self.countings = one_block(TABLE)
        guard = Guard(self.python, time.monotonic, self.countings)
        self.plane = FastPlane(ResponderSettings(), self.sockets, guard)
        stack.callback(self.plane.stop)

    def bound(self, host: str) -> socket.socket:
        family = socket.AF_INET6 if ":" in host else socket.AF_INET
        sock = self._stack.enter_context(socket.socket(family, socket.SOCK_DGRAM))
        try:
            sock.bind((host, 0))
        except OSError as error:
            if error.errno in {errno.EADDRNOTAVAIL, errno.EAFNOSUPPORT}:
                pytest.skip(f"no {host} on this machine")
            raise
        sock.settimeout(PATIENCE_SECONDS)
        return sock

    def ask(self, message: bytes, host: str = "127.0.0.1", number: int = 0) -> tuple[bytes, str]:
        """Return the response, and the address that it came from."""
        with self.bound("::1" if ":" in host else "127.0.0.1") as client:
            client.sendto(message, (host, self.sockets[number].getsockname()[1]))
            response, peer = client.recvfrom(4096)
            return response, peer[0]

    def traffic(self) -> dict[str, int]:
        found = counted.words(self.countings.udp)
        unsent = found[counters.EVENTS + Event.UNSENT]
        return {
            "received": sum(found[counters.REQUEST_SIZES : counters.REQUEST_OCTETS]),
            "sent": sum(found[counters.RESPONSE_SIZES : counters.RESPONSE_OCTETS]) - unsent,
            "silent": sum(counted.dropped(self.countings.udp).values()),
            "unsent": unsent,
        }

    def declined(self) -> int:
        return counted.words(self.countings.udp)[counters.DECLINED + Declined.CHAOS]

    def received(self, count: int) -> dict[str, int]:
        """Wait until that many datagrams have been counted; return what was counted."""
        deadline = time.monotonic() + PATIENCE_SECONDS
        while (found := self.traffic())["received"] < count:
            assert time.monotonic() < deadline, found
            time.sleep(0.001)  # another thread's progress is waited for
        return found


@pytest.fixture
def stack() -> Iterator[ExitStack]:
    with ExitStack() as held:
        yield held


def serving(stack: ExitStack, *hosts: str) -> Server:
    server = Server(stack, *hosts)
    server.plane.serve(memoryview(TABLE))
    server.plane.start()
    return server


def test_a_datagram_is_answered(stack: ExitStack) -> None:
    server = serving(stack, "127.0.0.1")
    response, _ = server.ask(STATIC)
    assert response[:12] == b"\x12\x34\x85\0\0\1\0\3\0\0\0\0"
    assert not server.python.asked
    server.received(1)
    assert counted.rcodes(server.countings.udp) == {0: 1}


@pytest.mark.parametrize("host", ["127.0.0.1", "127.0.0.2", "127.5.6.7"])
def test_a_wildcard_socket_answers_from_the_address_that_was_asked(
    stack: ExitStack, host: str
) -> None:
    """RFC 2181 section 4."""
    server = serving(stack, "0.0.0.0")
    assert server.ask(STATIC, host)[1] == host
    assert server.ask(CHAOS, host) == (b"re:" + CHAOS, host)


def test_ipv6_and_several_sockets_in_one_thread(stack: ExitStack) -> None:
    server = serving(stack, "127.0.0.1", "::", "::1", "0.0.0.0")
    for number, host in enumerate(("127.0.0.1", "::1", "::1", "127.0.0.9")):
        response, peer = server.ask(STATIC, host, number)
        assert response[7] == 3
        assert peer == host
    server.ask(CHAOS, "::1", 1)
    assert server.python.asked[0][1] == Source(2, 1)


def test_what_one_datagram_took_of_a_batch_leaves_the_next_all_its_room(stack: ExitStack) -> None:
    """Addresses and ancillary data of IPv4 are shorter; batches of both families take turns."""
    hosts = "127.0.0.9", "::1", "127.0.0.1"
    server = serving(stack, "0.0.0.0", "::", "127.0.0.1")
    bound = [server.bound("::1" if ":" in host else "127.0.0.1") for host in hosts]
    for burst in (1, 5, 2, 9):
        for number, (host, client) in enumerate(zip(hosts, bound, strict=True)):
            there = host, server.sockets[number].getsockname()[1]
            for _ in range(burst):
                client.sendto(STATIC, there)
            came = [client.recvfrom(4096) for _ in range(burst)]
            assert [(said[7], peer[0]) for said, peer in came] == [(3, host)] * burst


def test_ipv4_on_a_socket_for_both_counts_as_ipv4(stack: ExitStack) -> None:
    sock = stack.enter_context(socket.socket(socket.AF_INET6, socket.SOCK_DGRAM))
    sock.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 0)
    try:
        sock.bind(("::", 0))
    except OSError:
        pytest.skip("no IPv6 on this machine")
    server = Server(stack)
    server.sockets = [sock]
    guard = Guard(server.python, time.monotonic, server.countings)
    server.plane = FastPlane(ResponderSettings(), [sock], guard)
    stack.callback(server.plane.stop)
    server.plane.serve(memoryview(TABLE))
    server.plane.start()
    assert server.ask(CHAOS, "127.0.0.3") == (b"re:" + CHAOS, "127.0.0.3")
    assert server.python.asked[0][1] == Source(1, 0x7F000001)


def test_silence_failure_and_an_impossible_answer_stop_nothing(stack: ExitStack) -> None:
    server = serving(stack, "127.0.0.1")
    answers = iter([None, b"x" * 5000, ZeroDivisionError])

    def say(_: bytes) -> bytes | None:
        answer = next(answers)
        if isinstance(answer, type):
            raise answer
        return answer

    server.python.say = say
    with server.bound("127.0.0.1") as client:
        to = server.sockets[0].getsockname()
        for message in (CHAOS, CHAOS, CHAOS, b"short", STATIC):
            client.sendto(message, to)
        assert {client.recv(4096)[:2] for _ in range(2)} == {STATIC[:2], CHAOS[:2]}
    found = server.received(5)
    assert found == {"received": 5, "sent": 2, "silent": 2, "unsent": 1}
    assert counted.event(server.countings.udp, Event.FAILED) == 1
    assert server.declined() == 3


def test_python_is_asked_so_often_a_second_and_no_more(stack: ExitStack) -> None:
    """A flood of what is declined must not make the loop wait for the GIL without end."""
    server = serving(stack, "127.0.0.1")
    with server.bound("127.0.0.1") as client:
        for number in range(1, 1001):
            client.sendto(CHAOS, server.sockets[0].getsockname())
            if number % 100 == 0:  # a socket's buffer holds some 200
                server.received(number)
    assert server.declined() == 1000
    assert 200 <= len(server.python.asked) <= 600  # two seconds, if it took that long
    overload = counted.dropped(server.countings.udp)[Dropped.OVERLOAD]
    assert overload == 1000 - len(server.python.asked)
    assert server.ask(STATIC)[0][7] == 3


def test_an_error_left_by_a_client_that_is_gone_stops_nothing(stack: ExitStack) -> None:
    server = serving(stack, "127.0.0.1")
    for _ in range(3):
        with server.bound("127.0.0.1") as gone:
            gone.sendto(STATIC, server.sockets[0].getsockname())
    assert server.ask(STATIC)[0][7] == 3


def test_a_table_is_swapped_between_two_batches_and_the_old_one_let_go(stack: ExitStack) -> None:
    server = serving(stack, "127.0.0.1")
    old = _Watched(TABLE)
    server.plane.serve(memoryview(old))
    assert server.ask(STATIC)[0][7] == 3
    server.plane.serve(memoryview(bytes(pack(one_policy(1), 2, NOW))))
    assert server.ask(ONE)[0][7] == 1
    assert server.ask(STATIC)[0][3] & 15 == 3
    assert server.plane.release()
    watched = weakref.ref(old)
    del old
    gc.collect()
    assert watched() is None


class _Watched(bytearray):
    """Octets that can be watched by a weak reference."""


def test_before_it_runs_a_table_is_not_let_go() -> None:
    with ExitStack() as stack:
        server = Server(stack, "127.0.0.1")
        server.plane.serve(memoryview(TABLE))
        server.plane.serve(memoryview(TABLE))
        assert not server.plane.release()


def test_swaps_and_patches_under_load_lose_nothing_and_mix_nothing(stack: ExitStack) -> None:
    server = serving(stack, "127.0.0.1")
    tables = [pack(one_policy(1), number, NOW) for number in range(2, 6)]
    server.plane.serve(memoryview(tables[0]))
    stop = threading.Event()

    def swap() -> None:
        turn = 0
        while not stop.is_set():
            octets = tables[turn % len(tables)]
            record = b"\xc0\x0c\0\1\0\1\0\0\0\x1e\0\4\xc0\0\2"
            pool = Pool((Body(record + bytes((turn % 200,)), 1),), (1.0,))
            if turn < 1000:
                TableWriter(octets).patch(Patch(pools={0: pool}))
            server.plane.serve(memoryview(octets))
            server.plane.release()
            turn += 1

    swapping = threading.Thread(target=swap)
    swapping.start()
    try:
        with server.bound("127.0.0.1") as client:
            for number in range(3000):
                message = number.to_bytes(2, "big") + ONE[2:]
                client.sendto(message, server.sockets[0].getsockname())
                response = client.recv(4096)
                assert response[:2] == message[:2]
                assert response[2:12] == b"\x85\0\0\1\0\1\0\0\0\0"
                assert len(response) == len(ONE) + 16
    finally:
        stop.set()
        swapping.join()


def test_what_comes_after_the_stop_stays_for_whoever_holds_the_socket(stack: ExitStack) -> None:
    server = serving(stack, "127.0.0.1")
    server.ask(STATIC)
    server.plane.stop()
    with server.bound("127.0.0.1") as client:
        client.sendto(STATIC, server.sockets[0].getsockname())
    server.sockets[0].settimeout(PATIENCE_SECONDS)
    assert server.sockets[0].recv(100) == STATIC


def test_what_has_been_received_when_it_stops_is_answered(stack: ExitStack) -> None:
    """However the stop falls between receiving and sending, no datagram is taken and not answered."""
    for _ in range(30):
        server = serving(stack, "127.0.0.1")
        with server.bound("127.0.0.1") as client:
            for _ in range(100):
                client.sendto(STATIC, server.sockets[0].getsockname())
            server.plane.stop()
            found = server.traffic()
            assert found["received"] == found["sent"]  # the rest is still in the socket


def test_it_stops_while_the_one_who_stops_it_is_waited_for(stack: ExitStack) -> None:
    """A declined query needs the GIL; whoever joins the thread must not hold it."""
    server = serving(stack, "127.0.0.1")
    entered = threading.Event()
    leave = threading.Event()

    def say(message: bytes) -> bytes:
        entered.set()
        assert leave.wait(PATIENCE_SECONDS)
        return message

    server.python.say = say
    with server.bound("127.0.0.1") as client:
        client.sendto(CHAOS, server.sockets[0].getsockname())
        assert entered.wait(PATIENCE_SECONDS)
        stopping = threading.Thread(target=server.plane.stop)
        stopping.start()
        leave.set()
        stopping.join(PATIENCE_SECONDS)
        assert not stopping.is_alive()
        assert client.recv(4096) == CHAOS


def test_the_block_of_a_table_is_finished_when_the_loop_has_moved_on(stack: ExitStack) -> None:
    """Not before: the supervisor adds a finished block to its totals and lets go of it."""
    server = serving(stack, "127.0.0.1")
    server.ask(STATIC)
    server.received(1)
    former = server.countings.udp.block
    fresh = new_block(1, 1, 2, 0, Transport.UDP)
    server.countings.use((fresh, fresh), finish_udp=False)
    assert memoryview(former).cast("Q")[Head.FINISHED] == 0
    server.plane.serve(memoryview(bytes(pack(one_policy(1), 2, NOW))))
    assert server.ask(ONE)[0][7] == 1
    server.received(1)
    assert memoryview(former).cast("Q")[Head.FINISHED] == 1
    assert counted.rcodes(server.countings.udp) == {0: 1}
