"""The node's own checker: a child process that runs the probes, told what to run, heard, replaced.

It is `healthcheck.agent` over two pipes, and speaks as a remote one does. It ends by itself when the
supervisor dies, because its input ends then.
"""

from __future__ import annotations

import asyncio
import contextlib
import sys
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from gslb.logs import Log
from healthcheck.messages import (
    MAX_LINE,
    Heartbeat,
    MessageError,
    Orders,
    Report,
    Wanted,
    order_lines,
    read_report,
)
from healthcheck.own import is_own
from healthcheck.targets import Reach, reach

SILENT_SECONDS = 15.0  # without any word: it is stuck, and another takes its place (F16)
END_SECONDS = 3.0  # to end what it has begun, commands above all
SHORT_LIFE_SECONDS = 10.0
FIRST_DELAY_SECONDS, MAX_DELAY_SECONDS = 0.2, 30.0  # before it is started again
MAX_SAYING = 500  # characters of one line of its standard error that are logged

_log = Log(__name__)


@dataclass(frozen=True, slots=True)
class Limits:
    """What this node lets its checks do."""

    allow: Sequence[str] = ()  # networks near this node that may be probed
    execute: bool = False  # commands of ``exec`` checks
    deny: Sequence[str] = ()  # networks that may not, whatever is allowed
    ports: Sequence[int] = ()  # that are refused otherwise
    sockets: Sequence[str] = ()  # of this node, as address:port; never probed

    def reach(self) -> Reach:
        """Return what of it the checker judges targets by."""
        return reach(self.allow, self.deny, self.ports, self.sockets, is_own)


class Checker:
    """The process, and all that is needed to have it again."""

    def __init__(
        self,
        name: str,
        limits: Limits,
        wanted: Callable[[], Sequence[Wanted]],
        hear: Callable[[Report], None],
    ) -> None:
        """Nothing is started before `run`. *wanted*: all probes, with what is known of them now."""
        self.name = name
        self.pid: int | None = None
        self.restarts = 0
        self.generation = 0  # of the last orders
        self.heartbeat: Heartbeat | None = None  # the last one of this process; None: none yet
        self._limits = limits
        self._wanted = wanted
        self._hear = hear
        self._life = 0
        self._news = asyncio.Event()  # there are orders that it does not have yet
        self._heard_at = 0.0  # monotonic

    @property
    def alive(self) -> bool:
        """Whether it runs, and was heard of not long ago."""
        if self.pid is None or self.heartbeat is None:
            return False
        return time.monotonic() - self._heard_at < SILENT_SECONDS

    def order(self) -> int:
        """Have it told anew what is wanted; return the generation of these orders."""
        self.generation += 1
        self._news.set()
        return self.generation

    async def run(self) -> None:
        """Keep one going from the first orders on that want anything, until cancelled."""
        short_lives = 0
        while not self._wanted():  # a process that has nothing to do costs memory
            await self._news.wait()
            self._news.clear()
        while True:
            born = time.monotonic()
            try:
                cause = await self._live()
            except OSError as error:  # no process or no memory to be had now
                cause = error.strerror or str(error)
            self.restarts += 1
            lived = time.monotonic() - born
            short_lives = 0 if lived >= SHORT_LIFE_SECONDS else short_lives + 1
            delay: float = FIRST_DELAY_SECONDS * 2.0 ** min(short_lives, 16)
            delay = min(delay, MAX_DELAY_SECONDS)
            _log.error("checker ended", cause=cause, restarts=self.restarts, again_in_seconds=delay)
            await asyncio.sleep(delay)

    async def _live(self) -> str:
        """Run one process to its end; return how that came. Raises OSError."""
        self._life = max(self._life + 1, time.time_ns())  # the clock may have been set back
        process = await asyncio.create_subprocess_exec(
            *self._command(),
            stdin=asyncio.subprocess.PIPE,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.PIPE,
            limit=MAX_LINE + 1,
        )
        self.pid, self.heartbeat, self._heard_at = process.pid, None, time.monotonic()
        self.order()
        tasks = [
            asyncio.create_task(work(process)) for work in (self._tell, self._listen, self._relay)
        ]
        try:
            done, _ = await asyncio.wait(tasks[:2], return_when=asyncio.FIRST_COMPLETED)
            cause = next(iter(done)).result()
        finally:
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)
            self.pid = self.heartbeat = None
            await _end(process)
        return cause or f"exit code {process.returncode}"

    def _command(self) -> list[str]:
        words = [sys.executable, "-P", "-m", "healthcheck"]  # -P: no code from this folder
        words += ["--name", self.name, "--life", str(self._life)]
        limits = self._limits
        for option, values in (
            ("--allow", limits.allow),
            ("--deny", limits.deny),
            ("--allow-port", map(str, limits.ports)),
            ("--own", limits.sockets),
        ):
            words += [word for value in values for word in (option, value)]
        return [*words, "--exec"] if limits.execute else words

    async def _tell(self, process: asyncio.subprocess.Process) -> str:
        """Pass on each new generation of orders; return when there is nobody to take them."""
        into = process.stdin
        assert into is not None
        try:
            while True:
                await self._news.wait()
                self._news.clear()
                for line in order_lines(Orders(self.generation, tuple(self._wanted()))):
                    into.write(line)
                    await into.drain()
        except ConnectionError:
            return ""
        except MessageError as error:
            return f"orders cannot be written: {error}"

    async def _listen(self, process: asyncio.subprocess.Process) -> str:
        """Hear what it says; return why that came to an end."""
        out = process.stdout
        assert out is not None
        while True:
            try:
                async with asyncio.timeout(SILENT_SECONDS):
                    line = await out.readline()
                if not line:
                    return ""
                report = read_report(line)
            except TimeoutError:
                return f"silent for {SILENT_SECONDS:g} s"
            except ValueError as error:  # a MessageError, or a line that is too long
                return f"it says what is no message: {error}"
            self._heard_at = time.monotonic()
            if isinstance(report, Heartbeat):
                self.heartbeat = report
            self._hear(report)

    async def _relay(self, process: asyncio.subprocess.Process) -> str:
        """Put what it writes to its standard error into our log."""
        errors = process.stderr
        assert errors is not None
        while True:
            try:
                line = await errors.readline()
            except ValueError:  # a line beyond every limit; what follows may be read again
                continue
            if not line:
                return ""
            text = line.decode("utf-8", "replace").strip().removeprefix("healthcheck-agent: ")
            _log.info("checker says", text=text[:MAX_SAYING])


async def _end(process: asyncio.subprocess.Process) -> None:
    """Have *process* end: by the end of its input, and if that does not do, by force."""
    assert process.stdin is not None
    process.stdin.close()
    with contextlib.suppress(TimeoutError):
        async with asyncio.timeout(END_SECONDS):
            await process.wait()
    if process.returncode is None:
        with contextlib.suppress(ProcessLookupError):
            process.kill()
        await process.wait()
