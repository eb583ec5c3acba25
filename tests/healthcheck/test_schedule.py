"""The schedule, on a made-up clock with made-up chance."""

from __future__ import annotations

import random
from collections.abc import Callable

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from healthcheck import schedule as module
from healthcheck.model import Kind, Outcome, Probe, Status, Verdict
from healthcheck.schedule import Schedule, ScheduleError, Start, late_outcome, too_late
from healthcheck.tracker import Belief, observe

MakeProbe = Callable[..., Probe]
MIDDLE = 0.5  # of the jitter: the interval as it is


def middle() -> float:
    return MIDDLE


def probe(number: int, every: float = 5.0) -> Probe:
    return Probe("tcp", f"2001:db8::{number:x}", 443, every, 2.0, 3, 2)


def test_equal_probes_run_once_and_the_last_to_go_stops_them() -> None:
    schedule = Schedule(middle)
    assert schedule.add(probe(1), 0.0)
    assert not schedule.add(probe(1), 0.0)
    assert len(schedule) == 1
    assert [start.probe for start in schedule.due(2.5)] == [probe(1)]
    schedule.done(probe(1), 2.6)
    assert not schedule.remove(probe(1))
    assert probe(1) in schedule
    assert schedule.remove(probe(1))
    assert probe(1) not in schedule
    assert schedule.next_at() is None
    with pytest.raises(KeyError):
        schedule.remove(probe(1))


def test_the_next_try_counts_from_when_the_last_should_have_started() -> None:
    schedule = Schedule(middle)
    schedule.add(probe(1), 0.0)
    assert schedule.due(2.4) == []
    assert schedule.due(3.0) == [Start(probe(1), 2.5, late=False)]
    schedule.done(probe(1), 5.0)
    assert schedule.next_at() == 7.5


@pytest.mark.parametrize(("chance", "next_at"), [(0.0, 4.5), (0.5, 5.0), (0.999999, 5.5)])
def test_the_interval_varies_by_a_tenth(chance: float, next_at: float) -> None:
    source = iter([0.0, chance])
    schedule = Schedule(lambda: next(source))
    schedule.add(probe(1), 0.0)
    schedule.due(0.0)
    schedule.done(probe(1), 0.0)
    assert schedule.next_at() == pytest.approx(next_at, abs=1e-3)


def test_first_tries_are_spread_over_one_interval() -> None:
    schedule = Schedule(random.Random(7).random)
    for number in range(1_000):
        schedule.add(probe(number, every=10.0), 100.0)
    seen = [len(schedule.due(100.0 + second)) for second in range(11)]
    assert sum(seen) == 512  # as many as may be under way; nothing was taken back
    assert seen[0] == 0
    assert all(60 < tries < 150 for tries in seen[1:5])


def test_a_contrary_failure_comes_again_early_and_then_as_usual() -> None:
    schedule = Schedule(middle)
    schedule.add(probe(1), 0.0)
    schedule.due(2.5)
    schedule.done(probe(1), 2.6, again=1.0)
    assert schedule.next_at() == 3.6
    schedule.due(3.6)
    schedule.done(probe(1), 3.7)
    assert schedule.next_at() == 8.6


def test_an_early_try_is_never_later_than_the_usual_one() -> None:
    schedule = Schedule(middle)
    schedule.add(probe(1, every=0.5), 0.0)
    schedule.due(0.25)
    schedule.done(probe(1, every=0.5), 0.3, again=1.0)
    assert schedule.next_at() == 0.75


def test_when_everything_fails_at_once_the_early_tries_follow_one_another() -> None:
    """Ten a second here; those for whom that is later than their usual time keep the usual one."""
    schedule = Schedule(lambda: 0.0, rechecks=10.0)
    for number in range(100):
        schedule.add(probe(number), 0.0)
    for start in schedule.due(0.0):
        schedule.done(start.probe, 0.0, again=1.0)
    started = {}
    for tenth in range(10, 46):
        started[tenth] = len(schedule.due(tenth / 10 + 0.001))
    assert all(started[tenth] == 1 for tenth in range(10, 45))
    assert started[45] == 65  # all the others, at the interval less its jitter
    assert schedule.skipped == 0


