"""One worker process: inherited sockets, the answer table mapped read-only, one event loop.

    python -m gslb.dataplane.worker

Orders come over the socket that is its standard input (`gslb.dataplane.orders`), which may be some
time after it has started. From then on the worker needs nothing: not the supervisor, not the disk.
It answers with the table that it has until it is told of another, or to retire; both over a Unix
socket that came with the orders.
"""

from __future__ import annotations

import asyncio
import gc
import mmap
import os
import secrets
import signal
import socket
import sys
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from gslb import conversation, logs
from gslb.answers.damage import find_damage
from gslb.answers.pick import Xorshift
from gslb.answers.table import AnswerTable
from gslb.control import Message
from gslb.dataplane.client import source_of
from gslb.dataplane.counting import Counting, Countings
from gslb.dataplane.fast import FastPlane, choose, why_not
from gslb.dataplane.guard import Guard
from gslb.dataplane.orders import Orders, receive
from gslb.dataplane.responder import Responder
from gslb.dataplane.settings import ResponderSettings, Source, Transport
from gslb.dataplane.tcp import TcpServer
from gslb.dataplane.udp import UdpLoop
from gslb.errors import GslbError
from gslb.logs import Log
from gslb.priority import BEHIND, step_back

RETIRE_SECONDS = 5.0  # for TCP connections to finish; as gdnsd takes at a replacement
RETIRE_POLL_SECONDS = 0.05
RELEASE_SECONDS = 0.05  # between two looks whether an old table is still in use; a batch takes 1 ms
MAX_REASONS = 5  # of a table that is refused
SWITCH_SECONDS = 0.0005  # while a new table is looked at beside the answering, turns are short

_log = Log(__name__)


