"""What health checks cost: CPU of the whole process per HTTP check, and how late tries start.

    python -m tests.bench.checks [--rate 1000] [--probes 10000] [--every 10] [--seconds 4] [--rounds 5]

Against a local HTTP server (nginx where it is installed), in rounds: *rate* checks a second of
targets that are tried every second, then the same exchanges as a plain asyncio protocol on uvloop, at
the same rate, without schedule, timeout or judgement, in small groups and in those of ours; at the end *probes* targets tried every so many
seconds. Each probe has an address of its own in 127.0.0.0/8, no connection is kept, checker and server
are pinned to different cores where there are two. Times belong to the machine that ran them, and on
one that others use to the minute; the ratio of two that ran one after the other hardly does.
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import cProfile
import gc
import os
import resource
import shutil
import socket
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import cast

import uvloop

from healthcheck.model import Kind, Probe
from healthcheck.runner import LEAST_WAIT, Checked, Runner
from healthcheck.targets import reach

GAPS = (0.01, LEAST_WAIT)  # seconds between groups of the yardstick; the second: as ours start
CPUS = sorted(os.sched_getaffinity(0))
_REQUEST = b"GET /healthz HTTP/1.1\r\nHost: www.example.com\r\nConnection: close\r\n\r\n"
_NGINX = """
daemon off; worker_processes 1; pid {folder}/pid; error_log {folder}/error crit;
events {{ worker_connections 8192; }}
http {{ access_log off; server {{ listen {port} backlog=4096; location / {{ return 200 "ok"; }} }} }}
"""


def main() -> None:
    """Run the rounds and print what they cost."""
    parser = argparse.ArgumentParser(prog="python -m tests.bench.checks")
    parser.add_argument("--rate", type=int, default=1000, help="HTTP checks a second")
    parser.add_argument("--probes", type=int, default=10_000)
    parser.add_argument("--every", type=float, default=10.0, help="seconds")
    parser.add_argument("--seconds", type=float, default=4.0, help="that each is measured")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--profile", metavar="FILE", help="write a profile of the first run")
    parser.add_argument("--serve", type=int, metavar="PORT", help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.serve:
        uvloop.run(serve(options.serve))
    os.sched_setaffinity(0, CPUS[:1])
    with server() as (name, port):
        print(f"{name}, Python {sys.version.split()[0]}, uvloop {uvloop.__version__}")
        print(f"the same exchange with blocking sockets and no judgement: {bare(port):.0f} us CPU")
        ours: list[float] = []
        plain: dict[float, list[float]] = {gap: [] for gap in GAPS}
        for number in range(options.rounds):
            profile = None if number else options.profile
            ours.append(uvloop.run(measure(port, options.rate, 1.0, options.seconds, profile)))
            for gap, costs in plain.items():
                costs.append(uvloop.run(plain_asyncio(port, options.rate, options.seconds, gap)))
        uvloop.run(measure(port, options.probes, options.every, options.seconds, None))
    print(f"medians of {options.rounds} rounds: ours {statistics.median(ours):.0f} us CPU each")
    for gap, costs in plain.items():
        ratios = [one / other for one, other in zip(ours, costs, strict=True)]
        print(
            f"    plain asyncio on uvloop, some every {gap * 1e3:g} ms:"
            f" {statistics.median(costs):.0f} us; ours to that"
            f" {statistics.median(ratios):.2f} ({min(ratios):.2f} to {max(ratios):.2f})"
        )


async def measure(
    port: int, count: int, every: float, seconds: float, profile: str | None
) -> float:
    """Run *count* probes; print their CPU and lag over *seconds*, after one interval to settle.

    Returns the CPU of one check, in microseconds.
    """
    lags: list[float] = []
    kinds: dict[Kind, int] = {}

    def seen(checked: Checked) -> None:
        outcome = checked.last
        assert outcome is not None
        lags.append(outcome.started - outcome.scheduled)
        kinds[outcome.kind] = kinds.get(outcome.kind, 0) + 1

    runner = Runner(reach(["127.0.0.0/8"]))
    runner.listen(lambda _: None, seen)
    runner.order(probe(number, port, every) for number in range(count))
    runner.start()
    await asyncio.sleep(every)
    gc.freeze()  # as the agent does
    lags.clear()
    kinds.clear()
    runner.lag.worst = 0.0
    before, began = cpu(), time.monotonic()
    with profiled(profile):
        await asyncio.sleep(seconds)
    used, wall = cpu() - before, time.monotonic() - began
    await runner.stop()
    p50, p99 = statistics.quantiles(lags, n=100)[49], statistics.quantiles(lags, n=100)[98]
    done = len(lags) - kinds.get(Kind.LATE, 0)  # one that was skipped for being late cost little
    print(
        f"{count} probes every {every:g} s: {done / wall:.0f} checks/s, "
        f"{used / done * 1e6:.0f} us CPU each ({used / wall:.0%} of a core), "
        f"start lag p50 {p50 * 1e3:.1f} ms, p99 {p99 * 1e3:.1f} ms, "
        f"worst loop lag {runner.lag.worst * 1e3:.0f} ms, {_words(kinds)}"
    )
    return used / done * 1e6


def bare(port: int, count: int = 3000) -> float:
    """Return the CPU of one exchange without anything around it, in microseconds: the kernel's part."""
    before = cpu()
    for number in range(count):
        with socket.create_connection((f"127.1.{number >> 8}.{number & 255}", port)) as sock:
            sock.sendall(_REQUEST)
            sock.recv(16 * 1024)
        if number % 10 == 0:
            time.sleep(0.005)
    return (cpu() - before) / count * 1e6


