"""What the checkers say of every endpoint under every check: votes on targets made into verdicts.

Pure; times are seconds of one monotonic clock.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace

from gslb.node.probing import NOTHING, Probing
from gslb.policy.plan import Check, words_of
from gslb.state.inventory import CheckKey
from gslb.state.store import LastKnown
from gslb.state.verdicts import Verdict
from healthcheck.calculated import count_of
from healthcheck.messages import Turn, Wanted
from healthcheck.model import Probe, Status
from healthcheck.quorum import Basis, Council, Standing, Terms
from healthcheck.tracker import lifetime
from healthcheck.votes import Vote

BEFORE = "as it was known before"  # a verdict that no vote of now stands behind
_COUNTED = {Basis.ONLY, Basis.QUORUM}  # standings that rest on votes of now


class Evidence:
    """The votes on what is probed, and what follows for each key."""

    def __init__(self, checkers: Iterable[str]) -> None:
        """Nothing is probed, and *checkers* have the votes."""
        self.probing = NOTHING
        self.turns: dict[str, Turn] = {}  # by target: the last change of belief, and its cause
        self._council = Council(checkers)
        self._keys: dict[str, tuple[CheckKey, ...]] = {}
        self._targets: dict[str, tuple[str, ...]] = {}  # by probe, as votes name it
        self._details: dict[str, str] = {}  # by target, of its last vote

    def seat(self, checkers: Iterable[str]) -> None:
        """Give *checkers* the votes from now on; `sweep` returns what follows."""
        self._council.seat(checkers)

    def follow(
        self, probing: Probing, known: Mapping[str, LastKnown], now: float
    ) -> dict[CheckKey, Verdict]:
        """Count votes on the targets of *probing* from now on; return what is known of every key.

        A new target begins with what is *known* of it from an earlier run. Where only its check was
        edited, it begins with what is believed of the same place under the check of before.
        """
        before: dict[tuple[str, int], LastKnown] = {}
        for gone in self.probing.probes.keys() - probing.probes.keys():
            before[_place(self.probing.probes[gone])] = self._last(gone, now)
            self._council.forget(gone)
            self._details.pop(gone, None)
            self.turns.pop(gone, None)
        for target, probe in probing.probes.items():
            last = known.get(target) or before.get(_place(probe), _NEVER)
            if last.status is not Status.UNKNOWN:
                self._details.setdefault(target, BEFORE)
            terms = _terms(probe, probing.terms[target], probing.groups[target])
            self._council.watch(target, terms, now, last.status, last.age)
        self.probing = probing
        self._keys = probing.keys_of()
        self._targets = probing.targets_of()
        keys = {key for judged in self._keys.values() for key in judged}
        return {key: self._verdict(key) for key in keys}

    def receive(self, votes: Iterable[Vote], now: float) -> dict[CheckKey, Verdict]:
        """Count *votes*; return the keys of which something else is believed now."""
        changed: set[CheckKey] = set()
        for vote in votes:
            for target in self._targets.get(vote.target, ()):
                if self._council.receive(replace(vote, target=target), now) is not None:
                    changed.update(self._keys[target])
                if self._council.standing(target).status is vote.status:
                    self._details[target] = vote.detail  # of those who are believed
        return {key: self._verdict(key) for key in changed}

    def take_turn(self, turn: Turn) -> None:
        """Keep what has tipped a belief, for whoever is told of it."""
        for target in self._targets.get(turn.target, ()):
            self.turns[target] = turn

    def sweep(self, now: float) -> dict[CheckKey, Verdict]:
        """Return the keys of which time, or doubt in a checker, has changed the belief."""
        targets = self._council.sweep(now)
        return {key: self._verdict(key) for target in targets for key in self._keys[target]}

    def wanted(self, checker: str, now: float) -> list[Wanted]:
        """Return every probe of *checker* with what is believed of it, in case it begins."""
        found = []
        for probe, target in self.probing.probes_for(checker).items():
            last = self._last(target, now)
            found.append(Wanted(probe, last.status, last.age))
        return found

    def known(self, now: float) -> dict[str, LastKnown]:
        """Return what is believed, by target, and since when no vote speaks for it."""
        beliefs = {target: self._last(target, now) for target in self.probing.probes}
        return {t: one for t, one in beliefs.items() if one.status is not Status.UNKNOWN}

    def votes(self) -> dict[str, dict[str, int]]:
        """Return by endpoint how many votes on its addresses say ``up``, ``down``, or nothing."""
        found: dict[str, dict[str, int]] = {}
        for target, keys in self._keys.items():
            one = self._council.standing(target)
            said = {"up": len(one.up), "down": len(one.down), "unknown": len(one.silent)}
            for endpoint in {endpoint for endpoint, _ in keys}:
                known = found.setdefault(endpoint, dict.fromkeys(said, 0))
                for word, number in said.items():
                    known[word] += number
        return found

    def cause(self, key: CheckKey) -> Turn | None:
        """Return the latest change of belief in a target of *key*."""
        endpoint, check = key
        leaves = [] if check is None else [(endpoint, leaf) for leaf in check.leaves]
        families = self.probing.v4, self.probing.v6
        targets = [one for leaf in leaves for family in families for one in family.get(leaf, ())]
        turns = [self.turns[target] for target in targets if target in self.turns]
        return min(turns, key=lambda turn: turn.age, default=None)

    def _said_of(self, target: str, standings: Mapping[str, Standing]) -> str:
        detail = self._details.get(target, "")
        one = standings.get(target)
        agree = 0 if one is None else len(one.down if one.status is Status.DOWN else one.up)
        voted = 0 if one is None else len(one.down) + len(one.up)
        return f"{detail} ({agree} of {voted} checkers)" if voted > 1 else detail

    def _last(self, target: str, now: float) -> LastKnown:
        """Return the belief in *target*; of one that no vote speaks for, at least its age."""
        standing = self._council.standing(target)
        age = 0.0 if standing.basis in _COUNTED else max(0.0, now - standing.since)
        return LastKnown(standing.status, age)

    def _verdict(self, key: CheckKey) -> Verdict:
        endpoint, check = key
        if check is not None and check.parts:
            return calculated(check, [self._verdict((endpoint, part)) for part in check.parts])
        v4 = {t: self._council.standing(t) for t in self.probing.v4.get(key, ())}
        v6 = {t: self._council.standing(t) for t in self.probing.v6.get(key, ())}
        both = {**v4, **v6}
        worst = next(
            (t for s in (Status.DOWN, Status.UP) for t, one in both.items() if one.status is s), ""
        )
        return Verdict(
            _any(v4.values()),
            _any(v6.values()),
            self._said_of(worst, both),
            all(_unanimous(one) for one in both.values()),
        )


def calculated(check: Check, said: Sequence[Verdict]) -> Verdict:
    """Return what the calculated *check* says, when its parts say *said*.

    Its detail is the count, and the part that tips it: the first that is as the whole is.
    """
    counts = [
        count_of([one.v4 for one in said], check.needed),
        count_of([one.v6 for one in said], check.needed),
    ]
    v4, v6 = (count.status for count in counts)
    tipped = next((s for s in (Status.DOWN, Status.UP) if s in {v4, v6}), None)
    detail = ""
    if tipped is not None:
        count = counts[0] if v4 is tipped else counts[1]
        tipping = next(
            (part, one)
            for part, one in zip(check.parts, said, strict=True)
            if (one.v4 if v4 is tipped else one.v6) is tipped
        )
        detail = f"{count}; {words_of(tipping[0])}: {tipping[1].detail}"
    return Verdict(v4, v6, detail, all(one.unanimous for one in said))


_NEVER = LastKnown(Status.UNKNOWN, 0.0)


def _any(standings: Iterable[Standing]) -> Status:
    """Return UP where any address is, DOWN where all are, else UNKNOWN."""
    said = {standing.status for standing in standings}
    if Status.UP in said:
        return Status.UP
    return Status.DOWN if said == {Status.DOWN} else Status.UNKNOWN


def _unanimous(standing: Standing) -> bool:
    return standing.basis in _COUNTED and not standing.dissenters and not standing.doubted


def _terms(probe: Probe, check: Check, group: str) -> Terms:
    needed = check.quorum[0] if check.quorum is not None else None
    checkers = frozenset(check.vantage) if check.vantage else None
    return Terms(lifetime(probe), group, needed, checkers)


def _place(probe: Probe) -> tuple[str, int]:
    """Return where *probe* looks, however it does."""
    return probe.address, probe.port
