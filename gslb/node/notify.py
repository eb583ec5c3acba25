"""What systemd is told: ready, stopping, alive (sd_notify(3)); nothing where it does not ask."""

from __future__ import annotations

import contextlib
import os
import socket


def notify(*words: str) -> None:
    """Send *words* such as ``READY=1`` to the service manager, if one listens."""
    address = os.environ.get("NOTIFY_SOCKET", "")
    if not address:
        return
    if address.startswith("@"):
        address = "\0" + address[1:]
    with contextlib.suppress(OSError), socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as sock:
        sock.sendto("\n".join(words).encode(), address)


def watchdog_seconds() -> float | None:
    """Return how often the manager wants a sign of life; None if it does not."""
    if os.environ.get("WATCHDOG_PID", str(os.getpid())) != str(os.getpid()):
        return None
    try:
        return int(os.environ.get("WATCHDOG_USEC", "")) / 1e6 / 2  # twice as often as it must be
    except ValueError:
        return None
