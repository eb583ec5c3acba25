"""The supervisor as the one that is to be replaced: what it hands over, lets go of, and takes back."""

from __future__ import annotations

import asyncio
import os
import socket
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from gslb import __version__, control
from gslb.control import Message
from gslb.desk.desk import Desk
from gslb.desk.doors import Doors
from gslb.errors import GslbError
from gslb.logs import Log
from gslb.node import takeover
from gslb.node.children import Workers
from gslb.node.heritage import Heritage
from gslb.node.keeper import TableKeeper
from gslb.node.notify import notify
from gslb.node.pausable import Pausable
from gslb.node.records import Records
from gslb.node.sockets import OpenSocket
from gslb.node.statedir import StateDirectory
from gslb.node.watch import Watch
from gslb.state.audit import AuditError, Entry
from gslb.state.history import News
from gslb.state.tables import TableStore

CLOSED = "Another version of gslb is taking over; try again in a second."

_log = Log(__name__)


@dataclass(slots=True)
class Incumbent:
    """Implements `gslb.node.succession.Incumbent` over the parts of a supervisor."""

    directory: Path
    state: StateDirectory
    workers: Workers
    records: Records
    watch: Watch
    keeper: TableKeeper
    owned: Sequence[Pausable]  # what only the owner of the node does in the background
    desk: Desk
    doors: Doors
    reloading: asyncio.Lock
    stop: Callable[[], None]  # has the supervisor end
    listener: socket.socket = field(init=False)  # of the control socket
    is_gone: bool = False  # another version serves
    _reserved: int = 0  # generation of the table that it makes

    def worker_sockets(self) -> list[OpenSocket]:
        """Return every socket that queries come in by."""
        return [one for child in self.workers.children for one in child.sockets]

    def other_sockets(self) -> list[tuple[str, socket.socket]]:
        """Return every other socket, by name."""
        return [*self.doors.sockets, (control.SUPERVISOR_SOCKET, self.listener)]

    def lock(self) -> int:
        """Return the descriptor of the state directory's lock."""
        return self.state.lock

    def offer(self) -> Message:
        """Return what the new one needs to prepare itself. Raises GslbError."""
        if self.reloading.locked():
            raise GslbError("the policies are being reloaded; try again in a moment")
        self._reserved, serial = self.keeper.reserve()
        return {"generation": self._reserved, "serial": serial}

    async def let_go(self) -> Message:
        """Own nothing any more; return what the next one has to know. Raises GslbError."""
        await self.desk.close(CLOSED)
        self.doors.pause()
        await self.keeper.rest()
        for one in self.owned:
            await one.pause()
        self.workers.ledger.rest()
        return {"remembered": self.watch.remember(), "counts": self.doors.counts()}

    async def take_back(self, pid: int) -> None:
        """Own everything again: the process with this pid, which had it, is dead."""
        orphans = takeover.workers_of(self.directory, pid)
        self.workers.ledger.go_on(await asyncio.to_thread(takeover.counters_of, orphans))
        await asyncio.to_thread(takeover.retire, orphans)
        self.state.sign()
        try:
            self.records.read_again()
        except GslbError as error:
            _log.error("records cannot be read again", reason=str(error))
        for one in self.owned:
            one.resume()
        self.keeper.go_on()
        await self.doors.resume()
        self.desk.reopen()

    def end(self, pid: int) -> None:
        """Go, and leave the workers to the new one, which has this pid."""
        notify(f"MAINPID={pid}")
        self.is_gone = True
        self.stop()

    def tell_failure(self, phase: str, reason: str) -> None:
        """Write down that a replacement has failed, and forget the table that it made."""
        TableStore(self.directory).discard(self._reserved)
        self._write_down("server.replace-failed", "failed", {"while": phase, "reason": reason})

    def introduction(self, began: float) -> Message:
        """Return what a new version, which *began* then (monotonic), says of itself when it serves."""
        served, compiled = self.keeper.served, self.keeper.compiled
        assert served is not None
        assert compiled is not None
        return {
            "pid": os.getpid(),
            "version": __version__,
            "generation": served.generation,
            "policy": compiled.policy,
            "zones": list(compiled.zones),
            "names": compiled.names,
            "seconds": round(time.monotonic() - began, 3),
        }

    def begin(self, heritage: Heritage) -> None:
        """Write down that we replace another, and count on from where it was."""
        before = heritage.predecessor
        detail: dict[str, str | int] = {
            "version": __version__,
            "old_pid": before.pid,
            "old_version": before.version,
        }
        _log.info("replaced", **detail, rest_seconds=time.monotonic() - heritage.since)
        self._write_down("server.replaced", "accepted", detail)
        try:
            self.doors.inherit(heritage.said["counts"])
        except (KeyError, TypeError, ValueError) as error:  # said otherwise, or not at all
            _log.warning("counters begin anew", reason=f"{type(error).__name__}: {error}")

    def _write_down(self, kind: str, result: str, detail: Mapping[str, str | int]) -> None:
        """Put a replacement, or the attempt at one, into the history and the audit log."""
        self.records.tell([News(kind, "server", detail)])
        entry = Entry("server.replace", "server", "gslb", "local", "", result, detail)
        try:
            self.records.write(entry)
        except AuditError as error:
            _log.error("replacement is not in the audit log", reason=str(error))