def test_the_oldest_goes_first_and_no_more_than_there_is_room_for() -> None:
    times = iter([0.3, 0.1, 0.2])
    schedule = Schedule(lambda: next(times), concurrency=2)
    for number in (3, 1, 2):
        schedule.add(probe(number), 0.0)
    assert [start.probe for start in schedule.due(1.5)] == [probe(1), probe(2)]
    assert schedule.next_at() is None
    assert schedule.due(1.5) == []
    times = iter([0.5])
    schedule.done(probe(2), 1.6)
    assert schedule.next_at() == 1.5
    assert [start.probe for start in schedule.due(1.6)] == [probe(3)]


def test_what_is_due_too_late_is_skipped_and_spread_anew() -> None:
    """A checker that was stopped must neither judge by it nor come back in one burst."""
    schedule = Schedule(random.Random(3).random)
    for number in range(2_000):
        schedule.add(probe(number), 0.0)
    starts = schedule.due(30.0)
    assert len(starts) == 2_000
    assert all(start.late for start in starts)
    assert schedule.running == 0
    assert schedule.skipped == 2_000
    on_time = schedule.due(30.5)
    assert 100 < len(on_time) < 300
    assert not any(start.late for start in on_time)


def test_a_fifth_of_the_interval_is_not_late_yet() -> None:
    schedule = Schedule(middle)
    schedule.add(probe(1), 0.0)
    assert schedule.due(3.5) == [Start(probe(1), 2.5, late=False)]
    other = Schedule(middle)
    other.add(probe(1), 0.0)
    assert other.due(3.51) == [Start(probe(1), 2.5, late=True)]


def test_a_skipped_try_says_nothing_of_its_target() -> None:
    outcome = late_outcome(Start(probe(1), 10.0, late=True), 12.0)
    assert (outcome.verdict, outcome.kind) == (Verdict.UNKNOWN, Kind.LATE)
    assert outcome.detail == "skipped: 2.0 s late"
    assert (outcome.scheduled, outcome.started, outcome.finished) == (10.0, 12.0, 12.0)


@pytest.mark.parametrize(
    ("started", "loop_lag", "late"),
    [(11.0, 0.0, False), (11.1, 0.0, True), (10.0, 0.1, False), (10.0, 0.11, True)],
)
def test_a_try_is_late_by_its_start_or_by_the_event_loop(
    started: float, loop_lag: float, late: bool
) -> None:
    assert too_late(5.0, 10.0, started, loop_lag) is late


def test_a_probe_removed_while_it_runs_ends_with_that_try() -> None:
    schedule = Schedule(middle)
    schedule.add(probe(1), 0.0)
    schedule.due(2.5)
    schedule.remove(probe(1))
    assert (len(schedule), schedule.running) == (0, 1)
    schedule.done(probe(1), 3.0)
    assert (schedule.next_at(), schedule.running) == (None, 0)
    with pytest.raises(KeyError):
        schedule.done(probe(1), 3.0)


def test_a_probe_that_comes_back_while_its_last_try_runs_is_not_run_twice() -> None:
    schedule = Schedule(middle)
    schedule.add(probe(1), 0.0)
    schedule.due(2.5)
    schedule.remove(probe(1))
    assert schedule.add(probe(1), 2.6)
    assert schedule.next_at() is None
    schedule.done(probe(1), 3.0)
    assert schedule.next_at() == 7.5


def test_a_new_set_moves_nothing_that_stays() -> None:
    schedule = Schedule(random.Random(1).random)
    schedule.replace([probe(1), probe(1), probe(2)], 0.0)
    before = schedule.next_at()
    came, went = schedule.replace([probe(1), probe(2), probe(3)], 0.0)
    assert (came, went) == ({probe(3)}, set())
    assert len(schedule) == 3
    came, went = schedule.replace([probe(1), probe(2)], 1.0)
    assert (came, went) == (set(), {probe(3)})
    assert schedule.next_at() == before
    assert schedule.remove(probe(1))  # wanted once now, no longer twice


