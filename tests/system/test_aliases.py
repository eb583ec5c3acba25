"""Aliases of a running server: resolved, followed when they change, kept when nobody answers."""

from __future__ import annotations

import socket
import threading
from collections.abc import Iterator
from pathlib import Path

import dns.message
import dns.rrset
import pytest

from tests.patience import PATIENCE_SECONDS
from tests.policytext import HEAD
from tests.system.nodes import Node, until

pytestmark = pytest.mark.system

POLICY = (
    HEAD
    + """\
sites:
  aws/us-east-1:
    zones:
      a: {alias: lb.example.net}
records:
  www.example.com: {rules: [{to: aws/us-east-1}]}
"""
)


class Resolver:
    """A resolver on loopback with one name, whose address the test changes; it can be silent."""

    def __init__(self) -> None:
        self.address: str | None = "198.51.100.1"
        self.asked = 0
        self.over = False
        self.sock = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self.sock.bind(("127.0.0.53", 0))
        self.thread = threading.Thread(target=self.run, daemon=True)
        self.thread.start()

    def run(self) -> None:
        while True:
            octets, client = self.sock.recvfrom(4096)
            if self.over:
                return
            query = dns.message.from_wire(octets)
            self.asked += 1
            if self.address is None:
                continue
            response = dns.message.make_response(query)
            question = query.question[0]
            if question.rdtype == dns.rdatatype.A:
                response.answer = [dns.rrset.from_text(question.name, 1, "IN", "A", self.address)]
            self.sock.sendto(response.to_wire(), client)

    def close(self) -> None:
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as waker:
            address = self.sock.getsockname()
            self.over = True
            waker.sendto(b"", address)
        self.thread.join(PATIENCE_SECONDS)
        self.sock.close()


@pytest.fixture
def resolver() -> Iterator[Resolver]:
    made = Resolver()
    yield made
    made.close()


def test_an_alias_is_flattened_followed_and_kept(tmp_path: Path, resolver: Resolver) -> None:
    """A new address is answered soon after its TTL; a silent resolver changes nothing at all."""
    node = Node(tmp_path)
    settings = tmp_path / "gslb.yaml"
    settings.write_text(f"resolvers: 127.0.0.53:{resolver.sock.getsockname()[1]}\n")
    node.policy.write_text(POLICY)
    try:
        node.start("--config", str(settings))
        assert node.answers("198.51.100.1")
        generation = node.status()["generation"]
        resolver.address = "198.51.100.2"
        node.await_answers("198.51.100.2")
        assert node.status()["generation"] == generation  # the served table was patched in place
        resolver.address = None
        asked = resolver.asked
        until(lambda: resolver.asked > asked, "the resolver is asked again, in vain")
        assert node.answers("198.51.100.2")
        node.processes[0].terminate()
        node.processes[0].wait(PATIENCE_SECONDS)
        for table in node.state.glob("table-*"):
            table.unlink()
        node.start("--config", str(settings))  # from the policies, and what was known of the alias
        assert node.answers("198.51.100.2")
    finally:
        node.stop()
