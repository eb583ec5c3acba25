"""Limits how fast health may take endpoints out of the answers. Pure; the clock is handed in.

Checks are believed, but not without end (failures F03, F04, F32):

- nothing is taken away before each target has been tried once since the start;
- of one pool (what a rule may use, by family) one endpoint at once, beyond it a share of the
  weight per so many seconds; of the whole node so many endpoints per so many seconds;
- a whole group (zone, site, cloud) that every checker sees down goes at once, unless all the rest
  is down too: one group in ten minutes, which may grow to the site or cloud around it;
- a pool crosses its panic threshold at most once a minute, either way, and leaves panic only after
  the checks have seen enough of it healthy for a minute without a break.

What has to wait is *pending*: answered as before, until its time comes or it is up again.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field, replace
from math import inf

from gslb.policy.plan import Check
from gslb.state.groups import dead_group, is_within
from gslb.state.inventory import CheckKey, Inventory, Pool
from gslb.state.verdicts import UNKNOWN, Verdict
from healthcheck.model import Status

NODE_REMOVALS = 50  # endpoints, per
NODE_SECONDS = 10.0
GROUP_SECONDS = 600.0  # between two groups that go at once
FLIP_SECONDS = 60.0  # between two crossings of a pool's panic threshold
EXACT = 1e-9  # shares closer than this are the same


@dataclass(frozen=True, slots=True)
class Waiting:
    """A change that is held back."""

    verdict: Verdict  # what the checks say
    since: float
    why: str
    until: float  # when it may be tried again; infinity: not a matter of time


@dataclass(frozen=True, slots=True)
class Spent:
    """What a limit has let through of late: ages in seconds, infinite for what never was."""

    node: tuple[float, ...] = ()  # removals, the oldest first
    group: str = ""  # that went at once last
    group_age: float = inf
    pools: Mapping[str, tuple[tuple[tuple[float, int], ...], float]] = field(default_factory=dict)


@dataclass(slots=True)
class _Tally:
    """One pool, as it is answered."""

    pool: Pool
    total: int = 0  # weight of its members that are not drained
    down: int = 0  # of those, what is answered as down
    removed: deque[tuple[float, int]] = field(default_factory=deque)  # when, weight
    flipped: float = -inf
    said_down: int = 0  # of the total, what the checks say is down, answered so or not
    calm_since: float = -inf  # the checks see enough of it healthy; infinity: they do not

    def look(self, now: float) -> bool:
        """Note whether the checks see enough of it healthy; return whether that is news."""
        calm = not self.panics(self.said_down)
        if calm is (self.calm_since < inf):
            return False
        self.calm_since = now if calm else inf
        return True

    def panics(self, down: int) -> bool:
        healthy = 1.0 - down / self.total if self.total else 1.0
        return healthy < self.pool.panic_below - EXACT

    def forget(self, now: float) -> None:
        if self.pool.removal is not None:
            while self.removed and self.removed[0][0] <= now - self.pool.removal[1]:
                self.removed.popleft()

    def blocked_until(self, weight: int, now: float) -> float:
        """Return when *weight* may be removed; minus infinity: now."""
        self.forget(now)
        if self.pool.removal is None or not self.removed:
            return -inf
        share, seconds = self.pool.removal
        room = share * self.total + EXACT - weight
        times = list(self.removed)
        beyond = sum(w for _, w in times[1:])  # the first of any such time is free
        at = -inf
        while times and beyond > room:
            at = times.pop(0)[0] + seconds
            beyond = sum(w for _, w in times[1:])
        return at

    def crosses(self, change: int) -> bool:
        return self.panics(self.down) is not self.panics(self.down + change)


class RemovalLimit:
    """Turns what the checks say into what is answered, no faster than is safe."""

    def __init__(self, inventory: Inventory, known: Mapping[CheckKey, Verdict]) -> None:
        """Begin with what was *known* before the start: that is out already, and stays so."""
        self.answered: dict[CheckKey, Verdict] = {}
        self.waiting: dict[CheckKey, Waiting] = {}  # oldest first
        self._ready = False
        self._recheck = False  # what waits may go although its time has not come
        self._look_for_group = False  # there is news that could make one
        self._group_held = False  # there was one, and it was not its turn
        self._references_up = True
        self._said: dict[CheckKey, Verdict] = {}
        self._drained: frozenset[str] = frozenset()
        self._node: deque[float] = deque()
        self._group = ("", -inf)  # which went at once last, and when
        self._tallies: dict[str, _Tally] = {}
        self._of: dict[CheckKey, list[_Tally]] = {}
        self._inventory = inventory
        self.answered.update(known)
        self._said.update(known)
        self.replan(inventory)

    @property
    def ready(self) -> bool:
        """Whether each target has been tried since the start, so that removals may begin."""
        return self._ready

    @ready.setter
    def ready(self, ready: bool) -> None:
        self._ready = ready
        self._recheck = self._look_for_group = True

    def replan(self, inventory: Inventory) -> None:
        """Go on with the pools of another plan. What was removed before still counts."""
        self._inventory = inventory
        self._recheck = self._look_for_group = True
        keys = {(place.id, check) for place in inventory.places.values() for check in place.checks}
        for kept in (self.answered, self._said, self.waiting):
            for key in kept.keys() - keys:
                del kept[key]
        before, self._tallies, self._of = self._tallies, {}, {}
        for number, pool in enumerate(inventory.pools):
            name = pool.name if pool.name not in self._tallies else f"{pool.name} {number}"
            tally = self._tallies[name] = _Tally(pool)
            if name in before:
                tally.removed, tally.flipped = before[name].removed, before[name].flipped
                tally.calm_since = before[name].calm_since
            for key in pool.weights:
                self._of.setdefault(key, []).append(tally)
        self._count()
        for tally in self._tallies.values():
            if tally.panics(tally.said_down):
                tally.calm_since = inf

    def spent(self, now: float) -> Spent:
        """Return which budgets were used up, as ages in seconds at *now*."""
        pools = {
            name: (tuple((now - at, weight) for at, weight in tally.removed), now - tally.flipped)
            for name, tally in self._tallies.items()
            if tally.removed or tally.flipped > -inf
        }
        return Spent(
            tuple(now - at for at in self._node), self._group[0], now - self._group[1], pools
        )

    def resume(self, spent: Spent, answered: Mapping[CheckKey, Verdict], now: float) -> None:
        """Go on where another limit was: what it had *spent*, and what it held back.

        *answered*: of the keys that the checks see otherwise, what was answered all the same.
        """
        self._node.extend(now - age for age in spent.node)
        self._group = spent.group, now - spent.group_age
        for name, (removed, flipped) in spent.pools.items():
            if (tally := self._tallies.get(name)) is not None:
                tally.removed.extend((now - age, weight) for age, weight in removed)
                tally.flipped = now - flipped
        for key, verdict in answered.items():
            if key in self._said:
                self.answered[key] = verdict
                self.observe({key: self._said[key]}, now)
        self._count()
        for tally in self._tallies.values():
            if tally.panics(tally.down) and tally.calm_since < inf:
                tally.calm_since = now  # since when is not handed on

    def set_drained(self, drained: Collection[str]) -> None:
        """Leave endpoints that operators have drained out of every count."""
        changed = self._drained ^ frozenset(drained)
        if not changed:
            return
        self._drained = frozenset(drained)
        self._recheck = self._look_for_group = True
        for endpoint in changed:
            sign = -1 if endpoint in self._drained else 1
            for key in ((endpoint, check) for check in self._checks(endpoint)):
                for tally in self._of.get(key, ()):
                    weight = sign * tally.pool.weights[key]
                    tally.total += weight
                    if _is_out(tally.pool, self.answered.get(key, UNKNOWN)):
                        tally.down += weight
                    if _is_out(tally.pool, self._said.get(key, UNKNOWN)):
                        tally.said_down += weight

    def _count(self) -> None:
        for tally in self._tallies.values():
            tally.total = tally.down = tally.said_down = 0
            for key, weight in tally.pool.weights.items():
                if key[0] not in self._drained:
                    tally.total += weight
                    if _is_out(tally.pool, self.answered.get(key, UNKNOWN)):
                        tally.down += weight
                    if _is_out(tally.pool, self._said.get(key, UNKNOWN)):
                        tally.said_down += weight

    def observe(self, changes: Mapping[CheckKey, Verdict], now: float) -> None:
        """Take in what the checks say now; `settle` lets it through."""
        for key, verdict in changes.items():
            if not any(check == key[1] for check in self._checks(key[0])):
                continue  # of an endpoint or a check that the plan no longer has
            for tally, weight in self._changes(key, self._said.get(key, UNKNOWN), verdict):
                tally.said_down += weight
            self._said[key] = verdict
            self._look_for_group = self._look_for_group or verdict.is_dead
            if verdict == self.answered.get(key, UNKNOWN):
                self.waiting.pop(key, None)
            else:
                since = self.waiting[key].since if key in self.waiting else now
                self.waiting[key] = Waiting(verdict, since, "", now)

    def _checks(self, endpoint: str) -> tuple[Check | None, ...]:
        place = self._inventory.places.get(endpoint)
        return () if place is None else place.checks

    def settle(self, now: float, *, references_up: bool = True) -> set[CheckKey]:
        """Let through what may go at *now*; return the keys that are answered differently.

        *references_up*: targets that have nothing to do with us are reached, so that a whole group
        that is down is not our own network.
        """
        while self._node and self._node[0] <= now - NODE_SECONDS:
            self._node.popleft()
        if references_up is not self._references_up:
            self._references_up, self._look_for_group = references_up, True
        for tally in self._tallies.values():
            self._recheck = tally.look(now) or self._recheck
        changed: set[CheckKey] = set()
        for _ in range(2):  # the second time for what could not go before others came back
            recheck, self._recheck = self._recheck, False
            due = [key for key, one in self.waiting.items() if recheck or one.until <= now]
            changed.update(key for key in due if self._pass(key, now))
            if not self._recheck:
                break
        held = self._group_held and now >= self._group[1] + GROUP_SECONDS
        if self._ready and references_up and self.waiting and (self._look_for_group or held):
            self._look_for_group = self._group_held = False
            changed |= self._pass_group(now)
        return changed

    def _pass(self, key: CheckKey, now: float) -> bool:
        """Let of one key through what may go; return whether that was anything."""
        waiting, before = self.waiting[key], self.answered.get(key, UNKNOWN)
        back = _without_removals(before, waiting.verdict)
        until, why = self._return_blocked(key, before, back, now)
        after = before if until > now else back
        # Where one family comes back as the other goes, pools that count them together see neither.
        at_once = self._return_blocked(key, before, waiting.verdict, now)
        if until <= now or at_once[0] <= now:
            until, why = self._removal_blocked(key, after, waiting.verdict, now)
            if until <= now:
                self._spend(key, after, waiting.verdict, now)
                after = waiting.verdict
        self._answer(key, after, now)
        if after == waiting.verdict:
            del self.waiting[key]
        else:
            self.waiting[key] = replace(waiting, why=why, until=until)
        return after != before

    def _changes(self, key: CheckKey, old: Verdict, new: Verdict) -> list[tuple[_Tally, int]]:
        """Return the pools that *key* leaves (weight above 0) or comes back to, with its weight."""
        found = []
        if key[0] in self._drained:
            return []
        for tally in self._of.get(key, ()):
            was, will = _is_out(tally.pool, old), _is_out(tally.pool, new)
            if was is not will:
                weight = tally.pool.weights[key]
                found.append((tally, weight if will else -weight))
        return found

    def _return_blocked(
        self, key: CheckKey, old: Verdict, new: Verdict, now: float
    ) -> tuple[float, str]:
        """Return until when and why *key* may not come back where it does; minus infinity: it may."""
        for tally, weight in self._changes(key, old, new):
            until = max(tally.flipped, tally.calm_since) + FLIP_SECONDS
            if weight < 0 and now < until and tally.crosses(weight):
                until = min(until, now + FLIP_SECONDS)  # removals may make it no crossing
                return until, f"{tally.pool.name} panics, or has not ceased to for long enough"
        return -inf, ""

    def _removal_blocked(
        self, key: CheckKey, old: Verdict, new: Verdict, now: float
    ) -> tuple[float, str]:
        """Return until when and why *key* may not be taken out; minus infinity: it may."""
        if not _newly_down(old, new):
            return -inf, ""
        if not self._ready:
            return inf, "not every target has been tried since the start"
        worst, why = -inf, ""
        if not old.is_down and len(self._node) >= NODE_REMOVALS:
            worst, why = self._node[0] + NODE_SECONDS, "many endpoints are being removed"
        for tally, weight in self._changes(key, old, new):
            until = tally.blocked_until(weight, now) if weight else -inf
            if until > worst:
                worst, why = until, f"much of {tally.pool.name} was removed just now"
            until = tally.flipped + FLIP_SECONDS
            if until > max(now, worst) and tally.crosses(weight):
                worst, why = until, f"{tally.pool.name} has only ceased to panic"
        return worst, why

    def _spend(self, key: CheckKey, old: Verdict, new: Verdict, now: float) -> None:
        """Count a removal against its budgets."""
        if not _newly_down(old, new):
            return
        if not old.is_down:
            self._node.append(now)
        for tally, weight in self._changes(key, old, new):
            if weight > 0 and tally.pool.removal is not None:
                tally.removed.append((now, weight))

    def _answer(self, key: CheckKey, verdict: Verdict, now: float) -> None:
        for tally, weight in self._changes(key, self.answered.get(key, UNKNOWN), verdict):
            if tally.crosses(weight):
                tally.flipped = now
            tally.down += weight
            self._recheck = self._recheck or weight < 0  # what waited for fear of panic may go
        self.answered[key] = verdict

    def _pass_group(self, now: float) -> set[CheckKey]:
        """Let a whole group go that everybody sees down."""
        last, at = self._group
        removals = [
            key
            for key, one in self.waiting.items()
            if _newly_down(self.answered.get(key, UNKNOWN), one.verdict)
        ]
        if not removals:
            return set()
        group = dead_group(self._inventory, removals, self._said, self._drained)
        if group is None:
            return set()
        if now < at + GROUP_SECONDS:
            if group == last or not is_within(last, group):
                self._group_held = True
                return set()
        else:
            at = now  # one that grows keeps the time at which it began
        self._group = (group, at)
        changed = set()
        for key in removals:
            if is_within(key[0], group):
                self._answer(key, self.waiting.pop(key).verdict, now)
                changed.add(key)
        return changed

    def wake_at(self) -> float:
        """Return when `settle` may let something through without new evidence; infinity: never."""
        turn = self._group[1] + GROUP_SECONDS if self._group_held and self.waiting else inf
        return min([turn, *(one.until for one in self.waiting.values())])


def _is_out(pool: Pool, verdict: Verdict) -> bool:
    """Return whether an endpoint counts as down for *pool*."""
    if pool.together:
        return verdict.is_down
    return (verdict.v4 if pool.family == 4 else verdict.v6) is Status.DOWN


def _newly_down(old: Verdict, new: Verdict) -> bool:
    return (new.v4 is Status.DOWN and old.v4 is not Status.DOWN) or (
        new.v6 is Status.DOWN and old.v6 is not Status.DOWN
    )


def _without_removals(old: Verdict, new: Verdict) -> Verdict:
    """Return *new* with the families that it newly takes down left as they are in *old*."""
    return replace(
        new,
        v4=old.v4 if new.v4 is Status.DOWN else new.v4,
        v6=old.v6 if new.v6 is Status.DOWN else new.v6,
    )
