"""Remote checkers as real processes: a quorum decides, and one that lies or is silent does not."""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
import threading
from collections.abc import Iterator
from typing import Any

import pytest

from healthcheck.hello import Hello, hello_line
from healthcheck.messages import MAX_LINE, Heartbeat, OrdersReader, Votes, report_line
from healthcheck.model import Status
from healthcheck.votes import Vote, key_of
from tests.patience import PATIENCE_SECONDS
from tests.system.nodes import ENVIRONMENT, free_port, until
from tests.system.worlds import ALL, EAST, EUROPE, WEST, World

pytestmark = pytest.mark.system


class Agents:
    """A node that remote checkers may come to, and those that were started."""

    def __init__(self, world: World) -> None:
        self.world = world
        self.port = free_port()
        self.processes: dict[str, subprocess.Popen[bytes]] = {}
        self.own = ""
        world.config.write_text(
            f"nsid: node\nprobes: {{allow: 127.0.0.0/8}}\nagents: {{listen: 127.0.0.1:{self.port}}}\n"
        )

    def token(self, name: str, scope: str = "agent") -> str:
        """Return a new token."""
        code, out, error = self.world.node.gslb(
            *("token", "create", name, "--scope", scope),
            *("--state-directory", str(self.world.node.state)),
        )
        assert code == 0, error
        return out.split()[0]

    def start(self, name: str, token: str = "") -> None:
        """Start `healthcheck-agent` as *name*."""
        file = self.world.node.folder / f"{name}.token"
        file.touch(0o600)
        file.write_text(token or self.token(name))
        command = [
            *(sys.executable, "-P", "-m", "healthcheck", "--name", name),
            *("--connect", f"127.0.0.1:{self.port}", "--token-file", str(file)),
            *("--allow", "127.0.0.0/8"),
        ]
        with self.world.node.log.open("ab") as log:
            self.processes[name] = subprocess.Popen(
                command, stdout=log, stderr=log, env=ENVIRONMENT
            )

    def status(self) -> dict[str, dict[str, Any]]:
        """Return what the node says of each of them."""
        return {one["name"]: one for one in self.world.health()["agents"]}

    def votes(self) -> str:
        """Return who votes now, as the log says it."""
        events = self.world.node.events("checkers vote")
        return str(events[-1]["checkers"]) if events else "node"

    def stop(self) -> None:
        for process in self.processes.values():
            process.kill()
            process.wait()


@pytest.fixture
def agents(world: World) -> Iterator[Agents]:
    made = Agents(world)
    yield made
    made.stop()


def test_two_of_three_vantage_points_decide(agents: Agents) -> None:
    """With the node's own checker frozen, too; and one that is silent is left out, with an alarm."""
    world = agents.world
    world.start()
    agents.start("east")
    agents.start("west")
    until(lambda: agents.votes() == "east, node, west", "three vote")
    until(lambda: all(a["completed"] > ALL for a in agents.status().values()), "they get on")
    world.kill(EAST[0])
    world.answers_become(EAST[1:])
    until(lambda: " checkers)" in str(world.node.events("endpoint moved")), "it is told")
    assert not [one for one in world.node.status()["notes"] if "agent" in one]
    own = world.health()["checker"]["pid"]
    os.kill(own, signal.SIGSTOP)
    try:
        world.restore()
        world.answers_become(EAST)  # by the agents' word
    finally:
        os.kill(own, signal.SIGCONT)
    os.kill(agents.processes["west"].pid, signal.SIGSTOP)
    until(lambda: agents.votes() == "east, node", "the silent one has lost its seat")
    assert any("agent west is silent" in one for one in world.node.status()["notes"])
    world.kill(EAST[1])
    world.answers_become([EAST[0], EAST[2]])
    os.kill(agents.processes["west"].pid, signal.SIGCONT)
    until(lambda: agents.votes() == "east, node, west", "it is back")
    until(lambda: not [n for n in world.node.status()["notes"] if "agent" in n], "no alarm")
    assert world.node.addresses_of() == [EAST[0], EAST[2]]


def test_an_agent_that_lies_takes_nobody_out(agents: Agents) -> None:
    """It says that one is down, then that everything is; the two others say that it is not."""
    world = agents.world
    world.start()
    agents.start("east")
    liar = Liar(agents.port, Hello("liar", agents.token("liar")))
    try:
        until(lambda: agents.votes() == "east, liar, node", "three vote")
        until(lambda: agents.status()["east"]["completed"] > ALL, "the honest one gets on")
        before = len(world.node.events("endpoint moved"))
        for lies in ({EAST[0]}, {*EAST, *WEST, *EUROPE}):
            liar.down = lies
            done = agents.status()["east"]["completed"]
            told = liar.told

            def nobody_leaves(done: int = done, told: int = told) -> bool:
                assert world.node.addresses_of() == EAST
                return agents.status()["east"]["completed"] > done + 4 * ALL and liar.told > told

            until(nobody_leaves, "all were tried some times")
        assert len(world.node.events("endpoint moved")) == before
        world.kill(EAST[2])
        world.answers_become(EAST[:2])  # the liar happens to be right
    finally:
        liar.close()


