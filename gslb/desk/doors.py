"""The sockets that a node is asked over by HTTP: opened, each with who may come in, and closed.

The Unix socket of the state directory is always there: it is the way in when nothing else works.
"""

from __future__ import annotations

import os
import socket
import ssl
import time
from collections.abc import Callable, Sequence
from datetime import datetime

from aiohttp import web
from prometheus_client import CollectorRegistry

from gslb.api.access import SocketAccess, TokenAccess
from gslb.api.app import make_app
from gslb.api.counts import RequestCounts
from gslb.api.events import EventHub
from gslb.api.exposure import check_exposure, loopback
from gslb.api.listener import SOCKET_NAME, Listener, local_socket, tls_context
from gslb.api.telemetry import make_telemetry
from gslb.api.tokens import FILE_NAME, TokenFile
from gslb.desk import numbers
from gslb.desk.desk import Desk, state_of
from gslb.desk.scrape import ValuesCollector
from gslb.errors import GslbError
from gslb.logs import Log
from gslb.metrics import Values
from gslb.settings import Listen, Settings

_log = Log(__name__)


class Doors:
    """Every HTTP socket of a node."""

    def __init__(
        self,
        settings: Settings,
        desk: Desk,
        hub: EventHub,
        sources: Sequence[Callable[[], Values]],
        now: Callable[[], datetime],
    ) -> None:
        """Open nothing yet. *sources* have the metrics of what is behind the desk.

        Raises:
            GslbError: others could come in, or listen in, where the settings say to listen (F22);
                or the certificate cannot be used.
        """
        api, metrics = settings.api, settings.metrics
        tls = api.certificate is not None and api.key is not None
        for listen in (*api.listen, *metrics.listen):
            check_exposure(listen, tls=tls, auth=True)  # tokens are wanted beyond loopback
        self._settings = settings
        self._tls = _tls(settings) if tls else None
        self._desk = desk
        self._hub = hub
        self._sources = sources
        self._tokens = TokenFile(settings.state_directory / FILE_NAME)
        self._access = TokenAccess(self._tokens, now, time.monotonic)
        self._counts = RequestCounts()
        self._listeners: list[Listener] = []

    async def open(self) -> None:
        """Serve on every socket. Raises GslbError: one of them cannot be had."""
        folder = self._settings.state_directory
        users = SocketAccess({0, os.geteuid()})
        await self._serve(self._app(users), local_socket(folder / SOCKET_NAME), None)
        for listen in self._settings.api.listen:
            await self._serve(self._app(self._access), _socket(listen, "api"), self._tls)
            _log.info("API listens", listen=str(listen), tls=self._tls is not None)
        for listen in self._settings.metrics.listen:
            local = loopback(listen.address)
            tls = None if local else self._tls
            app = make_telemetry(
                self._registry(),
                self._desk.missing,
                self._counts,
                None if local else self._access,
            )
            await self._serve(app, _socket(listen, "metrics"), tls)
            _log.info("metrics listen", listen=str(listen), tls=tls is not None)

    def _app(self, access: SocketAccess | TokenAccess) -> web.Application:
        return make_app(self._desk, access, self._hub, time.monotonic, self._counts)

    async def _serve(
        self, app: web.Application, sock: socket.socket, tls: ssl.SSLContext | None
    ) -> None:
        listener = Listener(app)
        self._listeners.append(listener)
        await listener.start(sock, tls)

    def _registry(self) -> CollectorRegistry:
        registry = CollectorRegistry()
        own = (
            numbers.program,
            lambda: numbers.requests(self._counts),
            lambda: numbers.drains(self._desk.held()),
            lambda: numbers.endpoints(self._desk.nodes(), state_of),
        )
        registry.register(ValuesCollector([*own, *self._sources]))
        return registry

    async def close(self) -> None:
        """Let requests end and close every socket."""
        self._hub.close()
        for listener in self._listeners:
            await listener.stop()
        (self._settings.state_directory / SOCKET_NAME).unlink(missing_ok=True)


def _socket(listen: Listen, what: str) -> socket.socket:
    """Return a bound stream socket. Raises GslbError."""
    family = socket.AF_INET6 if listen.ipv6 else socket.AF_INET
    sock = socket.socket(family, socket.SOCK_STREAM)
    try:
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        if listen.ipv6:
            sock.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
        sock.bind((listen.address, listen.port))
    except OSError as error:
        sock.close()
        raise GslbError(f"{what}: cannot listen on {listen}: {error.strerror}") from None
    sock.setblocking(False)
    return sock


def _tls(settings: Settings) -> ssl.SSLContext:
    certificate, key = settings.api.certificate, settings.api.key
    assert certificate is not None
    assert key is not None
    try:
        return tls_context(certificate, key)
    except (OSError, ssl.SSLError) as error:
        raise GslbError(f"api: the certificate {certificate} cannot be used: {error}") from None
