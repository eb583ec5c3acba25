"""Opening the sockets that we answer on, and saying in one line why that did not work.

Each worker has, for each address, a UDP socket and a TCP listener of its own; all of one address
share it by SO_REUSEPORT, and the kernel spreads the clients over them. The option would let a
second program share the address as well, unnoticed: so a bind without it comes first.
"""

from __future__ import annotations

import errno
import socket
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Literal

from gslb.errors import GslbError
from gslb.listen import DEFAULT_LISTEN, Listen
from gslb.node.holder import holder_of

# Linux doubles it and takes some 830 octets for a short query: it holds 10 000 of them, a pause of
# 0.1 s at 100 000 queries/s. With a limit of 208 KiB, which is common, 512 queries: 5 ms.
UDP_BUFFER_OCTETS = 4 << 20
_RCVBUFFORCE = 33  # SO_RCVBUFFORCE of Linux, missing in Python: beyond net.core.rmem_max
TCP_BACKLOG = 1024

Kind = Literal["udp", "tcp"]
TYPES: dict[Kind, socket.SocketKind] = {"udp": socket.SOCK_DGRAM, "tcp": socket.SOCK_STREAM}


@dataclass(frozen=True, slots=True)
class OpenSocket:
    """One of a worker's sockets. Two of the same kind and address are interchangeable."""

    kind: Kind
    listen: Listen
    sock: socket.socket


class AddressError(GslbError):
    """An address cannot be listened on; the text says which, why, and what to do."""

    def __init__(self, text: str, code: int) -> None:
        super().__init__(text)
        self.code = code  # errno


MakeSocket = Callable[[int, int], socket.socket]


def claim(
    addresses: Iterable[Listen], make: MakeSocket = socket.socket
) -> tuple[list[Listen], list[AddressError]]:
    """Make sure that nobody else has *addresses*, over UDP or TCP.

    Returns:
        the addresses that can be had, and what is wrong with each other one.
    """
    good: list[Listen] = []
    troubles: list[AddressError] = []
    for listen in addresses:
        try:
            for kind in TYPES:
                _bind(kind, listen, make, shared=False).close()
        except AddressError as trouble:
            troubles.append(trouble)
        else:
            good.append(listen)
    return good, troubles


def without_missing_ipv6(troubles: list[AddressError]) -> list[AddressError]:
    """Leave out that the default ``[::]:53`` cannot be had on a machine without IPv6."""
    missing = {errno.EAFNOSUPPORT, errno.EADDRNOTAVAIL}
    default = str(DEFAULT_LISTEN[1])
    return [t for t in troubles if not (t.code in missing and f" {default}" in str(t))]


def open_shared(kind: Kind, listen: Listen, make: MakeSocket = socket.socket) -> OpenSocket:
    """Open one worker's socket of *kind* at *listen*. Raises AddressError."""
    return OpenSocket(kind, listen, _bind(kind, listen, make, shared=True))


def _bind(kind: Kind, listen: Listen, make: MakeSocket, *, shared: bool) -> socket.socket:
    family = socket.AF_INET6 if listen.ipv6 else socket.AF_INET
    try:
        sock = make(family, TYPES[kind])
    except OSError as error:
        raise _trouble(kind, listen, error) from None
    try:
        if listen.ipv6:
            sock.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
        if (
            kind == "tcp"
        ):  # connections in TIME_WAIT, of a server that has just stopped, are no user
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        if shared:
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
        sock.bind((listen.address, listen.port))
        if kind == "tcp":
            sock.listen(TCP_BACKLOG)  # unshared too: only now is a second listener refused
        else:
            _give_buffer(sock)
        sock.setblocking(False)
    except OSError as error:
        sock.close()
        raise _trouble(kind, listen, error) from None
    return sock


def _give_buffer(sock: socket.socket) -> None:
    """Let a UDP socket hold `UDP_BUFFER_OCTETS`, or what `net.core.rmem_max` allows without privilege."""
    try:
        sock.setsockopt(socket.SOL_SOCKET, _RCVBUFFORCE, UDP_BUFFER_OCTETS)
    except OSError:  # no CAP_NET_ADMIN, or another kernel
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, UDP_BUFFER_OCTETS)


def _trouble(kind: Kind, listen: Listen, error: OSError) -> AddressError:
    """Say what *error* means for somebody who starts a name server."""
    what = f"cannot listen on {listen} ({kind.upper()}): "
    why = error.strerror or str(error)
    if error.errno == errno.EADDRINUSE:
        why = "the port is in use by another program"
        if (holder := holder_of(listen.port)) is not None:
            why = str(holder)
        elif listen.wildcard and listen.port == 53:
            why += (
                " (systemd-resolved listens on 127.0.0.53:53: name the addresses to answer on"
                " with --listen)"
            )
        else:
            why += f"; `ss -lnp sport = :{listen.port}` shows which"
    elif error.errno in {errno.EACCES, errno.EPERM}:
        why = (
            "no permission; ports below 1024 need the capability CAP_NET_BIND_SERVICE (the systemd"
            " unit grants it), or choose another port, for instance --listen 127.0.0.1:5300"
        )
    elif error.errno == errno.EADDRNOTAVAIL:
        why = "this machine has no such address; `ip address` shows those it has"
    elif error.errno == errno.EAFNOSUPPORT:
        why = "this machine has no IPv6" if listen.ipv6 else "this machine has no IPv4"
    return AddressError(what + why, error.errno or 0)
