"""What one board hands to the next: ramps, budgets and what is held back go on as if nothing was."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from math import inf

import pytest

from gslb.state.board import NO_STANDING, Board, Overlay
from gslb.state.inventory import Inventory
from gslb.state.memory import Memory, flaps_to_json, read_flaps, read_memory
from gslb.state.protection import Spent
from gslb.state.verdicts import Verdict
from healthcheck.model import Status
from tests.state.things import DOWN, UP, inventory, key, keys
from tests.steering import lab

US = lab.SITES[0]
AT = datetime(2026, 11, 24, 12, 0, tzinfo=UTC)


def see(board: Board, now: float) -> Overlay:
    return board.overlay((), now, AT + timedelta(seconds=now))


def status(seen: Overlay, endpoint: str) -> Status:
    return seen.standings.get(key(endpoint), NO_STANDING).v4


def down(seen: Overlay, found: Inventory) -> int:
    return sum(status(seen, place) is Status.DOWN for place in found.places)


def began(found: Inventory) -> Board:
    board = Board(found, {}, 0.0)
    board.set_ready()
    board.observe(dict.fromkeys(keys(found), UP), 0.0)
    see(board, 0.0)
    return board


def successor(before: Board, known: dict, found: Inventory, now: float) -> Board:
    """Return the board of another process, whose monotonic clock began elsewhere."""
    text = json.dumps(before.remember(now).to_json())
    after = Board(found, known, now + 5000.0)
    after.recall(read_memory(json.loads(text), found), now + 5000.0)
    return after


def test_what_is_held_back_stays_held_back_and_goes_at_the_same_pace() -> None:
    """To a plain start all that is down was down before: here half of it is only waiting."""
    found = inventory({US: 8})
    before = began(found)
    dead = dict.fromkeys(keys(found)[:4], DOWN)
    before.observe(dead, 10.0)
    out = down(see(before, 10.0), found)
    assert 0 < out < 4
    known: dict = {**dict.fromkeys(keys(found), UP), **dead}
    assert down(see(Board(found, known, 5010.5), 5010.5), found) == 4
    after = successor(before, known, found, 10.5)
    after.set_ready()
    assert down(see(after, 5011.0), found) == out
    times = [now for now in range(11, 120) if down(see(before, float(now)), found) == 4]
    again = [now for now in range(11, 120) if down(see(after, 5000.0 + now), found) == 4]
    assert times[0] == again[0]


def test_a_slow_start_goes_on_where_it_was() -> None:
    found = inventory({US: 3}, slow_start=40.0)
    before = began(found)
    one = f"{US}/z1"
    for now, verdict in ((10.0, DOWN), (20.0, UP)):
        before.observe({key(one): verdict}, now)
        see(before, now)
    after = successor(before, dict.fromkeys(keys(found), UP), found, 32.0)
    for now in (32.0, 35.0, 42.0, 59.0, 61.0):
        ramps = [
            seen.standings[key(one)].ramp for seen in (see(before, now), see(after, 5000.0 + now))
        ]
        assert ramps[0] == ramps[1], now


def test_what_the_next_plan_does_not_have_is_forgotten() -> None:
    found, smaller = inventory({US: 3}), inventory({US: 1})
    gone = key(f"{US}/z2")
    spent = Spent((1.0, 2.0), US, 30.0, {"no such pool": (((3.0, 1),), inf)})
    memory = Memory({gone: (1.0, 40.0)}, spent, {gone: UP})
    said = json.loads(json.dumps(memory.to_json()))
    assert read_memory(said, found) == memory
    assert read_memory(said, smaller) == Memory({}, spent, {})
    board = Board(smaller, dict.fromkeys(keys(smaller), UP), 0.0)
    board.recall(read_memory(said, smaller), 0.0)
    assert status(see(board, 1.0), f"{US}/z0") is Status.UP


def test_nothing_remembered_is_nothing() -> None:
    found = inventory({US: 1})
    fresh = Board(found, {}, 0.0).remember(0.0)
    assert read_memory(json.loads(json.dumps(fresh.to_json())), found) == fresh
    assert fresh.spent.group_age == inf


@pytest.mark.parametrize("said", [{}, {"ramps": 1}, {"ramps": [["a"]]}])
def test_what_another_version_says_otherwise_is_an_error_and_no_crash(said: dict) -> None:
    with pytest.raises((ValueError, TypeError, KeyError)):
        read_memory(said, inventory({US: 1}))


def test_a_verdict_comes_back_whole() -> None:
    found = inventory({US: 1})
    (one,) = keys(found)
    memory = Memory(held={one: Verdict(Status.UP, Status.DOWN, "why")})
    assert read_memory(json.loads(json.dumps(memory.to_json())), found).held == memory.held


def flapped(found: Inventory) -> Board:
    """Return a board with an endpoint that flaps: it is seen up at 200 s, and held down."""
    board = began(found)
    for now, verdict in ((100.0, DOWN), (110.0, UP), (150.0, DOWN), (160.0, UP), (190.0, DOWN)):
        board.observe({key(f"{US}/z1"): verdict}, now)
        see(board, now)
        see(board, now + 35.0 if verdict is UP else now)
    board.observe({key(f"{US}/z1"): UP}, 200.0)
    assert status(see(board, 200.0), f"{US}/z1") is Status.DOWN
    return board


def back_at(board: Board, began_at: float) -> int:
    """Return the second of the first board's clock at which the endpoint is answered again."""
    seconds = range(201, 1500)
    return next(
        s for s in seconds if status(see(board, began_at + s), f"{US}/z1") is not Status.DOWN
    )


def test_what_flaps_is_held_down_over_a_start_as_long_as_without_one() -> None:
    """In both ways to begin: in place of another program, and from what is on disk."""
    found = inventory({US: 4}, damping=True, removal=None)
    before = flapped(found)
    known: dict = dict.fromkeys(keys(found), UP)
    assert status(see(Board(found, known, 5201.0), 5201.0), f"{US}/z1") is Status.UP
    replacing = successor(before, known, found, 200.0)
    starting = Board(found, known, 5201.0)
    said = json.loads(json.dumps(flaps_to_json(before.flaps(200.0))))
    starting.recall(Memory(flaps=read_flaps(said, 1.0, found)), 5201.0)
    assert status(see(starting, 5201.0), f"{US}/z1") is Status.DOWN
    assert not starting.limit.waiting  # that is no removal, which would have to wait
    until = back_at(before, 0.0)
    assert until > 205
    assert back_at(replacing, 5000.0) == back_at(starting, 5000.0) == until


def test_the_next_time_it_is_held_longer_than_one_that_never_flapped() -> None:
    found = inventory({US: 4}, damping=True, removal=None)
    after = successor(flapped(found), dict.fromkeys(keys(found), UP), found, 200.0)
    ((held, _),) = after.flaps(5200.0).values()
    assert held.level == 3
    assert held.held_until > 0


def test_an_earlier_version_says_nothing_of_flaps() -> None:
    found = inventory({US: 1})
    said = Memory().to_json()
    del said["flaps"]
    assert read_memory(said, found).flaps == {}
