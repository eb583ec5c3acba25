"""Whether a change moved much of all answers in a short time: the large shift of failures F33.

What counts is what clients get, whatever changed it: health, a drain, or other policies. Two ways
in which answers are shared out are compared name by name, each name as heavy as the others.
"""

from __future__ import annotations

import pickle
from collections import Counter
from collections.abc import Generator, Mapping, Sequence
from dataclasses import dataclass, field
from zlib import crc32

from gslb.policy.plan import Plan
from gslb.steering.audience import Audience
from gslb.steering.flows import WITHIN_SECONDS, Shift, flows, greatest
from gslb.steering.situation import Situation
from gslb.steering.traffic import Supplies, spread

LEAST_SECONDS = 5.0  # what held for less is nothing to compare with; bounds what is kept to 14
MAX_WEIGHED = 5000  # policies that are looked at; of more, a sample
MAX_MOVES = 5  # told of each shift
LEAST_MOVE = 0.005  # share of all answers, of a move that is told

Parts = Mapping[int, Mapping[str, float]]  # by type: shares by cloud/region/zone


@dataclass(frozen=True, slots=True, eq=False)
class Roster:
    """Which names are answered alike. Made once for a plan: many names, never compared."""

    groups: Mapping[bytes, int]  # of each name that is looked at
    counts: tuple[int, ...]  # names, by group


@dataclass(frozen=True, slots=True, eq=False)
class Shares:
    """How answers are shared out at one moment."""

    roster: Roster
    parts: tuple[Parts, ...]  # by group


def groups_of(audiences: Sequence[Audience]) -> tuple[tuple[int, int], ...]:
    """Return (zone, policy) of each group of names that is looked at, by index."""
    found = [(n, index) for n, one in enumerate(audiences) for index in one.names]
    every = -(-len(found) // MAX_WEIGHED)  # by a name of theirs: the same ones after a reload
    if every > 1:
        found = [
            (n, index)
            for n, index in found
            if crc32(audiences[n].names[index].first[0]) % every == 0
        ]
    return tuple(found)


def roster_of(plan: Plan, audiences: Sequence[Audience]) -> Roster:
    """Return which names of *plan* are answered alike."""
    groups = groups_of(audiences)
    position = {group: number for number, group in enumerate(groups)}
    names = {
        name: position[n, index]
        for n, zone in enumerate(plan.zones)
        for name, index in zone.names
        if (n, index) in position
    }
    return Roster(names, tuple(audiences[n].names[index].count for n, index in groups))


def sharing(
    plan: Plan, situation: Situation, audiences: Sequence[Audience], roster: Roster
) -> Generator[None, None, Shares]:
    """Return how answers are shared out in *situation*; it yields after each group."""
    supplies = [Supplies(zone, situation) for zone in plan.zones]
    found: list[Parts] = []
    for n, index in groups_of(audiences):
        policy = plan.zones[n].policies[index]
        found.append(
            {
                one.rtype: spread(policy, one.rtype, one.classes, supplies[n])
                for one in audiences[n].clients(index)
            }
        )
        yield
    return Shares(roster, tuple(found))


def shift(before: Shares, after: Shares) -> Shift:
    """Return how much moved; names that are not in both have not."""
    if before.roster is after.roster:
        pairs = Counter({(n, n): count for n, count in enumerate(after.roster.counts)})
    else:
        old = before.roster.groups
        pairs = Counter(
            (old[name], group) for name, group in after.roster.groups.items() if name in old
        )
    moves: dict[tuple[str, str], float] = {}
    total = 0
    for (one, other), count in pairs.items():
        parts = before.parts[one], after.parts[other]
        for rtype in parts[1].keys() & parts[0].keys():
            total += count
            if parts[0][rtype] == parts[1][rtype]:
                continue
            for key, share in flows(parts[0][rtype], parts[1][rtype]).items():
                moves[key] = moves.get(key, 0.0) + count * share
    if not total:
        return Shift(0.0)
    moves = {key: amount / total for key, amount in moves.items()}
    return Shift(min(1.0, sum(moves.values())), greatest(moves, LEAST_MOVE, MAX_MOVES))


@dataclass(slots=True)
class Past:
    """How answers were shared out in the last `WITHIN_SECONDS`."""

    known: list[tuple[float, Shares]] = field(default_factory=list)  # monotonic: since when

    @classmethod
    def read(cls, octets: bytes) -> Past:
        """Return what `octets` of another process of ours was; nothing of nothing."""
        return cls(pickle.loads(octets) if octets else [])  # noqa: S301 - of our own child

    @property
    def octets(self) -> bytes:
        """It, for another process of ours."""
        return pickle.dumps(self.known, pickle.HIGHEST_PROTOCOL) if self.known else b""

    def adding(self, at: float, now: Shares) -> Generator[None, None, Shift]:
        """Note that answers are shared out like *now* since *at*; return the largest shift to it.

        It is that from anything that held within the window. One that is large is told once: what
        was before it is forgotten. It yields after each comparison, and nothing is noted before its
        end.
        """
        self._forget(at)
        found = Shift(0.0)
        for _, one in self.known:
            found = max(found, shift(one, now), key=_share)
            yield
        if found.large:
            self.known = []
        since = at
        if len(self.known) > 1 and at - self.known[-1][0] < LEAST_SECONDS:
            since, _ = self.known.pop()
        self.known.append((since, now))
        return found

    def _forget(self, at: float) -> None:
        """Leave out what ended before the window; the last one holds until *at*."""
        ends = [since for since, _ in self.known[1:]]
        gone = sum(at - end > WITHIN_SECONDS for end in ends)
        self.known = self.known[gone:]


def _share(found: Shift) -> float:
    return found.share
