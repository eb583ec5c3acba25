"""Stand-ins of load balancers: the least of HTTP, on any loopback address, to be killed and restored."""

from __future__ import annotations

import contextlib
import socket
import threading
from collections.abc import Iterable, Iterator

_OK = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\nConnection: close\r\n\r\nok"
_QUEUE_FILLERS = 3  # connections; a queue of length 0 takes one, and is full then


class StandIn:
    """A server at one address that says 200 to everybody, in a thread of its own."""

    def __init__(self, address: str, port: int) -> None:
        self.address = address
        self._port = port
        self._listener: socket.socket | None = None
        self._silent = False
        self._fillers: list[socket.socket] = []
        self.restore()

    def restore(self) -> None:
        """Serve again."""
        if self._listener is None or self._silent:
            self.kill()
            self._silent = False
            self._listener = socket.create_server((self.address, self._port), backlog=64)
            threading.Thread(target=_serve, args=(self._listener,), daemon=True).start()

    def fall_silent(self) -> None:
        """Take connections from now on, and never answer."""
        self.kill()
        self._silent = True
        self._listener = socket.create_server((self.address, self._port), backlog=64)

    def swallow(self) -> None:
        """Leave every connection without a word from now on: the kernel drops what comes."""
        self.kill()
        self._silent = True
        self._listener = socket.create_server((self.address, self._port), backlog=0)
        for _ in range(_QUEUE_FILLERS):
            filler = socket.socket()
            filler.setblocking(False)
            filler.connect_ex((self.address, self._port))
            self._fillers.append(filler)

    def kill(self) -> None:
        """Refuse every connection from now on."""
        while self._fillers:
            self._fillers.pop().close()
        if self._listener is not None:
            self._listener.shutdown(socket.SHUT_RDWR)  # ends the accept that waits
            self._listener.close()
            self._listener = None


def _serve(listener: socket.socket) -> None:
    while True:
        try:
            connection, _ = listener.accept()
        except OSError:
            return
        with connection, contextlib.suppress(OSError):
            connection.settimeout(2.0)
            connection.recv(4096)
            connection.sendall(_OK)


@contextlib.contextmanager
def stand_ins(addresses: Iterable[str], port: int) -> Iterator[dict[str, StandIn]]:
    """Yield a stand-in for each of *addresses*; all end afterwards."""
    made = {address: StandIn(address, port) for address in addresses}
    try:
        yield made
    finally:
        for one in made.values():
            one.kill()
