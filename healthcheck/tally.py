"""Counts how tries ended, by type of probe, for metrics and for the sign of life. Sans-IO."""

from __future__ import annotations

from dataclasses import dataclass, field

from healthcheck.model import Kind


@dataclass(slots=True)
class Count:
    """Tries of one type that ended in one way."""

    number: int = 0
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
        count.number += 1
        count.seconds += seconds
