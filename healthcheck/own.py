"""Whether an address is one of this machine's own."""

from __future__ import annotations

import socket

from healthcheck.targets import Address

_DISCARD = 9  # a port has to be named; nothing is sent to it


def is_own(address: Address) -> bool:
    """Return whether packets to *address* stay on this machine.

    The kernel says so by its choice of a source address: to itself it speaks from where it speaks to.
    (Whether one may bind to it says nothing: ip_nonlocal_bind lets everybody do that.)
    """
    family = socket.AF_INET if address.version == 4 else socket.AF_INET6
    try:
        with socket.socket(family, socket.SOCK_DGRAM) as sock:
            sock.connect((str(address), _DISCARD))
            return bool(sock.getsockname()[0] == str(address))
    except OSError:  # no route, no such family: it is not here
        return False
