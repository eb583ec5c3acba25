"""The agent as a real process: orders in, votes out; stopped, it takes nothing down."""

from __future__ import annotations

import asyncio
import contextlib
import os
import signal
import socket
import sys
from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path

import pytest

from healthcheck.agent import main, parser
from healthcheck.messages import (
    MAX_LINE,
    Heartbeat,
    Orders,
    Report,
    Turn,
    Votes,
    Wanted,
    order_lines,
    read_report,
)
from healthcheck.model import Kind, Probe, Status
from healthcheck.votes import Vote, key_of
from tests.patience import PATIENCE_SECONDS

REPOSITORY = Path(__file__).parents[2]


class Agent:
    """A running agent, by its standard input and output."""

    def __init__(self, process: asyncio.subprocess.Process) -> None:
        assert process.stdin is not None
        assert process.stdout is not None
        self.process, self.input, self.output = process, process.stdin, process.stdout

    def order(self, generation: int, *wanted: Wanted) -> None:
        for line in order_lines(Orders(generation, wanted)):
            self.input.write(line)

    async def report(self) -> Report:
        async with asyncio.timeout(PATIENCE_SECONDS):
            return read_report(await self.output.readline())

    async def turn(self) -> Turn:
        while not isinstance(report := await self.report(), Turn):
            pass
        return report

    async def heartbeat(self, when: Callable[[Heartbeat], bool] = lambda _: True) -> Heartbeat:
        while not (isinstance(report := await self.report(), Heartbeat) and when(report)):
            pass
        return report

    async def vote(self, target: str) -> Vote:
        while True:
            report = await self.report()
            for vote in report.votes if isinstance(report, Votes) else ():
                if vote.target == target:
                    return vote

    async def end(self) -> int:
        async with asyncio.timeout(PATIENCE_SECONDS):
            return await self.process.wait()


Start = Callable[..., Awaitable[Agent]]


@pytest.fixture
async def start() -> AsyncIterator[Start]:
    agents: list[Agent] = []

    async def run(*arguments: str) -> Agent:
        process = await asyncio.create_subprocess_exec(
            sys.executable, "-m", "healthcheck", "--name", "node1", *arguments, cwd=REPOSITORY,
            stdin=asyncio.subprocess.PIPE, stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.DEVNULL, limit=MAX_LINE,
        )  # fmt: skip
        agents.append(Agent(process))
        return agents[-1]

    yield run
    for agent in agents:
        agent.input.close()
        with contextlib.suppress(ProcessLookupError):
            agent.process.kill()
        await agent.process.communicate()


