"""The guard: a failing responder is answered SERVFAIL and logged, not too often."""

from __future__ import annotations

import logging

import dns.message
import pytest

from gslb.dataplane.counters import Event
from gslb.dataplane.guard import LOG_SECONDS, Guard
from gslb.dataplane.settings import Source, Transport
from tests.dataplane.counted import event, rcodes

QUERY = b"\x12\x34\1\0\0\1\0\0\0\0\0\0\3www\7example\3com\0\0\1\0\1"
SOURCE = Source(1, 0xC0000201)


def failing(message: bytes, source: Source, port: int, transport: Transport) -> bytes | None:
    raise ZeroDivisionError(port)


class Clock:
    now = 1000.0

    def __call__(self) -> float:
        return self.now


def test_what_the_responder_says_is_passed_on() -> None:
    guard = Guard(lambda message, *_: message[::-1], Clock())
    assert guard.respond(b"abcd", SOURCE, 5, Transport.UDP) == b"dcba"
    assert Guard(lambda *_: None, Clock()).respond(b"ab", SOURCE, 5, Transport.UDP) is None


def test_a_failure_is_servfail(caplog: pytest.LogCaptureFixture) -> None:
    response = Guard(failing, Clock()).respond(QUERY, SOURCE, 5, Transport.UDP)
    assert response is not None
    parsed = dns.message.from_wire(response)
    assert (parsed.id, parsed.rcode(), len(response)) == (0x1234, 2, 12)
    assert "ZeroDivisionError" in caplog.text
    assert "192.0.2.1" not in caplog.text


@pytest.mark.parametrize("message", [b"", b"short", QUERY[:2] + b"\x81" + QUERY[3:]])
def test_what_must_not_be_answered_is_not_answered_then_either(message: bytes) -> None:
    assert Guard(failing, Clock()).respond(message, SOURCE, 5, Transport.UDP) is None


def test_a_flood_of_failures_is_counted_and_logged_once_in_a_while(
    caplog: pytest.LogCaptureFixture,
) -> None:
    clock = Clock()
    guard = Guard(failing, clock)
    for _ in range(1000):
        guard.respond(QUERY, SOURCE, 5, Transport.TCP)
    assert event(guard.countings.tcp, Event.FAILED) == 1000
    assert rcodes(guard.countings.tcp) == {2: 1000}
    assert len(caplog.records) == 1
    clock.now += LOG_SECONDS
    guard.respond(QUERY, SOURCE, 5, Transport.TCP)
    assert len(caplog.records) == 2
    assert caplog.records[-1].levelno == logging.ERROR
