"""The ``https`` probe: one GET inside TLS, on its own connection, the certificate verified."""

from __future__ import annotations

import asyncio
from typing import cast

from healthcheck.probes.base import Attempt, Found, connect_tls
from healthcheck.probes.response import request_of, response_to


async def try_https(attempt: Attempt) -> Found:
    """GET the path. Raises OSError, CannotTryError."""
    exchange = _Exchange(attempt, request_of(attempt.probe, attempt.tools.agent))
    try:
        await connect_tls(attempt, lambda: exchange)
        return await exchange.found
    finally:
        exchange.close()


class _Exchange(asyncio.Protocol):
    def __init__(self, attempt: Attempt, request: bytes) -> None:
        self.found: asyncio.Future[Found] = asyncio.get_running_loop().create_future()
        self._attempt = attempt
        self._request = request
        self._response = response_to(attempt.probe)
        self._transport: asyncio.Transport | None = None

    def close(self) -> None:
        """Drop the connection, whatever its state."""
        if self._transport is not None:
            self._transport.abort()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast("asyncio.Transport", transport)  # uvloop's is none by class
        self._attempt.stage = "waiting for an answer"
        self._transport.write(self._request)

    def data_received(self, data: bytes) -> None:
        self._end(self._response.feed(data))

    def eof_received(self) -> None:
        self._end(self._response.closed())

    def connection_lost(self, exc: Exception | None) -> None:
        if exc is None:
            self._end(self._response.closed())
        elif not self.found.done():
            self.found.set_exception(exc)

    def _end(self, found: Found | None) -> None:
        if found is not None and not self.found.done():
            self.found.set_result(found)
