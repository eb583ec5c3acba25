"""What must survive a restart: overrides, and the health that was known last, with its age."""

from __future__ import annotations

import contextlib
import json
import math
from collections.abc import Callable, Iterable, Mapping
from dataclasses import asdict, dataclass, fields
from datetime import UTC, datetime
from hashlib import blake2b
from typing import Any

from gslb.state.database import Database, StoreError
from gslb.state.overrides import MAX_OVERRIDES, Draft, Kind, Override
from gslb.state.replies import KeptReply, keep
from healthcheck.model import Status

MAX_KNOWN = 200_000  # targets whose health is kept
_COLUMNS = ", ".join(field.name for field in fields(Override))

Witness = Callable[[Override], None]
ReplyOf = Callable[[Override], KeptReply]


@dataclass(frozen=True, slots=True)
class LastKnown:
    """What was believed of a target, and for how long nothing has confirmed it."""

    status: Status
    age: float  # seconds; negative if the clock was set back: worth nothing


class Store:
    """Overrides and last-known health of one node, over a `Database`.

    Overrides are held in memory too: reading them never fails and never waits. They are changed
    from one thread; health may be saved from another.
    """

    def __init__(self, database: Database) -> None:
        """Read what there is. Raises StoreError when it cannot be read or makes no sense."""
        self._database = database
        self._overrides = tuple(
            _override(row)
            for row in database.rows(f"SELECT {_COLUMNS} FROM overrides ORDER BY id")  # noqa: S608 - our own names
        )

    @property
    def overrides(self) -> tuple[Override, ...]:
        """Every stored override by id, those included that have ended and not been swept yet."""
        return self._overrides

    def find(self, number: int) -> Override | None:
        """Return the override with this id."""
        return next((one for one in self._overrides if one.id == number), None)

    def add(
        self, draft: Draft, witness: Witness | None = None, reply_of: ReplyOf | None = None
    ) -> Override:
        """Keep *draft* and return it with its id.

        Args:
            draft: from `overrides.draft`.
            witness: is told the override before it is kept (the audit log); what it raises passes
                on, and nothing is kept.
            reply_of: makes the reply to the request for it, which is kept with it.

        Raises:
            StoreError: it could not be kept, or there are `MAX_OVERRIDES` already. Where the disk
                fails at the very end the *witness* has been told: tell it of the failure too.
        """
        if len(self._overrides) >= MAX_OVERRIDES:
            raise StoreError(f"there are {MAX_OVERRIDES} overrides; end one first")
        values = _values(draft)
        names = ", ".join(values)
        marks = ", ".join("?" * len(values))
        with self._database.change() as connection:
            cursor = connection.execute(
                f"INSERT INTO overrides ({names}) VALUES ({marks})",  # noqa: S608 - our own names
                tuple(values.values()),
            )
            assert cursor.lastrowid is not None
            found = {field.name: getattr(draft, field.name) for field in fields(Draft)}
            override = Override(**found, id=cursor.lastrowid)
            if reply_of is not None:
                keep(connection, reply_of(override), draft.created)
            if witness is not None:
                witness(override)
        self._overrides = (*self._overrides, override)
        return override

    def end(self, number: int, witness: Witness | None = None) -> Override | None:
        """End the override with this id and return it; None if there is none (any more).

        Raises:
            StoreError: that could not be kept; it goes on. What *witness* raises passes on too.
        """
        override = self.find(number)
        if override is None:
            return None
        with self._database.change() as connection:
            connection.execute("DELETE FROM overrides WHERE id = ?", (number,))
            if witness is not None:
                witness(override)
        self._overrides = tuple(one for one in self._overrides if one.id != number)
        return override

    def sweep(self, at: datetime) -> tuple[Override, ...]:
        """Forget the overrides that have expired by *at* and return them, so that it can be told.

        Raises:
            StoreError: that could not be kept; they hold nothing any more, but will be swept again.
        """
        expired = tuple(one for one in self._overrides if not one.live(at))
        if expired:
            with self._database.change() as connection:
                connection.executemany(
                    "DELETE FROM overrides WHERE id = ?", [(one.id,) for one in expired]
                )
            self._overrides = tuple(one for one in self._overrides if one.live(at))
        return expired

    def save_health(
        self, known: Mapping[str, LastKnown], at: datetime, flaps: Iterable[Any] = ()
    ) -> None:
        """Keep *known* (by target, from `target_key`), with ages at *at*, in place of all before.

        *flaps*: what has flapped, as JSON values (`gslb.state.memory`).

        Raises:
            StoreError: it could not be kept, or there are more than `MAX_KNOWN` targets.
        """
        if len(known) > MAX_KNOWN:
            raise StoreError(f"the health of more than {MAX_KNOWN} targets is not kept")
        now = at.timestamp()
        rows = [(target, one.status.value, now - one.age) for target, one in known.items()]
        with self._database.change() as connection:
            connection.execute("DELETE FROM health")
            connection.executemany("INSERT INTO health VALUES (?, ?, ?)", rows)
            connection.execute("DELETE FROM flaps")
            connection.execute("INSERT INTO flaps VALUES (?, ?)", (now, json.dumps(list(flaps))))

    def last_known(self, now: datetime) -> dict[str, LastKnown]:
        """Return the health that was kept last, by target. Raises StoreError."""
        found = {}
        for target, status, seen in self._database.rows("SELECT target, status, seen FROM health"):
            assert isinstance(seen, float)
            try:
                believed = Status(str(status))
            except ValueError:
                continue  # a word of another version says nothing to us
            if math.isfinite(seen):
                found[str(target)] = LastKnown(believed, now.timestamp() - seen)
        return found

    def last_flaps(self, now: datetime) -> tuple[list[Any], float]:
        """Return the flaps that were kept last, and seconds since then. Raises StoreError.

        A clock that was set back makes nothing younger than now.
        """
        for at, value in self._database.rows("SELECT at, value FROM flaps"):
            assert isinstance(at, float)
            with contextlib.suppress(ValueError):
                found = json.loads(str(value))
                return found, max(0.0, now.timestamp() - at)
        return [], 0.0


