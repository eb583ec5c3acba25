"""The process in charge: it opens the sockets, has policies compiled, keeps the workers serving.

Start: `gslb.node.start` has the workers answer from the newest valid table on disk, usually before
this here is even loaded; or the sockets are those of a supervisor that runs and gives way. Then the
policies are compiled, and what they say is swapped in.
"""

from __future__ import annotations

import asyncio
import os
import re
import signal
import time
from collections.abc import Callable, Sequence
from datetime import UTC, datetime

from gslb import control, conversation
from gslb.api.events import EventHub
from gslb.control import Message
from gslb.dataplane.fast import choose
from gslb.desk import numbers
from gslb.desk.copies import CopiesDesk
from gslb.desk.desk import Desk
from gslb.desk.doors import Doors
from gslb.desk.standing import standing
from gslb.errors import GslbError
from gslb.fallback.process import make_fallback
from gslb.incumbent import Incumbent
from gslb.logs import Log
from gslb.node import takeover
from gslb.node.beginning import Beginning
from gslb.node.child import make_children
from gslb.node.children import Workers
from gslb.node.compilation import PoliciesRefusedError, Refused, Unchanged
from gslb.node.fdstore import store
from gslb.node.heritage import Heritage, inherit
from gslb.node.keeper import TableKeeper
from gslb.node.ledger import Ledger
from gslb.node.life import show_life
from gslb.node.notify import notify
from gslb.node.outset import outset_of
from gslb.node.pausable import Pausable
from gslb.node.predecessor import Predecessor
from gslb.node.records import Records
from gslb.node.start import Start
from gslb.node.succession import Succession
from gslb.node.swings import Swings
from gslb.node.watch import Watch
from gslb.settings import Settings
from gslb.state.tables import ServedTable, TableStore

_LINE_COLUMN = re.compile(r":\d+:\d+:")
_log = Log(__name__)


