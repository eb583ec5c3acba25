"""Taking the place of a supervisor that runs: what the new version asks of the one before it.

    hello → sockets → (policies compiled, records tried) → ready: it lets go → serves: it ends

A copy of the state directory's lock comes along with the sockets, so that it is never free: should
the one before die at any moment, we go on with what we have.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import socket
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from gslb import __version__, control
from gslb.control import ControlError, Message, NobodyThereError
from gslb.errors import GslbError
from gslb.logs import Log
from gslb.node import takeover
from gslb.node.sockets import OpenSocket
from gslb.node.succession import FORM

ASK_SECONDS = 10.0
LET_GO_SECONDS = 45.0  # changes that have begun, and commands of checks, come to their end
MAX_REASONS = 200

_log = Log(__name__)


class Predecessor:
    """The supervisor that runs, as the next one sees it."""

    def __init__(self, said: Message, channel: socket.socket) -> None:
        """Take what it has *said* to our hello, and the *channel* that it gave us."""
        self.pid = int(said["pid"])
        self.version = str(said["version"])
        self.generation = int(said["generation"])  # given away to us
        self.serial = int(said["serial"])
        self.sockets: list[OpenSocket] = []
        self.doors: dict[str, socket.socket] = {}
        self.lock = -1  # of the state directory
        self._count = int(said["sockets"])
        self._channel = channel

    @classmethod
    def greet(cls, directory: Path) -> Predecessor | None:
        """Say hello to the supervisor of *directory*; None: there is none.

        Raises GslbError: it does not give way.
        """
        path = directory / control.SUPERVISOR_SOCKET
        hello = {"do": "succeed", "form": FORM, "pid": os.getpid(), "version": __version__}
        try:
            said, given = control.ask_passing(path, hello, ASK_SECONDS)
        except NobodyThereError:
            return None
        except ControlError as error:
            raise GslbError(f"the gslb that runs does not answer: {error}") from None
        if not said.get("ok") or not given:
            raise GslbError(f"the gslb that runs does not give way: {said.get('error')}")
        if len(given) > 1:  # where it writes its own errors
            os.dup2(given[1], 2)
            os.close(given[1])
        channel = socket.socket(fileno=given[0])
        channel.settimeout(ASK_SECONDS)
        return cls(said, channel)

    def fetch_sockets(self) -> None:
        """Get copies of every socket that it has, and of the lock. Raises ControlError: it is gone."""
        while len(self.sockets) < self._count:
            said, descriptors = self._ask({"do": "sockets", "from": len(self.sockets)})
            if not descriptors:
                raise ControlError("it keeps sockets back")
            self.sockets += takeover.adopt(said["sockets"], descriptors)
        said, descriptors = self._ask({"do": "doors"})
        self.lock = descriptors.pop()
        found = (socket.socket(fileno=descriptor) for descriptor in descriptors)
        self.doors = dict(zip(said["doors"], found, strict=True))

    async def let_go(self) -> Message | None:
        """Have it own nothing any more; return what it hands over. None: it has died.

        Raises GslbError: it does not let go.
        """
        self._channel.settimeout(LET_GO_SECONDS)
        try:
            said, _ = await asyncio.to_thread(self._ask, {"do": "ready"})
        except ControlError as error:
            if self._has_closed():
                return None
            raise GslbError(f"the gslb that runs does not let go: {error}") from None
        if not said.get("ok"):
            raise GslbError(f"the gslb that runs does not let go: {said.get('error')}")
        return said

    async def end(self, said: Message) -> None:
        """Have it go: we serve."""
        self._channel.settimeout(ASK_SECONDS)
        try:
            answer, _ = await asyncio.to_thread(self._ask, {"do": "serves", **said})
        except ControlError as error:
            _log.warning("the version before did not say that it goes", reason=str(error))
        else:
            if not answer.get("ok"):
                raise GslbError(f"the gslb before takes its place back: {answer.get('error')}")
        self.close()

    def fail(self, reasons: Sequence[str]) -> None:
        """Tell it why it has to go on, unless it has gone or was told already."""
        if self._channel.fileno() < 0:
            return
        self._channel.settimeout(ASK_SECONDS)
        with contextlib.suppress(GslbError):
            self._ask({"do": "failed", "reasons": list(reasons)[-MAX_REASONS:]})
        self.close()

    def close(self) -> None:
        """Speak to it no more."""
        self._channel.close()

    def _ask(self, request: Mapping[str, Any]) -> tuple[dict[str, Any], list[int]]:
        return control.exchange(self._channel, request)

    def _has_closed(self) -> bool:
        """Return whether its end of the channel is gone, as it is when it has died."""
        self._channel.setblocking(False)
        try:
            return not self._channel.recv(1)
        except BlockingIOError:
            return False
        except OSError:
            return True
