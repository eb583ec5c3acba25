"""What one HTTP server takes: so many connections, so long a head, no smuggling."""

from __future__ import annotations

import asyncio
import contextlib
import shutil
import socket
import ssl
import subprocess
from datetime import UTC, datetime
from pathlib import Path

import aiohttp
import pytest

from gslb.api import listener
from gslb.api.access import Scope, TokenAccess
from gslb.api.app import make_app
from gslb.api.events import EventHub
from gslb.api.listener import MAX_CONNECTIONS, tls_context
from gslb.api.problems import HEADERS
from gslb.api.routes import ROOT
from tests.patience import PATIENCE_SECONDS

NOW = datetime(2026, 12, 1, 6, 0, tzinfo=UTC)


async def say(node, octets: bytes) -> bytes:
    """Send *octets*, and return all that comes until the connection ends."""
    reader, writer = await asyncio.open_connection("127.0.0.1", node.port)
    writer.write(octets)
    with contextlib.suppress(ConnectionError):
        await writer.drain()
    async with asyncio.timeout(PATIENCE_SECONDS):
        answer = await reader.read()
    writer.close()
    return answer


def head(node, *more: str, line: str = f"GET {ROOT}/status HTTP/1.1") -> bytes:
    token = node.tokens[Scope.ADMIN]
    fields = ["Host: x", f"Authorization: Bearer {token}", "Connection: close", *more]
    return "\r\n".join([line, *fields, "", ""]).encode()


async def test_connections_beyond_the_limit_get_503_and_room_comes_back(node) -> None:
    pairs = [await asyncio.open_connection("127.0.0.1", node.port) for _ in range(MAX_CONNECTIONS)]
    answer = await say(node, b"")
    assert answer.startswith(b"HTTP/1.1 503 ")
    assert b"application/problem+json" in answer
    assert all(f"{name}: {value}".encode() in answer for name, value in HEADERS.items())
    for _, writer in pairs:
        writer.close()
        await writer.wait_closed()
    async with asyncio.timeout(PATIENCE_SECONDS):
        while b" 200 " not in (await say(node, head(node))).partition(b"\r\n")[0]:
            pass


@pytest.mark.parametrize(
    ("more", "statuses"),
    [
        (["X-Pad: " + "x" * 8000, "X-Pad: " + "x" * 8000, "X-Pad: " + "x" * 500], {431}),
        (["X-Pad: " + "x" * 40_000], {400, 431}),
        (["X: y"] * 200, {400, 431}),
    ],
)
async def test_headers_that_are_too_long_are_refused(node, more, statuses) -> None:
    answer = await say(node, head(node, *more))
    assert int(answer.split()[1]) in statuses


async def test_a_line_that_is_too_long_is_refused(node) -> None:
    answer = await say(node, head(node, line=f"GET {ROOT}/status?{'x' * 20_000} HTTP/1.1"))
    assert answer.split()[1] == b"400"


SMUGGLED = [
    ["Content-Length: 5", "Transfer-Encoding: chunked"],
    ["Transfer-Encoding: chunked, identity"],
    ["Transfer-Encoding: xchunked"],
    ["Content-Length: 5", "Content-Length: 6"],
    ["Content-Length: +5"],
    ["Content-Length: 5, 5"],
    ["Content-Length : 5"],
    ["Transfer-Encoding : chunked"],
    ["X: a\rContent-Length: 5"],
    ["X: a\x00b"],
    [" folded: x"],
]


@pytest.mark.parametrize("more", SMUGGLED)
async def test_no_second_request_hides_in_a_first_one(node, more) -> None:
    """One answer at most, and no answer to what stands behind the head."""
    inner = head(node, line=f"DELETE {ROOT}/drains/1 HTTP/1.1")
    answer = await say(node, head(node, *more) + b"0\r\n\r\n" + inner)
    assert answer.count(b"HTTP/1.1 ") <= 1
    assert node.services.authors == []


@pytest.mark.parametrize(
    "octets", [b"\x16\x03\x01\x02\x00\x01", b"\r\n" * 10 + b"x y z\r\n\r\n", b"GET"]
)
async def test_what_is_no_http_gets_a_problem_or_nothing(node, octets, monkeypatch) -> None:
    reader, writer = await asyncio.open_connection("127.0.0.1", node.port)
    writer.write(octets)
    writer.write_eof()
    async with asyncio.timeout(PATIENCE_SECONDS):
        answer = await reader.read()
    writer.close()
    assert answer == b"" or b"application/problem+json" in answer
    assert b"aiohttp" not in answer


