"""Says which probe to run when. No I/O, no clock, no randomness of its own.

Probes are keyed by content and counted: whoever asks, one that is wanted twice runs once, and one
that nobody wants any more stops. What could not start in time is skipped, not queued: its
outcome would say nothing of the target, so the run would only make others late as well.
"""

from __future__ import annotations

import heapq
from collections import Counter
from collections.abc import Callable, Iterable
from math import isfinite
from typing import NamedTuple

from healthcheck.model import Kind, Outcome, Probe, Verdict

JITTER = 0.1  # share of the interval, either way
LATE_SHARE = 0.2  # of the interval: a try that starts later says nothing
LOOP_LAG_AT_MOST = 0.1  # seconds; above, the event loop stalled and what it saw says nothing
CONCURRENCY = 512  # tries under way at once
RECHECKS_PER_SECOND = 500.0  # early re-checks; a cloud that dies must not make every check late
MAX_PROBES = 100_000  # distinct ones in one schedule
_COMPACT_ABOVE = 1_024  # stale heap entries are tolerated up to this, or half of the heap


class ScheduleError(ValueError):
    """A probe that cannot be scheduled; the text says why."""


class Start(NamedTuple):
    """One try that is due."""

    probe: Probe
    scheduled: float
    late: bool  # do not run it: it is over, `late_outcome` is what it saw


class _Entry:
    """A probe's place in the schedule. Mutable; `turn` tells a live heap entry from a stale one."""

    __slots__ = ("at", "probe", "running", "turn", "wanted")

    def __init__(self, probe: Probe) -> None:
        self.probe = probe
        self.wanted = 0
        self.at = 0.0
        self.turn = 0
        self.running = False


