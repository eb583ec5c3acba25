"""Runs the schedule: starts tries, times them, feeds what they saw to the tracker.

The one module of this package that has a clock and an event loop. Everything that decides (when to
try, what an outcome means, what is believed) is in `schedule`, `lag`, `tracker` and `tally`.
"""

from __future__ import annotations

import asyncio
import logging
import random
import ssl
import time
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from functools import partial

from healthcheck.confidence import Load, doubt_of
from healthcheck.lag import TICK, LagWatch
from healthcheck.model import Kind, Outcome, Probe, Transition, Verdict
from healthcheck.probes import TRIES, Attempt, CannotTryError, Found, Tools
from healthcheck.probes.base import from_os_error, from_tls_error
from healthcheck.probes.response import request_of
from healthcheck.schedule import (
    CONCURRENCY,
    LOOP_LAG_AT_MOST,
    Schedule,
    Start,
    late_outcome,
    too_late,
)
from healthcheck.streams import Stream, Streams
from healthcheck.tally import Tally
from healthcheck.targets import Reach
from healthcheck.tracker import Belief, Step, age, observe
from healthcheck.votes import Doubt

STOP_SECONDS = 2.0  # for tries under way to be cancelled and to give back what they hold
AGE_EVERY = 1.0  # seconds between looks at some of the beliefs
AGE_ROUND = 60  # looks for all of them; they are held ten times as long
AGE_SLICE = 500  # beliefs in one look, at most
LEAST_WAIT = 0.02  # seconds; tries that are due close together start together: half of the wakes
# that 10 ms would have make a try a tenth cheaper (tests/bench/checks.py, 1 000 a second)

_log = logging.getLogger(__name__)
_STREAMED = frozenset({"tcp", "http"})
_TIMED = frozenset({Kind.OK, Kind.STATUS, Kind.BODY})


@dataclass(slots=True)
class Checked:
    """What is known of one probe: the belief, and the last outcome behind it."""

    probe: Probe
    belief: Belief = field(default_factory=Belief)
    last: Outcome | None = None
    refusal: str | None = None  # why it may not be tried here; None: not looked at yet
    request: bytes = b""  # of ``http``, rendered once


