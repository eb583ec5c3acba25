"""The watch joins votes, operators' words and time into the situation that answers follow."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from gslb.node import checker
from gslb.node.compilation import Compiled
from gslb.node.probing import wishes
from gslb.node.records import Records
from gslb.node.watch import Watch
from gslb.policy.compile import compile_policies
from gslb.policy.plan import Plan
from gslb.settings import ProbeSection, Settings
from gslb.state.inventory import take_inventory
from gslb.state.overrides import Kind, draft
from gslb.steering.situation import AliasAddresses, Situation
from gslb.steering.situation import Status as Believed
from healthcheck.messages import Heartbeat, Turn, Votes
from healthcheck.model import Kind as Cause
from healthcheck.model import Status, Verdict
from healthcheck.targets import nowhere
from healthcheck.votes import Doubt, Vote

AT = datetime(2026, 1, 1, tzinfo=UTC)
POLICY = """\
version: 1
dns:
  zone: example.com
  nameservers: {{ns1.example.com: [192.0.2.53], ns2.example.com: [198.51.100.53]}}
defaults: {{check: web, protect: {{slow_start: 40s}}}}
checks: {{web: {{type: http, path: /healthz, every: {every}}}}}
sites:
  aws/us-east-1: {{zones: {{a: {{A: 192.0.2.1}}, b: {{A: 192.0.2.2}}, c: {{A: 192.0.2.3}}}}}}
  gcp/europe-west3: {{zones: {{a: {{A: 192.0.2.4}}, b: {{alias: lb.example.net}}}}}}
records:
  www.example.com: {{rules: [{{to: [aws/us-east-1, gcp/europe-west3]}}]}}
"""
ALIAS = b"\x02lb\x07example\x03net\x00"
A = "aws/us-east-1/a"


class World:
    """A watch without a checker; what one would say is said here."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.now = 100.0
        self.aliases: dict[bytes, AliasAddresses] = {}
        self.woken = 0
        self.sequence = 0
        self.records = Records(folder, self.wall)
        self.watch = self.make()

    def make(self) -> Watch:
        settings = Settings(probes=ProbeSection(), nsid="here")
        made = Watch(self.records, lambda: self.now, self.wall, settings)
        made._changed = self.wake
        return made

    def wake(self) -> None:
        self.woken += 1

    def wall(self) -> datetime:
        return AT + timedelta(seconds=self.now)

    def compiled(self, every: str = "5s") -> Compiled:
        path = self.folder / "policy.yaml"
        path.write_text(POLICY.format(every=every))
        plan, problems = compile_policies([path])
        assert isinstance(plan, Plan), problems
        return Compiled(
            path, 1, 1, plan.hash, (), 1, (), (), (), 0, "", (), 0.0, 0,
            inventory=take_inventory(plan), wishes=wishes(plan),
        )  # fmt: skip

    def plan(self, every: str = "5s") -> Situation:
        self.watch.replan(self.compiled(every))
        return self.situation()

    def situation(self) -> Situation:
        return self.watch.situation(self.aliases, self.wall())

    def targets(self) -> dict[str, str]:
        probes = {one.probe for one in self.watch._evidence.wanted("here", self.now)}
        return {p.address: t for t, p in self.watch._evidence.probing.probes.items() if p in probes}

    def say(self, statuses: dict[str, Status]) -> None:
        votes = []
        for address, status in statuses.items():
            self.sequence += 1
            target, failing = self.targets()[address], status is Status.DOWN
            votes.append(Vote("here", target, status, failing, 1, self.sequence, 0.0, detail="x"))
        self.watch.hear("here", Votes(1, tuple(votes)))

    def beat(self, tried: int, generation: int | None = None) -> None:
        number = self.watch.panel.own.generation if generation is None else generation
        probes = len(self.watch._evidence.probing.probes)
        self.watch.hear(
            "here", Heartbeat("here", 1, number, probes, tried, 9, 0, 0, 0.0, Doubt.NONE)
        )

    def health(self) -> dict[str, Believed]:
        return {key[0]: one.v4 for key, one in self.situation().health.items()}

    def down(self, *addresses: str) -> None:
        self.say({one: Status.UP for one in self.targets() if one not in addresses})
        self.beat(len(self.targets()))
        self.say(dict.fromkeys(addresses, Status.DOWN))


