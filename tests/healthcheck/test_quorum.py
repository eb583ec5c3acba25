"""Counting votes: quorum, doubts, quarantine, holding; on a made-up clock."""

from __future__ import annotations

from collections.abc import Iterable

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from healthcheck.model import Kind, Outcome, Probe, Status, Verdict
from healthcheck.quorum import Basis, Council, Standing, Terms
from healthcheck.tracker import Belief, lifetime, observe
from healthcheck.votes import Doubt, Vote, vote_of

UP, DOWN, UNKNOWN = Status.UP, Status.DOWN, Status.UNKNOWN
WORDS = {"+": UP, "-": DOWN, "?": UNKNOWN}
TERMS = Terms(lifetime=17.0)


class Room:
    """A council and its checkers, who number their votes."""

    def __init__(
        self, checkers: Iterable[str], targets: Iterable[str], terms: Terms = TERMS
    ) -> None:
        self.council = Council(checkers)
        self.sequence = 0
        for target in targets:
            self.council.watch(target, terms, 0.0)

    def say(
        self,
        checker: str,
        target: str,
        sign: str,
        now: float,
        *,
        failing: bool | None = None,
        doubt: Doubt = Doubt.NONE,
    ) -> Standing | None:
        self.sequence += 1
        status = WORDS[sign]
        bad = status is DOWN if failing is None else failing
        vote = Vote(checker, target, status, bad, 1, self.sequence, 0.0, doubt)
        return self.council.receive(vote, now)

    def status(self, target: str = "t") -> Status:
        return self.council.standing(target).status


def test_the_word_of_the_only_checker_is_the_verdict() -> None:
    room = Room(["local"], ["t"], Terms(17.0, needed=2))
    assert room.say("local", "t", "+", 1.0) is not None
    standing = room.say("local", "t", "-", 2.0)
    assert standing == Standing(DOWN, 2.0, Basis.ONLY, down=("local",))


@pytest.mark.parametrize(
    ("line", "needed", "status"),
    [
        ("---", 2, DOWN),
        ("--+", 2, DOWN),
        ("-++", 2, UP),
        ("-+?", 2, UNKNOWN),  # one against one
        ("-??", 2, UNKNOWN),  # one is not enough
        ("--?", 2, DOWN),  # one is gone: the other two agree
        ("--?", 3, UNKNOWN),
        ("-??", 1, DOWN),
        ("--+++", 2, UP),  # enough for either: the more
        ("--++", 2, DOWN),  # a tie holds what there was
        ("++--", 2, UP),
        ("--", 3, DOWN),  # never more than there are
        ("-+", None, UNKNOWN),
        ("--+", None, DOWN),
        ("--???", None, UNKNOWN),  # a majority of all, not of those who speak
    ],
)
def test_a_quorum_is_enough_equal_votes_and_more_than_contrary_ones(
    line: str, needed: int | None, status: Status
) -> None:
    names = [f"ns{number}" for number in range(len(line))]
    room = Room(names, ["t"], Terms(17.0, needed=needed))
    for name, sign in zip(names, line, strict=True):
        room.say(name, "t", sign, 1.0)
    assert room.status() is status


def test_a_lone_dissenter_changes_nothing_and_is_shown() -> None:
    room = Room(["a", "b", "c"], ["t"], Terms(17.0, needed=2))
    for name in "abc":
        room.say(name, "t", "+", 1.0)
    assert room.say("c", "t", "-", 2.0) is None
    standing = room.council.standing("t")
    assert (standing.status, standing.dissenters) == (UP, ("c",))
    assert (standing.up, standing.down, standing.silent) == (("a", "b"), ("c",), ())


