"""From policy files to an answer table on disk, in a process of its own.

The process is started for one reading of the policies and then kept: it holds the plan and what
was rendered, and patches the table that the workers map whenever the situation changes. A reload
starts another beside it; the old one, and all its memory, goes when the new table is served. So
the supervisor's loop never waits for a compilation, and never holds a policy.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import pickle
import signal
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import datetime
from pathlib import Path

from gslb.answers.pack import pack
from gslb.answers.patch import ArenaFull, TableWriter
from gslb.answers.verify import verify
from gslb.errors import GslbError
from gslb.geo.load import load_world_geo
from gslb.geo.settings import GeoSettings
from gslb.policy.compile import compile_policies
from gslb.policy.names import name_text
from gslb.policy.plan import Endpoint, Plan
from gslb.policy.problems import Problem, Severity
from gslb.state.tables import TableStore, map_table
from gslb.steering.lint import lint_plan
from gslb.steering.render import Renderer
from gslb.steering.situation import Situation
from gslb.steering.world import make_world

LENGTH_OCTETS = 8  # in front of each pickled value
MAX_REASONS = 5  # why a table is not valid
MAX_SHOWN = 200  # problems that are carried to a log or a caller; the rest is counted


@dataclass(frozen=True, slots=True)
class Job:
    """One reading of the policies."""

    policies: tuple[Path, ...]
    state_directory: Path
    geo: GeoSettings
    generation: int  # of the table to be made
    serial: int  # of the zones that leave it to us
    situation: Situation


@dataclass(frozen=True, slots=True)
class Change:
    """A new situation for the table that was compiled."""

    situation: Situation
    spare_generation: int  # for a new table, should one be needed
    rewrite: bool = False  # make a new table in any case


@dataclass(frozen=True, slots=True)
class Compiled:
    """A table on disk, ready to be served."""

    path: Path
    generation: int
    serial: int
    policy: str  # hash of the policy files
    zones: tuple[str, ...]
    names: int
    aliases: tuple[bytes, ...]  # wire-form names to be resolved
    ends: tuple[datetime, ...]  # when a drain in the files ends, ascending
    warnings: tuple[str, ...]
    geo: str  # which geography, for people
    geo_alarms: tuple[str, ...]
    seconds: float
    octets: int


@dataclass(frozen=True, slots=True)
class Refused:
    """Policies that may not be used, and every reason."""

    problems: tuple[Problem, ...]

    @property
    def lines(self) -> list[str]:
        """The reasons as ``file:line:column: error[CODE] text``, `MAX_SHOWN` of them."""
        lines = [str(p) for p in sorted(self.problems) if p.severity is Severity.ERROR]
        more = len(lines) - MAX_SHOWN
        return lines[:MAX_SHOWN] + ([f"… and {more} more errors"] if more > 0 else [])


@dataclass(frozen=True, slots=True)
class Patched:
    """The served table was changed in place."""

    choices: int
    pools: int


@dataclass(frozen=True, slots=True)
class Failed:
    """The work could not be done, for a reason that is not in the policies."""

    reason: str


class Compiler:
    """One reading of the policies, in a process of its own: one `compile`, then any `patch`."""

    def __init__(self) -> None:
        """Nothing is started before the first job."""
        self._process: asyncio.subprocess.Process | None = None
        self._turn = asyncio.Lock()

    async def compile(self, job: Job) -> Compiled | Refused:
        """Read, check, render and write the table. Raises GslbError (disk, memory)."""
        answer = await self._do(job)
        assert isinstance(answer, Compiled | Refused)
        return answer

    async def patch(self, change: Change) -> Patched | Compiled:
        """Bring the table to another situation, or make a new one if it has no room for that.

        Raises GslbError.
        """
        answer = await self._do(change)
        assert isinstance(answer, Patched | Compiled)
        return answer

    async def _do(self, work: Job | Change) -> Compiled | Refused | Patched:
        async with self._turn:
            if self._process is None:
                self._process = await asyncio.create_subprocess_exec(
                    sys.executable,
                    "-c",
                    "from gslb.compilation import main; main()",
                    stdin=asyncio.subprocess.PIPE,
                    stdout=asyncio.subprocess.PIPE,
                )
            into, out = self._process.stdin, self._process.stdout
            assert into is not None
            assert out is not None
            try:
                into.write(_packed(work))
                await into.drain()
                length = int.from_bytes(await out.readexactly(LENGTH_OCTETS), "big")
                answer = pickle.loads(await out.readexactly(length))  # noqa: S301 - our own child
            except (ConnectionError, asyncio.IncompleteReadError):
                code = await self._process.wait()
                raise GslbError(f"the compiling process ended early (code {code})") from None
            except asyncio.CancelledError:
                self.close()  # what it answers now would be taken for the next answer
                raise
        if isinstance(answer, Failed):
            raise GslbError(answer.reason)
        assert isinstance(answer, Compiled | Refused | Patched)
        return answer

    def close(self) -> None:
        """Let the process go, whatever it does."""
        if self._process is not None and self._process.returncode is None:
            with contextlib.suppress(ProcessLookupError):
                self._process.kill()


def _packed(value: object) -> bytes:
    octets = pickle.dumps(value, pickle.HIGHEST_PROTOCOL)
    return len(octets).to_bytes(LENGTH_OCTETS, "big") + octets


# ---- in the process ----------------------------------------------------------------------------


class _Bench:
    """What the process holds between jobs."""

    def __init__(self) -> None:
        self._store: TableStore | None = None
        self._renderer: Renderer | None = None
        self._writer: TableWriter | None = None
        self._compiled: Compiled | None = None

    def do(self, work: Job | Change) -> Compiled | Refused | Patched | Failed:
        """Do one piece of work."""
        try:
            if isinstance(work, Job):
                return self._compile(work)
            return self._patch(work)
        except GslbError as error:
            return Failed(str(error))
        except OSError as error:
            return Failed(f"the answer table cannot be made: {error}")

    def _compile(self, job: Job) -> Compiled | Refused:
        started = time.monotonic()
        plan, problems = compile_policies(list(job.policies))
        if plan is None:
            return Refused(tuple(problems))
        at = job.situation.at
        loaded = load_world_geo(job.geo, state=job.state_directory, today=at.date())
        world = make_world(loaded.table, at)
        problems = [*problems, *lint_plan(plan, world)]
        if any(problem.severity is Severity.ERROR for problem in problems):
            return Refused(tuple(problems))
        warnings = [str(p) for p in sorted(problems) if p.severity is Severity.WARNING]
        self._renderer = Renderer(plan, world, serial=job.serial)
        self._store = TableStore(job.state_directory)
        path, octets = self._write(job.generation, job.situation)
        self._compiled = Compiled(
            path=path,
            generation=job.generation,
            serial=job.serial,
            policy=plan.hash,
            zones=tuple(name_text(zone.apex) for zone in plan.zones),
            names=sum(len(zone.names) for zone in plan.zones),
            aliases=aliases_of(plan),
            ends=ends_of(plan, at),
            warnings=tuple(warnings),
            geo=loaded.source,
            geo_alarms=loaded.alarms,
            seconds=time.monotonic() - started,
            octets=octets,
        )
        return self._compiled

    def _patch(self, change: Change) -> Patched | Compiled:
        if self._renderer is None or self._compiled is None or self._writer is None:
            raise GslbError("nothing was compiled yet")
        if not change.rewrite:
            patch = self._renderer.patch(change.situation)
            with contextlib.suppress(ArenaFull):
                self._writer.patch(patch)
                return Patched(len(patch.choices), len(patch.pools))
        path, octets = self._write(change.spare_generation, change.situation)
        self._compiled = replace(
            self._compiled, path=path, generation=change.spare_generation, octets=octets
        )
        return self._compiled

    def _write(self, generation: int, situation: Situation) -> tuple[Path, int]:
        """Render everything into a table on disk, and be its writer from now on."""
        assert self._renderer is not None
        assert self._store is not None
        octets = pack(self._renderer.content(situation), generation, int(time.time()))
        bad = verify(octets)
        if bad:  # a mistake of ours, not the operator's: what is served stays
            raise GslbError(f"the new answer table is not valid: {'; '.join(bad[:MAX_REASONS])}")
        path = self._store.write(octets, generation)
        self._writer = TableWriter(map_table(path, writable=True))
        return path, len(octets)


def aliases_of(plan: Plan) -> tuple[bytes, ...]:
    """Return every name that stands for an endpoint's addresses, in wire form, each once."""
    names = (endpoint.alias for endpoint in _endpoints(plan))
    return tuple(sorted({name for name in names if name is not None}))


def ends_of(plan: Plan, at: datetime) -> tuple[datetime, ...]:
    """Return the moments after *at* when a drain in the files ends, ascending."""
    drains = (endpoint.drained for endpoint in _endpoints(plan))
    ends = {drain.until for drain in drains if drain is not None and drain.until is not None}
    return tuple(sorted(end for end in ends if end > at))


def _endpoints(plan: Plan) -> Iterator[Endpoint]:
    for zone in plan.zones:
        for site in zone.sites.values():
            yield from site.endpoints


def main() -> None:
    """Do what comes over standard input until that ends: with the supervisor, at the latest."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # a terminal's Ctrl-C is the supervisor's
    with os.fdopen(os.dup(1), "wb") as out:
        os.dup2(2, 1)  # nothing that prints may end up among the answers
        bench = _Bench()
        while length := sys.stdin.buffer.read(LENGTH_OCTETS):
            octets = sys.stdin.buffer.read(int.from_bytes(length, "big"))
            out.write(_packed(bench.do(pickle.loads(octets))))  # noqa: S301 - from our own parent
            out.flush()
