"""Who loses answers to whom, between two ways in which they are shared out."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from gslb.steering.shares import EXACT
from gslb.steering.wording import percent

LARGE = 0.2  # share of all answers (failures F33)
WITHIN_SECONDS = 60.0  # in which they move (failures F33)


@dataclass(frozen=True, slots=True)
class Move:
    """Traffic that goes elsewhere: site to site, or zone to zone within one site."""

    source: str
    to: str  # "": nowhere (refused, or the last resort)
    share: float  # of the answers of all names that are looked at, each as heavy as the others


@dataclass(frozen=True, slots=True)
class Shift:
    """How much of all answers goes elsewhere than before."""

    share: float  # 0 to 1
    moves: tuple[Move, ...] = ()  # the greatest

    @property
    def large(self) -> bool:
        """Whether somebody should be told."""
        return self.share > LARGE

    @property
    def words(self) -> str:
        """It in words: how much, and what of it goes where."""
        moves = (f"{percent(m.share)} {m.source} → {m.to or 'nowhere'}" for m in self.moves)
        return f"{percent(self.share)} of all answers: {', '.join(moves)}"


def flows(before: Mapping[str, float], after: Mapping[str, float]) -> dict[tuple[str, str], float]:
    """Return who loses which share to whom; both are by cloud/region/zone.

    What is lost goes to those that gain, in proportion: who in particular takes over from whom
    is not a question that has an answer.
    """
    zones = before.keys() | after.keys()
    gains = {zone: after.get(zone, 0.0) - before.get(zone, 0.0) for zone in zones}
    lost = {zone: -gain for zone, gain in gains.items() if gain < -EXACT}
    won = {zone: gain for zone, gain in gains.items() if gain > EXACT}
    nowhere = sum(lost.values()) - sum(won.values())
    if nowhere > EXACT:
        won[""] = nowhere
    whole = sum(won.values())
    moves: dict[tuple[str, str], float] = {}
    for source, amount in lost.items():
        for to, gain in won.items():
            key = _between(source, to)
            moves[key] = moves.get(key, 0.0) + amount * gain / whole
    return moves


def _between(source: str, to: str) -> tuple[str, str]:
    """Return the ends of a move as people look at it: sites, or zones of the same site."""
    sites = source.rpartition("/")[0], to.rpartition("/")[0]
    return (source, to) if sites[0] == sites[1] else sites


def greatest(moves: Mapping[tuple[str, str], float], least: float, count: int) -> tuple[Move, ...]:
    """Return those *moves* that are more than *least*, the greatest first, *count* at most."""
    found = (Move(source, to, share) for (source, to), share in moves.items() if share > least)
    return tuple(sorted(found, key=lambda one: (-one.share, one.source, one.to))[:count])