def test_votes_live_three_intervals_then_the_status_is_held_and_then_unknown() -> None:
    room = Room(["a", "b", "c"], ["t"], Terms(17.0, needed=2))
    for name in "abc":
        room.say(name, "t", "-", 10.0)
    assert room.council.sweep(27.0) == {}
    assert room.council.standing("t").basis is Basis.QUORUM
    assert room.council.sweep(27.1) == {}
    held = room.council.standing("t")
    assert (held.status, held.basis, held.silent) == (DOWN, Basis.HELD, ("a", "b", "c"))
    assert room.council.sweep(610.0) == {}
    assert room.council.sweep(610.1) == {
        "t": Standing(UNKNOWN, 610.1, Basis.NOTHING, silent=("a", "b", "c"))
    }


def test_a_frozen_checker_is_out_of_the_count_after_its_votes_lapse() -> None:
    """Its last word stands against the others for three intervals, and no longer."""
    room = Room(["a", "b", "c"], ["t"], Terms(17.0, needed=2))
    for name in "abc":
        room.say(name, "t", "+", 0.0)
    room.say("a", "t", "-", 18.0)
    room.say("b", "t", "-", 18.0)
    standing = room.council.standing("t")
    assert (standing.status, standing.silent) == (DOWN, ("c",))


def test_a_checker_that_doubts_itself_counts_for_nothing_and_is_shown() -> None:
    room = Room(["a", "b", "c"], ["t"], Terms(17.0, needed=2))
    for name in "abc":
        room.say(name, "t", "+", 0.0)
    room.say("a", "t", "-", 1.0)
    room.say("b", "t", "-", 1.0, doubt=Doubt.REFERENCES)
    standing = room.council.standing("t")
    assert (standing.status, standing.basis) == (UP, Basis.HELD)
    assert standing.doubted == (("b", Doubt.REFERENCES),)


def test_only_the_named_checkers_vote_where_a_check_names_them() -> None:
    room = Room(["cn", "ns1", "ns2"], ["t"], Terms(17.0, checkers=frozenset({"cn"})))
    room.say("ns1", "t", "-", 1.0)
    room.say("ns2", "t", "-", 1.0)
    assert room.status() is UNKNOWN
    room.say("cn", "t", "+", 1.0)
    assert room.council.standing("t") == Standing(UP, 1.0, Basis.ONLY, up=("cn",))


def test_strangers_and_unknown_targets_are_refused_and_leave_nothing() -> None:
    room = Room(["a"], ["t"])
    assert room.say("mallory", "t", "-", 1.0) is None
    assert room.say("a", "nothing", "-", 1.0) is None
    assert room.council.receive(Vote("a", "t", UP, False, 1, 9, 0.0), 1.0) is not None
    assert room.council.receive(Vote("a", "t", DOWN, True, 1, 9, 0.0), 1.0) is None
    assert room.council.refused == 3
    assert room.status() is UP


def test_a_checker_that_leaves_takes_its_votes_along() -> None:
    room = Room(["a", "b", "c"], ["t"], Terms(17.0, needed=2))
    room.say("a", "t", "-", 1.0)
    room.say("b", "t", "-", 1.0)
    assert room.status() is DOWN
    room.council.seat(["b", "c"])
    room.say("c", "t", "+", 2.0)
    assert room.council.standing("t").basis is Basis.HELD
    room.council.seat(["c"])
    assert room.council.sweep(3.0)["t"] == Standing(UP, 3.0, Basis.ONLY, up=("c",))


def test_what_was_last_known_is_held_until_there_are_votes() -> None:
    council = Council(["a"])
    council.watch("t", TERMS, 100.0, DOWN, age=40.0)
    council.watch("old", TERMS, 100.0, DOWN, age=601.0)
    assert council.standing("t") == Standing(DOWN, 60.0, Basis.HELD)
    assert council.standing("old").status is UNKNOWN
    assert council.sweep(660.0) == {}
    assert set(council.sweep(660.1)) == {"t"}


