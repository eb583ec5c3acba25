"""Giving way to another version: it is started, heard, given the sockets, or ended again.

`gslb.node.handover` decides; this does it. The new one asks over a channel of its own, which it gets
for its hello over the control socket: ``sockets``, ``doors``, ``ready``, ``serves``, ``failed``.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import signal
import socket
import subprocess
import sys
import time
from collections import deque
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from typing import Any, Protocol

from gslb import __version__
from gslb.control import Message
from gslb.conversation import converse
from gslb.errors import GslbError
from gslb.logs import Log
from gslb.node.handover import Act, Event, Handover, NotNowError, Phase
from gslb.node.notify import WITHOUT_MANAGER
from gslb.node.sockets import OpenSocket
from gslb.priority import FRONT

FORM = 1  # of this conversation; a newer program speaks the older forms too
LIMIT_SECONDS = 300.0  # for the new one to be ready; the largest policies compile in some ten
MAX_LIMIT_SECONDS = 3600.0
KILL_SECONDS = 5.0  # for a killed process to be gone
LAST_LINES = 20  # of a new one that dies, kept to say why
LAST_LINES_SECONDS = 1.0  # for them to be read; a child of it may hold the pipe open
PASSED_AT_ONCE = 128  # descriptors in one answer; the kernel takes 253
MAX_REASONS = 200  # problems in one failure
MAX_REASON = 2000  # characters of each

# Starts the program given behind a descriptor's number, writes its pid there, and ends: so it is no
# child of ours, but of the service manager, which learns of its end when we are gone.
_LAUNCHER = """\
import os, sys
out = int(sys.argv[1])
close = [(os.POSIX_SPAWN_CLOSE, out)]
pid = os.posix_spawn(sys.argv[2], sys.argv[2:], os.environ, file_actions=close)
os.write(out, b"%d" % pid)
"""

_log = Log(__name__)


class Incumbent(Protocol):
    """The supervisor that gives way (`gslb.supervisor`)."""

    def worker_sockets(self) -> Sequence[OpenSocket]:
        """Return every socket that queries come in by."""
        ...

    def other_sockets(self) -> Sequence[tuple[str, socket.socket]]:
        """Return every other socket, by name."""
        ...

    def lock(self) -> int:
        """Return the descriptor of the state directory's lock."""
        ...

    def offer(self) -> Message:
        """Return what the new one needs to prepare itself. Raises GslbError."""
        ...

    async def let_go(self) -> Message:
        """Own nothing any more; return what the next one has to know. Raises GslbError."""
        ...

    async def take_back(self, pid: int) -> None:
        """Own everything again: the process with this pid, which had it, is dead."""
        ...

    def end(self, pid: int) -> None:
        """Go, and leave the workers to the new one, which has this pid."""
        ...

    def tell_failure(self, phase: str, reason: str) -> None:
        """Write down that a replacement has failed."""
        ...


