"""The ``grpc`` probe: ``grpc.health.v1.Health/Check`` over HTTP/2, judged by the serving status.

Without TLS by prior knowledge (RFC 9113 §3.3), with ``tls: yes`` by ALPN. The messages are one field
each, so they are read and written by hand.
"""

from __future__ import annotations

import asyncio
import struct
from typing import cast

import h2.config
import h2.connection
import h2.errors
import h2.events
import h2.exceptions

from healthcheck.model import Kind, Probe
from healthcheck.probes.base import Attempt, CannotTryError, Found, connect_tcp, connect_tls

MAX_MESSAGE = 1024  # octets of a response; a serving status takes 7
MAX_OCTETS = 64 * 1024  # from the peer, headers and settings included
MAX_SERVICE = 1024  # octets
_TYPE_AT, _SETTINGS = 3, 4  # a server begins with a SETTINGS frame (RFC 9113 §3.4, §4.1)
_FRAME = struct.Struct("!BI")  # compressed, length
_SERVING = {0: "UNKNOWN", 1: "SERVING", 2: "NOT_SERVING", 3: "SERVICE_UNKNOWN"}
_STATUS_TEXT = {
    5: "no such service",
    7: "permission denied",
    12: "no health service",
    14: "unavailable",
    16: "not authenticated",
}


async def try_grpc(attempt: Attempt) -> Found:
    """Ask for the health of `service` ("": the whole server). Raises OSError, CannotTryError."""
    call = Call(attempt, request_message(attempt.option("service")))
    if attempt.option("tls") == "yes":
        await connect_tls(attempt, lambda: call, alpn=("h2",))
    else:
        await connect_tcp(attempt, lambda: call)
    try:
        return await call.found
    finally:
        call.close()


def request_message(service: str) -> bytes:
    """Return a framed HealthCheckRequest. Raises CannotTryError: the name is too long."""
    name = service.encode()
    if len(name) > MAX_SERVICE:
        raise CannotTryError("the service name is too long")
    message = b"\x0a" + _varint(len(name)) + name if name else b""  # field 1, octets
    return _FRAME.pack(0, len(message)) + message


def serving_status(framed: bytes) -> int | None:
    """Return the status of a framed HealthCheckResponse; None: it is not one.

    Fields that we do not know are stepped over, as protobuf asks.
    """
    if len(framed) < _FRAME.size:
        return None
    compressed, length = _FRAME.unpack_from(framed)
    message = framed[_FRAME.size :]
    if compressed or length != len(message):
        return None
    status, at = 0, 0
    while at < len(message):
        tag, at = _read_varint(message, at)
        if at < 0 or tag >> 3 == 0:
            return None
        if tag & 7 == 0:
            value, at = _read_varint(message, at)
            status = value if tag >> 3 == 1 else status
        elif tag & 7 == 2:
            length, at = _read_varint(message, at)
            at = at + length if at >= 0 else at
        else:
            at += {1: 8, 5: 4}.get(tag & 7, len(message))
        if at < 0 or at > len(message):
            return None
    return status


