"""`gslb events` with real processes: who follows goes on following when the server changes."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from gslb.cli.calling import Node as ApiNode
from tests.patience import PATIENCE_SECONDS
from tests.system.clouds import POLICY, Drained
from tests.system.nodes import ENVIRONMENT, Node, is_alive, until
from tests.system.test_replace import events

pytestmark = [pytest.mark.system, pytest.mark.timeout(180)]


@pytest.fixture
def node(tmp_path: Path) -> Iterator[Node]:
    made = Node(tmp_path / "node")
    yield made
    made.stop()


def _end(node: Node) -> None:
    """End the server that replaced the first one, as a service manager does."""
    pid = node.status()["pid"]
    os.kill(pid, signal.SIGTERM)
    until(lambda: not is_alive(pid), "it has ended")


def test_a_reader_misses_nothing_when_the_server_is_replaced_and_restarted(node: Node) -> None:
    """Each event once, in order, although three servers told them; stderr says what happened."""
    node.start()
    api = ApiNode(node.state)

    def drain(why: str) -> None:
        body = {"location": "aws", "reason": why, "force": True}
        until(lambda: api.call("GET", "/status")["policy"], "it has policies")
        api.call("POST", "/drains", body)

    command = [sys.executable, "-m", "gslb", "events", "--since", "0", "--json"]
    command += ["--state-directory", str(node.state)]
    out, err = node.folder / "out", node.folder / "err"
    with (
        out.open("wb") as stdout,
        err.open("wb") as stderr,
        subprocess.Popen(command, stdout=stdout, stderr=stderr, env=ENVIRONMENT) as follower,
    ):
        try:
            drain("first")
            until(lambda: "first" in out.read_text(), "it follows")
            assert node.replace()[0] == 0
            drain("second")
            until(lambda: "second" in out.read_text(), "it follows the new one")
            _end(node)
            node.start()
            drain("third")
            until(lambda: "third" in out.read_text(), "it follows again")
        finally:
            follower.terminate()
            follower.wait(PATIENCE_SECONDS)
    told = [json.loads(line) for line in out.read_text().splitlines()]
    numbers = [event["sequence"] for event in told]
    fresh = api.events(0, lambda: None)
    assert numbers == [next(fresh)["sequence"] for _ in numbers]
    reasons = [event["detail"]["reason"] for event in told if event["kind"] == "drain.created"]
    assert reasons == ["first", "second", "third"]
    said = err.read_text()
    assert said.count("connecting again") == said.count("connected again") == 2


def test_a_weight_typo_is_told_as_a_large_shift_and_counted(tmp_path: Path) -> None:
    """10 becomes 1000; what somebody drains is told, too."""
    node = Drained(tmp_path / "node")
    both = "{to: [aws/us-east-1, gcp/us-east1]}"
    node.policy.write_text(POLICY.replace(both, "{to: {aws/us-east-1: 90, gcp/us-east1: 10}}"))
    try:
        node.start()

        def shifts() -> list[dict[str, Any]]:
            return list(events(node, "answers.shifted"))

        node.policy.write_text(
            POLICY.replace(both, "{to: {aws/us-east-1: 90, gcp/us-east1: 1000}}")
        )
        assert node.reload()[0] == 0
        (typo,) = until(shifts, "the typo is told")
        assert typo["cause"] == "policies"
        assert typo["share"] == pytest.approx(1000 / 1090 - 0.1, abs=1e-4)
        assert [(m["source"], m["to"]) for m in typo["moves"]] == [
            ("aws/us-east-1", "gcp/us-east1")
        ]
        assert node.run("drain", "gcp", "--why", "so it is", "--force")[0] == 0
        drained = until(lambda: shifts()[1:], "the drain is told")[0]
        assert drained["cause"] == "state"
        address = f"http://127.0.0.1:{node.metrics_port}/metrics"
        with urllib.request.urlopen(address, timeout=PATIENCE_SECONDS) as response:
            assert b"gslb_large_shifts_total 2.0" in response.read()
    finally:
        node.stop()


def test_a_reload_that_moves_much_is_held_until_somebody_confirms_it(tmp_path: Path) -> None:
    """Only where the settings say so; what is small passes, and no held table is left behind."""
    node = Drained(tmp_path / "node")
    with node.config.open("a") as config:
        config.write("hold_shifts: true\n")
    both = "{to: [aws/us-east-1, gcp/us-east1]}"

    def write(aws: int, gcp: int) -> None:
        weights = f"{{to: {{aws/us-east-1: {aws}, gcp/us-east1: {gcp}}}}}"
        node.policy.write_text(POLICY.replace(both, weights))

    def tables() -> set[str]:
        return {path.name for path in node.state.glob("table-*.gslb")}

    write(90, 10)
    try:
        node.start()
        until(lambda: node.api.call("GET", "/status")["policy"], "it has policies")
        write(85, 15)
        code, out, error = node.reload()
        assert code == 0, error
        before = tables()
        write(90, 1000)
        code, out, error = node.reload()
        assert code == 1
        assert "held, because much would move at once: " in error
        assert "aws/us-east-1 → gcp/us-east1" in error
        assert "gslb reload --confirm" in error
        assert "what was served stays" in error
        assert tables() == before
        assert "held, because" in node.run("status")[1]
        code, out, error = node.run("reload", "--confirm")
        assert code == 0, error
        assert "1 name changed" in out
        assert "held, because" not in node.run("status")[1]
        (told,) = until(lambda: events(node, "answers.shifted"), "it is told")
        assert told["cause"] == "policies"
    finally:
        node.stop()