class Worker:
    """Answers on all inherited sockets, from one table at a time."""

    def __init__(self, orders: Orders) -> None:
        """Take the sockets up. Nothing is answered before `run`.

        Raises GslbError if the data plane that is asked for is not there.
        """
        self.orders = orders
        self.generation = 0
        self._sockets = [socket.socket(fileno=passed.descriptor) for passed in orders.sockets]
        self._settings = responder_settings(orders)
        self._random = Xorshift(secrets.randbits(64))
        self._counters = list(orders.counters)  # descriptors, kept for whoever takes over
        self._countings = Countings(*map(Counting, map(map_block, self._counters)))
        self._responder = self._make_responder(None)
        self._verifying = ThreadPoolExecutor(1, "verify", step_back, (BEHIND,))
        self._retired = asyncio.Event()
        self._guard = Guard(self._respond, time.monotonic, self._countings)
        udp = [sock for sock in self._sockets if sock.type is socket.SOCK_DGRAM]
        self._fast: FastPlane | None = None
        self._udp: list[UdpLoop] = []
        if choose(orders.dataplane):
            self._fast = FastPlane(self._settings, udp, self._guard)
        else:
            self._udp = [UdpLoop(sock, self._guard) for sock in udp]
        self._tcp = TcpServer(self._fast or self._guard, orders.tcp)

    async def run(self) -> None:
        """Answer until retired. Raises GslbError if the first table is not valid."""
        loop = asyncio.get_running_loop()
        loop.add_signal_handler(signal.SIGTERM, self._retired.set)
        path = Path(self.orders.table)
        # Here, not in the thread of `_serve`: nobody is answered yet who would have to wait.
        self._take_up(path, self.orders.generation, *open_table(path))
        for udp in self._udp:
            udp.start(loop)
        if self._fast is not None:
            self._fast.start()
        self._say_which_path()
        for sock in self._sockets:
            if sock.type is socket.SOCK_STREAM:
                await self._tcp.start(
                    sock.dup()
                )  # the server closes its own; ours is for passing on
        gc.collect()
        gc.freeze()  # what is loaded stays; collections need not walk through it
        with socket.socket(fileno=self.orders.control) as listener:
            talking = asyncio.create_task(conversation.serve(listener, self.handle))
            await self._retired.wait()
            talking.cancel()
        await self._drain()

    def _say_which_path(self) -> None:
        """Log how queries are answered; that it is slower than it could be is never hidden."""
        if self._fast is None and self.orders.dataplane != "python":
            _log.warning("data plane", path=self.path, reason=why_not())
        else:
            _log.info("data plane", path=self.path)

    @property
    def path(self) -> str:
        """What answers: ``fast``, the compiled data plane, or ``python``."""
        return "python" if self._fast is None else "fast"

    def _respond(
        self, message: bytes, source: Source, port: int, transport: Transport
    ) -> bytes | None:
        """Answer in Python, with the responder of this moment: a swap changes which that is."""
        return self._responder.respond(message, source, port, transport)

    async def handle(self, request: Message) -> Message:
        """Do what the supervisor asks."""
        match request:
            case {
                "do": "serve",
                "table": str(table),
                "generation": int(generation),
                "passed": [int(udp), int(tcp)],
            }:
                try:
                    await self._serve(Path(table), generation, (udp, tcp))
                except GslbError as error:
                    _log.error("table refused", table=table, reason=str(error))
                    return {"ok": False, "error": str(error), "generation": self.generation}
                return {"generation": self.generation}
            case {"do": "status"}:
                return self._status()
            case {"do": "sockets"}:
                return {
                    "pid": os.getpid(),
                    "sockets": [(passed.kind, passed.listen) for passed in self.orders.sockets],
                    "pass": [*(sock.fileno() for sock in self._sockets), *self._counters],
                }
            case {"do": "retire"}:
                # A moment later: the answer is to leave before the process does.
                asyncio.get_running_loop().call_later(RETIRE_POLL_SECONDS, self._retired.set)
                return {}
        return {"ok": False, "error": "unknown request"}

    async def _serve(
        self, path: Path, generation: int, counters: tuple[int, int] | None = None
    ) -> None:
        """Map and take up the table at *path*, and count in the blocks *counters* with it.

        Raises GslbError; then nothing has changed.
        """
        self._refuse_older(generation)
        loop = asyncio.get_running_loop()
        octets, table = await loop.run_in_executor(self._verifying, open_table, path)
        self._take_up(path, generation, octets, table, counters)

    def _refuse_older(self, generation: int) -> None:
        if generation < self.generation:
            raise GslbError(f"generation {generation} is older than {self.generation}")

    def _take_up(
        self,
        path: Path,
        generation: int,
        octets: memoryview,
        table: AnswerTable,
        counters: tuple[int, int] | None = None,
    ) -> None:
        """Answer from the *table* in *octets* from now on. Raises GslbError: it is another one.

        Or a newer one was taken up while this was looked at (failures F06).
        """
        self._refuse_older(generation)
        if table.generation != generation:
            raise GslbError(f"{path}: holds generation {table.generation}, not {generation}")
        fresh = self._make_responder(table)
        fresh.draining = self._responder.draining
        if counters is not None:
            self._count_in(counters)
        self._responder = fresh  # the whole swap; the old map goes with its last user
        if self._fast is not None:
            self._fast.serve(octets)
            self._release()
        self.generation = generation
        _log.debug("table taken up", worker=self.orders.number, generation=generation)

    def _make_responder(self, table: AnswerTable | None) -> Responder:
        draw = self._random.next32
        return Responder(table, self._settings, draw, time.time, self._countings)

    def _count_in(self, counters: tuple[int, int]) -> None:
        """Count in other blocks from the next query on. Whoever passed the descriptors closes them."""
        blocks = map_block(counters[0]), map_block(counters[1])
        self._countings.use(blocks, finish_udp=self._fast is None)
        former, self._counters = self._counters, [os.dup(one) for one in counters]
        for descriptor in former:
            os.close(descriptor)

    def _release(self) -> None:
        """Unmap what no thread of the compiled data plane answers from any more; soon, if not now."""
        if self._fast is not None and not self._fast.release():
            asyncio.get_running_loop().call_later(RELEASE_SECONDS, self._release)

    def _status(self) -> Message:
        return {"pid": os.getpid(), "dataplane": self.path, "generation": self.generation}

    async def _drain(self) -> None:
        """Take no more queries by UDP, and let TCP clients finish what they have begun."""
        loop = asyncio.get_running_loop()
        for udp in self._udp:
            udp.stop(loop)
        self._responder.draining = True
        if self._fast is not None:
            self._fast.stop()
            self._fast.drain()
        self._tcp.drain()
        until = loop.time() + RETIRE_SECONDS
        while len(self._tcp.connections) and loop.time() < until:  # noqa: ASYNC110 - tells nobody
            await asyncio.sleep(RETIRE_POLL_SECONDS)
        self._tcp.close()
        self._countings.finish()


