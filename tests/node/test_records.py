"""What a node writes down: nothing is kept unseen, nothing that fails stops the node."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from gslb.node.records import Records, try_records
from gslb.state.audit import AuditError, Entry, verify
from gslb.state.database import StoreError
from gslb.state.history import Event, News
from gslb.state.overrides import Draft, Kind, Override, draft

AT = datetime(2026, 12, 1, tzinfo=UTC)


def wanted() -> Draft:
    return draft(Kind.DRAIN, "aws", "ops", "why", AT)


def entry(override: Override) -> Entry:
    return Entry("drain.create", override.pattern, "ops", "socket", "why", "accepted")


def records(folder: Path) -> Records:
    return Records(folder, lambda: AT)


def test_an_override_and_its_audit_line_are_kept_together(tmp_path: Path) -> None:
    one = records(tmp_path)
    made = one.add(wanted(), entry)
    assert one.overrides == (made,)
    one.close()
    again = records(tmp_path)
    assert again.overrides == (made,)
    assert again.end(made.id, entry) == made
    assert again.end(made.id, entry) is None
    again.close()
    assert verify(tmp_path / "audit.jsonl") == []
    assert len((tmp_path / "audit.jsonl").read_text().splitlines()) == 2


def test_without_an_audit_line_nothing_is_changed(tmp_path: Path) -> None:
    """Failures F28: a change that cannot be witnessed is none."""
    (tmp_path / "audit.jsonl").mkdir()
    one = records(tmp_path)
    assert len(one.troubles) == 1
    with pytest.raises(AuditError):
        one.add(wanted(), entry)
    assert one.overrides == ()
    one.close()


def test_a_change_that_the_disk_does_not_take_is_told_as_failed(tmp_path: Path) -> None:
    one = records(tmp_path)

    def witness(override: Override) -> Entry:
        one._database._connection.set_authorizer(lambda *_: 1)  # the commit is refused
        return entry(override)

    with pytest.raises(StoreError):
        one.add(wanted(), witness)
    one._database._connection.set_authorizer(None)
    assert one.overrides == ()
    lines = (tmp_path / "audit.jsonl").read_text().splitlines()
    assert [json.loads(line)["result"] for line in lines] == ["accepted", "failed"]
    one.close()


def test_a_database_that_is_none_of_ours_refuses_changes_and_nothing_else(tmp_path: Path) -> None:
    """The node answers without its database; it does not pretend to keep what it would forget."""
    (tmp_path / "state.db").write_bytes(b"something else entirely" * 100)
    one = records(tmp_path)
    assert len(one.troubles) == 1
    with pytest.raises(StoreError):
        one.add(wanted(), entry)
    one.tell([News("node.started", "here")])
    assert [event.kind for event in one.page(0, 10).events] == ["node.started"]
    one.close()


def test_an_expired_drain_is_swept_and_told_once(tmp_path: Path) -> None:
    heard: list[Event] = []
    one = records(tmp_path)
    one.listen(heard.append)
    one.add(wanted(), entry)
    one.sweep(AT + timedelta(hours=3))
    assert heard == []
    for _ in range(2):
        one.sweep(AT + timedelta(hours=5))
    assert [(event.kind, event.subject) for event in heard] == [("drain.expired", "aws")]
    assert heard[0].sequence == one.newest_event
    assert one.overrides == ()
    one.close()
    lines = [json.loads(line) for line in (tmp_path / "audit.jsonl").read_text().splitlines()]
    assert [line["action"] for line in lines] == ["drain.create", "drain.expire"]
    assert (lines[1]["who"], lines[1]["why"], lines[1]["target"]) == ("gslb", "expired", "aws")
    assert lines[1]["change"]["id"] == 1
    assert verify(tmp_path / "audit.jsonl") == []


def test_a_drain_ends_though_nobody_can_write_it_down(tmp_path: Path) -> None:
    heard: list[Event] = []
    one = records(tmp_path)
    one.listen(heard.append)
    one.add(wanted(), entry)
    assert one.audit is not None
    one.audit.close()
    one.audit = None
    one.sweep(AT + timedelta(hours=5))
    assert [event.kind for event in heard] == ["drain.expired"]
    assert one.overrides == ()
    one.close()


def test_what_another_process_has_written_is_read_again(tmp_path: Path) -> None:
    """It went on where we were, and died: we go on where it was."""
    ours = records(tmp_path)
    ours.tell([News("a", "b")])
    theirs = records(tmp_path)
    made = theirs.add(wanted(), entry)
    theirs.tell([News("c", "d")])
    theirs.close()
    assert ours.overrides == ()
    ours.read_again()
    assert ours.overrides == (made,)
    ours.tell([News("e", "f")])
    assert [one.kind for one in ours.page(0, 10).events] == ["a", "c", "e"]
    assert ours.end(made.id, entry) == made
    ours.close()
    assert verify(tmp_path / "audit.jsonl") == []


def test_records_are_tried_without_being_opened(tmp_path: Path) -> None:
    try_records(tmp_path)
    one = records(tmp_path)
    one.add(wanted(), entry)
    try_records(tmp_path)
    one.close()
    with (tmp_path / "audit.jsonl").open("ab") as log:
        log.write(b"torn")  # by a crash: that is mended by whoever opens it
    try_records(tmp_path)
    with (tmp_path / "audit.jsonl").open("ab") as log:
        log.write(b" and not ours\n")
    with pytest.raises(AuditError, match="the last line is damaged"):
        try_records(tmp_path)
