"""Remote checkers come and go; what they say is taken for what their token says that they are."""

from __future__ import annotations

from gslb.node.checker import Limits
from gslb.node.panel import MAX_AGENTS, Panel
from gslb.node.talk import SILENT_SECONDS, Talk
from healthcheck.messages import Heartbeat, Report, Votes, Wanted
from healthcheck.model import Probe, Status
from healthcheck.votes import Doubt, Vote

WANTED = [Wanted(Probe("tcp", "192.0.2.1", 443, 5.0, 1.0, 3, 2))]


class World:
    """A panel whose remote checkers are spoken for here."""

    def __init__(self) -> None:
        self.now = 100.0
        self.heard: list[tuple[str, Report]] = []
        self.panel = Panel(
            "own",
            Limits(),
            lambda _: WANTED,
            lambda *said: self.heard.append(said),
            lambda: self.now,
        )

    def join(self, name: str) -> Talk:
        talk = self.panel.join(name)
        assert talk is not None
        return talk


def beat(completed: int, doubt: Doubt = Doubt.NONE, probes: int = 1) -> Heartbeat:
    return Heartbeat("x", 1, 1, probes, probes, completed, 0, 0, 0.0, doubt)


def says(talk: Talk, report: Report) -> None:
    if isinstance(report, Heartbeat):
        talk.heartbeat = report
    talk._hear(report)


def test_a_vote_is_of_whoever_has_the_token() -> None:
    """Not of whom it names; and what a later visit says is newer than what an earlier one did."""
    world = World()
    vote = Vote("own", "t" * 32, Status.DOWN, True, 2**60, 7, 0.0)
    lives = []
    for _ in range(2):
        says(world.join("a"), Votes(1, (vote,)))
        name, report = world.heard[-1]
        assert isinstance(report, Votes)
        assert (name, report.votes[0].checker, report.votes[0].sequence) == ("a", "a", 7)
        lives.append(report.votes[0].life)
    assert lives[0] < lives[1]


def test_another_connection_takes_the_place_of_the_first() -> None:
    """Whose words, and whose end, mean nothing then."""
    world = World()
    first, second = world.join("a"), world.join("a")
    says(first, beat(1))
    assert world.heard == []
    world.panel.leave("a", first, "")
    says(second, beat(1))
    assert len(world.heard) == 1
    assert world.panel.status()[0]["connected"] is True


def test_there_are_so_many_seats_and_none_of_our_own_name() -> None:
    """Bounded, as every vote costs."""
    world = World()
    assert world.panel.join("own") is None
    for number in range(MAX_AGENTS):
        world.join(f"a{number}")
    assert world.panel.join("one more") is None
    assert world.panel.join("a0") is not None


def test_whoever_is_expected_and_silent_is_an_alarm() -> None:
    """Also one that never came; not in the first seconds, when nobody can have."""
    world = World()
    world.panel.expected = lambda: ["a", "b"]
    talk = world.join("a")
    says(talk, beat(1))
    assert world.panel.alarms() == []
    world.now += SILENT_SECONDS + 1
    says(talk, beat(2))
    assert world.panel.alarms() == ["agent b is silent: it counts for nothing"]
    world.now += SILENT_SECONDS + 1
    assert len(world.panel.alarms()) == 2
    says(talk, beat(3, Doubt.REFERENCES))
    assert "agent a doubts itself (references): it counts for nothing" in world.panel.alarms()
    assert world.panel.status()[0] == {
        "name": "a", "connected": True, "alive": True, "probes": 1, "completed": 3,
        "doubt": "references",
    }  # fmt: skip


def test_one_that_has_nothing_to_do_is_not_silent() -> None:
    """Its checks may be in the next policies."""
    world = World()
    talk = world.join("a")
    for _ in range(5):
        says(talk, beat(0, probes=0))
        world.now += SILENT_SECONDS - 1
        assert world.panel.alarms() == []


def test_orders_are_for_everybody() -> None:
    """Each has its own generations."""
    world = World()
    talk = world.join("a")
    before = world.panel.own.generation, talk.generation
    world.panel.order()
    assert (world.panel.own.generation, talk.generation) == (before[0] + 1, before[1] + 1)
    assert world.panel.generation("a") == talk.generation
    assert world.panel.generation("nobody") == 0
