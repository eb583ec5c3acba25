"""A static zone answered by this server and by Knot DNS: alike, but for differences with a reason.

The differences that are allowed, each with its reason, are the functions in ALLOWED.
"""

from __future__ import annotations

import contextlib
import shutil
import socket
import subprocess
import time
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path

import dns.message
import dns.query
import dns.zone
import pytest

from tests.patience import PATIENCE_SECONDS
from tests.peers.questions import Heard, heard, questions
from tests.system.nodes import Node, free_port

HERE = Path(__file__).parent
ZONE = "example.com"
QUESTIONS = 10_000

pytestmark = [
    pytest.mark.system,
    pytest.mark.xdist_group("static zone"),
    pytest.mark.skipif(shutil.which("knotd") is None, reason="Knot DNS is not installed"),
]


def cname_is_not_followed(query: dns.message.Message, ours: Heard, theirs: Heard) -> bool:
    """A CNAME stands alone in our answers; Knot adds the target's records when it has them.

    RFC 7871 section 7.2.1 asks it of tailored answers; we do the same for all, so that what a
    resolver caches for the target never depends on the name that led there.
    """
    cname = frozenset(record for record in theirs.answer if " cname " in record.lower())
    return (
        bool(cname)
        and ours.answer == cname
        and ours.rcode == 0
        and ours.authoritative
        and not ours.authority
        and (
            theirs.answer > cname
            or theirs.authority != ours.authority
            or theirs.rcode != ours.rcode
        )
    )


def less_additional(query: dns.message.Message, ours: Heard, theirs: Heard) -> bool:
    """Optional additional records are each server's own choice (RFC 1034 section 4.3.2 step 6)."""
    same = (ours.rcode, ours.flags, ours.question, ours.answer, ours.authority)
    return same == (theirs.rcode, theirs.flags, theirs.question, theirs.answer, theirs.authority)


ALLOWED: tuple[Callable[[dns.message.Message, Heard, Heard], bool], ...] = (
    cname_is_not_followed,
    less_additional,
)


@contextlib.contextmanager
def running(command: list[str], port: int, log: Path) -> Iterator[None]:
    """Run a DNS server until the block ends."""
    with log.open("w") as output:
        process = subprocess.Popen(command, stdout=output, stderr=subprocess.STDOUT)
    try:
        deadline = time.monotonic() + PATIENCE_SECONDS
        probe = dns.message.make_query(ZONE, "SOA")
        while True:
            with contextlib.suppress(OSError, dns.exception.Timeout):
                if dns.query.udp(probe, "127.0.0.1", port=port, timeout=0.3).answer:
                    break
            assert process.poll() is None, log.read_text()
            assert time.monotonic() < deadline, log.read_text()
        yield
    finally:
        process.terminate()
        process.wait(PATIENCE_SECONDS)


@pytest.fixture(scope="module")
def ports(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[int, int]]:
    """Both servers with the same zone: (our port, Knot's port)."""
    folder = tmp_path_factory.mktemp("static")
    zone_file = folder / "static.zone"
    shutil.copy(HERE / "static.zone", zone_file)
    theirs = free_port()
    node = Node(folder / "node", workers=1)
    shutil.copy(zone_file, node.folder / "static.zone")
    node.policy.write_text(
        "version: 1\n"
        f"dns:\n  zone: {ZONE}\n"
        "  nameservers: {ns1.example.com: [192.0.2.53, '2001:db8::53'], ns2.example.com: [198.51.100.53]}\n"
        "  ns_ttl: 3600\n  soa: {serial: 1, expire: 259200}\n  static: static.zone\n"
    )
    (folder / "knot.conf").write_text(
        f"server:\n    listen: 127.0.0.1@{theirs}\n    rundir: {folder}\n"
        f"database:\n    storage: {folder}\n"
        f"template:\n  - id: default\n    storage: {folder}\n    zonefile-sync: -1\n"
        f"zone:\n  - domain: {ZONE}\n    file: {zone_file}\n    semantic-checks: off\n"
    )
    try:
        node.start()
        with running(["knotd", "-c", str(folder / "knot.conf")], theirs, folder / "knot.log"):
            yield node.port, theirs
    finally:
        node.stop()


def ask(sock: socket.socket, query: dns.message.Message) -> Heard:
    """Send *query* over a connected socket and return the response in comparable form."""
    sock.send(query.to_wire())
    while True:
        response = dns.message.from_wire(sock.recv(65535), ignore_trailing=False)
        if response.id == query.id:
            return heard(response)


def test_the_zone_is_answered_like_knot_does(ports: tuple[int, int]) -> None:
    """10 000 generated queries: rcode, flags and all sections agree, or the reason is in ALLOWED."""
    zone = dns.zone.from_file(
        str(HERE / "static.zone"), origin=f"{ZONE}.", relativize=False, check_origin=False
    )
    owners = [name.to_text() for name in zone.nodes]
    explained: Counter[str] = Counter()
    differences: list[str] = []
    with contextlib.ExitStack() as stack:
        socks = []
        for port in ports:
            sock = stack.enter_context(socket.socket(socket.AF_INET, socket.SOCK_DGRAM))
            sock.settimeout(PATIENCE_SECONDS)
            sock.connect(("127.0.0.1", port))
            socks.append(sock)
        for query in questions(owners, f"{ZONE}.", QUESTIONS, seed=1):
            ours, theirs = ask(socks[0], query), ask(socks[1], query)
            if ours == theirs:
                continue
            reason = next((rule.__name__ for rule in ALLOWED if rule(query, ours, theirs)), None)
            if reason is None:
                differences.append(
                    f"{query.question[0]} payload={query.payload}\n  ours   {ours}\n  theirs {theirs}"
                )
            else:
                explained[reason] += 1
    assert not differences, f"{len(differences)} unexplained:\n" + "\n".join(differences[:10])
    print(f"{QUESTIONS} queries; explained differences: {dict(explained)}")