@pytest.fixture
def world(tmp_path: Path) -> Iterator[World]:
    made = World(tmp_path)
    yield made
    made.records.close()


def test_nothing_is_taken_away_before_all_was_tried(world: World) -> None:
    """A heartbeat of older orders, or one with less than everything, makes nobody ready."""
    world.plan()
    world.say({"192.0.2.1": Status.DOWN, "192.0.2.2": Status.UP, "192.0.2.4": Status.UP})
    assert world.health().get(A) is not Believed.DOWN
    world.beat(3)
    world.beat(4, generation=0)
    assert not world.watch.ready
    assert world.health().get(A) is not Believed.DOWN
    world.beat(4)
    assert world.watch.ready
    assert world.health()[A] is Believed.DOWN


def test_what_is_heard_wakes_whoever_keeps_the_table(world: World) -> None:
    """At once; a vote that says nothing new does not."""
    world.plan()
    world.down("192.0.2.1")
    assert world.woken
    before = world.situation()
    world.woken = 0
    world.say({"192.0.2.1": Status.DOWN})
    assert world.woken == 0
    assert world.situation() == before


def test_who_comes_back_comes_in_steps(world: World) -> None:
    """The situation changes by time alone, and the watch knows when."""
    world.plan()
    world.down("192.0.2.1")
    world.situation()
    world.now += 60.0
    world.say({"192.0.2.1": Status.UP})
    ramps = []
    for _ in range(5):
        ramps += [one.ramp for key, one in world.situation().health.items() if key[0] == A]
        world.now += 10.0
    assert ramps == [0.1, 0.25, 0.5, 1.0, 1.0]


def test_a_drain_by_call_is_in_the_situation_and_ends_by_itself(world: World) -> None:
    """Nobody has to tell the watch: it sees the store and the clock."""
    world.plan()
    wanted = draft(
        Kind.DRAIN, "gcp", "me", "test", world.wall(), until=world.wall() + timedelta(minutes=5)
    )
    world.records.store.add(wanted)
    assert "gcp/europe-west3/a" in world.situation().drains
    world.now += 301.0
    assert not world.situation().drains


def test_an_alias_is_probed_where_it_leads_now(world: World) -> None:
    """A new address is ordered as soon as it is known."""
    world.plan()
    assert len(world.targets()) == 4
    orders = world.watch.panel.own.generation
    world.aliases[ALIAS] = AliasAddresses((bytes([192, 0, 2, 9]),))
    world.situation()
    assert "192.0.2.9" in world.targets()
    assert world.watch.panel.own.generation == orders + 1
    world.situation()
    assert world.watch.panel.own.generation == orders + 1


def test_each_move_is_told_with_the_outcome_that_tipped_it(world: World) -> None:
    """In the history, after the situation was made."""
    world.plan()
    turn = Turn(
        1, world.targets()["192.0.2.1"], Status.UP, Status.DOWN, Verdict.FAILED, Cause.REFUSED,
        "connection refused", 0.25, 0.0,
    )  # fmt: skip
    world.watch.hear("here", turn)
    world.down("192.0.2.1")
    world.situation()
    world.watch._tell()
    (event,) = [one for one in world.records.page(0, 100).events if one.kind == "endpoint.down"]
    assert event.subject == A
    assert event.detail["outcome"] == {
        "verdict": "failed", "kind": "refused", "detail": "connection refused", "seconds": 0.25,
    }  # fmt: skip
    assert event.detail["check"] == "http"
    world.watch._tell()
    assert len([e for e in world.records.page(0, 100).events if e.kind == "endpoint.down"]) == 1


