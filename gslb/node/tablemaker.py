"""The process that makes answer tables: policies in, a table on disk out, then changes to it.

Started by `gslb.node.compiler`; `gslb.node.compilation` says what comes in and goes out. It ends with its parent.
"""

from __future__ import annotations

import contextlib
import gc
import os
import pickle
import select
import signal
import sys
import time
from collections.abc import Generator, Iterator
from dataclasses import replace
from datetime import datetime
from pathlib import Path

from gslb.answers.pack import pack
from gslb.answers.patch import ArenaFull, TableWriter
from gslb.answers.verify import verify
from gslb.errors import GslbError
from gslb.node.changes import Description
from gslb.node.compilation import (
    LENGTH_OCTETS,
    Answer,
    Change,
    Compiled,
    Describe,
    Explain,
    Failed,
    GivePast,
    GivePlan,
    GoOn,
    Job,
    Look,
    Mistaken,
    Patched,
    PlanDrain,
    Refused,
    Unchanged,
    Unfinished,
    Work,
    lines_of,
    packed,
)
from gslb.node.lookout import Lookout, Weighing
from gslb.node.probing import names_of, wishes
from gslb.node.surroundings import look_around
from gslb.policy.compile import compile_policies
from gslb.policy.names import name_text
from gslb.policy.plan import Endpoint, Plan
from gslb.policy.problems import Problem, Severity
from gslb.state.inventory import take_inventory
from gslb.state.plans import PlanStore
from gslb.state.tables import TableStore, map_table
from gslb.steering.audience import Audience
from gslb.steering.draineffect import DrainPlan
from gslb.steering.drainplan import planning
from gslb.steering.explanation import Explanation
from gslb.steering.lint import lint_plan
from gslb.steering.reading import read_type
from gslb.steering.render import Renderer
from gslb.steering.situation import Situation
from gslb.steering.traffic import by_addresses
from gslb.steering.whatif import explain_supposing
from gslb.steering.world import World

MAX_REASONS = 5  # why a table is not valid
SLICE_SECONDS = 0.005  # of planning a drain; a change of health waits no longer for it


