"""Which checkers have a vote now: those that get on with their probes. Pure; the clock is handed in.

One that stands still counts for nothing, and the majority is one of those that are left (F16). But when
most fall silent at once, it is more likely ours that is cut off from them (F02): they keep their seats,
so that there is no quorum, and what was known is held, for as long as anything is held without one.
"""

from __future__ import annotations

from dataclasses import dataclass, field

from gslb.node.talk import SILENT_SECONDS
from healthcheck.tracker import HOLD_AT_MOST


@dataclass(slots=True)
class _Seat:
    seen_at: float  # when its count of completed probes has risen last
    patience: float = SILENT_SECONDS  # or three intervals of the slowest of its probes
    completed: int = -1


@dataclass(slots=True)
class Seats:
    """The checkers that were heard of, and who of them is seated. Our own one always is."""

    own: str
    held: bool = False  # most have fallen silent at once
    _remote: dict[str, _Seat] = field(default_factory=dict)
    _seated: frozenset[str] = frozenset()
    _short_since: float = 0.0

    @property
    def known(self) -> frozenset[str]:
        """Every checker that has ever been heard of, and ours."""
        return frozenset(self._remote) | {self.own}

    def beat(self, name: str, completed: int, slowest: float, now: float) -> None:
        """Note a sign of life: *completed* probes so far; they are *slowest* seconds apart at most."""
        seat = self._remote.setdefault(name, _Seat(now))
        if completed != seat.completed:
            seat.completed, seat.seen_at = completed, now
        seat.patience = max(SILENT_SECONDS, 3 * slowest)

    def forget(self, name: str) -> None:
        """Take the seat of one that has no right to it any more."""
        self._remote.pop(name, None)
        self._seated -= {name}

    def silent(self, now: float) -> list[str]:
        """Return who was heard of and does not get on, sorted."""
        return sorted(n for n, one in self._remote.items() if now - one.seen_at > one.patience)

    def seated(self, now: float) -> frozenset[str]:
        """Return who has a vote at *now*."""
        alive = self.known - set(self.silent(now))
        lost = self._seated - alive
        short = bool(lost) and 2 * len(self._seated & alive) < len(self._seated)
        if short and not self.held:
            self._short_since = now
        self.held = short
        if short and now - self._short_since <= HOLD_AT_MOST:
            alive |= lost
        self._seated = alive
        return alive
