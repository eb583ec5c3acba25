"""Sockets left with the service manager, so that a restart finds what clients asked meanwhile.

systemd keeps them while the service is restarted (sd_notify(3), ``FDSTORE=1``; how many, the unit
says) and passes them to the next process. They are those of the workers, so that queries wait in
the kernel's queue instead of being refused.
"""

from __future__ import annotations

import os
import socket
from collections.abc import Iterable, Mapping

from gslb.listen import Listen
from gslb.node.notify import notify
from gslb.node.sockets import Kind, OpenSocket

NAME = "gslb-dns"
FIRST = 3  # descriptor that is passed, sd_listen_fds(3)
MAX_STORED = 4096  # descriptors that are taken; a node of 256 workers is not kept whole
AT_ONCE = 128  # descriptors in one message; the kernel takes 253


def take_stored(environment: Mapping[str, str] = os.environ) -> list[OpenSocket]:
    """Return the sockets that an earlier run has left with the service manager."""
    if environment.get("LISTEN_PID") != str(os.getpid()):
        return []
    names = environment.get("LISTEN_FDNAMES", "").split(":")
    found = []
    for number in range(min(_number(environment.get("LISTEN_FDS", "")), MAX_STORED)):
        if names[number : number + 1] != [NAME]:
            continue
        os.set_inheritable(FIRST + number, False)
        sock = socket.socket(fileno=FIRST + number)
        sock.setblocking(False)
        address, port = sock.getsockname()[:2]
        kind: Kind = "udp" if sock.type is socket.SOCK_DGRAM else "tcp"
        found.append(OpenSocket(kind, Listen(address=address, port=port), sock))
    return found


def store(sockets: Iterable[OpenSocket]) -> None:
    """Leave *sockets* with the service manager, in place of all that it has of ours.

    One that it kept and nobody reads would swallow its share of the queries.
    """
    notify("FDSTOREREMOVE=1", f"FDNAME={NAME}")
    descriptors = [one.sock.fileno() for one in sockets]
    for first in range(0, len(descriptors), AT_ONCE):
        some = descriptors[first : first + AT_ONCE]
        notify("FDSTORE=1", f"FDNAME={NAME}", "FDPOLL=0", descriptors=some)


def _number(text: str) -> int:
    return int(text) if text.isascii() and text.isdecimal() else 0
