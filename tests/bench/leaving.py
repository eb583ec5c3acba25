"""How long an endpoint that dies stays in the answers: real processes, real checks, real seconds.

One node at a time, 40 stand-ins of load balancers on loopback in five sites, a name for each site
that is answered with all that are up there. Again and again one of them begins to refuse connections, or to swallow them: its queue is
full, so the kernel drops what comes. It happens anywhere in the interval of the check. The first
response without its address ends the measurement, and the next fault waits until all are up again.
"""

from __future__ import annotations

import contextlib
import random
import statistics
import time
from collections.abc import Callable, Iterator
from itertools import cycle
from pathlib import Path

import dns.exception

from tests.system.nodes import Node, free_port, until
from tests.system.standins import StandIn, stand_ins

REGIONS = ("us-east-1", "us-east-2", "us-west-2", "eu-west-1", "eu-central-1")
ADDRESSES = {
    f"127.86.{site}.{zone}": f"{region}.bench.test"  # the name that is answered with it
    for site, region in enumerate(REGIONS, start=1)
    for zone in range(1, 9)  # as many as an answer may have
}
LOOK_SECONDS = 0.02  # between two queries
PATIENCE_SECONDS = 60.0  # for an endpoint to leave, and for it to come back
# Seconds; failures.md §3.0: detection of each kind, 2 more until every node answers without it.
LIMITS = {5.0: {"refused": 10.0, "swallowed": 16.0}, 1.0: {"refused": 3.0, "swallowed": 3.0}}
FAULTS: dict[str, Callable[[StandIn], None]] = {
    "refused": StandIn.kill,
    "swallowed": StandIn.swallow,
}
_POLICY = """\
version: 1
dns:
  zone: bench.test
  nameservers: {{ns1.bench.test: [127.0.0.1], ns2.bench.test: [127.0.0.2]}}
defaults: {{ttl: 30, check: web, answer: {{count: 8}}, protect: {{slow_start: off, damping: off}}}}
checks:
  web: {{type: http, port: {port}, path: /healthz{every}}}
"""


def measure(folder: Path, rounds: int) -> None:
    """Print the seconds from a fault to the first answer without it, *rounds* faults of each kind."""
    print(
        f"leaving    one of {len(ADDRESSES)} endpoints dies; seconds to the first answer without it"
    )
    for every, limits in LIMITS.items():
        for kind, found in _node(folder / f"every-{every:g}", every, rounds).items():
            print(
                f"           every {every:g} s, {kind:9s} median {statistics.median(found):5.2f},"
                f" worst {max(found):5.2f} (limit {limits[kind]:g}); {len(found)} faults"
            )  # fmt: skip


def _node(folder: Path, every: float, rounds: int) -> dict[str, list[float]]:
    """Return the seconds of each fault, by kind, on a node whose checks run *every* so many."""
    port = free_port(*ADDRESSES)
    node = Node(folder, workers=1)
    said = "" if every == 5.0 else f", every: {every:g}s"  # the default is what is promised of
    node.policy.write_text("".join(_policy(port, said)))
    config = folder / "gslb.yaml"
    config.write_text("probes: {allow: 127.0.0.0/8}\n")
    found: dict[str, list[float]] = {kind: [] for kind in FAULTS}
    with stand_ins(ADDRESSES, port) as ends, contextlib.ExitStack() as stack:
        stack.callback(node.stop)
        node.start("--config", str(config), "--dataplane", "auto")
        victims = cycle(random.sample(list(ADDRESSES), len(ADDRESSES)))
        for _ in range(rounds):
            for kind, fault in FAULTS.items():
                victim = ends[next(victims)]
                until(lambda: _up(node) == len(ADDRESSES), "all are up", PATIENCE_SECONDS)
                time.sleep(random.random() * every)
                found[kind].append(_seconds(node, victim, fault))
                victim.restore()
    return found


def _policy(port: int, every: str) -> Iterator[str]:
    yield _POLICY.format(port=port, every=every)
    yield "sites:\n"
    for region in REGIONS:
        own = [one for one, name in ADDRESSES.items() if name.startswith(f"{region}.")]
        zones = ", ".join(f"z{zone}: {{A: {one}}}" for zone, one in enumerate(own))
        yield f"  aws/{region}: {{zones: {{{zones}}}}}\n"
    yield "records:\n"
    yield from (f"  {one}.bench.test: {{rules: [{{to: aws/{one}}}]}}\n" for one in REGIONS)


def _seconds(node: Node, victim: StandIn, fault: Callable[[StandIn], None]) -> float:
    """Return the seconds from the *fault* of *victim* to the first answer without its address."""
    name = ADDRESSES[victim.address]
    assert victim.address in _answered(node, name)
    began = time.monotonic()
    fault(victim)
    while victim.address in _answered(node, name):
        assert time.monotonic() - began < PATIENCE_SECONDS, f"{victim.address} stays"
        time.sleep(LOOK_SECONDS)
    return time.monotonic() - began


def _up(node: Node) -> int:
    return int(node.status()["health"]["endpoints"]["up"])


def _answered(node: Node, name: str) -> list[str]:
    """Return the addresses of an answer. One that is lost changes nothing; asked again."""
    while True:
        with contextlib.suppress(dns.exception.Timeout):
            return node.addresses_of(name, seconds=1.0)
