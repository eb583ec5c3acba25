"""What systemd is told: ready, stopping (sd_notify(3)); nothing where it does not ask."""

from __future__ import annotations

import contextlib
import os
import socket
from array import array
from collections.abc import Sequence

# What systemd tells one process and nobody after it; the rest of its words hold for successors too.
WITHOUT_MANAGER = frozenset({"WATCHDOG_PID", "LISTEN_PID", "LISTEN_FDS", "LISTEN_FDNAMES"})


def notify(*words: str, descriptors: Sequence[int] = ()) -> None:
    """Send *words* such as ``READY=1``, and *descriptors*, to the service manager, if one listens."""
    address = os.environ.get("NOTIFY_SOCKET", "")
    if not address:
        return
    if address.startswith("@"):
        address = "\0" + address[1:]
    with contextlib.suppress(OSError), socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as sock:
        rights = array("i", descriptors)
        ancillary = [(socket.SOL_SOCKET, socket.SCM_RIGHTS, rights)] if rights else []
        sock.sendmsg(["\n".join(words).encode()], ancillary, 0, address)
