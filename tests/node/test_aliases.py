"""Aliases: asked for again at their TTL; what was good stays until there is something better."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gslb.node.aliases import (
    FIRST_RETRY_SECONDS,
    MAX_ADDRESSES,
    MAX_SECONDS,
    MIN_SECONDS,
    AliasSchedule,
    Found,
    read_known,
    write_known,
)
from gslb.steering.situation import AliasAddresses

NAME, OTHER = b"\x03lb1\x07example\x03net\x00", b"\x03lb2\x07example\x03net\x00"
ONE, TWO = bytes([192, 0, 2, 1]), bytes([192, 0, 2, 2])
SIX = bytes.fromhex("20010db8000000000000000000000001")


def schedule_of(*names: bytes, now: float = 0.0) -> AliasSchedule:
    schedule = AliasSchedule()
    schedule.watch(names, now)
    return schedule


def test_new_names_are_asked_for_at_once_and_only_once() -> None:
    """A name that is being asked for is not due until the answer is there."""
    schedule = schedule_of(NAME, OTHER)
    assert sorted(schedule.take_due(0.0)) == [NAME, OTHER]
    assert schedule.take_due(1000.0) == []
    assert schedule.next_due() is None


@pytest.mark.parametrize(
    ("ttl", "pause"), [(60.0, 60.0), (0.0, MIN_SECONDS), (86_400.0, MAX_SECONDS)]
)
def test_a_name_is_due_again_at_its_ttl_within_bounds(ttl: float, pause: float) -> None:
    """A TTL of nothing does not make a storm, and one of a day not an address that is a day old."""
    schedule = schedule_of(NAME)
    schedule.take_due(0.0)
    assert schedule.resolved(NAME, Found((ONE,), ttl), Found((), 999.0), 10.0)
    assert schedule.next_due() == 10.0 + pause
    assert schedule.take_due(10.0 + pause - 0.01) == []
    assert schedule.take_due(10.0 + pause) == [NAME]


def test_the_shorter_ttl_of_both_families_counts() -> None:
    """Neither family's addresses are kept beyond their own time."""
    schedule = schedule_of(NAME)
    schedule.take_due(0.0)
    schedule.resolved(NAME, Found((ONE,), 200.0), Found((SIX,), 20.0), 0.0)
    assert schedule.next_due() == 20.0


def test_news_are_told_from_the_same_again() -> None:
    """Only a change of the set of addresses changes answers; their order is nothing new."""
    schedule = schedule_of(NAME)
    assert schedule.resolved(NAME, Found((ONE, TWO), 30.0), Found((), 30.0), 0.0)
    assert not schedule.resolved(NAME, Found((TWO, ONE), 30.0), Found((), 30.0), 30.0)
    assert schedule.resolved(NAME, Found((TWO,), 30.0), Found((), 30.0), 60.0)
    assert schedule.addresses[NAME] == AliasAddresses((TWO,), ())


@pytest.mark.parametrize(
    ("v4", "v6"), [(None, None), (Found((), 30.0), Found((), 30.0)), (None, Found((), 30.0))]
)
def test_a_name_without_answer_keeps_its_last_addresses(v4: Found | None, v6: Found | None) -> None:
    """No resolver, NXDOMAIN or a name that lost its records empties nothing; it is asked again soon."""
    schedule = schedule_of(NAME)
    schedule.resolved(NAME, Found((ONE,), 30.0), Found((SIX,), 30.0), 0.0)
    schedule.take_due(30.0)
    assert not schedule.resolved(NAME, v4, v6, 30.0)
    assert schedule.addresses[NAME] == AliasAddresses((ONE,), (SIX,))
    assert schedule.next_due() == 30.0 + FIRST_RETRY_SECONDS


def test_a_family_that_could_not_be_asked_keeps_what_it_had() -> None:
    """One family's lost answer does not take the other one's news away, and is tried again soon."""
    schedule = schedule_of(NAME)
    schedule.resolved(NAME, Found((ONE,), 300.0), Found((SIX,), 300.0), 0.0)
    schedule.take_due(300.0)
    assert schedule.resolved(NAME, Found((TWO,), 300.0), None, 300.0)
    assert schedule.addresses[NAME] == AliasAddresses((TWO,), (SIX,))
    assert schedule.next_due() == 300.0 + FIRST_RETRY_SECONDS


