"""The compiled data plane as a worker uses it: chosen, given tables, run in a thread of its own.

It is never silently absent: what runs is in the worker's log, in its status and in a metric.
"""

from __future__ import annotations

import secrets
import socket
import threading
import time
from collections.abc import Sequence
from importlib import import_module
from types import ModuleType
from typing import Any, Final

from gslb.dataplane.guard import Guard
from gslb.dataplane.settings import ResponderSettings, Source, Transport, Wanted
from gslb.dataplane.udp import prepare
from gslb.errors import GslbError

_fast: ModuleType | None
try:
    _fast = import_module("gslb.dataplane._fast")
except ImportError as error:  # no compiler at the install, or another machine's
    _fast, _WHY = None, str(error)
else:
    _WHY = ""

DECLINED: Final = b""  # as `_fast` says it: no response is empty


def why_not() -> str:
    """Return why the compiled data plane cannot be used here; nothing where it can."""
    return _WHY


def choose(wanted: Wanted) -> bool:
    """Return whether the compiled data plane is to answer. Raises GslbError if it must and cannot."""
    if wanted == "fast" and _fast is None:
        raise GslbError(
            f"the compiled data plane is not there ({_WHY}): install with a C compiler,"
            " or say `dataplane: python` to do without it"
        )
    return wanted != "python" and _fast is not None


class FastPlane:
    """Answers UDP in its own thread, without the GIL; and TCP messages one by one."""

    def __init__(
        self, settings: ResponderSettings, sockets: Sequence[socket.socket], guard: Guard
    ) -> None:
        """Take bound UDP *sockets*; queries that are declined are answered by *guard*.

        Both count in the same blocks, those that *guard* has at each `serve`. The sockets must stay
        open until `stop`. Nothing is answered before `serve` and `start`.
        """
        assert _fast is not None
        shared = _fast.FastSettings(settings)
        self.countings = guard.countings
        self._decline = guard.respond
        self._answerer = _fast.Answerer(shared, _seed(), time.time)
        self._answerer.set_keepalive(max(0, min(65_535, round(settings.tcp_idle_seconds * 10))))
        passed = [(sock.fileno(), prepare(sock)) for sock in sockets]
        self._loop: Any = None
        self._thread: threading.Thread | None = None
        if passed:
            self._loop = _fast.Loop(shared, _seed(), guard.respond, passed)
            self._thread = threading.Thread(target=self._loop.run, name="udp", daemon=True)

    def serve(self, octets: Any) -> None:
        """Answer from the verified table *octets* from the next batch on, and count with it."""
        assert _fast is not None
        udp, tcp = self.countings
        self._answerer.serve(_fast.FastTable(octets, tcp.block))
        if self._loop is not None:
            self._loop.serve(_fast.FastTable(octets, udp.block))

    def release(self) -> bool:
        """Let go of the tables before the newest; false as long as the thread may use one of them."""
        return self._thread is None or bool(self._loop.release())

    def start(self) -> None:
        """Begin to answer by UDP."""
        if self._thread is not None:
            self._thread.start()

    def stop(self) -> None:
        """Answer what has been received by UDP and take no more of it."""
        if self._thread is not None and self._thread.is_alive():
            self._loop.stop()
            self._thread.join()

    def drain(self) -> None:
        """Tell TCP clients to leave by themselves (RFC 7828 §3.2)."""
        self._answerer.set_keepalive(0)

    def respond(
        self, message: bytes, source: Source, source_port: int, transport: Transport
    ) -> bytes | None:
        """Return the response to one message, whoever makes it."""
        response: bytes | None = self._answerer.answer(message, source, source_port, transport)
        if response == DECLINED:
            return self._decline(message, source, source_port, transport)
        return response


def _seed() -> int:
    """Return a state for `pick.Xorshift`: any number but 0."""
    return secrets.randbelow(2**64 - 1) + 1
