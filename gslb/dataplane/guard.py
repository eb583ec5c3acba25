"""One query must never take the worker down: a failure inside is answered SERVFAIL, and logged.

What is asked and answered is counted here, whoever answers.

The only place where any exception is caught, because it is the last one before the event loop.
"""

from __future__ import annotations

import logging
import struct
from collections.abc import Callable
from typing import Final, Protocol

from gslb.dataplane.counters import Event
from gslb.dataplane.counting import Countings, private_countings
from gslb.dataplane.settings import Source, Transport
from gslb.wire.constants import HEADER_OCTETS, OPCODE_MASK, QR, RD, SERVFAIL
from gslb.wire.response import write_error

LOG_SECONDS: Final = 10.0  # between two tracebacks; whoever finds a bad query can send it at will

Respond = Callable[[bytes, Source, int, Transport], bytes | None]


class Responds(Protocol):
    """What answers messages, counts them, and never raises."""

    countings: Countings

    def respond(
        self, message: bytes, source: Source, source_port: int, transport: Transport
    ) -> bytes | None:
        """Return the response, or None where silence is the only safe answer."""


_log = logging.getLogger(__name__)


class Guard:
    """Calls a responder, turns what it raises into SERVFAIL, and counts."""

    __slots__ = ("_clock", "_next_log", "_respond", "_tcp", "_udp", "countings")

    def __init__(
        self,
        respond: Respond,
        clock: Callable[[], float],
        countings: Countings | None = None,
    ) -> None:
        """Guard *respond*; *clock* gives monotonic seconds.

        *countings* count (default: some that nobody reads).
        """
        self.countings = countings or private_countings()
        self._udp, self._tcp = self.countings
        self._respond = respond
        self._clock = clock
        self._next_log = float("-inf")

    def respond(
        self, message: bytes, source: Source, source_port: int, transport: Transport
    ) -> bytes | None:
        """Return what the responder says, or SERVFAIL if it fails."""
        counting = self._tcp if transport is Transport.TCP else self._udp
        counting.begin()
        try:
            response = self._respond(message, source, source_port, transport)
        except Exception:  # noqa: BLE001 # the outermost frame: see the module's docstring
            counting.add(Event.FAILED)
            counting.forget()
            self._note()
            response = _servfail(message)
        counting.end(message, response, source)
        return response

    def _note(self) -> None:
        now = self._clock()
        if now >= self._next_log:  # the query's octets are not logged: they are somebody's
            self._next_log = now + LOG_SECONDS
            _log.exception("a query failed and was answered SERVFAIL")


def _servfail(message: bytes) -> bytes | None:
    """Return a bare SERVFAIL, or None where even that must not be said (short, or a response)."""
    if len(message) < HEADER_OCTETS:
        return None
    (flags,) = struct.unpack_from("!H", message, 2)
    if flags & QR:
        return None
    return write_error(message, HEADER_OCTETS, QR | flags & (OPCODE_MASK | RD) | SERVFAIL, b"")
