"""Counts the votes of several checkers into one status for each target. No I/O, no clock.

Our own checker is one voter among the others. Where it is the only one, its word is the verdict:
but not on what its own network is to blame for. Without a quorum the last status is held, for ten
minutes at most.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from enum import StrEnum
from math import inf

from healthcheck.model import Status
from healthcheck.tracker import HOLD_AT_MOST
from healthcheck.voter import Voter
from healthcheck.votes import Doubt, Vote

QUARANTINE = 300.0  # seconds
QUARANTINE_SHARE = 0.3  # of a checker's targets, turned down within the window, alone with it
QUARANTINE_LEAST = 3  # targets; one or two are a dissent, not a fault of the checker
TAKE_BACK = 30.0  # seconds: a removal this fresh is undone when its votes turn out to be void
_JUDGE_EVERY = 1.0  # seconds between two judgements of one checker: they cost by its targets


class Basis(StrEnum):
    """What a standing rests on."""

    ONLY = "only"  # there is one checker
    QUORUM = "quorum"
    HELD = "held"  # no quorum: the last status goes on
    NOTHING = "nothing"  # and there is none, or it is too old


@dataclass(frozen=True, slots=True)
class Terms:
    """How votes on one target are counted."""

    lifetime: float  # seconds for which a verdict speaks: `tracker.lifetime`
    group: str = ""  # targets that may well fail together: a site, a cloud
    needed: int | None = None  # equal votes, at most as many as there are voters; None: a majority
    checkers: frozenset[str] | None = None  # the only voters; None: every checker


@dataclass(frozen=True, slots=True)
class Standing:
    """What the checkers together say of one target, and who said what. Names are sorted."""

    status: Status
    since: float
    basis: Basis
    up: tuple[str, ...] = ()
    down: tuple[str, ...] = ()
    silent: tuple[str, ...] = ()  # no vote, one too old, or one that says unknown
    doubted: tuple[tuple[str, Doubt], ...] = ()  # voted, and counted for nothing

    @property
    def dissenters(self) -> tuple[str, ...]:
        """Who sees it differently."""
        if self.status is Status.UNKNOWN:
            return ()
        return self.down if self.status is Status.UP else self.up


class _Case:
    """What is known of one target. Mutable."""

    __slots__ = ("agreed_at", "before", "standing", "terms")

    def __init__(self, terms: Terms, standing: Standing, agreed_at: float) -> None:
        self.terms = terms
        self.standing = standing
        self.before = Status.UNKNOWN  # the status before this one
        self.agreed_at = agreed_at  # the newest evidence of the last quorum


class _Said:
    """Who says what of one target, in the order of the voters' names."""

    __slots__ = ("doubted", "down", "silent", "up", "voters")

    def __init__(self) -> None:
        self.voters = 0
        self.up: list[str] = []
        self.down: list[str] = []
        self.silent: list[str] = []
        self.doubted: list[tuple[str, Doubt]] = []


