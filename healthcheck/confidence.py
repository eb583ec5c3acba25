"""Whether a checker may trust itself: what surely works must answer, and it must keep up.

The third doubt of a checker, that nearly everything looks down, is judged where its votes are
counted (`healthcheck.voter`), because that needs to know which targets belong together.
"""

from __future__ import annotations

from collections.abc import Iterable

from healthcheck.model import Outcome, Status, Verdict
from healthcheck.tracker import Belief
from healthcheck.votes import Doubt

REFERENCES_FAILING = 2  # this many reference targets at once are not a coincidence
UNKNOWN_SHARE = 0.1  # of the tries of a minute; above, we do not keep up
MIN_TRIES = 20  # in a minute; a share of fewer means nothing
_SLICE = 10.0  # seconds
_SLICES = 6  # of one minute


class Load:
    """How many of the last minute's tries said nothing. Bounded: six slices of ten seconds."""

    def __init__(self) -> None:
        self._slices: dict[int, list[int]] = {}  # number of the slice → [tries, unknown]

    def note(self, belief: Belief, outcome: Outcome) -> None:
        """Count *outcome*; *belief* is what was believed before it.

        A target of which nothing is known is left out where the outcome says nothing either: an
        address family that this host does not have is no sign of overload.
        """
        unknown = outcome.verdict is Verdict.UNKNOWN
        if unknown and belief.status is Status.UNKNOWN:
            return
        number = int(outcome.finished // _SLICE)
        slice_ = self._slices.get(number)
        if slice_ is None:
            self._forget(number)
            slice_ = self._slices[number] = [0, 0]
        slice_[0] += 1
        slice_[1] += unknown

    def overloaded(self, now: float) -> bool:
        """Whether more than a tenth of the last minute's tries said nothing."""
        self._forget(int(now // _SLICE))
        tries = sum(tries for tries, _ in self._slices.values())
        unknown = sum(unknown for _, unknown in self._slices.values())
        return tries >= MIN_TRIES and unknown > UNKNOWN_SHARE * tries

    def _forget(self, number: int) -> None:
        self._slices = {n: kept for n, kept in self._slices.items() if n > number - _SLICES}


def doubt_of(load: Load, references: Iterable[Belief], now: float) -> Doubt:
    """Return why all votes of this checker count for nothing at *now*, or that there is no reason.

    *references* are what is believed of targets that we do not steer and that surely work, three or
    more in different networks. Their last verdict decides, before a run of them is complete:
    they must be ahead of the targets that would be masked.
    """
    if sum(1 for belief in references if belief.failing) >= REFERENCES_FAILING:
        return Doubt.REFERENCES
    return Doubt.OVERLOAD if load.overloaded(now) else Doubt.NONE
