"""Clients that ask all the time, and count what they were not answered."""

from __future__ import annotations

import contextlib
import itertools
import socket
import struct
import threading
from collections.abc import Iterator
from types import TracebackType
from typing import Self

import dns.edns
import dns.message

from tests.system.nodes import LOST_SECONDS

QUERIES_A_PORT = 20  # UDP: then another port, so that every socket of the server gets its share
PIPELINED = 10
PAUSE_SECONDS = 0.01  # between two batches of a client: enough to miss any gap, not a flood
KEEPALIVE = 11  # edns-tcp-keepalive, RFC 7828


class Load:
    """Steady queries by UDP, and pipelined ones by TCP, until it is left.

    A polite client leaves when edns-tcp-keepalive tells it to; a stubborn one goes on asking on its
    connection, and asks again on another what was unanswered when the server closed it.
    """

    def __init__(self, port: int, udp: int = 4, polite: int = 2, stubborn: int = 1) -> None:
        self.answered = {"udp": 0, "tcp": 0}
        self.lost: list[str] = []
        self.resets = 0
        self.left = 0  # connections that a polite client closed because it was told to
        self.closed = 0  # connections that the server closed on a stubborn one
        self._server = ("127.0.0.1", port)
        self._stop = threading.Event()
        self._lock = threading.Lock()
        self._threads = [
            *(threading.Thread(target=self._run, args=(self._udp,)) for _ in range(udp)),
            *(threading.Thread(target=self._run, args=(self._polite,)) for _ in range(polite)),
            *(threading.Thread(target=self._run, args=(self._stubborn,)) for _ in range(stubborn)),
        ]

    def __enter__(self) -> Self:
        for thread in self._threads:
            thread.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._stop.set()
        for thread in self._threads:
            thread.join(4 * LOST_SECONDS)

    @property
    def total(self) -> int:
        return sum(self.answered.values())

    def _run(self, client) -> None:
        try:
            client()
        except Exception as error:  # noqa: BLE001 - one that dies silently proves nothing
            self.lost.append(f"{client.__name__}: {type(error).__name__}: {error}")

    def _count(self, kind: str, number: int) -> None:
        with self._lock:
            self.answered[kind] += number

    def _udp(self) -> None:
        numbers = itertools.cycle(range(65536))
        while not self._stop.is_set():
            with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:
                sock.settimeout(LOST_SECONDS)
                sock.connect(self._server)
                for _ in range(QUERIES_A_PORT):
                    query = _query(next(numbers))
                    sock.send(query)
                    try:
                        answer = sock.recv(4096)
                    except OSError as error:
                        self.lost.append(f"udp: {error}")
                        return
                    assert answer[:2] == query[:2]
                    assert answer[3] & 15 == 0
                self._count("udp", QUERIES_A_PORT)
            self._stop.wait(PAUSE_SECONDS)

    def _polite(self) -> None:
        while not self._stop.is_set():
            with self._connect() as sock:
                told = False
                while not told and not self._stop.is_set():
                    sock.sendall(b"".join(_framed(n) for n in range(PIPELINED)))
                    answers = list(itertools.islice(self._answers(sock), PIPELINED))
                    self._count("tcp", len(answers))
                    if len(answers) < PIPELINED:
                        self.lost.append(f"tcp: {len(answers)} answers to {PIPELINED} queries")
                        return
                    told = _keepalive(answers[-1]) == 0  # to read them all costs a core
                    if not told:
                        self._stop.wait(PAUSE_SECONDS)
                self.left += told

    def _stubborn(self) -> None:
        while not self._stop.is_set():
            with self._connect() as sock:
                while not self._stop.is_set():
                    with contextlib.suppress(BrokenPipeError):
                        sock.sendall(b"".join(_framed(n) for n in range(PIPELINED)))
                    answers = list(itertools.islice(self._answers(sock), PIPELINED))
                    self._count("tcp", len(answers))
                    if len(answers) < PIPELINED:
                        self.closed += 1
                        break
                    self._stop.wait(PAUSE_SECONDS)

    def _connect(self) -> socket.socket:
        return socket.create_connection(self._server, LOST_SECONDS)

    def _answers(self, sock: socket.socket) -> Iterator[bytes]:
        """Yield answers until the server closes the connection in order."""
        buffer = b""
        while True:
            while len(buffer) < 2 or len(buffer) < 2 + int.from_bytes(buffer[:2], "big"):
                try:
                    more = sock.recv(65536)
                except ConnectionResetError:
                    self.resets += 1
                    return
                except TimeoutError:
                    self.lost.append("tcp: no answer")
                    return
                if not more:
                    return
                buffer += more
            end = 2 + int.from_bytes(buffer[:2], "big")
            yield buffer[2:end]
            buffer = buffer[end:]


_QUERY = dns.message.make_query(
    "www.example.com", "A", use_edns=0, options=[dns.edns.GenericOption(KEEPALIVE, b"")]
).to_wire()


def _query(number: int) -> bytes:
    return struct.pack("!H", number) + _QUERY[2:]


def _framed(number: int) -> bytes:
    return struct.pack("!H", len(_QUERY)) + _query(number)


def _keepalive(answer: bytes) -> int | None:
    """Return the keepalive of an answer in tenths of a second."""
    for option in dns.message.from_wire(answer).options:
        if option.otype == KEEPALIVE:
            text = option.to_wire()
            return int.from_bytes(text, "big") if text else None
    return None
