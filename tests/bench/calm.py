"""What a query notices of everything else: answers at half load, at rest and while the node is busy.

    python -m tests.bench calm [--names N] [--seconds S] [--rounds N]

Each round measures at rest, and then with reloads of the whole policy one after the other, with an
endpoint that goes down or up every 100 ms, with the API asked without a pause, and with all of it at
once. The first core is the worker's; the load generator has the last, and everything else what is left.
"""

from __future__ import annotations

import contextlib
import os
import signal
import statistics
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import dns.exception
import dns.message
import dns.query

from gslb.cli.calling import Node as Api
from gslb.control import ControlError
from gslb.errors import GslbError
from tests.bench import peers
from tests.bench.peers import ZONE
from tests.bench.quiet import quietly
from tests.bench.shooting import Found, beside_the_generator, build_dnsblast, pin, shoot
from tests.system.nodes import Node, free_port, until

FLIP_SECONDS = 0.1
FIND_SECONDS = 3.0
LAST = 19  # step of `nice`
PROBE_SECONDS = 0.002  # between two queries while a worker is away


def measure(folder: Path, names: int, seconds: float, rounds: int) -> None:
    """Print the latencies at rest and while busy, a start from disk, and the death of a worker."""
    blast = build_dnsblast(folder)
    with beside_the_generator():
        _calm(folder, blast, names, seconds, rounds)


def _calm(folder: Path, blast: Path, names: int, seconds: float, rounds: int) -> None:
    node = Node(folder / "calm", workers=1)
    node.policy.write_text(peers.policy_text(names))
    try:
        process = node.start("--dataplane", "auto")
        worker = _worker(node)
        pin(worker)
        load = ["-n", f"www.{ZONE}", "-e"]
        most = shoot(blast, node.port, load, worker, FIND_SECONDS)["qps"]
        half = [*load, "-r", f"{most / 2:.0f}"]
        pairs: dict[str, list[Pair]] = {what: [] for what in DISTURBANCES}
        for _ in range(rounds):
            for what, doing in DISTURBANCES.items():

                def both(doing: tuple[Doing, ...] = doing) -> tuple[Found, Found]:
                    rest = shoot(blast, node.port, half, worker, seconds)
                    with disturbed(node, doing):
                        return rest, shoot(blast, node.port, half, worker, seconds)

                pairs[what].append(Pair(*quietly(both)))
        _print(pairs, most / 2, names)
        process.terminate()
        process.wait()
        print(f"start      from the table on disk, {names} names: {_start(node):.0f} ms to the first answer (limit 300)")  # fmt: skip
    finally:
        node.stop()
    dead = Node(folder / "dead", workers=2, port=free_port())
    dead.policy.write_text(peers.policy_text(100))
    try:
        dead.start("--dataplane", "auto")
        print(f"kill -9    of one of two workers: its share of queries is unanswered for {_death(dead):.0f} ms (limit 500)")  # fmt: skip
    finally:
        dead.stop()


@dataclass(frozen=True)
class Pair:
    """Two measurements, one right after the other."""

    found: tuple[Found, Found]  # at rest, disturbed
    others: float  # cores that the rest of the machine used meanwhile

    @property
    def ratio(self) -> float:
        """How many times as long the slowest hundredth takes when disturbed."""
        rest, busy = self.found
        return float(busy["p99_us"] / max(rest["p99_us"], 1))


def _print(pairs: dict[str, list[Pair]], rate: float, names: int) -> None:
    """Print for each disturbance what it made of the latencies just before it."""
    every = [pair for found in pairs.values() for pair in found]
    print(
        f"calm       {rate:.0f} queries/s, half of the most; {names} names;"
        f" medians of {len(every) // len(pairs)} rounds, in which others used"
        f" {statistics.median(pair.others for pair in every):.2f} cores"
        f" ({max(pair.others for pair in every):.2f} at most):"
    )
    print(f"           {'at rest':20s} {_line([pair.found[0] for pair in every])}")
    for what, found in pairs.items():
        ratios = sorted(pair.ratio for pair in found)
        print(
            f"           {what:20s} {_line([pair.found[1] for pair in found])};"
            f" p99 {statistics.median(ratios):.2f} × at rest"
            f" ({ratios[0]:.2f} to {ratios[-1]:.2f}; limit 1.2)"
        )


