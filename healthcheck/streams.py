"""Runs ``tcp`` and ``http`` tries on plain sockets: no task, transport, future or timer for each.

These are nearly all tries of a large installation. The kernel's part of a short connection is what
it is; this keeps ours below it (tests/bench/checks.py has the same as asyncio protocols beside it).
One epoll descriptor stands for all connections in the event loop.
"""

from __future__ import annotations

import asyncio
import errno
import os
import select
import socket
from collections.abc import Callable

from healthcheck.model import Kind, Probe
from healthcheck.probes.base import Found, from_os_error
from healthcheck.probes.response import response_to

_READ = 16 * 1024  # octets at a time
_EVENTS = 512  # that one call of the loop handles
_CONNECTED = Found(Kind.OK, "connected")
_STREAM = socket.SOCK_STREAM | socket.SOCK_NONBLOCK | socket.SOCK_CLOEXEC
_CONNECTING, _WAITING = "connecting", "waiting for an answer"


class Stream:
    """One try under way, or over. `found` is what it saw."""

    __slots__ = (
        "_response",
        "_sock",
        "_unsent",
        "descriptor",
        "found",
        "probe",
        "scheduled",
        "stage",
        "started",
    )

    def __init__(self, probe: Probe, request: bytes, scheduled: float, started: float) -> None:
        """Try *probe* with *request*; without one, a connection is all that is wanted."""
        self.probe = probe
        self.scheduled = scheduled
        self.started = started
        self.stage = _CONNECTING
        self.descriptor = -1
        self.found: Found | None = None
        self._unsent = request
        self._response = response_to(probe) if request else None
        self._sock: socket.SocketType | None = None

    def open(self, epoll: select.epoll) -> bool:
        """Begin to connect; return whether the try is over already."""
        probe = self.probe
        try:
            family = socket.AF_INET6 if ":" in probe.address else socket.AF_INET
            # The class beneath `socket.socket`: it has all that is needed here, at less cost.
            sock = self._sock = socket.SocketType(family, _STREAM)
            number = sock.connect_ex((probe.address, probe.port))
            if number and number != errno.EINPROGRESS:
                raise OSError(number, os.strerror(number))
            if self._response is not None:
                self._send()  # what is near has connected by now
            self.descriptor = sock.fileno()
            wanted = select.EPOLLIN if self.stage is _WAITING else select.EPOLLOUT
            epoll.register(self.descriptor, wanted)
        except OSError as error:
            self.end(from_os_error(error, self.stage))
            return True
        return False

    def ready(self, epoll: select.epoll) -> bool:
        """Go on, now that the socket can; return whether the try is over."""
        sock = self._sock
        assert sock is not None
        try:
            if self.stage is _CONNECTING:
                number = sock.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR)
                if number:
                    raise OSError(number, os.strerror(number))
                if self._response is None:
                    self.end(_CONNECTED)
                    return True
                self._send()
                if self.stage is _WAITING:
                    epoll.modify(self.descriptor, select.EPOLLIN)
                return False
            data = sock.recv(_READ)
        except BlockingIOError:
            return False
        except OSError as error:
            self.end(from_os_error(error, self.stage))
            return True
        assert self._response is not None
        found = self._response.feed(data) if data else self._response.closed()
        if found is None:
            return False
        self.end(found)
        return True

    def end(self, found: Found) -> None:
        """Close the socket, if it is open; the first verdict stands."""
        if self.found is None:
            self.found = found
        if self._sock is not None:
            self._sock.close()  # epoll forgets it by that
            self._sock = None

    def _send(self) -> None:
        """Send what is left of the request, as far as the socket takes it now. Raises OSError."""
        assert self._sock is not None
        try:
            sent = self._sock.send(self._unsent)
        except BlockingIOError:
            return
        self._unsent = self._unsent[sent:]
        if not self._unsent:
            self.stage = _WAITING


class Streams:
    """All streams of one event loop. *on_end* is called with each that is over, in the loop."""

    def __init__(self, loop: asyncio.AbstractEventLoop, on_end: Callable[[Stream], None]) -> None:
        self._loop = loop
        self._on_end = on_end
        self._epoll = select.epoll()
        self._open: dict[int, Stream] = {}
        loop.add_reader(self._epoll.fileno(), self._ready)

    def __len__(self) -> int:
        return len(self._open)

    def begin(self, stream: Stream) -> None:
        """Start a try. `on_end` may be called before this returns."""
        if stream.open(self._epoll):
            self._on_end(stream)
            return
        self._open[stream.descriptor] = stream

    def expire(self, now: float) -> None:
        """End what has had its time. To be called often; the times are no more exact than that.

        It looks at all that are open: no more than the schedule has under way at once.
        """
        late = [one for one in self._open.values() if one.started + one.probe.timeout <= now]
        if late:  # octets that are here, but were not looked at yet, came in time
            while self._ready() == _EVENTS:
                pass
        for stream in late:
            if stream.found is None:
                del self._open[stream.descriptor]
                seconds = f"{stream.probe.timeout:g} s"
                stream.end(Found(Kind.TIMEOUT, f"timed out after {seconds} while {stream.stage}"))
                self._on_end(stream)

    def close(self) -> None:
        """Drop all; nothing is called back."""
        self._loop.remove_reader(self._epoll.fileno())
        for stream in self._open.values():
            stream.end(Found(Kind.LOCAL, "the checker stops"))
        self._open.clear()
        self._epoll.close()

    def _ready(self) -> int:
        events = self._epoll.poll(0, _EVENTS)
        for descriptor, _ in events:
            stream = self._open.get(descriptor)
            if stream is not None and stream.ready(self._epoll):
                del self._open[descriptor]
                self._on_end(stream)
        return len(events)
