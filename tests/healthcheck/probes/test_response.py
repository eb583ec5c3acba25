"""HTTP responses are judged by code and text, whatever the pieces they come in."""

from __future__ import annotations

import gc

import pytest
from hypothesis import given
from hypothesis import strategies as st

from healthcheck.model import Kind, Probe
from healthcheck.probes.base import CannotTryError
from healthcheck.probes.response import MAX_BODY, MAX_HEADER, request_of, response_to


def probe(**fields: object) -> Probe:
    values = {"type": "http", "address": "192.0.2.1", "port": 80, "path": "/ready", **fields}
    return Probe(every=5.0, timeout=2.0, down_after=3, up_after=3, **values)  # type: ignore[arg-type]


def judged(octets: bytes, size: int = 1 << 20, **fields: object) -> tuple[Kind, str]:
    response = response_to(probe(**fields))
    for at in range(0, len(octets), size):
        if response.feed(octets[at : at + size]) is not None:
            break
    found = response.found or response.closed()
    return found.kind, found.detail


@pytest.mark.parametrize(
    ("octets", "fields", "kind"),
    [
        (b"HTTP/1.1 200 OK\r\n\r\n", {}, Kind.OK),
        (b"HTTP/1.0 204 No Content\r\n\r\n", {}, Kind.OK),
        (b"HTTP/1.1 503 No\r\nContent-Length: 0\r\n\r\n", {}, Kind.STATUS),
        (b"HTTP/1.1 301 Moved\r\nLocation: http://192.0.2.9/\r\n\r\n", {}, Kind.STATUS),
        (b"HTTP/1.1 301 Moved\r\n\r\n", {"expect": ((200, 299), (301, 301))}, Kind.OK),
        (b"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 200 OK\r\n\r\n", {}, Kind.OK),
        (b"HTTP/1.1 103 Early Hints\r\nLink: x\r\n\r\nHTTP/1.1 500 No\r\n\r\n", {}, Kind.STATUS),
        (b"HTTP/1.1 100 Continue\r\n\r\n", {}, Kind.REFUSED),
        (b"HTTP/1.1 101 Switching\r\nUpgrade: x\r\nConnection: upgrade\r\n\r\n", {}, Kind.STATUS),
        (b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nready", {"body": "ready"}, Kind.OK),
        (b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nnever", {"body": "ready"}, Kind.BODY),
        (b"HTTP/1.1 200 OK\r\n\r\nnever", {"body": "ready"}, Kind.BODY),
        (b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n", {"body": "ready"}, Kind.BODY),
        (b"HTTP/1.1 500 No\r\nContent-Length: 5\r\n\r\nready", {"body": "ready"}, Kind.STATUS),
        (b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nrea\r\n2\r\ndy\r\n0\r\n\r\n",
         {"body": "ready"}, Kind.OK),
        (b"SSH-2.0-OpenSSH\r\n", {}, Kind.PROTOCOL),
        (b"HTTP/1.1 999999 ?\r\n\r\n", {}, Kind.PROTOCOL),
        (b"\x16\x03\x01\x02\x00", {}, Kind.PROTOCOL),
        (b"", {}, Kind.REFUSED),
        (b"HTTP/1.1 200 OK\r\nServer: x", {}, Kind.REFUSED),
    ],
)  # fmt: skip
@pytest.mark.parametrize("size", [1, 7, 1 << 20])
def test_code_and_text_decide(
    octets: bytes, fields: dict[str, object], kind: Kind, size: int
) -> None:
    assert judged(octets, size, **fields)[0] is kind


def test_a_header_without_end_is_cut_at_its_limit() -> None:
    endless = b"HTTP/1.1 200 OK\r\n" + b"X-Fill: 0123456789\r\n" * 2000
    assert judged(endless, 4096) == (Kind.PROTOCOL, "header of more than 16 KiB")


def test_a_header_of_exactly_the_limit_is_read() -> None:
    start, end = b"HTTP/1.1 200 OK\r\nX-Fill: ", b"\r\n\r\n"
    header = start + b"x" * (MAX_HEADER - len(start) - len(end)) + end
    assert judged(header)[0] is Kind.OK
    assert judged(header.replace(b"X-Fill:", b"X-Fill: "))[0] is Kind.PROTOCOL


def test_endless_interim_responses_are_cut() -> None:
    assert judged(b"HTTP/1.1 100 Continue\r\n\r\n" * 2000)[0] is Kind.PROTOCOL


def test_text_counts_within_the_first_64_kib_only() -> None:
    head = b"HTTP/1.1 200 OK\r\n\r\n"
    inside = head + b"." * (MAX_BODY - 5) + b"ready"
    outside = head + b"." * (MAX_BODY - 4) + b"ready"
    assert judged(inside, 5000, body="ready")[0] is Kind.OK
    assert judged(outside, 5000, body="ready")[0] is Kind.BODY


def test_nothing_of_the_peer_is_repeated() -> None:
    kind, detail = judged(b"HTTP/1.1 503 <script>\r\nServer: secret\r\n\r\nsecret", body="x")
    assert (kind, detail) == (Kind.STATUS, "HTTP 503")


@pytest.mark.parametrize("body", ["", "ready"])
def test_a_response_that_is_over_is_gone_without_the_garbage_collector(body: str) -> None:
    """One cycle for each try would have it run all the time."""
    gc.collect()
    gc.disable()
    try:
        for _ in range(100):
            assert judged(b"HTTP/1.1 200 OK\r\n\r\nready", body=body)[0] is Kind.OK
        assert gc.collect() < 100
    finally:
        gc.enable()


@given(st.binary(max_size=400), st.integers(1, 50))
def test_any_octets_give_a_verdict(octets: bytes, size: int) -> None:
    kind, detail = judged(octets, size, body="ready")
    assert kind in Kind
    assert detail.isprintable()


@given(st.binary(max_size=200), st.integers(1, 50))
def test_pieces_do_not_change_the_verdict(content: bytes, size: int) -> None:
    octets = b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n" % len(content) + content
    assert judged(octets, size, body="ab") == judged(octets, body="ab")
    assert (judged(octets, body="ab")[0] is Kind.OK) == (b"ab" in content)


@pytest.mark.parametrize(
    ("fields", "line", "host"),
    [
        ({}, "GET /ready HTTP/1.1", "Host: 192.0.2.1"),
        ({"port": 8080}, "GET /ready HTTP/1.1", "Host: 192.0.2.1:8080"),
        ({"host": "www.example.com", "path": ""}, "GET / HTTP/1.1", "Host: www.example.com"),
        ({"address": "2001:db8::1", "port": 81}, "GET /ready HTTP/1.1", "Host: [2001:db8::1]:81"),
        ({"type": "https", "port": 443}, "GET /ready HTTP/1.1", "Host: 192.0.2.1"),
    ],
)
def test_the_request_names_the_host(fields: dict[str, object], line: str, host: str) -> None:
    lines = request_of(probe(**fields), "gslb-health/1").decode().split("\r\n")
    assert lines[:3] == [line, host, "User-Agent: gslb-health/1"]
    assert "Connection: close" in lines
    assert lines[-2:] == ["", ""]


@pytest.mark.parametrize(
    "fields",
    [{"path": "/a b"}, {"path": "/\r\nX: y"}, {"path": "x"}, {"path": "/ü"}, {"host": "a\r\nb"}],
)
def test_what_would_break_the_request_is_not_sent(fields: dict[str, object]) -> None:
    with pytest.raises(CannotTryError):
        request_of(probe(**fields), "gslb-health/1")
