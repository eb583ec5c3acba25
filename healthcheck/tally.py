"""Counts what tries saw, and notices when too many of them say nothing. Sans-IO."""

from __future__ import annotations

from dataclasses import dataclass, field

from healthcheck.model import Kind

WINDOW = 60  # seconds that are looked back on
UNSURE_SHARE = 0.10  # above it the checker does not trust itself (failures.md F15)
LEAST_TRIES = 20  # below it a share means nothing


@dataclass(slots=True)
class Count:
    """Tries of one type that ended in one way."""

    number: int = 0
    seconds: float = 0.0  # they took together


@dataclass(slots=True)
class _Second:
    at: int = -1
    tries: int = 0
    lost: int = 0


@dataclass(slots=True)
class Tally:
    """All tries since the start by (type, kind), and the last minute's by second."""

    counts: dict[tuple[str, Kind], Count] = field(default_factory=dict)
    completed: int = 0  # its advance is the sign of life
    _seconds: list[_Second] = field(default_factory=lambda: [_Second() for _ in range(WINDOW)])

    def add(self, type_: str, kind: Kind, seconds: float, lost: bool, now: float) -> None:
        """Count a try. *lost*: it said nothing for a reason that is this checker's own state.

        A family without a route, or an address that may not be probed, is no such reason: it is so
        by configuration, and says nothing of the other votes.
        """
        self.completed += 1
        count = self.counts.get((type_, kind))
        if count is None:
            count = self.counts[type_, kind] = Count()
        count.number += 1
        count.seconds += seconds
        second = self._seconds[int(now) % WINDOW]
        if second.at != int(now):
            second.at, second.tries, second.lost = int(now), 0, 0
        second.tries += 1
        second.lost += lost

    def unsure(self, now: float) -> bool:
        """Whether so many of the last minute's tries were lost that the rest is not to be trusted."""
        recent = [second for second in self._seconds if now - WINDOW < second.at <= now]
        tries = sum(second.tries for second in recent)
        lost = sum(second.lost for second in recent)
        return tries >= LEAST_TRIES and lost > UNSURE_SHARE * tries
