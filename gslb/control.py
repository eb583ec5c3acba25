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
    """Answer requests at *listener* with *handle* until cancelled."""
    loop = asyncio.get_running_loop()
    free = asyncio.Semaphore(MAX_CONVERSATIONS)
    conversations: set[asyncio.Task[None]] = set()

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
            task = loop.create_task(_converse(sock, handle))
            conversations.add(task)
            task.add_done_callback(ended)
    finally:
        for task in conversations:
            task.cancel()


async def _converse(sock: socket.socket, handle: Handler) -> None:
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
                answer, passed = await _answer(line, came, handle)
                if passed:
                    socket.send_fds(sock, [answer], passed)
                else:
                    await loop.sock_sendall(sock, answer)
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


async def _answer(line: bytes, came: list[int], handle: Handler) -> tuple[bytes, list[int]]:
    """Return the octets to send, and the file descriptors to pass along with them."""
    passed: list[int] = []
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
        passed = answer.pop("pass", [])
    return json.dumps(answer).encode() + b"\n", passed


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
    buffer = bytearray()
    descriptors: list[int] = []
    with connect(path, timeout_seconds) as sock:
        try:
            sock.sendall(json.dumps(request).encode() + b"\n")
            while b"\n" not in buffer:
                received, passed, _, _ = socket.recv_fds(sock, 65536, MAX_PASSED)
                descriptors += passed
                if not received or len(buffer) > MAX_ANSWER:
                    raise ControlError(f"{path}: closed without an answer")
                buffer += received
            return _parsed(bytes(buffer[: buffer.index(b"\n")])), descriptors
        except (OSError, ControlError) as error:
            for descriptor in descriptors:
                os.close(descriptor)
            if isinstance(error, ControlError):
                raise
            raise ControlError(f"{path}: no answer ({error})") from None


def _parsed(line: bytes) -> dict[str, Any]:
    try:
        answer = json.loads(line)
    except ValueError:
        answer = None
    if not isinstance(answer, dict):
        raise ControlError("the answer is not a JSON object")
    return answer
