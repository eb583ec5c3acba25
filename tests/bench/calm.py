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
from pathlib import Path
from typing import Any

import dns.exception
import dns.message
import dns.query

from gslb.cli.calling import Node as Api
from gslb.control import ControlError
from gslb.errors import GslbError
from tests.bench import peers
from tests.bench.peers import ZONE
from tests.bench.shooting import build_dnsblast, pin, shoot
from tests.system.nodes import Node, free_port, until

FLIP_SECONDS = 0.1
FIND_SECONDS = 3.0
PROBE_SECONDS = 0.002  # between two queries while a worker is away


def measure(folder: Path, names: int, seconds: float, rounds: int) -> None:
    """Print the latencies at rest and while busy, a start from disk, and the death of a worker."""
    blast = build_dnsblast(folder)
    node = Node(folder / "calm", workers=1)
    node.policy.write_text(peers.policy_text(names))
    try:
        process = node.start("--dataplane", "auto")
        worker = _worker(node)
        pin(worker)
        load = ["-n", f"www.{ZONE}", "-e"]
        most = shoot(blast, node.port, load, worker, FIND_SECONDS)["qps"]
        half = [*load, "-r", f"{most / 2:.0f}"]
        runs: dict[str, list[dict[str, Any]]] = {}
        for _ in range(rounds):
            runs.setdefault("at rest", []).append(shoot(blast, node.port, half, worker, seconds))
            for what, doing in DISTURBANCES.items():
                with disturbed(node, doing):
                    found = shoot(blast, node.port, half, worker, seconds)
                runs.setdefault(what, []).append(found)
        _print(runs, most / 2, names)
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


def _print(runs: dict[str, list[dict[str, Any]]], rate: float, names: int) -> None:
    rest = statistics.median(run["p99_us"] for run in runs["at rest"])
    print(
        f"calm       {rate:.0f} queries/s, half of the most; {names} names; medians of the rounds:"
    )
    for what, found in runs.items():
        p50, p99 = (statistics.median(run[q] for run in found) for q in ("p50_us", "p99_us"))
        lost, sent = sum(run["lost"] for run in found), sum(run["answers"] for run in found)
        print(f"           {what:22s} p50 {p50:5.0f} µs, p99 {p99:6.0f} µs = {p99 / rest:5.2f} × at rest, {lost} lost of {sent}")  # fmt: skip


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