class Council:
    """The checkers and what they say: `receive` each vote, `sweep` each second."""

    def __init__(self, checkers: Iterable[str]) -> None:
        self._voters = {name: Voter(name) for name in sorted(set(checkers))}
        self._cases: dict[str, _Case] = {}
        self._judged_at: dict[str, float] = {}
        self._held: set[str] = set()  # targets whose last status goes on without a quorum
        # What makes `sweep` count everything again, not only what time has touched:
        self._upset = True  # who votes, or who is believed, has changed
        self._suspects: set[str] = set()  # checkers that may have been blind since the last sweep
        self._believed: set[str] = set()  # not quarantined at the last sweep
        self.refused = 0  # votes of strangers, on unknown targets, or older than what was known

    def seat(self, checkers: Iterable[str]) -> None:
        """Make *checkers* the voters; who stays keeps the ballots. `sweep` shows the effect."""
        self._voters = {
            name: self._voters.get(name) or Voter(name) for name in sorted(set(checkers))
        }
        self._judged_at = {n: at for n, at in self._judged_at.items() if n in self._voters}
        self._upset = True

    def watch(
        self,
        target: str,
        terms: Terms,
        now: float,
        status: Status = Status.UNKNOWN,
        age: float = 0.0,
    ) -> None:
        """Count votes on *target* from now on; one that is watched already only gets new *terms*.

        *status* is what was last known of it, *age* how many seconds ago.
        """
        case = self._cases.get(target)
        if case is not None:
            self._upset |= case.terms != terms
            case.terms = terms
        elif status is Status.UNKNOWN or not 0 <= age <= HOLD_AT_MOST:
            self._cases[target] = _Case(terms, Standing(Status.UNKNOWN, now, Basis.NOTHING), -inf)
        else:
            self._cases[target] = _Case(terms, Standing(status, now - age, Basis.HELD), now - age)
            self._held.add(target)

    def forget(self, target: str) -> None:
        """Count no votes on *target* any more."""
        self._cases.pop(target, None)
        self._held.discard(target)
        for voter in self._voters.values():
            voter.forget(target)

    def standing(self, target: str) -> Standing:
        """Return what the checkers say of *target*. Raises KeyError if it is not watched."""
        return self._cases[target].standing

    def receive(self, vote: Vote, now: float) -> Standing | None:
        """Count *vote*; return the new standing of its target if that changed its status."""
        voter, case = self._voters.get(vote.checker), self._cases.get(vote.target)
        if voter is None or case is None:
            self.refused += 1
            return None
        if not voter.cast(vote, case.terms.group, case.terms.lifetime, now):
            self.refused += 1
            return None
        if voter.suspect:
            self._suspects.add(voter.name)
        judged_at = self._judged_at.get(voter.name, -inf)
        if vote.status is Status.DOWN and now >= judged_at + _JUDGE_EVERY:
            self._judge(voter, now)
        return self._decide(vote.target, case, now)

    def sweep(self, now: float) -> dict[str, Standing]:
        """Return the standings whose status time, or doubt in a checker, has changed, by target."""
        touched = {t for t in self._held if now - self._cases[t].agreed_at > HOLD_AT_MOST}
        for voter in self._voters.values():
            touched.update(voter.expire(now))
        for voter in self._voters.values():
            self._judge(voter, now)
        if self._unsettled(now):
            touched = set(self._cases)
        changed: dict[str, Standing] = {}
        for target in touched:
            standing = self._decide(target, self._cases[target], now)
            if standing is not None:
                changed[target] = standing
        return changed

    def _unsettled(self, now: float) -> bool:
        """Whether it may have changed since the last sweep which votes count at all."""
        suspects = {name for name, voter in self._voters.items() if voter.suspect}
        believed = self._voters.keys() - self.quarantined(now).keys()
        unsettled = self._upset or bool(suspects | self._suspects) or believed != self._believed
        self._upset, self._suspects, self._believed = False, suspects, believed
        return unsettled

    def quarantined(self, now: float) -> dict[str, float]:
        """Return until when which checkers are not believed."""
        return {
            voter.name: voter.quarantined_until
            for voter in self._voters.values()
            if voter.quarantined_until > now
        }

    def _decide(self, target: str, case: _Case, now: float) -> Standing | None:
        """Count again; return the standing if its status is another one."""
        terms = case.terms
        said = _Said()
        newest_up = newest_down = -inf
        void_down = False
        for name, voter in self._voters.items():
            if terms.checkers is not None and name not in terms.checkers:
                continue
            said.voters += 1
            ballot = voter.ballot(target, now)
            status = Status.UNKNOWN if ballot is None else ballot.vote.status
            if ballot is None or status is Status.UNKNOWN:
                said.silent.append(name)
                continue
            doubt = _doubt(voter, ballot.vote, terms.group, now)
            if doubt is not Doubt.NONE:
                said.doubted.append((name, doubt))
                # Overload makes no failures (late tries count for nothing); the rest may have.
                void_down |= status is Status.DOWN and doubt is not Doubt.OVERLOAD
            elif status is Status.UP:
                said.up.append(name)
                newest_up = max(newest_up, ballot.seen_at)
            else:
                said.down.append(name)
                newest_down = max(newest_down, ballot.seen_at)
        agreed = _agreed(said, terms.needed)
        if agreed is not None:
            case.agreed_at = newest_up if agreed is Status.UP else newest_down
            basis = Basis.ONLY if said.voters == 1 else Basis.QUORUM
        else:
            agreed, basis = _held(case, void_down, now)
        if basis is Basis.HELD:
            self._held.add(target)
        else:
            self._held.discard(target)
        return _settle(case, agreed, basis, said, now)

    def _judge(self, voter: Voter, now: float) -> None:
        """Begin or end the quarantine of *voter*.

        It ends early when the others come to see the same: then it was only the first. What has
        turned down meanwhile may be a new reason.
        """
        if voter.quarantined_until > now:
            self._judged_at[voter.name] = now
            alone = [t for t in voter.accused if not self._shared(voter, t, now)]
            if _too_many(len(alone), voter.judged):
                return
            voter.quarantined_until = -inf
        if not _too_many(voter.turned, voter.judged):
            return
        self._judged_at[voter.name] = now
        alone = []
        for target in list(voter.turned_down(now)):
            if self._shared(voter, target, now):
                voter.excuse(target)  # so that a real mass failure is gone through once
            elif self._others(voter, target, now):
                alone.append(target)
        if _too_many(len(alone), voter.judged):
            voter.quarantined_until = now + QUARANTINE
            voter.accused = frozenset(alone)
            self._upset = True

    def _shared(self, voter: Voter, target: str, now: float) -> bool:
        """Whether any other checker sees *target* fail."""
        return any(map(_against, self._others(voter, target, now)))

    def _others(self, voter: Voter, target: str, now: float) -> list[Vote]:
        """Return what the others say of *target*, those left out that doubt themselves."""
        ballots = (v.ballot(target, now) for v in self._voters.values() if v is not voter)
        return [b.vote for b in ballots if b is not None and b.vote.doubt is Doubt.NONE]


