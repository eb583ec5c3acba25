"""Runs the schedule: starts tries, times them, feeds what they saw to the tracker.

The one module of this package that has a clock and an event loop. Everything that decides (when to
try, what an outcome means, what is believed) is in `schedule`, `lag`, `tracker` and `tally`.
"""

from __future__ import annotations

import asyncio
import logging
import random
import time
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field

from healthcheck.lag import TICK, LagWatch
from healthcheck.model import Kind, Outcome, Probe, Status, Transition, Verdict
from healthcheck.probes import TRIES, Attempt, CannotTryError, Found, Tools
from healthcheck.probes.base import from_os_error, from_tls_error
from healthcheck.schedule import (
    CONCURRENCY,
    LOOP_LAG_AT_MOST,
    Schedule,
    Start,
    late_outcome,
    too_late,
)
from healthcheck.tally import Tally
from healthcheck.targets import Reach
from healthcheck.tracker import Belief, Step, age, observe

STOP_SECONDS = 2.0  # for tries under way to be cancelled and to give back what they hold
AGE_SLICE = 500  # beliefs that one sweep looks at
AGE_EVERY = 1.0  # seconds between sweeps
LEAST_WAIT = 0.002  # seconds; the loop's timers have a resolution of 1 ms

_log = logging.getLogger(__name__)
_TIMED = frozenset({Kind.OK, Kind.STATUS, Kind.BODY})


@dataclass(slots=True)
class Checked:
    """What is known of one probe: the belief, and the last outcome behind it."""

    probe: Probe
    belief: Belief = field(default_factory=Belief)
    last: Outcome | None = None
    refusal: str | None = None  # why it may not be tried here; None: not looked at yet