@pytest.mark.parametrize("seconds", [0.0, -1.0, float("nan"), float("inf")])
def test_times_that_are_none_are_refused_and_change_nothing(seconds: float) -> None:
    schedule = Schedule(middle)
    schedule.add(probe(1), 0.0)
    with pytest.raises(ScheduleError, match="is no time to wait"):
        schedule.add(probe(2, every=seconds), 0.0)
    with pytest.raises(ScheduleError, match="is no time to wait"):
        schedule.replace([probe(3), probe(2, every=seconds)], 0.0)
    assert probe(1) in schedule
    assert len(schedule) == 1


def test_the_number_of_probes_is_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "MAX_PROBES", 2)
    schedule = Schedule(middle)
    schedule.replace([probe(1), probe(2)], 0.0)
    with pytest.raises(ScheduleError, match="more than 2 probes"):
        schedule.add(probe(3), 0.0)
    with pytest.raises(ScheduleError, match="more than 2 probes"):
        schedule.replace([probe(3), probe(4), probe(5)], 0.0)
    assert schedule.remove(probe(1))
    assert schedule.add(probe(3), 0.0)


@pytest.mark.parametrize(("concurrency", "rechecks"), [(0, 1.0), (1, 0.0), (1, float("nan"))])
def test_a_schedule_that_could_do_nothing_is_refused(concurrency: int, rechecks: float) -> None:
    with pytest.raises(ScheduleError):
        Schedule(middle, concurrency, rechecks)


def test_coming_and_going_does_not_let_it_grow() -> None:
    schedule = Schedule(random.Random(5).random)
    for number in range(20_000):
        schedule.add(probe(number % 50_000, every=1_000.0), 0.0)
        if number >= 100:
            schedule.remove(probe(number - 100, every=1_000.0))
    assert len(schedule) == 100
    assert len(schedule._heap) < 3_000