async def plain_asyncio(port: int, rate: int, seconds: float, gap: float) -> float:
    """Return the CPU of one exchange as a plain asyncio protocol, in microseconds.

    They start together in groups, one every *gap* seconds, *rate* a second: fewer wakes cost less.
    """
    loop = asyncio.get_running_loop()
    batch = max(1, round(rate * gap))
    done = 0

    async def exchange(number: int) -> None:
        nonlocal done
        over: asyncio.Future[None] = loop.create_future()
        address = f"127.1.{number >> 8 & 255}.{number & 255}"
        await loop.create_connection(lambda: _Get(over), address, port)
        await over
        done += 1

    before, number = cpu(), 0
    until = loop.time() + seconds
    tasks: set[asyncio.Task[None]] = set()
    while loop.time() < until:
        for _ in range(batch):
            number += 1
            task = loop.create_task(exchange(number))
            tasks.add(task)
            task.add_done_callback(tasks.discard)
        await asyncio.sleep(batch / rate)
    await asyncio.gather(*tasks)
    return (cpu() - before) / done * 1e6


class _Get(asyncio.Protocol):
    def __init__(self, over: asyncio.Future[None]) -> None:
        self._over = over

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast("asyncio.Transport", transport)
        self._transport.write(_REQUEST)

    def data_received(self, data: bytes) -> None:
        self._transport.close()

    def connection_lost(self, exc: Exception | None) -> None:
        self._over.set_result(None)


async def serve(port: int) -> None:
    """Answer every request with 200, in place of nginx, until killed."""
    server = await asyncio.get_running_loop().create_server(_Answer, "0.0.0.0", port, backlog=4096)
    await server.serve_forever()


class _Answer(asyncio.Protocol):
    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast("asyncio.Transport", transport)

    def data_received(self, data: bytes) -> None:
        self._transport.write(
            b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\nConnection: close\r\n\r\nok"
        )
        self._transport.close()


def probe(number: int, port: int, every: float) -> Probe:
    """Return an HTTP probe of an address of its own."""
    address = f"127.{1 + (number >> 16)}.{number >> 8 & 255}.{number & 255}"
    return Probe("http", address, port, every, 2.0, 3, 3, host="www.example.com", path="/healthz")


def cpu() -> float:
    """Return the seconds of CPU that this process has used, the kernel's on its behalf included."""
    used = resource.getrusage(resource.RUSAGE_SELF)
    return used.ru_utime + used.ru_stime


@contextlib.contextmanager
def server() -> Iterator[tuple[str, int]]:
    """Yield name and port of a local HTTP server on the last core."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = int(free.getsockname()[1])
    nginx = shutil.which("nginx", path=f"{os.environ.get('PATH', '')}:/usr/sbin")
    with tempfile.TemporaryDirectory(prefix="gslb-bench-") as folder:
        if nginx:
            config = Path(folder, "nginx.conf")
            config.write_text(_NGINX.format(folder=folder, port=port))
            command = [nginx, "-c", str(config), "-p", folder]
        else:
            command = [sys.executable, "-m", "tests.bench.checks", "--serve", str(port)]
        with subprocess.Popen(command, stderr=subprocess.DEVNULL) as process:
            os.sched_setaffinity(process.pid, CPUS[-1:])
            try:
                _await_port(port)
                for child in (
                    Path(f"/proc/{process.pid}/task/{process.pid}/children").read_text().split()
                ):
                    os.sched_setaffinity(int(child), CPUS[-1:])
                yield ("nginx" if nginx else "an asyncio server"), port
            finally:
                process.terminate()


def _await_port(port: int) -> None:
    until = time.monotonic() + 5.0
    while time.monotonic() < until:
        with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", port), 0.2):
            return
        time.sleep(0.05)
    raise SystemExit("the local server does not listen")


@contextlib.contextmanager
def profiled(path: str | None) -> Iterator[None]:
    """Write a profile of what runs inside to *path*, if there is one."""
    if path is None:
        yield
        return
    profile = cProfile.Profile()
    profile.enable()
    yield
    profile.disable()
    profile.dump_stats(path)


def _words(kinds: dict[Kind, int]) -> str:
    return ", ".join(f"{number} {kind}" for kind, number in sorted(kinds.items()))


if __name__ == "__main__":
    main()
