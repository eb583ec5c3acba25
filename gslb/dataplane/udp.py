"""The UDP loop: takes what has arrived, a bounded batch at a time, and answers each datagram.

A socket bound to a wildcard address asks the kernel where each datagram was sent to, and answers
from there (RFC 2181 §4); a socket bound to one address is spared that.
"""

from __future__ import annotations

import asyncio
import ipaddress
import socket
import struct
import sys
from typing import Final

from gslb.dataplane.client import source_of
from gslb.dataplane.counters import Event
from gslb.dataplane.guard import Guard
from gslb.dataplane.settings import Transport

BATCH: Final = 64  # datagrams of one wake-up, so that TCP and the control channel get their turn
MAX_QUERY: Final = 4096  # octets taken of a datagram; no query that we answer well is longer
_ANCILLARY: Final = 64  # octets: one struct in6_pktinfo and its header fit

# Linux, asm/socket headers: not in Python's socket module. OMIT never sets DF, and never believes a
# forged "fragmentation needed", so that nobody can make us send fragments (RFC 9715 §3.1).
_IP_PKTINFO: Final = 8
_IP_MTU_DISCOVER: Final = 10
_IPV6_MTU_DISCOVER: Final = 23
_PMTUDISC_OMIT: Final = 5

_PKTINFO4 = struct.Struct("@i4s4s")  # interface, local address to send from, address sent to
_PKTINFO6 = struct.Struct("@16sI")  # address sent to, interface

Ancillary = list[tuple[int, int, bytes]]


class UdpLoop:
    """Answers the datagrams of one socket."""

    def __init__(self, sock: socket.socket, guard: Guard) -> None:
        """Take a bound *sock*; it is made non-blocking and gets the options that we need."""
        self._sock = sock
        self._respond = guard.respond
        self._wildcard = prepare(sock)
        self._counting = guard.countings.udp

    def start(self, loop: asyncio.AbstractEventLoop) -> None:
        """Answer whenever *loop* sees that something has arrived."""
        loop.add_reader(self._sock.fileno(), self.drain)

    def stop(self, loop: asyncio.AbstractEventLoop) -> None:
        """Leave what arrives from now on to whoever else holds the socket."""
        loop.remove_reader(self._sock.fileno())

    def drain(self) -> int:
        """Answer what has arrived, `BATCH` datagrams at most; return how many were taken."""
        return self._drain_wildcard() if self._wildcard else self._drain_bound()

    def _drain_bound(self) -> int:
        receive, send, respond = self._sock.recvfrom, self._sock.sendto, self._respond
        taken = 0
        while taken < BATCH:
            try:
                message, peer = receive(MAX_QUERY)
            except (BlockingIOError, InterruptedError):
                break
            except OSError:  # an error that the kernel kept for an earlier datagram
                taken += 1
                continue
            taken += 1
            response = respond(message, source_of(peer[0]), peer[1], Transport.UDP)
            if response is None:
                continue
            try:
                send(response, peer)
            except OSError:  # concerns this datagram only; a full buffer drops, as UDP does
                self._counting.add(Event.UNSENT)
        return taken

    def _drain_wildcard(self) -> int:
        receive, send, respond = self._sock.recvmsg, self._sock.sendmsg, self._respond
        taken = 0
        while taken < BATCH:
            try:
                message, ancillary, _, peer = receive(MAX_QUERY, _ANCILLARY)
            except (BlockingIOError, InterruptedError):
                break
            except OSError:
                taken += 1
                continue
            taken += 1
            response = respond(message, source_of(peer[0]), peer[1], Transport.UDP)
            if response is None:
                continue
            try:
                send([response], _answer_from(ancillary), 0, peer)
            except OSError:
                self._counting.add(Event.UNSENT)
        return taken


def _answer_from(ancillary: Ancillary) -> Ancillary:
    """Return the ancillary data that make a reply leave from where the query was sent to."""
    for level, kind, data in ancillary:
        if level == socket.IPPROTO_IP and kind == _IP_PKTINFO:
            _, local, _ = _PKTINFO4.unpack_from(data)
            return [(level, kind, _PKTINFO4.pack(0, local, b"\0\0\0\0"))]
        if level == socket.IPPROTO_IPV6 and kind == socket.IPV6_PKTINFO:
            address, interface = _PKTINFO6.unpack_from(data)
            if address[:1] != b"\xfe":  # only link-local addresses need their interface
                interface = 0
            return [(level, kind, _PKTINFO6.pack(address, interface))]
    return []


def prepare(sock: socket.socket) -> bool:
    """Make a bound *sock* non-blocking and give it our options; tell if its address is a wildcard."""
    sock.setblocking(False)
    wildcard = ipaddress.ip_address(sock.getsockname()[0].partition("%")[0]).is_unspecified
    is_ipv6 = sock.family == socket.AF_INET6
    if sys.platform == "linux":
        sock.setsockopt(socket.IPPROTO_IP, _IP_MTU_DISCOVER, _PMTUDISC_OMIT)
        if is_ipv6:
            sock.setsockopt(socket.IPPROTO_IPV6, _IPV6_MTU_DISCOVER, _PMTUDISC_OMIT)
    if wildcard and is_ipv6:
        sock.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_RECVPKTINFO, 1)
    elif wildcard:
        sock.setsockopt(socket.IPPROTO_IP, _IP_PKTINFO, 1)
    return wildcard