class Runner:
    """Runs probes until stopped, and says what changed.

    *on_change* is called with each transition, *on_outcome* with each probe whose outcome is in;
    both in the loop's thread, and neither may raise or wait.
    """

    def __init__(
        self,
        reach: Reach,
        tools: Tools | None = None,
        *,
        concurrency: int = CONCURRENCY,
        on_change: Callable[[Transition], None] | None = None,
        on_outcome: Callable[[Checked], None] | None = None,
        now: Callable[[], float] = time.monotonic,
        schedule: Schedule | None = None,
    ) -> None:
        self.tally = Tally()
        self.checked: dict[Probe, Checked] = {}
        self._reach = reach
        self._tools = tools or Tools()
        self._on_change = on_change
        self._on_outcome = on_outcome
        self._now = now
        self.schedule = schedule or Schedule(random.random, concurrency)
        self.lag = LagWatch(now(), LOOP_LAG_AT_MOST)
        self._loop: asyncio.AbstractEventLoop | None = None
        self._tries: set[asyncio.Task[None]] = set()
        self._timers: dict[str, asyncio.TimerHandle] = {}
        self._wake_at = float("inf")
        self._age_from = 0

    def order(self, probes: Iterable[Probe], known: Mapping[Probe, Belief] | None = None) -> None:
        """Run exactly *probes* from now on; those that were wanted before go on as they were.

        *known* has what was believed of new ones before this checker started.

        Raises:
            ScheduleError: one of them cannot be scheduled; nothing has changed.
        """
        came, went = self.schedule.replace(probes, self._now())
        for probe in went:
            self.checked.pop(probe, None)
        for probe in came:
            belief = (known or {}).get(probe, Belief())
            self.checked[probe] = Checked(probe, belief)
        self._wake()

    def start(self) -> None:
        """Begin, in the running event loop."""
        self._loop = asyncio.get_running_loop()
        self.lag = LagWatch(self._now(), LOOP_LAG_AT_MOST)
        self._timers["tick"] = self._loop.call_later(TICK, self._tick)
        self._timers["age"] = self._loop.call_later(AGE_EVERY, self._age)
        self._wake()

    async def stop(self) -> None:
        """Start nothing more, drop what is under way, wait for it within STOP_SECONDS."""
        self._loop = None
        for timer in self._timers.values():
            timer.cancel()
        self._timers.clear()
        tries = set(self._tries)
        for task in tries:
            task.cancel()
        if tries:
            await asyncio.wait(tries, timeout=STOP_SECONDS)

    @property
    def tried(self) -> int:
        """How many of the wanted probes have any outcome since the start."""
        return sum(checked.belief.tried for checked in self.checked.values())

    @property
    def unsure(self) -> bool:
        """Whether this checker lost so many tries that its votes should not count (F15)."""
        return self.tally.unsure(self._now())

    def _tick(self) -> None:
        self.lag.tick(self._now())
        if self._loop is not None:
            self._timers["tick"] = self._loop.call_later(TICK, self._tick)

    def _age(self) -> None:
        """Look at some beliefs in turn, so that no sweep over all of them stalls the loop."""
        now = self._now()
        probes = list(self.checked)[self._age_from : self._age_from + AGE_SLICE]
        self._age_from = self._age_from + AGE_SLICE if len(probes) == AGE_SLICE else 0
        for probe in probes:
            self._apply(self.checked[probe], age(probe, self.checked[probe].belief, now))
        if self._loop is not None:
            self._timers["age"] = self._loop.call_later(AGE_EVERY, self._age)

    def _wake(self) -> None:
        """Have `_run_due` called when the schedule has something next."""
        at = self.schedule.next_at()
        if self._loop is None or at is None:
            return
        waking = self._timers.get("due")
        if waking is not None:
            if self._wake_at <= at:
                return
            waking.cancel()
        self._wake_at = at
        wait = max(LEAST_WAIT, at - self._now())
        self._timers["due"] = self._loop.call_later(wait, self._run_due)

    def _run_due(self) -> None:
        self._timers.pop("due", None)
        if self._loop is None:
            return
        now = self._now()
        for start in self.schedule.due(now):
            if start.late:
                self._record(start.probe, late_outcome(start, now), lost=True)
                continue
            task = self._loop.create_task(self._try(start))
            self._tries.add(task)
            task.add_done_callback(self._tries.discard)
        self._wake()

    async def _try(self, start: Start) -> None:
        probe = start.probe
        started = self._now()
        attempt = Attempt(probe, self._tools)
        again: float | None = None
        try:
            found = self._refused(probe) or await self._found(attempt)
            again = self._judge(start, started, found)
        finally:  # a stopped try too gives its place back
            self.schedule.done(probe, self._now(), again)
            self._wake()

    def _refused(self, probe: Probe) -> Found | None:
        """Return why this node may not try *probe*, if it may not. Looked at once for each."""
        checked = self.checked.get(probe)
        if checked is None:
            return Found(Kind.LOCAL, "no longer wanted")
        if checked.refusal is None:
            checked.refusal = self._reach.refusal(probe.address, probe.port)
            if not checked.refusal and probe.type not in TRIES:
                checked.refusal = "this checker does not know this type of probe"
        return Found(Kind.LOCAL, checked.refusal) if checked.refusal else None

    async def _found(self, attempt: Attempt) -> Found:
        probe = attempt.probe
        try:
            async with asyncio.timeout(probe.timeout):
                return await TRIES[probe.type](attempt)
        except TimeoutError:
            return Found(Kind.TIMEOUT, f"timed out after {probe.timeout:g} s while {attempt.stage}")
        except CannotTryError as error:
            return Found(Kind.LOCAL, str(error))
        except OSError as error:
            import ssl

            if isinstance(error, ssl.SSLError):
                return from_tls_error(error)
            return from_os_error(error, attempt.stage)

    def _judge(self, start: Start, started: float, found: Found) -> float | None:
        """Turn what was found into an outcome and record it; return when to try again, if early."""
        now = self._now()
        probe = start.probe
        verdict, kind, detail = found.verdict, found.kind, found.detail
        lag = self.lag.during(started, now)
        late = too_late(probe.every, start.scheduled, started, lag)
        if late:
            verdict, kind = Verdict.UNKNOWN, Kind.LATE
            detail = f"the checker stood still for {lag:.1f} s ({detail})"
        elif kind in _TIMED:
            detail = f"{detail} in {(now - started) * 1e3:.0f} ms"
        outcome = Outcome(verdict, kind, detail, start.scheduled, started, now)
        return self._record(probe, outcome, lost=late or found.shortage)

    def _record(self, probe: Probe, outcome: Outcome, lost: bool) -> float | None:
        took = outcome.finished - outcome.started
        self.tally.add(probe.type, outcome.kind, took, lost, outcome.finished)
        checked = self.checked.get(probe)
        if checked is None:  # no longer wanted
            return None
        checked.last = outcome
        step = observe(probe, checked.belief, outcome)
        self._apply(checked, step)
        if self._on_outcome is not None:
            self._on_outcome(checked)
        return step.again

    def _apply(self, checked: Checked, step: Step) -> None:
        checked.belief = step.belief
        if step.transition is not None and self._on_change is not None:
            self._on_change(step.transition)