def test_new_terms_do_not_touch_the_status() -> None:
    room = Room(["a", "b"], ["t"], Terms(17.0, needed=1))
    room.say("a", "t", "-", 1.0)
    room.council.sweep(1.0)
    room.council.watch("t", Terms(17.0, needed=2), 2.0)
    assert room.status() is DOWN
    room.council.sweep(3.0)
    assert room.council.standing("t").basis is Basis.HELD
    room.council.forget("t")
    with pytest.raises(KeyError):
        room.council.standing("t")


def full_room(needed: int | None, checkers: str = "abc", targets: int = 10) -> Room:
    room = Room(checkers, [f"t{n}" for n in range(targets)], Terms(17.0, needed=needed))
    for name in checkers:
        for number in range(targets):
            room.say(name, f"t{number}", "+", 0.0)
    room.council.sweep(0.0)
    return room


def test_a_checker_that_alone_turns_a_third_down_is_quarantined_for_five_minutes() -> None:
    room = full_room(needed=1)
    for number in range(3):
        room.say("a", f"t{number}", "-", 10.0)
    assert room.council.quarantined(10.0) == {}  # 30 % is not more than 30 %
    room.say("a", "t3", "-", 15.0)
    assert room.council.quarantined(15.0) == {"a": 315.0}
    assert room.council.standing("t3").doubted == (("a", Doubt.QUARANTINE),)
    assert room.council.quarantined(315.0) == {}


def test_after_its_quarantine_a_checker_is_counted_again() -> None:
    room = full_room(needed=1)
    for number in range(6):
        room.say("a", f"t{number}", "-", 10.0)
    until = room.council.quarantined(10.0)["a"]
    now = 10.0
    while now < until:
        for number in range(10):
            room.say("a", f"t{number}", "-" if number < 6 else "+", now)
            room.say("b", f"t{number}", "+", now)
            room.say("c", f"t{number}", "?", now)
        assert room.council.sweep(now) == {}
        now += 10.0
    assert room.council.standing("t0").dissenters == ()
    assert room.council.sweep(until + 1.0) == {}
    assert room.council.standing("t0").dissenters == ("a",)


def test_a_third_that_turns_down_slowly_is_no_reason() -> None:
    room = full_room(needed=2)
    for number in range(5):
        now = 15.0 * (number + 1)
        for name in "abc":
            for target in range(10):
                sign = "-" if name == "a" and target <= number else "+"
                room.say(name, f"t{target}", sign, now)
        room.council.sweep(now)
    assert room.council.quarantined(75.0) == {}


def test_one_or_two_targets_are_a_dissent() -> None:
    room = full_room(needed=2, targets=3)
    room.say("a", "t0", "-", 1.0)
    room.say("a", "t1", "-", 2.0)
    assert room.council.quarantined(2.0) == {}


def test_a_quarantine_ends_when_the_others_come_to_see_it_too() -> None:
    """The first to see a real failure looks like a faulty checker for a moment."""
    room = full_room(needed=2)
    for number in range(6):
        room.say("a", f"t{number}", "-", 10.0 + number / 10)
    assert set(room.council.quarantined(11.0)) == {"a"}
    for number in range(6):
        room.say("b", f"t{number}", "-", 12.0)
    assert set(room.council.sweep(13.0)) == {f"t{number}" for number in range(6)}
    assert room.council.quarantined(13.0) == {}
    assert room.status("t0") is DOWN


def test_a_checker_without_others_is_never_quarantined() -> None:
    room = full_room(needed=None, checkers="a")
    for number in range(10):
        room.say("a", f"t{number}", "-", 1.0)
    room.council.sweep(2.0)
    assert room.council.quarantined(2.0) == {}
    assert {room.status(f"t{n}") for n in range(10)} == {DOWN}


