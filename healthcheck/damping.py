"""Keeps a target that flaps from coming back before it has settled. Pure; no clock.

A second stage behind the tracker (or the quorum): it follows a status, and delays only the way
from DOWN to UP. Who does not want it reads the first stage.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from math import inf

from healthcheck.model import Status

WINDOW = 600.0  # seconds: a DOWN this soon after the last return is flapping
FIRST_HOLD = 30.0  # seconds
LONGEST_HOLD = 900.0  # seconds
QUIET = 30.0  # seconds that a held target must have been UP without a break
MAX_LEVEL = 7  # the first whose hold-down is the longest


@dataclass(frozen=True, slots=True)
class Damped:
    """A status with flapping taken out.

    `level` grows by one with each DOWN, and falls by one with each WINDOW that was spent away from
    DOWN before it. Only DOWNs that were let through count: what a target does while it is held out
    prolongs nothing but the wait for QUIET.
    """

    status: Status = Status.UNKNOWN
    since: float = -inf  # when `status` was reached
    level: int = 0
    held_until: float = -inf  # DOWN does not end before
    left_at: float = -inf  # when it was last let out of DOWN
    seen: Status = Status.UNKNOWN  # the status that is followed
    seen_since: float = -inf

    def moved(self, by: float) -> Damped:
        """Return it with every moment *by* seconds later: as another clock has them."""
        return replace(
            self,
            since=self.since + by,
            held_until=self.held_until + by,
            left_at=self.left_at + by,
            seen_since=self.seen_since + by,
        )

    @property
    def wake_at(self) -> float:
        """When to call `damp` again although nothing changes; infinity if there is no need."""
        if self.status is not Status.DOWN or self.seen is not Status.UP:
            return inf
        return max(self.held_until, self.seen_since + min(QUIET, hold(self.level)))


def hold(level: int) -> float:
    """Return the seconds that *level* holds: 0, 0, 30, 60 … 900. The first DOWN is level 1."""
    if level <= 1:
        return 0.0
    return min(LONGEST_HOLD, FIRST_HOLD * 2.0 ** (min(level, MAX_LEVEL) - 2))


def damp(damped: Damped, seen: Status, at: float) -> Damped:
    """Return the damped status at *at*, when the followed status is *seen*.

    DOWN and UNKNOWN pass at once: the first must not wait, and to keep a target out without
    evidence is the wrong way round. UP after DOWN waits for the hold-down and for QUIET.
    """
    if seen is not damped.seen:
        damped = replace(damped, seen=seen, seen_since=at)
    if seen is damped.status:
        return damped
    if seen is Status.DOWN:
        level = min(MAX_LEVEL, _left(damped, at) + 1)
        return replace(damped, status=seen, since=at, level=level, held_until=at + hold(level))
    if damped.status is not Status.DOWN:
        return replace(damped, status=seen, since=at)
    if seen is Status.UP and at < damped.wake_at:
        return damped
    return replace(damped, status=seen, since=at, left_at=at)


def _left(damped: Damped, at: float) -> int:
    """Return the level after the time spent away from DOWN; never more than it was."""
    if damped.level == 0:
        return 0
    return max(0, damped.level - max(0, int((at - damped.left_at) // WINDOW)))
