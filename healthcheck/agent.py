"""The checker as a process of its own: takes orders, runs probes, gives votes. ``healthcheck-agent``.

It speaks over standard input and output, or over a Unix socket that it connects to, and ends when the
other side closes. Or it connects to a node, shows its token, and comes again whenever it is cut off.
Which addresses it may touch is told by its own command line, never by orders.
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import gc
import importlib.util
import logging
import signal
import socket
import sys
import time
from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from functools import partial
from importlib.metadata import PackageNotFoundError, version

from healthcheck.messages import (
    MAX_LINE,
    VOTES_IN_LINE,
    Heartbeat,
    MessageError,
    Orders,
    OrdersReader,
    Report,
    Turn,
    Votes,
    report_line,
)
from healthcheck.model import Probe, Transition
from healthcheck.own import is_own
from healthcheck.probes import Tools
from healthcheck.runner import Checked, Runner
from healthcheck.schedule import CONCURRENCY, ScheduleError
from healthcheck.targets import Reach, reach
from healthcheck.tracker import restore
from healthcheck.visit import Destination, visit
from healthcheck.votes import MAX_NAME, key_of, vote_of

VOTES_EVERY = 0.5  # seconds; a change of belief is sent at once
HEARTBEAT_EVERY = 1.0  # seconds
MAX_UNSENT = 8 * 1024 * 1024  # octets; votes wait, and the newer replaces the older
MAX_TURNS = 10_000  # that wait; beyond it the oldest are lost, the votes still tell the status

_log = logging.getLogger(__name__)


@dataclass(slots=True)
class Agent:
    """Joins a runner to a stream of lines. Everything runs in one event loop."""

    name: str
    life: int
    runner: Runner
    writer: asyncio.StreamWriter
    _reader: OrdersReader = field(default_factory=OrdersReader)
    _keys: dict[Probe, str] = field(default_factory=dict)
    _unsaid: dict[Probe, Checked] = field(default_factory=dict)
    _turns: deque[Transition] = field(default_factory=lambda: deque(maxlen=MAX_TURNS))
    _sequence: int = 0

    @property
    def generation(self) -> int:
        """Of the orders that it follows; 0: none yet."""
        return self._reader.generation

    def changed(self, transition: Transition) -> None:
        """Take a change of belief from the runner, and send it on."""
        self._turns.append(transition)
        checked = self.runner.checked.get(transition.probe)
        if checked is not None:
            self._unsaid[transition.probe] = checked
        # After the runner has finished with it: the vote must say what is believed then.
        asyncio.get_running_loop().call_soon(self.speak)

    def seen(self, checked: Checked) -> None:
        """Take note of an outcome; its vote goes with the next ones."""
        self._unsaid[checked.probe] = checked

    def take(self, line: bytes) -> None:
        """Follow a line of orders. What is not understood is logged, and the last orders hold."""
        try:
            orders = self._reader.feed(line)
            if orders is not None:
                self._follow(orders)
        except (MessageError, ScheduleError) as error:
            _log.warning("orders refused: %s", error)

    def speak(self) -> None:
        """Send what has not been said, unless the other side is not listening."""
        if self.writer.transport.get_write_buffer_size() > MAX_UNSENT:
            return
        now = time.monotonic()
        generation = self._reader.generation
        while self._turns:
            self._say(Turn.of(self._turns.popleft(), generation, now))
        unsaid = [one for one in self._unsaid.values() if one.probe in self._keys]
        self._unsaid.clear()
        doubt = self.runner.doubt() if unsaid else None
        for start in range(0, len(unsaid), VOTES_IN_LINE):
            votes = []
            for checked in unsaid[start : start + VOTES_IN_LINE]:
                self._sequence += 1
                assert doubt is not None
                votes.append(
                    vote_of(
                        checked.belief,
                        checker=self.name,
                        target=self._keys[checked.probe],
                        life=self.life,
                        sequence=self._sequence,
                        now=now,
                        doubt=doubt,
                        detail=checked.last.detail if checked.last else "",
                    )
                )
            self._say(Votes(generation, tuple(votes)))

    def beat(self) -> None:
        """Send a heartbeat, unless the other side is not listening."""
        if self.writer.transport.get_write_buffer_size() > MAX_UNSENT:
            return
        runner = self.runner
        counts = runner.tally.counts.items()
        self._say(
            Heartbeat(
                checker=self.name,
                life=self.life,
                generation=self._reader.generation,
                probes=len(runner.checked),
                tried=runner.tried,
                completed=runner.tally.completed,
                skipped=runner.schedule.skipped,
                running=runner.schedule.running,
                worst_lag=runner.lag.worst,
                doubt=runner.doubt(),
                counts=tuple(
                    (type_, kind, tuple(one.buckets), one.seconds) for (type_, kind), one in counts
                ),
            )
        )
        runner.lag.worst = 0.0

    def _follow(self, orders: Orders) -> None:
        now = time.monotonic()
        wanted = orders.wanted
        known = {one.probe: restore(one.probe, one.status, one.age, now) for one in wanted}
        probes = list(known)  # each once: whoever asks for it
        self.runner.order(probes, known, [one.probe for one in wanted if one.reference])
        self._keys = {probe: self._keys.get(probe) or key_of(probe) for probe in probes}
        gc.freeze()  # so many long-lived objects would make each full collection a stall
        _log.info("generation %d: %d probes", orders.generation, len(probes))

    def _say(self, report: Report) -> None:
        self.writer.write(report_line(report))


async def serve(
    options: argparse.Namespace, reader: asyncio.StreamReader, writer: asyncio.StreamWriter
) -> int:
    """Follow the orders from *reader* until it ends; return the last generation of them."""
    tools = Tools(agent=f"gslb-health/{_version()}", may_execute=options.exec)
    runner = Runner(_reach(options), tools, concurrency=options.concurrency)
    agent = Agent(options.name, options.life or time.time_ns(), runner, writer)
    runner.listen(agent.changed, agent.seen)
    runner.start()
    speaking = asyncio.create_task(_repeat(VOTES_EVERY, agent.speak))
    beating = asyncio.create_task(_repeat(HEARTBEAT_EVERY, agent.beat))
    try:
        while line := await reader.readline():
            agent.take(line)
    except ValueError as error:  # longer than the reader's limit
        raise MessageError(f"a line of more than {MAX_LINE} octets") from error
    finally:
        for task in (speaking, beating):
            task.cancel()
        await runner.stop()
        await asyncio.gather(speaking, beating, return_exceptions=True)
        writer.close()
    return agent.generation


async def run(options: argparse.Namespace) -> None:
    """Speak with whom *options* name, or over standard input and output."""
    task = asyncio.current_task()
    assert task is not None
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, task.cancel)
    with contextlib.suppress(asyncio.CancelledError):
        if options.connect:
            await visit(Destination.of(options), partial(serve, options))
            return
        if options.socket:
            reader, writer = await asyncio.open_unix_connection(options.socket, limit=MAX_LINE)
        else:
            reader, writer = await _standard_streams()
        await serve(options, reader, writer)


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the agent; returns the exit code."""
    options = parser().parse_args(arguments)
    logging.basicConfig(level=logging.INFO, format="healthcheck-agent: %(message)s")
    try:
        _runner(options)
    except (MessageError, OSError, ValueError) as error:
        _log.error("%s", error)
        return 1
    return 0


