"""What was confirmed to an operator survives anything; what was not leaves no trace."""

from __future__ import annotations

import signal
import subprocess
import sys
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gslb.policy.plan import Check
from gslb.state import store as module
from gslb.state.database import Database, StoreError
from gslb.state.overrides import GRADUAL, Draft, Kind
from gslb.state.store import LastKnown, Store, target_key
from healthcheck.model import Status

NOW = datetime(2026, 11, 24, 12, 0, tzinfo=UTC)
HOUR = timedelta(hours=1)
DRAFT = Draft(Kind.DRAIN, "aws", "ann", "CHG-1", NOW, NOW + HOUR)


@pytest.fixture
def database(tmp_path: Path):
    made = Database(tmp_path)
    yield made
    made.close()


def test_an_override_is_the_same_after_a_restart(database: Database) -> None:
    slow = Draft(Kind.DRAIN, "aws/*/a", "ann", "why “so”", NOW, None, GRADUAL, 30, forced=True)
    store = Store(database)
    made = [store.add(DRAFT), store.add(slow)]
    assert store.overrides == tuple(made)
    assert Store(database).overrides == tuple(made)
    assert store.find(made[1].id) == made[1]


def test_ids_are_never_used_again(database: Database) -> None:
    store = Store(database)
    first = store.add(DRAFT)
    assert store.end(first.id) == first
    assert store.end(first.id) is None
    assert Store(database).add(DRAFT).id > first.id


def test_what_the_witness_cannot_write_down_does_not_happen(database: Database) -> None:
    store = Store(database)
    kept = store.add(DRAFT)

    def refuse(_: object) -> None:
        raise StoreError("the audit log is full")

    with pytest.raises(StoreError, match="audit"):
        store.add(DRAFT, refuse)
    with pytest.raises(StoreError, match="audit"):
        store.end(kept.id, refuse)
    assert store.overrides == Store(database).overrides == (kept,)


def test_the_witness_is_told_the_override_with_its_id(database: Database) -> None:
    told: list[int] = []
    made = Store(database).add(DRAFT, lambda one: told.append(one.id))
    assert told == [made.id]


def test_expired_overrides_are_swept_and_told_once(database: Database) -> None:
    store = Store(database)
    made = store.add(DRAFT)
    endless = store.add(Draft(Kind.DRAIN, "gcp", "ann", "why", NOW, None))
    assert store.sweep(NOW) == ()
    assert store.sweep(NOW + HOUR) == (made,)
    assert store.sweep(NOW + HOUR) == ()
    assert store.overrides == Store(database).overrides == (endless,)


def test_a_disk_that_is_full_changes_nothing_and_reading_goes_on(database: Database) -> None:
    store = Store(database)
    kept = store.add(DRAFT)
    database.rows("PRAGMA query_only=ON")
    with pytest.raises(StoreError, match="readonly"):
        store.add(DRAFT)
    with pytest.raises(StoreError, match="readonly"):
        store.end(kept.id)
    with pytest.raises(StoreError, match="readonly"):
        store.sweep(NOW + HOUR)
    assert store.overrides == (kept,)


def test_there_are_only_so_many(database: Database, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "MAX_OVERRIDES", 2)
    store = Store(database)
    store.add(DRAFT)
    store.add(DRAFT)
    with pytest.raises(StoreError, match="end one first"):
        store.add(DRAFT)


def test_an_override_that_makes_no_sense_is_an_error_and_not_a_guess(database: Database) -> None:
    Store(database).add(DRAFT)
    with database.change() as connection:
        connection.execute("UPDATE overrides SET kind = 'other'")
    with pytest.raises(StoreError, match="override 1"):
        Store(database)


KEY = target_key("aws/us-east-1/a")


def test_last_known_health_comes_back_with_its_age(database: Database) -> None:
    store = Store(database)
    store.save_health({KEY: LastKnown(Status.UP, 0.0)}, NOW - HOUR)
    store.save_health({KEY: LastKnown(Status.DOWN, 60.0)}, NOW + timedelta(seconds=60))
    assert Store(database).last_known(NOW + HOUR) == {KEY: LastKnown(Status.DOWN, 3600.0)}
    assert store.last_known(NOW - HOUR)[KEY].age == -3600.0
    store.save_health({}, NOW)
    assert store.last_known(NOW) == {}