class Call(asyncio.Protocol):
    """One unary call on its own connection."""

    def __init__(self, attempt: Attempt, message: bytes) -> None:
        self.found: asyncio.Future[Found] = asyncio.get_running_loop().create_future()
        self._attempt = attempt
        self._message = message
        self._h2 = h2.connection.H2Connection(h2.config.H2Configuration(header_encoding=None))
        self._transport: asyncio.Transport | None = None
        self._octets = 0
        self._start = b""  # of the first frame, as far as its type
        self._response = bytearray()

    def close(self) -> None:
        """Drop the connection, whatever its state."""
        if self._transport is not None:
            self._transport.abort()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Send the whole call."""
        self._transport = transport = cast(
            "asyncio.Transport", transport
        )  # uvloop's is none by class
        self._attempt.stage = "waiting for an answer"
        self._h2.initiate_connection()
        stream = self._h2.get_next_available_stream_id()
        self._h2.send_headers(stream, _headers(self._attempt))
        self._h2.send_data(stream, self._message, end_stream=True)
        transport.write(self._h2.data_to_send())

    def data_received(self, data: bytes) -> None:
        """Take octets from the peer, as many as a call may cost."""
        self._octets += len(data)
        if self._octets > MAX_OCTETS:
            self._end(Kind.PROTOCOL, f"more than {MAX_OCTETS // 1024} KiB in answer")
            return
        self._start += data[: _TYPE_AT + 1 - len(self._start)]
        if len(self._start) > _TYPE_AT and self._start[_TYPE_AT] != _SETTINGS:
            self._end(Kind.PROTOCOL, "not HTTP/2")  # the library would wait for a long "frame"
            return
        try:
            events = self._h2.receive_data(data)
        except h2.exceptions.ProtocolError:
            self._end(Kind.PROTOCOL, "not HTTP/2")
            return
        for event in events:
            self._take(event)
        if not self.found.done() and self._transport is not None:
            self._transport.write(self._h2.data_to_send())

    def eof_received(self) -> None:
        """Take the peer's end of sending."""
        self._end(Kind.REFUSED, "connection closed before the answer was complete")

    def connection_lost(self, exc: Exception | None) -> None:
        """Take the end of the connection."""
        if exc is None or isinstance(exc, ConnectionError):
            self._end(Kind.REFUSED, "connection closed before the answer was complete")
        elif not self.found.done():
            self.found.set_exception(exc)

    def _take(self, event: h2.events.Event) -> None:
        if isinstance(event, h2.events.ResponseReceived | h2.events.TrailersReceived):
            self._read_header(dict(event.headers))
        elif isinstance(event, h2.events.DataReceived):
            self._response += event.data
            if len(self._response) > MAX_MESSAGE:
                self._end(Kind.PROTOCOL, "the message is too long")
        elif isinstance(event, h2.events.StreamReset):
            self._end(Kind.REFUSED, "the peer reset the call")
        elif isinstance(event, h2.events.ConnectionTerminated):
            self._end(Kind.REFUSED, "the peer ended the connection")
        elif isinstance(event, h2.events.StreamEnded):
            self._end(Kind.PROTOCOL, "no grpc-status")

    def _read_header(self, header: dict[bytes, bytes]) -> None:
        code = header.get(b":status", b"200")
        if code != b"200":
            self._end(Kind.STATUS, f"HTTP {int(code)}" if code.isdigit() else "HTTP without a code")
        elif b"grpc-status" in header:
            self._judge(header[b"grpc-status"])

    def _judge(self, text: bytes) -> None:
        """End with what *grpc-status*, which comes last, and the message before it say."""
        number = int(text) if text.isdigit() and len(text) <= 3 else -1
        if number:
            words = _STATUS_TEXT.get(number, "an error")
            self._end(Kind.STATUS, f"gRPC status {number}: {words}")
            return
        status = serving_status(bytes(self._response))
        if status is None:
            self._end(Kind.PROTOCOL, "not a HealthCheckResponse")
        else:
            kind = Kind.OK if status == 1 else Kind.STATUS
            self._end(kind, _SERVING.get(status, f"serving status {status}"))

    def _end(self, kind: Kind, detail: str) -> None:
        if not self.found.done():
            self.found.set_result(Found(kind, detail))


def _headers(attempt: Attempt) -> list[tuple[str, str]]:
    return [
        (":method", "POST"),
        (":scheme", "https" if attempt.option("tls") == "yes" else "http"),
        (":path", "/grpc.health.v1.Health/Check"),
        (":authority", _authority(attempt.probe)),
        ("te", "trailers"),
        ("content-type", "application/grpc"),
        ("user-agent", attempt.tools.agent),
        ("grpc-timeout", f"{max(1, int(attempt.probe.timeout * 1000))}m"),
    ]


def _authority(probe: Probe) -> str:
    host = probe.host or (f"[{probe.address}]" if ":" in probe.address else probe.address)
    return f"{host}:{probe.port}"


def _varint(number: int) -> bytes:
    octets = bytearray()
    while number > 0x7F:
        octets.append(number & 0x7F | 0x80)
        number >>= 7
    octets.append(number)
    return bytes(octets)


def _read_varint(message: bytes, at: int) -> tuple[int, int]:
    """Return the number at *at* and where the next one is; -1: it does not end, or is too long."""
    number = 0
    for step, octet in enumerate(message[at : at + 10]):
        number |= (octet & 0x7F) << (7 * step)
        if octet < 0x80:
            return number, at + step + 1
    return 0, -1
