"""What a node writes down of itself: overrides, events, the audit log; each in the state directory.

None of them is needed to answer queries. Where one cannot be used the node starts without it,
says so, and refuses what would have to be written there.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable
from datetime import datetime
from pathlib import Path

from gslb.logs import Log
from gslb.state import audit, database
from gslb.state.audit import AuditError, AuditLog, Entry
from gslb.state.database import Database, StoreError
from gslb.state.history import Event, History, News, Page
from gslb.state.overrides import Draft, Override
from gslb.state.replies import KeptReply, Replies
from gslb.state.store import ReplyOf, Store

Listener = Callable[[Event], None]
EntryOf = Callable[[Override], Entry]

_log = Log(__name__)


class Records:
    """The records of one node, open. Used from one thread."""

    def __init__(self, directory: Path, now: Callable[[], datetime]) -> None:
        """Open what is in *directory*; *now* is wall time (aware). What fails is in `troubles`."""
        self.troubles: list[str] = []
        self.audit: AuditLog | None = None
        self.audited: Counter[str] = Counter()  # lines since the start, by action
        self._now = now
        self._listeners: list[Listener] = []
        self._unkept = ""  # why nothing can be kept; empty: it can
        try:
            self._database, self.store, self.history = _opened(directory, now())
            if self._database.read_only:
                self.troubles.append(f"{self._database.path}: {self._database.read_only}")
        except StoreError as error:
            self._unkept = str(error)
            self.troubles.append(self._unkept)
            self._database, self.store, self.history = _opened(None, now())
        self.replies = Replies(self._database)
        try:
            self.audit = AuditLog(directory / audit.FILE_NAME, now())
        except AuditError as error:
            self.troubles.append(str(error))
        for trouble in self.troubles:
            _log.error("records cannot be used; answers do not need them", reason=trouble)

    def read_again(self) -> None:
        """Go on where another process has gone on meanwhile, which has ended.

        Raises:
            StoreError, AuditError: what cannot be read again is as it was, and changes that need it fail.
        """
        self.store, self.history = Store(self._database), History(self._database, self._now())
        if self.audit is not None:
            fresh = AuditLog(self.audit.path, self._now())
            self.audit.close()
            self.audit = fresh

    @property
    def overrides(self) -> tuple[Override, ...]:
        """Every stored override, those included that have ended and not been swept yet."""
        return self.store.overrides

    def add(self, draft: Draft, entry_of: EntryOf, reply_of: ReplyOf | None = None) -> Override:
        """Keep *draft* and return it with its id; the audit log has it first.

        With *reply_of*, the reply to the request for it is kept in the same step.

        Raises:
            StoreError, AuditError: nothing was kept.
        """
        self._check()
        seen: list[Override] = []

        def witness(override: Override) -> None:
            self.write(entry_of(override))
            seen.append(override)

        try:
            return self.store.add(draft, witness, reply_of)
        except StoreError:
            self._take_back(entry_of, seen)
            raise

    def reply(self, caller: str, key: str) -> KeptReply | None:
        """Return what was answered to a request of *caller* with *key*. Raises StoreError."""
        return self.replies.find(caller, key, self._now())

    def end(self, number: int, entry_of: EntryOf) -> Override | None:
        """End the override with this id and return it; None: there is none (any more).

        Raises:
            StoreError, AuditError: it goes on.
        """
        self._check()
        seen: list[Override] = []

        def witness(override: Override) -> None:
            self.write(entry_of(override))
            seen.append(override)

        try:
            return self.store.end(number, witness)
        except StoreError:
            self._take_back(entry_of, seen)
            raise

    def _take_back(self, entry_of: EntryOf, seen: list[Override]) -> None:
        """Note that what the audit log says was done could not be kept."""
        for override in seen:
            said = entry_of(override)
            failed = Entry(
                said.action,
                said.target,
                said.who,
                said.source,
                said.why,
                "failed",
                said.change,
                said.generation,
            )
            try:
                self.write(failed)
            except AuditError as error:
                _log.error("the audit log has a change that was not kept", reason=str(error))

    def write(self, entry: Entry) -> None:
        """Write *entry* into the audit log. Raises AuditError."""
        if self.audit is None:
            raise AuditError("the audit log could not be opened when the node started")
        self.audit.append(entry, self._now())
        self.audited[entry.action] += 1

    def sweep(self, at: datetime) -> None:
        """Forget the overrides that have expired by *at* (aware), tell of them, write it down.

        The audit log comes last: an end that was told in advance needs no permission, and one that
        could not be forgotten would be written again and again.
        """
        try:
            expired = self.store.sweep(at)
        except StoreError as error:  # they hold nothing any more in any case
            _log.error("expired drains stay in the database", reason=str(error))
            return
        for one in expired:
            try:
                self.write(
                    Entry(
                        "drain.expire",
                        one.pattern,
                        "gslb",
                        "local",
                        "expired",
                        "done",
                        one.to_json(),
                    )
                )
            except AuditError as error:
                _log.error("the end of a drain is not in the audit log", reason=str(error))
        if expired:
            self.tell([News("drain.expired", one.pattern, one.to_json()) for one in expired])

    def tell(self, news: Iterable[News]) -> None:
        """Give *news* to the history, and then to everybody who listens."""
        for event in self.history.record(news, self._now()):
            for listener in self._listeners:
                listener(event)

    def listen(self, listener: Listener) -> None:
        """Have *listener* told of every event from now on."""
        self._listeners.append(listener)

    def page(self, after: int, limit: int) -> Page:
        """Return the first *limit* events with a number above *after*. Raises StoreError."""
        return self.history.since(after, limit)

    @property
    def newest_event(self) -> int:
        """The highest number given to an event so far."""
        return self.history.newest

    def _check(self) -> None:
        """Refuse what would be forgotten. Raises StoreError."""
        if self._unkept:
            raise StoreError(f"nothing can be kept since the start: {self._unkept}")

    def close(self) -> None:
        """Let the files go."""
        if self.audit is not None:
            self.audit.close()
        self._database.close()


def try_records(directory: Path) -> None:
    """Find out whether the records in *directory*, which are another process's, can be used by us.

    Nothing is changed there. Raises StoreError, AuditError.
    """
    database.rehearse(directory)
    audit.last_head(directory / audit.FILE_NAME)


def _opened(directory: Path | None, now: datetime) -> tuple[Database, Store, History]:
    """Open the database in *directory*; None: one that is forgotten. Raises StoreError."""
    opened = Database(directory)
    return opened, Store(opened), History(opened, now)
