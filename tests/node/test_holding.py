"""Policies that move much are held; what is still being weighed is waited for."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from gslb.node import holding as module
from gslb.node.compilation import Looked
from gslb.node.holding import HeldError, hold_back
from gslb.steering.flows import Move, Shift

SHIFT = Shift(0.82, (Move("aws/us-east-1", "gcp/us-east1", 0.82),))


class Compiler:
    """A compiler that has something to say at each look."""

    def __init__(self, *looked: Looked) -> None:
        self.looked = list(looked)

    async def look(self) -> Looked:
        return self.looked.pop(0)


def hold(*looked: Looked) -> None:
    compiler: Any = Compiler(*looked)
    asyncio.run(hold_back(compiler))
    assert compiler.looked == []


@pytest.fixture(autouse=True)
def at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "LOOK_SECONDS", 0.0)


def test_what_moves_little_passes_once_it_is_weighed() -> None:
    hold(Looked((), True), Looked((), True), Looked((), False))


def test_what_moves_much_is_held_and_says_what_and_how_to_serve_it() -> None:
    with pytest.raises(HeldError) as held:
        hold(Looked((), True), Looked((SHIFT,), False))
    assert str(held.value) == (
        "held, because much would move at once: 82 % of all answers:"
        " 82 % aws/us-east-1 → gcp/us-east1; gslb reload --confirm serves it all the same"
    )
