"""Keeps the served table in step with the policies and with the situation.

Everything is made beside what is served and swapped in when it is whole. Whatever fails leaves
the served table as it is, and the reason to be read.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Awaitable, Callable
from dataclasses import replace
from datetime import UTC, datetime

from gslb.errors import GslbError
from gslb.logs import Log
from gslb.node.aliases import AliasResolver
from gslb.node.compilation import Compiled, Job, Refused, Unchanged
from gslb.node.compiler import Compiler
from gslb.node.generations import Generations
from gslb.node.holding import hold_back
from gslb.node.patching import patched
from gslb.node.prepared import Aliases, Prepared, next_serial, nothing_known
from gslb.node.questions import Questions
from gslb.node.steps import is_time_to_look, next_step
from gslb.settings import Settings
from gslb.state.tables import Newest, ServedTable, TableStore
from gslb.steering.labels import LabelChange
from gslb.steering.situation import Situation

ALIAS_WAIT_SECONDS = 2.0  # for names that never had an address, before a table with them is served
RETRY_SECONDS = 10.0  # after a change that could not be rendered

Result = Compiled | Refused | Unchanged
Situate = Callable[[Aliases, datetime], Situation]

_log = Log(__name__)


class TableKeeper(Questions):
    """The table that is served, and all that may change it."""

    def __init__(
        self,
        settings: Settings,
        store: TableStore,
        publish: Callable[[ServedTable], Awaitable[None]],
        make_compiler: Callable[[], Compiler] = Compiler,
        now: Callable[[], datetime] = lambda: datetime.now(UTC),
        situate: Situate = nothing_known,
        replan: Callable[[Compiled], None] = lambda _: None,
        relabel: Callable[[int, LabelChange], None] = lambda *_: None,
    ) -> None:
        """Keep tables in *store*.

        Args:
            settings: the node's.
            store: where tables are.
            publish: has the workers serve one.
            make_compiler: what policies are compiled with.
            now: wall time, aware.
            situate: says what is true, with aliases as they were resolved last; `changed` tells
                of it when that may be something else than before.
            replan: is told of a plan before a table of it is served.
            relabel: is told what a change in the table of a generation makes of its labels.
        """
        super().__init__()
        self.served: ServedTable | None = None
        self.compiled: Compiled | None = None  # None: the served table is from an earlier run
        self.refusal: list[str] = []  # what is wrong with the newest policies; empty: nothing
        self.failure = ""  # why the newest policies could not be put into service; "": they could
        self.stuck = ""  # why the newest change of situation is not served; "": it is
        self.unread = ""  # why geography and measurements were not renewed in time; "": they were
        self.reloads = dict.fromkeys(("done", "unchanged", "refused", "failed"), 0)
        self.taken_up: datetime | None = None  # when policies were last served, or found the same
        self.aliases = AliasResolver(
            settings.state_directory / "aliases.json", settings.resolvers, lambda _: self.changed()
        )
        self._settings = settings
        self._store = store
        self._publish = publish
        self._make_compiler = make_compiler
        self._clock = now
        self._situate = situate
        self._replan = replan
        self._relabel = relabel
        self._situation: Situation | None = None  # that the served table shows
        self._looked_around: datetime | None = None  # when geography and measurements were read
        self._generations = Generations()
        self._serial = 0
        self.swapped = asyncio.Event()  # something else is answered than before
        self._changed = asyncio.Event()
        self._turn = asyncio.Lock()  # one table is swapped in at a time

    def take(self, newest: Newest) -> bool:
        """Serve the *newest* valid table that was found on disk. Returns whether there is one."""
        for reason in newest.refused:
            _log.error("table on disk is not valid", reason=reason)
        if newest.path is None or newest.table is None:
            return False
        self._serial = max((zone.serial for zone in newest.table.zones), default=0)
        self.served = ServedTable(newest.path, newest.table.generation)
        _log.info(
            "table taken from disk", file=str(newest.path), generation=newest.table.generation
        )
        return True

    @property
    def failures(self) -> list[str]:
        """What could not be done, though nothing is wrong with the policies."""
        unkept = self.compiled.unkept if self.compiled is not None else ""
        return [reason for reason in (self.failure, self.stuck, self.unread, unkept) if reason]

    async def reload(self, *, confirmed: bool = False) -> Result:
        """Compile the policies and serve them, unless they are refused or served already.

        Those that would move much are held if the settings say so, unless *confirmed*.

        If the first ones of a run are refused, those that were good last are compiled and served.

        Raises:
            GslbError: that could not be done, for a reason that is not in the policies.
        """
        compiler = self._make_compiler()
        try:
            result = await self._reload(compiler, confirmed=confirmed)
        except GslbError as error:
            self.reloads["failed"] += 1
            self.refusal, self.failure = [], str(error)
            _log.error("policies not compiled; what was served stays", reason=str(error))
            raise
        finally:
            if compiler is not self._compiler:
                await compiler.close()
        self.failure = ""
        self.refusal = result.lines if isinstance(result, Refused) else []
        for line in self.refusal:
            _log.error("policies refused; what was served stays", problem=line)
        if not self.refusal:
            self.reloads["unchanged" if isinstance(result, Unchanged) else "done"] += 1
            self.taken_up = self._clock()
            self.unread = ""
        else:
            self.reloads["refused"] += 1
            if self.compiled is None:
                await self._fall_back()
        return result

    async def _fall_back(self) -> None:
        """Go on with the policies that were good last: else nobody would check, or could drain."""
        compiler = self._make_compiler()
        try:
            result = await self._reload(compiler, confirmed=True, last_good=True)
            if isinstance(result, Refused):
                raise GslbError(result.lines[0])
        except GslbError as error:
            self.failure = f"the last good policies cannot be used, nothing is checked: {error}"
            _log.error("last good policies not used", reason=str(error))
        else:
            _log.warning("the last good policies go on")
        finally:
            if compiler is not self._compiler:
                await compiler.close()

    async def _reload(
        self, compiler: Compiler, *, confirmed: bool, last_good: bool = False
    ) -> Result:
        served = self._compiler
        situation = self.situation()
        job = Job(
            policies=self._settings.policies,
            state_directory=self._settings.state_directory,
            geo=self._settings.geo,
            generation=self._generations.next(self._store.latest_generation()),
            serial=next_serial(self._serial, self._clock()),
            situation=situation,
            former=await served.describe() if served is not None else b"",
            past=await served.past() if served is not None else b"",
            last_good=last_good,
        )
        result: Result | None = None
        try:
            result = await compiler.compile(job)
        finally:
            if not isinstance(result, Compiled):
                self._generations.give_back(job.generation)
        if isinstance(result, Unchanged):
            await self._stay(result, situation.at)
        if not isinstance(result, Compiled):
            return result
        if self._settings.hold_shifts and not confirmed:
            await self._hold_back(compiler)
        return await self._adopt(Prepared(compiler, result, situation))

    async def _hold_back(self, compiler: Compiler) -> None:
        """Leave no table behind that is not to be served. Raises HeldError, GslbError."""
        try:
            await hold_back(compiler)
        except GslbError:
            async with self._turn:  # a patch may be writing one
                if self.served is not None:
                    self._store.discard_above(self.served.generation)
            raise

    async def take_over(self, prepared: Prepared) -> None:
        """Serve what was *prepared* while another process served. Raises GslbError."""
        self._generations.last = newest = self._store.latest_generation()
        if newest > prepared.compiled.generation:  # it went on making tables
            self.served = ServedTable(prepared.compiled.path, newest)
        await self._adopt(prepared)

    async def _adopt(self, prepared: Prepared) -> Compiled:
        """Bring what was compiled to the situation of now, and serve it. Raises GslbError."""
        compiler, result, situation = prepared.compiler, prepared.compiled, prepared.situation
        # What the served table still needs is watched too, until the new one is in its place.
        self.aliases.watch({*result.aliases, *(self.compiled.aliases if self.compiled else ())})
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(ALIAS_WAIT_SECONDS):
                await self.aliases.all_resolved()
        async with self._turn:
            self._replan(result)
            try:
                result = await self._bring_up(compiler, result, situation)
            except GslbError:
                if self.compiled is not None:
                    self._replan(self.compiled)  # which goes on being served
                raise
            await self._serve(result)
            old, self._compiler = self._compiler, compiler
            self.compiled = result
            self._looked_around = situation.at
            self.aliases.watch(result.aliases)
        if old is not None:
            await old.close()
        self._changed.set()
        return result

    async def _stay(self, result: Unchanged, at: datetime) -> None:
        """Go on with the table that is served; what is said of it may be new."""
        async with self._turn:
            assert self.compiled is not None
            self.compiled = replace(
                self.compiled,
                warnings=result.warnings,
                warning_count=result.warning_count,
                geo_alarms=result.geo_alarms,
            )
            self._looked_around = at
        self._changed.set()

    async def keep_up(self) -> None:
        """Bring the served table to the situation whenever that changes, until cancelled."""
        while True:
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(self._seconds_to_next_step()):
                    await self._changed.wait()
            self._changed.clear()
            with contextlib.suppress(GslbError):
                look = is_time_to_look(self.compiled, self._looked_around, self._clock())
                await self.apply(look_around=look)
                continue
            await asyncio.sleep(RETRY_SECONDS)
            self._changed.set()
            # Killed, perhaps: another one can do what it did.
            if self._compiler is not None and self._compiler.has_ended:
                with contextlib.suppress(GslbError):
                    await self.reload()

    def changed(self) -> None:
        """Have `keep_up` look at the situation again."""
        self._changed.set()

    async def apply(self, *, look_around: bool = False) -> bool:
        """Bring the served table to what is true now. Returns False: there is no plan yet.

        Raises:
            GslbError: that could not be done; `keep_up` tries again.
        """
        async with self._turn:
            compiler, compiled, shown = self._compiler, self.compiled, self._situation
            if compiler is None or compiled is None or shown is None:
                return False
            try:
                brought = await self._bring_up(compiler, compiled, shown)
                if look_around:
                    brought = await self._look_around(compiler, brought)
                if brought is not compiled:
                    await self._serve(brought)
                    self.compiled = brought
            except GslbError as error:
                self.stuck = str(error)
                self._changed.set()
                _log.error("a change is not served", reason=self.stuck)
                raise
            self.stuck = ""
            return True

    async def _bring_up(self, compiler: Compiler, compiled: Compiled, shown: Situation) -> Compiled:
        """Patch *compiled*, which shows one situation, to that of now. Returns it, or its successor."""
        now = self.situation()
        ended = any(shown.at < end <= now.at for end in compiled.ends)
        # A change may have needed a new table of its own while the policies were compiled.
        overtaken = self.served is not None and compiled.generation < self.served.generation
        if replace(now, at=shown.at) != shown or ended or overtaken:
            result = await patched(compiler, self._generations, now, rewrite=overtaken)
            if isinstance(result, Compiled):
                compiled = result
            else:
                self._relabel(compiled.generation, result.relabelled)
                _log.info("table patched", choices=result.choices, pools=result.pools)
                self.swapped.set()
        self._situation = now
        return compiled

    async def _look_around(self, compiler: Compiler, compiled: Compiled) -> Compiled:
        """Have geography and measurements read again, the policies not: that is a reload's."""
        now = self.situation()
        self._looked_around = now.at  # a failure waits for the next time, too
        try:
            result = await patched(compiler, self._generations, now, look_around=True)
        except GslbError as error:
            self.unread = f"geography and measurements could not be renewed: {error}"
            _log.error("geography and measurements not renewed", reason=str(error))
            return compiled
        self.unread = ""
        self._situation = now
        if isinstance(result, Compiled):
            _log.info("geography and measurements renewed", generation=result.generation)
            return result
        self._relabel(compiled.generation, result.relabelled)
        return compiled

    async def _serve(self, compiled: Compiled) -> None:
        self.served = ServedTable(compiled.path, compiled.generation)
        self._serial = compiled.serial
        await self._publish(self.served)
        self.swapped.set()

    def situation(self) -> Situation:
        """Return what is true now."""
        return self._situate(self.aliases.addresses, self._clock())

    def _seconds_to_next_step(self) -> float | None:
        """Return the seconds until time itself changes something; None: it does not."""
        if self.compiled is None or self._situation is None:
            return None
        at = next_step(self.compiled, self._situation.at, self._looked_around)
        return None if at is None else max(0.0, (at - self._clock()).total_seconds())

    def reserve(self) -> tuple[int, int]:
        """Give a generation away; return it, and the last serial. Raises GslbError."""
        generation = self._generations.next(self._store.latest_generation())
        self._store.claim(generation)
        return generation, self._serial

    async def rest(self) -> None:
        """Serve nothing else for now; changes wait until `go_on`."""
        await self._turn.acquire()

    def go_on(self) -> None:
        """End the rest. Tables that another process has made meanwhile are forgotten."""
        if self.served is not None:
            self._store.discard_above(self.served.generation)
        self._generations.last = max(self._generations.last, self._store.latest_generation())
        self._turn.release()
        self._changed.set()

    async def close(self) -> None:
        """Let the compiling process go."""
        if self._compiler is not None:
            await self._compiler.close()
