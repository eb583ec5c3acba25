"""The board: what the checks say and what operators say, made into what steering decides by.

Verdict → damping (F17) → removal limits → slow start → overrides → `Overlay`. Pure: times are
handed in, seconds of one monotonic clock as `now`, the wall clock as `at` where drains end by it.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime
from math import inf

from gslb.policy.plan import Drained
from gslb.policy.problems import NOWHERE
from gslb.state.inventory import CheckKey, Inventory, KeyRules
from gslb.state.memory import Flaps, Memory
from gslb.state.overrides import NO_HOLD, Hold, Kind, Override, covering, hold, next_change
from gslb.state.protection import RemovalLimit, Waiting
from gslb.state.ramps import Ramps
from gslb.state.verdicts import UNKNOWN, Verdict
from healthcheck.damping import Damped, damp
from healthcheck.model import Status

_NO_RULES = KeyRules(None, False, True)


@dataclass(frozen=True, slots=True)
class Standing:
    """Where one endpoint stands under one check: fields as in `steering.situation.Health`."""

    v4: Status = Status.UNKNOWN
    v6: Status = Status.UNKNOWN
    ramp: float = 1.0
    detail: str = ""


NO_STANDING = Standing()


@dataclass(frozen=True, slots=True)
class Overlay:
    """Runtime state over the plan, at one moment. Ids are of endpoints."""

    standings: Mapping[CheckKey, Standing] = field(default_factory=dict)  # absent: unknown
    drains: Mapping[str, Drained] = field(default_factory=dict)  # by operators' calls
    lifted: frozenset[str] = frozenset()  # forced up: a drain in a file does not hold
    leaving: frozenset[str] = frozenset()  # in an earlier stage of a gradual drain
    holds: Mapping[str, Hold] = field(default_factory=dict)  # whom an override holds, by what
    waiting: Mapping[CheckKey, Waiting] = field(default_factory=dict)  # held back removals
    changed: frozenset[CheckKey] = frozenset()  # standings that differ from the overlay before
    number: int = 0  # rises by one; by more where `changed` does not tell everything


class Board:
    """Keeps what is said of every endpoint, and says what follows from it."""

    def __init__(self, inventory: Inventory, known: Mapping[CheckKey, Verdict], now: float) -> None:
        """Begin with what was *known* before the start; absent: unknown, and so answered."""
        self._inventory = inventory
        self._in_files = _in_files(inventory)
        self.limit = RemovalLimit(inventory, known)
        self._ramps = Ramps()
        self._damped: dict[CheckKey, tuple[Damped, Damped]] = {}
        self._flapping: set[CheckKey] = set()  # held down although they are seen up
        self._seen: dict[CheckKey, Verdict] = {}
        self._standings: dict[CheckKey, Standing] = {}
        self._holds: dict[str, Hold] = {}
        self._drained: frozenset[str] | None = None  # now, by file or call; None: not known yet
        self._drains: dict[str, Drained] = {}
        self._leaving: frozenset[str] = frozenset()
        self._lifted: frozenset[str] = frozenset()
        self._overrides: tuple[Override, ...] = ()
        self._covering: dict[str, tuple[Override, ...]] = {}
        self._stale = set(known)  # keys whose standing is to be worked out anew
        self._references_up = True
        self._number = 0  # of the last overlay
        self._held_while: tuple[datetime, datetime | None] | None = None  # holds are good for it
        if known:
            self.observe(known, now)

    def replan(self, inventory: Inventory) -> None:
        """Go on with another plan; what is known of what both have is kept."""
        self._inventory = inventory
        self._in_files = _in_files(inventory)
        self.limit.replan(inventory)
        keys = {(place.id, check) for place in inventory.places.values() for check in place.checks}
        for kept in (self._damped, self._seen, self._standings):
            for key in kept.keys() - keys:
                del kept[key]
        self._flapping &= keys
        for gone in self._ramps.keys():  # noqa: SIM118 - a list, which may shrink below us
            if gone not in keys:
                self._ramps.stop(gone)
        self._cover(self._overrides)
        self._number += 1

    def _cover(self, overrides: tuple[Override, ...]) -> None:
        self._overrides = overrides
        self._held_while = None
        found = ((one, covering(overrides, one)) for one in self._inventory.places)
        self._covering = {one: over for one, over in found if over}

    def remember(self, now: float) -> Memory:
        """Return what the health alone does not tell, for a board that goes on from here."""
        return Memory(
            ramps=self._ramps.begun(now),
            spent=self.limit.spent(now),
            held={key: self.limit.answered.get(key, UNKNOWN) for key in self.limit.waiting},
            flaps=self.flaps(now),
        )

    def flaps(self, now: float) -> Flaps:
        """Return what has been down of late, as `Memory.flaps`: a start does not excuse it."""
        return {
            key: (both[0].moved(-now), both[1].moved(-now))
            for key, both in self._damped.items()
            if any(one.level for one in both)
        }

    def recall(self, memory: Memory, now: float) -> None:
        """Go on from what another board remembers. Only right after the start."""
        known = self._seen.keys()
        flaps = {key: both for key, both in memory.flaps.items() if key in known}
        self._damped.update({k: (v4.moved(now), v6.moved(now)) for k, (v4, v6) in flaps.items()})
        settled = {key: self._settled(key, now) for key in flaps}
        self.limit.observe(settled, now)  # held down before the start: that is no removal
        self.limit.resume(memory.spent, {**settled, **memory.held}, now)
        self._stale.update(settled)
        for key, (ago, slow_start) in memory.ramps.items():
            if key in known:
                self._ramps.resume(key, ago, slow_start, now)
        self._stale.update(memory.held.keys() & known, memory.ramps.keys() & known)

    def set_ready(self) -> None:
        """Note that each target has been tried since the start: removals may begin (F32)."""
        self.limit.ready = True

    def set_references(self, *, up: bool) -> None:
        """Note whether targets that have nothing to do with us are reached (F02)."""
        self._references_up = up

    def observe(self, changes: Mapping[CheckKey, Verdict], now: float) -> None:
        """Take in what the checks say; the next `overlay` shows what follows."""
        for key, verdict in changes.items():
            self._seen[key] = verdict
        self.limit.observe({key: self._settled(key, now) for key in changes}, now)

    def _settled(self, key: CheckKey, now: float) -> Verdict:
        """Return what was seen of *key* with flapping taken out, where its policies want that."""
        verdict = self._seen[key]
        self._flapping.discard(key)
        before = self._damped.get(key, (Damped(), Damped()))
        both = damp(before[0], verdict.v4, now), damp(before[1], verdict.v6, now)
        self._damped[key] = both
        if not self._inventory.rules.get(key, _NO_RULES).damping:
            return verdict
        if (both[0].status, both[1].status) == (verdict.v4, verdict.v6):
            return verdict
        self._flapping.add(key)
        detail = f"{verdict.detail}, held down because it flaps".lstrip(", ")
        return replace(verdict, v4=both[0].status, v6=both[1].status, detail=detail)

    def overlay(self, overrides: tuple[Override, ...], now: float, at: datetime) -> Overlay:
        """Return the runtime state at *now*, which is *at* on the wall (aware).

        *overrides*: all that are stored; those that have ended hold nothing.
        """
        self._take_overrides(overrides, now, at)
        settled = [key for key in self._flapping if _wakes(self._damped[key]) <= now]
        self.limit.observe({key: self._settled(key, now) for key in settled}, now)
        before = {key: self.limit.answered.get(key, UNKNOWN) for key in self.limit.waiting}
        for key in self.limit.settle(now, references_up=self._references_up):
            self._stale.add(key)
            self._note_return(key, before[key], now)
        self._stale.update(self._ramps.keys())
        self._ramps.ended(now)
        changed = {key for key in self._stale if self._refresh(key, now)}
        self._stale.clear()
        self._number += 1
        return Overlay(
            standings=dict(self._standings),
            drains=self._drains,
            leaving=self._leaving,
            lifted=self._lifted,
            holds=self._holds,
            waiting=dict(self.limit.waiting),
            changed=frozenset(changed),
            number=self._number,
        )

    def _note_return(self, key: CheckKey, before: Verdict, now: float) -> None:
        rules = self._inventory.rules.get(key, _NO_RULES)
        was, is_out = _out(before, rules), _out(self.limit.answered.get(key, UNKNOWN), rules)
        if is_out:
            self._ramps.stop(key)
        elif was:
            self._ramps.begin(key, rules.slow_start, now)

    def _take_overrides(self, overrides: tuple[Override, ...], now: float, at: datetime) -> None:
        """Work out who is held by whom; what comes back from a drain starts slowly."""
        if overrides != self._overrides:
            self._cover(overrides)
        if self._held_while is not None:
            since, until = self._held_while
            if since <= at and (until is None or at < until):
                return
        self._held_while = at, self._next_end(at)
        holds = {one: hold(over, at) for one, over in self._covering.items()}
        holds = {one: held for one, held in holds.items() if held != NO_HOLD}
        for one in holds.keys() | self._holds.keys():
            if holds.get(one) != self._holds.get(one):
                self._stale.update(self._keys(one))
        self._holds = holds
        drains = {one.id: drained(one) for one in overrides}
        self._drains = {
            one: drains[held.drain.id]
            for one, held in holds.items()
            if held.drain is not None and held.share <= 0.0
        }
        self._leaving = frozenset(one for one, held in holds.items() if 0.0 < held.share < 1.0)
        self._lifted = frozenset(one for one, held in holds.items() if forced(held) is Status.UP)
        by_file = {
            one
            for one, written in self._in_files.items()
            if one not in self._lifted and _holds(written, at)
        }
        now_drained = frozenset(by_file | self._drains.keys())
        for one in (self._drained or frozenset()) - now_drained:
            for key in self._keys(one):
                slow_start = self._inventory.rules.get(key, _NO_RULES).slow_start
                self._ramps.begin(key, slow_start, now)
                self._stale.add(key)
        self._drained = now_drained
        self.limit.set_drained(now_drained)

    def _keys(self, endpoint: str) -> list[CheckKey]:
        place = self._inventory.places.get(endpoint)
        return [] if place is None else [(endpoint, check) for check in place.checks]

    def _refresh(self, key: CheckKey, now: float) -> bool:
        """Work out the standing of *key*; return whether it is another than before."""
        verdict = self.limit.answered.get(key, UNKNOWN)
        held = self._holds.get(key[0], NO_HOLD)
        force = forced(held)
        ramp = 1.0 if force is Status.UP else self._ramps.share(key, now)
        ramp *= held.share if held.share > 0.0 else 1.0
        if force is None:
            standing = Standing(verdict.v4, verdict.v6, ramp, verdict.detail)
        else:
            assert held.force is not None
            standing = Standing(force, force, ramp, _said_by(held.force))
        before = self._standings.get(key, NO_STANDING)
        if standing == NO_STANDING:
            self._standings.pop(key, None)
        else:
            self._standings[key] = standing
        return standing != before

    def wake_at(self, now: float, at: datetime) -> float:
        """Return when `overlay` may change by itself, on the monotonic clock; infinity: never."""
        damped = (_wakes(self._damped[key]) for key in self._flapping)
        moments = [self.limit.wake_at(), self._ramps.wake_at(now), min(damped, default=inf)]
        end = self._next_end(at)
        if end is not None:
            moments.append(now + (end - at).total_seconds())
        return min(moments)

    def _next_end(self, at: datetime) -> datetime | None:
        """Return when the next override changes or a drain in a file ends, after *at*."""
        ends = [written.until for written in self._in_files.values()]
        ahead = [end for end in (*ends, next_change(self._overrides, at)) if end and end > at]
        return min(ahead, default=None)


def _in_files(inventory: Inventory) -> dict[str, Drained]:
    """Return the drains that are written in files, by endpoint."""
    places = inventory.places.values()
    return {place.id: place.drained for place in places if place.drained is not None}


def forced(held: Hold) -> Status | None:
    """Return the status that an operator put in place of the checks'."""
    if held.force is None:
        return None
    return Status.UP if held.force.kind is Kind.FORCE_UP else Status.DOWN


def drained(override: Override) -> Drained:
    """Return a drain by call as the plan knows drains; it stands in no file."""
    return Drained(_said_by(override), override.expires, NOWHERE)


def _said_by(override: Override) -> str:
    return f"{override.reason} ({override.author}, {override.kind.value} {override.id})"


def _holds(written: Drained, at: datetime) -> bool:
    return written.until is None or written.until > at


def _out(verdict: Verdict, rules: KeyRules) -> bool:
    """Return whether an endpoint gets no traffic with *verdict*."""
    if rules.together:
        return verdict.is_down
    return verdict.is_dead


def _wakes(both: tuple[Damped, Damped]) -> float:
    return min(both[0].wake_at, both[1].wake_at)