def test_a_removal_by_votes_that_turn_out_void_is_taken_back() -> None:
    room = full_room(needed=1)
    for name in "bc":  # silent, so that one vote decides
        for number in range(3):
            room.say(name, f"t{number}", "?", 5.0)
    for number in range(3):
        assert room.say("a", f"t{number}", "-", 10.0) is not None
    for number in range(3, 8):
        room.say("a", f"t{number}", "-", 11.0)
    assert {t: s.status for t, s in room.council.sweep(12.0).items()} == {
        f"t{number}": UP for number in range(3)
    }
    assert set(room.council.quarantined(12.0)) == {"a"}


def test_an_old_removal_is_not_taken_back() -> None:
    room = Room(["a"], ["t"])
    room.say("a", "t", "+", 0.0)
    room.say("a", "t", "-", 1.0)
    room.say("a", "t", "-", 31.1, doubt=Doubt.REFERENCES)
    assert room.status() is DOWN


def test_overload_takes_nothing_back() -> None:
    """Late tries count for nothing, so what an overloaded checker has found down is down."""
    room = Room(["a"], ["t"])
    room.say("a", "t", "+", 0.0)
    room.say("a", "t", "-", 1.0)
    room.say("a", "t", "-", 2.0, doubt=Doubt.OVERLOAD)
    assert room.council.standing("t").basis is Basis.HELD
    assert room.status() is DOWN


def test_a_pass_counts_even_where_nearly_all_else_fails() -> None:
    """What a checker reaches it does reach, whatever its network does to the rest."""
    council = Council(["local"])
    for cloud in ("aws", "gcp"):
        for number in range(3):
            council.watch(f"{cloud}{number}", Terms(17.0, group=cloud), 0.0, UP)
    for sequence, target in enumerate(("aws0", "aws1", "aws2", "gcp0", "gcp1", "gcp2"), 1):
        council.receive(Vote("local", target, DOWN, True, 1, sequence, 0.0), 1.0)
    council.sweep(2.0)
    assert council.standing("aws0").status is UP
    assert council.standing("aws0").doubted == (("local", Doubt.UNRELATED),)
    council.receive(Vote("local", "gcp1", UP, False, 1, 7, 0.0), 3.0)
    council.sweep(4.0)
    assert council.standing("gcp1").status is UP
    assert council.standing("gcp0").status is DOWN  # we reach the cloud: so these do fail
    assert council.standing("aws0").status is DOWN


class World:
    """Targets, checkers that probe them by the tracker, and a council; steps of 0.1 s."""

    def __init__(
        self, checkers: str, clouds: tuple[str, ...], each: int, needed: int | None
    ) -> None:
        self.council = Council(checkers)
        self.probes = {
            f"{cloud}{n}": Probe("tcp", f"{cloud}{n}.example.com", 443, 5.0, 2.0, 3, 2)
            for cloud in clouds
            for n in range(each)
        }
        for target, probe in self.probes.items():
            self.council.watch(target, Terms(lifetime(probe), target[:-1], needed), 0.0)
        count = len(self.probes)
        self.next = {
            (checker, target): 5.0 * (index + shift / 7) / count % 5.0
            for shift, checker in enumerate(checkers)
            for index, target in enumerate(self.probes)
        }
        self.beliefs = dict.fromkeys(self.next, Belief())
        self.now, self.tick, self.sequence = 0.0, 0, 0
        self.changes: list[tuple[str, Status]] = []
        self.fails: set[tuple[str, str]] = set()  # (checker, target)
        self.took = 2.0  # seconds until a failure is noticed

    def run(self, seconds: float) -> None:
        end = self.tick + round(seconds * 10)
        while self.tick < end:
            self.tick += 1
            self.now = self.tick / 10
            for key in [key for key, at in self.next.items() if at <= self.now]:
                self.probe(key)
            if self.tick % 10 == 0:
                for target, standing in self.council.sweep(self.now).items():
                    self.changes.append((target, standing.status))

    def probe(self, key: tuple[str, str]) -> None:
        checker, target = key
        failed = key in self.fails
        verdict = Verdict.FAILED if failed else Verdict.PASSED
        outcome = Outcome(verdict, Kind.OK, "", self.now, self.now, self.now)
        step = observe(self.probes[target], self.beliefs[key], outcome)
        self.beliefs[key] = step.belief
        self.next[key] = self.now + (step.again or 5.0) + (self.took if step.again else 0.0)
        self.sequence += 1
        vote = vote_of(
            step.belief,
            checker=checker,
            target=target,
            life=1,
            sequence=self.sequence,
            now=self.now,
        )
        standing = self.council.receive(vote, self.now)
        if standing is not None:
            self.changes.append((target, standing.status))

    def cut(self, checkers: str) -> None:
        self.fails |= {key for key in self.next if key[0] in checkers}

    def kill(self, prefix: str) -> None:
        self.fails |= {key for key in self.next if key[1].startswith(prefix)}

    def statuses(self) -> dict[str, Status]:
        return {target: self.council.standing(target).status for target in self.probes}


