"""Counters of a node, by metric and labels, that only grow: added up, kept on disk, shown.

A counter is one whole number; a histogram is a number for each bucket and then the sum of what was
observed, in the unit it was counted in.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence

from gslb.metrics import METRICS, Histogram, Kind, Number, Values

Labels = tuple[str, ...]

MAX_LABEL = 512  # characters; a name has 255 octets, and some take four to be written
_UNITS = {"_seconds": 1e9, "_bytes": 1.0}  # what a sum is divided by: nanoseconds, octets


class Totals:
    """Numbers by metric and labels."""

    def __init__(self) -> None:
        """Nothing has been counted."""
        self._numbers: dict[str, dict[Labels, list[int]]] = {}

    def add(self, metric: str, labels: Labels, numbers: Sequence[int]) -> None:
        """Add *numbers* to those of *metric* with these *labels*."""
        known = self._numbers.setdefault(metric, {}).setdefault(labels, [0] * len(numbers))
        for at, number in enumerate(numbers):
            known[at] += number

    def take(self, others: Iterable[Totals]) -> Totals:
        """Add everything of *others*; return itself."""
        for other in others:
            for metric, by_labels in other._numbers.items():
                for labels, numbers in by_labels.items():
                    self.add(metric, labels, numbers)
        return self

    def sums(self, metric: str, label: str) -> dict[str, int]:
        """Return the sums of a counter by one *label*, over all others."""
        at = METRICS[metric].labels.index(label)
        found: dict[str, int] = {}
        for labels, numbers in self._numbers.get(metric, {}).items():
            found[labels[at]] = found.get(labels[at], 0) + numbers[0]
        return found

    def values(self) -> Values:
        """Return them as metrics have them."""
        return {
            metric: {labels: _value(metric, numbers) for labels, numbers in by_labels.items()}
            for metric, by_labels in self._numbers.items()
        }

    def to_json(self) -> bytes:
        """Return them as octets."""
        rows = [
            [metric, *labels, numbers]
            for metric, by_labels in self._numbers.items()
            for labels, numbers in by_labels.items()
        ]
        return json.dumps(rows).encode()

    @classmethod
    def from_json(cls, octets: bytes) -> Totals:
        """Return what `to_json` wrote; what no metric of now has is left out. Raises ValueError."""
        made = cls()
        rows = json.loads(octets)
        if not isinstance(rows, list):
            raise ValueError("not a list")
        for row in rows:
            if not isinstance(row, list) or len(row) < 2 or not isinstance(row[-1], list):
                raise ValueError("not rows of counters")
            metric, *labels = map(str, row[:-1])
            numbers = [number for number in row[-1] if isinstance(number, int)]
            if _fits(metric, labels, numbers):
                made.add(metric, tuple(labels), numbers)
        return made


def _fits(metric: str, labels: list[str], numbers: list[int]) -> bool:
    known = METRICS.get(metric)
    if known is None or len(labels) != len(known.labels) or min(numbers, default=-1) < 0:
        return False
    wanted = len(known.bounds) + 2 if known.kind is Kind.HISTOGRAM else 1
    return len(numbers) == wanted and all(len(label) <= MAX_LABEL for label in labels)


def _value(metric: str, numbers: Sequence[int]) -> Number:
    if len(numbers) == 1:
        return float(numbers[0])
    unit = next(size for ending, size in _UNITS.items() if metric.endswith(ending))
    return Histogram(tuple(numbers[:-1]), numbers[-1] / unit)
