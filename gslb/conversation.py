"""Conversations over `gslb.control` sockets inside an event loop: the answering end, and the asking one.

Apart from the plain asking, so that what is quick does not wait for asyncio to be loaded.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import socket
from collections.abc import Awaitable, Callable, Sequence
from pathlib import Path
from typing import Any

from gslb.control import (
    MAX_ANSWER,
    MAX_CONVERSATIONS,
    MAX_PASSED,
    ControlError,
    Message,
    connect,
    parsed,
)

MAX_REQUEST = 64 << 10  # octets of one line
REQUEST_SECONDS = 10.0  # for a request to arrive
ACCEPT_PAUSE_SECONDS = 1.0
LAST_WORDS_POLL_SECONDS = 0.01
LAST_WORDS_SECONDS = 1.0  # for answers that are being given when the server ends

Handler = Callable[[Message], Awaitable[Message]]


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
            except BaseException as error:  # cancelled, too
                self.close()  # a late answer must not be taken for the next one's
                if isinstance(error, TimeoutError):
                    raise ControlError(f"no answer within {timeout_seconds:g} s") from None
                if isinstance(error, OSError):
                    raise ControlError(f"the conversation broke: {error.strerror}") from None
                raise
            line = bytes(self._buffer[:end])
            del self._buffer[: end + 1]
        return parsed(line)

    def close(self) -> None:
        """End the conversation."""
        self._sock.close()
