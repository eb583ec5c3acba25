"""Counters of checks: what the checker has tried, over all its lives, and what has changed."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable

from gslb.node.moves import Move
from gslb.state.locations import site_and_zone
from healthcheck.messages import Heartbeat
from healthcheck.model import Kind, Status

_Count = tuple[tuple[int, ...], float]  # tries by bucket, seconds
_Kinds = dict[tuple[str, Kind], _Count]


class CheckCounts:
    """Counters that go on when a checker is started again. Bounded: few types, kinds, places."""

    def __init__(self) -> None:
        """Nothing has been counted."""
        self.transitions: Counter[tuple[str, str, str]] = Counter()  # site, zone, to
        self._ended: _Kinds = {}  # of checkers that are gone
        self._now: _Kinds = {}  # of this one, as of its last word
        self._life = 0

    def hear(self, beat: Heartbeat) -> None:
        """Take over what a checker has counted in its life."""
        if beat.life != self._life:
            self._ended, self._life = self.tries(), beat.life
        self._now = {(type_, kind): (tries, took) for type_, kind, tries, took in beat.counts}

    def tries(self) -> _Kinds:
        """Return the tries of all checkers by type and kind of outcome."""
        return dict(_summed([*self._ended.items(), *self._now.items()]))

    def moved(self, move: Move) -> None:
        """Count a change of standing, unless an operator has made it."""
        if move.by_operator:
            return
        states = {move.after.v4, move.after.v6}
        worst = next(s for s in (Status.DOWN, Status.UP, Status.UNKNOWN) if s in states)
        self.transitions[(*site_and_zone(move.key[0]), worst.value)] += 1


def _summed(counts: Iterable[tuple[tuple[str, Kind], _Count]]) -> _Kinds:
    found: _Kinds = {}
    for key, (tries, took) in counts:
        before, seconds = found.get(key, ((0,) * len(tries), 0.0))
        found[key] = tuple(map(sum, zip(tries, before, strict=True))), seconds + took
    return found
