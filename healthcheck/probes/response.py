"""HTTP as a probe speaks it: one GET, and a verdict as early as it is certain. Sans-IO.

RFC 9112. No redirect is followed and nothing is decompressed; the peer's octets are counted before
they are parsed, and no more of them is kept than is searched.
"""

from __future__ import annotations

import re

import httptools

from healthcheck.model import Kind, Probe
from healthcheck.probes.base import CannotTryError, Found

MAX_HEADER = 16 * 1024  # octets of status line and header fields, interim responses included
MAX_BODY = 64 * 1024  # octets of content that are searched
_DEFAULT_PORTS = {"http": 80, "https": 443}
_SENDABLE_PATH = re.compile(r"/[!-~]*")
_SENDABLE_WORD = re.compile(r"[!-~]+")
_CLOSED_EARLY = "connection closed before the answer was complete"


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


class Response:
    """Reads one response. `found` is None until the verdict is certain, and then does not change.

    It takes the header alone: what `response_to` returns reads the content too where that matters.
    The parser looks for what it may call once, and each call that it need not make is saved.
    """

    __slots__ = ("_code", "_expect", "_header_left", "_parser", "found")

    def __init__(self, probe: Probe) -> None:
        self.found: Found | None = None
        self._expect = probe.expect
        # It refers to us: `_end` parts the two, or each try would wait for the garbage collector.
        self._parser: httptools.HttpResponseParser | None = httptools.HttpResponseParser(self)
        self._header_left = MAX_HEADER
        self._code = 0  # of the final response, once its header is complete

    def feed(self, data: bytes) -> Found | None:
        """Take octets from the peer; return the verdict if they settle it.

        The header is cut where its limit is, so that a parser never sees more of it.
        """
        while data and self._parser is not None:
            piece = data
            if not self._code:
                piece = data[: self._header_left]
                if not piece:
                    return self._end(Kind.PROTOCOL, f"header of more than {MAX_HEADER // 1024} KiB")
                self._header_left -= len(piece)
            data = data[len(piece) :]
            try:
                self._parser.feed_data(piece)
            except httptools.HttpParserUpgrade:
                self._end(Kind.PROTOCOL, "the peer changed the protocol")
            except httptools.HttpParserError:
                self._end(Kind.PROTOCOL, "not HTTP")
        return self.found

    def closed(self) -> Found:
        """Return the verdict now that the peer sends no more."""
        if self._code:  # RFC 9112 §6.3: content may end with the connection
            return self._end(Kind.BODY, f"HTTP {self._code} without the text")
        return self._end(Kind.REFUSED, _CLOSED_EARLY)

    def on_headers_complete(self) -> None:
        """Judge the code; the parser calls it after each header."""
        if self._parser is None:
            return
        code = self._parser.get_status_code()
        if 100 <= code < 200 and code != 101:  # interim; the final response follows
            return
        self._code = code
        for low, high in self._expect:
            if low <= code <= high:
                self._accept()
                return
        self._end(Kind.STATUS, f"HTTP {code}")

    def _accept(self) -> None:
        self._end(Kind.OK, f"HTTP {self._code}")

    def _end(self, kind: Kind, detail: str) -> Found:
        if self.found is None:
            self.found = Found(kind, detail)
            self._parser = None
        return self.found


class _Searched(Response):
    """Reads a response whose content must have a text."""

    __slots__ = ("_body", "_text")

    def __init__(self, probe: Probe) -> None:
        self._text = probe.body.encode()
        self._body = bytearray()
        super().__init__(probe)

    def on_body(self, body: bytes) -> None:
        """Search what there is of the content so far; the parser calls it."""
        if self.found is not None:
            return
        self._body += body[: MAX_BODY - len(self._body)]
        if self._text in self._body:
            self._end(Kind.OK, f"HTTP {self._code} with the text")
        elif len(self._body) >= MAX_BODY:
            self._end(Kind.BODY, f"HTTP {self._code}, text not in the first {MAX_BODY // 1024} KiB")

    def on_message_complete(self) -> None:
        """Take the end of the content; the parser calls it after interim responses too."""
        if self._code:
            self._end(Kind.BODY, f"HTTP {self._code} without the text")

    def _accept(self) -> None:
        """Wait for the content."""


def response_to(probe: Probe) -> Response:
    """Return what reads the response to *probe*, as far as its verdict needs."""
    return _Searched(probe) if probe.body else Response(probe)
