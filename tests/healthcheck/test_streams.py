"""``tcp`` and ``http`` tries on real loopback connections."""

from __future__ import annotations

import asyncio
import errno
import socket
from collections.abc import AsyncIterator

import pytest

from healthcheck.model import Kind, Probe
from healthcheck.probes.base import Found
from healthcheck.probes.response import request_of
from healthcheck.streams import Stream, Streams


class Bench:
    """A `Streams` and what came out of it."""

    def __init__(self) -> None:
        self.over: asyncio.Queue[Stream] = asyncio.Queue()
        self.streams = Streams(asyncio.get_running_loop(), self.over.put_nowait)

    def begin(self, port: int, type_: str = "http", started: float = 0.0, body: str = "") -> Stream:
        probe = Probe(type_, "127.0.0.1", port, 5.0, 2.0, 3, 3, path="/", body=body)
        request = request_of(probe, "test") if type_ == "http" else b""
        stream = Stream(probe, request, started, started)
        self.streams.begin(stream)
        return stream

    async def found(self) -> Found:
        found = (await self.over.get()).found
        assert found is not None
        return found


@pytest.fixture
async def bench() -> AsyncIterator[Bench]:
    made = Bench()
    yield made
    made.streams.close()


async def serve(answer: bytes, wait: asyncio.Event | None = None) -> tuple[asyncio.Server, int]:
    async def handle(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        writer.write(answer)
        if wait is not None:
            await wait.wait()
        writer.close()

    server = await asyncio.start_server(handle, "127.0.0.1", 0)
    return server, server.sockets[0].getsockname()[1]


@pytest.mark.parametrize(
    ("answer", "kind"),
    [
        (b"HTTP/1.1 200 OK\r\n\r\n", Kind.OK),
        (b"HTTP/1.1 503 No\r\n\r\n", Kind.STATUS),
        (b"220 smtp.example.com\r\n", Kind.PROTOCOL),
        (b"", Kind.REFUSED),
    ],
)
async def test_an_answer_is_judged(bench: Bench, answer: bytes, kind: Kind) -> None:
    server, port = await serve(answer)
    bench.begin(port)
    assert (await bench.found()).kind is kind
    assert len(bench.streams) == 0
    server.close()


async def test_a_verdict_does_not_wait_for_the_end_of_the_connection(bench: Bench) -> None:
    over = asyncio.Event()
    server, port = await serve(b"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\n", over)
    bench.begin(port)
    assert (await bench.found()).kind is Kind.OK
    over.set()
    server.close()


async def test_a_text_that_comes_later_is_found(bench: Bench) -> None:
    server, port = await serve(b"HTTP/1.1 200 OK\r\n\r\n" + b"." * 60_000 + b"ready")
    bench.begin(port, body="ready")
    assert (await bench.found()).kind is Kind.OK
    server.close()


async def test_tcp_wants_a_connection_only(bench: Bench) -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        bench.begin(listener.getsockname()[1], "tcp")
        assert await bench.found() == Found(Kind.OK, "connected")


@pytest.mark.parametrize("type_", ["tcp", "http"])
async def test_a_refused_connection_is_the_targets_failure(bench: Bench, type_: str) -> None:
    with socket.socket() as unused:
        unused.bind(("127.0.0.1", 0))
        bench.begin(unused.getsockname()[1], type_)
        found = await bench.found()
    assert found == Found(Kind.REFUSED, "connection refused while connecting")


async def test_a_reset_is_the_targets_failure(bench: Bench) -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        bench.begin(listener.getsockname()[1])
        connection, _ = listener.accept()
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\1\0\0\0\0\0\0\0")
        connection.close()
        found = await bench.found()
    assert found == Found(Kind.REFUSED, "connection reset while waiting for an answer")


async def test_time_runs_out_at_the_timeout_and_not_before(bench: Bench) -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        stream = bench.begin(listener.getsockname()[1], started=100.0)
        bench.streams.expire(101.9)
        assert stream.found is None
        bench.streams.expire(102.0)
    assert await bench.found() == Found(
        Kind.TIMEOUT, "timed out after 2 s while waiting for an answer"
    )


async def test_an_answer_that_lies_unread_at_the_timeout_counts(bench: Bench) -> None:
    """A loop that stood still must not take its own delay for the target's."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        bench.begin(listener.getsockname()[1], started=100.0)
        connection, _ = listener.accept()
        connection.sendall(b"HTTP/1.1 200 OK\r\n\r\n")
        bench.streams.expire(500.0)
        assert (await bench.found()).kind is Kind.OK
        connection.close()


async def test_a_finished_stream_is_not_ended_again(bench: Bench) -> None:
    server, port = await serve(b"HTTP/1.1 200 OK\r\n\r\n")
    bench.begin(port)
    await bench.found()
    bench.streams.expire(1e9)
    assert bench.over.empty()
    server.close()


async def test_being_out_of_descriptors_is_no_failure_of_the_target(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    def none_left(*_: object) -> socket.SocketType:
        raise OSError(errno.EMFILE, "Too many open files")

    monkeypatch.setattr("healthcheck.streams.socket.SocketType", none_left)
    bench.begin(80)
    assert (await bench.found()).kind is Kind.LOCAL


async def test_closing_drops_what_is_under_way(bench: Bench) -> None:
    streams = Streams(asyncio.get_running_loop(), bench.over.put_nowait)
    with socket.create_server(("127.0.0.1", 0)) as listener:
        probe = Probe("http", "127.0.0.1", listener.getsockname()[1], 5.0, 2.0, 3, 3)
        streams.begin(Stream(probe, request_of(probe, "test"), 0.0, 0.0))
        connection, _ = listener.accept()
        assert len(streams) == 1
        streams.close()
        assert len(streams) == 0
        connection.recv(4096)
        assert connection.recv(1) == b""  # closed from the other side
        connection.close()
    assert bench.over.empty()