def _line(runs: list[Found]) -> str:
    p50, p99 = (statistics.median(run[q] for run in runs) for q in ("p50_us", "p99_us"))
    lost, sent = (sum(run[key] for run in runs) for key in ("lost", "answers"))
    return f"p50 {p50:5.0f} µs, p99 {p99:6.0f} µs, {lost} lost of {sent + lost}"


# ---- what disturbs ---------------------------------------------------------------------------


def reloads(node: Node, stop: threading.Event) -> int:
    """Load all policies again and again; each time one record has another TTL."""
    text = node.policy.read_text()
    count = 0
    while not stop.is_set():
        count += 1
        ttl = 30 + count % 2
        node.policy.write_text(text.replace("defaults: {ttl: 30", f"defaults: {{ttl: {ttl}"))
        with contextlib.suppress(GslbError):
            code, _, _ = node.reload()
            assert code == 0
    node.policy.write_text(text)
    return count


def flips(node: Node, stop: threading.Event) -> int:
    """Force an endpoint down and let it be, every `FLIP_SECONDS`."""
    api = Api(node.state)
    count = 0
    made = None
    while not stop.wait(FLIP_SECONDS):
        with contextlib.suppress(ControlError):
            if made is None:
                body = {
                    "location": "aws/us-east-1/z0",
                    "reason": "bench",
                    "kind": "force-down",
                    "force": True,
                }
                made = api.call("POST", "/drains", body)["drain"]["id"]
            else:
                api.call("DELETE", f"/drains/{made}")
                made = None
            count += 1
    if made is not None:
        api.call("DELETE", f"/drains/{made}")
    return count


def asking(node: Node, stop: threading.Event) -> int:
    """Ask the API for everything that it shows, without a pause."""
    api = Api(node.state)
    count = 0
    explain = {"name": f"www.{ZONE}", "client": "1.2.3.4"}
    while not stop.is_set():
        with contextlib.suppress(ControlError):
            api.call("GET", "/status")
            api.call("GET", "/locations")
            api.call("GET", "/explain", query=explain)
            count += 3
    return count


Doing = Callable[[Node, threading.Event], int]
DISTURBANCES: dict[str, tuple[Doing, ...]] = {
    "reload after reload": (reloads,),
    "a flip every 100 ms": (flips,),
    "the API asked": (asking,),
    "all of it": (reloads, flips, asking),
}


@contextlib.contextmanager
def disturbed(node: Node, doing: tuple[Doing, ...]) -> Iterator[None]:
    """Do all of *doing* while the body runs; each must have been done at least once."""
    stop = threading.Event()
    counts = [0] * len(doing)

    def do(number: int) -> None:
        os.setpriority(
            os.PRIO_PROCESS, 0, LAST
        )  # this thread's: whoever asks is elsewhere in truth
        counts[number] = doing[number](node, stop)

    threads = [threading.Thread(target=do, args=(n,)) for n in range(len(doing))]
    for thread in threads:
        thread.start()
    try:
        yield
    finally:
        stop.set()
        for thread in threads:
            thread.join()
    assert all(counts), f"of what was to disturb, only {counts} was done"


# ---- starts and deaths -----------------------------------------------------------------------


def _worker(node: Node) -> int:
    return int(node.events("worker serves")[-1]["worker_pid"])


def _answered(port: int, seconds: float) -> bool:
    query = dns.message.make_query(f"www.{ZONE}", "A")
    with contextlib.suppress(OSError, dns.exception.Timeout):
        return bool(dns.query.udp(query, "127.0.0.1", seconds, port).answer)
    return False


def _start(node: Node) -> float:
    """Return the milliseconds from the start of the program to its first answer."""
    before = time.perf_counter()
    node.spawn("--dataplane", "auto")
    until(lambda: _answered(node.port, 0.02), "the node answers")
    return (time.perf_counter() - before) * 1e3


def _death(node: Node) -> float:
    """Kill a worker; return the milliseconds from then to the last query that nobody answered."""
    victim = _worker(node)
    start = time.perf_counter()
    os.kill(victim, signal.SIGKILL)
    last = start
    while (now := time.perf_counter()) - start < 3:
        if not _answered(node.port, 0.1):  # each is sent from a port of its own: to either worker
            last = now
        time.sleep(PROBE_SECONDS)
    return (last - start) * 1e3