def settled(checkers: str, needed: int | None = 2) -> World:
    world = World(checkers, ("aws", "gcp", "ali"), each=6, needed=needed)
    world.run(20.0)
    assert set(world.statuses().values()) == {UP}
    world.changes.clear()
    return world


@pytest.mark.parametrize("took", [0.0, 2.0])
def test_one_of_three_uplinks_cut_changes_nothing(took: float) -> None:
    world = settled("abc")
    world.took = took
    world.cut("a")
    world.run(15.0)
    assert set(world.council.quarantined(world.now)) == {"a"}
    world.run(600.0)
    assert world.changes == []


def test_all_uplinks_cut_changes_nothing_until_what_was_known_is_too_old() -> None:
    world = settled("abc")
    world.cut("abc")
    world.run(590.0)
    assert world.changes == []
    world.run(30.0)
    assert set(world.statuses().values()) == {UNKNOWN}  # which is served


def test_the_uplink_of_the_only_checker_cut_changes_nothing() -> None:
    world = settled("a", needed=None)
    world.cut("a")
    world.run(590.0)
    assert world.changes == []


def test_an_uplink_that_refuses_at_once_has_its_first_removals_taken_back() -> None:
    world = settled("a", needed=None)
    world.took = 0.0
    world.cut("a")
    world.run(10.0)
    assert set(world.statuses().values()) == {UP}
    world.run(580.0)
    assert set(world.statuses().values()) == {UP}


@pytest.mark.parametrize(("checkers", "needed"), [("a", None), ("abc", 2), ("abc", 1)])
@pytest.mark.parametrize("prefix", ["aws0", "aws"])
def test_what_is_really_dead_is_gone_within_the_bound_and_nothing_else(
    checkers: str, needed: int | None, prefix: str
) -> None:
    world = settled(checkers, needed)
    world.kill(prefix)
    world.run(16.0)
    assert {t for t, status in world.statuses().items() if status is DOWN} == {
        target for target in world.probes if target.startswith(prefix)
    }
    world.fails.clear()
    world.run(20.0)
    assert set(world.statuses().values()) == {UP}


def test_a_dead_cloud_and_one_dead_target_of_another_are_both_seen() -> None:
    world = settled("a", needed=None)
    world.kill("aws")
    world.kill("gcp")
    world.kill("ali0")
    world.run(16.0)
    alive = {target for target, status in world.statuses().items() if status is UP}
    assert alive == {f"ali{number}" for number in range(1, 6)}


said = st.lists(
    st.tuples(
        st.sampled_from("abc"),
        st.sampled_from(["t0", "t1", "t2", "t3"]),
        st.sampled_from("+-?"),
        st.booleans(),
        st.floats(0.0, 30.0),
    ),
    max_size=60,
)