def open_table(path: Path) -> tuple[memoryview, AnswerTable]:
    """Map the table at *path*; return its octets, and its reader. Raises GslbError if it is damaged."""
    try:
        with path.open("rb") as file:
            mapped = mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ)
    except (OSError, ValueError) as error:  # ValueError: the file is empty
        raise GslbError(f"{path}: cannot be mapped: {error}") from None
    octets = memoryview(mapped)
    problems = find_damage(octets)
    if problems:
        raise GslbError(f"{path}: {'; '.join(problems[:MAX_REASONS])}")
    return octets, AnswerTable(octets)


def map_block(descriptor: int) -> mmap.mmap:
    """Map a block of counters, to be written. The descriptor may be closed then. Raises GslbError."""
    try:
        return mmap.mmap(descriptor, 0)
    except (OSError, ValueError) as error:
        raise GslbError(f"counters cannot be mapped: {error}") from None


def responder_settings(orders: Orders) -> ResponderSettings:
    """Return what the responder is told."""
    return ResponderSettings(
        nsid=orders.nsid.encode() if orders.nsid is not None else None,
        version=orders.version.encode() if orders.version is not None else None,
        ecs_max4=orders.ecs_max4,
        ecs_max6=orders.ecs_max6,
        cookie_secrets=tuple(map(bytes.fromhex, orders.cookie_secrets)),
        tcp_idle_seconds=orders.tcp.idle_seconds,
        errors_per_second=orders.errors_per_second,
        responses_per_second=orders.responses_per_second,
        own=frozenset(own for passed in orders.sockets for own in own_addresses(passed.listen)),
    )


def own_addresses(listen: str) -> list[tuple[Source, int]]:
    """Return the addresses that *listen* surely means: of a wildcard, the loopback ones."""
    host, _, port = listen.rpartition(":")
    host = {"0.0.0.0": "127.0.0.1", "[::]": "[::1]"}.get(host, host)  # noqa: S104 - no bind
    return [(source_of(host.strip("[]")), int(port))]


async def work(channel: socket.socket) -> None:
    """Do as the orders that come over *channel* say, if any do. Raises GslbError."""
    with channel:
        orders = receive(channel)
    if orders is None:
        return
    logs.set_up(orders.log_level, orders.log_format, f"worker-{orders.number}")
    await Worker(orders).run()


def main() -> None:
    """Be a worker."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # a terminal's Ctrl-C is the supervisor's
    logs.set_up(process="worker")
    sys.setswitchinterval(SWITCH_SECONDS)
    channel = socket.socket(fileno=os.dup(0))
    try:
        with asyncio.Runner(loop_factory=_loop_factory()) as runner:
            runner.run(work(channel))
    except GslbError as error:
        _log.error("worker cannot work", reason=str(error))
        raise SystemExit(1) from None


def _loop_factory() -> Callable[[], asyncio.AbstractEventLoop] | None:
    """Return how to make the event loop: uvloop where it is installed."""
    try:
        import uvloop  # noqa: PLC0415 - not on every platform
    except ImportError:
        return None
    factory: Callable[[], asyncio.AbstractEventLoop] = uvloop.new_event_loop
    return factory


if __name__ == "__main__":
    main()
