"""Health joined to answers: what checkers say and operators say, as the situation to answer by.

Votes → evidence → board → situation; whoever keeps the table is told that there is another one, and
takes it. Events, the log and the disk come after that: nothing that is answered waits for them.
"""

from __future__ import annotations

import asyncio
import contextlib
import socket
from collections.abc import Callable, Mapping
from dataclasses import replace
from datetime import datetime
from math import inf
from typing import Any

from gslb.logs import Log
from gslb.node.checkcounts import CheckCounts
from gslb.node.compilation import Compiled
from gslb.node.evidence import Evidence
from gslb.node.moves import Move, news_of, news_of_held
from gslb.node.notes import NotRun, limits_of, what_is_not_run
from gslb.node.overlay import Situations
from gslb.node.panel import Panel
from gslb.node.probing import Wish, names_of, probes_of, references_of
from gslb.node.records import Records
from gslb.settings import Settings
from gslb.state import inventory as inventories
from gslb.state.board import NO_STANDING, Board, Overlay, forced
from gslb.state.database import StoreError
from gslb.state.inventory import CheckKey, Inventory, Place
from gslb.state.memory import Memory, flaps_to_json, read_flaps, read_memory
from gslb.state.overrides import NO_HOLD, Override
from gslb.state.store import LastKnown
from gslb.state.tree import status_of
from gslb.state.verdicts import Verdict
from gslb.steering.situation import AliasAddresses, Situation
from healthcheck.messages import Heartbeat, Report, Turn, Votes, Wanted
from healthcheck.model import Status
from healthcheck.votes import MAX_NAME, Doubt

SWEEP_EVERY = 1.0  # seconds between two looks at what has grown old
LEAST_REST = 0.02  # seconds between two reminders, while the last one is being followed
CLOCKS_APART = 1.0  # seconds; the wall clock was set, and drains end by it
SAVE_SOON, SAVE_LATE = 2.0, 30.0  # seconds between two savings: after a change, and without one

_log = Log(__name__)


