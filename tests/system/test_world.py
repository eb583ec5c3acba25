"""Clients on six continents: what `gslb explain` says is what `dig +subnet` gets."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.patience import PATIENCE_SECONDS
from tests.system.nodes import Node

pytestmark = [pytest.mark.system, pytest.mark.xdist_group("world")]

POLICY = Path(__file__).parents[2] / "policies" / "example.com.yaml"
# Two clients on each continent, by the embedded table: (prefix, country).
CLIENTS = [
    ("8.8.8.0/24", "US"),
    ("200.160.0.0/24", "BR"),
    ("189.240.0.0/24", "MX"),
    ("181.64.0.0/24", "PE"),
    ("80.187.0.0/24", "DE"),
    ("213.75.63.0/24", "NL"),
    ("41.66.0.0/24", "CI"),
    ("41.0.0.0/24", "ZA"),
    ("133.11.0.0/24", "JP"),
    ("202.96.128.0/24", "CN"),
    ("1.128.0.0/24", "AU"),
    ("203.97.0.0/24", "NZ"),
]


@pytest.fixture(scope="module")
def node(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Node]:
    made = Node(tmp_path_factory.mktemp("world"), workers=1)
    shutil.copy(POLICY, made.policy)
    made.start()
    yield made
    made.stop()


@pytest.mark.skipif(shutil.which("dig") is None, reason="dig is not installed")
@pytest.mark.parametrize(("client", "country"), CLIENTS)
def test_dig_gets_what_explain_says(node: Node, client: str, country: str) -> None:
    code, out, err = node.gslb(
        "explain", "www.example.com", client, "--policies", str(node.policy), "--json"
    )
    assert code == 0, err
    story = json.loads(out)
    assert story["client"]["area"] == country
    allowed = {frozenset(answer["records"]) for answer in story["answers"]}
    for _ in range(5):
        dig = subprocess.run(
            ["dig", "@127.0.0.1", "-p", str(node.port), "www.example.com", f"+subnet={client}", "+noall", "+answer", "+comments"],
            capture_output=True, text=True, timeout=PATIENCE_SECONDS, check=True,
        )  # fmt: skip
        answered = frozenset(re.findall(r"\sIN\s+A\s+(\S+)", dig.stdout))
        assert answered in allowed, (story, dig.stdout)
        assert f"CLIENT-SUBNET: {client}/{story['client']['scope']}" in dig.stdout


def test_the_clients_are_of_all_six_continents_and_get_every_site(node: Node) -> None:
    sites = set()
    for client, _ in CLIENTS:
        _, out, _ = node.gslb(
            "explain", "www.example.com", client, "--policies", str(node.policy), "--json"
        )
        story = json.loads(out)
        sites |= {site["site"] for site in story["sites"] if site["share"] > 0}
    assert sites == {"aws/us-east-1", "aws/eu-central-1", "gcp/asia-east1", "alibaba/cn-shanghai"}