def target_key(*parts: Any) -> str:
    """Return a short key for a check or a probe (frozen dataclasses) and what else tells it apart.

    Equal content has an equal key, in every run and on every node.
    """
    plain = [asdict(part) if hasattr(part, "__dataclass_fields__") else part for part in parts]
    text = json.dumps(plain, sort_keys=True, separators=(",", ":"), default=str)
    return blake2b(text.encode(), digest_size=16).hexdigest()


def _values(draft: Draft) -> dict[str, object]:
    """Return *draft* as columns."""
    return {
        "kind": draft.kind.value,
        "pattern": draft.pattern,
        "author": draft.author,
        "reason": draft.reason,
        "created": draft.created.isoformat(),
        "expires": None if draft.expires is None else draft.expires.isoformat(),
        "stages": json.dumps(draft.stages),
        "ttl": draft.ttl,
        "forced": int(draft.forced),
    }


def _override(row: Iterable[object]) -> Override:
    """Return the override of one row. Raises StoreError when it makes no sense."""
    found: dict[str, Any] = dict(zip(_COLUMNS.split(", "), row, strict=True))
    try:
        found["kind"] = Kind(found["kind"])
        found["created"] = _moment(found["created"])
        found["expires"] = None if found["expires"] is None else _moment(found["expires"])
        found["stages"] = tuple(float(share) for share in json.loads(found["stages"]))
        found["forced"] = bool(found["forced"])
        if not found["stages"]:
            raise ValueError("a drain without stages")
    except (ValueError, TypeError) as error:
        raise StoreError(f"override {found.get('id')} in the database: {error}") from None
    return Override(**found)


def _moment(text: str) -> datetime:
    return datetime.fromisoformat(text).astimezone(UTC)