def _against(vote: Vote) -> bool:
    return vote.failing or vote.status is Status.DOWN


def _too_many(targets: int, judged: int) -> bool:
    return targets >= QUARANTINE_LEAST and targets > QUARANTINE_SHARE * judged


def _doubt(voter: Voter, vote: Vote, group: str, now: float) -> Doubt:
    """Return why *vote* counts for nothing. That all looks down speaks against failures only."""
    if vote.doubt is not Doubt.NONE:
        return vote.doubt
    if voter.quarantined_until > now:
        return Doubt.QUARANTINE
    if vote.status is Status.DOWN and voter.finds_all_down(group):
        return Doubt.UNRELATED
    return Doubt.NONE


def _agreed(said: _Said, needed: int | None) -> Status | None:
    """Return what enough voters say, and more than say the contrary; None: no quorum."""
    enough = said.voters // 2 + 1 if needed is None else max(1, min(needed, said.voters))
    up, down = len(said.up), len(said.down)
    if up == down or max(up, down) < enough:
        return None
    return Status.UP if up > down else Status.DOWN


def _held(case: _Case, void_down: bool, now: float) -> tuple[Status, Basis]:
    """Return what holds without a quorum: the last status, or the one before a void removal."""
    status = case.standing.status
    if void_down and status is Status.DOWN and now - case.standing.since <= TAKE_BACK:
        status = case.before
    if status is Status.UNKNOWN or now - case.agreed_at > HOLD_AT_MOST:
        return Status.UNKNOWN, Basis.NOTHING
    return status, Basis.HELD


def _settle(
    case: _Case,
    status: Status,
    basis: Basis,
    said: _Said,
    now: float,
) -> Standing | None:
    """Write down the new standing; return it if its status is another one."""
    old = case.standing
    changed = status is not old.status
    case.standing = Standing(
        status,
        now if changed else old.since,
        basis,
        tuple(said.up),
        tuple(said.down),
        tuple(said.silent),
        tuple(said.doubted),
    )
    if not changed:
        return None
    case.before = old.status
    return case.standing