class Schedule:
    """When each wanted probe runs next. Every operation is O(log n); times in seconds.

    *random* returns a float in [0, 1), evenly. At most *concurrency* tries are under way: then the
    oldest waits longest. *rechecks* limits the early tries per second; those beyond it follow
    one after the other, but none comes later than it would have come anyway.
    """

    def __init__(
        self,
        random: Callable[[], float],
        concurrency: int = CONCURRENCY,
        rechecks: float = RECHECKS_PER_SECOND,
    ) -> None:
        if concurrency < 1 or not rechecks > 0:
            raise ScheduleError("at least one try at a time, and more than no re-checks a second")
        self._random = random
        self._concurrency = concurrency
        self._recheck_gap = 1.0 / rechecks
        self._recheck_at = float("-inf")  # the last early try that was granted
        self._entries: dict[Probe, _Entry] = {}
        self._heap: list[tuple[float, int, _Entry]] = []
        self._turn = 0
        self._stale = 0
        self._wanted = 0  # distinct; `_entries` also has those removed while a try is under way
        self._running = 0
        self.skipped = 0  # tries that were due too late to be worth running, since the start

    def __len__(self) -> int:
        """Return how many distinct probes are wanted."""
        return self._wanted

    def __contains__(self, probe: Probe) -> bool:
        entry = self._entries.get(probe)
        return entry is not None and entry.wanted > 0

    @property
    def running(self) -> int:
        """How many tries are under way, those of probes that were removed meanwhile included."""
        return self._running

    def add(self, probe: Probe, now: float) -> bool:
        """Want *probe* once more. True if it is new: its first try is somewhere in one interval.

        Raises:
            ScheduleError: interval or timeout is not a number above 0, or there are too many.
        """
        entry = self._entries.get(probe)
        if entry is not None and entry.wanted:
            entry.wanted += 1
            return False
        _refuse_unsound_times(probe)
        if self._wanted >= MAX_PROBES:
            raise ScheduleError(f"more than {MAX_PROBES} probes")
        if entry is None:
            entry = self._entries[probe] = _Entry(probe)
        entry.wanted = 1
        self._wanted += 1
        if not entry.running:  # else `done` brings it back
            self._plan(entry, now + probe.every * self._random())
        return True

    def remove(self, probe: Probe) -> bool:
        """Want *probe* once less. True if it was the last time: no try of it starts any more.

        Raises:
            KeyError: it was not wanted.
        """
        entry = self._entries[probe]
        if not entry.wanted:
            raise KeyError(probe)
        entry.wanted -= 1
        if entry.wanted:
            return False
        self._wanted -= 1
        if not entry.running:
            del self._entries[probe]
            self._unplan(entry)
        return True

    def replace(self, probes: Iterable[Probe], now: float) -> tuple[set[Probe], set[Probe]]:
        """Want exactly *probes* (repeated ones so often); return which came and which went.

        Nothing is moved in time of what stays. Nothing is changed if it raises.

        Raises:
            ScheduleError: as of `add`.
        """
        wanted = Counter(probes)
        for probe in wanted:
            _refuse_unsound_times(probe)
        if len(wanted) > MAX_PROBES:
            raise ScheduleError(f"more than {MAX_PROBES} probes")
        went = {probe for probe, entry in self._entries.items() if entry.wanted} - wanted.keys()
        for probe in went:
            self._entries[probe].wanted = 1
            self.remove(probe)
        came = {probe for probe in wanted if probe not in self}
        for probe in wanted:  # in the order given, so that a seed gives one schedule
            if probe in came:
                self.add(probe, now)
            self._entries[probe].wanted = wanted[probe]
        return came, went

    def due(self, now: float) -> list[Start]:
        """Return what is due, oldest first, as far as there is room.

        A `Start` that is not late is under way from now on, until `done`. A late one
        is over: it has its next time already, spread anew over an interval, so that a checker
        that was stopped does not come back with everything at once.
        """
        starts: list[Start] = []
        heap = self._heap
        while heap and self._running < self._concurrency:
            at, turn, entry = heap[0]
            stale = turn != entry.turn
            if not stale and at > now:
                break
            heapq.heappop(heap)
            if stale:
                self._stale -= 1
                continue
            probe = entry.probe
            late = now - at > LATE_SHARE * probe.every
            starts.append(Start(probe, at, late))
            if late:
                self.skipped += 1
                self._plan(entry, now + probe.every * self._random())
            else:
                entry.running = True
                self._running += 1
        return starts

    def next_at(self) -> float | None:
        """Return when `due` has something next; None: nothing before a try is done, or ever."""
        if self._running >= self._concurrency:
            return None
        heap = self._heap
        while heap and heap[0][1] != heap[0][2].turn:
            heapq.heappop(heap)
            self._stale -= 1
        return heap[0][0] if heap else None

    def done(self, probe: Probe, now: float, again: float | None = None) -> float:
        """Take back a try that is over; *again*: seconds until the next, where it is wanted early.

        The next one counts from when this one should have started, so that a slow target is tried
        as often as a quick one. Returns when that is; *now* if there is none.

        Raises:
            KeyError: no try of *probe* is under way.
        """
        entry = self._entries[probe]
        if not entry.running:
            raise KeyError(probe)
        entry.running = False
        self._running -= 1
        if not entry.wanted:
            del self._entries[probe]
            return now
        jitter = 1.0 + JITTER * (2.0 * self._random() - 1.0)
        at = max(entry.at + probe.every * jitter, now)
        if again is not None:
            early = max(now + again, self._recheck_at + self._recheck_gap)
            if early < at:
                self._recheck_at = at = early
        self._plan(entry, at)
        return at

    def _plan(self, entry: _Entry, at: float) -> None:
        self._turn += 1
        entry.at, entry.turn = at, self._turn
        heapq.heappush(self._heap, (at, self._turn, entry))

    def _unplan(self, entry: _Entry) -> None:
        entry.turn = 0
        self._stale += 1
        if self._stale > max(_COMPACT_ABOVE, len(self._heap) // 2):
            self._heap = [item for item in self._heap if item[1] == item[2].turn]
            heapq.heapify(self._heap)
            self._stale = 0


def too_late(every: float, scheduled: float, started: float, loop_lag: float) -> bool:
    """Whether a try says nothing of its target: it began late, or the event loop stalled during it.

    Args:
        every: seconds between tries.
        scheduled: when it should have started.
        started: when it did.
        loop_lag: the longest that the event loop was late while it ran, in seconds.
    """
    return started - scheduled > LATE_SHARE * every or loop_lag > LOOP_LAG_AT_MOST


def late_outcome(start: Start, now: float) -> Outcome:
    """Return the outcome of a try that was skipped because it was late."""
    detail = f"skipped: {now - start.scheduled:.1f} s late"
    return Outcome(Verdict.UNKNOWN, Kind.LATE, detail, start.scheduled, now, now)


def _refuse_unsound_times(probe: Probe) -> None:
    for seconds in (probe.every, probe.timeout):
        if not (isfinite(seconds) and seconds > 0):
            raise ScheduleError(f"{probe.type} {probe.address}: {seconds} is no time to wait")
