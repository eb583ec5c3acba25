"""One try against a loopback server, through the runner, and the servers."""

from __future__ import annotations

import asyncio
import shutil
import socket
import ssl
import subprocess
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass
from pathlib import Path

import pytest

from healthcheck.model import Outcome, Probe
from healthcheck.probes import Tools
from healthcheck.runner import Checked, Runner
from healthcheck.schedule import Schedule
from healthcheck.targets import reach

Try = Callable[..., Awaitable[Outcome]]
Serve = Callable[..., Awaitable[int]]


@pytest.fixture
def once() -> Try:
    """Return a function that tries a probe once, at once, and gives what it saw."""

    async def run(
        type_: str = "http", port: int = 0, *, tools: Tools | None = None, **fields: object
    ) -> Outcome:
        values = {"address": "127.0.0.1", "every": 5.0, "timeout": 2.0, **fields}
        probe = Probe(type_, port=port, down_after=3, up_after=3, **values)  # type: ignore[arg-type]
        loop = asyncio.get_running_loop()
        runner = Runner(
            reach(["127.0.0.0/8", "::1"]),
            tools,
            schedule=Schedule(random=lambda: 0.0),
            now=lambda: loop.time() / 10,  # a machine that stalls for less than 1 s is forgiven
        )
        outcome: asyncio.Future[Outcome] = loop.create_future()

        def seen(checked: Checked) -> None:
            assert checked.last is not None
            if not outcome.done():
                outcome.set_result(checked.last)

        runner.listen(lambda _: None, seen)
        runner.order([probe])
        runner.start()
        try:
            return await outcome
        finally:
            await runner.stop()

    return run


@pytest.fixture
async def serve() -> AsyncIterator[Serve]:
    """Return a function that starts a server of a connection handler and gives its port."""
    servers: list[asyncio.Server] = []

    async def start(
        handler: Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]],
        context: ssl.SSLContext | None = None,
    ) -> int:
        async def handle(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            try:
                await handler(reader, writer)
                await writer.drain()
            except ConnectionError:
                pass  # the probe has seen enough
            finally:
                writer.close()

        server = await asyncio.start_server(handle, "127.0.0.1", 0, ssl=context)
        servers.append(server)
        port: int = server.sockets[0].getsockname()[1]
        return port

    yield start
    for server in servers:
        server.close()


@pytest.fixture
def closed_port() -> int:
    """Return a port that nothing listens on."""
    with socket.socket() as sock:
        sock.bind(("127.0.0.1", 0))
        port: int = sock.getsockname()[1]
        return port


@dataclass(frozen=True)
class Certificates:
    ca: Path  # signs itself; the server's certificate too
    server: ssl.SSLContext


@pytest.fixture(scope="session")
def certificates(tmp_path_factory: pytest.TempPathFactory) -> Certificates:
    """Return a certificate for www.example.com and 127.0.0.1 that only its own file vouches for."""
    openssl = shutil.which("openssl")
    if openssl is None:
        pytest.skip("needs the openssl command to make a certificate")
    folder = tmp_path_factory.mktemp("tls")
    key, ca = folder / "key.pem", folder / "ca.pem"
    command = [openssl, "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes",
               "-keyout", key, "-out", ca, "-days", "2", "-subj", "/CN=www.example.com",
               "-addext", "subjectAltName=DNS:www.example.com,IP:127.0.0.1"]  # fmt: skip
    subprocess.run(command, check=True, capture_output=True)
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    context.load_cert_chain(ca, key)
    return Certificates(ca, context)
