"""Us beside gdnsd, Knot DNS and PowerDNS, on the same work, in one run.

    python -m tests.bench peers [--names N] [--seconds S] [--rounds N] [--write]

One server at a time is loaded, by one thread pinned to the last core, while the server is pinned to
the first. The figure that counts is the server's own CPU time per answer, because it does not depend
on how fast the load generator is; rounds are interleaved so that drift of the machine hits everybody
alike, and medians are shown. Latency is measured at half of what the server can do here.
"""

from __future__ import annotations

import contextlib
import statistics
import tempfile
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from tests.bench import peers
from tests.bench.peers import ZONE, Peer
from tests.bench.shooting import CPUS, build_dnsblast, machine, pin, shoot
from tests.system.nodes import Node, free_port

OURS, PYTHON = "gslb", "gslb (Python)"
RESULTS = Path(__file__).with_name("RESULTS.md")
WARM_SECONDS = 0.5


def loads(owners: Path, names: int) -> dict[str, list[str]]:
    """Return what is asked, by the words of the printed table."""
    return {
        "steered + ECS": ["-n", f"www.{ZONE}", "-e"],
        f"{names} steered names + ECS": ["-f", str(owners), "-e"],
        "static": ["-n", f"static.{ZONE}"],
        "NXDOMAIN flood": ["-f", str(owners.with_name("nobody"))],
        "DO=1, steered + ECS": ["-n", f"www.{ZONE}", "-e", "-d"],
        "AAAA, steered + ECS": ["-n", f"www.{ZONE}", "-e", "-6"],
        "TCP, steered + ECS": ["-n", f"www.{ZONE}", "-e", "-T"],
    }


def compare(names: int, seconds: float, rounds: int, write: bool) -> None:
    """Measure whoever is installed, print one table, and write it down if asked to."""
    with (
        tempfile.TemporaryDirectory(prefix="gslb-peers-") as folder,
        contextlib.ExitStack() as held,
    ):
        here = Path(folder)
        blast = build_dnsblast(here)
        owners = here / "owners"
        owners.write_text("".join(f"n{n}.{ZONE}\n" for n in range(names)))
        (here / "nobody").write_text("".join(f"x{n}.{ZONE}\n" for n in range(names)))
        servers = _start(here, names, held)
        asked = loads(owners, names)
        runs: dict[tuple[str, str], list[dict[str, Any]]] = {}
        for _ in range(rounds):
            for what, load in asked.items():
                for server in servers:
                    shoot(blast, server.port, load, server.pid, WARM_SECONDS)
                    found = shoot(blast, server.port, load, server.pid, seconds)
                    runs.setdefault((what, server.name), []).append(found)
        steered = asked["steered + ECS"]
        quick = [server for server in servers if server.name != PYTHON]
        for _ in range(rounds):
            for server in quick:
                rate = median(runs["steered + ECS", server.name], "qps") / 2
                half = [*steered, "-r", f"{rate:.0f}"]
                found = shoot(blast, server.port, half, server.pid, seconds)
                runs.setdefault(("half load", server.name), []).append(found)
    text = report(servers, quick, list(asked), runs, rounds, seconds)
    print(text)
    if write:
        RESULTS.write_text(f"# Measured beside the peers\n\n`make bench ARGS=peers`\n\n{text}")


def _start(here: Path, names: int, held: contextlib.ExitStack) -> list[Peer]:
    """Start everybody; a peer that cannot be started is named and left out."""
    mmdb = peers.write_continents(here / "continents.mmdb")
    servers = []
    for name, version in peers.installed().items():
        folder = here / name.replace(" ", "-")
        run = peers.running(name, version, folder, mmdb, free_port(), names, CPUS[0])
        try:
            servers.append(held.enter_context(run))
        except RuntimeError as error:
            print(f"left out: {error}")
    for name, dataplane in ((OURS, "auto"), (PYTHON, "python")):
        folder = here / dataplane
        servers.append(held.enter_context(ours(folder, name, names, dataplane)))
    return servers


@contextlib.contextmanager
def ours(folder: Path, name: str, names: int, dataplane: str) -> Iterator[Peer]:
    """Run a node of one worker on the same work."""
    node = Node(folder, workers=1)
    node.policy.write_text(peers.policy_text(names))
    try:
        process = node.start("--dataplane", dataplane)
        worker = node.events("worker serves")[-1]["worker_pid"]
        for pid in (process.pid, worker):
            pin(pid)
        yield Peer(name, "", node.port, worker)
    finally:
        node.stop()


def median(runs: Sequence[dict[str, Any]], what: str) -> float:
    """Return the median of one figure over the rounds."""
    return float(statistics.median(run[what] for run in runs))


def report(
    servers: Sequence[Peer],
    quick: Sequence[Peer],
    asked: Sequence[str],
    runs: dict[tuple[str, str], list[dict[str, Any]]],
    rounds: int,
    seconds: float,
) -> str:
    """Return the table as markdown."""
    versions = ", ".join(f"{server.name} {server.version}".strip() for server in servers)
    lines = [
        f"{machine()}; {versions}. {rounds} rounds of {seconds:g} s, medians.",
        "",
        "CPU time of the server per answer (its ratio to gdnsd's), and answers a second against one thread of load:",
        "",
        "| work | " + " | ".join(server.name for server in servers) + " |",
        "|---|" + "---|" * len(servers),
    ]
    for what in asked:
        base = runs.get((what, "gdnsd"))
        cells = []
        for server in servers:
            found = runs[what, server.name]
            cost = median(found, "server_us_per_answer")
            ratio = f" ({cost / median(base, 'server_us_per_answer'):.2f} ×)" if base else ""
            cells.append(
                f"{cost:.2f} µs{ratio}, {median(found, 'qps') / 1000:.0f} k/s{_wrong(what, found)}"
            )
        lines.append(f"| {what} | " + " | ".join(cells) + " |")
    lines += [
        "",
        "How long answers take at half of each server's own rate (steered + ECS), from when the query was due:",
        "",
        "| | rate | p50 | p99 | p99.9 | lost |",
        "|---|---|---|---|---|---|",
    ]
    for server in quick:
        found = runs["half load", server.name]
        lines.append(
            f"| {server.name} | {median(found, 'qps') / 1000:.0f} k/s | {median(found, 'p50_us'):.0f} µs | "
            f"{median(found, 'p99_us'):.0f} µs | {median(found, 'p999_us'):.0f} µs | {sum(r['lost'] for r in found)} |"
        )  # fmt: skip
    return "\n".join(lines) + "\n"


def _wrong(what: str, runs: Sequence[dict[str, Any]]) -> str:
    """Tell of answers that were not what was asked for: none should be."""
    bad = sum(run["bad"] for run in runs)
    if what.startswith("NXDOMAIN"):
        bad = sum(run["answers"] for run in runs) - bad  # there all are to be errors
    return f", {bad} wrong" if bad else ""
