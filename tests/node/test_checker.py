"""The checker's process: told what to run, heard, and had again when it dies."""

from __future__ import annotations

import asyncio
import contextlib
import os
import signal
from collections.abc import AsyncIterator, Callable
from dataclasses import replace

import pytest

from gslb.node import talk as module
from gslb.node.checker import Checker, Limits
from healthcheck.messages import Heartbeat, Report, Votes, Wanted
from healthcheck.model import Probe, Status
from healthcheck.votes import key_of
from tests.patience import PATIENCE_SECONDS


class Home:
    """A checker, what it is to run, and what it said."""

    def __init__(self, limits: Limits) -> None:
        self.wanted: list[Wanted] = []
        self.heard: list[Report] = []
        self._news = asyncio.Event()
        self.checker = Checker("here", limits, lambda: self.wanted, self.hear)

    def hear(self, report: Report) -> None:
        self.heard.append(report)
        self._news.set()

    async def until(self, true: Callable[[], object]) -> None:
        async with asyncio.timeout(PATIENCE_SECONDS):
            while not true():
                self._news.clear()
                await self._news.wait()

    def votes(self) -> list[tuple[str, Status]]:
        said = [one for one in self.heard if isinstance(one, Votes)]
        return [(vote.target, vote.status) for votes in said for vote in votes.votes]

    def details(self) -> str:
        said = [one for one in self.heard if isinstance(one, Votes)]
        return " ".join(vote.detail for votes in said for vote in votes.votes)


@contextlib.asynccontextmanager
async def running(limits: Limits) -> AsyncIterator[Home]:
    home = Home(limits)
    task = asyncio.create_task(home.checker.run())
    try:
        yield home
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)
        assert home.checker.pid is None


def probe(port: int, **more: str) -> Probe:
    return Probe("tcp", "127.0.0.1", port, 0.5, 0.4, 2, 1, **more)


@pytest.fixture
async def port() -> AsyncIterator[int]:
    """Somebody accepts connections at it."""
    server = await asyncio.start_server(lambda _, writer: writer.close(), "127.0.0.1", 0)
    yield server.sockets[0].getsockname()[1]
    server.close()
    await server.wait_closed()


async def test_what_is_ordered_is_run_and_heard(port: int) -> None:
    """Also what is ordered later; before the first orders there is no process."""
    async with running(Limits(allow=("127.0.0.0/8",))) as home:
        home.checker.order()
        await asyncio.sleep(0)
        assert home.checker.pid is None
        home.wanted = [Wanted(probe(port))]
        home.checker.order()
        await home.until(lambda: (key_of(probe(port)), Status.UP) in home.votes())
        await home.until(lambda: any(isinstance(one, Heartbeat) for one in home.heard))
        assert home.checker.alive
        home.wanted = [*home.wanted, Wanted(probe(1))]
        number = home.checker.order()
        await home.until(lambda: (key_of(probe(1)), Status.DOWN) in home.votes())
        await home.until(lambda: home.checker.heartbeat and home.checker.heartbeat.tried == 2)
        assert home.checker.heartbeat is not None
        assert home.checker.heartbeat.generation == number


async def test_one_that_is_killed_is_had_again(port: int) -> None:
    """With the same orders, and votes that are newer than those of the one before."""
    async with running(Limits(allow=("127.0.0.0/8",))) as home:
        home.wanted = [Wanted(probe(port))]
        home.checker.order()
        await home.until(home.votes)
        first = home.checker.pid
        assert first is not None
        home.heard.clear()
        os.kill(first, signal.SIGKILL)
        await home.until(lambda: home.votes() and home.checker.pid != first)
        assert home.checker.restarts == 1


async def test_one_that_is_stuck_is_replaced(port: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """It is alive for the kernel, and says nothing."""
    monkeypatch.setattr(module, "SILENT_SECONDS", 2.0)
    async with running(Limits(allow=("127.0.0.0/8",))) as home:
        home.wanted = [Wanted(probe(port))]
        home.checker.order()
        await home.until(home.votes)
        first = home.checker.pid
        assert first is not None
        os.kill(first, signal.SIGSTOP)
        home.heard.clear()
        await home.until(lambda: home.votes() and home.checker.pid != first)
        assert home.checker.restarts == 1


async def test_it_touches_only_what_this_node_allows(port: int) -> None:
    """By the node's own settings, whatever the orders say."""
    async with running(Limits()) as home:
        home.wanted = [Wanted(probe(port))]
        home.checker.order()
        await home.until(home.votes)
        assert home.votes()[0][1] is Status.UNKNOWN
        assert "loopback" in home.details()


async def test_it_does_not_touch_the_node_itself(port: int) -> None:
    """Its own sockets, and what its settings deny, though the network is allowed."""
    for limits in (
        Limits(("127.0.0.0/8",), sockets=(f"0.0.0.0:{port}",)),
        Limits(("127.0.0.0/8",), deny=("127.0.0.1/32",)),
    ):
        async with running(limits) as home:
            home.wanted = [Wanted(probe(port))]
            home.checker.order()
            await home.until(home.votes)
            assert home.votes()[0][1] is Status.UNKNOWN


async def test_a_port_may_be_allowed() -> None:
    """Nobody listens there, and that is seen."""
    async with running(Limits(("127.0.0.0/8",), ports=(2379,))) as home:
        home.wanted = [Wanted(replace(probe(2379), address="127.98.76.54"))]
        home.checker.order()
        await home.until(lambda: home.votes() and home.votes()[-1][1] is Status.DOWN)


@pytest.mark.parametrize(("allowed", "status"), [(False, Status.UNKNOWN), (True, Status.UP)])
async def test_commands_run_only_where_they_may(allowed: bool, status: Status) -> None:
    """`probes: {exec: true}` is this node's word, not the policy's."""
    wanted = Probe("exec", "127.0.0.1", 0, 0.5, 0.4, 2, 1, extra=(("command", "/bin/true"),))
    async with running(Limits(("127.0.0.0/8",), execute=allowed)) as home:
        home.wanted = [Wanted(wanted)]
        home.checker.order()
        await home.until(home.votes)
        await home.until(lambda: home.votes()[-1][1] is status)
