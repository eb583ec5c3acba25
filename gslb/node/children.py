"""Worker processes: started, told what to serve, watched, started again when they die.

A worker is reached through a Unix socket in the state directory that outlives the supervisor. A
supervisor that finds workers there which are not its own (its predecessor died; they went on
answering) takes over their very sockets, so that nothing that the kernel has queued is lost, and
retires them once its own workers serve.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import signal
import subprocess
import time
from collections.abc import Callable, Sequence
from pathlib import Path

from gslb.control import ControlError
from gslb.conversation import Conversation
from gslb.dataplane.orders import Orders
from gslb.errors import GslbError
from gslb.logs import Log
from gslb.node.child import Child, launch, socket_path
from gslb.node.ledger import Ledger
from gslb.node.recruits import Recruits
from gslb.state.tables import ServedTable

START_SECONDS = 30.0  # for a worker to start; with 100 000 names it takes about 0.2 s
SWAP_SECONDS = 60.0
RETIRE_SECONDS = 8.0  # a worker's own limit for open TCP connections is 5 s
ASK_SECONDS = 3.0
AGAIN_SECONDS = 10.0  # before a worker that could not take up a table is told of it again

_log = Log(__name__)


class Workers:
    """All workers of this supervisor."""

    def __init__(
        self,
        directory: Path,
        template: Orders,
        ledger: Ledger,
        recruits: Recruits,
        now: Callable[[], float] = time.monotonic,
    ):
        """Keep control sockets in *directory*; *template* has what is the same for each worker.

        What they count is in *ledger*; *recruits* become the first workers.
        """
        self.children: list[Child] = []
        self.ledger = ledger
        self._directory = directory
        self._template = template
        self._recruits = recruits
        self._now = now
        self._table: ServedTable | None = None
        self._refused = asyncio.Event()  # somebody does not serve it
        self._watchers: list[asyncio.Task[None]] = []

    async def start(self, children: Sequence[Child], table: ServedTable) -> None:
        """Start *children*, those with a process excepted: they have been told to serve *table*.

        Raises GslbError if one will not serve.
        """
        self._table = table
        self.children += children
        await asyncio.gather(*map(self._begin, self.children))
        self._recruits.dismiss()
        self._watchers = [asyncio.create_task(self._watch(child)) for child in self.children]
        self._watchers.append(asyncio.create_task(self._tell_again()))

    async def swap(self, table: ServedTable) -> list[str]:
        """Have every worker serve *table*. Returns what went wrong, by worker.

        A worker that refuses keeps what it has, and is told again later; one that does not answer is
        replaced.
        """
        self._table = table
        answers = await asyncio.gather(*(self._tell(child, table) for child in self.children))
        return [trouble for trouble in answers if trouble]

    async def stop(self) -> None:
        """Let every worker finish the connections it has, and end."""
        for watcher in self._watchers:
            watcher.cancel()
        await asyncio.gather(*map(self._end, self.children))
        for child in self.children:
            child.listener.close()
            socket_path(self._directory, child.number).unlink(missing_ok=True)
            for own in child.sockets:
                own.sock.close()

    async def status(self) -> list[dict[str, object]]:
        """Return what each worker says of itself, with our count of its restarts."""
        return list(await asyncio.gather(*map(self._status, self.children)))

    async def _status(self, child: Child) -> dict[str, object]:
        said: dict[str, object] = {}
        with contextlib.suppress(ControlError):  # apart from the conversation that swaps tables
            talk = Conversation.open(socket_path(self._directory, child.number))
            said = await talk.ask({"do": "status"}, ASK_SECONDS)
            talk.close()
        return {
            "worker": child.number,
            "pid": child.process.pid if child.process else None,
            "restarts": child.restarts.count,
            "serving": said.pop("ok", False),
            **said,
        }

    async def _begin(self, child: Child) -> None:
        """Wait until *child* serves, started or not. Raises GslbError if it does not."""
        await (self._spawn if child.process is None else self._greet)(child)

    async def _spawn(self, child: Child) -> None:
        """Start *child*'s process and wait until it serves. Raises GslbError if it does not."""
        assert self._table is not None
        child.born = self._now()  # one that cannot even be started has lived short, not long
        blocks = self.ledger.open(child.number, self._table.generation)
        counters = [block.descriptor for block in blocks]
        launch(child, self._recruits.take(), self._template, self._table, counters)
        await self._greet(child)

    async def _greet(self, child: Child) -> None:
        """Wait for the first word of a worker: that it serves. Raises GslbError."""
        assert child.process is not None
        child.conversation = Conversation.open(socket_path(self._directory, child.number))
        greeting = asyncio.ensure_future(child.conversation.ask({"do": "status"}, START_SECONDS))
        death = asyncio.ensure_future(_ended(child.process))
        try:
            await asyncio.wait({greeting, death}, return_when=asyncio.FIRST_COMPLETED)
            if not greeting.done():
                raise GslbError(
                    f"worker {child.number} ended at its start ({_cause(child.process)})"
                )
            answer = greeting.result()  # raises ControlError
        finally:
            for waiting in (greeting, death):
                waiting.cancel()
            await asyncio.gather(greeting, death, return_exceptions=True)
        child.generation = int(answer.get("generation", 0))
        child.dataplane = str(answer.get("dataplane", ""))
        _log.info(
            "worker serves",
            worker=child.number,
            worker_pid=child.process.pid,
            generation=child.generation,
        )

    async def _watch(self, child: Child) -> None:
        """Start *child* again whenever it dies, until cancelled."""
        while True:
            assert child.process is not None
            await _ended(child.process)
            self.ledger.died(child.number)
            if child.conversation is not None:
                child.conversation.close()
                child.conversation = None
            delay = child.restarts.died(self._now() - child.born)
            _log.error(
                "worker died",
                worker=child.number,
                worker_pid=child.process.pid,
                cause=_cause(child.process),
                restarts=child.restarts.count,
                again_in_seconds=delay,
            )
            await asyncio.sleep(delay)
            try:
                await self._spawn(child)
            except (GslbError, OSError) as error:
                _log.error("worker does not start", worker=child.number, reason=str(error))
                _kill(child.process)

    async def _tell(self, child: Child, table: ServedTable) -> str:
        """Have *child* serve *table*; return what went wrong, if anything."""
        if child.conversation is None:
            return ""  # it is being started, with this table
        request = {"do": "serve", "table": str(table.path), "generation": table.generation}
        try:
            blocks = self.ledger.open(child.number, table.generation)
        except GslbError as error:
            self._refused.set()
            return f"worker {child.number}: {error}"
        descriptors = [block.descriptor for block in blocks]
        try:
            answer = await child.conversation.ask(request, SWAP_SECONDS, descriptors)
        except ControlError as error:
            _kill(child.process)  # its watcher starts another, which begins with this table
            return f"worker {child.number}: {error}; it is replaced"
        if not answer.get("ok"):
            self.ledger.drop(blocks)
            self._refused.set()
            return f"worker {child.number}: {answer.get('error', 'refused')}"
        child.generation = table.generation
        return ""

    async def _tell_again(self) -> None:
        """Tell workers of the newest table that did not take it up, until cancelled.

        Changes go into that table alone: in an older one what has died since stays an answer.
        """
        while True:
            await self._refused.wait()
            await asyncio.sleep(AGAIN_SECONDS)
            self._refused.clear()
            table = self._table
            assert table is not None
            told = [child for child in self.children if child.conversation is not None]
            for child in told:
                if child.generation < table.generation and not await self._tell(child, table):
                    _log.info("worker serves", worker=child.number, generation=child.generation)

    async def _end(self, child: Child) -> None:
        if child.process is None or child.process.poll() is not None:
            return
        heard = False
        if child.conversation is not None:
            with contextlib.suppress(ControlError):
                await child.conversation.ask({"do": "retire"}, ASK_SECONDS)
                heard = True
            child.conversation.close()
        if not heard:  # one that broke off is no reason to kill: this means the same
            child.process.terminate()
        try:
            async with asyncio.timeout(RETIRE_SECONDS):
                await _ended(child.process)
        except TimeoutError:
            _kill(child.process)
            await _ended(child.process)


async def _ended(process: subprocess.Popen[bytes]) -> int:
    """Wait until *process* has ended, and return its code; below 0 it is a signal's."""
    code = process.poll()
    if code is not None:
        return code
    loop = asyncio.get_running_loop()
    over = asyncio.Event()
    descriptor = os.pidfd_open(process.pid)
    try:
        loop.add_reader(descriptor, over.set)
        await over.wait()
    finally:
        loop.remove_reader(descriptor)
        os.close(descriptor)
    return process.wait()


def _cause(process: subprocess.Popen[bytes]) -> str:
    code = process.poll()
    if code is None or code >= 0:
        return f"exit code {code}"
    try:
        return signal.Signals(-code).name
    except ValueError:
        return f"signal {-code}"


def _kill(process: subprocess.Popen[bytes] | None) -> None:
    if process is not None:
        process.kill()  # does nothing when it has ended
