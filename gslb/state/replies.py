"""Replies that survive a restart, by the key of their request: asked again, nothing is made twice.

A reply is kept in the transaction that makes the change, so there is never one without the other.
"""

from __future__ import annotations

import sqlite3
from dataclasses import dataclass
from datetime import datetime, timedelta

from gslb.state.database import Database

MAX_REPLIES = 1024  # the oldest go first; a program that repeats does so within minutes
KEPT_FOR = timedelta(hours=24)


@dataclass(frozen=True, slots=True)
class KeptReply:
    """What was answered, and to what."""

    caller: str  # keys of different callers have nothing to do with each other
    key: str
    fingerprint: bytes  # of the request
    status: int  # of HTTP
    octets: bytes
    location: str  # of what was made


class Replies:
    """The replies in a `Database`."""

    def __init__(self, database: Database) -> None:
        """Read nothing yet."""
        self._database = database

    def find(self, caller: str, key: str, at: datetime) -> KeptReply | None:
        """Return what *caller* was told when he used *key* less than `KEPT_FOR` before *at*.

        Raises:
            StoreError: it cannot be read.
        """
        rows = self._database.rows(
            "SELECT fingerprint, status, octets, location FROM replies"
            " WHERE caller = ? AND key = ? AND at > ?",
            (caller, key, (at - KEPT_FOR).timestamp()),
        )
        for fingerprint, status, octets, location in rows:
            assert isinstance(fingerprint, bytes)
            assert isinstance(status, int)
            assert isinstance(octets, bytes)
            return KeptReply(caller, key, fingerprint, status, octets, str(location))
        return None


def keep(connection: sqlite3.Connection, reply: KeptReply, at: datetime) -> None:
    """Keep *reply* as of *at* in the transaction under way; forget what is old or too much."""
    connection.execute("DELETE FROM replies WHERE at <= ?", ((at - KEPT_FOR).timestamp(),))
    connection.execute(
        "DELETE FROM replies WHERE rowid IN"
        " (SELECT rowid FROM replies ORDER BY rowid DESC LIMIT -1 OFFSET ?)",
        (MAX_REPLIES - 1,),
    )
    connection.execute(
        "INSERT OR REPLACE INTO replies (caller, key, fingerprint, status, octets, location, at)"
        " VALUES (?, ?, ?, ?, ?, ?, ?)",
        (
            reply.caller,
            reply.key,
            reply.fingerprint,
            reply.status,
            reply.octets,
            reply.location,
            at.timestamp(),
        ),
    )