async def test_who_connects_and_says_nothing_is_dropped(make_node, monkeypatch) -> None:
    monkeypatch.setattr(listener, "IDLE_SECONDS", 0.05)
    node = await make_node()
    assert await say(node, b"") == b""
    assert await say(node, b"GET / HTTP/1.1\r\nHost: x\r\n") == b""


async def test_a_body_that_does_not_come_gets_408(node, monkeypatch) -> None:
    monkeypatch.setattr("gslb.api.reading.BODY_SECONDS", 0.05)
    monkeypatch.setattr(listener, "IDLE_SECONDS", 60.0)
    line = f"POST {ROOT}/drains HTTP/1.1"
    more = ["Content-Type: application/json", "Content-Length: 100"]
    answer = await say(node, head(node, *more, line=line) + b'{"')
    assert answer.startswith(b"HTTP/1.1 408 ")


async def test_work_that_takes_too_long_gets_503_and_the_change_goes_on(node, monkeypatch) -> None:
    monkeypatch.setattr("gslb.api.pipeline.REQUEST_SECONDS", 0.05)
    gate, entered = asyncio.Event(), []

    async def wait() -> None:
        entered.append(1)
        await gate.wait()

    node.services.gate = wait
    url = f"{node.url}{ROOT}/drains"
    headers = {**node.auth(), "Idempotency-Key": "k"}
    body = {"location": "aws", "reason": "x"}
    async with node.http.post(url, headers=headers, json=body) as response:
        assert response.status == 503
        assert response.headers["Retry-After"] == "1"
    gate.set()
    async with node.http.post(url, headers=headers, json=body) as response:
        assert response.status == 201
    assert node.services.made == 1
    assert entered == [1], "the first one was not cut off"


@pytest.fixture
def certificate(tmp_path) -> tuple[Path, Path]:
    """A certificate of 127.0.0.1 by its own word, and its key."""
    tool = shutil.which("openssl")
    if tool is None:
        pytest.skip("no openssl here to make a certificate")
    chain, key = tmp_path / "chain.pem", tmp_path / "key.pem"
    form = "req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -days 2 -subj /CN=x"
    names = ["-addext", "subjectAltName=IP:127.0.0.1", "-keyout", key, "-out", chain]
    subprocess.run([tool, *form.split(), *names], check=True, capture_output=True)
    return chain, key


async def test_tls_is_modern_or_there_is_none(node, certificate) -> None:
    """TLS 1.3 and 1.2 with HSTS; older versions, weak suites and plain HTTP get no answer."""
    access = TokenAccess(node.file, lambda: NOW, lambda: 0.0)
    server = listener.Listener(make_app(node.services, access, EventHub(), lambda: 0.0))
    sock = socket.create_server(("127.0.0.1", 0))
    port = sock.getsockname()[1]
    await server.start(sock, tls_context(*certificate))
    url = f"https://127.0.0.1:{port}{ROOT}/status"
    try:
        for version in (ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3):
            client = ssl.create_default_context(cafile=str(certificate[0]))
            client.minimum_version = client.maximum_version = version
            async with node.http.get(url, headers=node.auth(), ssl=client) as response:
                assert response.status == 200
                assert response.headers["Strict-Transport-Security"] == "max-age=31536000"
        weak = ssl.create_default_context(cafile=str(certificate[0]))
        weak.maximum_version = ssl.TLSVersion.TLSv1_2
        weak.set_ciphers("AES128-SHA:ECDHE-ECDSA-AES128-SHA")
        with pytest.raises(aiohttp.ClientConnectorError):
            await node.http.get(url, headers=node.auth(), ssl=weak)
        with pytest.raises(aiohttp.ClientError):
            await node.http.get(url.replace("https", "http"), headers=node.auth())
    finally:
        await server.stop()


async def test_packed_bodies_are_not_unpacked(node) -> None:
    async with node.http.post(
        f"{node.url}{ROOT}/drains",
        headers={**node.auth(), "Content-Encoding": "gzip", "Content-Type": "application/json"},
        data=b"\x1f\x8b" + b"\x00" * 100,
    ) as response:
        assert response.status == 415
