"""The ``icmp`` probe: one echo request, one echo reply.

RFC 792, RFC 4443 §4. Linux lets the groups of ``net.ipv4.ping_group_range`` send echoes without
privilege; where that is closed a raw socket is tried, and where that is too, nothing is said.
"""

from __future__ import annotations

import asyncio
import secrets
import socket
import struct

from healthcheck.model import Kind
from healthcheck.probes.base import Attempt, CannotTryError, Found

MAX_REPLY = 2048  # octets
_NONCE = 16  # octets of payload that tell our echo from everybody else's
_ECHO4, _REPLY4 = 8, 0
_ECHO6, _REPLY6 = 128, 129
_HEADER = struct.Struct("!BBHHH")  # type, code, checksum, identifier, sequence


async def try_icmp(attempt: Attempt) -> Found:
    """Send an echo request and wait for its reply. Raises OSError, CannotTryError."""
    v6 = ":" in attempt.probe.address
    nonce = secrets.token_bytes(_NONCE)
    loop = asyncio.get_running_loop()
    sock, raw = _open(v6)
    with sock:
        sock.setblocking(False)
        sock.connect((attempt.probe.address, 0))
        attempt.stage = "waiting for the echo"
        await loop.sock_sendall(sock, request(v6, secrets.randbits(16), nonce))
        while not is_reply(await loop.sock_recv(sock, MAX_REPLY), v6, raw, nonce):
            pass  # somebody else's; a raw socket sees every ICMP message from that address
    return Found(Kind.OK, "echo")


def request(v6: bool, identifier: int, nonce: bytes) -> bytes:
    """Return an echo request. The kernel sets the checksum for IPv6, and for ping sockets."""
    kind = _ECHO6 if v6 else _ECHO4
    blank = _HEADER.pack(kind, 0, 0, identifier, 1) + nonce
    return _HEADER.pack(kind, 0, 0 if v6 else checksum(blank), identifier, 1) + nonce


def is_reply(packet: bytes, v6: bool, raw: bool, nonce: bytes) -> bool:
    """Whether *packet* is the reply to our echo. A raw IPv4 socket gives the IP header too."""
    start = 0
    if raw and not v6:
        if not packet:
            return False
        start = (packet[0] & 0xF) * 4
    message = packet[start:]
    if len(message) < _HEADER.size:
        return False
    return message[0] == (_REPLY6 if v6 else _REPLY4) and message[_HEADER.size :] == nonce


def checksum(message: bytes) -> int:
    """Return the Internet checksum (RFC 1071) of *message*, whose length is even."""
    total: int = sum(word for (word,) in struct.iter_unpack("!H", message))
    total = (total >> 16) + (total & 0xFFFF)
    return ~(total + (total >> 16)) & 0xFFFF


def _open(v6: bool) -> tuple[socket.socket, bool]:
    family = socket.AF_INET6 if v6 else socket.AF_INET
    protocol = socket.IPPROTO_ICMPV6 if v6 else socket.IPPROTO_ICMP
    for kind in (socket.SOCK_DGRAM, socket.SOCK_RAW):
        try:
            return socket.socket(family, kind, protocol), kind is socket.SOCK_RAW
        except PermissionError:
            continue
    raise CannotTryError("echo requests are not permitted here (net.ipv4.ping_group_range)")
