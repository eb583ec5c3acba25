"""Keeps the board: what operators say of the tree, made into the situation that answers follow."""

from __future__ import annotations

import asyncio
import contextlib
import math
from collections.abc import Callable
from datetime import datetime

from gslb.node.keeper import Aliases
from gslb.node.overlay import Situations
from gslb.node.records import Records
from gslb.state import inventory as inventories
from gslb.state.board import Board, Overlay
from gslb.state.inventory import Inventory
from gslb.steering.situation import Situation

LONGEST_REST_SECONDS = 3600.0  # the wall clock may be set meanwhile
SHORTEST_REST_SECONDS = 0.001  # clocks are read twice; the second may be a little early


class Watch:
    """Owner of the board of one node."""

    def __init__(
        self, records: Records, clock: Callable[[], float], now: Callable[[], datetime]
    ) -> None:
        """Begin without a plan. *clock* is monotonic seconds, *now* wall time (aware)."""
        self.inventory: Inventory = inventories.EMPTY
        self.overlay = Overlay()
        self._records = records
        self._clock = clock
        self._now = now
        self._board = Board(self.inventory, {}, clock())
        self._situations = Situations()
        self._poked = asyncio.Event()

    def replan(self, inventory: Inventory) -> None:
        """Go on with another plan."""
        self.inventory = inventory
        self._board.replan(inventory)
        self._poked.set()

    def situation(self, aliases: Aliases, at: datetime) -> Situation:
        """Return what is true at *at* (aware), with *aliases* as they were resolved last."""
        self.overlay = self._board.overlay(self._records.overrides, self._clock(), at)
        self._poked.set()
        return self._situations.of(self.overlay, aliases, at)

    async def run(self, changed: Callable[[], None]) -> None:
        """Call *changed* whenever time itself may have changed the situation, until cancelled."""
        while True:
            self._poked.clear()
            rest = self._board.wake_at(self._clock(), self._now()) - self._clock()
            if math.isinf(rest) or rest > LONGEST_REST_SECONDS:
                rest = LONGEST_REST_SECONDS
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(max(rest, SHORTEST_REST_SECONDS)):
                    await self._poked.wait()
                    continue
            self._records.sweep(self._now())
            changed()
