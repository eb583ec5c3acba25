"""dig and kdig read every kind of response without a complaint."""

from __future__ import annotations

import itertools
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.patience import PATIENCE_SECONDS
from tests.system.nodes import Node

pytestmark = [pytest.mark.system, pytest.mark.xdist_group("tools")]

HERE = Path(__file__).parent
NAMES = [
    "www.example.com", "api.example.com", "example.com", "mail.example.com", "none.example.com", "status.example.com",
    "a.b.none.example.com", "WwW.ExAmPlE.CoM", "other.example.org", ".",
]  # fmt: skip
TYPES = ["A", "AAAA", "MX", "NS", "SOA", "TXT", "HTTPS", "ANY", "TYPE65280", "DS"]
DIG_OPTIONS = [
    "", "+subnet=8.8.8.0/24", "+subnet=2001:db8::/56", "+subnet=0.0.0.0/0", "+subnet=10.0.0.0/8", "+nsid", "+noedns",
    "+dnssec", "+nocookie", "+tcp +keepalive", "+bufsize=512", "+ednsopt=65001:abcd", "+zoneversion",
]  # fmt: skip
KDIG_OPTIONS = [
    "+edns",
    "+subnet=8.8.8.0/24",
    "+subnet=2001:db8::/56",
    "+nsid",
    "+noedns",
    "+dnssec",
    "+cookie",
    "+tcp",
    "+bufsize=512",
]
COMPLAINTS = (
    "malformed",
    "bad packet",
    "parse",
    "mismatch",
    "unexpected",
    "extra",
    "reply from",
    "timed out",
    "warning: id",
)


@pytest.fixture(scope="module")
def node(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Node]:
    made = Node(tmp_path_factory.mktemp("tools"), workers=1)
    shutil.copy(HERE.parents[1] / "policies" / "example.com.yaml", made.policy)
    made.start("--nsid", "test-node")
    yield made
    made.stop()


def run(*command: str) -> str:
    """Return what a tool says; it must say that it is content."""
    done = subprocess.run(
        command, capture_output=True, text=True, timeout=4 * PATIENCE_SECONDS, check=False
    )
    said = done.stdout + done.stderr
    assert done.returncode == 0, said[-2000:]
    remarks = [line for line in said.lower().splitlines() if line.startswith(";;")]
    assert not [line for line in remarks if any(complaint in line for complaint in COMPLAINTS)]
    return said


@pytest.mark.skipif(shutil.which("dig") is None, reason="dig is not installed")
def test_dig_reads_every_response(node: Node, tmp_path: Path) -> None:
    supported = subprocess.run(["dig", "-h"], capture_output=True, text=True, check=False).stdout
    options = [o for o in DIG_OPTIONS if "zoneversion" not in o or "zoneversion" in supported]
    lines = [
        f"{name} {rtype} {option}"
        for name, rtype, option in itertools.product(NAMES, TYPES, options)
    ]
    batch = tmp_path / "batch"
    batch.write_text("\n".join(lines) + "\n")
    said = run("dig", "@127.0.0.1", "-p", str(node.port), "-f", str(batch))
    assert said.count("->>HEADER<<-") == len(lines)
    assert said.count("status: NOERROR") > len(lines) // 3
    assert "CLIENT-SUBNET: 8.8.8.0/24/" in said


@pytest.mark.skipif(shutil.which("kdig") is None, reason="kdig is not installed")
@pytest.mark.parametrize("option", KDIG_OPTIONS)
def test_kdig_reads_every_response(node: Node, option: str) -> None:
    asked = list(itertools.product(NAMES, TYPES))
    words = [word for name, rtype in asked for word in ("-q", name, "-t", rtype)]
    said = run("kdig", "@127.0.0.1", "-p", str(node.port), *option.split(), *words)
    assert said.count("->>HEADER<<-") == len(asked)
    assert ("CLIENT-SUBNET: 8.8.8.0/24/" in said) == (option == "+subnet=8.8.8.0/24")
