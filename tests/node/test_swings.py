"""A large shift becomes one event and one count, with what made it."""

from __future__ import annotations

import asyncio
from types import SimpleNamespace
from typing import Any

import pytest

from gslb.cli.events import line
from gslb.errors import GslbError
from gslb.node import swings as module
from gslb.node.compilation import Looked
from gslb.node.swings import EVENT, Swings
from gslb.state.history import News
from gslb.steering.flows import Move, Shift
from tests.patience import PATIENCE_SECONDS

SHIFT = Shift(0.82, (Move("aws/us-east-1", "gcp/us-east1", 0.82),))


class Keeper:
    """A keeper whose compiler finds what it is told to find."""

    def __init__(self, *looked: Looked | GslbError) -> None:
        self.swapped = asyncio.Event()
        self.compiled: Any = SimpleNamespace(policy="one")
        self.looked = list(looked)

    async def ask(self, _: object) -> Looked:
        found = self.looked.pop(0)
        if isinstance(found, GslbError):
            raise found
        return found


def swings_of(keeper: Keeper) -> tuple[Swings, list[News]]:
    told: list[News] = []
    return Swings(keeper, told.extend), told  # type: ignore[arg-type]


def test_a_shift_is_told_and_counted() -> None:
    async def go() -> None:
        keeper = Keeper(Looked((), False), Looked((SHIFT,), False), Looked((SHIFT,), False))
        swings, told = swings_of(keeper)
        assert not await swings.look()
        assert (swings.count, told) == (0, [])
        await swings.look()
        keeper.compiled = SimpleNamespace(policy="two")
        await swings.look()
        assert swings.count == 2
        assert [(one.kind, one.detail["cause"]) for one in told] == [
            (EVENT, "state"),
            (EVENT, "policies"),
        ]

    asyncio.run(go())


def test_other_policies_stay_the_cause_until_they_are_weighed() -> None:
    async def go() -> None:
        keeper = Keeper(Looked((), False), Looked((), True), Looked((SHIFT,), False))
        swings, told = swings_of(keeper)
        await swings.look()
        keeper.compiled = SimpleNamespace(policy="two")
        assert await swings.look()
        await swings.look()
        assert told[0].detail["cause"] == "policies"

    asyncio.run(go())


def test_a_process_that_has_gone_ends_no_lookout() -> None:
    async def go() -> None:
        swings, told = swings_of(Keeper(GslbError("gone"), Looked((SHIFT,), False)))
        assert not await swings.look()
        await swings.look()
        assert len(told) == 1

    asyncio.run(go())


def test_it_looks_again_until_all_is_weighed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "LOOK_SECONDS", 0.0)

    async def go() -> None:
        keeper = Keeper(Looked((), True), Looked((), True), Looked((SHIFT,), False))
        told = asyncio.Event()
        swings = Swings(keeper, lambda _: told.set())  # type: ignore[arg-type]
        running = asyncio.create_task(swings.run())
        keeper.swapped.set()
        async with asyncio.timeout(PATIENCE_SECONDS):
            await told.wait()
        running.cancel()
        assert keeper.looked == []

    asyncio.run(go())


def test_the_event_is_one_line_that_says_where_to() -> None:
    news = module.news_of(SHIFT, by_policy=True)
    event = {
        "at": "2026-12-01T06:00:00Z",
        "sequence": 7,
        "kind": news.kind,
        "subject": news.subject,
    }
    assert line({**event, "detail": news.detail}) == (
        "2026-12-01T06:00:00Z  7  answers.shifted  all answers: 82 % of all answers:"
        " 82 % aws/us-east-1 → gcp/us-east1, within 60 s"
    )