def parser() -> argparse.ArgumentParser:
    """Return the command line of ``healthcheck-agent``."""
    words = argparse.ArgumentParser(prog="healthcheck-agent", description=_summary())
    words.add_argument("--name", type=_name, default=socket.gethostname(), help="of this checker")
    words.add_argument("--socket", metavar="PATH", help="Unix socket to speak over")
    words.add_argument("--connect", metavar="HOST:PORT",
                       help="node to come to, by TLS unless it is a loopback address")  # fmt: skip
    words.add_argument("--token-file", metavar="PATH",
                       help="the token of this checker, made by gslb token create NAME --scope agent")  # fmt: skip
    words.add_argument("--ca", metavar="PATH", help="PEM of who signs the node's certificate")
    words.add_argument("--allow", action="append", default=[], metavar="PREFIX",
                       help="networks near this node that may be probed")  # fmt: skip
    words.add_argument("--deny", action="append", default=[], metavar="PREFIX",
                       help="addresses that may not, whatever is allowed")  # fmt: skip
    words.add_argument("--own", action="append", default=[], metavar="ADDRESS:PORT",
                       help="sockets of this node, never probed; 0.0.0.0 is all of IPv4")  # fmt: skip
    words.add_argument("--allow-port", action="append", default=[], type=int, metavar="PORT",
                       help="ports that are refused otherwise: 22, 25, 6379 …")  # fmt: skip
    words.add_argument("--exec", action="store_true", help="let checks run commands")
    words.add_argument(
        "--concurrency", type=_at_least_one, default=CONCURRENCY, help="tries at once"
    )
    words.add_argument("--life", type=int, default=0, help=argparse.SUPPRESS)
    return words


def _reach(options: argparse.Namespace) -> Reach:
    return reach(options.allow, options.deny, options.allow_port, options.own, is_own)


def _runner(options: argparse.Namespace) -> None:
    _reach(options)  # say what is wrong before anything runs
    if options.connect:
        Destination.of(options)
    # Where there is no uvloop the probes work as well; they cost more.
    found = importlib.util.find_spec("uvloop") is not None
    runner = importlib.import_module("uvloop").run if found else asyncio.run
    runner(run(options))


async def _standard_streams() -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
    loop = asyncio.get_running_loop()
    reader = asyncio.StreamReader(limit=MAX_LINE)
    await loop.connect_read_pipe(lambda: asyncio.StreamReaderProtocol(reader), sys.stdin)
    transport, protocol = await loop.connect_write_pipe(
        lambda: asyncio.StreamReaderProtocol(asyncio.StreamReader()), sys.stdout
    )
    writer = asyncio.StreamWriter(transport, protocol, None, loop)
    return reader, writer


async def _repeat(seconds: float, action: Callable[[], None]) -> None:
    while True:
        await asyncio.sleep(seconds)
        action()


def _name(text: str) -> str:
    if not 0 < len(text) <= MAX_NAME or not text.isprintable():
        raise argparse.ArgumentTypeError(f"a printable name of 1 to {MAX_NAME} characters")
    return text


def _at_least_one(text: str) -> int:
    if not text.isdecimal() or int(text) < 1:
        raise argparse.ArgumentTypeError("a whole number above 0")
    return int(text)


def _summary() -> str:
    return (__doc__ or "").splitlines()[0]


def _version() -> str:
    try:
        return version("gslb-server")
    except PackageNotFoundError:  # run from a bare source tree
        return "0"