def test_a_status_of_another_version_is_passed_over(database: Database) -> None:
    with database.change() as connection:
        connection.execute("INSERT INTO health VALUES ('x', 'wobbly', 1.0)")
    assert Store(database).last_known(NOW) == {}


def test_the_health_of_endlessly_many_targets_is_not_kept(
    database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "MAX_KNOWN", 1)
    with pytest.raises(StoreError, match="more than 1"):
        Store(database).save_health(dict.fromkeys("ab", LastKnown(Status.UP, 0.0)), NOW)


def test_a_key_tells_checks_apart_and_nothing_else() -> None:
    check = Check("tcp", 443, None, None, (), None, None, 5.0, 1.0, 3, 2, None, ())
    other = Check("tcp", 444, None, None, (), None, None, 5.0, 1.0, 3, 2, None, ())
    assert target_key("a", check) == target_key(
        "a", Check("tcp", 443, None, None, (), None, None, 5.0, 1.0, 3, 2, None, ())
    )
    keys = {target_key("a", check), target_key("b", check), target_key("a", other), target_key("a")}
    assert len(keys) == 4


@settings(max_examples=25)
@given(
    st.lists(
        st.tuples(st.sampled_from(("add", "end", "sweep", "reopen")), st.integers(0, 5)),
        max_size=12,
    )
)
def test_memory_and_disk_always_agree_and_ids_always_rise(
    tmp_path_factory: pytest.TempPathFactory, steps: list[tuple[str, int]]
) -> None:
    database = Database(tmp_path_factory.mktemp("store"))
    store, last = Store(database), 0
    for step, number in steps:
        if step == "add":
            made = store.add(DRAFT)
            assert made.id > last
            last = made.id
        elif step == "end" and store.overrides:
            store.end(store.overrides[number % len(store.overrides)].id)
        elif step == "sweep":
            store.sweep(NOW + timedelta(hours=number % 3))
        elif step == "reopen":
            store = Store(database)
        assert Store(database).overrides == store.overrides
    database.close()


CHILD = """
import sys
from datetime import UTC, datetime
from pathlib import Path
from gslb.state.database import Database
from gslb.state.overrides import Draft, Kind
from gslb.state.store import Store
store = Store(Database(Path(sys.argv[1])))
made = Draft(Kind.DRAIN, "aws", "ann", "CHG-1", datetime(2026, 11, 24, 12, 0, tzinfo=UTC), None)
while True:
    print(store.add(made).id, flush=True)
"""


@pytest.mark.parametrize("told", [1, 7])
def test_after_kill_9_everything_that_was_confirmed_is_there(tmp_path: Path, told: int) -> None:
    with subprocess.Popen(
        [sys.executable, "-c", CHILD, str(tmp_path)], stdout=subprocess.PIPE, text=True
    ) as child:
        assert child.stdout is not None
        confirmed = [int(child.stdout.readline()) for _ in range(told)]
        child.send_signal(signal.SIGKILL)  # in the middle of another one, most likely
        confirmed += [int(line) for line in child.stdout.read().split()]
    database = Database(tmp_path)
    kept = [one.id for one in Store(database).overrides]
    assert kept[: len(confirmed)] == confirmed
    assert len(kept) <= len(confirmed) + 1
    database.close()


def test_flaps_come_back_with_their_age(database: Database) -> None:
    """In place of those before; a clock that was set back makes no age below 0."""
    store = Store(database)
    assert store.last_flaps(NOW) == ([], 0.0)
    store.save_health({}, NOW - HOUR, [["old"]])
    store.save_health({}, NOW, [["a", 1, None]])
    assert Store(database).last_flaps(NOW + HOUR) == ([["a", 1, None]], 3600.0)
    assert store.last_flaps(NOW - HOUR) == ([["a", 1, None]], 0.0)
    with database.change() as connection:
        connection.execute("UPDATE flaps SET value = 'wobbly'")
    assert store.last_flaps(NOW) == ([], 0.0)