class Supervisor:
    """Everything that one node runs. `run` is its whole life."""

    def __init__(
        self,
        settings: Settings,
        ready: Callable[[], None] = lambda: None,
        *,
        replace: bool = False,
        successor: Sequence[str] | None = None,
        beginning: Beginning | None = None,
    ) -> None:
        """Take settings; nothing is touched before `run`.

        Args:
            settings: the node's.
            ready: called once it serves.
            replace: take the place of the supervisor that runs, if one does.
            successor: the command that starts the program that is installed, to replace this one.
            beginning: what has been begun already; None: nothing.
        """
        self.settings = settings
        self._ready = ready
        self._replace = replace
        self._stop = asyncio.Event()
        self._reloads: set[asyncio.Task[None]] = set()
        self._reloading = asyncio.Lock()
        self._told: frozenset[str] = frozenset()  # what the log has said of the served policies
        self._successor = successor
        self._beginning = beginning or Beginning()
        self._began = self._beginning.began

    async def run(self) -> None:
        """Serve until told to stop, or replaced. Raises GslbError if the start fails."""
        self._beginning.let_workers_go_first()
        self._handle_signals()
        stop = asyncio.create_task(self._wait_for_stop())
        try:
            await self._run(stop)
        finally:
            self._beginning.give_up()  # but for what has become ours

    async def _run(self, stop: asyncio.Task[None]) -> None:
        choose(self.settings.dataplane)
        heritage = await self._inherit(stop)
        if self._stop.is_set():
            return
        try:
            await self._live(heritage, stop)
        except BaseException as error:
            if heritage is not None:
                heritage.fail(error)
            raise

    async def _inherit(self, stop: asyncio.Task[None]) -> Heritage | None:
        """Take over from the supervisor that runs; None: none does. Raises GslbError."""
        wanted = self._replace and not self._beginning.has_begun
        predecessor = Predecessor.greet(self.settings.state_directory) if wanted else None
        if predecessor is None:
            return None
        inheriting = asyncio.create_task(inherit(self.settings, predecessor, _now()))
        await asyncio.wait({stop, inheriting}, return_when=asyncio.FIRST_COMPLETED)
        if inheriting.done():
            return inheriting.result()
        inheriting.cancel()
        await asyncio.gather(inheriting, return_exceptions=True)
        return None

    async def _live(self, heritage: Heritage | None, stop: asyncio.Task[None]) -> None:
        """Make every part, start them, and end them when told to. Raises GslbError."""
        settings = self.settings
        said = heritage.said if heritage else {}
        if heritage is None:
            start = self._beginning.begin(outset_of(settings))
        else:
            start = await asyncio.to_thread(heritage.start, outset_of(settings))
        self._ledger = Ledger(settings.state_directory)
        self._ledger.adopt(start.counted)
        for worker, blocks in start.blocks.items():
            self._ledger.adopt(blocks, worker)
        recruits = self._beginning.recruits
        self._workers = Workers(settings.state_directory, start.template, self._ledger, recruits)
        self._records = Records(settings.state_directory, _now)
        self._watch = Watch(self._records, time.monotonic, _now, settings, said.get("remembered"))
        self._keeper = TableKeeper(
            settings,
            TableStore(settings.state_directory),
            self._publish,
            now=_now,
            situate=self._watch.situation,
            replan=self._watch.replan,
            relabel=self._ledger.relabel,
        )
        self._fallback = make_fallback(settings, self._keeper, self._records, _now)
        self._owned = [
            Pausable(self._keeper.aliases.run),
            Pausable(lambda: self._watch.run(self._keeper.changed)),
            Pausable(self._fallback.run),
        ]
        self._swings = Swings(self._keeper, self._records.tell)
        hub = EventHub()
        self._records.listen(hub.publish)
        workers = self._workers.status
        copies = CopiesDesk(self._fallback, self._records)
        self._desk = Desk(self._keeper, self._watch, self._records, workers, _now, copies=copies)
        sources = numbers.sources(
            settings, self._keeper, self._watch, self._ledger, self._records, self._workers
        )
        sources.append(lambda: numbers.swings(self._swings.count))
        self._doors = Doors(settings, self._desk, hub, sources, _now, self._watch.panel)
        self._incumbent = Incumbent(
            settings.state_directory,
            start.state,
            self._workers,
            self._records,
            self._watch,
            self._keeper,
            self._owned,
            self._desk,
            self._doors,
            self._reloading,
            self._stop.set,
        )
        self._succession = Succession(self._incumbent, self._successor)
        starting = asyncio.create_task(self._start(start, heritage))
        await asyncio.wait({stop, starting}, return_when=asyncio.FIRST_COMPLETED)
        if starting.done():
            background = starting.result()
            done, _ = await asyncio.wait({stop, *background}, return_when=asyncio.FIRST_COMPLETED)
            for task in done - {stop}:
                task.result()  # raises; the workers go on without us until somebody takes over
        else:
            starting.cancel()
            await asyncio.gather(starting, return_exceptions=True)
            background = []
        await self._end(background)
        start.state.close()

    async def _start(self, start: Start, heritage: Heritage | None) -> list[asyncio.Task[None]]:
        """Bring everything up and return what runs in the background. Raises GslbError."""
        settings = self.settings
        doors = heritage.predecessor.doors if heritage else {}
        background = [asyncio.create_task(self._owned[0].run())]
        listener = doors.pop(control.SUPERVISOR_SOCKET, None)
        try:
            served = await self._first_table(start, heritage)
            children = start.children or make_children(settings.state_directory, start.sockets)
            self._beginning.hand_over()
            await self._workers.start(children, served)
            await self._doors.open(doors)
            if heritage is not None:
                await heritage.predecessor.end(self._incumbent.introduction(self._began))
        except GslbError as error:
            if heritage is not None:
                heritage.fail(error)
            await self._doors.close(handed_over=heritage is not None)
            await self._workers.stop()
            raise
        if heritage is not None:
            self._incumbent.begin(heritage)
        takeover.retire(start.orphans)
        if listener is None:
            listener = control.listen_at(settings.state_directory / control.SUPERVISOR_SOCKET)
        self._incumbent.listener = listener
        background += [
            asyncio.create_task(conversation.serve(listener, self.handle)),
            asyncio.create_task(self._keeper.keep_up()),
            asyncio.create_task(self._swings.run()),
            *(asyncio.create_task(one.run()) for one in self._owned[1:]),
            asyncio.create_task(show_life()),
        ]
        self._announce(served)
        store(self._incumbent.worker_sockets())
        self._beginning.remember(outset_of(settings))
        if self._keeper.compiled is None:
            self._reload_soon()
        return background

    async def handle(self, request: Message) -> Message:
        """Do what somebody asks over the control socket."""
        match request:
            case {"do": "status"}:
                return await self._status()
            case {"do": "reload"}:
                return await self._reload(confirmed=request.get("confirm") is True)
            case {"do": "replace", "limit": int(limit) | float(limit)}:
                async with self._reloading:
                    pass  # one that is under way comes to its end first
                return await self._succession.replace(limit)
            case {"do": "succeed"}:
                return await self._succession.hello(request)
        return {"ok": False, "error": "unknown request"}

    async def _first_table(self, start: Start, heritage: Heritage | None) -> ServedTable:
        """Return the table to begin with: the newest on disk, else what the policies say.

        If those are refused, what the last good ones said; after another version, what is compiled.
        """
        if heritage is not None:
            await self._keeper.take_over(heritage.prepared)
        elif not self._keeper.take(start.newest):
            result = await self._keeper.reload()
            if isinstance(result, Refused) and self._keeper.served is None:
                raise PoliciesRefusedError(result.lines)
        assert self._keeper.served is not None
        return self._keeper.served

    async def _publish(self, table: ServedTable) -> None:
        for trouble in await self._workers.swap(table):
            _log.error("table not taken up", reason=trouble, generation=table.generation)

    async def _reload(self, *, confirmed: bool = False) -> Message:
        if self._succession.busy:
            _log.warning("not reloaded: another version is taking over")
            return {"ok": False, "error": "another version is taking over; try again in a moment"}
        async with self._reloading:  # the second of two at a time sees what the first one did not
            try:
                result = await self._keeper.reload(confirmed=confirmed)
            except GslbError as error:
                return {"ok": False, "error": str(error)}
        if isinstance(result, Refused):
            return {"ok": False, "problems": result.lines}
        compiled, told = self._keeper.compiled, self._told
        assert compiled is not None
        unchanged = isinstance(result, Unchanged)
        changes = compiled.changes.lines if compiled.changes and not unchanged else []
        self._log_serving("nothing has changed" if unchanged else "reloaded", changes)
        return {
            "unchanged": unchanged,
            "changes": changes,
            "generation": compiled.generation,
            "policy": compiled.policy,
            "zones": list(compiled.zones),
            "names": compiled.names,
            "warnings": compiled.warning_count,
            "new_warnings": [line for line in compiled.warnings if _saying(line) not in told],
            "seconds": round(result.seconds, 3),
        }

    def _reload_soon(self) -> None:
        """Reload, and leave the outcome to the log."""

        async def reload() -> None:
            await self._reload()

        task = asyncio.create_task(reload())
        self._reloads.add(task)
        task.add_done_callback(self._reloads.discard)

    async def _status(self) -> Message:
        return {
            "pid": os.getpid(),
            "uptime_seconds": round(time.monotonic() - self._began, 1),
            "workers": await self._workers.status(),
            **standing(
                self.settings, self._keeper, self._watch, self._ledger, self._records, self._desk
            ),
            "copies": [one.to_json() for one in self._fallback.states],
        }

    def _log_serving(self, event: str, changes: list[str]) -> None:
        """Log what is served, and of what there is to say about it what is new."""
        compiled = self._keeper.compiled
        assert compiled is not None
        kinds = (
            ("policy warning", compiled.warnings),
            ("geography", compiled.geo_alarms),
            ("note", self._watch.notes()),
        )
        for kind, lines in kinds:
            for line in lines:
                if _saying(line) not in self._told:
                    _log.warning(kind, problem=line)
        self._told = frozenset(_saying(line) for _, lines in kinds for line in lines)
        _log.info(
            event,
            generation=compiled.generation,
            policy=compiled.policy,
            zones=len(compiled.zones),
            names=compiled.names,
            warnings=compiled.warning_count,
            seconds=compiled.seconds,
            octets=compiled.octets,
            **({"changes": "; ".join(changes)} if changes else {}),
        )

    def _handle_signals(self) -> None:
        loop = asyncio.get_running_loop()
        loop.add_signal_handler(signal.SIGHUP, self._reload_soon)
        for stop in (signal.SIGTERM, signal.SIGINT):
            loop.add_signal_handler(stop, self._stop.set)
        if self._beginning.told_to_stop:
            self._stop.set()

    def _announce(self, served: ServedTable) -> None:
        _log.info(
            "serving",
            listen=", ".join(map(str, self.settings.listen)),
            workers=self.settings.workers,
            generation=served.generation,
            state_directory=str(self.settings.state_directory),
            seconds=time.monotonic() - self._began,
        )
        if os.geteuid() == 0:
            _log.warning("runs as root", hint="all it needs is CAP_NET_BIND_SERVICE, for port 53")
        if self._keeper.compiled is not None:
            self._log_serving("policies", [])
        notify("READY=1", f"STATUS=serving generation {served.generation}")
        self._ready()

    async def _end(self, background: list[asyncio.Task[None]]) -> None:
        """End everything in order; the workers not, where another version has their sockets."""
        if self._incumbent.is_gone:
            _log.info("replaced; ending")
        else:
            await self._succession.abandon()
            notify("STOPPING=1")
            _log.info("stopping")
        for task in background:
            task.cancel()
        await asyncio.gather(*background, return_exceptions=True)
        await self._doors.close(handed_over=self._incumbent.is_gone)
        await self._keeper.close()
        if not self._incumbent.is_gone:
            await self._workers.stop()
            self._ledger.close()
            (self.settings.state_directory / control.SUPERVISOR_SOCKET).unlink(missing_ok=True)
        self._records.close()

    async def _wait_for_stop(self) -> None:
        await self._stop.wait()


def _now() -> datetime:
    return datetime.now(UTC)


def _saying(line: str) -> str:
    """Return what *line* says, wherever that stands: an edit above it makes it no other."""
    return _LINE_COLUMN.sub(":", line, count=1)