class Succession:
    """Whatever there is of a successor."""

    def __init__(
        self,
        incumbent: Incumbent,
        command: Sequence[str] | None,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        """Be alone. *command* starts the program that is installed now; None: nothing can."""
        self._incumbent = incumbent
        self._command = command
        self._clock = clock
        self._handover = Handover()
        self._limit = LIMIT_SECONDS
        self._turn = asyncio.Lock()  # one event is followed at a time
        self._pid = 0  # of the new one
        self._process: int | None = None  # its pid's descriptor
        self._launched = False  # by us: it speaks through our pipe
        self._said: deque[str] = deque(maxlen=LAST_LINES)
        self._reasons: list[str] = []
        self._outcome: asyncio.Future[Message] | None = None
        self._tasks: set[asyncio.Task[None]] = set()
        self._watching: list[asyncio.Task[None]] = []
        self._relaying: asyncio.Task[None] | None = None

    @property
    def busy(self) -> bool:
        """Whether there is another one, on its way or there."""
        return self._handover.phase is not Phase.ALONE

    async def replace(self, limit: float) -> Message:
        """Start the program that is installed now, and return what came of it."""
        if self._command is None:
            return _refusal("this server was not started by `gslb serve`")
        if os.getpid() == 1:
            return _refusal(
                "it is the first process of its container, which ends with it: replace the container"
            )
        if self.busy:
            return _refusal("another replacement is under way")
        self._limit = max(0.0, min(limit, MAX_LIMIT_SECONDS))
        outcome = self._outcome = asyncio.get_running_loop().create_future()
        await self._follow(Event.WANTED)
        return await asyncio.shield(outcome)

    async def hello(self, request: Message) -> Message:
        """Answer one that wants to take over, with a channel for the rest."""
        pid = request.get("pid")
        if request.get("form") != FORM or not isinstance(pid, int):
            return _refusal("it speaks of replacing in a form that this version does not know")
        launched = self._launched and pid == self._pid
        if self.busy and not (launched and self._handover.phase is Phase.AWAITED):
            return _refusal("another replacement is under way")
        try:
            offer = self._incumbent.offer()
            if not launched:
                self._limit = LIMIT_SECONDS
                self._take_process(pid)
            await self._follow(Event.HELLO)
        except (GslbError, NotNowError, OSError) as error:
            return _refusal(str(error))
        ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_STREAM)
        self._watching.append(asyncio.create_task(self._converse(ours)))
        _log.info("another version prepares itself", new_pid=pid, new_version=request["version"])
        given = [theirs.detach()]
        if launched:  # what it writes from now on does not have to go through us
            given.append(os.dup(2))
        return {
            **offer,
            "version": __version__,
            "pid": os.getpid(),
            "sockets": len(self._incumbent.worker_sockets()),
            "give": given,
        }

    async def abandon(self) -> None:
        """Have no successor: the node is to end."""
        with contextlib.suppress(NotNowError):
            self._reasons = ["the server is being stopped"]
            await self._follow(Event.FAILED)

    async def _converse(self, sock: socket.socket) -> None:
        with contextlib.suppress(OSError):
            await converse(sock, self._hear)
        self._soon(Event.LOST)

    async def _hear(self, request: Message) -> Message:
        """Answer what comes over the channel."""
        match request:
            case {"do": "sockets", "from": int(first)}:
                some = self._incumbent.worker_sockets()[first : first + PASSED_AT_ONCE]
                return {
                    "sockets": [(one.kind, str(one.listen)) for one in some],
                    "pass": [one.sock.fileno() for one in some],
                }
            case {"do": "doors"}:
                doors = self._incumbent.other_sockets()
                return {
                    "doors": [name for name, _ in doors],
                    "pass": [*(sock.fileno() for _, sock in doors), self._incumbent.lock()],
                }
            case {"do": "ready"}:
                return await self._let_go()
            case {"do": "serves", **said}:
                return await self._end(said)
            case {"do": "failed", "reasons": list(reasons)}:
                self._reasons = [str(reason)[:MAX_REASON] for reason in reasons[:MAX_REASONS]]
                self._soon(Event.FAILED)
                return {}
        return _refusal("unknown request")

    async def _let_go(self) -> Message:
        try:
            return await self._follow(Event.READY)
        except NotNowError as error:
            return _refusal(str(error))
        except GslbError as error:
            self._reasons = [str(error)]
            self._soon(Event.FAILED)
            return _refusal(str(error))

    async def _end(self, said: Mapping[str, Any]) -> Message:
        try:
            await self._follow(Event.SERVES)
        except NotNowError as error:
            return _refusal(str(error))
        self._answer({**said, "old_pid": os.getpid(), "old_version": __version__})
        return {}

    def _soon(self, event: Event) -> None:
        """Follow *event*, unless it is of no interest any more; not within what it may cancel."""

        async def follow() -> None:
            with contextlib.suppress(NotNowError):
                await self._follow(event)

        task = asyncio.create_task(follow())
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _follow(self, event: Event) -> Message:
        """Do what *event* leads to. Raises NotNowError; GslbError if we cannot let go."""
        async with self._turn:
            before = self._handover.phase
            self._handover, acts = self._handover.after(event, self._clock(), self._limit)
            answer: Message = {}
            for act in acts:
                if act is Act.LET_GO:
                    answer = await self._incumbent.let_go()
                else:
                    await self._do(act, before, event)
            return answer

    async def _do(self, act: Act, before: Phase, event: Event) -> None:
        match act:
            case Act.START:
                await self._start()
            case Act.KILL:
                await self._kill()
            case Act.TAKE_BACK:
                await self._incumbent.take_back(self._pid)
            case Act.TELL:
                self._tell(before, event)
            case Act.END:
                self._incumbent.end(self._pid)

    async def _start(self) -> None:
        """Start the new one. What it says is ours to read until it has said hello."""
        assert self._command is not None
        self._said.clear()
        self._reasons = []
        errors, its_errors = os.pipe()
        answers, its_answers = os.pipe()
        environment = {k: v for k, v in os.environ.items() if k not in WITHOUT_MANAGER}
        program = [sys.executable, "-I", "-S", "-c", _LAUNCHER, str(its_answers)]
        try:
            launch = partial(
                subprocess.run,
                [*program, *self._command],
                stdin=subprocess.DEVNULL,
                stderr=its_errors,
                pass_fds=[its_answers],
                env=environment,
                check=False,
            )
            await asyncio.get_running_loop().run_in_executor(FRONT, launch)
        finally:
            os.close(its_errors)
            os.close(its_answers)
        said = os.read(answers, 32)
        os.close(answers)
        self._relaying = asyncio.create_task(self._relay(errors))
        try:
            self._take_process(int(said))
        except (ValueError, OSError):
            self._soon(Event.LOST)
        self._launched = True

    def _take_process(self, pid: int) -> None:
        """Watch the process with this pid, and the clock. Raises OSError."""
        self._process = os.pidfd_open(pid)
        self._pid, self._launched = pid, False
        self._watching += [
            asyncio.create_task(self._wait_for_end(self._process)),
            asyncio.create_task(self._mind_time()),
        ]

    async def _wait_for_end(self, process: int) -> None:
        await _readable(process)
        self._soon(Event.LOST)

    async def _mind_time(self) -> None:
        while True:
            now = self._clock()
            if now >= self._handover.deadline:
                self._soon(Event.LATE)
                return
            await asyncio.sleep(min(1.0, self._handover.deadline - now))

    async def _relay(self, pipe: int) -> None:
        """Pass on what the new one writes before its hello, and keep the last of it."""
        reader = asyncio.StreamReader(limit=1 << 16)
        transport, _ = await asyncio.get_running_loop().connect_read_pipe(
            lambda: asyncio.StreamReaderProtocol(reader), os.fdopen(pipe, "rb")
        )
        with contextlib.closing(transport):
            while True:
                try:
                    line = await reader.readline()
                except ValueError:  # longer than any line of use
                    continue
                if not line:
                    return
                with contextlib.suppress(OSError):
                    os.write(2, line)
                self._said.append(line.decode("utf-8", "replace").rstrip())

    async def _kill(self) -> None:
        """Make sure that the new one is gone: a process that hangs may come back to its senses."""
        if self._process is not None:  # first of all: a closed channel means that we have died
            with contextlib.suppress(ProcessLookupError):
                signal.pidfd_send_signal(self._process, signal.SIGKILL)
        for task in self._watching:
            task.cancel()
        await asyncio.gather(*self._watching, return_exceptions=True)
        self._watching.clear()
        if self._process is not None:
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(KILL_SECONDS):
                    await _readable(self._process)
            os.close(self._process)
            self._process = None
        if self._relaying is not None:
            await asyncio.wait({self._relaying}, timeout=LAST_LINES_SECONDS)
            self._relaying.cancel()
            self._relaying = None

    def _tell(self, before: Phase, event: Event) -> None:
        """Tell everybody that there was no replacement."""
        doing = "" if event is Event.FAILED else f", while it was {before.value}"
        reasons = self._reasons or [line for line in self._said if line]
        summary = {
            Event.LATE: f"the new one did not serve in time{doing}",
            Event.LOST: f"the new one ended{doing}",
        }.get(event, reasons[-1] if reasons else "the new one failed")
        details = reasons[:-1] if event is Event.FAILED else reasons
        _log.error("not replaced; this version goes on", reason=summary, new_pid=self._pid)
        self._incumbent.tell_failure(before.value, "; ".join([*details, summary])[-MAX_REASON:])
        self._answer({"ok": False, "error": summary, "problems": details, "pid": os.getpid()})
        self._reasons = []
        self._launched = False

    def _answer(self, outcome: Message) -> None:
        if self._outcome is not None and not self._outcome.done():
            self._outcome.set_result(outcome)
        self._outcome = None


async def _readable(descriptor: int) -> None:
    loop = asyncio.get_running_loop()
    over = asyncio.Event()
    loop.add_reader(descriptor, over.set)
    try:
        await over.wait()
    finally:
        loop.remove_reader(descriptor)


def _refusal(error: str) -> Message:
    return {"ok": False, "error": error}
