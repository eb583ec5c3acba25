"""Signs of life for systemd's watchdog (sd_notify(3)); none where it does not ask."""

from __future__ import annotations

import asyncio
import os

from gslb.node.notify import notify


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
