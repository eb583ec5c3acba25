"""Large shifts (failures F33): told as events and counted; reloads that would be one may be held."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterable

from gslb.errors import GslbError
from gslb.logs import Log
from gslb.node.compiler import Compiler
from gslb.node.keeper import TableKeeper
from gslb.state.history import News
from gslb.steering.flows import LARGE, WITHIN_SECONDS, Shift

LOOK_SECONDS = 1.0  # between a change, or a look, and the next one: bounds what weighing costs
EVENT = "answers.shifted"

_log = Log(__name__)


class Swings:
    """Looks out for large shifts of what is served, and tells of them."""

    def __init__(self, keeper: TableKeeper, tell: Callable[[Iterable[News]], None]) -> None:
        """Look at what *keeper* serves; *tell* takes events."""
        self.count = 0  # of large shifts, since the start
        self._keeper = keeper
        self._tell = tell
        self._policy: str | None = None  # that was served at the last look

    async def run(self) -> None:
        """Look after each change, until cancelled."""
        while True:
            await self._keeper.swapped.wait()
            self._keeper.swapped.clear()
            more = True
            while more:
                await asyncio.sleep(LOOK_SECONDS)
                more = await self.look()

    async def look(self) -> bool:
        """Tell what was found since the last look; return whether more is being weighed."""
        try:
            looked = await self._keeper.ask(Compiler.look)
        except GslbError:
            return False  # nobody has the plan now; the next change is looked at again
        compiled = self._keeper.compiled
        policy = compiled.policy if compiled is not None else None
        by_policy = policy != self._policy
        for shift in looked.shifts:
            self.count += 1
            _log.warning("large shift", moved=shift.words, by="policies" if by_policy else "state")
            self._tell([news_of(shift, by_policy=by_policy)])
        if not looked.more:
            self._policy = policy
        return looked.more


def news_of(shift: Shift, *, by_policy: bool) -> News:
    """Return *shift* as an event; *by_policy*: other policies are served than before."""
    detail = {
        "detail": f"{shift.words}, within {WITHIN_SECONDS:g} s",
        "share": round(shift.share, 6),
        "threshold": LARGE,
        "within_seconds": WITHIN_SECONDS,
        "cause": "policies" if by_policy else "state",
        "moves": [
            {"source": m.source, "to": m.to, "share": round(m.share, 6)} for m in shift.moves
        ],
    }
    return News(EVENT, "all answers", detail)
