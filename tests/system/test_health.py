"""Health with real processes: what dies leaves the answers, what lives stays, and it comes back."""

from __future__ import annotations

import os
import signal
import sqlite3
import time
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.system.nodes import Node, free_port, is_alive, until
from tests.system.standins import StandIn, stand_ins

pytestmark = pytest.mark.system

EAST = ["127.81.1.1", "127.81.2.1", "127.81.3.1"]  # aws/us-east-1, a zone each
WEST = ["127.82.1.1", "127.82.2.1"]  # aws/us-west-2
EUROPE = [f"127.83.{zone}.1" for zone in range(1, 7)]  # gcp/europe-west3, more than half of all
ALL = len([*EAST, *WEST, *EUROPE])
LEAVE_SECONDS = 8.0  # of which a check every second needs three; the machine may be busy
POLICY = """\
version: 1
dns:
  zone: example.com
  nameservers: {{ns1.example.com: [192.0.2.53], ns2.example.com: [198.51.100.53]}}
defaults: {{ttl: 5, check: web, answer: {{count: 8}}, protect: {{slow_start: {slow}, damping: off}}}}
checks:
  web: {{type: http, port: {port}, path: /healthz, every: 1s, timeout: 500ms, down_after: 2, up_after: 2}}
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
  one.example.com: {{answer: {{count: 1}}, rules: [{{to: aws/us-east-1, then: [aws/us-west-2, gcp/europe-west3]}}]}}
"""


class World:
    """A node whose checks run every second, and the endpoints that they look at."""

    def __init__(self, folder: Path, slow: str = "2s") -> None:
        self.port = free_port(*EAST, *WEST, *EUROPE)
        self.node = Node(folder)
        self.node.policy.write_text(POLICY.format(port=self.port, slow=slow))
        self.config = folder / "gslb.yaml"
        self.config.write_text("probes: {allow: 127.0.0.0/8}\n")
        self.ends: dict[str, StandIn] = {}

    def start(self) -> None:
        """Start the node, and wait until it has tried every endpoint."""
        self.node.start("--config", str(self.config))
        until(lambda: self.health()["ready"], "every endpoint was tried")

    def health(self) -> dict[str, Any]:
        """Return what the node says of it."""
        found: dict[str, Any] = self.node.status()["health"]
        return found

    def kill(self, *addresses: str) -> None:
        for address in addresses:
            self.ends[address].kill()

    def restore(self) -> None:
        for end in self.ends.values():
            end.restore()

    def answers_become(self, addresses: list[str], seconds: float = LEAVE_SECONDS) -> None:
        """Wait until www.example.com is answered with exactly *addresses*."""
        until(
            lambda: self.node.addresses_of() == sorted(addresses),
            f"the answers are {addresses}, not {self.node.addresses_of()}",
            seconds,
        )


@pytest.fixture
def world(tmp_path: Path) -> Iterator[World]:
    made = World(tmp_path / "node")
    with stand_ins([*EAST, *WEST, *EUROPE], made.port) as ends:
        made.ends = ends
        yield made
        made.node.stop()


def test_zone_site_cloud_and_everything_may_die_and_come_back(world: World) -> None:
    """A zone leaves alone; for a site, then for a cloud, `then` takes over; nobody stays unanswered."""
    world.start()
    assert world.node.addresses_of() == EAST
    world.kill(EAST[0])
    world.answers_become(EAST[1:])
    status = world.health()["endpoints"]
    assert (status["down"], status["up"]) == (1, ALL - 1)
    assert len(set(world.node.addresses_of("one.example.com")) & set(EAST[1:])) == 1
    world.kill(*EAST)
    world.answers_become(WEST)
    world.kill(*WEST)
    world.answers_become(EUROPE)
    world.restore()
    world.answers_become(EAST, 15.0)
    until(lambda: world.health()["endpoints"]["up"] == ALL, "all are up again")
    world.kill(*EAST, *WEST, *EUROPE)
    done = world.health()["checker"]["completed"]

    def nothing_is_left() -> bool:
        assert world.node.addresses_of(), "an empty answer"
        return bool(world.health()["checker"]["completed"] > done + ALL * 3)

    until(nothing_is_left, "every endpoint was tried some times, in vain")


