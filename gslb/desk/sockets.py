"""TCP sockets of what listens beside DNS."""

from __future__ import annotations

import socket

from gslb.errors import GslbError
from gslb.listen import Listen


def tcp_socket(listen: Listen, what: str) -> socket.socket:
    """Return a bound stream socket. Raises GslbError, which says *what* it was for."""
    family = socket.AF_INET6 if listen.ipv6 else socket.AF_INET
    sock = socket.socket(family, socket.SOCK_STREAM)
    try:
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        if listen.ipv6:
            sock.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
        sock.bind((listen.address, listen.port))
    except OSError as error:
        sock.close()
        raise GslbError(f"{what}: cannot listen on {listen}: {error.strerror}") from None
    sock.setblocking(False)
    return sock
