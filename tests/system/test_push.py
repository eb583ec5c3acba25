"""A server and the doubles of two providers: drains reach the copies, which answer when it is gone."""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import re
import signal
import subprocess
import threading
import urllib.request
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, Self

import pytest

from gslb.cli.calling import Node as Api
from gslb.push.clouddns.client import CloudDnsClient
from gslb.push.provider import Client
from gslb.push.route53.client import Route53Client
from tests.doubles.clouddns.double import CloudDnsDouble
from tests.doubles.route53.account import Limits
from tests.doubles.route53.double import Route53Double
from tests.system.nodes import Node, free_port, is_alive, until

pytestmark = [pytest.mark.system, pytest.mark.timeout(300)]  # plans are measured on the whole world

POLICY = """\
version: 1
dns:
  zone: example.com
  nameservers: {ns1.example.com: [192.0.2.53], ns2.example.com: [198.51.100.53]}
sites:
  aws/us-east-1: {zones: {az1: {A: 192.0.2.1}, az2: {A: 192.0.2.2}}}
  gcp/us-east1: {zones: {az1: {A: 192.0.2.3}, az2: {A: 192.0.2.4}}}
records:
  www.example.com: {ttl: 5s, rules: [{to: [aws/us-east-1, gcp/us-east1]}]}
"""
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
        return self.gslb(*words, *place, seconds=120.0)

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


@pytest.fixture
def providers(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Providers]:
    with Providers(tmp_path) as made:
        for name, value in made.environment.items():  # for the clients of the test itself
            monkeypatch.setenv(name, value)
        yield made


@pytest.fixture
def node(tmp_path: Path, providers: Providers) -> Iterator[Pushed]:
    made = Pushed(tmp_path / "node", providers.settings, providers.environment)
    made.start()
    yield made
    made.stop()


def begin(node: Pushed) -> None:
    """Have the first plan of every copy looked at and carried out."""
    until(lambda: node.states() == {"held"}, "the copies wait for a first plan")
    code, out, error = node.run("push", "plan")
    assert code == 2, error
    plans = re.findall(r"to carry it out: gslb push apply ([0-9a-f]{16})", out)
    assert len(plans) == 2, out
    for plan in plans:
        code, out, error = node.run("push", "apply", plan)
        assert code == 0, error
        assert "insync" in out


def test_a_drain_reaches_both_copies_which_answer_when_the_server_is_gone(
    node: Pushed, providers: Providers
) -> None:
    """Nothing is pushed before an operator has seen a plan; then drains follow by themselves."""
    before = providers.aws.snapshot(), providers.google.snapshot()
    until(lambda: node.states() == {"held"}, "the copies wait for a first plan")
    assert (providers.aws.snapshot(), providers.google.snapshot()) == before
    begin(node)
    assert set(map(frozenset, providers.answered().values())) == {frozenset(AWS | GCP)}

    answer = node.api.call(
        "POST", "/drains", {"location": "aws", "reason": "power"}, {"wait": "push"}, 80
    )
    assert {one["state"] for one in answer["copies"]} == {"insync"}, answer["copies"]
    assert all(one["change"] for one in answer["copies"])
    assert set(map(frozenset, providers.answered().values())) == {frozenset(GCP)}
    assert node.addresses_of()[0] in GCP
    kinds = [entry["action"] for entry in map(json.loads, audit(node))]
    assert kinds.count("push") == 4
    assert kinds.count("push.apply") == 2
    assert node.run("audit", "verify")[0] == 0
    code, out, error = node.run("push", "verify")
    assert code == 0, out + error
    assert out.count("as it should be") == 2

    node.processes[-1].send_signal(signal.SIGKILL)
    node.processes[-1].wait(10)
    assert set(map(frozenset, providers.answered().values())) == {frozenset(GCP)}
    node.start()
    until(lambda: node.states() == {"insync"}, "the next one finds all as it should be")
    assert set(map(frozenset, providers.answered().values())) == {frozenset(GCP)}
    answer = node.api.call("DELETE", "/drains/1", query={"wait": "push"}, seconds=80)
    assert {one["state"] for one in answer["copies"]} == {"insync"}, answer["copies"]
    assert set(map(frozenset, providers.answered().values())) == {frozenset(AWS | GCP)}


