"""The desk: a drain is planned, judged, written and served, in that order, or nothing is done."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from gslb.api.drainmodels import DrainRequest
from gslb.api.models import ExplainQuery
from gslb.api.services import (
    Author,
    DrainRefusedError,
    Once,
    RequestRefusedError,
    UnavailableError,
    UnknownDrainError,
)
from gslb.desk.copies import CopiesDesk
from gslb.desk.desk import Desk
from gslb.errors import GslbError
from gslb.fallback.messages import CopyState
from gslb.fallback.process import NotPushingError
from gslb.node.compilation import Compiled, MistakenError
from gslb.node.records import Records
from gslb.policy.plan import Drained
from gslb.policy.problems import Where
from gslb.state.board import Board, Overlay
from gslb.state.inventory import Inventory, Place
from gslb.state.locations import LocationError
from gslb.state.overrides import Kind, OverrideError
from gslb.state.tables import ServedTable
from gslb.steering.draineffect import DrainPlan as Effect
from gslb.steering.explanation import Explanation

AT = datetime(2026, 12, 1, 6, 0, tzinfo=UTC)
AUTHOR = Author("ops", "token 1f2e", "192.0.2.9", "r1")
FILE = Drained("moving", None, Where(Path("shop.yaml"), 12, 5))
PLACES = {
    one: Place(one, 10, (None,), FILE if one.startswith("gcp") else None)
    for one in ("aws/us-east-1/az1", "aws/us-east-1/az2", "gcp/us-east1/az1")
}


@dataclass
class FakeNode:
    """What is served, made up; and the standing of the tree by a real board."""

    records: Records
    served: ServedTable | None = field(default_factory=lambda: ServedTable(Path("t"), 7))
    refusal: list[str] = field(default_factory=list)
    failures: list[str] = field(default_factory=list)
    refusals: tuple[str, ...] = ()
    trouble: GslbError | None = None
    planned: list[tuple[tuple[str, ...], bool]] = field(default_factory=list)
    applied: list[int] = field(default_factory=list)  # how many overrides there were
    inventory: Inventory = field(default_factory=lambda: Inventory(PLACES, {}, ()))
    compiled: Compiled | None = None

    def __post_init__(self) -> None:
        self._board = Board(self.inventory, {}, 0.0)
        self.compiled = Compiled(
            path=Path("t"),
            generation=7,
            serial=1,
            policy="abc",
            zones=("example.com",),
            names=2,
            aliases=(),
            ends=(),
            warnings=(),
            warning_count=0,
            geo="embedded",
            geo_alarms=("old",),
            seconds=0.1,
            octets=1,
        )

    @property
    def overlay(self) -> Overlay:
        return self._board.overlay(self.records.overrides, 1.0, AT)

    def notes(self) -> list[str]:
        return ["1 command is not run"]

    async def apply(self) -> bool:
        if self.trouble is not None:
            raise self.trouble
        self.applied.append(len(self.records.overrides))
        return self.compiled is not None

    async def explain(self, *asked: Any) -> Explanation:
        raise self.trouble or MistakenError(f"{asked[0]} is no name")

    async def plan_drain(self, endpoints: tuple[str, ...], *, force_down: bool = False) -> Effect:
        self.planned.append((endpoints, force_down))
        return Effect(endpoints, (), 1, 30, 0.5, (), (), self.refusals)


@pytest.fixture
def node(tmp_path: Path) -> Iterator[FakeNode]:
    made = FakeNode(Records(tmp_path, lambda: AT))
    yield made
    made.records.close()


async def workers() -> list[dict[str, Any]]:
    return [{"worker": 0, "pid": 1, "serving": True, "generation": 7, "restarts": 2}]


class NoCopies:
    """A node that pushes nothing."""

    states: tuple[CopyState, ...] = ()

    async def settled(self, _: float) -> tuple[CopyState, ...]:
        return ()

    async def ask(self, _: object) -> Any:
        raise NotPushingError("no copies")


@pytest.fixture
def desk(node: FakeNode) -> Desk:
    return Desk(
        node,
        node,
        node.records,
        workers,
        lambda: AT,
        lambda: 5.0,
        copies=CopiesDesk(NoCopies(), node.records),
    )


def audit(folder: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in (folder / "audit.jsonl").read_text().splitlines()]


async def test_a_drain_is_written_served_and_told(
    desk: Desk, node: FakeNode, tmp_path: Path
) -> None:
    made = await desk.create_drain(DrainRequest(location="aws", reason="update"), AUTHOR)
    assert node.applied == [1]
    assert made.generation == 7
    assert made.drain.author == "ops"
    assert await desk.drains() == (made.drain,)
    line = audit(tmp_path)[-1]
    assert (line["action"], line["result"]) == ("drain.create", "accepted")
    assert line["source"] == "token 1f2e 192.0.2.9"
    assert line["change"]["request"] == "r1"
    lifted = await desk.delete_drain(made.drain.id, "done", AUTHOR)
    assert lifted.drain == made.drain
    assert node.applied == [1, 0]
    assert audit(tmp_path)[-1]["why"] == "done"
    page = await desk.history(0, 10)
    assert [event.kind for event in page.events] == ["drain.created", "drain.deleted"]
    assert desk.newest_event() == page.events[-1].sequence
    with pytest.raises(UnknownDrainError):
        await desk.delete_drain(made.drain.id, "again", AUTHOR)


async def test_the_guard_refuses_and_the_attempt_is_written(
    desk: Desk, node: FakeNode, tmp_path: Path
) -> None:
    node.refusals = ("too little is left",)
    with pytest.raises(DrainRefusedError) as refused:
        await desk.create_drain(DrainRequest(location="aws", reason="x"), AUTHOR)
    assert refused.value.plan.refusals == node.refusals
    assert node.records.overrides == ()
    assert audit(tmp_path)[-1]["result"] == "refused"
    made = await desk.create_drain(DrainRequest(location="aws", reason="x", force=True), AUTHOR)
    assert made.drain.forced


async def test_force_is_only_noted_where_a_guard_spoke(desk: Desk) -> None:
    made = await desk.create_drain(DrainRequest(location="aws", reason="x", force=True), AUTHOR)
    assert not made.drain.forced


async def test_a_plan_changes_nothing(desk: Desk, node: FakeNode, tmp_path: Path) -> None:
    plan = await desk.plan_drain(DrainRequest(location="aws/*/az1", reason="x", dry_run=True))
    assert plan.endpoints == ("aws/us-east-1/az1",)
    assert node.records.overrides == ()
    assert node.applied == []
    assert audit(tmp_path) == []


@pytest.mark.parametrize(
    ("kind", "planned"),
    [
        (Kind.DRAIN, (("gcp/us-east1/az1",), False)),
        (Kind.FORCE_DOWN, (("gcp/us-east1/az1",), True)),
        (Kind.FORCE_UP, ((), False)),
    ],
)
async def test_what_is_forced_up_loses_nothing(
    desk: Desk, node: FakeNode, kind: Kind, planned: tuple[tuple[str, ...], bool]
) -> None:
    await desk.plan_drain(DrainRequest(location="gcp", reason="x", kind=kind))
    assert node.planned == [planned]


async def test_mistakes_are_told_before_anything_is_planned(desk: Desk, node: FakeNode) -> None:
    with pytest.raises(LocationError, match=r"did you mean aws\?"):
        await desk.create_drain(DrainRequest(location="awz", reason="x"), AUTHOR)
    past = DrainRequest(location="aws", reason="x", until=AT.replace(year=2025))
    with pytest.raises(OverrideError):
        await desk.create_drain(past, AUTHOR)
    assert node.planned == []


async def test_without_a_plan_nothing_is_drained(desk: Desk, node: FakeNode) -> None:
    node.compiled = None
    with pytest.raises(UnavailableError):
        await desk.create_drain(DrainRequest(location="aws", reason="x"), AUTHOR)
    assert node.records.overrides == ()


async def test_a_drain_that_cannot_be_served_yet_holds_and_says_so(
    desk: Desk, node: FakeNode
) -> None:
    """It is written: the next change of the table has it."""
    node.trouble = GslbError("no disk")
    made = await desk.create_drain(DrainRequest(location="aws", reason="x"), AUTHOR)
    assert "drain 1 holds, but answers do not follow yet: no disk" in made.pending
    assert await desk.drains() == (made.drain,)
    page = await desk.history(0, 10)
    assert [event.kind for event in page.events] == ["drain.created"]


async def test_a_request_with_a_key_is_known_to_the_next_run(
    desk: Desk, node: FakeNode, tmp_path: Path
) -> None:
    """Its reply then says only what is certain: the drain is there. This run did not end in order."""
    once = Once("token 1f2e ops", "k1", b"f")
    wanted = DrainRequest(location="aws", reason="x")
    made = await desk.create_drain(wanted, AUTHOR, once)
    later = FakeNode(Records(tmp_path, lambda: AT))
    copies = CopiesDesk(NoCopies(), later.records)
    next_desk = Desk(later, later, later.records, workers, lambda: AT, copies=copies)
    again = next_desk.remembered(once.caller, "k1")
    assert again is not None
    assert (again.status, again.fingerprint) == (202, b"f")
    assert again.location.endswith(f"/drains/{made.drain.id}")
    told = json.loads(again.octets)
    assert told["drain"]["id"] == made.drain.id
    assert "stored before the node started anew" in told["pending"]
    later.records.close()


async def test_both_kinds_of_drain_are_in_the_tree_and_counted_once(desk: Desk) -> None:
    await desk.create_drain(DrainRequest(location="aws/us-east-1/az1", reason="x"), AUTHOR)
    clouds = {one.path: one for one in (await desk.locations()).clouds}
    assert clouds["aws"].drained == 1
    assert clouds["gcp"].file_drain is not None
    assert [path for path, _ in desk.file_drains()] == ["gcp"]
    counts = desk.counts()
    assert (counts.drained, counts.unknown) == (2, 1)


async def test_the_status_tells_what_somebody_should_look_at(desk: Desk, node: FakeNode) -> None:
    node.refusal, node.failures = ["a.yaml:1:1: no"], ["no room"]
    status = await desk.status()
    assert status.ready
    assert status.alarms == ("old",)
    assert status.failed == ("no room",)
    assert status.notes == ("1 command is not run",)
    assert status.refused == ("a.yaml:1:1: no",)
    assert status.workers[0].restarts == 2
    node.served = None
    assert not (await desk.status()).ready


async def test_a_question_that_makes_no_sense_is_the_callers_fault(
    desk: Desk, node: FakeNode
) -> None:
    question = ExplainQuery(name="www", client="192.0.2.1")
    with pytest.raises(RequestRefusedError, match="www is no name"):
        await desk.explain(question)
    node.trouble = GslbError("the compiling process ended early")
    with pytest.raises(UnavailableError):
        await desk.explain(question)


async def test_an_undrain_before_the_first_compilation_says_that_answers_wait(
    desk: Desk, node: FakeNode
) -> None:
    """After a restart the table on disk is served until the policies are compiled."""
    made = await desk.create_drain(DrainRequest(location="aws", reason="x"), AUTHOR)
    node.compiled = None
    lifted = await desk.delete_drain(made.drain.id, "done", AUTHOR)
    assert "has ended; answers follow when" in lifted.pending
    assert node.records.overrides == ()


async def test_while_another_version_takes_over_changes_are_refused_and_readings_are_not(
    desk: Desk, node: FakeNode
) -> None:
    made = await desk.create_drain(DrainRequest(location="aws", reason="update"), AUTHOR)
    await desk.close("try again in a second")
    with pytest.raises(UnavailableError, match="try again in a second"):
        await desk.create_drain(DrainRequest(location="aws", reason="again"), AUTHOR)
    with pytest.raises(UnavailableError, match="try again in a second"):
        await desk.delete_drain(made.drain.id, "done", AUTHOR)
    assert await desk.drains() == (made.drain,)
    desk.reopen()
    await desk.delete_drain(made.drain.id, "done", AUTHOR)
    assert node.records.overrides == ()


async def test_a_change_that_has_begun_comes_to_its_end_before_the_desk_is_closed(
    desk: Desk, node: FakeNode
) -> None:
    making = asyncio.create_task(
        desk.create_drain(DrainRequest(location="aws", reason="update"), AUTHOR)
    )
    await asyncio.sleep(0)
    await desk.close("no")
    assert making.done()
    assert [one.id for one in node.records.overrides] == [making.result().drain.id]
