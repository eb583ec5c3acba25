"""An HTTP server on one socket, with limits on connections, headers and time."""

from __future__ import annotations

import asyncio
import logging
import secrets
import socket
import ssl
from dataclasses import dataclass
from http import HTTPStatus
from pathlib import Path

from aiohttp import web

from gslb import control
from gslb.api.problems import HEADERS, HSTS, MEDIA_TYPE, problem_octets
from gslb.api.reading import MAX_HEADERS
from gslb.logs import Log

SOCKET_NAME = "api.sock"  # in the state directory
MAX_CONNECTIONS = 64
IDLE_SECONDS = 10.0  # for the head of a request to arrive, the first one's too
STOP_SECONDS = 5.0  # for requests to end when the server does
MAX_LINE = 8 << 10  # octets of the request line; explain has 32 suppositions in it
MAX_FIELDS = 64  # header fields

_log = Log(__name__)
_NO_ACCESS_LOG = logging.getLogger(f"{__name__}.access")
_NO_ACCESS_LOG.disabled = True  # whole addresses of clients stay out of logs


@dataclass(slots=True)
class _Room:
    """How many connections there are, of how many there may be."""

    most: int
    taken: int = 0


class _Connection(web.RequestHandler):
    """One connection: turned away if there are too many; errors before any route look like ours."""

    __slots__ = ("_room", "_turned_away")

    def __init__(self, server: web.Server, room: _Room) -> None:
        super().__init__(
            server,
            loop=asyncio.get_running_loop(),
            keepalive_timeout=IDLE_SECONDS,
            access_log=_NO_ACCESS_LOG,
            max_line_size=MAX_LINE,
            max_field_size=MAX_HEADERS,
            max_headers=MAX_FIELDS,
            lingering_time=1.0,
            auto_decompress=False,
        )
        self._room = room
        self._turned_away = False

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Let the client in, or tell it to come again."""
        if self._room.taken < self._room.most:
            self._room.taken += 1
            super().connection_made(transport)
            return
        self._turned_away = True
        assert isinstance(transport, asyncio.WriteTransport)
        transport.write(_too_many())
        transport.close()

    def connection_lost(self, exc: BaseException | None) -> None:
        """Make room for the next one."""
        if not self._turned_away:
            self._room.taken -= 1
            super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        """Pass on what comes, unless nobody listens."""
        if not self._turned_away:
            super().data_received(data)

    def eof_received(self) -> None:
        """Note that nothing more comes."""
        if not self._turned_away:
            super().eof_received()

    def handle_error(
        self,
        request: web.BaseRequest,
        status: int = 500,
        exc: BaseException | None = None,
        message: str | None = None,
    ) -> web.StreamResponse:
        """Answer what is no HTTP, or what failed outside of every handler."""
        del message  # it quotes the request, which may hold a token
        if request.writer.output_size > 0:
            raise ConnectionError("an answer has begun already")
        number = secrets.token_hex(8)
        say = _log.error if status >= 500 else _log.debug
        say("bad request", request=number, status=status, error=type(exc).__name__)
        response = web.Response(
            status=status,
            body=problem_octets(status, "", number, None),
            headers={**_headers(request.secure), "X-Request-Id": number},
        )
        response.force_close()
        return response


def _headers(secure: bool) -> dict[str, str]:
    hsts = {"Strict-Transport-Security": HSTS} if secure else {}
    return {**HEADERS, **hsts, "Content-Type": MEDIA_TYPE}


def _too_many() -> bytes:
    number = secrets.token_hex(8)
    body = problem_octets(503, f"{MAX_CONNECTIONS} connections are open.", number, None)
    fields = {**_headers(False), "Content-Length": str(len(body)), "Retry-After": "1"}
    fields |= {"Connection": "close", "X-Request-Id": number}
    lines = [f"HTTP/1.1 503 {HTTPStatus(503).phrase}", *(f"{k}: {v}" for k, v in fields.items())]
    return "\r\n".join([*lines, "", ""]).encode() + body


class Listener:
    """Serves one app on one socket."""

    def __init__(self, app: web.Application) -> None:
        self._runner = web.AppRunner(app, access_log=None, shutdown_timeout=STOP_SECONDS)
        self._server: asyncio.Server | None = None
        self._room = _Room(MAX_CONNECTIONS)

    async def start(self, sock: socket.socket, tls: ssl.SSLContext | None = None) -> None:
        """Serve at *sock*, a bound stream socket that becomes ours; over *tls* if given.

        May be called again after `pause`.
        """
        if self._runner.server is None:
            await self._runner.setup()
        server = self._runner.server
        assert server is not None, "setup makes it"

        def connection() -> _Connection:
            return _Connection(server, self._room)

        loop = asyncio.get_running_loop()
        if sock.family == socket.AF_UNIX:
            self._server = await loop.create_unix_server(connection, sock=sock)
        else:
            handshake = IDLE_SECONDS if tls is not None else None
            self._server = await loop.create_server(
                connection,
                sock=sock,
                ssl=tls,
                ssl_handshake_timeout=handshake,
                backlog=MAX_CONNECTIONS,
            )

    def pause(self) -> None:
        """Let nobody in any more; who is in already is served."""
        if self._server is not None:
            self._server.close()
            self._server = None

    async def stop(self) -> None:
        """Accept nothing more, let the requests end, close every connection."""
        self.pause()
        await self._runner.cleanup()


def tls_context(certificate: Path, key: Path) -> ssl.SSLContext:
    """Return how to encrypt with a certificate chain and its key (PEM files): TLS 1.2 or newer.

    Raises OSError or ssl.SSLError if they cannot be used.
    """
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    context.set_ciphers("ECDHE+AESGCM:ECDHE+CHACHA20")  # of TLS 1.2; those of 1.3 are all good
    context.load_cert_chain(certificate, key)
    return context


def local_socket(path: Path) -> socket.socket:
    """Return a listening Unix socket at *path*, mode 0600. Raises ControlError."""
    return control.listen_at(path)
