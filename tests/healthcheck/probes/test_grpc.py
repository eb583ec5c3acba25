"""The ``grpc`` probe against a small HTTP/2 server, and its hand-written messages."""

from __future__ import annotations

import asyncio

import h2.config
import h2.connection
import h2.events
import pytest
from hypothesis import given
from hypothesis import strategies as st

from healthcheck.model import Kind
from healthcheck.probes.base import CannotTryError
from healthcheck.probes.grpc import MAX_SERVICE, request_message, serving_status

OK = (("grpc-status", "0"),)


class Server:
    """Answers each call with given headers, message and trailers, and keeps what was asked."""

    def __init__(self, message: bytes, trailers: tuple[tuple[str, str], ...], code: str) -> None:
        self.message, self.trailers, self.code = message, trailers, code
        self.asked = b""
        self.headers: dict[bytes, bytes] = {}

    async def handle(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        config = h2.config.H2Configuration(client_side=False, header_encoding=None)
        connection = h2.connection.H2Connection(config)
        connection.initiate_connection()
        while data := await reader.read(4096):
            for event in connection.receive_data(data):
                if isinstance(event, h2.events.RequestReceived):
                    self.headers = dict(event.headers)
                elif isinstance(event, h2.events.DataReceived):
                    self.asked += event.data
                elif isinstance(event, h2.events.StreamEnded):
                    self.answer(connection, event.stream_id)
            writer.write(connection.data_to_send())

    def answer(self, connection: h2.connection.H2Connection, stream: int) -> None:
        connection.send_headers(stream, [(":status", self.code)])
        if self.message:
            connection.send_data(stream, self.message)
        connection.send_headers(stream, list(self.trailers), end_stream=True)


def framed(message: bytes) -> bytes:
    return b"\0" + len(message).to_bytes(4, "big") + message


@pytest.mark.parametrize(
    ("message", "trailers", "code", "kind", "detail"),
    [
        (framed(b"\x08\x01"), OK, "200", Kind.OK, "SERVING"),
        (framed(b"\x08\x02"), OK, "200", Kind.STATUS, "NOT_SERVING"),
        (framed(b"\x08\x03"), OK, "200", Kind.STATUS, "SERVICE_UNKNOWN"),
        (framed(b""), OK, "200", Kind.STATUS, "UNKNOWN"),
        (framed(b"\x08\x63"), OK, "200", Kind.STATUS, "serving status 99"),
        (b"", OK, "200", Kind.PROTOCOL, "not a HealthCheckResponse"),
        (framed(b"\xff"), OK, "200", Kind.PROTOCOL, "not a HealthCheckResponse"),
        (b"", (("grpc-status", "5"),), "200", Kind.STATUS, "gRPC status 5: no such service"),
        (b"", (("grpc-status", "12"),), "200", Kind.STATUS, "gRPC status 12: no health service"),
        (b"", (("grpc-status", "x"),), "200", Kind.STATUS, "gRPC status -1: an error"),
        (b"", (("x", "y"),), "200", Kind.PROTOCOL, "no grpc-status"),
        (b"", OK, "404", Kind.STATUS, "HTTP 404"),
        (framed(b"\x12" + b"\x7f" + b"." * 127) * 9, OK, "200", Kind.PROTOCOL, "the message is too long"),
    ],
)  # fmt: skip
async def test_the_serving_status_decides(
    once, serve, message: bytes, trailers: tuple[tuple[str, str], ...], code: str, kind: Kind, detail: str
) -> None:  # fmt: skip
    server = Server(message, trailers, code)
    seen = await once("grpc", await serve(server.handle), host="grpc.example.com")
    assert seen.kind is kind
    assert seen.detail.startswith(detail)


async def test_the_call_names_service_host_and_time(once, serve) -> None:
    server = Server(framed(b"\x08\x01"), OK, "200")
    port = await serve(server.handle)
    await once("grpc", port, host="grpc.example.com", extra=(("service", "shop.Cart"),))
    assert server.asked == framed(b"\x0a\x09shop.Cart")
    assert server.headers[b":path"] == b"/grpc.health.v1.Health/Check"
    assert server.headers[b":authority"] == f"grpc.example.com:{port}".encode()
    assert server.headers[b"grpc-timeout"] == b"2000m"


async def test_inside_tls_by_alpn(once, serve, certificates) -> None:
    certificates.server.set_alpn_protocols(["h2"])
    port = await serve(Server(framed(b"\x08\x01"), OK, "200").handle, certificates.server)
    extra = (("ca", str(certificates.ca)), ("tls", "yes"))
    assert (await once("grpc", port, extra=extra)).kind is Kind.OK


@pytest.mark.parametrize(
    ("octets", "kind"),
    [(b"HTTP/1.1 400 Bad Request\r\n\r\n" * 9, Kind.PROTOCOL), (b"", Kind.REFUSED)],
)
async def test_a_peer_that_speaks_no_http2(once, serve, octets: bytes, kind: Kind) -> None:
    async def plain(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.read(4096)  # all of it: a close with unread octets is a reset
        writer.write(octets)

    assert (await once("grpc", await serve(plain))).kind is kind


async def test_a_closed_port_is_a_refusal(once, closed_port: int) -> None:
    assert (await once("grpc", closed_port)).kind is Kind.REFUSED


def test_a_service_name_is_bounded() -> None:
    assert len(request_message("s" * MAX_SERVICE)) == MAX_SERVICE + 8
    with pytest.raises(CannotTryError):
        request_message("s" * (MAX_SERVICE + 1))


@given(st.binary(max_size=64))
def test_any_message_is_read_or_refused(message: bytes) -> None:
    status = serving_status(framed(message))
    assert status is None or status >= 0


@given(st.integers(0, 3), st.binary(max_size=40))
def test_unknown_fields_are_stepped_over(status: int, other: bytes) -> None:
    field = b"\x12" + bytes([len(other)]) + other
    assert serving_status(framed(field + b"\x08" + bytes([status]) + field)) == status
