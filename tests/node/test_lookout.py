"""Weighing what is served costs nothing until somebody looks, and is never done twice."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from gslb.geo.table import empty_table
from gslb.node.lookout import Lookout, Weighing
from gslb.policy.compile import compile_policies
from gslb.policy.plan import Drained
from gslb.policy.problems import NOWHERE
from gslb.steering.audience import Audience
from gslb.steering.situation import Situation
from gslb.steering.traffic import equally
from gslb.steering.world import make_world
from tests.node.test_changes import AT, POLICY

BOTH = POLICY.replace("{to: aws/us-east-1}", "{to: [aws/us-east-1, gcp/europe-west3]}")


class Process:
    """A process that has the plan, with little else to do."""

    def __init__(self, folder: Path) -> None:
        path = folder / "policy.yaml"
        path.write_text(BOTH)
        plan, problems = compile_policies([path])
        assert plan is not None, problems
        world = make_world(empty_table(), AT)
        self.audiences = [Audience(zone, world, equally) for zone in plan.zones]
        self.weighing = Weighing(plan, Situation(AT), self.audiences)
        self.now = 100.0
        self.weighed = 0
        self.lookout = Lookout(lambda: self.now)

    def work(self) -> None:
        while self.lookout.work_ahead(self._weighing):
            pass

    def _weighing(self) -> Weighing:
        self.weighed += 1
        return self.weighing

    def drain(self, *ids: str) -> None:
        drains = dict.fromkeys(ids, Drained("x", None, NOWHERE))
        situation = replace(self.weighing.situation, drains=drains)
        self.weighing = replace(self.weighing, situation=situation)
        self.lookout.moved()


@pytest.fixture
def process(tmp_path: Path) -> Process:
    made = Process(tmp_path)
    made.lookout.begin(b"")
    made.work()  # what was compiled is weighed at once: it is what is compared with
    return made


def test_a_shift_is_told_at_the_next_look_but_one_and_once(process: Process) -> None:
    process.now += 10
    process.drain("aws/us-east-1/a")
    process.work()
    assert process.weighed == 1  # nobody has looked
    looked = process.lookout.look()
    assert (looked.shifts, looked.more) == ((), True)
    process.work()
    looked = process.lookout.look()
    (shift,) = looked.shifts
    assert shift.share == pytest.approx(0.25)  # one of two names, half of it
    assert not looked.more
    assert process.lookout.look().shifts == ()


def test_many_changes_between_two_looks_cost_one_weighing(process: Process) -> None:
    for _ in range(50):
        process.drain("aws/us-east-1/a")
        process.work()
    process.lookout.look()
    process.work()
    assert process.weighed == 2


def test_what_comes_while_it_is_weighed_is_weighed_after_it(process: Process) -> None:
    process.drain("aws/us-east-1/a")
    process.lookout.look()
    assert process.lookout.work_ahead(process._weighing)
    process.now += 10
    process.drain()
    assert process.lookout.look().more
    process.work()
    assert process.weighed == 3
    assert len(process.lookout.look().shifts) == 2  # there, and back


def test_another_reading_of_the_policies_goes_on_from_it(process: Process, tmp_path: Path) -> None:
    other = Process(tmp_path)
    other.now = process.now + 10
    other.drain("aws/us-east-1/a")
    other.lookout.begin(process.lookout.past.octets)
    other.work()
    (shift,) = other.lookout.look().shifts
    assert shift.large


def test_clients_that_are_told_apart_otherwise_are_weighed_anew(process: Process) -> None:
    roster = process.lookout.past.known[-1][1].roster
    process.lookout.renew()
    process.lookout.look()
    process.work()
    assert process.lookout.past.known[-1][1].roster is not roster
