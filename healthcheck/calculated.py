"""Checks of checks: up when enough of others are. Pure.

UNKNOWN is neither: a calculated check is UP or DOWN only if it would be, whatever the unknown
ones turn out to be (the three-valued logic of Kleene).
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

from healthcheck.model import Probe, Status

MAX_DEPTH = 4  # calculated checks within each other
MAX_LEAVES = 256  # probes under one calculated check, repeated ones each time


class CalculatedError(ValueError):
    """A calculated check that makes no sense; the text says why."""


@dataclass(frozen=True, slots=True)
class Calculated:
    """Up while at least *needed* of *of* are. Equal ones are one, like probes.

    Raises:
        CalculatedError: more needed than there are, fewer than one, or too deep or too large.
    """

    of: tuple[Probe | Calculated, ...]
    needed: int

    def __post_init__(self) -> None:
        if not 1 <= self.needed <= len(self.of):
            raise CalculatedError(f"at least {self.needed} of {len(self.of)} cannot be")
        # What it is made of was checked when it was made, so that neither walk can be long.
        if _depth(self) > MAX_DEPTH:
            raise CalculatedError(f"calculated checks more than {MAX_DEPTH} deep")
        if sum(1 for _ in probes_of(self)) > MAX_LEAVES:
            raise CalculatedError(f"more than {MAX_LEAVES} probes in one calculated check")


@dataclass(frozen=True, slots=True)
class Count:
    """What the parts of a calculated check say, and what follows."""

    up: int
    down: int
    unknown: int
    needed: int

    @property
    def status(self) -> Status:
        """UP with enough up, DOWN if there cannot be enough, else UNKNOWN."""
        if self.up >= self.needed:
            return Status.UP
        return Status.DOWN if self.up + self.unknown < self.needed else Status.UNKNOWN

    def __str__(self) -> str:
        unknown = f", {self.unknown} unknown" if self.unknown else ""
        return f"{self.up} of {self.up + self.down + self.unknown} up{unknown}, needs {self.needed}"


def all_of(*of: Probe | Calculated) -> Calculated:
    """Return the check that is up while each of *of* is."""
    return Calculated(of, len(of))


def any_of(*of: Probe | Calculated) -> Calculated:
    """Return the check that is up while one of *of* is."""
    return Calculated(of, 1)


def at_least(needed: int, *of: Probe | Calculated) -> Calculated:
    """Return the check that is up while at least *needed* of *of* are."""
    return Calculated(of, needed)


def count(check: Calculated, status_of: Callable[[Probe], Status]) -> Count:
    """Return what the parts of *check* say, given the status of each probe."""
    return count_of([evaluate(part, status_of) for part in check.of], check.needed)


def count_of(said: Sequence[Status], needed: int) -> Count:
    """Return what parts with the statuses *said* say together, of which *needed* have to be up."""
    up, down = said.count(Status.UP), said.count(Status.DOWN)
    return Count(up, down, len(said) - up - down, needed)


def evaluate(check: Probe | Calculated, status_of: Callable[[Probe], Status]) -> Status:
    """Return the status of *check*, given the status of each probe."""
    return status_of(check) if isinstance(check, Probe) else count(check, status_of).status


def probes_of(check: Probe | Calculated) -> Iterator[Probe]:
    """Yield every probe that *check* rests on, repeated ones each time: what is to be scheduled."""
    if isinstance(check, Probe):
        yield check
    else:
        for part in check.of:
            yield from probes_of(part)


def _depth(check: Probe | Calculated) -> int:
    return 0 if isinstance(check, Probe) else 1 + max(map(_depth, check.of))