class Runner:
    """Runs probes until stopped, and says what changed.

    `start`, `stop` and `order` belong to the event loop's thread.
    """

    def __init__(
        self,
        reach: Reach,
        tools: Tools | None = None,
        *,
        concurrency: int = CONCURRENCY,
        now: Callable[[], float] = time.monotonic,
        schedule: Schedule | None = None,
    ) -> None:
        self.tally = Tally()
        self._load = Load()
        self._references: tuple[Probe, ...] = ()
        self.checked: dict[Probe, Checked] = {}
        self._reach = reach
        self._tools = tools or Tools()
        self._on_change: Callable[[Transition], None] = lambda _: None
        self._on_outcome: Callable[[Checked], None] = lambda _: None
        self._now = now
        self.schedule = Schedule(random.random, concurrency) if schedule is None else schedule
        self.lag = LagWatch(now(), LOOP_LAG_AT_MOST)
        self._loop: asyncio.AbstractEventLoop | None = None
        self._tries: set[asyncio.Task[Found]] = set()
        self._streams: Streams | None = None
        self._timers: dict[str, asyncio.TimerHandle] = {}
        self._wake_at = float("inf")
        self._age_from = 0

    def listen(
        self, on_change: Callable[[Transition], None], on_outcome: Callable[[Checked], None]
    ) -> None:
        """Have *on_change* called with each transition, *on_outcome* with each probe just tried.

        Both are called in the loop's thread; neither may raise or wait.
        """
        self._on_change = on_change
        self._on_outcome = on_outcome

    def order(
        self,
        probes: Iterable[Probe],
        known: Mapping[Probe, Belief] | None = None,
        references: Iterable[Probe] = (),
    ) -> None:
        """Run exactly *probes* from now on; those that were wanted before go on as they were.

        *known* has what was believed of new ones before this checker started. *references* are those
        of *probes* whose failure says more of this checker than of them (failures.md F02).

        Raises:
            ScheduleError: one of them cannot be scheduled; nothing has changed.
        """
        came, went = self.schedule.replace(probes, self._now())
        self._references = tuple(references)
        for probe in went:
            self.checked.pop(probe, None)
        for probe in came:
            belief = (known or {}).get(probe, Belief())
            self.checked[probe] = Checked(probe, belief)
        self._wake()

    def start(self) -> None:
        """Begin, in the running event loop."""
        self._loop = asyncio.get_running_loop()
        self._tools.tls()  # reading the system's store takes tens of ms; not in the time of a try
        self._streams = Streams(self._loop, self._stream_over)
        self.lag = LagWatch(self._now(), LOOP_LAG_AT_MOST)
        self._timers["tick"] = self._loop.call_later(TICK, self._tick)
        self._timers["age"] = self._loop.call_later(AGE_EVERY, self._age)
        self._wake()

    async def stop(self) -> None:
        """Start nothing more, drop what is under way, wait for it within STOP_SECONDS. For good."""
        self._loop = None
        for timer in self._timers.values():
            timer.cancel()
        self._timers.clear()
        if self._streams is not None:
            self._streams.close()
            self._streams = None
        tries = set(self._tries)
        for task in tries:
            task.cancel()
        if tries:
            await asyncio.wait(tries, timeout=STOP_SECONDS)

    @property
    def tried(self) -> int:
        """How many of the wanted probes have any outcome since the start."""
        return sum(checked.belief.tried for checked in self.checked.values())

    def doubt(self) -> Doubt:
        """Return why this checker's votes should count for nothing now, if there is a reason."""
        checked = (self.checked.get(probe) for probe in self._references)
        return doubt_of(self._load, (one.belief for one in checked if one is not None), self._now())

    def _tick(self) -> None:
        now = self._now()
        self.lag.tick(now)
        if self._streams is not None:
            self._streams.expire(now)
        if self._loop is not None:
            self._timers["tick"] = self._loop.call_later(TICK, self._tick)

    def _age(self) -> None:
        """Look at some beliefs in turn, so that no sweep over all of them stalls the loop."""
        now = self._now()
        every = list(self.checked.values())
        start, self._age_from = (
            self._age_from,
            self._age_from + min(AGE_SLICE, 1 + len(every) // AGE_ROUND),
        )
        for checked in every[start : self._age_from]:
            self._apply(checked, age(checked.probe, checked.belief, now))
        if self._age_from >= len(every):
            self._age_from = 0
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
        self._wake_at = float("inf")
        if self._loop is None:
            return
        now = self._now()
        for start in self.schedule.due(now):
            if start.late:
                self._record(start.probe, late_outcome(start, now))
            else:
                self._begin(start, self._now())
        self._wake()

    def _begin(self, start: Start, started: float) -> None:
        probe = start.probe
        checked = self.checked[probe]
        if checked.refusal is None:
            self._prepare(checked)
        if checked.refusal:
            self._over(probe, start.scheduled, started, Found(Kind.LOCAL, checked.refusal))
        elif probe.type in _STREAMED:
            assert self._streams is not None
            self._streams.begin(Stream(probe, checked.request, start.scheduled, started))
        else:
            assert self._loop is not None
            task = self._loop.create_task(self._found(Attempt(probe, self._tools)))
            self._tries.add(task)
            task.add_done_callback(partial(self._task_over, start, started))

    def _prepare(self, checked: Checked) -> None:
        """Find out, once for each probe, whether this node may try it, and what it sends."""
        probe = checked.probe
        checked.refusal = self._reach.refusal(probe.address, probe.port)
        if probe.type not in _STREAMED and probe.type not in TRIES:
            checked.refusal = "this checker does not know this type of probe"
        try:
            if probe.type == "http":
                checked.request = request_of(probe, self._tools.agent)
        except CannotTryError as error:
            checked.refusal = str(error)

    def _stream_over(self, stream: Stream) -> None:
        assert stream.found is not None
        self._over(stream.probe, stream.scheduled, stream.started, stream.found)

    def _task_over(self, start: Start, started: float, task: asyncio.Task[Found]) -> None:
        self._tries.discard(task)
        if task.cancelled():  # we are stopping
            return
        fault = task.exception()
        if fault is None:
            found = task.result()
        else:  # of ours, or of a library that a peer has confused: it must not look like a failure
            _log.error("a %s try broke", start.probe.type, exc_info=fault)
            found = Found(Kind.LOCAL, "this checker has a fault")
        self._over(start.probe, start.scheduled, started, found)

    async def _found(self, attempt: Attempt) -> Found:
        probe = attempt.probe
        try:
            async with asyncio.timeout(probe.timeout):
                return await TRIES[probe.type](attempt)
        except CannotTryError as error:
            return Found(Kind.LOCAL, str(error))
        except ssl.SSLError as error:
            return from_tls_error(error)
        except OSError as error:
            if isinstance(error, TimeoutError) and error.errno is None:
                seconds = f"{probe.timeout:g} s"
                return Found(Kind.TIMEOUT, f"timed out after {seconds} while {attempt.stage}")
            return from_os_error(error, attempt.stage)

    def _over(self, probe: Probe, scheduled: float, started: float, found: Found) -> None:
        """Judge a try that has ended, and give its place back to the schedule."""
        now = self._now()
        again = self._record(probe, self._outcome(probe, scheduled, started, now, found))
        if self.schedule.done(probe, now, again) < self._wake_at:
            self._wake()

    def _outcome(
        self, probe: Probe, scheduled: float, started: float, now: float, found: Found
    ) -> Outcome:
        """Return what *found* means: nothing, if the try was late or the loop stood still."""
        verdict, kind, detail = found.verdict, found.kind, found.detail
        lag = self.lag.during(started, now)
        if kind is not Kind.LOCAL and too_late(probe.every, scheduled, started, lag):
            verdict, kind = Verdict.UNKNOWN, Kind.LATE
            delay = max(lag, started - scheduled)
            detail = f"this checker was {delay:.1f} s behind ({detail})"
        elif kind in _TIMED:
            detail = f"{detail} in {(now - started) * 1e3:.0f} ms"
        return Outcome(verdict, kind, detail, scheduled, started, now)

    def _record(self, probe: Probe, outcome: Outcome) -> float | None:
        took = outcome.finished - outcome.started
        self.tally.add(probe.type, outcome.kind, took)
        checked = self.checked.get(probe)
        if checked is None:  # no longer wanted
            return None
        checked.last = outcome
        if not checked.refusal:  # what is refused here by configuration is no sign of overload
            self._load.note(checked.belief, outcome)
        step = observe(probe, checked.belief, outcome)
        self._apply(checked, step)
        self._on_outcome(checked)
        return step.again

    def _apply(self, checked: Checked, step: Step) -> None:
        checked.belief = step.belief
        if step.transition is not None:
            self._on_change(step.transition)
