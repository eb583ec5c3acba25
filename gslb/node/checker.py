"""The node's own checker: a child process that runs the probes, told what to run, heard, replaced.

It is `healthcheck.agent` over two pipes, and speaks as a remote one does. It ends by itself when the
supervisor dies, because its input ends then.
"""

from __future__ import annotations

import asyncio
import sys
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from gslb.logs import Log
from gslb.node.ending import end
from gslb.node.talk import Talk
from healthcheck.messages import MAX_LINE, Heartbeat, Report, Wanted
from healthcheck.own import is_own
from healthcheck.targets import Reach, reach

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
        self._limits = limits
        self._wanted = wanted
        self._talk = Talk(wanted, hear)
        self._life = 0

    @property
    def alive(self) -> bool:
        """Whether it runs, and was heard of not long ago."""
        return self.pid is not None and self._talk.alive

    @property
    def starting(self) -> bool:
        """Whether the first one was not heard of yet; for `SILENT_SECONDS` at most."""
        return self.restarts == 0 and self.heartbeat is None

    @property
    def generation(self) -> int:
        """The generation of the last orders."""
        return self._talk.generation

    @property
    def heartbeat(self) -> Heartbeat | None:
        """The last one of this process; None: none yet."""
        return self._talk.heartbeat

    def order(self) -> int:
        """Have it told anew what is wanted; return the generation of these orders."""
        return self._talk.order()

    async def run(self) -> None:
        """Keep one going from the first orders on that want anything, until cancelled."""
        short_lives = 0
        while not self._wanted():  # a process that has nothing to do costs memory
            await self._talk.news.wait()
            self._talk.news.clear()
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
        assert process.stdin is not None
        assert process.stdout is not None
        self.pid = process.pid
        self._talk.begin()
        tasks = [
            asyncio.create_task(self._talk.tell(process.stdin)),
            asyncio.create_task(self._talk.listen(process.stdout)),
            asyncio.create_task(self._relay(process)),
        ]
        try:
            done, _ = await asyncio.wait(tasks[:2], return_when=asyncio.FIRST_COMPLETED)
            cause = next(iter(done)).result()
        finally:
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)
            self.pid = self._talk.heartbeat = None
            await end(process, END_SECONDS)
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