class TableMaker:
    """One reading of the policies, and the table that was made of it."""

    def __init__(self) -> None:
        """Start with nothing."""
        self._store: TableStore | None = None
        self._renderer: Renderer | None = None
        self._world: World | None = None
        self._writer: TableWriter | None = None
        self._is_behind = False  # the table does not show all that was rendered
        self._compiled: Compiled | None = None
        self._job: Job | None = None
        self._situation: Situation | None = None  # that the table shows
        self._description: Description | None = None
        self._audiences: list[Audience] | None = None  # by zone of the plan; None: to be found out
        self._planning: Generator[None, None, DrainPlan] | None = None  # that is not finished
        self._ahead: Iterator[None] = iter(())
        self._lookout = Lookout()

    def do(self, work: Work) -> Answer | Failed | Mistaken:
        """Do one piece of work."""
        try:
            return self._answer(work)
        except GslbError as error:
            return Failed(str(error))
        except OSError as error:
            return Failed(f"the answer table cannot be made: {error}")

    def _answer(self, work: Work) -> Answer | Mistaken:
        found: Answer | Mistaken
        match work:
            case Job():
                found = self._compile(work)
            case Describe():
                found = self._description.octets if self._description is not None else b""
            case GivePast():
                found = self._lookout.past.octets
            case GivePlan():
                found = pickle.dumps(self._made()[0], pickle.HIGHEST_PROTOCOL)
            case Explain():
                found = self._explain(work)
            case Look():
                found = self._lookout.look()
            case PlanDrain():
                found = self._plan_drain(work)
            case GoOn():
                found = self._go_on()
            case Change():
                found = self._patch(work)
        return found

    def _compile(self, job: Job) -> Compiled | Refused | Unchanged:
        started = time.monotonic()
        plan, problems = _read(job)
        if plan is None:
            return Refused(tuple(problems))
        at = job.situation.at
        around = look_around(job.geo, job.state_directory, at, today=at.date())
        problems = [*problems, *lint_plan(plan, around.world)]
        if any(problem.severity is Severity.ERROR for problem in problems):
            return Refused(tuple(problems))
        warnings = tuple(lines_of(problems, Severity.WARNING))
        count = sum(problem.severity is Severity.WARNING for problem in problems)
        description, former = Description.of(plan, around.world), Description.read(job.former)
        if description.same(former):
            return Unchanged(warnings, count, around.alarms, time.monotonic() - started)
        self._job, self._description = job, description
        self._renderer = Renderer(plan, around.world, serial=job.serial)
        self._world = around.world
        self._audiences, self._ahead = None, self._pieces()
        self._lookout.begin(job.past)
        self._store = TableStore(job.state_directory)
        self._situation = job.situation
        path, octets = self._write(self._renderer, job.generation, job.situation)
        wanted = wishes(plan)
        self._compiled = Compiled(
            path=path,
            generation=job.generation,
            serial=job.serial,
            policy=plan.hash,
            zones=tuple(name_text(zone.apex) for zone in plan.zones),
            names=sum(len(zone.names) for zone in plan.zones),
            aliases=tuple(sorted({*aliases_of(plan), *names_of(wanted)})),
            ends=ends_of(plan, at),
            warnings=warnings,
            warning_count=count,
            geo=around.source,
            geo_alarms=around.alarms,
            geo_ranges=around.ranges,
            seconds=time.monotonic() - started,
            octets=octets,
            measured=around.world.latency is not None,
            changes=description.since(former) if former is not None else None,
            inventory=take_inventory(plan),
            wishes=wanted,
            unkept=_keep(plan, job.state_directory),
        )
        return self._compiled

    def _explain(self, question: Explain) -> Explanation | Mistaken:
        plan, world = self._made()
        situation = question.situation
        try:
            return explain_supposing(
                plan,
                world,
                situation,
                question.name,
                question.client,
                read_type(question.rtype),
                question.resolver,
                question.what_if,
            )
        except GslbError as error:
            return Mistaken(str(error))

    def _plan_drain(self, question: PlanDrain) -> DrainPlan | Unfinished:
        plan, _ = self._made()
        self._planning = planning(
            plan,
            question.situation,
            self._audience(),
            question.endpoints,
            force_down=question.force_down,
        )
        return self._go_on()

    def _go_on(self) -> DrainPlan | Unfinished:
        """Go on with the plan that was begun, for about `SLICE_SECONDS`."""
        if self._planning is None:
            raise GslbError("no plan of a drain was begun")
        behind = time.monotonic() + SLICE_SECONDS
        while time.monotonic() < behind:
            try:
                next(self._planning)
            except StopIteration as done:
                self._planning = None
                found: DrainPlan = done.value
                return found
        return Unfinished()

    def work_ahead(self) -> bool:
        """Do a small piece of what the next question will want; return whether there is more.

        The first plan of a drain after a compilation would take several times as long otherwise.
        """
        return next(self._ahead, self) is None or self._lookout.work_ahead(self._weighing)

    def _weighing(self) -> Weighing:
        """Return the parts that the lookout weighs."""
        plan, _ = self._made()
        assert self._situation is not None
        return Weighing(plan, self._situation, self._audience())

    def _pieces(self) -> Iterator[None]:
        """Work ahead, a piece at a time: tens of milliseconds at 100,000 names."""
        gc.freeze()  # what was compiled stays: a collection need not go through it again and again
        for audience in self._audience():
            for index in audience.names:
                yield
                audience.clients(index)

    def _audience(self) -> list[Audience]:
        if self._audiences is None:
            plan, world = self._made()
            weigh = by_addresses(world)
            self._audiences = [Audience(zone, world, weigh) for zone in plan.zones]
        return self._audiences

    def _made(self) -> tuple[Plan, World]:
        if self._renderer is None or self._world is None:
            raise GslbError("nothing was compiled yet")
        return self._renderer.plan, self._world

    def _patch(self, change: Change) -> Patched | Compiled:
        if self._renderer is None or self._compiled is None or self._writer is None:
            raise GslbError("nothing was compiled yet")
        if change.look_around and (renewed := self._renew(change)) is not None:
            return renewed
        self._situation = change.situation
        self._lookout.moved()
        # What fails from here on is not made up for by a later patch: it is relative to this one.
        rewrite, self._is_behind = change.rewrite or self._is_behind, True
        if not rewrite:
            patch = self._renderer.patch(change.situation)
            with contextlib.suppress(ArenaFull):
                self._writer.patch(patch)
                self._is_behind = False
                return Patched(len(patch.choices), len(patch.pools), self._renderer.relabelled)
        path, octets = self._write(self._renderer, change.spare_generation, change.situation)
        self._compiled = replace(
            self._compiled, path=path, generation=change.spare_generation, octets=octets
        )
        return self._compiled

    def _renew(self, change: Change) -> Compiled | None:
        """Make a table in the world of now; None: that is the world of the table there is.

        Raises GslbError if the policies do not suit it; then nothing has changed.
        """
        assert self._job is not None
        assert self._renderer is not None
        assert self._compiled is not None
        at = change.situation.at
        around = look_around(self._job.geo, self._job.state_directory, at, today=at.date())
        plan = self._renderer.plan
        description = Description.of(plan, around.world)
        if description.same(self._description):
            return None
        wrong = lines_of(lint_plan(plan, around.world), Severity.ERROR)
        if wrong:
            raise GslbError(f"the geography of now does not suit the policies: {wrong[0]}")
        renderer = Renderer(plan, around.world, serial=self._compiled.serial)
        path, octets = self._write(renderer, change.spare_generation, change.situation)
        self._renderer, self._description = renderer, description
        self._world, self._situation = around.world, change.situation
        self._audiences, self._ahead = None, self._pieces()
        self._lookout.renew()
        self._compiled = replace(
            self._compiled,
            path=path,
            generation=change.spare_generation,
            geo=around.source,
            geo_alarms=around.alarms,
            geo_ranges=around.ranges,
            measured=around.world.latency is not None,
            changes=None,
            octets=octets,
        )
        return self._compiled

    def _write(self, renderer: Renderer, generation: int, situation: Situation) -> tuple[Path, int]:
        """Render everything into a table on disk, and be its writer from now on."""
        assert self._store is not None
        octets = pack(renderer.content(situation), generation, int(time.time()))
        bad = verify(octets)
        if bad:  # a mistake of ours, not the operator's: what is served stays
            raise GslbError(f"the new answer table is not valid: {'; '.join(bad[:MAX_REASONS])}")
        self._store.claim(generation)
        path = self._store.write(octets, generation, renderer.labels.to_json())
        self._writer, self._is_behind = TableWriter(map_table(path, writable=True)), False
        return path, len(octets)


def _read(job: Job) -> tuple[Plan | None, list[Problem]]:
    """Return the plan that is wanted, and what there is to say of it. Raises GslbError."""
    if job.last_good:
        return PlanStore(job.state_directory).load(), []
    return compile_policies(list(job.policies))


def _keep(plan: Plan, directory: Path) -> str:
    """Keep a plan that a table was made of; return why that failed."""
    try:
        PlanStore(directory).keep(plan)
    except GslbError as error:
        return str(error)
    return ""


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
        maker = TableMaker()
        while length := sys.stdin.buffer.read(LENGTH_OCTETS):
            octets = sys.stdin.buffer.read(int.from_bytes(length, "big"))
            work = pickle.loads(octets)  # noqa: S301 - from our own parent
            out.write(packed(maker.do(work)))
            out.flush()
            while not _is_asked() and maker.work_ahead():
                pass


def _is_asked() -> bool:
    """Return whether there is work, or nobody any more who could have some."""
    return bool(select.select([0], [], [], 0)[0])
