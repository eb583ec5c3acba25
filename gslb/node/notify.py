"""What systemd is told: ready, stopping, alive (sd_notify(3)); nothing where it does not ask."""

from __future__ import annotations

import asyncio
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


async def show_life() -> None:
    """Tell the service manager that the loop turns, as often as it wants to hear it."""
    seconds = watchdog_seconds()
    while True:
        await asyncio.sleep(seconds or 3600.0)
        if seconds:
            notify("WATCHDOG=1")


def watchdog_seconds() -> float | None:
    """Return how often the manager wants a sign of life; None if it does not."""
    if os.environ.get("WATCHDOG_PID", str(os.getpid())) != str(os.getpid()):
        return None
    try:
        return int(os.environ.get("WATCHDOG_USEC", "")) / 1e6 / 2  # twice as often as it must be
    except ValueError:
        return None
