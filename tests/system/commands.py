"""Runs `gslb` commands as processes of their own that find the program loaded already.

Most of what a short command costs is the import of the program, the same each time, and a system
test runs many. Here one process has imported it, and each command is a child that it forks: with an
environment, outputs and an end of its own. Servers are started as everybody starts them.
"""

from __future__ import annotations

import atexit
import contextlib
import functools
import gc
import importlib
import json
import logging
import os
import signal
import socket
import subprocess
import sys
import tempfile
import threading
import traceback
from collections.abc import Mapping, Sequence
from typing import Final

from gslb.cli.main import main

MAX_REQUEST: Final = 1 << 17  # octets of words and environment
LOADED: Final = (
    *("audit", "drain", "drains", "events", "explain", "push"),
    *("reload", "replace", "status", "stop", "token", "undrain"),
)


class Commands:
    """The process that forks commands, as its parent sees it."""

    def __init__(self) -> None:
        ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        with theirs:
            self._process = subprocess.Popen(
                [sys.executable, "-P", __file__, str(theirs.fileno())],
                pass_fds=[theirs.fileno()],
            )
        self._sock = ours
        self._one_at_a_time = threading.Lock()

    def run(
        self, words: Sequence[str], environment: Mapping[str, str], seconds: float
    ) -> tuple[int, str, str]:
        """Return a command's exit code, output and errors.

        Raises:
            TimeoutError: it has not ended after *seconds*, and was killed.
        """
        request = json.dumps([list(words), dict(environment)]).encode()
        assert len(request) < MAX_REQUEST
        with tempfile.TemporaryFile() as out, tempfile.TemporaryFile() as err:
            with self._one_at_a_time:
                socket.send_fds(self._sock, [request], [out.fileno(), err.fileno()])
                self._sock.settimeout(None)
                pid = int(self._sock.recv(64))
                self._sock.settimeout(seconds)
                try:
                    status = int(self._sock.recv(64))
                except TimeoutError:
                    os.kill(pid, signal.SIGKILL)
                    self._sock.settimeout(None)
                    self._sock.recv(64)
                    raise TimeoutError(
                        f"not within {seconds:g} s: gslb {' '.join(words)}"
                    ) from None
            out.seek(0)
            err.seek(0)
            return os.waitstatus_to_exitcode(status), out.read().decode(), err.read().decode()

    def close(self) -> None:
        """End the process that forks."""
        self._sock.close()
        self._process.wait()


@functools.cache
def commands() -> Commands:
    """Return the one of this test process, which ends with it."""
    made = Commands()
    atexit.register(made.close)
    return made


def serve(sock: socket.socket) -> None:
    """Fork a child for each request, and tell its pid and how it ended, until nobody asks."""
    for name in LOADED:
        importlib.import_module(f"gslb.cli.{name}")
    gc.freeze()
    while True:
        request, descriptors, _, _ = socket.recv_fds(sock, MAX_REQUEST, 2)
        if not request:
            return
        pid = os.fork()
        if pid == 0:
            sock.close()
            _become(request, *descriptors)
        for descriptor in descriptors:
            os.close(descriptor)
        sock.send(b"%d" % pid)
        _, status = os.waitpid(pid, 0)
        sock.send(b"%d" % status)


def _become(request: bytes, out: int, err: int) -> None:
    """Be the command: this does not come back."""
    code = 1
    try:
        words, environment = json.loads(request)
        os.dup2(out, 1)
        os.dup2(err, 2)
        os.environ.clear()
        os.environ.update(environment)
        sys.argv = ["gslb", *words]
        code = main()
    except SystemExit as end:
        code = end.code if isinstance(end.code, int) else int(end.code is not None)
    except BaseException:  # noqa: BLE001 - as the interpreter does
        traceback.print_exc()
    finally:
        logging.shutdown()
        with contextlib.suppress(OSError, ValueError):
            sys.stdout.flush()
            sys.stderr.flush()
        os._exit(code)


if __name__ == "__main__":
    serve(socket.socket(fileno=int(sys.argv[1])))
