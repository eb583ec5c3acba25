"""The way of a remote checker to its node: connected, shown a token, and again after each loss."""

from __future__ import annotations

import argparse
import asyncio
import ipaddress
import logging
import random
import socket
import ssl
import stat
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from pathlib import Path

from healthcheck.hello import Hello, hello_line
from healthcheck.messages import MAX_LINE, MessageError

CONNECT_SECONDS = 10.0  # TLS included
UNHEARD_MS = 30_000  # milliseconds that the node may leave our words unacknowledged
FIRST_DELAY, MAX_DELAY = 1.0, 30.0  # seconds before it comes again; doubled each time, with jitter
MAX_TOKEN_FILE = 4096  # octets

Serve = Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[int]]

_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Destination:
    """Where to go, and as whom."""

    host: str
    port: int
    tls: ssl.SSLContext | None
    hello: Hello = field(repr=False)

    @classmethod
    def of(cls, options: argparse.Namespace) -> Destination:
        """Return what the command line says. Raises ValueError or OSError with the reason."""
        host, _, port = str(options.connect).rpartition(":")
        host = host.removeprefix("[").removesuffix("]")
        if not host or not (port.isascii() and port.isdecimal() and 1 <= int(port[:6]) <= 65535):
            raise ValueError("--connect takes HOST:PORT, such as gtm.example.com:8054")
        if not options.token_file:
            raise ValueError("--connect needs --token-file: nobody is heard without a token")
        tls = None
        if options.ca or not _loopback(host):
            tls = ssl.create_default_context(cafile=options.ca)
        return cls(host, int(port), tls, Hello(options.name, _token(Path(options.token_file))))


async def visit(to: Destination, serve: Serve) -> None:
    """Be where *to* says whenever that is possible, until cancelled. Raises MessageError."""
    line = hello_line(to.hello)
    delay = FIRST_DELAY
    while True:
        try:
            async with asyncio.timeout(CONNECT_SECONDS):
                reader, writer = await asyncio.open_connection(
                    to.host, to.port, limit=MAX_LINE, ssl=to.tls
                )
            # A node that is cut off without a word is noticed by what it does not acknowledge.
            sock = writer.get_extra_info("socket")
            sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_USER_TIMEOUT, UNHEARD_MS)
            _log.info("connected to %s port %d", to.host, to.port)
            try:
                writer.write(line)
                followed = await serve(reader, writer)
            finally:
                writer.close()
            if followed:
                delay = FIRST_DELAY
                _log.warning("the node has closed the connection")
            else:
                _log.error("no orders came: the node may not know this token, or not by this name")
        except (OSError, MessageError) as error:  # TimeoutError and those of TLS are OSErrors
            _log.warning("no conversation: %s", error or "timed out")
        await asyncio.sleep(delay * random.uniform(0.5, 1.0))  # noqa: S311 - to spread, not to hide
        delay = min(2 * delay, MAX_DELAY)


def _loopback(host: str) -> bool:
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


def _token(path: Path) -> str:
    with path.open("rb") as file:
        if stat.S_IMODE(path.stat().st_mode) & 0o077:
            raise ValueError(f"{path}: others may read it; mode 0600 is wanted")
        octets = file.read(MAX_TOKEN_FILE)
    try:
        return octets.decode("ascii").split()[0]  # a note after it may stay
    except (ValueError, IndexError):
        raise ValueError(f"{path}: holds no token") from None
