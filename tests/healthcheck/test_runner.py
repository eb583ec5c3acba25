"""The runner starts what is due, judges it, and blames nobody for its own faults."""

from __future__ import annotations

import asyncio
import socket
import time
from collections.abc import AsyncIterator, Callable, Iterator

import pytest

from healthcheck.model import Kind, Outcome, Probe, Status, Transition, Verdict
from healthcheck.probes import Tools
from healthcheck.runner import Checked, Runner
from healthcheck.schedule import Schedule, ScheduleError
from healthcheck.targets import reach
from healthcheck.tracker import Belief, restore
from healthcheck.votes import Doubt
from tests.patience import PATIENCE_SECONDS

Make = Callable[..., "Watched"]


class Clock:
    """A tenth of the loop's time, so that a stall of this machine shows less, and what is added.

    What is added at once is a process that was stopped.
    """

    def __init__(self) -> None:
        self.added = 0.0

    def __call__(self) -> float:
        return asyncio.get_running_loop().time() / 10 + self.added


class Watched:
    """A runner, and what it says."""

    def __init__(self, now: Callable[[], float] | None, tools: Tools | None, slots: int) -> None:
        self.turns: asyncio.Queue[Transition] = asyncio.Queue()
        self.outcomes: asyncio.Queue[tuple[Probe, Outcome]] = asyncio.Queue()
        near = reach(["127.0.0.0/8"])
        schedule = Schedule(random=lambda: 0.0, concurrency=slots)
        self.runner = Runner(near, tools, schedule=schedule, now=now or Clock())
        self.runner.listen(self.turns.put_nowait, self._seen)

    def _seen(self, checked: Checked) -> None:
        assert checked.last is not None
        self.outcomes.put_nowait((checked.probe, checked.last))


@pytest.fixture
async def watched() -> AsyncIterator[Make]:
    made: list[Watched] = []

    def make(
        *probes: Probe,
        now: Callable[[], float] | None = None,
        tools: Tools | None = None,
        slots: int = 512,
        known: dict[Probe, Belief] | None = None,
    ) -> Watched:
        one = Watched(now, tools, slots)
        made.append(one)
        one.runner.order(probes, known)
        one.runner.start()
        return one

    yield make
    for one in made:
        await one.runner.stop()


@pytest.fixture
def port() -> Iterator[int]:
    """Return a port that connects."""
    with socket.create_server(("127.0.0.1", 0), backlog=512) as listener:
        yield listener.getsockname()[1]


@pytest.fixture
def closed_port() -> Iterator[int]:
    with socket.socket() as sock:
        sock.bind(("127.0.0.1", 0))
        yield sock.getsockname()[1]


def tcp(port: int, every: float = 5.0, timeout: float = 2.0, **fields: object) -> Probe:
    values = {"type": "tcp", "address": "127.0.0.1", "down_after": 1, "up_after": 1, **fields}
    return Probe(port=port, every=every, timeout=timeout, **values)  # type: ignore[arg-type]


async def test_a_target_that_answers_turns_up(watched: Make, port: int) -> None:
    one = watched(tcp(port))
    turn = await one.turns.get()
    assert (turn.old, turn.new, turn.because.kind) == (Status.UNKNOWN, Status.UP, Kind.OK)
    assert turn.because.detail.startswith("connected in ")
    assert one.runner.checked[tcp(port)].belief.status is Status.UP


async def test_a_target_that_refuses_turns_down(watched: Make, closed_port: int) -> None:
    turn = await watched(tcp(closed_port)).turns.get()
    assert (turn.new, turn.because.kind) == (Status.DOWN, Kind.REFUSED)


async def test_probes_run_again_and_again(watched: Make, port: int) -> None:
    one = watched(tcp(port, every=0.1), now=time.monotonic)
    kinds = [(await one.outcomes.get())[1].kind for _ in range(3)]
    assert set(kinds) <= {Kind.OK, Kind.LATE}
    assert one.runner.tally.completed >= 3


async def test_more_than_there_are_places_take_turns(watched: Make) -> None:
    with socket.create_server(("0.0.0.0", 0), backlog=64) as everywhere:
        probes = {tcp(everywhere.getsockname()[1], address=f"127.0.1.{n}") for n in range(20)}
        one = watched(*probes, slots=2)
        seen = {(await one.outcomes.get())[0] for _ in range(20)}
    assert seen == probes


async def test_what_is_not_wanted_any_more_stops(watched: Make, port: int) -> None:
    gone, kept = tcp(port, every=0.1), tcp(port, every=0.1, timeout=1.0)
    one = watched(gone, kept, now=time.monotonic)
    one.runner.order([kept])
    assert {(await one.outcomes.get())[0] for _ in range(4)} == {kept}
    assert list(one.runner.checked) == [kept]


async def test_an_outcome_of_what_is_gone_is_counted_and_believed_by_nobody(
    watched: Make,
) -> None:
    with socket.create_server(("127.0.0.1", 0)) as silent:
        gone = tcp(silent.getsockname()[1], type="http", timeout=0.15)
        one = watched(gone, now=time.monotonic)
        await running(one, 1)
        one.runner.order([])
        await running(one, 0)
    assert one.turns.empty()
    assert one.outcomes.empty()
    assert one.runner.tally.completed == 1


