"""The ``http`` and ``https`` probes: one GET on its own connection, judged by code and text.

RFC 9112. No redirect is followed, no proxy is used, nothing is decompressed; the peer's octets are
counted before they are parsed and nothing of them is kept.
"""

from __future__ import annotations

import asyncio
import re
from functools import lru_cache
from typing import cast

import httptools

from healthcheck.model import Kind, Probe
from healthcheck.probes.base import Attempt, CannotTryError, Found, connect_tcp, connect_tls

MAX_HEADER = 16 * 1024  # octets of status line and header fields, interim responses included
MAX_BODY = 64 * 1024  # octets of content that are searched
_KEPT_REQUESTS = 16_384  # rendered requests that are kept
_DEFAULT_PORTS = {"http": 80, "https": 443}
_SENDABLE_PATH = re.compile(r"/[!-~]*")
_SENDABLE_WORD = re.compile(r"[!-~]+")


async def try_http(attempt: Attempt) -> Found:
    """GET the path. Raises OSError, CannotTryError."""
    exchange = Exchange(attempt, request_of(attempt.probe, attempt.tools.agent))
    connect = connect_tls if attempt.probe.type == "https" else connect_tcp
    await connect(attempt, lambda: exchange)
    try:
        return await exchange.found
    finally:
        exchange.close()


@lru_cache(maxsize=_KEPT_REQUESTS)
def request_of(probe: Probe, agent: str) -> bytes:
    """Return the request of *probe* as octets. Raises CannotTryError where a field would break it."""
    host = probe.host or (f"[{probe.address}]" if ":" in probe.address else probe.address)
    path = probe.path or "/"
    if not (_SENDABLE_PATH.fullmatch(path) and _SENDABLE_WORD.fullmatch(host)):
        raise CannotTryError("path or host has characters that HTTP does not allow")
    port = "" if probe.port == _DEFAULT_PORTS[probe.type] else f":{probe.port}"
    return (
        f"GET {path} HTTP/1.1\r\nHost: {host}{port}\r\nUser-Agent: {agent}\r\n"
        "Accept: */*\r\nConnection: close\r\n\r\n"
    ).encode("ascii")


class Exchange(asyncio.Protocol):
    """One request and what comes back. `found` is set once, as early as the verdict is certain."""

    __slots__ = (
        "_attempt",
        "_body",
        "_code",
        "_header_left",
        "_parser",
        "_request",
        "_text",
        "_transport",
        "found",
    )

    def __init__(self, attempt: Attempt, request: bytes) -> None:
        self.found: asyncio.Future[Found] = asyncio.get_running_loop().create_future()
        self._attempt = attempt
        self._request = request
        self._text = attempt.probe.body.encode()
        self._parser = httptools.HttpResponseParser(self)
        self._header_left = MAX_HEADER
        self._code = 0  # of the final response, once its header is complete
        self._body = bytearray()
        self._transport: asyncio.Transport | None = None

    def close(self) -> None:
        """Drop the connection, whatever its state."""
        if self._transport is not None:
            self._transport.abort()

    # asyncio's calls

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = transport = cast(asyncio.Transport, transport)  # uvloop's is none by class
        self._attempt.stage = "waiting for an answer"
        transport.write(self._request)

    def data_received(self, data: bytes) -> None:
        """Parse no more than the header may have, then no more than is searched."""
        rest = memoryview(data)
        while rest and not self.found.done():
            if not self._code and self._header_left <= 0:
                self._end(Kind.PROTOCOL, f"header of more than {MAX_HEADER // 1024} KiB")
                return
            piece = rest if self._code else rest[: self._header_left]
            if not self._code:
                self._header_left -= len(piece)
            rest = rest[len(piece) :]
            try:
                self._parser.feed_data(piece)
            except httptools.HttpParserUpgrade:
                self._end(Kind.PROTOCOL, "the peer changed the protocol")
            except httptools.HttpParserError:
                self._end(Kind.PROTOCOL, "not HTTP")

    def eof_received(self) -> None:
        self._closed(None)

    def connection_lost(self, exc: Exception | None) -> None:
        self._closed(exc)

    # httptools' calls

    def on_headers_complete(self) -> None:
        code = self._parser.get_status_code()
        if 100 <= code < 200 and code != 101:  # interim; the final response follows
            return
        self._code = code
        if not any(low <= code <= high for low, high in self._attempt.probe.expect):
            self._end(Kind.STATUS, f"HTTP {code}")
        elif not self._text:
            self._end(Kind.OK, f"HTTP {code}")

    def on_body(self, body: bytes) -> None:
        if self.found.done():
            return
        self._body += body[: MAX_BODY - len(self._body)]
        if self._text in self._body:
            self._end(Kind.OK, f"HTTP {self._code} with the text")
        elif len(self._body) >= MAX_BODY:
            self._end(Kind.BODY, f"HTTP {self._code}, text not in the first {MAX_BODY // 1024} KiB")

    def on_message_complete(self) -> None:
        if self._code:
            self._end(Kind.BODY, f"HTTP {self._code} without the text")

    def _closed(self, exc: Exception | None) -> None:
        if self.found.done():
            return
        if exc is None and self._code:  # RFC 9112 §6.3: content may end with the connection
            self._end(Kind.BODY, f"HTTP {self._code} without the text")
        elif exc is not None and not isinstance(exc, ConnectionError):
            self.found.set_exception(exc)
        else:
            self._end(Kind.REFUSED, "connection closed before the answer was complete")

    def _end(self, kind: Kind, detail: str) -> None:
        if not self.found.done():
            self.found.set_result(Found(kind, detail))
