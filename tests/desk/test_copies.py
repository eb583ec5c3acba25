"""Pushes that operators ask for: in the audit log before they begin, and again if they are refused."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from gslb.api.pushmodels import Copy, PushApplyRequest, PushPlanRequest
from gslb.api.services import Author, PushRefusedError, UnavailableError
from gslb.desk.copies import CopiesDesk
from gslb.desk.copynumbers import copies
from gslb.fallback.messages import (
    ApplyPush,
    CopyId,
    CopyState,
    CopyStateWord,
    PlanPush,
    Question,
    Which,
)
from gslb.fallback.process import NotPushingError, RefusedError
from gslb.metrics import METRICS
from gslb.node.records import Records
from gslb.state.audit import AuditError

AT = datetime(2026, 12, 1, 6, 0, tzinfo=UTC)
AUTHOR = Author("ops", "token 1f2e", "192.0.2.9", "r1")
HASH = "0123456789abcdef"
STATE = CopyState(CopyId("route53", "example.com.", "Z1"), CopyStateWord.PENDING, behind_since=90.0)


@dataclass
class FakePushing:
    """A pushing process that does as it is told, or not."""

    records: Records
    trouble: Exception | None = None
    asked: list[Question] = field(default_factory=list)
    lines: int = 0  # of the audit log when it was asked last
    states: tuple[CopyState, ...] = (STATE,)

    async def settled(self, _: float) -> tuple[CopyState, ...]:
        return self.states

    async def ask(self, question: Question) -> Any:
        assert self.records.audit is not None
        self.lines = self.records.audit.head.sequence
        if self.trouble is not None:
            raise self.trouble
        self.asked.append(question)
        return STATE if isinstance(question, ApplyPush) else []


@pytest.fixture
def pushing(tmp_path: Path) -> Iterator[FakePushing]:
    made = FakePushing(Records(tmp_path, lambda: AT))
    yield made
    made.records.close()


@pytest.fixture
def desk(pushing: FakePushing) -> CopiesDesk:
    return CopiesDesk(pushing, pushing.records)


def audit(folder: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in (folder / "audit.jsonl").read_text().splitlines()]


async def test_an_operators_push_is_written_down_before_it_begins(
    desk: CopiesDesk, pushing: FakePushing, tmp_path: Path
) -> None:
    begun = await desk.apply(PushApplyRequest(plan_hash=HASH, force=True), AUTHOR)
    assert begun.state == "pending"
    assert pushing.asked == [ApplyPush(HASH, force=True)]
    assert pushing.lines == 1
    (line,) = audit(tmp_path)
    assert (line["action"], line["who"], line["result"]) == ("push.apply", "ops", "accepted")
    assert line["change"] == {"plan": HASH, "force": True, "request": "r1"}


async def test_a_refused_push_is_written_down_as_refused(
    desk: CopiesDesk, pushing: FakePushing, tmp_path: Path
) -> None:
    pushing.trouble = RefusedError("the state has moved")
    with pytest.raises(PushRefusedError, match="the state has moved"):
        await desk.apply(PushApplyRequest(plan_hash=HASH), AUTHOR)
    assert [line["result"] for line in audit(tmp_path)] == ["accepted", "refused"]
    assert audit(tmp_path)[1]["why"] == "the state has moved"


async def test_without_an_audit_log_nothing_is_pushed(
    desk: CopiesDesk, pushing: FakePushing
) -> None:
    pushing.records.audit = None
    with pytest.raises(AuditError):
        await desk.apply(PushApplyRequest(plan_hash=HASH), AUTHOR)
    assert pushing.asked == []


async def test_a_node_that_does_not_push_is_unavailable_for_this(
    desk: CopiesDesk, pushing: FakePushing
) -> None:
    pushing.trouble = NotPushingError("the settings name no copies")
    with pytest.raises(UnavailableError, match="no copies"):
        await desk.plan(PushPlanRequest())


async def test_a_plan_is_asked_for_as_it_was_wanted(desk: CopiesDesk, pushing: FakePushing) -> None:
    await desk.plan(PushPlanRequest(provider="route53", zone="example.com", purge=True))
    assert pushing.asked == [PlanPush(Which("route53", "example.com."), purge=True)]


def test_every_number_of_a_copy_is_a_metric_that_is_declared(desk: CopiesDesk) -> None:
    """And states are told by one that is 1."""
    whole = Copy.model_validate(
        {
            **STATE.to_json(),
            "drift": {"missing": 2}, "losses": {"unsafe": 1}, "runs": {"done": 3},
            "changed": {"create": 4}, "quota": {"records": [30, 60], "checks": [0, 0]},
            "cost": 4.5, "wrong": 0.25, "succeeded_at": 80.0,
        }
    )  # fmt: skip
    values = copies([whole], 100.0)
    which = ("route53", "example.com.", "Z1")
    assert set(values) == {name for name in METRICS if name.startswith("gslb_push_")}
    for name, found in values.items():
        assert all(len(labels) == len(METRICS[name].labels) for labels in found), name
    assert values["gslb_push_lag_seconds"] == {which: 10.0}
    assert values["gslb_push_quota_used_ratio"] == {(*which, "records"): 0.5}
    assert sum(values["gslb_push_state"].values()) == 1.0  # type: ignore[arg-type]
    assert values["gslb_push_state"][*which, "pending"] == 1.0
    assert desk.copies()[0].zone == "example.com."