class Watch:
    """The node's health and its operators' words: one board, the checkers, what was last known."""

    def __init__(
        self,
        records: Records,
        clock: Callable[[], float],
        now: Callable[[], datetime],
        settings: Settings,
        remembered: Mapping[str, Any] | None = None,
    ) -> None:
        """Begin without a plan. *clock* is monotonic seconds, *now* wall time (aware).

        *remembered*: what `remember` of the program that we replace has said.
        """
        self.inventory: Inventory = inventories.EMPTY
        self.overlay = Overlay()  # the last one that a situation was made of
        name = (settings.nsid or socket.gethostname())[:MAX_NAME] or "local"
        probes = settings.probes
        self._limits = limits_of(settings)
        self.panel = Panel(name, self._limits, self._wanted, self.hear, clock)
        self._references = references_of(probes.references)
        self.counts = CheckCounts()
        self.ready = False  # each target has been tried since the start
        self._records = records
        self._remembered = remembered
        self._clock = clock
        self._now = now
        self._changed: Callable[[], None] = lambda: None
        self._evidence = Evidence([name])
        self._seated = frozenset({name})
        self._checkers = self._seated  # that are known; for them probes are made
        self._situations = Situations()
        self._board = Board(self.inventory, {}, clock())
        self._wishes: tuple[Wish, ...] = ()
        self._names: set[bytes] = set()  # that have to be resolved for them
        self._resolved: dict[bytes, AliasAddresses] = {}
        self._began = False  # with a plan
        self._idle = False  # our own checker has nothing to do: remote ones have
        self._aimed = True  # at what the plan wants; there is none yet
        self._restored = False  # the next situation is the first one that knows the plan
        self._situation: Situation | None = None  # None: there is news for another one
        self._made: tuple[float, datetime] = (-inf, now())  # when it was made
        self._wake_at = inf
        self._overrides: tuple[Override, ...] = ()
        self._moves: list[Move] = []  # not told yet
        self._held: list[tuple[CheckKey, str]] = []  # removals held back, not told yet
        self._poked = asyncio.Event()
        self._swept_at = self._saved_at = -inf
        self._save_soon = False
        self._unsaved = ""  # why the last saving failed
        self._doubt = Doubt.NONE
        self._not_run: NotRun | None = None  # None: to be found out

    # --- the plan ---

    def replan(self, compiled: Compiled) -> None:
        """Go on with another plan; what is known of what both have is kept."""
        if compiled.inventory != self.inventory:
            self.inventory = compiled.inventory
            self._board.replan(self.inventory)
            self._situation = None
        if compiled.wishes != self._wishes or not self._began:
            self._wishes = compiled.wishes
            self._names = names_of(self._wishes)
            self._aimed = False

    def _aim(self, resolved: Mapping[bytes, AliasAddresses]) -> None:
        """Have probed what the plan wants, at the addresses that names have now."""
        now = self._clock()
        self._resolved = self._of_ours(resolved)
        self._checkers = self.panel.seats.known
        probing = probes_of(self._wishes, self._resolved, self._checkers)
        verdicts = self._evidence.follow(probing, self._last_known(), now)
        if self._began:
            self._board.observe(verdicts, now)
        else:  # what was down before the start stays out: that is no removal, and no news
            self._restored = True
            self._board, self._situations = Board(self.inventory, verdicts, now), Situations()
            self._recall(now)
        self.panel.slowest = max((p.every for p in probing.probes.values()), default=0.0)
        self._idle = not self._wanted(self.panel.own.name)
        self._aimed = self._began = True
        self._situation = self._not_run = None
        self.panel.order()

    def _recall(self, now: float) -> None:
        remembered, self._remembered = self._remembered, None
        try:
            if remembered is None:
                kept = self._records.store.last_flaps(self._now())
                memory = Memory(flaps=read_flaps(*kept, self.inventory))
            else:
                memory = read_memory(remembered, self.inventory)
            self._board.recall(memory, now)
        except (ValueError, TypeError, KeyError, StoreError) as error:  # of a version unlike ours
            _log.error("ramps and budgets begin anew", reason=f"{type(error).__name__}: {error}")

    def remember(self) -> dict[str, Any]:
        """Keep the health known now; return what else the next one has to know, as JSON values.

        Only while `run` does not. Raises StoreError.
        """
        self._tell()
        now = self._clock()
        if known := self._evidence.known(now):
            flaps = flaps_to_json(self._board.flaps(now))
            self._records.store.save_health(known, self._now(), flaps)
        return self._board.remember(now).to_json()

    def _wanted(self, checker: str) -> list[Wanted]:
        ours = self._references if checker == self.panel.own.name else []
        return [*self._evidence.wanted(checker, self._clock()), *ours]

    def _last_known(self) -> dict[str, LastKnown]:
        """Return what an earlier run has kept; nothing once we know better."""
        if self._began:
            return {}
        try:
            return self._records.store.last_known(self._now())
        except StoreError as error:
            _log.error("last known health not read", reason=str(error))
            return {}

    def _of_ours(self, resolved: Mapping[bytes, AliasAddresses]) -> dict[bytes, AliasAddresses]:
        return {name: resolved[name] for name in self._names if name in resolved}

    # --- what is heard ---

    def hear(self, checker: str, report: Report) -> None:
        """Take in what a checker says."""
        if isinstance(report, Votes):
            self._observe(self._evidence.receive(report.votes, self._clock()))
        elif isinstance(report, Turn):
            self._evidence.take_turn(report)
        else:
            self._hear_beat(checker, report)

    def _observe(self, verdicts: Mapping[CheckKey, Verdict]) -> None:
        if verdicts:
            self._board.observe(verdicts, self._clock())
            self._situation = None
            self._save_soon = True
            self._changed()

    def _hear_beat(self, checker: str, beat: Heartbeat) -> None:
        own = checker == self.panel.own.name
        if own:
            self.counts.hear(beat)
        if own and beat.doubt is not self._doubt:
            self._doubt = beat.doubt
            _log.warning("checker doubts itself", doubt=beat.doubt or "no more")
            self._board.set_references(up=beat.doubt is not Doubt.REFERENCES)
            self._situation = None
        if not self.panel.seats.known <= self._checkers:  # checks that only it may judge
            self._aimed = False
            self._changed()
        asked = own or self._idle
        current = beat.generation == self.panel.generation(checker)
        all_tried = asked and current and beat.tried >= beat.probes
        if all_tried and self._began and self._aimed and not self.ready:
            self.ready = True
            self._board.set_ready()
            self._situation = None
            _log.info("every target was tried", probes=beat.probes)
            self._changed()

    # --- what follows ---

    def situation(self, aliases: Mapping[bytes, AliasAddresses], at: datetime) -> Situation:
        """Return what is true at *at* (aware), with *aliases* as they were resolved last."""
        if not self._aimed or self._of_ours(aliases) != self._resolved:
            self._aim(aliases)
        if self._situation is None or not self._still_true(at):
            self._situation = self._make(aliases, at)
            self._changed()
        return replace(self._situation, at=at, aliases=aliases)

    def _still_true(self, at: datetime) -> bool:
        """Return whether nothing has happened since the last situation, on either clock."""
        now = self._clock()
        then, then_at = self._made
        was_set = abs((at - then_at).total_seconds() - (now - then)) > CLOCKS_APART
        same = self._records.overrides is self._overrides
        return same and now < self._wake_at and not was_set

    def _make(self, aliases: Mapping[bytes, AliasAddresses], at: datetime) -> Situation:
        now = self._clock()
        self._overrides = self._records.overrides
        overlay = self._board.overlay(self._overrides, now, at)
        self._made, self._wake_at = (now, at), self._board.wake_at(now, at)
        if not self._restored:
            self._note(overlay)
        self._restored = False
        self.overlay = overlay
        self._poked.set()
        return self._situations.of(overlay, aliases, at)

    def _note(self, overlay: Overlay) -> None:
        """Keep what is to be told of *overlay*, for when there is time."""
        for key in overlay.changed:
            before = self.overlay.standings.get(key, NO_STANDING)
            after = overlay.standings.get(key, NO_STANDING)
            if (before.v4, before.v6) != (after.v4, after.v6):
                by_operator = forced(overlay.holds.get(key[0], NO_HOLD)) is not None
                cause = None if by_operator else self._evidence.cause(key)
                self._moves.append(Move(key, before, after, by_operator, cause))
        for key, waiting in overlay.waiting.items():
            if key not in self.overlay.waiting and waiting.verdict.is_down:
                self._held.append((key, waiting.why))

    # --- in the background ---

    async def run(self, changed: Callable[[], None]) -> None:
        """Run the checker, mind the time, tell and keep what has happened, until cancelled.

        *changed* is called whenever `situation` may be another one; it must not wait.
        """
        self._changed = changed
        checker = asyncio.create_task(self.panel.own.run())
        try:
            while True:
                rest = min(SWEEP_EVERY, self._wake_at - self._clock())
                with contextlib.suppress(TimeoutError):
                    async with asyncio.timeout(max(rest, LEAST_REST)):
                        await self._poked.wait()
                self._poked.clear()
                if checker.done():  # a fault of ours: better seen than survived
                    checker.result()
                self._mind_time()
                self._tell()
                await self._save()
        finally:
            checker.cancel()
            await asyncio.gather(checker, return_exceptions=True)

    def _mind_time(self) -> None:
        now = self._clock()
        if now >= self._swept_at + SWEEP_EVERY:
            self._swept_at = now
            self._seat(now)
            self._observe(self._evidence.sweep(now))
            self._records.sweep(self._now())
        if not self._still_true(self._now()):
            self._changed()

    def _seat(self, now: float) -> None:
        """Give the votes to whoever gets on now; the next sweep shows the effect."""
        seated = self.panel.seats.seated(now)
        self.panel.alarms()
        if seated != self._seated:
            self._seated = seated
            self._evidence.seat(seated)
            _log.info("checkers vote", checkers=", ".join(sorted(seated)))

    def _tell(self) -> None:
        """Put what has happened into the log and the history."""
        moves, self._moves = self._moves, []
        held, self._held = self._held, []
        for move in moves:
            self.counts.moved(move)
            _log.info(
                "endpoint moved",
                endpoint=move.key[0],
                v4=move.after.v4.value,
                v6=move.after.v6.value,
                reason=move.after.detail,
            )
        for key, why in held:
            _log.warning("endpoint is down and stays for now", endpoint=key[0], reason=why)
        if moves or held:
            self._records.tell(
                [*map(news_of, moves), *(news_of_held(key, why) for key, why in held)]
            )

    async def _save(self) -> None:
        """Keep what votes speak for, so that the next start knows it."""
        now, store = self._clock(), self._records.store
        if now < self._saved_at + (SAVE_SOON if self._save_soon else SAVE_LATE):
            return
        known = self._evidence.known(now)
        if not known or not self.ready:  # what was kept before says more
            return
        self._saved_at, self._save_soon = now, False
        try:
            flaps = flaps_to_json(self._board.flaps(now))
            await asyncio.to_thread(store.save_health, known, self._now(), flaps)
            self._unsaved = ""
        except StoreError as error:
            if str(error) != self._unsaved:
                self._unsaved = str(error)
                _log.error("health not kept", reason=self._unsaved)

    # --- for people ---

    def notes(self) -> list[str]:
        """Return what keeps checks of the plan from being run, a line each."""
        return list(self._left_out().notes)

    def _left_out(self) -> NotRun:
        if self._not_run is None:
            name = self.panel.own.name
            self._not_run = what_is_not_run(self._evidence.probing, self._limits, name)
        return self._not_run

    @property
    def checks(self) -> int:
        """How many probes are wanted."""
        return len(self._evidence.probing.probes)

    def votes(self) -> dict[str, dict[str, int]]:
        """Return by endpoint how many votes say ``up``, ``down``, or ``unknown``."""
        return self._evidence.votes()

    def status(self) -> dict[str, object]:
        """Return how the checks and the endpoints stand, as JSON values."""
        counts = {status.value: 0 for status in Status}
        standings, drained = self.overlay.standings, 0
        for place in self.inventory.places.values():
            drained += is_drained(place, self.overlay, self._now())
            said = (standings.get(key, NO_STANDING) for key in place.judged_by)
            counts[status_of(said).value] += 1
        own = self.panel.own
        beat = own.heartbeat
        return {
            "endpoints": {**counts, "drained": drained},
            "held_back": len(self.overlay.waiting),
            "checks": self.checks,
            "not_run": self._left_out().probes,
            "ready": self.ready,
            "checker": {
                "name": own.name,
                "alive": own.alive,
                "starting": own.starting,
                "pid": own.pid,
                "restarts": own.restarts,
                "completed": beat.completed if beat else 0,
                "skipped": beat.skipped if beat else 0,
                "doubt": beat.doubt.value if beat else "",
            },
            "agents": self.panel.status(),
        }


def is_drained(place: Place, overlay: Overlay, at: datetime) -> bool:
    """Return whether an operator keeps *place* out at *at* (aware), by a call or in a file."""
    in_file = None if place.id in overlay.lifted else place.drained
    by_file = in_file is not None and (in_file.until is None or in_file.until > at)
    return by_file or place.id in overlay.drains
