"""The sockets of a node beside DNS: opened, each with who may come in, and closed.

The Unix socket of the state directory is always there: it is the way in when nothing else works.
"""

from __future__ import annotations

import os
import socket
import ssl
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Protocol

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
from gslb.desk import copynumbers, numbers
from gslb.desk.agents import AgentDoor
from gslb.desk.desk import Desk
from gslb.desk.looks import state_of
from gslb.desk.scrape import ValuesCollector
from gslb.desk.sockets import tcp_socket
from gslb.errors import GslbError
from gslb.logs import Log
from gslb.metrics import Values
from gslb.node.panel import Panel
from gslb.settings import Settings

_log = Log(__name__)


class _Serving(Protocol):
    """What serves on a socket that becomes its own."""

    async def start(self, sock: socket.socket, tls: ssl.SSLContext | None = None) -> None:
        """Let people in; again after `pause`, too."""
        ...

    def pause(self) -> None:
        """Let nobody in any more; who is in already is served."""
        ...

    async def stop(self) -> None:
        """Let nobody in, and end with everybody."""
        ...


@dataclass(frozen=True, slots=True)
class _Door:
    """One socket, and what serves on a copy of it."""

    name: str  # api.sock, or what it is for and where: "api 127.0.0.1:8053"
    sock: socket.socket
    tls: ssl.SSLContext | None
    listener: _Serving


class Doors:
    """Every HTTP socket of a node, and those of its remote checkers."""

    def __init__(
        self,
        settings: Settings,
        desk: Desk,
        hub: EventHub,
        sources: Sequence[Callable[[], Values]],
        now: Callable[[], datetime],
        panel: Panel,
    ) -> None:
        """Open nothing yet. *sources* have the metrics of what is behind the desk.

        Raises:
            GslbError: others could come in, or listen in, where the settings say to listen (F22);
                or the certificate cannot be used.
        """
        api, metrics, agents = settings.api, settings.metrics, settings.agents
        tls = api.certificate is not None and api.key is not None
        for listen in (*api.listen, *metrics.listen, *agents.listen):
            check_exposure(listen, tls=tls, auth=True)  # tokens are wanted beyond loopback
        self._settings = settings
        self._tls = _tls(settings) if tls else None
        self._desk = desk
        self._hub = hub
        self._sources = sources
        self._now = now
        self._tokens = TokenFile(settings.state_directory / FILE_NAME)
        self._access = TokenAccess(self._tokens, now, time.monotonic)
        self._counts = RequestCounts()
        self._doors: list[_Door] = []
        self._panel = panel
        self._now = now

    async def open(self, held: Mapping[str, socket.socket] | None = None) -> None:
        """Serve on every socket; those *held* already, by name, become ours, or are closed.

        Raises GslbError: one of them cannot be had.
        """
        left = dict(held or {})
        try:
            await self._open(left)
        finally:
            for sock in left.values():
                sock.close()

    async def _open(self, held: dict[str, socket.socket]) -> None:
        path = self._settings.state_directory / SOCKET_NAME
        users = SocketAccess({0, os.geteuid()})
        sock = held.pop(SOCKET_NAME) if SOCKET_NAME in held else local_socket(path)
        await self._serve(self._app(users), SOCKET_NAME, sock, None)
        for listen in self._settings.api.listen:
            name = f"api {listen}"
            sock = held.pop(name) if name in held else tcp_socket(listen, "api")
            await self._serve(self._app(self._access), name, sock, self._tls)
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
            name = f"metrics {listen}"
            sock = held.pop(name) if name in held else tcp_socket(listen, "metrics")
            await self._serve(app, name, sock, tls)
            _log.info("metrics listen", listen=str(listen), tls=tls is not None)
        for listen in self._settings.agents.listen:
            tls = None if loopback(listen.address) else self._tls
            name = f"agents {listen}"
            sock = held.pop(name) if name in held else tcp_socket(listen, "agents")
            await self._open_door(name, sock, tls, AgentDoor(self._panel, self._tokens, self._now))
            _log.info("agents may come", listen=str(listen), tls=tls is not None)

    def _app(self, access: SocketAccess | TokenAccess) -> web.Application:
        return make_app(self._desk, access, self._hub, time.monotonic, self._counts)

    async def _serve(
        self, app: web.Application, name: str, sock: socket.socket, tls: ssl.SSLContext | None
    ) -> None:
        await self._open_door(name, sock, tls, Listener(app))

    async def _open_door(
        self, name: str, sock: socket.socket, tls: ssl.SSLContext | None, listener: _Serving
    ) -> None:
        self._doors.append(_Door(name, sock, tls, listener))
        await listener.start(sock.dup(), tls)

    @property
    def sockets(self) -> list[tuple[str, socket.socket]]:
        """The sockets that are served on, by name."""
        return [(door.name, door.sock) for door in self._doors]

    def pause(self) -> None:
        """Let nobody in: who knocks waits in the kernel, for us or for another who has the sockets."""
        for door in self._doors:
            door.listener.pause()

    async def resume(self) -> None:
        """Let those in who wait."""
        for door in self._doors:
            await door.listener.start(door.sock.dup(), door.tls)

    def counts(self) -> list[list[str | int]]:
        """Return how many requests there were, as JSON values."""
        return [[*kind, count] for kind, count in self._counts.by_kind.items()]

    def inherit(self, counts: Sequence[Sequence[Any]]) -> None:
        """Count on from what `counts` of another program said.

        Raises TypeError, ValueError: it is none of ours.
        """
        for method, route, status, count in counts:
            self._counts.by_kind[str(method), str(route), str(status)] += int(count)

    def _registry(self) -> CollectorRegistry:
        registry = CollectorRegistry()
        own = (
            numbers.program,
            lambda: numbers.requests(self._counts),
            lambda: numbers.drains(self._desk.held()),
            lambda: numbers.endpoints(self._desk.nodes(), state_of),
            lambda: copynumbers.copies(self._desk.copies.copies(), self._now().timestamp()),
        )
        registry.register(ValuesCollector([*own, *self._sources]))
        return registry

    async def close(self, *, handed_over: bool = False) -> None:
        """Let requests end and close every socket. *handed_over*: another has copies of them."""
        self._hub.close()
        for door in self._doors:
            await door.listener.stop()
            door.sock.close()
        self._doors.clear()
        if not handed_over:
            (self._settings.state_directory / SOCKET_NAME).unlink(missing_ok=True)


def _tls(settings: Settings) -> ssl.SSLContext:
    certificate, key = settings.api.certificate, settings.api.key
    assert certificate is not None
    assert key is not None
    try:
        return tls_context(certificate, key)
    except (OSError, ssl.SSLError) as error:
        raise GslbError(f"api: the certificate {certificate} cannot be used: {error}") from None
