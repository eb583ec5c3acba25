"""A conversation with a checker, ours or a remote one: it is told what to run, and heard."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Sequence

from healthcheck.messages import (
    Heartbeat,
    MessageError,
    Orders,
    Report,
    Wanted,
    order_lines,
    read_report,
)

SILENT_SECONDS = 15.0  # without any word: it is stuck (F16)


class Talk:
    """What passes over one pair of streams at a time."""

    def __init__(
        self, wanted: Callable[[], Sequence[Wanted]], hear: Callable[[Report], None]
    ) -> None:
        """Say nothing yet. *wanted*: all probes, with what is known of them now."""
        self.generation = 0  # of the last orders
        self.heartbeat: Heartbeat | None = None  # the last one; None: none yet
        self.news = asyncio.Event()  # there are orders that it does not have yet
        self._wanted = wanted
        self._hear = hear
        self._heard_at = 0.0  # monotonic

    @property
    def alive(self) -> bool:
        """Whether it was heard of not long ago."""
        return self.heartbeat is not None and time.monotonic() - self._heard_at < SILENT_SECONDS

    def begin(self) -> None:
        """Begin anew with somebody who knows nothing yet."""
        self.heartbeat, self._heard_at = None, time.monotonic()
        self.order()

    def order(self) -> int:
        """Have it told anew what is wanted; return the generation of these orders."""
        self.generation += 1
        self.news.set()
        return self.generation

    async def tell(self, into: asyncio.StreamWriter) -> str:
        """Pass on each new generation of orders; return why that came to an end ("": it went)."""
        try:
            while True:
                await self.news.wait()
                self.news.clear()
                for line in order_lines(Orders(self.generation, tuple(self._wanted()))):
                    into.write(line)
                    await into.drain()
        except OSError:
            return ""
        except MessageError as error:
            return f"orders cannot be written: {error}"

    async def listen(self, out: asyncio.StreamReader) -> str:
        """Hear what it says; return why that came to an end ("": it went)."""
        while True:
            try:
                async with asyncio.timeout(SILENT_SECONDS):
                    line = await out.readline()
                if not line:
                    return ""
                report = read_report(line)
            except TimeoutError:
                return f"silent for {SILENT_SECONDS:g} s"
            except OSError:
                return ""
            except ValueError as error:  # a MessageError, or a line that is too long
                return f"it says what is no message: {error}"
            self._heard_at = time.monotonic()
            if isinstance(report, Heartbeat):
                self.heartbeat = report
            self._hear(report)
            await asyncio.sleep(0)  # whoever says much keeps nobody waiting
