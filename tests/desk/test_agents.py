"""The door of remote checkers, over real sockets: who comes in, and what others cost."""

from __future__ import annotations

import asyncio
import shutil
import socket
import ssl
import subprocess
from collections.abc import AsyncIterator
from datetime import UTC, datetime
from pathlib import Path

import pytest

from gslb.api.access import Scope
from gslb.api.listener import tls_context
from gslb.api.tokens import TokenFile
from gslb.desk import agents as module
from gslb.desk.agents import MAX_STRANGERS, AgentDoor
from gslb.node.checker import Limits
from gslb.node.panel import Panel
from healthcheck.hello import Hello, hello_line
from healthcheck.messages import MAX_LINE, OrdersReader, Wanted
from healthcheck.model import Probe
from tests.patience import PATIENCE_SECONDS

NOW = datetime(2026, 12, 1, tzinfo=UTC)
PROBE = Probe("tcp", "192.0.2.1", 443, 5.0, 1.0, 3, 2)


class Node:
    """A door with a panel behind it."""

    def __init__(self, folder: Path) -> None:
        self.tokens = TokenFile(folder / "tokens.json")
        self.panel = Panel("own", Limits(), lambda _: [Wanted(PROBE)], lambda *_: None, lambda: 0.0)
        self.door = AgentDoor(self.panel, self.tokens, lambda: NOW)
        self.socket = socket.create_server(("127.0.0.1", 0))
        self.port = self.socket.getsockname()[1]

    def token(self, name: str, scope: Scope = Scope.AGENT) -> str:
        return self.tokens.create(name, [scope], 30, NOW)[0]

    async def come(
        self, said: bytes, tls: ssl.SSLContext | None = None
    ) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
        reader, writer = await asyncio.open_connection(
            "127.0.0.1", self.port, limit=MAX_LINE, ssl=tls
        )
        writer.write(said)
        return reader, writer


async def heard(reader: asyncio.StreamReader) -> bytes:
    """Return the first line from the node; empty: it has closed."""
    async with asyncio.timeout(PATIENCE_SECONDS):
        try:
            return await reader.readline()
        except ConnectionError:
            return b""


@pytest.fixture
async def node(tmp_path: Path) -> AsyncIterator[Node]:
    made = Node(tmp_path)
    await made.door.start(made.socket)
    yield made
    await made.door.stop()


async def test_whoever_shows_its_token_gets_its_orders(node: Node) -> None:
    """And is expected from then on; a closed door ends the conversation."""
    reader, writer = await node.come(hello_line(Hello("cn", node.token("cn"))))
    orders = OrdersReader().feed(await heard(reader))
    assert orders is not None
    assert [one.probe for one in orders.wanted] == [PROBE]
    assert set(node.panel.expected()) == {"cn"}
    await node.door.stop()
    assert await heard(reader) == b""
    writer.close()


@pytest.mark.parametrize("scope", [Scope.READ, Scope.DRAIN, Scope.POLICY, Scope.ADMIN])
async def test_no_other_scope_makes_an_agent(node: Node, scope: Scope) -> None:
    """An administrator is no vantage point."""
    reader, writer = await node.come(hello_line(Hello("cn", node.token("cn", scope))))
    assert await heard(reader) == b""
    assert node.panel.status() == []
    writer.close()


async def test_strangers_have_little_time_and_few_places(
    node: Node, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Who is beyond the limit is turned away at once, the others when their time is over."""
    monkeypatch.setattr(module, "HELLO_SECONDS", 2.0)
    idle = [await node.come(b"") for _ in range(MAX_STRANGERS)]
    for _ in range(500):
        if node.door._strangers == MAX_STRANGERS:
            break
        await asyncio.sleep(0.01)  # until all have been let in
    hello = hello_line(Hello("cn", node.token("cn")))
    reader, writer = await node.come(hello)
    assert await heard(reader) == b""
    for other, _ in idle:
        assert await heard(other) == b""
    again, writing = await node.come(hello)
    assert b"orders" in await heard(again)
    for one in (writer, writing, *(w for _, w in idle)):
        one.close()


async def test_a_door_that_rests_lets_nobody_in_until_it_goes_on(node: Node) -> None:
    """Who is in comes again, to whoever has the socket then: another version, or this one."""
    hello = hello_line(Hello("cn", node.token("cn")))
    kept = node.socket.dup()
    reader, writer = await node.come(hello)
    assert b"orders" in await heard(reader)
    node.door.pause()
    while await heard(reader):
        pass
    waiting, writing = await node.come(hello)  # in the kernel
    await node.door.start(kept)
    assert b"orders" in await heard(waiting)
    for one in (writer, writing):
        one.close()


async def test_over_tls_it_takes_who_knows_its_signer(tmp_path: Path) -> None:
    """One that does not says nothing to it, and the door says nothing in the clear."""
    certificate, key = _certificate(tmp_path)
    node = Node(tmp_path)
    await node.door.start(node.socket, tls_context(certificate, key))
    try:
        hello = hello_line(Hello("cn", node.token("cn")))
        with pytest.raises(ssl.SSLCertVerificationError):
            await node.come(hello, ssl.create_default_context())
        reader, writer = await node.come(hello)  # in the clear
        assert b"orders" not in await heard(reader)
        writer.close()
        trusting = ssl.create_default_context(cafile=certificate)
        reader, writer = await node.come(hello, trusting)
        assert b"orders" in await heard(reader)
        writer.close()
    finally:
        await node.door.stop()


def _certificate(folder: Path) -> tuple[Path, Path]:
    tool = shutil.which("openssl")
    if tool is None:
        pytest.skip("no openssl here to make a certificate")
    certificate, key = folder / "node.pem", folder / "node.key"
    subprocess.run(
        [
            *(tool, "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256"),
            *(
                "-nodes",
                "-days",
                "1",
                "-subj",
                "/CN=node",
                "-addext",
                "subjectAltName=IP:127.0.0.1",
            ),
            *("-keyout", str(key), "-out", str(certificate)),
        ],
        check=True,
        capture_output=True,
    )
    return certificate, key
