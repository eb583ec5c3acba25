"""A node whose checks run every second, and the load balancers of three sites that they look at."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from tests.system.nodes import Node, free_port, until
from tests.system.standins import StandIn

EAST = ["127.81.1.1", "127.81.2.1", "127.81.3.1"]  # aws/us-east-1, a zone each
WEST = ["127.82.1.1", "127.82.2.1"]  # aws/us-west-2
EUROPE = [f"127.83.{zone}.1" for zone in range(1, 7)]  # gcp/europe-west3, more than half of all
ALL = len([*EAST, *WEST, *EUROPE])
POLICY = """\
version: 1
dns:
  zone: example.com
  nameservers: {{ns1.example.com: [192.0.2.53], ns2.example.com: [198.51.100.53]}}
defaults: {{ttl: 5, check: web, answer: {{count: 8}}, protect: {{slow_start: {slow}, damping: off}}}}
checks:
  web: {{type: http, port: {port}, path: /healthz, every: 1s, timeout: 500ms, down_after: {runs}, up_after: {runs}}}
sites:
  aws/us-east-1: {{zones: {{a: {{A: 127.81.1.1}}, b: {{A: 127.81.2.1}}, c: {{A: 127.81.3.1}}}}}}
  aws/us-west-2: {{zones: {{a: {{A: 127.82.1.1}}, b: {{A: 127.82.2.1}}}}}}
  gcp/europe-west3:
    zones:
      a: {{A: 127.83.1.1}}
      b: {{A: 127.83.2.1}}
      c: {{A: 127.83.3.1}}
      d: {{A: 127.83.4.1}}
      e: {{A: 127.83.5.1}}
      f: {{A: 127.83.6.1}}
records:
  www.example.com: {{rules: [{{to: aws/us-east-1, then: [aws/us-west-2, gcp/europe-west3]}}]}}
  both.example.com: {{answer: {{count: 1}}, rules: [{{to: {{aws/us-east-1: 50, gcp/europe-west3: 50}}}}]}}
  one.example.com: {{answer: {{count: 1}}, rules: [{{to: aws/us-east-1, then: [aws/us-west-2, gcp/europe-west3]}}]}}
"""


class World:
    """A node whose checks run every second, and the endpoints that they look at."""

    def __init__(self, folder: Path) -> None:
        self.port = free_port(*EAST, *WEST, *EUROPE)
        self.node = Node(folder)
        self.write_policy()
        self.config = folder / "gslb.yaml"
        self.config.write_text("probes: {allow: 127.0.0.0/8}\n")
        self.ends: dict[str, StandIn] = {}

    def write_policy(self, slow: str = "2s", runs: int = 2) -> None:
        """Have what comes back come in *slow*; *runs* equal outcomes make a status."""
        self.node.policy.write_text(POLICY.format(port=self.port, slow=slow, runs=runs))

    def start(self) -> None:
        """Start the node, and wait until it has tried every endpoint."""
        self.node.start("--config", str(self.config))
        until(lambda: self.health()["ready"], "every endpoint was tried")

    def health(self) -> dict[str, Any]:
        """Return what the node says of it."""
        found: dict[str, Any] = self.node.status()["health"]
        return found

    def kill(self, *addresses: str) -> None:
        """Have *addresses* refuse connections."""
        for address in addresses:
            self.ends[address].kill()

    def restore(self, *addresses: str) -> None:
        """Have *addresses* serve again; without any, all of them."""
        for address in addresses or self.ends:
            self.ends[address].restore()

    def answers_become(self, addresses: list[str]) -> None:
        """Wait until www.example.com is answered with exactly *addresses*."""
        until(
            lambda: self.node.addresses_of() == sorted(addresses),
            f"the answers are {addresses}, not {self.node.addresses_of()}",
        )
