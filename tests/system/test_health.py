"""Health with real processes: what dies leaves the answers, what lives stays, and it comes back."""

from __future__ import annotations

import contextlib
import os
import signal
import sqlite3
import time
from collections import Counter
from collections.abc import Iterator

import pytest

from gslb.node.talk import SILENT_SECONDS
from tests.patience import PATIENCE_SECONDS
from tests.system.nodes import Node, free_port, is_alive, until
from tests.system.standins import stand_ins
from tests.system.worlds import ALL, EAST, EUROPE, WEST, World

pytestmark = pytest.mark.system


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
    world.answers_become(EAST)
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
    world.write_policy(slow="off")
    text = world.node.policy.read_text()
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
    world.write_policy(slow="off")
    text = world.node.policy.read_text().replace("check: web", "check: both")
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
    world.write_policy(slow="10m")
    world.start()
    world.kill(EAST[0])
    until(lambda: world.health()["endpoints"]["down"] == 1, "it is seen down")
    world.restore()
    until(lambda: world.health()["endpoints"]["down"] == 0, "it is seen up")
    answers = Counter(world.node.addresses_of("one.example.com")[0] for _ in range(300))
    assert answers[EAST[0]] < 60  # 14 are to be expected, and 100 without slow start
    assert answers[EAST[1]] > 80


def test_a_checker_that_stands_still_takes_nothing_down(world: World) -> None:
    """Ten seconds without a verdict, and the late ones after them, remove nobody."""
    world.start()
    checker = world.health()["checker"]
    with _nobody_leaves(world):
        _freeze(world, checker["pid"], 10.0)
        done = checker["completed"]
        until(lambda: world.health()["checker"]["completed"] > done + ALL, "it goes on")


@pytest.mark.slow
def test_a_checker_that_stands_still_for_long_is_replaced(world: World, long: bool) -> None:
    """Another one goes on, and takes nobody out either."""
    world.start()
    checker = world.health()["checker"]
    with _nobody_leaves(world):
        _freeze(world, checker["pid"], 30.0 if long else SILENT_SECONDS + 2.0)

        def another_goes_on() -> bool:
            now = world.health()["checker"]
            return now["pid"] not in {None, checker["pid"]} and bool(now["completed"] > ALL)

        until(another_goes_on, "another checker looks")
    assert world.health()["checker"]["restarts"] == 1


def _freeze(world: World, pid: int, seconds: float) -> None:
    """Have *pid* stand still for *seconds*, or until somebody has killed it."""
    os.kill(pid, signal.SIGSTOP)
    over = time.monotonic() + seconds
    try:

        def still() -> bool:
            assert world.node.addresses_of() == EAST
            return time.monotonic() > over

        until(still, f"{seconds:g} s have gone by", seconds + PATIENCE_SECONDS)
    finally:
        with contextlib.suppress(ProcessLookupError):
            os.kill(pid, signal.SIGCONT)


@contextlib.contextmanager
def _nobody_leaves(world: World) -> Iterator[None]:
    before = len(world.node.events("endpoint moved"))
    yield
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


def test_a_start_with_broken_policies_goes_on_checking_with_the_last_good_ones(
    world: World,
) -> None:
    """Who dies leaves the answers, and a drain works; that the policies are refused is an alarm."""
    world.start()
    world.node.processes[0].terminate()
    world.node.processes[0].wait(PATIENCE_SECONDS)
    good = world.node.policy.read_text()
    world.node.policy.write_text(good.replace("to: aws/us-east-1", "to: aws/us-east-9"))
    world.start()
    assert "us-east-9" in world.node.status()["refused"][0]
    world.kill(EAST[0])
    world.answers_become(EAST[1:])
    state = ("--state-directory", str(world.node.state))
    code, _, error = world.node.gslb("drain", "aws/us-east-1", "--why", "work", "--force", *state)
    assert code == 0, error
    assert world.node.addresses_of() == WEST
    world.node.policy.write_text(good)
    assert world.node.reload()[0] == 0
    assert world.node.status()["refused"] == []
    assert world.node.addresses_of() == WEST


def _kept_down(node: Node) -> int:
    with sqlite3.connect(f"file:{node.state / 'state.db'}?mode=ro", uri=True) as database:
        row = database.execute("SELECT count(*) FROM health WHERE status = 'down'").fetchone()
    database.close()
    return int(row[0])
