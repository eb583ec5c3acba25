"""Processes beside the workers that work for us over pipes: when one is started again, how one ends.

Each ends by itself at the end of its input, which also comes when the supervisor dies.
"""

from __future__ import annotations

import asyncio
import contextlib
from dataclasses import dataclass

SHORT_LIFE_SECONDS = 10.0  # one that ends younger than this ended at its start


@dataclass(slots=True)
class Pauses:
    """How long to wait before one that has ended is started again. Sans-IO: no clock.

    Always, unlike for workers (`gslb.node.child.Restarts`): no client waits for it.
    """

    first: float  # seconds
    longest: float  # seconds
    _short_lives: int = 0

    def after(self, lived_seconds: float) -> float:
        """Return the seconds to wait: twice as many after each short life, until one was long."""
        self._short_lives = 0 if lived_seconds >= SHORT_LIFE_SECONDS else self._short_lives + 1
        return min(self.first * 2.0 ** min(self._short_lives, 16), self.longest)


async def end(process: asyncio.subprocess.Process, seconds: float) -> None:
    """Have *process* end: by the end of its input, and if that does not do in *seconds*, by force."""
    assert process.stdin is not None
    process.stdin.close()
    with contextlib.suppress(TimeoutError):
        async with asyncio.timeout(seconds):
            await process.wait()
    if process.returncode is None:
        with contextlib.suppress(ProcessLookupError):
            process.kill()
        await process.wait()