def test_refused_and_never_answered_leave_with_the_defaults_of_a_check_every_second(
    world: World,
) -> None:
    """Three failures each, of which a silent endpoint costs half a second and not two."""
    text = POLICY.format(port=world.port, slow="off")
    world.node.policy.write_text(text.replace(" timeout: 500ms, down_after: 2,", ""))
    world.start()
    world.kill(EAST[0])
    world.answers_become(EAST[1:])
    world.restore()
    world.answers_become(EAST)
    world.ends[EAST[1]].fall_silent()
    world.answers_become([EAST[0], EAST[2]])
    (move,) = (
        one for one in world.node.events("endpoint moved") if one["endpoint"] == "aws/us-east-1/b"
        and one["v4"] == "down"
    )  # fmt: skip
    assert move["reason"] == "timed out after 0.5 s while waiting for an answer"


def test_a_check_made_of_two_is_down_with_either(world: World) -> None:
    """What answers on one port and not on the other leaves, and is said to by the part that fails."""
    side = free_port(*EAST, *WEST, *EUROPE)
    text = POLICY.format(port=world.port, slow="off").replace("check: web", "check: both")
    more = f"  side: {{type: tcp, port: {side}, every: 1s, down_after: 2, up_after: 2}}\n"
    world.node.policy.write_text(
        text.replace("sites:\n", f"{more}  both: {{all: [web, side]}}\nsites:\n", 1)
    )
    with stand_ins([*EAST, *WEST, *EUROPE], side) as doors:
        world.start()
        assert world.node.addresses_of() == EAST
        doors[EAST[0]].kill()
        world.answers_become(EAST[1:])
        (move,) = (one for one in world.node.events("endpoint moved") if one["v4"] == "down")
        assert move["reason"] == (
            f"1 of 2 up, needs 2; tcp {side}: connection refused while connecting"
        )
        doors[EAST[0]].restore()
        world.answers_become(EAST)


def test_who_comes_back_comes_back_slowly(world: World) -> None:
    """After a return an endpoint has a tenth of its weight at first."""
    world.node.policy.write_text(POLICY.format(port=world.port, slow="40s"))
    world.start()
    world.kill(EAST[0])
    until(lambda: world.health()["endpoints"]["down"] == 1, "it is seen down", LEAVE_SECONDS)
    world.restore()
    until(lambda: world.health()["endpoints"]["down"] == 0, "it is seen up", LEAVE_SECONDS)
    answers = Counter(world.node.addresses_of("one.example.com")[0] for _ in range(300))
    assert answers[EAST[0]] < 60  # 14 are to be expected, and 100 without slow start
    assert answers[EAST[1]] > 80


def test_a_checker_that_stands_still_takes_nothing_down(world: World) -> None:
    """Ten seconds without a verdict, and the late ones after them, remove nobody."""
    world.start()
    checker = world.health()["checker"]
    before = len(world.node.events("endpoint moved"))
    os.kill(checker["pid"], signal.SIGSTOP)
    over = time.monotonic() + 10.0
    try:

        def still() -> bool:
            assert world.node.addresses_of() == EAST
            return time.monotonic() > over

        until(still, "ten seconds have gone by")
    finally:
        os.kill(checker["pid"], signal.SIGCONT)
    done = checker["completed"]
    until(lambda: world.health()["checker"]["completed"] > done + ALL, "it goes on")
    moves = world.node.events("endpoint moved")[before:]
    assert not [move for move in moves if move["v4"] == "down"]
    assert world.node.addresses_of() == EAST


def test_the_health_is_known_again_after_the_supervisor_was_killed(world: World) -> None:
    """Answers go on, what was down stays out without a gap, and the checks go on."""
    world.start()
    world.kill(EAST[0])
    world.answers_become(EAST[1:])
    until(lambda: _kept_down(world.node) == 1, "the health is on the disk")
    checker = world.health()["checker"]["pid"]
    first = world.node.processes[0]
    first.kill()
    first.wait()
    assert world.node.addresses_of() == EAST[1:]
    until(lambda: not is_alive(checker), "the checker ends with its supervisor")
    before = len(world.node.events("serving"))
    world.node.spawn("--config", str(world.config))

    def known_again() -> bool:
        assert EAST[0] not in world.node.addresses_of(), "who is dead was answered"
        if len(world.node.events("serving")) == before or not world.node.events("reloaded"):
            return False
        health = world.health()
        return bool(health["ready"]) and health["endpoints"]["down"] == 1

    until(known_again, "the health is known")
    world.restore()
    world.answers_become(EAST)


def _kept_down(node: Node) -> int:
    with sqlite3.connect(f"file:{node.state / 'state.db'}?mode=ro", uri=True) as database:
        row = database.execute("SELECT count(*) FROM health WHERE status = 'down'").fetchone()
    database.close()
    return int(row[0])