@pytest.fixture
async def slow_server() -> AsyncIterator[int]:
    """Return the port of a server that takes a while for each answer."""

    handlers: set[asyncio.Task[None] | None] = set()

    async def handle(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        handlers.add(asyncio.current_task())
        with contextlib.suppress(ConnectionError, asyncio.IncompleteReadError):
            await reader.readuntil(b"\r\n\r\n")
            await asyncio.sleep(0.1)
            writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n")
            await writer.drain()
        writer.close()

    server = await asyncio.start_server(handle, "127.0.0.1", 0)
    yield server.sockets[0].getsockname()[1]
    server.close()
    await asyncio.gather(*(task for task in handlers if task), return_exceptions=True)


def probe(port: int, **fields: object) -> Probe:
    values = {"type": "tcp", "every": 0.5, "timeout": 0.4, "down_after": 1, "up_after": 1, **fields}
    return Probe(address="127.0.0.1", port=port, **values)  # type: ignore[arg-type]


LOOPBACK = ("--allow", "127.0.0.0/8")


async def test_orders_in_votes_and_turns_out(start: Start) -> None:
    agent = await start(*LOOPBACK, "--life", "7")
    with socket.create_server(("127.0.0.1", 0)) as listener:
        good = probe(listener.getsockname()[1])
        agent.order(3, Wanted(good))
        turn = await agent.turn()
        assert (turn.target, turn.new, turn.kind) == (key_of(good), Status.UP, Kind.OK)
        assert turn.generation == 3
        first, second = await agent.vote(key_of(good)), await agent.vote(key_of(good))
    assert (first.checker, first.life, first.status) == ("node1", 7, Status.UP)
    assert second.sequence > first.sequence
    assert first.detail.startswith("connected in ")
    beat = await agent.heartbeat(lambda beat: beat.tried == 1)
    assert (beat.generation, beat.probes) == (3, 1)
    assert beat.completed >= 2


async def test_what_is_not_allowed_here_stays_unknown(start: Start) -> None:
    agent = await start()
    target = probe(443)
    agent.order(1, Wanted(target))
    vote = await agent.vote(key_of(target))
    assert (vote.status, vote.detail) == (
        Status.UNKNOWN,
        "address is loopback, which this node does not allow",
    )


async def test_bad_orders_leave_the_last_ones_in_force(start: Start) -> None:
    agent = await start(*LOOPBACK)
    with socket.create_server(("127.0.0.1", 0)) as listener:
        good = probe(listener.getsockname()[1])
        agent.order(2, Wanted(good))
        await agent.vote(key_of(good))
        agent.input.write(b"nonsense\n")
        agent.order(1)
        agent.order(3, Wanted(probe(1, every=0.0)))
        await agent.vote(key_of(good))
        beat = await agent.heartbeat()
    assert beat.probes == 1


async def test_the_heartbeat_counts_what_was_completed(start: Start) -> None:
    agent = await start(*LOOPBACK)
    with socket.create_server(("127.0.0.1", 0)) as listener:
        agent.order(1, Wanted(probe(listener.getsockname()[1])))
        first = await agent.heartbeat(lambda beat: beat.completed > 0)
        second = await agent.heartbeat()
    assert second.completed > first.completed
    by_kind = {kind: sum(tries) for _, kind, tries, _ in second.counts}
    assert by_kind[Kind.OK] > 0


async def test_a_stopped_agent_takes_nothing_down(start: Start, slow_server: int) -> None:
    """SIGSTOP while tries are under way, longer than their timeout: late ones, and no DOWN."""
    agent = await start(*LOOPBACK)
    probes = [probe(slow_server, type="http", every=0.4 + n / 1e3, timeout=0.3) for n in range(40)]
    agent.order(1, *map(Wanted, probes))
    await agent.heartbeat(lambda beat: beat.tried == len(probes))
    os.kill(agent.process.pid, signal.SIGSTOP)
    await asyncio.sleep(0.3)
    os.kill(agent.process.pid, signal.SIGCONT)

    turned: list[Status] = []
    late = 0
    while not late:
        report = await agent.report()
        if isinstance(report, Turn):
            turned.append(report.new)
        elif isinstance(report, Heartbeat):
            late = sum(sum(n) for _, kind, n, _ in report.counts if kind is Kind.LATE)
    assert Status.DOWN not in turned


@pytest.mark.parametrize("how", ["end of input", "SIGTERM"])
async def test_it_ends_in_order(start: Start, how: str) -> None:
    agent = await start(*LOOPBACK)
    with socket.create_server(("127.0.0.1", 0)) as silent:
        agent.order(1, Wanted(probe(silent.getsockname()[1], type="http", timeout=60.0)))
        await agent.heartbeat(lambda beat: beat.running == 1)
        if how == "SIGTERM":
            agent.process.terminate()
        else:
            agent.input.close()
        assert await agent.end() == 0


async def test_a_line_without_end_ends_it(start: Start) -> None:
    agent = await start()
    agent.input.write(b"x" * (2 * MAX_LINE))
    assert await agent.end() == 1


async def test_over_a_unix_socket(start: Start, tmp_path: Path) -> None:
    connected: asyncio.Queue[tuple[asyncio.StreamReader, asyncio.StreamWriter]] = asyncio.Queue()
    path = tmp_path / "agent.sock"
    server = await asyncio.start_unix_server(
        lambda reader, writer: connected.put_nowait((reader, writer)), path, limit=MAX_LINE
    )
    agent = await start("--socket", str(path))
    reader, writer = await connected.get()
    agent.input = writer
    agent.order(5)
    agent.output = reader
    assert (await agent.heartbeat(lambda beat: beat.generation == 5)).probes == 0
    writer.close()
    assert await agent.end() == 0
    server.close()


@pytest.mark.parametrize(
    "arguments", [["--allow", "10.0.0.1/8"], ["--deny", "x"], ["--socket", "/nonexistent/socket"]]
)
def test_what_cannot_work_is_said_at_the_start(arguments: list[str]) -> None:
    assert main(arguments) == 1


@pytest.mark.parametrize("arguments", [["--name", ""], ["--name", "a\nb"], ["--concurrency", "0"]])
def test_options_are_checked(arguments: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        parser().parse_args(arguments)
    assert "usage" in capsys.readouterr().err
