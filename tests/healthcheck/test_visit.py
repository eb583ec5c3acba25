"""The way to a node: what the command line says of it, and coming again."""

from __future__ import annotations

import argparse
import asyncio
from pathlib import Path

import pytest

from healthcheck import visit as module
from healthcheck.agent import main, parser
from healthcheck.hello import Hello, read_hello
from healthcheck.visit import Destination, visit
from tests.patience import PATIENCE_SECONDS


@pytest.fixture
def token(tmp_path: Path) -> Path:
    path = tmp_path / "token"
    path.touch(0o600)
    path.write_text("gslb_abc\nid  cn  agent  until some day\nKeep it now.\n")
    return path


def options(connect: str, token: Path | None, *more: str) -> argparse.Namespace:
    words = ["--name", "cn", "--connect", connect, *more]
    return parser().parse_args([*words, *(["--token-file", str(token)] if token else [])])


def test_beyond_loopback_it_is_tls(token: Path) -> None:
    """However the node is named; what `gslb token create` prints may be the file."""
    here = Destination.of(options("[::1]:8054", token))
    assert (here.host, here.port, here.tls, here.hello) == (
        "::1",
        8054,
        None,
        Hello("cn", "gslb_abc"),
    )
    for there in ("gtm.example.com:8054", "192.0.2.1:8054", "localhost:8054"):
        assert Destination.of(options(there, token)).tls is not None
    assert "gslb_abc" not in repr(here)


@pytest.mark.parametrize("connect", ["gtm.example.com", ":8054", "192.0.2.1:0", "a:b", "a:99999"])
def test_where_it_cannot_go_is_said(connect: str, token: Path) -> None:
    with pytest.raises(ValueError, match="HOST:PORT"):
        Destination.of(options(connect, token))


def test_without_a_private_token_it_does_not_start(token: Path, tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="--token-file"):
        Destination.of(options("[::1]:8054", None))
    token.chmod(0o644)
    with pytest.raises(ValueError, match="0600"):
        Destination.of(options("[::1]:8054", token))
    token.chmod(0o600)
    token.write_bytes(b"\xff")
    with pytest.raises(ValueError, match="no token"):
        Destination.of(options("[::1]:8054", token))
    assert main(["--connect", "[::1]:8054", "--token-file", str(tmp_path / "none")]) == 1


async def test_it_comes_again_whenever_it_is_cut_off(
    token: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """And says who it is each time, before it hears anything."""
    monkeypatch.setattr(module, "FIRST_DELAY", 0.01)
    greeted: asyncio.Queue[Hello] = asyncio.Queue()

    async def node(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        greeted.put_nowait(read_hello(await reader.readline()))
        writer.close()
        await writer.wait_closed()

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> int:
        await reader.read()
        return 1

    server = await asyncio.start_server(node, "127.0.0.1", 0)
    port = server.sockets[0].getsockname()[1]
    to = Destination.of(options(f"127.0.0.1:{port}", token))
    visiting = asyncio.create_task(visit(to, serve))
    async with asyncio.timeout(PATIENCE_SECONDS):
        for _ in range(3):
            assert await greeted.get() == Hello("cn", "gslb_abc")
    visiting.cancel()
    await asyncio.gather(visiting, return_exceptions=True)
    await asyncio.sleep(0)  # for the transports to be closed
    server.close()
    await server.wait_closed()
