"""One checker as seen by those who count votes: its ballots, and how far it is to be believed."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from math import inf

from healthcheck.model import Status
from healthcheck.votes import Vote

UNRELATED_SHARE = 0.7  # of the targets outside a group; above, a failure inside it says nothing
UNRELATED_LEAST = 3  # a share of fewer targets means nothing
TURN_WINDOW = 30.0  # seconds within which targets that turn down are taken together


@dataclass(frozen=True, slots=True)
class Ballot:
    """A vote, and when it is valid by the clock of the receiver."""

    vote: Vote
    group: str  # targets that may well fail together: a site, a cloud
    seen_at: float  # when the checker saw what it says
    until: float  # the vote is worth nothing afterwards


class Voter:
    """What one checker says of everything. Old ballots are kept, so that none is cast twice."""

    def __init__(self, name: str) -> None:
        self.name = name
        self.quarantined_until = -inf
        self.accused: frozenset[str] = frozenset()  # what it was quarantined for
        self._ballots: dict[str, Ballot] = {}
        self._fresh: dict[
            str, Ballot
        ] = {}  # those that speak of their target; the counts are of them
        self._judged: Counter[str] = Counter()  # by group
        self._failing: Counter[str] = Counter()
        self._all_judged = 0
        self._all_failing = 0
        self._turned: dict[str, float] = {}  # target → when it turned down, oldest first
        self._life = 0

    def cast(self, vote: Vote, group: str, lifetime: float, now: float) -> bool:
        """Take *vote*, received at *now*; return False if a newer one is here already.

        *lifetime*: seconds for which a verdict of this target speaks.
        """
        before = self._ballots.get(vote.target)
        if vote.life < self._life or (before is not None and vote.order <= before.vote.order):
            return False
        self._life = vote.life
        seen_at = now - vote.age
        ballot = Ballot(vote, group, seen_at, seen_at + lifetime)
        self._withdraw(vote.target)
        self._ballots[vote.target] = ballot
        if ballot.until >= now and (vote.failing or vote.status is not Status.UNKNOWN):
            self._fresh[vote.target] = ballot
            self._tally(ballot, 1)
        if vote.status is not Status.DOWN:
            self._turned.pop(vote.target, None)
        elif before is None or before.vote.status is not Status.DOWN:
            self._turned.pop(vote.target, None)
            self._turned[vote.target] = now
        return True

    def ballot(self, target: str, now: float) -> Ballot | None:
        """Return what it says of *target*, if that still says something."""
        ballot = self._fresh.get(target)
        return ballot if ballot is not None and ballot.until >= now else None

    def forget(self, target: str) -> None:
        """Drop a target that nobody asks about any more."""
        self._withdraw(target)
        self._ballots.pop(target, None)
        self._turned.pop(target, None)

    def expire(self, now: float) -> list[str]:
        """Take out of the counts what has grown too old; return the targets."""
        expired = [target for target, ballot in self._fresh.items() if ballot.until < now]
        for target in expired:
            self._withdraw(target)
        for target in list(self._turned):
            if self._turned[target] >= now - TURN_WINDOW:
                break
            del self._turned[target]
        return expired

    @property
    def suspect(self) -> bool:
        """Whether `finds_all_down` may hold for any group at all.

        Where it does, more than its share fails inside the group and outside, so of everything too.
        """
        enough = self._all_judged > UNRELATED_LEAST
        return enough and self._all_failing > UNRELATED_SHARE * self._all_judged

    def finds_all_down(self, group: str) -> bool:
        """Whether nearly everything outside *group* fails too, so that its failures say nothing.

        Not if much of *group* itself answers: then we do reach it, and what fails there does fail,
        whatever became of other places. The last verdict counts, not the status: else the
        first targets of a mass failure would be masked before the others have completed their runs.
        """
        judged, failing = self._judged[group], self._failing[group]
        unrelated, unrelated_failing = self._all_judged - judged, self._all_failing - failing
        return (
            unrelated >= UNRELATED_LEAST
            and unrelated_failing > UNRELATED_SHARE * unrelated
            and failing > UNRELATED_SHARE * judged
        )

    @property
    def judged(self) -> int:
        """How many targets it says something of."""
        return self._all_judged

    @property
    def turned(self) -> int:
        """How many targets turned down within the window, or before it since the last `expire`."""
        return len(self._turned)

    def turned_down(self, now: float) -> Iterator[str]:
        """Yield the targets that turned down within the window and are still down."""
        for target, at in self._turned.items():
            if at >= now - TURN_WINDOW:
                yield target

    def excuse(self, target: str) -> None:
        """Forget that *target* turned down: it did not to this checker alone."""
        self._turned.pop(target, None)

    def _withdraw(self, target: str) -> None:
        ballot = self._fresh.pop(target, None)
        if ballot is not None:
            self._tally(ballot, -1)

    def _tally(self, ballot: Ballot, by: int) -> None:
        self._judged[ballot.group] += by
        self._all_judged += by
        if ballot.vote.failing:
            self._failing[ballot.group] += by
            self._all_failing += by
