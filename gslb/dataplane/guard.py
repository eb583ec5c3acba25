"""One query must never take the worker down: a failure inside is answered SERVFAIL, and logged.

The only place where any exception is caught, because it is the last one before the event loop.
"""

from __future__ import annotations

import logging
import struct
from collections.abc import Callable
from typing import Final

from gslb.dataplane.settings import Source, Transport
from gslb.wire.constants import HEADER_OCTETS, OPCODE_MASK, QR, RD, SERVFAIL
from gslb.wire.response import write_error

LOG_SECONDS: Final = 10.0  # between two tracebacks; whoever finds a bad query can send it at will

Respond = Callable[[bytes, Source, int, Transport], bytes | None]

_log = logging.getLogger(__name__)


class Guard:
    """Calls a responder and turns what it raises into SERVFAIL."""

    __slots__ = ("_clock", "_next_log", "_respond", "failures")

    def __init__(self, respond: Respond, clock: Callable[[], float]) -> None:
        """Guard *respond*; *clock* gives monotonic seconds."""
        self._respond = respond
        self._clock = clock
        self._next_log = float("-inf")
        self.failures = 0

    def respond(
        self, message: bytes, source: Source, source_port: int, transport: Transport
    ) -> bytes | None:
        """Return what the responder says, or SERVFAIL if it fails."""
        try:
            return self._respond(message, source, source_port, transport)
        except Exception:  # noqa: BLE001 # the outermost frame: see the module's docstring
            self._note()
            return _servfail(message)

    def _note(self) -> None:
        self.failures += 1
        now = self._clock()
        if now >= self._next_log:  # the query's octets are not logged: they are somebody's
            self._next_log = now + LOG_SECONDS
            _log.exception("a query failed and was answered SERVFAIL; %d so far", self.failures)


def _servfail(message: bytes) -> bytes | None:
    """Return a bare SERVFAIL, or None where even that must not be said (short, or a response)."""
    if len(message) < HEADER_OCTETS:
        return None
    (flags,) = struct.unpack_from("!H", message, 2)
    if flags & QR:
        return None
    return write_error(message, HEADER_OCTETS, QR | flags & (OPCODE_MASK | RD) | SERVFAIL, b"")
