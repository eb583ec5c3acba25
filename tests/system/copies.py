"""A node that pushes, and both providers' doubles for it."""

from __future__ import annotations

import asyncio
import subprocess
import threading
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Self

from gslb.cli.calling import Node as Api
from gslb.push.clouddns.client import CloudDnsClient
from gslb.push.provider import Client
from gslb.push.route53.client import Route53Client
from tests.doubles.clouddns.double import CloudDnsDouble
from tests.doubles.route53.account import Limits
from tests.doubles.route53.double import Route53Double
from tests.policytext import HEAD
from tests.system.nodes import Node

POLICY = (
    HEAD
    + """\
sites:
  aws/us-east-1: {zones: {az1: {A: 192.0.2.1}, az2: {A: 192.0.2.2}}}
  gcp/us-east1: {zones: {az1: {A: 192.0.2.3}, az2: {A: 192.0.2.4}}}
records:
  www.example.com: {ttl: 5s, rules: [{to: [aws/us-east-1, gcp/us-east1]}]}
"""
)
AWS, GCP = {"192.0.2.1", "192.0.2.2"}, {"192.0.2.3", "192.0.2.4"}
CLIENT = Client("DE", "", 52.5, 13.4, 4, int.from_bytes(bytes((198, 51, 100, 7))))


class Pushed(Node):
    """A node with copies, and its command line."""

    def __init__(self, folder: Path, push: str, environment: Mapping[str, str]) -> None:
        super().__init__(folder, workers=1)
        self.environment = dict(environment)
        self.policy.write_text(POLICY)
        self.config = folder / "gslb.yaml"
        self.config.write_text(push)
        self.api = Api(self.state)

    def command(self, *more: str) -> list[str]:
        return super().command("--config", str(self.config), *more)

    def start(self, *more: str, **environment: str) -> subprocess.Popen[bytes]:
        return super().start(*more, **{**self.environment, **environment})

    def run(self, *words: str) -> tuple[int, str, str]:
        place = ("--state-directory", str(self.state), "--config", str(self.config))
        return self.gslb(*words, *place, seconds=120.0, **self.environment)

    def copies(self) -> list[dict[str, Any]]:
        found: list[dict[str, Any]] = self.api.call("GET", "/push")["copies"]
        return found

    def states(self) -> set[str]:
        return {one["state"] for one in self.copies()}


class Providers:
    """Both doubles, with a zone each; changes are in sync half a second after they are made."""

    def __init__(self, folder: Path) -> None:
        self.aws = Route53Double(Limits(requests_per_second=None))
        self.google = CloudDnsDouble()
        self.folder = folder
        self._ended = threading.Event()
        self._settling = threading.Thread(target=self._settle)

    def __enter__(self) -> Self:
        self.aws.__enter__()
        self.google.__enter__()
        self.zone_id = self.aws.add_zone("example.com")
        self.google.add_zone("example-com", "example.com.")
        self._settling.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._ended.set()
        self._settling.join()
        self.aws.__exit__()
        self.google.__exit__()

    def _settle(self) -> None:
        while not self._ended.wait(0.5):
            self.aws.settle()
            self.google.settle()

    @property
    def settings(self) -> str:
        """The settings of a node that pushes to both."""
        return (
            "push:\n  owner: prod\n"
            f"  route53: {{zone: example.com, zone_id: {self.zone_id}}}\n"
            f"  clouddns: {{zone: example.com, project: {self.google.project},"
            " managed_zone: example-com}\n"
        )

    @property
    def environment(self) -> dict[str, str]:
        return {**self.aws.environment, **self.google.environment(self.folder)}

    def answered(self) -> dict[str, set[str]]:
        """Return, by provider, what its zone answers a client, by the documented rules."""
        return asyncio.run(self._answered())

    async def _answered(self) -> dict[str, set[str]]:
        found = {}
        aws = Route53Client("example.com.", self.zone_id, "prod")
        google = CloudDnsClient("example.com.", "example-com", "prod", project=self.google.project)
        for provider in (aws, google):
            actual = await provider.read()
            reader = provider.dialect.reader(actual.rrsets, actual.supports)
            answer = reader.answer("www.example.com.", "A", CLIENT, lambda _: True)
            found[provider.dialect.name] = set(answer.chances)
            await provider.close()
        return found