@given(said, st.sampled_from([None, 1, 2, 3]))
def test_nothing_goes_down_without_as_many_fresh_votes_as_are_needed(
    steps: list[tuple[str, str, str, bool, float]], needed: int | None
) -> None:
    targets = ["t0", "t1", "t2", "t3"]
    room = Room("abc", targets, Terms(17.0, needed=needed))
    now, enough = 0.0, 2 if needed is None else needed
    newest: dict[tuple[str, str], tuple[str, float]] = {}
    known = dict.fromkeys(targets, UNKNOWN)
    for checker, target, sign, failing, later in steps:
        now += later
        newest[checker, target] = (sign, now)
        change = room.say(checker, target, sign, now, failing=failing)
        changes = {} if change is None else {target: change}
        for name, standing in [*changes.items(), *room.council.sweep(now).items()]:
            assert standing.status is not known[name]
            assert standing.since == now
            known[name] = standing.status
            if standing.status is DOWN and standing.basis is not Basis.HELD:
                votes = [newest.get((c, name), ("?", 0.0)) for c in "abc"]
                fresh = [s for s, at in votes if at + 17.0 >= now]
                assert fresh.count("-") >= enough
                assert len(standing.down) >= enough
    room.council.sweep(now)
    for name in targets:
        standing = room.council.standing(name)
        assert standing.status is known[name]
        heard = [*standing.up, *standing.down, *standing.silent]
        heard += [checker for checker, _ in standing.doubted]
        assert sorted(heard) == ["a", "b", "c"]


def recount_agrees(room: Room, targets: list[str], now: float) -> None:
    """Sweep; then count everything again, and find that nothing was missed."""
    room.council.sweep(now)
    before = {target: room.council.standing(target) for target in targets}
    room.council._upset = True
    assert room.council.sweep(now) == {}
    assert {target: room.council.standing(target) for target in targets} == before


moves = st.tuples(
    st.sampled_from("ab"),
    st.integers(0, 7),
    st.sampled_from("+---"),
    st.sampled_from([0.0, 0.0, 0.1, 1.0, 5.0, 20.0, 300.0]),
    st.booleans(),
)


@settings(max_examples=200)
@given(
    st.lists(st.sampled_from("+-"), min_size=16, max_size=16),
    st.lists(moves, max_size=40),
    st.sampled_from([None, 1, 2]),
)
def test_a_sweep_leaves_nothing_that_a_full_recount_would_change(
    first: list[str], steps: list[tuple[str, int, str, float, bool]], needed: int | None
) -> None:
    room = Room("ab", [])
    targets = [f"{'aws' if number < 4 else 'gcp'}{number}" for number in range(8)]
    for target in targets:
        room.council.watch(target, Terms(17.0, target[:3], needed), 0.0, UP)
    for number, sign in enumerate(first):
        room.say("ab"[number % 2], targets[number // 2], sign, 0.0)
    recount_agrees(room, targets, 0.0)
    now = 0.0
    for checker, number, sign, later, sweeps in steps:
        now += later
        room.say(checker, targets[number], sign, now)
        if sweeps:
            recount_agrees(room, targets, now)


def test_what_was_decided_in_a_moment_of_doubt_is_decided_again() -> None:
    """Blind for one vote only, between two sweeps: the removal must not wait for its next vote."""
    council = Council(["local"])
    targets = ["aws0", "aws1", "aws2", "gcp0"]
    for sequence, target in enumerate(targets):
        council.watch(target, Terms(17.0, target[:3]), 0.0)
        council.receive(Vote("local", target, UP, False, 1, sequence, 0.0), 0.0)
    council.sweep(0.0)
    for sequence, target in enumerate(targets[:3], 10):
        council.receive(Vote("local", target, UP, True, 1, sequence, 0.0), 1.0)
    assert council.receive(Vote("local", "gcp0", DOWN, True, 1, 20, 0.0), 1.0) is None
    for sequence, target in enumerate(targets[:3], 30):
        council.receive(Vote("local", target, UP, False, 1, sequence, 0.0), 1.0)
    assert set(council.sweep(1.5)) == {"gcp0"}
    assert council.standing("gcp0").status is DOWN