def test_under_tenfold_overload_the_work_done_is_not_late() -> None:
    """512 tries of 2 s each, ten times as many probes as that can carry: nothing is run in vain."""
    schedule = Schedule(random.Random(9).random, concurrency=64)
    schedule.replace([probe(number) for number in range(64 * 5 * 10 // 2)], 0.0)
    now, ran, running = 0.0, 0, []
    while now < 120.0:
        for finish, item in [pair for pair in running if pair[0] <= now]:
            schedule.done(item, finish)
            running.remove((finish, item))
        for start in schedule.due(now):
            if not start.late:
                assert not too_late(5.0, start.scheduled, now, 0.0)
                running.append((now + 2.0, start.probe))
                ran += 1
        now += 0.1
    assert ran > 0.9 * 64 * 120 / 2.1
    assert schedule.skipped > 1_000


def test_a_checker_that_is_stopped_for_half_a_minute_finds_nothing_down() -> None:
    """What was under way looks like a time-out, what was due meanwhile is late: neither counts."""
    schedule = Schedule(random.Random(2).random, concurrency=64)
    probes = [probe(number) for number in range(400)]
    schedule.replace(probes, 0.0)
    beliefs = dict.fromkeys(probes, Belief())
    running: list[tuple[float, Start]] = []
    now, said_nothing, transitions = 0.0, 0, []
    while now < 120.0:
        stalled = 30.0 if 30.0 <= now < 30.1 else 0.0
        now += 0.1 + stalled
        over = [pair for pair in running if pair[0] < now]
        running = [pair for pair in running if pair[0] >= now]
        seen = []
        for began, start in over:
            late = too_late(5.0, start.scheduled, began, stalled)
            verdict = Verdict.UNKNOWN if late else Verdict.PASSED
            if stalled and not late:
                verdict = Verdict.FAILED
            schedule.done(start.probe, now)
            seen.append((start, Outcome(verdict, Kind.OK, "", start.scheduled, began, now)))
        for start in schedule.due(now):
            if start.late:
                seen.append((start, late_outcome(start, now)))
            else:
                running.append((now, start))
        for start, outcome in seen:
            said_nothing += outcome.verdict is Verdict.UNKNOWN
            step = observe(start.probe, beliefs[start.probe], outcome)
            beliefs[start.probe] = step.belief
            transitions += [step.transition.new] if step.transition else []
    assert said_nothing >= 400
    assert transitions == [Status.UP] * 400
    assert schedule.skipped > 300


@settings(max_examples=60)
@given(st.randoms(use_true_random=False), st.integers(1, 40), st.floats(0.5, 20.0))
def test_each_probe_runs_once_an_interval(chance: random.Random, count: int, every: float) -> None:
    schedule = Schedule(chance.random)
    schedule.replace([probe(number, every) for number in range(count)], 0.0)
    tries = dict.fromkeys((probe(number, every) for number in range(count)), 0)
    last: dict[Probe, float] = {}
    end = 20.0 * every
    while (now := schedule.next_at()) is not None and now <= end:
        for start in schedule.due(now):
            if start.probe in last:
                gap = start.scheduled - last[start.probe]
                assert 0.9 * every <= gap + 1e-6
                assert gap <= 1.1 * every + 1e-6
            last[start.probe] = start.scheduled
            tries[start.probe] += 1
            schedule.done(start.probe, now)
    assert all(17 <= number <= 23 for number in tries.values())


class ScheduleAgainstSets(RuleBasedStateMachine):
    """Any order of calls: what is wanted and what is under way agree with plain counting."""

    def __init__(self) -> None:
        super().__init__()
        self.schedule = Schedule(random.Random(0).random, concurrency=3, rechecks=2.0)
        self.now = 0.0
        self.wanted: dict[Probe, int] = {}
        self.running: list[Probe] = []

    @rule(number=st.integers(0, 5), every=st.sampled_from([1.0, 7.0]))
    def add(self, number: int, every: float) -> None:
        new = self.schedule.add(probe(number, every), self.now)
        assert new is (self.wanted.get(probe(number, every), 0) == 0)
        self.wanted[probe(number, every)] = self.wanted.get(probe(number, every), 0) + 1

    @precondition(lambda self: self.wanted)
    @rule(data=st.data())
    def remove(self, data: st.DataObject) -> None:
        item = data.draw(st.sampled_from(sorted(self.wanted, key=repr)))
        self.wanted[item] -= 1
        assert self.schedule.remove(item) is (self.wanted[item] == 0)
        if not self.wanted[item]:
            del self.wanted[item]

    @rule(numbers=st.lists(st.integers(0, 5), max_size=8))
    def replace(self, numbers: list[int]) -> None:
        items = [probe(number, 1.0) for number in numbers]
        came, went = self.schedule.replace(items, self.now)
        assert came == set(items) - set(self.wanted)
        assert went == set(self.wanted) - set(items)
        self.wanted = {item: items.count(item) for item in items}

    @rule(later=st.floats(0.0, 4.0))
    def start(self, later: float) -> None:
        self.now += later
        starts = self.schedule.due(self.now)
        assert [s.scheduled for s in starts] == sorted(s.scheduled for s in starts)
        for start in starts:
            assert start.probe in self.wanted
            assert start.scheduled <= self.now
            if not start.late:
                assert start.probe not in self.running
                self.running.append(start.probe)

    @precondition(lambda self: self.running)
    @rule(data=st.data(), again=st.sampled_from([None, 0.5]))
    def finish(self, data: st.DataObject, again: float | None) -> None:
        item = data.draw(st.sampled_from(self.running))
        self.running.remove(item)
        self.schedule.done(item, self.now, again)

    @invariant()
    def agrees(self) -> None:
        assert len(self.schedule) == len(self.wanted)
        assert self.schedule.running == len(self.running) <= 3
        waiting = set(self.wanted) - set(self.running)
        assert (self.schedule.next_at() is not None) is bool(waiting and len(self.running) < 3)


TestScheduleAgainstSets = ScheduleAgainstSets.TestCase
TestScheduleAgainstSets.settings = settings(max_examples=60, stateful_step_count=40)
