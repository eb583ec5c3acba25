"""Talking to a process of ours over a Unix socket: one JSON object a line, one answer a line.

The socket lies in the state directory with mode 0600, so that file permissions say who may ask.
Both ends are bounded: a request that is too long, or slow, ends the conversation. File descriptors
that come with a request are in it as `passed`; they are closed once it is answered.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import socket
from collections.abc import Awaitable, Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from gslb.errors import GslbError

SUPERVISOR_SOCKET = "control.sock"  # in the state directory
MAX_REQUEST = 64 << 10  # octets of one line
MAX_ANSWER = 16 << 20  # the problems of a large policy, as text
MAX_CONVERSATIONS = 16  # at one time
REQUEST_SECONDS = 10.0  # for a request to arrive
ACCEPT_PAUSE_SECONDS = 1.0
LAST_WORDS_POLL_SECONDS = 0.01
LAST_WORDS_SECONDS = 1.0  # for answers that are being given when the server ends
MAX_PASSED = 256  # file descriptors in one message; the kernel takes 253

Message = Mapping[str, Any]
Handler = Callable[[Message], Awaitable[Message]]


class ControlError(GslbError):
    """No answer comes from a control socket, or none in a form that we know."""


class NobodyThereError(ControlError):
    """Nobody listens at a control socket."""


@contextlib.contextmanager
def short_path(path: Path) -> Iterator[str]:
    """Yield a name of *path* that fits a socket address (108 octets), however long it is."""
    folder = os.open(path.parent, os.O_PATH | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        yield f"/proc/self/fd/{folder}/{path.name}"
    finally:
        os.close(folder)


def listen_at(path: Path) -> socket.socket:
    """Return a listening Unix socket at *path* (mode 0600), in place of what is there."""
    sock = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    try:
        path.unlink(missing_ok=True)
        before = os.umask(0o177)
        try:
            with short_path(path) as name:
                sock.bind(name)
        finally:
            os.umask(before)
        sock.listen(MAX_CONVERSATIONS)
        sock.setblocking(False)
    except OSError as error:
        sock.close()
        raise ControlError(f"{path}: cannot open the control socket: {error.strerror}") from None
    return sock


async def serve(listener: socket.socket, handle: Handler) -> None:
    """Answer requests at *listener* with *handle* until cancelled.

    Then nobody is let in any more, and those who wait for an answer still get it, if it comes soon.
    """
    loop = asyncio.get_running_loop()
    free = asyncio.Semaphore(MAX_CONVERSATIONS)
    conversations: set[asyncio.Task[None]] = set()
    busy: set[socket.socket] = set()  # a request of theirs is being answered

    def ended(task: asyncio.Task[None]) -> None:
        conversations.discard(task)
        free.release()

    try:
        while True:
            await free.acquire()
            try:
                sock, _ = await loop.sock_accept(listener)
            except OSError:  # no file descriptor left: those who wait may wait a little more
                free.release()
                await asyncio.sleep(ACCEPT_PAUSE_SECONDS)
                continue
            task = loop.create_task(converse(sock, handle, busy))
            conversations.add(task)
            task.add_done_callback(ended)
    finally:
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(LAST_WORDS_SECONDS):
                while busy:  # noqa: ASYNC110 - a turn or two at most
                    await asyncio.sleep(LAST_WORDS_POLL_SECONDS)
        for task in conversations:
            task.cancel()


async def converse(
    sock: socket.socket, handle: Handler, busy: set[socket.socket] | None = None
) -> None:
    """Answer what is asked over *sock*, which is connected and ours, until the other end closes it.

    Descriptors under ``pass`` go along with an answer, those under ``give`` are closed then as well.
    """
    busy = set() if busy is None else busy
    sock.setblocking(False)
    loop = asyncio.get_running_loop()
    buffer = bytearray()
    came: list[int] = []  # descriptors, with the request that is being read
    with sock, contextlib.suppress(OSError, TimeoutError):
        try:
            while True:
                while (end := buffer.find(b"\n")) < 0:
                    if len(buffer) > MAX_REQUEST:
                        return
                    # A conversation may rest between requests, not within one.
                    async with asyncio.timeout(REQUEST_SECONDS if buffer else None):
                        received, descriptors = await _receive(loop, sock)
                    came += descriptors
                    if not received:
                        return
                    buffer += received
                line = bytes(buffer[:end])
                del buffer[: end + 1]
                busy.add(sock)
                given: list[int] = []
                try:
                    answer, passed, given = await _answer(line, came, handle)
                    if passed or given:
                        socket.send_fds(sock, [answer], [*passed, *given])
                    else:
                        await loop.sock_sendall(sock, answer)
                finally:
                    busy.discard(sock)
                    _close(given)
                    _close(came)
        finally:
            _close(came)


async def _receive(loop: asyncio.AbstractEventLoop, sock: socket.socket) -> tuple[bytes, list[int]]:
    """Return what comes next over *sock*, and the descriptors that come along."""
    while True:
        try:
            octets, descriptors, _, _ = socket.recv_fds(sock, 65536, MAX_PASSED)
        except (BlockingIOError, InterruptedError):
            readable = loop.create_future()
            loop.add_reader(sock.fileno(), _wake, readable)
            try:
                await readable
            finally:
                loop.remove_reader(sock.fileno())
        else:
            return octets, descriptors


def _wake(waiting: asyncio.Future[None]) -> None:
    if not waiting.done():
        waiting.set_result(None)


def _close(descriptors: list[int]) -> None:
    while descriptors:
        os.close(descriptors.pop())


async def _answer(
    line: bytes, came: list[int], handle: Handler
) -> tuple[bytes, list[int], list[int]]:
    """Return the octets to send, and the descriptors to go along: to be kept, and to be closed."""
    passed: list[int] = []
    given: list[int] = []
    try:
        request = json.loads(line)
        if not isinstance(request, dict):
            raise ValueError("not an object")
    except ValueError as error:
        answer: dict[str, Any] = {
            "ok": False,
            "error": f"the request is not a JSON object: {error}",
        }
    else:
        answer = {"ok": True, **await handle({**request, "passed": came})}
        passed, given = answer.pop("pass", []), answer.pop("give", [])
    return json.dumps(answer).encode() + b"\n", passed, given


class Conversation:
    """The asking end, for use inside an event loop. One request at a time."""

    def __init__(self, sock: socket.socket) -> None:
        """Ask over *sock*, which is connected and becomes this object's own."""
        self._sock = sock
        self._buffer = bytearray()
        self._turn = asyncio.Lock()

    @classmethod
    def open(cls, path: Path) -> Conversation:
        """Connect to the socket at *path*. Raises ControlError."""
        return cls(connect(path, timeout=None))

    async def ask(
        self, request: Message, timeout_seconds: float, passed: Sequence[int] = ()
    ) -> dict[str, Any]:
        """Send *request*, with the descriptors *passed*, and return the answer.

        Raises ControlError; then the conversation is over.
        """
        loop = asyncio.get_running_loop()
        async with self._turn:
            try:
                async with asyncio.timeout(timeout_seconds):
                    line = json.dumps(request).encode() + b"\n"
                    if passed:  # one octet carries them; a socket whose turn it is has room for it
                        socket.send_fds(self._sock, [line[:1]], passed)
                    await loop.sock_sendall(self._sock, line[1:] if passed else line)
                    while (end := self._buffer.find(b"\n")) < 0:
                        received = await loop.sock_recv(self._sock, 65536)
                        if not received or len(self._buffer) > MAX_ANSWER:
                            raise ControlError("the other end closed the conversation")
                        self._buffer += received
            except TimeoutError:
                self.close()  # a late answer must not be taken for the next one's
                raise ControlError(f"no answer within {timeout_seconds:g} s") from None
            except OSError as error:
                self.close()
                raise ControlError(f"the conversation broke: {error.strerror}") from None
            line = bytes(self._buffer[:end])
            del self._buffer[: end + 1]
        return _parsed(line)

    def close(self) -> None:
        """End the conversation."""
        self._sock.close()