async def running(one: Watched, number: int) -> None:
    async with asyncio.timeout(PATIENCE_SECONDS):
        while one.runner.schedule.running != number:  # noqa: ASYNC110 - there is no event for it
            await asyncio.sleep(0)


async def test_orders_that_cannot_be_scheduled_change_nothing(watched: Make, port: int) -> None:
    one = watched(tcp(port))
    with pytest.raises(ScheduleError):
        one.runner.order([tcp(port, every=0.0)])
    assert list(one.runner.checked) == [tcp(port)]


async def test_what_was_known_is_believed_until_there_is_news(
    watched: Make, closed_port: int
) -> None:
    probe = tcp(closed_port, down_after=2, every=0.2)
    known = {probe: restore(probe, Status.UP, 1.0, time.monotonic())}
    one = watched(probe, known=known, now=time.monotonic)
    assert one.runner.checked[probe].belief.status is Status.UP
    turn = await one.turns.get()
    assert (turn.old, turn.new) == (Status.UP, Status.DOWN)


@pytest.mark.parametrize(
    ("address", "words"),
    [
        ("10.0.0.1", "private"),
        ("::ffff:169.254.169.254", "metadata"),
        ("localhost", "IP address"),
    ],
)
@pytest.mark.parametrize("type_", ["tcp", "http", "https", "tls", "dns", "grpc", "icmp", "exec"])
async def test_no_type_touches_an_address_that_is_not_allowed(
    watched: Make, monkeypatch: pytest.MonkeyPatch, address: str, words: str, type_: str
) -> None:
    def touched(*_: object, **__: object) -> socket.socket:
        raise AssertionError("a socket was made")

    probe = tcp(443, type=type_, address=address, extra=(("qname", "example.com"),))
    one = watched(probe, tools=Tools(may_execute=True))
    monkeypatch.setattr(socket, "socket", touched)
    _, outcome = await one.outcomes.get()
    monkeypatch.undo()
    assert (outcome.verdict, outcome.kind) == (Verdict.UNKNOWN, Kind.LOCAL)
    assert words in outcome.detail


async def test_a_type_that_is_not_known_says_nothing(watched: Make, port: int) -> None:
    _, outcome = await watched(tcp(port, type="carrier-pigeon")).outcomes.get()
    assert (outcome.verdict, outcome.kind) == (Verdict.UNKNOWN, Kind.LOCAL)


@pytest.mark.parametrize("type_", ["http", "grpc"])
async def test_a_checker_that_was_stopped_takes_nothing_down(watched: Make, type_: str) -> None:
    clock = Clock()
    with socket.create_server(("127.0.0.1", 0)) as silent:
        probe = tcp(silent.getsockname()[1], type=type_, timeout=0.2)
        one = watched(probe, now=clock)
        await running(one, 1)
        clock.added = 30.0
        _, outcome = await one.outcomes.get()
    assert (outcome.verdict, outcome.kind) == (Verdict.UNKNOWN, Kind.LATE)
    assert one.turns.empty()


async def test_tries_that_were_missed_are_skipped_not_made_up(watched: Make, port: int) -> None:
    clock = Clock()
    probe = tcp(port, every=0.2)
    one = watched(probe, now=clock)
    assert (await one.outcomes.get())[1].kind is Kind.OK
    clock.added = 30.0
    assert (await one.outcomes.get())[1].kind is Kind.LATE
    assert one.runner.schedule.skipped == 1
    assert one.runner.checked[probe].belief.status is Status.UP


async def test_a_checker_that_loses_its_tries_doubts_itself(watched: Make, port: int) -> None:
    clock = Clock()
    probes = [tcp(port, timeout=1.0 + n / 100) for n in range(30)]
    known = {one: Belief(Status.UP, seen_at=clock()) for one in probes}
    watched_one = watched(*probes, now=clock, known=known)
    assert watched_one.runner.doubt() is Doubt.NONE
    clock.added = 5.0  # they were due at once, and are late now
    for _ in probes:
        await watched_one.outcomes.get()
    assert watched_one.runner.doubt() is Doubt.OVERLOAD


async def test_references_that_fail_make_it_doubt_itself(watched: Make, closed_port: int) -> None:
    probes = [tcp(closed_port, timeout=1.0 + n) for n in range(2)]
    one = watched()
    one.runner.order(probes, references=probes)
    for _ in probes:
        await one.outcomes.get()
    assert one.runner.doubt() is Doubt.REFERENCES


async def test_stopping_does_not_wait_for_what_is_under_way(watched: Make) -> None:
    with socket.create_server(("127.0.0.1", 0)) as silent:
        there = silent.getsockname()[1]
        one = watched(tcp(there, type="http", timeout=600.0), tcp(there, type="tls", timeout=600.0))
        await running(one, 2)
        async with asyncio.timeout(PATIENCE_SECONDS):
            await one.runner.stop()
    assert one.turns.empty()


async def test_a_fault_of_ours_is_no_failure_of_the_target(
    watched: Make, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    async def broken(_: object) -> None:
        raise ZeroDivisionError

    monkeypatch.setattr("healthcheck.runner.TRIES", {"tls": broken})
    one = watched(tcp(443, type="tls"))
    _, outcome = await one.outcomes.get()
    assert (outcome.verdict, outcome.kind) == (Verdict.UNKNOWN, Kind.LOCAL)
    assert one.runner.schedule.running == 0
    assert "a tls try broke" in caplog.text