def audit(node: Pushed) -> list[str]:
    return (node.state / "audit.jsonl").read_text().splitlines()


def test_a_plan_is_not_carried_out_when_the_state_has_moved(
    node: Pushed, providers: Providers
) -> None:
    """A drain in between, or a second time: the hash is of another state."""
    until(lambda: node.states() == {"held"}, "the copies wait for a first plan")
    code, out, error = node.run("push", "plan", "--provider", "route53", "--json")
    assert code == 2, error
    (plan,) = json.loads(out)
    node.api.call("POST", "/drains", {"location": "aws", "reason": "power"})
    before = providers.aws.snapshot()
    code, _, error = node.run(
        "push", "apply", plan["hash"]
    )  # what the drain has begun is waited for
    assert code == 1
    assert "the state has moved since" in error
    assert providers.aws.snapshot() == before
    code, _, error = node.run("push", "apply", "0" * 16)
    assert code == 1
    assert "no plan 0000000000000000" in error


def test_without_credentials_serving_and_drains_go_on(tmp_path: Path) -> None:
    """Status, drain answers and metrics say so; nothing waits for it."""
    with Providers(tmp_path) as providers:
        nothing = {
            "AWS_EC2_METADATA_DISABLED": "true", "AWS_CONFIG_FILE": "/dev/null",
            "AWS_SHARED_CREDENTIALS_FILE": "/dev/null", "NO_GCE_CHECK": "true",
            "GOOGLE_APPLICATION_CREDENTIALS": str(tmp_path / "nowhere.json"),
            "GSLB_CLOUDDNS_URL": providers.google.url,
            "AWS_ENDPOINT_URL": providers.aws.url,
        }  # fmt: skip
        port = free_port()
        push = f"{providers.settings}metrics: {{listen: 127.0.0.1:{port}}}\n"
        node = Pushed(tmp_path / "node", push, nothing)
        try:
            node.start()
            until(lambda: node.states() == {"unavailable"}, "both are said to be unavailable")
            reasons = {one["provider"]: one["reason"] for one in node.copies()}
            assert "credentials" in reasons["route53"].lower()
            assert reasons["clouddns"]
            code, out, _ = node.run("drain", "aws", "--why", "power")
            assert code == 0
            assert "UNAVAILABLE" in out
            assert node.addresses_of()[0] in GCP
            code, out, _ = node.run("push", "status")
            assert code == 1
            assert out.count("UNAVAILABLE") == 2
            code, out, error = node.run("push", "plan")
            assert code == 1
            assert "credentials" in error.lower()
            with urllib.request.urlopen(f"http://127.0.0.1:{port}/metrics", timeout=10) as page:
                text = page.read().decode()
            assert re.search(r'gslb_push_state{.*route53.*state="unavailable".*} 1.0', text)
            assert "Traceback" not in node.log.read_text()
        finally:
            node.stop()


def test_the_pushing_process_is_replaced_when_it_dies(node: Pushed) -> None:
    """It says so meanwhile, and serving does not notice."""
    begin(node)
    (pusher,) = [
        int(folder.name)
        for folder in Path("/proc").iterdir()
        if folder.name.isdigit() and _is_child(folder, node.processes[-1].pid)
    ]
    os.kill(pusher, signal.SIGKILL)
    until(lambda: not is_alive(pusher), "it is gone")
    assert node.addresses_of()
    until(lambda: node.events("pushing process ended"), "the log tells")
    until(lambda: node.states() == {"insync"}, "another one finds all as it should be")


def _is_child(folder: Path, parent: int) -> bool:
    with contextlib.suppress(OSError):
        stat = (folder / "stat").read_text().rpartition(")")[2].split()
        return int(stat[1]) == parent and b"gslb.fallback" in (folder / "cmdline").read_bytes()
    return False
