"""A background task that can be stopped for a while, and started again."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Callable, Coroutine
from typing import Any


class Pausable:
    """Work that `run` keeps going, but for pauses. What ends it by itself ends `run` too."""

    def __init__(self, make: Callable[[], Coroutine[Any, Any, None]]) -> None:
        """Nothing runs before `run`; *make* begins the work, each time anew."""
        self._make = make
        self._wanted = asyncio.Event()
        self._wanted.set()
        self._work: asyncio.Task[None] | None = None

    async def run(self) -> None:
        """Keep it going until cancelled. Raises what the work raises."""
        while True:
            await self._wanted.wait()
            self._work = asyncio.create_task(self._make())
            try:
                await asyncio.wait({self._work})
            finally:
                work, self._work = self._work, None
                work.cancel()
                with contextlib.suppress(asyncio.CancelledError):
                    await work
            if self._wanted.is_set():
                return

    async def pause(self) -> None:
        """Stop it; return when it has come to its end."""
        self._wanted.clear()
        if self._work is not None:
            self._work.cancel()
            await asyncio.wait({self._work})

    def resume(self) -> None:
        """Start it again."""
        self._wanted.set()
