"""The ``icmp`` probe takes only the reply to its own echo."""

from __future__ import annotations

import socket

import pytest
from hypothesis import given
from hypothesis import strategies as st

from healthcheck.model import Kind
from healthcheck.probes.icmp import checksum, is_reply, request

NONCE = bytes(range(16))


@given(st.binary(max_size=64).map(lambda octets: octets + octets))
def test_a_message_with_its_checksum_sums_to_zero(octets: bytes) -> None:
    """RFC 1071 §1: the sum over data and checksum is all ones."""
    with_sum = octets + checksum(octets).to_bytes(2, "big")
    assert checksum(with_sum) == 0


def test_requests_are_echoes() -> None:
    v4, v6 = request(False, 0x1234, NONCE), request(True, 0x1234, NONCE)
    assert (v4[0], v6[0]) == (8, 128)
    assert checksum(v4) == 0
    assert v6[2:4] == b"\0\0"  # the kernel's to fill (RFC 3542 §3.1)
    assert v4[8:] == v6[8:] == NONCE


@pytest.mark.parametrize(
    ("packet", "v6", "raw", "ours"),
    [
        (b"\0" * 8 + NONCE, False, False, True),
        (b"\x45" + b"\0" * 19 + b"\0" * 8 + NONCE, False, True, True),
        (b"\x46" + b"\0" * 23 + b"\0" * 8 + NONCE, False, True, True),
        (b"\x81" + b"\0" * 7 + NONCE, True, True, True),
        (b"\x08" + b"\0" * 7 + NONCE, False, False, False),  # our own request
        (b"\x03" + b"\0" * 7 + NONCE, False, False, False),  # unreachable
        (b"\0" * 8 + NONCE[::-1], False, False, False),
        (b"\0" * 7, False, False, False),
        (b"", False, True, False),
        (b"\x4f", False, True, False),
    ],
)
def test_replies_are_told_from_the_rest(packet: bytes, v6: bool, raw: bool, ours: bool) -> None:
    assert is_reply(packet, v6, raw, NONCE) is ours


def permitted() -> bool:
    for kind in (socket.SOCK_DGRAM, socket.SOCK_RAW):
        try:
            socket.socket(socket.AF_INET, kind, socket.IPPROTO_ICMP).close()
        except PermissionError:
            continue
        return True
    return False


async def test_loopback_answers_or_nothing_is_said(once) -> None:
    seen = await once("icmp")
    assert seen.kind is (Kind.OK if permitted() else Kind.LOCAL)


async def test_where_echoes_are_not_permitted_nothing_is_said(
    once, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*_: object) -> socket.socket:
        raise PermissionError(1, "Operation not permitted")

    monkeypatch.setattr("healthcheck.probes.icmp.socket.socket", refuse)
    seen = await once("icmp")
    assert seen.kind is Kind.LOCAL
    assert seen.detail.startswith("echo requests are not permitted here")