async def test_the_next_run_begins_with_what_was_known(world: World) -> None:
    """The dead are out of the very first situation, though nothing was tried yet."""
    world.plan()
    world.down("192.0.2.1")
    world.situation()
    await world.watch._save()
    world.now += 20.0
    world.watch = world.make()
    assert world.situation().health == {}
    world.plan()
    assert world.health()[A] is Believed.DOWN
    assert not world.watch.ready
    events = world.records.newest_event
    world.watch._tell()
    assert world.records.newest_event == events  # that is no news


async def test_what_an_unready_checker_saw_is_not_kept(world: World) -> None:
    """It would replace what an earlier run knew of all."""
    world.plan()
    world.down("192.0.2.1")
    await world.watch._save()
    world.watch = world.make()
    world.plan()
    world.say({"192.0.2.4": Status.UP})
    await world.watch._save()
    assert len(world.records.store.last_known(world.wall())) == 4


def test_a_reload_keeps_what_is_known(world: World) -> None:
    """Under the same check, and under one that was edited."""
    world.plan()
    world.down("192.0.2.1")
    assert world.health()[A] is Believed.DOWN
    world.plan()
    assert world.health()[A] is Believed.DOWN
    world.plan(every="6s")
    assert world.health()[A] is Believed.DOWN
    assert len(world.situation().health) == 4


def test_references_that_fail_are_no_reason_to_remove_a_group(tmp_path: Path) -> None:
    """They are ordered beside the checks, and a checker that does not reach them says so."""
    world = World(tmp_path)
    probes = {"references": ["127.0.0.53:53"]}
    settings = Settings.model_validate({"probes": probes, "nsid": "here"})
    world.watch = Watch(world.records, lambda: world.now, world.wall, settings)
    world.plan()
    (reference,) = [one for one in world.watch._wanted("here") if one.reference]
    assert (reference.probe.type, reference.probe.address, reference.probe.port) == (
        "tcp",
        "127.0.0.53",
        53,
    )
    assert len(world.watch._wanted("here")) == 5
    world.records.close()


def test_the_status_says_how_things_stand(world: World) -> None:
    """Counts by state, and whether anybody looks."""
    assert world.watch.status()["checks"] == 0
    world.plan()
    world.down("192.0.2.1")
    world.situation()
    status = world.watch.status()
    assert status["endpoints"] == {"up": 3, "down": 1, "unknown": 1, "drained": 0}
    assert (status["checks"], status["ready"]) == (4, True)


def test_probes_that_this_node_does_not_allow_are_told(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """How many, why, and which setting it is."""
    monkeypatch.setattr(checker, "is_own", nowhere)  # whatever addresses this machine has
    world = World(tmp_path)
    path = tmp_path / "policy.yaml"
    text = POLICY.format(every="5s").replace("192.0.2.1", "127.0.0.9")
    path.write_text(text)
    plan, _ = compile_policies([path])
    assert plan is not None
    made = Compiled(
        path, 1, 1, "", (), 1, (), (), (), 0, "", (), 0.0, 0,
        inventory=take_inventory(plan), wishes=wishes(plan),
    )  # fmt: skip
    world.watch.replan(made)
    world.situation()
    (note,) = world.watch.notes()
    assert note.startswith("1 probe is not run (address is loopback")
    assert "see probes in the settings" in note
    world.records.close()


async def test_a_restart_does_not_excuse_what_flaps(world: World) -> None:
    """It is held down although it was up when the node stopped."""
    world.plan()
    everything = dict.fromkeys(world.targets(), Status.UP)
    world.say(everything)
    world.beat(len(everything))
    for _ in range(3):
        for status in (Status.DOWN, Status.UP):
            world.now += 40.0
            world.say({"192.0.2.1": status})
            world.situation()
    assert world.health()[A] is Believed.DOWN
    await world.watch._save()
    world.watch.remember()  # another version was to take over, and died before it kept anything
    world.now += 5.0
    world.watch = world.make()
    world.plan()
    assert world.health()[A] is Believed.DOWN
    world.now += 900.0
    assert world.health()[A] is Believed.UP