def test_checks_of_a_vantage_point_are_judged_from_there(agents: Agents) -> None:
    """What is `from:` an agent counts as up until that has come, and follows its word then."""
    world = agents.world
    text = world.node.policy.read_text().replace("path: /healthz,", "path: /healthz, from: [east],")
    world.node.policy.write_text(text)
    world.node.start("--config", str(world.config))
    until(lambda: world.node.status()["policy"], "the policies are compiled")
    assert any("for other checkers" in one for one in world.node.status()["notes"])
    agents.start("east")
    until(lambda: world.health()["ready"], "it has tried everything")
    assert not world.node.status()["notes"]
    world.kill(EAST[0])
    world.answers_become(EAST[1:])


def test_agents_come_again_to_the_next_version(agents: Agents) -> None:
    """The socket is handed over; who was connected finds the new program behind it."""
    world = agents.world
    world.start()
    agents.start("east")
    until(lambda: agents.votes() == "east, node", "two vote")
    before = world.node.status()["pid"]
    turns = len(world.node.events("checkers vote"))
    code, _, error = world.node.replace()
    assert code == 0, error
    assert world.node.status()["pid"] != before
    until(lambda: len(world.node.events("checkers vote")) > turns, "it has come again")
    assert agents.votes() == "east, node"
    until(lambda: world.health()["ready"], "the new program has tried everything")
    world.kill(EAST[0])
    world.answers_become(EAST[1:])


def test_without_a_right_nobody_is_heard(agents: Agents) -> None:
    """A token of another kind, of another name, or of nobody; and one that is revoked ends at once."""
    world = agents.world
    world.start()
    admin, west = agents.token("east", "admin"), agents.token("west")
    for said in (
        hello_line(Hello("east", "gslb_" + "0" * 48)),
        hello_line(Hello("east", admin)),
        hello_line(Hello("east", west)),
        hello_line(Hello("node", west)),
        b"GET / HTTP/1.1\r\n\r\n",
        b"x" * 5000,
        b"\n",
        b"[" * 1000 + b"\n",
    ):
        with socket.create_connection(("127.0.0.1", agents.port), PATIENCE_SECONDS) as sock:
            sock.sendall(said)
            assert _closed_without_a_word(sock)
    assert world.health()["agents"] == []
    assert world.node.events("agent turned away")
    assert "gslb_" not in world.node.log.read_text()
    agents.start("west", west)
    until(lambda: agents.votes() == "node, west", "it has come")
    state = ("--state-directory", str(world.node.state))
    listed = json.loads(world.node.gslb("token", "list", "--json", *state)[1])
    (number,) = [one["id"] for one in listed if one["name"] == "west"]
    assert world.node.gslb("token", "revoke", number, *state)[0] == 0
    until(lambda: agents.votes() == "node", "it has gone")
    assert world.health()["agents"] == []
    assert west not in world.node.log.read_text()


def _closed_without_a_word(sock: socket.socket) -> bool:
    try:
        return sock.recv(1) == b""
    except ConnectionResetError:
        return True


def test_a_public_address_without_tls_is_refused(agents: Agents) -> None:
    """Votes and tokens do not travel in the clear: the start ends with a reason."""
    agents.world.config.write_text(f"agents: {{listen: '0.0.0.0:{agents.port}'}}\n")
    code, error = agents.world.node.fail("--config", str(agents.world.config))
    assert code == 1
    assert f"0.0.0.0:{agents.port}" in error
    assert "TLS" in error


class Liar:
    """An agent that looks nowhere, and says that some are down and all others up."""

    def __init__(self, port: int, hello: Hello) -> None:
        self.down: set[str] = set()
        self.told = 0
        self._name = hello.name
        self._sock = socket.create_connection(("127.0.0.1", port), PATIENCE_SECONDS)
        self._sock.sendall(hello_line(hello))
        self._over = threading.Event()
        self._probes: dict[str, str] = {}  # address by target
        self._generation = 0
        self._threads = [threading.Thread(target=work) for work in (self._listen, self._lie)]
        for thread in self._threads:
            thread.start()

    def _listen(self) -> None:
        reader = OrdersReader()
        with self._sock.makefile("rb") as lines:
            try:
                while line := lines.readline(MAX_LINE):
                    if (orders := reader.feed(line)) is not None:
                        self._probes = {key_of(w.probe): w.probe.address for w in orders.wanted}
                        self._generation = orders.generation
            except OSError:
                return

    def _lie(self) -> None:
        sequence = 0
        while not self._over.wait(0.5):
            probes, votes = self._probes, []
            for target, address in probes.items():
                sequence += 1
                down = address in self.down
                status = Status.DOWN if down else Status.UP
                votes.append(Vote("somebody", target, status, down, 1, sequence, 0.0))
            beat = Heartbeat(
                self._name, 1, self._generation, len(probes), len(probes), sequence, 0, 0, 0.0
            )
            try:
                self._sock.sendall(report_line(Votes(self._generation, tuple(votes))))
                self._sock.sendall(report_line(beat))
            except OSError:
                return
            self.told += 1

    def close(self) -> None:
        self._over.set()
        self._sock.shutdown(socket.SHUT_RDWR)
        for thread in self._threads:
            thread.join(PATIENCE_SECONDS)
        self._sock.close()