def test_failures_are_retried_less_and_less_often() -> None:
    """The pauses double up to the bound, and start anew after a success."""
    schedule = schedule_of(NAME)
    now, pauses = 0.0, []
    for _ in range(8):
        schedule.take_due(now)
        schedule.resolved(NAME, None, None, now)
        due = schedule.next_due()
        assert due is not None
        pauses.append(due - now)
        now = due
    assert pauses == [5.0, 10.0, 20.0, 40.0, 80.0, 160.0, 300.0, 300.0]
    schedule.resolved(NAME, Found((ONE,), 30.0), None, now)
    schedule.resolved(NAME, None, None, now)
    assert schedule.next_due() == now + FIRST_RETRY_SECONDS


def test_names_that_are_watched_no_more_are_forgotten() -> None:
    """Policies without a name leave nothing of it: no address, no lookup, no answer taken."""
    schedule = schedule_of(NAME, OTHER)
    schedule.resolved(NAME, Found((ONE,), 30.0), Found((), 30.0), 0.0)
    schedule.watch([OTHER], 1.0)
    assert schedule.addresses == {}
    assert schedule.take_due(1000.0) == [OTHER]
    assert not schedule.resolved(NAME, Found((TWO,), 30.0), None, 2.0)


def test_a_name_that_comes_back_is_asked_for_at_once() -> None:
    """Dropped and watched again: the old entry of the queue is not taken for the new one."""
    schedule = schedule_of(NAME)
    schedule.resolved(NAME, Found((ONE,), 300.0), Found((), 300.0), 0.0)
    schedule.watch([], 1.0)
    schedule.watch([NAME], 2.0)
    assert schedule.unresolved() == {NAME}
    assert schedule.take_due(2.0) == [NAME]


def test_what_was_known_before_counts_as_resolved() -> None:
    """A start with a file of addresses waits for no resolver."""
    schedule = AliasSchedule({NAME: AliasAddresses((ONE,))})
    schedule.watch([NAME, OTHER], 0.0)
    assert schedule.unresolved() == {OTHER}
    assert schedule.addresses[NAME].a == (ONE,)


def test_a_name_with_very_many_addresses_is_cut() -> None:
    """What a stranger's zone says is bounded."""
    many = tuple(bytes([10, 0, n // 256, n % 256]) for n in range(1000))
    schedule = schedule_of(NAME)
    schedule.resolved(NAME, Found(many, 30.0), Found((), 30.0), 0.0)
    assert schedule.addresses[NAME].a == many[:MAX_ADDRESSES]


found = st.none() | st.builds(
    Found, st.lists(st.sampled_from([ONE, TWO])).map(tuple), st.floats(0, 1e6)
)


@given(st.lists(st.tuples(found, found, st.floats(0.0, 1000.0)), max_size=30))
def test_addresses_never_become_none_once_there_are_some(
    answers: list[tuple[Found | None, Found | None, float]],
) -> None:
    """Whatever resolvers say, a name that had an address has one, and is asked again in bounds."""
    schedule = schedule_of(NAME)
    now, had = 0.0, False
    for v4, v6, pause in answers:
        now += pause
        schedule.take_due(now)
        schedule.resolved(NAME, v4, v6, now)
        addresses = schedule.addresses.get(NAME)
        has = addresses is not None and bool(addresses.a or addresses.aaaa)
        assert has or not had
        had = has
        due = schedule.next_due()
        assert due is not None
        assert due - now + 1e-6 >= MIN_SECONDS
        assert due - now <= MAX_SECONDS + 1e-6


def test_addresses_survive_a_restart(tmp_path: Path) -> None:
    """What is written is read back."""
    known = {NAME: AliasAddresses((ONE, TWO), (SIX,)), OTHER: AliasAddresses()}
    write_known(tmp_path / "aliases.json", known)
    assert read_known(tmp_path / "aliases.json") == known


@pytest.mark.parametrize("text", ["", "[]", "{", '{"zz": 1}', '{"00": {"a": 1}}', '{"00": {}}'])
def test_a_file_that_is_not_ours_counts_as_none(tmp_path: Path, text: str) -> None:
    """A corrupted file costs freshness at the start, nothing else."""
    path = tmp_path / "aliases.json"
    path.write_text(text)
    assert read_known(path) == {}


def test_a_missing_or_unwritable_place_is_no_failure(tmp_path: Path) -> None:
    """Neither reading nor writing raises."""
    path = tmp_path / "nowhere" / "aliases.json"
    assert read_known(path) == {}
    write_known(path, {NAME: AliasAddresses((ONE,))})
