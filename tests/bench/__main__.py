"""``make bench``: the numbers that the product is held to, measured here and now.

    python -m tests.bench [geo] [compile] [health] [drain] [leaving] [responder] [calm] [workers] [push] [peers] [--write] [--names N] [--seconds S] [--rounds N]

Times belong to the machine that ran them; ratios within one run mean more. The load generator and
the server that is measured are pinned to different cores where there are two.
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import dns.message
import dns.query

from gslb.geo.load import embedded_table
from gslb.geo.lookup import locate
from tests.bench import calm, drain, health, leaving, push, workers
from tests.bench.compare import compare
from tests.bench.shooting import CPUS, build_dnsblast, machine, shoot
from tests.bench.worlds import policy_text
from tests.system.nodes import ENVIRONMENT, Node, free_port

ALL = [
    "geo",
    "compile",
    "health",
    "drain",
    "leaving",
    "responder",
    "calm",
    "workers",
    "push",
    "peers",
]
DRAINS = 12  # of one cloud, one after the other


def main() -> None:
    """Run what was asked for, or everything."""
    parser = argparse.ArgumentParser(
        prog="python -m tests.bench", description=__doc__.splitlines()[0]
    )
    parser.add_argument("what", nargs="*", choices=[*ALL, []], default=[])
    parser.add_argument("--names", type=int, default=100_000)
    parser.add_argument("--seconds", type=float, default=4.0)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--write", action="store_true", help="keep the peers' table in RESULTS.md")
    options = parser.parse_args()
    what = options.what or ALL
    print(machine())
    with tempfile.TemporaryDirectory(prefix="gslb-bench-") as folder:
        if "geo" in what:
            geo()
        if "compile" in what:
            compiling(Path(folder), options.names)
        if "health" in what:
            moving(Path(folder), options.names)
        if "drain" in what:
            drain.measure(Path(folder), options.names, DRAINS)
        if "leaving" in what:
            leaving.measure(Path(folder), options.rounds)
        if "responder" in what:
            responding(Path(folder), options.names, options.seconds, options.rounds)
        if "calm" in what:
            calm.measure(Path(folder), options.names, options.seconds, options.rounds)
        if "workers" in what:
            workers.measure(Path(folder), options.names, options.seconds, options.rounds)
        if "push" in what:
            push.measure(Path(folder))
    if "peers" in what:
        compare(options.names, options.seconds, options.rounds, options.write)


def moving(folder: Path, names: int) -> None:
    """Measure how soon the table follows what the checker says."""
    took = asyncio.run(health.measure(folder, names))
    print(
        f"health: {names} names, one endpoint down, until the table has it:"
        f" {took['median']:.1f} ms ({took['worst']:.1f} ms at most),"
        f" {took['planned']:.1f} ms while a drain is planned;"
        f" a cloud of 160 endpoints: {took['cloud']:.0f} ms"
    )


def geo() -> None:
    """Measure how long the embedded geo table takes to be ready, and a look-up by hand."""
    loads = []
    for _ in range(7):
        start = time.perf_counter()
        table = embedded_table()
        loads.append((time.perf_counter() - start) * 1e3)
    start = time.perf_counter()
    for n in range(2000):
        locate(table, f"{1 + n % 220}.{n % 256}.8.8")
    look = (time.perf_counter() - start) / 2000 * 1e6
    print(
        f"geo        load median {statistics.median(loads):.1f} ms (limit 50); `geo lookup` {look:.0f} µs"
    )


def compiling(folder: Path, names: int) -> None:
    """Measure from policy text to a served table, in a process of its own."""
    policy = folder / "world.yaml"
    policy.write_text("\n".join(policy_text(names)))
    found = json.loads(python("tests.bench.compile", str(policy), str(names)))
    steps = ", ".join(f"{name} {seconds:.2f}" for name, seconds in found["steps"].items())
    print(
        f"compile    {names} names, 20 policies, 400 endpoints: {found['seconds']:.1f} s (limit 15), peak "
        f"{found['peak_mib']} MiB (limit 600)\n           seconds: {steps}\n"
        f"           table {found['octets_a_name']} octets a name beyond the name (limit 200); one endpoint's change "
        f"{found['flip_ms']['median']} ms median, {found['flip_ms']['max']} ms max (limit 10)"
    )  # fmt: skip


def responding(folder: Path, names: int, seconds: float, rounds: int) -> None:
    """Measure answers a second and CPU an answer of one worker, beside two yardsticks."""
    blast = build_dnsblast(folder)
    owners = folder / "owners"
    owners.write_text("".join(f"n{n}.bench.test\n" for n in range(names)))
    node = Node(folder / "node", workers=1)
    node.policy.write_text("\n".join(policy_text(names)))
    loads = {
        "steered + ECS": ["-n", "n1.bench.test", "-e"],
        f"{names} steered names + ECS": ["-f", str(owners), "-e"],
        "static": ["-n", "static.bench.test"],
        "NXDOMAIN": ["-n", "nowhere.bench.test"],
    }
    runs: dict[str, list[dict[str, Any]]] = {}
    with yardstick("bare") as bare, yardstick("dnslib") as library, serving(node) as worker:
        for _ in range(rounds):
            for what, load in loads.items():
                runs.setdefault(what, []).append(shoot(blast, node.port, load, worker, seconds))
            for what, (port, pid) in (("bare Python loop", bare), ("plain dnslib server", library)):
                runs.setdefault(what, []).append(shoot(blast, port, loads["static"], pid, seconds))
    base = statistics.median(run["qps"] for run in runs["plain dnslib server"])
    print(f"responder  one worker, Python data plane, {rounds} rounds of {seconds:g} s, medians:")
    for what, found in runs.items():
        qps = statistics.median(run["qps"] for run in found)
        cost = statistics.median(run["server_us_per_answer"] for run in found)
        lost = sum(run["lost"] for run in found)
        print(
            f"           {what:30s} {qps:9.0f} answers/s {cost:7.2f} µs CPU an answer {qps / base:6.2f} × dnslib, lost {lost}"
        )


@contextlib.contextmanager
def serving(node: Node) -> Iterator[int]:
    """Run a node pinned to the first core; yield its worker's process id."""
    try:
        process = node.start("--dataplane", "python")
        for pid in (process.pid, worker := node.events("worker serves")[-1]["worker_pid"]):
            os.sched_setaffinity(pid, {CPUS[0]})
        time.sleep(0.2)
        yield worker
    finally:
        node.stop()


@contextlib.contextmanager
def yardstick(kind: str) -> Iterator[tuple[int, int]]:
    """Run a yardstick pinned to the first core; yield its port and process id."""
    port = free_port()
    command = [sys.executable, "-m", "tests.bench.servers", kind, str(port)]
    process = subprocess.Popen(command, env=ENVIRONMENT)
    os.sched_setaffinity(process.pid, {CPUS[0]})
    try:
        query = dns.message.make_query("static.bench.test", "A")
        deadline = time.monotonic() + 20
        while time.monotonic() < deadline:
            with contextlib.suppress(OSError, dns.exception.Timeout):
                dns.query.udp(query, "127.0.0.1", port=port, timeout=0.3)
                break
        yield port, process.pid
    finally:
        process.terminate()
        process.wait()


def python(module: str, *words: str) -> str:
    """Return what a module prints, run in a process of its own."""
    done = subprocess.run(
        [sys.executable, "-m", module, *words],
        check=True,
        capture_output=True,
        text=True,
        env=ENVIRONMENT,
    )
    return done.stdout


if __name__ == "__main__":
    main()
