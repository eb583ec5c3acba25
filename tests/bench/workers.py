"""What a second worker brings: the processor time of an answer, of one alone and of two side by side.

    python -m tests.bench workers [--names N] [--seconds S] [--rounds N]

Workers share no lock, no socket and no counter, so two should do twice the work of one. What they
could still do to each other (shared cache lines, locks of the kernel) shows as processor time: an
answer may not cost more than 1 / 0.9 of what it costs one worker alone, or two of them would do
less than 1.8 times its work. Each worker gets the same rate, a quarter of what one can do at most,
and a core of its own; the load generator is beside the last one, as there are seldom more cores.
"""

from __future__ import annotations

import statistics
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from tests.bench import peers
from tests.bench.peers import ZONE
from tests.bench.quiet import quietly
from tests.bench.shooting import CPUS, Found, build_dnsblast, pin, shoot
from tests.system.nodes import Node

FIND_SECONDS = 2.0
SOCKETS = 64  # of the load generator: the kernel spreads them over the workers by their addresses
LIMIT = 1.8


@dataclass(frozen=True)
class Cost:
    """What a run of the load generator cost the workers."""

    nanoseconds: float  # of processor time an answer
    lost: int


def measure(folder: Path, names: int, seconds: float, rounds: int) -> None:
    """Print what an answer costs one worker, and what it costs two."""
    blast = build_dnsblast(folder)
    nodes = [Node(folder / f"workers-{count}", workers=count) for count in (1, 2)]
    try:
        served = [_start(node, names) for node in nodes]
        load = ["-n", f"www.{ZONE}", "-e", "-s", str(SOCKETS)]
        rate = shoot(blast, nodes[0].port, load, served[0][0], FIND_SECONDS)["qps"] / 4

        def at(workers: int) -> list[str]:
            return [*load, "-r", f"{rate * workers:.0f}"]

        def both() -> list[Cost]:
            return [
                _cost(pids, partial(shoot, blast, node.port, at(len(pids)), pids[0], seconds))
                for node, pids in zip(nodes, served, strict=True)
            ]

        found = [quietly(both) for _ in range(rounds)]
    finally:
        for node in nodes:
            node.stop()
    ratios = sorted(2 * one.nanoseconds / two.nanoseconds for (one, two), _ in found)
    one, two = (
        statistics.median(pair[number].nanoseconds for pair, _ in found) / 1e3 for number in (0, 1)
    )
    lost = sum(cost.lost for pair, _ in found for cost in pair)
    print(
        f"workers    {rate:.0f} queries/s for each, on {len(CPUS)} cores; medians of {rounds} rounds,"
        f" in which others used {statistics.median(used for _, used in found):.2f} cores:\n"
        f"           CPU an answer: one worker {one:.2f} µs, two {two:.2f} µs; two do"
        f" {statistics.median(ratios):.2f} × the work of one ({ratios[0]:.2f} to {ratios[-1]:.2f};"
        f" at least {LIMIT}); {lost} lost"
    )


def _start(node: Node, names: int) -> list[int]:
    """Start a node; return the process ids of its workers, each pinned to a core of its own."""
    node.policy.write_text(peers.policy_text(names))
    node.start("--dataplane", "auto")
    pids = [int(event["worker_pid"]) for event in node.events("worker serves")]
    for number, pid in enumerate(pids):
        pin(pid, CPUS[number % len(CPUS)])
    return pids


def _cost(pids: list[int], shooting: Callable[[], Found]) -> Cost:
    """Return what *shooting* costs these processes an answer."""
    before = _used(pids)
    found = shooting()
    return Cost((_used(pids) - before) / max(found["answers"], 1), found["lost"])


def _used(pids: list[int]) -> int:
    """Return the processor time of all threads of some processes, in nanoseconds."""
    threads = (thread for pid in pids for thread in Path(f"/proc/{pid}/task").iterdir())
    return sum(int((thread / "schedstat").read_text().split()[0]) for thread in threads)
