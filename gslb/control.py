"""Talking to a process of ours over a Unix socket: one JSON object a line, one answer a line.

The socket lies in the state directory with mode 0600, so that file permissions say who may ask.
Both ends are bounded: a request that is too long, or slow, ends the conversation. File descriptors
that come with a request are in it as `passed`; they are closed once it is answered.
"""

from __future__ import annotations

import contextlib
import json
import os
import socket
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from gslb.errors import GslbError

SUPERVISOR_SOCKET = "control.sock"  # in the state directory
MAX_ANSWER = 16 << 20  # the problems of a large policy, as text
MAX_CONVERSATIONS = 16  # at one time
MAX_PASSED = 256  # file descriptors in one message; the kernel takes 253

Message = Mapping[str, Any]


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
        return parsed(bytes(buffer[: buffer.index(b"\n")])), descriptors
    except (OSError, ControlError) as error:
        for descriptor in descriptors:
            os.close(descriptor)
        if isinstance(error, ControlError):
            raise
        raise ControlError(f"no answer ({error})") from None


def parsed(line: bytes) -> dict[str, Any]:
    """Return an answer that came as one *line*. Raises ControlError."""
    try:
        answer = json.loads(line)
    except ValueError:
        answer = None
    if not isinstance(answer, dict):
        raise ControlError("the answer is not a JSON object")
    return answer
