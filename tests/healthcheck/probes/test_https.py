"""``https`` and ``tls``: the certificate must hold for the name, and errors are told apart."""

from __future__ import annotations

import asyncio
import ssl

import pytest

from healthcheck.model import Kind
from healthcheck.probes.base import from_tls_error


async def ok(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    await reader.readuntil(b"\r\n\r\n")
    writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nready")


async def quiet(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    await reader.read()


@pytest.mark.parametrize("host", ["www.example.com", ""])
async def test_a_good_certificate_passes(once, serve, certificates, host: str) -> None:
    port = await serve(ok, certificates.server)
    extra = (("ca", str(certificates.ca)),)
    https = await once("https", port, host=host, body="ready", extra=extra)
    assert (https.kind, https.detail[:22]) == (Kind.OK, "HTTP 200 with the text")
    tls = await once("tls", port, host=host, extra=extra)
    assert tls.kind is Kind.OK


@pytest.mark.parametrize("type_", ["https", "tls"])
async def test_a_certificate_of_nobody_is_a_tls_failure(
    once, serve, certificates, type_: str
) -> None:
    port = await serve(quiet, certificates.server)
    seen = await once(type_, port, host="www.example.com")
    assert (seen.kind, seen.detail) == (Kind.TLS, "certificate is self-signed")


@pytest.mark.parametrize("type_", ["https", "tls"])
async def test_a_certificate_for_another_name_is_a_tls_failure(
    once, serve, certificates, type_: str
) -> None:
    port = await serve(quiet, certificates.server)
    extra = (("ca", str(certificates.ca)),)
    seen = await once(type_, port, host="other.example.com", extra=extra)
    assert (seen.kind, seen.detail) == (Kind.TLS, "certificate is for another name")


@pytest.mark.parametrize("type_", ["https", "tls"])
async def test_a_peer_that_speaks_no_tls_is_a_tls_failure(once, serve, type_: str) -> None:
    async def plain(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.read(4096)  # all of it: a close with unread octets is a reset
        writer.write(b"HTTP/1.1 400 Bad Request\r\n\r\n")

    seen = await once(type_, await serve(plain))
    assert seen.kind is Kind.TLS
    assert seen.detail.startswith("TLS handshake failed: ")


@pytest.mark.parametrize("type_", ["https", "tls"])
async def test_a_peer_that_hangs_up_in_the_handshake_has_refused(once, serve, type_: str) -> None:
    async def leave(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.read(1)
        writer.transport.abort()

    seen = await once(type_, await serve(leave))
    assert (seen.kind, seen.detail) == (Kind.REFUSED, "connection reset while shaking hands")


@pytest.mark.parametrize("type_", ["https", "tls"])
async def test_a_peer_that_says_nothing_times_out(once, serve, type_: str) -> None:
    seen = await once(type_, await serve(quiet), timeout=0.3)
    assert (seen.kind, seen.detail) == (Kind.TIMEOUT, "timed out after 0.3 s while shaking hands")


async def test_a_refused_connection_is_told_from_tls(once, closed_port: int) -> None:
    seen = await once("https", closed_port)
    assert (seen.kind, seen.detail) == (Kind.REFUSED, "connection refused while connecting")


async def test_a_server_that_answers_503_inside_tls_fails_by_status(
    once, serve, certificates
) -> None:
    async def down(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        writer.write(b"HTTP/1.1 503 No\r\n\r\n")

    port = await serve(down, certificates.server)
    seen = await once("https", port, extra=(("ca", str(certificates.ca)),))
    assert (seen.kind, seen.detail[:11]) == (Kind.STATUS, "HTTP 503 in")


async def test_an_unusable_ca_file_says_nothing_of_the_target(once, tmp_path) -> None:
    seen = await once("tls", 443, extra=(("ca", str(tmp_path / "none.pem")),))
    assert (seen.kind, seen.detail) == (Kind.LOCAL, "the CA file cannot be used")


def test_certificate_errors_are_in_our_words() -> None:
    error = ssl.SSLCertVerificationError("text of the peer")
    error.verify_code = 10
    assert from_tls_error(error).detail == "certificate has expired"
    error.verify_code = 999
    assert from_tls_error(error).detail == "certificate does not verify (999)"
