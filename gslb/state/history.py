"""The history of events: what changed and the outcome that tipped it, numbered, kept, and pruned.

Numbers rise for ever, also over restarts and over events that could not be written; they are the
ids of server-sent events, so a reader that comes back says where it was (``Last-Event-ID``). An
event that the disk does not take is held in memory and tried again: what happens waits for nobody.
"""

from __future__ import annotations

import json
from collections import deque
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from itertools import islice

from gslb.errors import GslbError
from gslb.state.database import Database, StoreError
from gslb.state.overrides import rfc3339

MAX_EVENTS = 100_000  # kept on disk
MAX_DAYS = 90
MAX_HELD = 10_000  # events in memory that the disk has not taken
MAX_PAGE = 1000  # events that one reading returns
MAX_DETAIL = 16_384  # octets of an event's detail
PRUNE_EVERY = 1000  # events
_PRUNED = "events.pruned"  # mark: the highest number that was pruned


@dataclass(frozen=True, slots=True)
class News:
    """Something that happened and has no number yet."""

    kind: str  # "endpoint.down", "drain.created", "policy.reloaded"
    subject: str  # what it happened to: "aws/us-east-1/use1-az2"
    detail: Mapping[str, object] = field(default_factory=dict)  # JSON values


@dataclass(frozen=True, slots=True)
class Event:
    """Something that happened."""

    sequence: int
    at: datetime  # aware, UTC
    kind: str
    subject: str
    detail: Mapping[str, object]

    def to_json(self) -> dict[str, object]:
        """Return all of it as JSON values."""
        return {
            "sequence": self.sequence,
            "at": rfc3339(self.at),
            "kind": self.kind,
            "subject": self.subject,
            "detail": dict(self.detail),
        }


@dataclass(frozen=True, slots=True)
class Page:
    """Events in order. `gap`: the reader missed some that were pruned or lost, or was never here."""

    events: tuple[Event, ...]
    gap: bool


class History:
    """The events of one node, over a `Database`."""

    def __init__(self, database: Database, now: datetime) -> None:
        """Begin above every number before. Raises StoreError when nothing can be read."""
        self._database = database
        last = _number(database.rows("SELECT max(sequence) FROM events"))
        self._lost = _number(database.rows("SELECT value FROM marks WHERE name = ?", (_PRUNED,)))
        # Milliseconds, so that numbers given to events which were never written are not met again.
        self._next = max(last, self._lost, int(now.timestamp() * 1000)) + 1
        self._held: deque[Event] = deque()
        self._until_prune = PRUNE_EVERY

    @property
    def held(self) -> int:
        """How many events the disk has not taken yet."""
        return len(self._held)

    @property
    def newest(self) -> int:
        """The highest number given so far (before the first event: below the next)."""
        return self._next - 1

    @property
    def oldest(self) -> int:
        """The number of the oldest event that can be read; 0: there is none. Raises StoreError."""
        held = self._held[0].sequence if self._held else 0
        return _number(self._database.rows("SELECT min(sequence) FROM events")) or held

    def record(self, news: Iterable[News], at: datetime) -> tuple[Event, ...]:
        """Give numbers to *news* that happened at *at* (aware), keep them, return them as events.

        What cannot be written is held and written with what comes later; the oldest of more than
        `MAX_HELD` are lost, which readers see as a gap.

        Raises:
            GslbError: an event is too large or is no JSON; nothing was recorded.
        """
        texts = [(one, _detail_text(one)) for one in news]
        moment = at.astimezone(UTC)
        events = []
        for one, text in texts:
            # Read back, so that it is now what it will be after a restart.
            event = Event(self._next, moment, one.kind, one.subject, json.loads(text))
            events.append(event)
            self._next += 1
        self._held.extend(events)
        self.flush(moment)
        while len(self._held) > MAX_HELD:
            self._lost = self._held.popleft().sequence
        return tuple(events)

    def flush(self, now: datetime) -> str:
        """Try to write what is held. Returns why that failed, or nothing."""
        if not self._held:
            return ""
        rows = [
            (one.sequence, one.at.timestamp(), one.kind, one.subject, _detail_text(one))
            for one in self._held
        ]
        try:
            with self._database.change() as connection:
                connection.executemany("INSERT INTO events VALUES (?, ?, ?, ?, ?)", rows)
        except StoreError as error:
            return str(error)
        self._held.clear()
        self._until_prune -= len(rows)
        if self._until_prune <= 0:
            return self.prune(now)
        return ""

    def prune(self, now: datetime) -> str:
        """Delete what is too old or too much. Returns why that failed, or nothing."""
        oldest = now.timestamp() - MAX_DAYS * 86_400
        too_old = "SELECT max(sequence) FROM events WHERE at < ?"
        too_many = "SELECT sequence FROM events ORDER BY sequence DESC LIMIT 1 OFFSET ?"
        try:
            last = max(
                _number(self._database.rows(too_old, (oldest,))),
                _number(self._database.rows(too_many, (MAX_EVENTS,))),
            )
            if last:
                with self._database.change() as connection:
                    connection.execute("DELETE FROM events WHERE sequence <= ?", (last,))
                    connection.execute(
                        "INSERT OR REPLACE INTO marks VALUES (?, ?)", (_PRUNED, last)
                    )
                self._lost = max(self._lost, last)
        except StoreError as error:
            return str(error)
        self._until_prune = PRUNE_EVERY
        return ""

    def since(self, sequence: int, limit: int = MAX_PAGE) -> Page:
        """Return the first events after number *sequence*, at most *limit*. Raises StoreError."""
        wanted = max(0, min(limit, MAX_PAGE))
        query = (
            "SELECT sequence, at, kind, subject, detail FROM events"
            " WHERE sequence > ? ORDER BY sequence LIMIT ?"
        )
        number = max(0, min(sequence, 2**63 - 1))
        found = [_event(row) for row in self._database.rows(query, (number, wanted))]
        after = found[-1].sequence if found else number
        held = (one for one in self._held if one.sequence > after)
        found += islice(held, wanted - len(found))
        return Page(tuple(found), gap=number < self._lost or number > self.newest)

    def latest(self, count: int) -> tuple[Event, ...]:
        """Return the last *count* events (at most `MAX_PAGE`), oldest first. Raises StoreError."""
        wanted = max(0, min(count, MAX_PAGE))
        held = list(self._held)[-wanted:] if wanted else []
        query = (
            "SELECT sequence, at, kind, subject, detail FROM events ORDER BY sequence DESC LIMIT ?"
        )
        rows = self._database.rows(query, (wanted - len(held),))
        return (*reversed([_event(row) for row in rows]), *held)


def _detail_text(one: News | Event) -> str:
    """Return an event's detail as JSON. Raises GslbError."""
    try:
        text = json.dumps(dict(one.detail), separators=(",", ":"), allow_nan=False)
    except (TypeError, ValueError) as error:
        raise GslbError(f"event {one.kind}: {error}") from None
    if len(text) > MAX_DETAIL:
        raise GslbError(f"event {one.kind}: its detail has more than {MAX_DETAIL} octets")
    return text


def _event(row: tuple[object, ...]) -> Event:
    sequence, at, kind, subject, detail = row
    assert isinstance(sequence, int)
    assert isinstance(at, float)
    moment = datetime.fromtimestamp(at, UTC)
    return Event(sequence, moment, str(kind), str(subject), json.loads(str(detail)))


def _number(rows: list[tuple[object, ...]]) -> int:
    value = rows[0][0] if rows else None
    return value if isinstance(value, int) else 0
