"""Replies are kept with what was made, for a day, and not more than a bounded number."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from gslb.state import replies as module
from gslb.state.database import Database
from gslb.state.overrides import Kind, draft
from gslb.state.replies import KEPT_FOR, KeptReply, Replies, keep
from gslb.state.store import Store

AT = datetime(2026, 12, 1, tzinfo=UTC)


def reply(key: str, number: int = 1) -> KeptReply:
    return KeptReply("ops", key, b"f", 202, str(number).encode(), f"/drains/{number}")


def test_a_reply_is_kept_with_its_override_or_neither_is(tmp_path: Path) -> None:
    database = Database(tmp_path)
    store = Store(database)
    wanted = draft(Kind.DRAIN, "aws", "ops", "why", AT)

    def refuse(_: object) -> None:
        raise RuntimeError("the audit log is full")

    with pytest.raises(RuntimeError):
        store.add(wanted, refuse, lambda one: reply("k", one.id))
    assert Replies(database).find("ops", "k", AT) is None
    made = store.add(wanted, None, lambda one: reply("k", one.id))
    database.close()
    again = Replies(Database(tmp_path))
    assert again.find("ops", "k", AT) == reply("k", made.id)
    assert again.find("others", "k", AT) is None


def test_replies_are_forgotten_by_age_and_by_number(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "MAX_REPLIES", 3)
    database = Database(tmp_path)
    found = Replies(database)
    for number, key in enumerate("abcd"):
        with database.change() as connection:
            keep(connection, reply(key, number), AT + timedelta(seconds=number))
    assert [found.find("ops", key, AT) is not None for key in "abcd"] == [False, True, True, True]
    assert found.find("ops", "b", AT + KEPT_FOR + timedelta(seconds=1)) is None
    with database.change() as connection:
        keep(connection, reply("e"), AT + KEPT_FOR + timedelta(seconds=2))
    assert database.rows("SELECT key FROM replies ORDER BY key") == [("d",), ("e",)]
    database.close()
