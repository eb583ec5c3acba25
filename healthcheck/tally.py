"""Counts how tries ended, by type of probe, for metrics and for the sign of life. Sans-IO."""

from __future__ import annotations

from bisect import bisect_left
from dataclasses import dataclass, field

from healthcheck.model import Kind

BOUNDS = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0)  # seconds, of a bucket each


@dataclass(slots=True)
class Count:
    """Tries of one type that ended in one way."""

    buckets: list[int] = field(default_factory=lambda: [0] * (len(BOUNDS) + 1))  # last: above all
    seconds: float = 0.0  # that they took together


@dataclass(slots=True)
class Tally:
    """All tries since the start. Bounded: there are few types and kinds."""

    completed: int = 0  # its advance is the sign of life (failures.md F16)
    counts: dict[tuple[str, Kind], Count] = field(default_factory=dict)

    def add(self, type_: str, kind: Kind, seconds: float) -> None:
        """Count a try of a probe of *type_* that took *seconds*."""
        self.completed += 1
        count = self.counts.get((type_, kind))
        if count is None:
            count = self.counts[type_, kind] = Count()
        count.buckets[bisect_left(BOUNDS, seconds)] += 1
        count.seconds += seconds
