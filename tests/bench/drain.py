"""A drain of a whole cloud, from the call to the last answer that still has it: real processes.

One node, the policies of `tests.bench.worlds`. While ``POST /drains`` is on its way, names of every
policy are asked over UDP for several clients, without a pause; the last response that still has an
address of the cloud ends the measurement. The first drain comes right after the node has compiled,
and again right after each reload.
"""

from __future__ import annotations

import contextlib
import socket
import statistics
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import dns.edns
import dns.message

from gslb.cli.calling import Node as Api
from tests.bench.worlds import POLICIES, SITES, policy_text
from tests.system.nodes import Node, until

CLOUD = "aws"
CLOUD_SITES = sum(site.startswith(f"{CLOUD}/") for site in SITES)  # the first ones: 10.0 to 10.15
CLIENTS = (
    "",
    "8.8.8.0",
    "133.11.0.0",
    "200.160.0.0",
)  # none in a fence, which keeps what is drained
HEADER_A = b"\0\x01\0\x01"  # type A, class IN
RDATA_AT = 10  # octets from the type of a record to its data, RFC 1035 §3.2.1
BATCH = 8  # queries, and then a rest
PAUSE = 0.3  # seconds between two drains, so that nothing of the one before is still under way
WAIT_SECONDS = 2.0  # for an answer that still has the cloud, before a drain


class Watcher:
    """Asks without a pause; knows when a response last had an address of the cloud."""

    def __init__(self, port: int) -> None:
        """Ask the server at *port* of loopback."""
        self.last_stale = 0.0  # as of time.perf_counter
        self._port = port
        self._queries = [_query(f"n{p}.bench.test", c) for p in range(POLICIES) for c in CLIENTS]
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._ask)

    @contextlib.contextmanager
    def watching(self) -> Iterator[None]:
        """Ask while the body runs."""
        self._thread.start()
        try:
            yield
        finally:
            self._stop.set()
            self._thread.join()

    def _ask(self) -> None:
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:
            sock.settimeout(0.5)
            sock.connect(("127.0.0.1", self._port))
            while not self._stop.is_set():
                for number, query in enumerate(self._queries):
                    with contextlib.suppress(TimeoutError):
                        sock.send(query)
                        if has_cloud(sock.recv(4096)):
                            self.last_stale = time.perf_counter()
                    if number % BATCH == 0:
                        time.sleep(0.001)  # two cores are all there are, and two processes at work


def _query(name: str, client: str) -> bytes:
    options = [dns.edns.ECSOption(client, 24)] if client else []
    return dns.message.make_query(name, "A", use_edns=0, options=options).to_wire()


def has_cloud(response: bytes) -> bool:
    """Return whether an address record of *response* is one of the cloud's."""
    at = response.find(HEADER_A, 12)
    at = response.find(HEADER_A, at + 1)  # behind that of the question
    while at >= 0:
        data = response[at + RDATA_AT : at + RDATA_AT + 4]
        if len(data) == 4 and data[0] == 10 and data[1] < CLOUD_SITES:
            return True
        at = response.find(HEADER_A, at + 1)
    return False


def measure(folder: Path, names: int, rounds: int) -> None:
    """Print milliseconds from the call to its answer and to the last changed answer."""
    node = Node(folder / "drain", workers=1)
    text = "\n".join(policy_text(names))
    node.policy.write_text(text)
    firsts: list[tuple[float, float]] = []
    others: list[tuple[float, float]] = []
    try:
        node.start("--dataplane", "auto")
        api = Api(node.state)
        watcher = Watcher(node.port)
        with watcher.watching():
            firsts.append(_drain(api, watcher))
            others += [_drain(api, watcher) for _ in range(rounds)]
            for number in range(2):
                ttl = 31 + number
                node.policy.write_text(text.replace("{ttl: 30,", f"{{ttl: {ttl},"))
                assert node.reload()[0] == 0
                firsts.append(_drain(api, watcher))
    finally:
        node.stop()
    print(f"drain      {CLOUD} of {names} names, from the call, ms: to its answer, to the last changed answer")  # fmt: skip
    for what, found in (("again and again", others), ("first after a compilation", firsts)):
        answers, changes = zip(*found, strict=True)
        print(
            f"           {what:26s} median {statistics.median(answers):4.0f}, {statistics.median(changes):4.0f};"
            f" worst {max(answers):4.0f}, {max(changes):4.0f} (limit 100); {len(found)} drains"
        )  # fmt: skip


def _drain(api: Api, watcher: Watcher) -> tuple[float, float]:
    """Drain the cloud and end that; return the ms to the answer and to the last changed answer."""
    before = watcher.last_stale
    until(lambda: watcher.last_stale > before, "the cloud is answered", WAIT_SECONDS)
    body = {"location": CLOUD, "reason": "bench", "force": True}  # a fence has nothing else
    began = time.perf_counter()
    made = api.call("POST", "/drains", body)
    answered = time.perf_counter()
    time.sleep(PAUSE)
    last = watcher.last_stale
    api.call("DELETE", f"/drains/{made['drain']['id']}")
    time.sleep(PAUSE)
    return (answered - began) * 1e3, (last - began) * 1e3