def connect(path: Path, timeout: float | None) -> socket.socket:
    """Return a socket connected to the one at *path*; *timeout* None: one that never blocks.

    Raises NobodyThereError, or ControlError where somebody listens who does not come to us.
    """
    sock = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    sock.settimeout(timeout)
    if timeout is None:
        sock.setblocking(False)
    try:
        with short_path(path) as name:
            sock.connect(name)
    except (BlockingIOError, TimeoutError):
        sock.close()
        raise ControlError(f"{path}: too many wait there already") from None
    except OSError as error:
        sock.close()
        raise NobodyThereError(f"{path}: nobody answers ({error.strerror})") from None
    return sock


def ask(path: Path, request: Message, timeout_seconds: float) -> dict[str, Any]:
    """Send one *request* to the process at *path* and wait for its answer. Raises ControlError."""
    answer, descriptors = ask_passing(path, request, timeout_seconds)
    for descriptor in descriptors:
        os.close(descriptor)
    return answer


def ask_passing(
    path: Path, request: Message, timeout_seconds: float
) -> tuple[dict[str, Any], list[int]]:
    """Do as `ask`, and return the file descriptors too that came along. Raises ControlError."""
    with connect(path, timeout_seconds) as sock:
        try:
            return exchange(sock, request)
        except ControlError as error:
            raise ControlError(f"{path}: {error}") from None


def exchange(sock: socket.socket, request: Message) -> tuple[dict[str, Any], list[int]]:
    """Ask over *sock*, connected and with a timeout, and wait for the answer.

    Returns:
        The answer, and the file descriptors that came along. No child inherits them.

    Raises:
        ControlError: no answer came; the conversation is over.
    """
    buffer = bytearray()
    descriptors: list[int] = []
    try:
        sock.sendall(json.dumps(request).encode() + b"\n")
        while b"\n" not in buffer:
            received, passed, _, _ = socket.recv_fds(sock, 65536, MAX_PASSED)
            descriptors += passed
            if not received or len(buffer) > MAX_ANSWER:
                raise ControlError("closed without an answer")
            buffer += received
        for descriptor in descriptors:
            os.set_inheritable(descriptor, False)
        return _parsed(bytes(buffer[: buffer.index(b"\n")])), descriptors
    except (OSError, ControlError) as error:
        for descriptor in descriptors:
            os.close(descriptor)
        if isinstance(error, ControlError):
            raise
        raise ControlError(f"no answer ({error})") from None


def _parsed(line: bytes) -> dict[str, Any]:
    try:
        answer = json.loads(line)
    except ValueError:
        answer = None
    if not isinstance(answer, dict):
        raise ControlError("the answer is not a JSON object")
    return answer
