"""A node with two clouds, its API and its metrics: over the command line and over HTTP."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import aiohttp

from gslb.cli.calling import Node as Api
from tests.policytext import HEAD
from tests.system.nodes import Node, free_port

POLICY = (
    HEAD
    + """\
# Who comes back from a drain is answered like before at once, and not seldom for minutes.
defaults: {protect: {slow_start: off}}
sites:
  aws/us-east-1: {zones: {az1: {A: 192.0.2.1}, az2: {A: 192.0.2.2}}}
  gcp/us-east1: {zones: {az1: {A: 192.0.2.3}, az2: {A: 192.0.2.4}}}
records:
  www.example.com: {ttl: 5s, rules: [{to: [aws/us-east-1, gcp/us-east1]}]}
"""
)
AWS, GCP = {"192.0.2.1", "192.0.2.2"}, {"192.0.2.3", "192.0.2.4"}


class Drained(Node):
    """A node with two clouds, and its command line."""

    def __init__(self, folder: Path) -> None:
        super().__init__(folder, workers=1)
        self.api_port = free_port()
        self.policy.write_text(POLICY)
        self.config = folder / "gslb.yaml"
        self.metrics_port = free_port()
        self.config.write_text(
            f"api: {{listen: 127.0.0.1:{self.api_port}}}\n"
            f"metrics: {{listen: 127.0.0.1:{self.metrics_port}}}\n"
        )
        self.api = Api(self.state)

    def command(self, *more: str) -> list[str]:
        """Return the command line of `gslb serve`, with the settings file."""
        return super().command("--config", str(self.config), *more)

    def run(self, *words: str) -> tuple[int, str, str]:
        """Run a command on this node."""
        return self.gslb(*words, "--state-directory", str(self.state))

    def answered(self) -> set[str]:
        """Return every address of many answers: what returns has a tenth of its weight at first."""
        return {one for _ in range(150) for one in self.addresses_of()}

    def token(self, scope: str) -> str:
        """Return a new token."""
        code, out, error = self.run("token", "create", scope, "--scope", scope)
        assert code == 0, error
        return out.split()[0]

    async def http(
        self, token: str | None, method: str = "GET", path: str = "/drains", **how: Any
    ) -> tuple[int, dict[str, Any]]:
        """Return what the API says over TCP."""
        headers = {} if token is None else {"Authorization": f"Bearer {token}"}
        async with (
            aiohttp.ClientSession(headers=headers) as session,
            session.request(
                method, f"http://127.0.0.1:{self.api_port}/api/v1{path}", **how
            ) as response,
        ):
            return response.status, await response.json(content_type=None)
