"""Order: an operator's call, then the file, then health; nothing comes back without its ramp."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from math import inf

from hypothesis import given, settings
from hypothesis import strategies as st

from gslb.node.overlay import Situations
from gslb.policy.plan import Families
from gslb.state.board import NO_STANDING, Board, Overlay
from gslb.state.inventory import Inventory
from gslb.state.overrides import GRADUAL, Kind, Override
from gslb.state.verdicts import Verdict
from gslb.steering.situation import Health
from gslb.steering.situation import Status as Believed
from healthcheck.model import Status
from tests.state.things import DOWN, UP, inventory, key, keys
from tests.steering import lab

US, EU, ASIA = lab.SITES[:3]
Z1 = f"{US}/z1"
AT = datetime(2026, 11, 24, 12, 0, tzinfo=UTC)


def override(number: int = 1, **more: object) -> Override:
    base = Override(Kind.DRAIN, Z1, "ann", "CHG-1", AT, AT + timedelta(hours=1), id=number)
    return replace(base, **more)  # type: ignore[arg-type]


class Bench:
    """A board whose two clocks go together; all is up at the beginning."""

    def __init__(self, found: Inventory) -> None:
        self.board = Board(found, {}, 0.0)
        self.board.set_ready()
        self.board.observe(dict.fromkeys(keys(found), UP), 0.0)
        self.overrides: tuple[Override, ...] = ()
        self.see(0.0)

    def see(self, now: float) -> Overlay:
        at = AT + timedelta(seconds=now)
        self.wake = self.board.wake_at(now, at)
        seen = self.board.overlay(self.overrides, now, at)
        self.wake = self.board.wake_at(now, at)
        return seen

    def say(self, now: float, **verdicts: Verdict) -> Overlay:
        self.board.observe({key(f"{US}/{name}"): one for name, one in verdicts.items()}, now)
        return self.see(now)


def status(seen: Overlay, endpoint: str = Z1) -> Status:
    return seen.standings.get(key(endpoint), NO_STANDING).v4


def ramp(seen: Overlay, endpoint: str = Z1) -> float:
    return seen.standings.get(key(endpoint), NO_STANDING).ramp


def test_what_the_checks_say_is_what_is_seen() -> None:
    bench = Bench(inventory({US: 3}))
    seen = bench.say(1.0, z1=replace(DOWN, detail="HTTP 503 in 41 ms"))
    assert status(seen) is Status.DOWN
    assert seen.standings[key(Z1)].detail == "HTTP 503 in 41 ms"
    assert seen.changed == {key(Z1)}
    assert bench.see(2.0).changed == frozenset()


def test_an_operator_overrules_the_checks_both_ways() -> None:
    bench = Bench(inventory({US: 3}))
    bench.say(1.0, z1=DOWN)
    bench.overrides = (
        override(1, kind=Kind.FORCE_UP),
        override(2, kind=Kind.FORCE_DOWN, pattern=f"{US}/z2"),
    )
    seen = bench.see(2.0)
    assert (status(seen), status(seen, f"{US}/z2")) == (Status.UP, Status.DOWN)
    assert seen.standings[key(Z1)].detail == "CHG-1 (ann, force-up 1)"
    assert bench.wake == 3600.0
    seen = bench.see(3600.0)
    assert (status(seen), status(seen, f"{US}/z2")) == (Status.DOWN, Status.UP)


def test_forcing_down_is_limited_by_nothing() -> None:
    bench = Bench(inventory({US: 6}))
    bench.overrides = (override(kind=Kind.FORCE_DOWN, pattern=US),)
    seen = bench.see(1.0)
    assert {one.v4 for one in seen.standings.values()} == {Status.DOWN}


def test_a_drain_takes_out_and_tells_who_and_why() -> None:
    bench = Bench(inventory({US: 3}))
    bench.overrides = (override(pattern="aws/*/z1"),)
    seen = bench.see(1.0)
    assert seen.drains.keys() == {Z1}
    assert seen.drains[Z1].why == "CHG-1 (ann, drain 1)"
    assert seen.drains[Z1].until == AT + timedelta(hours=1)
    assert seen.drains[Z1].where.line == 0


def test_forcing_up_lifts_a_drain_of_the_file_and_none_of_an_operator() -> None:
    bench = Bench(inventory({US: 3}, drained=[Z1]))
    assert bench.see(1.0).lifted == frozenset()
    bench.overrides = (override(kind=Kind.FORCE_UP),)
    assert bench.see(2.0).lifted == {Z1}
    bench.overrides = (override(kind=Kind.FORCE_UP), override(2))
    assert bench.see(3.0).drains.keys() == {Z1}
    bench.overrides = (override(kind=Kind.FORCE_DOWN),)
    assert bench.see(4.0).lifted == frozenset()


def test_a_gradual_drain_goes_by_half_a_quarter_nothing() -> None:
    bench = Bench(inventory({US: 3}))
    bench.overrides = (override(stages=GRADUAL, ttl=60),)
    shares = []
    for now in (0.0, 60.0, 119.0):
        seen = bench.see(now)
        shares.append(ramp(seen))
        assert not seen.drains
        assert seen.leaving == {Z1}
    assert shares == [0.5, 0.25, 0.25]
    assert bench.wake == 120.0
    gone = bench.see(120.0)
    assert gone.drains.keys() == {Z1}
    assert gone.leaving == frozenset()


def test_what_comes_back_starts_slowly() -> None:
    bench = Bench(inventory({US: 3}, slow_start=300.0))
    bench.say(0.0, z1=DOWN)
    assert ramp(bench.say(100.0, z1=UP)) == 0.1
    steps = []
    while bench.wake < inf:
        now = bench.wake
        steps.append((now, ramp(bench.see(now))))
    assert steps == [(175.0, 0.25), (250.0, 0.5), (325.0, 1.0)]


def test_what_comes_back_from_a_drain_starts_slowly_too() -> None:
    bench = Bench(inventory({US: 3}, slow_start=300.0))
    bench.overrides = (override(),)
    bench.see(0.0)
    bench.overrides = ()
    assert ramp(bench.see(60.0)) == 0.1
    bench.overrides = (override(kind=Kind.FORCE_UP),)
    assert ramp(bench.see(61.0)) == 1.0


def test_what_is_drained_at_the_start_or_up_for_the_first_time_has_no_ramp() -> None:
    bench = Bench(inventory({US: 3}, slow_start=300.0))
    assert {one.ramp for one in bench.see(1.0).standings.values()} == {1.0}


def test_a_family_that_comes_back_alone_starts_slowly_only_where_that_ends_the_outage() -> None:
    for families, expected in ((Families.TOGETHER, 0.1), (Families.APART, 1.0)):
        bench = Bench(inventory({US: 3}, slow_start=300.0, families=families))
        bench.say(0.0, z1=replace(DOWN, v4=Status.UP))
        assert ramp(bench.say(10.0, z1=UP)) == expected


def test_a_target_that_flaps_is_held_down_and_comes_back_by_itself() -> None:
    bench = Bench(inventory({US: 3}, damping=True, removal=None))
    changes, now, was = 0, 0.0, Status.UP
    for step in range(225):  # every 8 s for half an hour
        now = step * 8.0
        seen = bench.say(now, z1=DOWN if step % 2 == 0 else UP)
        changes += status(seen) is not was
        was = status(seen)
    assert changes <= 8
    bench.say(now + 8.0, z1=UP)
    while bench.wake < inf:
        seen = bench.see(bench.wake)
    assert status(seen) is Status.UP


def test_where_damping_is_off_nothing_is_held() -> None:
    bench = Bench(inventory({US: 3}, removal=None))
    for step in range(20):
        seen = bench.say(step * 8.0, z1=DOWN if step % 2 == 0 else UP)
        assert status(seen) is (Status.DOWN if step % 2 == 0 else Status.UP)


def test_what_was_known_before_the_start_is_seen_at_once() -> None:
    found = inventory({US: 3})
    board = Board(found, {key(Z1): DOWN}, 0.0)
    assert status(board.overlay((), 0.0, AT)) is Status.DOWN


def test_before_each_target_was_tried_nothing_is_removed() -> None:
    found = inventory({US: 3})
    board = Board(found, {}, 0.0)
    board.observe({key(Z1): DOWN}, 0.0)
    seen = board.overlay((), 0.0, AT)
    assert status(seen) is not Status.DOWN
    assert seen.waiting[key(Z1)].why
    board.set_ready()
    assert status(board.overlay((), 1.0, AT)) is Status.DOWN


def test_without_the_references_no_group_goes_at_once() -> None:
    found = inventory({US: 6, ASIA: 3})
    for up in (True, False):
        bench = Bench(found)
        bench.board.set_references(up=up)
        bench.board.observe(dict.fromkeys(keys(found, US), DOWN), 1.0)
        down = sum(one.v4 is Status.DOWN for one in bench.see(1.0).standings.values())
        assert (down == 6) is up


def test_a_reload_keeps_what_both_plans_have() -> None:
    bench = Bench(inventory({US: 3, EU: 3}, slow_start=300.0))
    bench.say(0.0, z1=DOWN, z2=DOWN)
    bench.say(40.0, z2=UP)
    bench.overrides = (override(pattern="*"),)
    bench.see(41.0)
    bench.board.replan(inventory({US: 3}, slow_start=300.0))
    seen = bench.see(42.0)
    assert status(seen) is Status.DOWN
    assert ramp(seen, f"{US}/z2") == 0.1
    assert seen.drains.keys() == {f"{US}/z{n}" for n in range(3)}
    assert {one[0] for one in seen.standings} <= {f"{US}/z{n}" for n in range(3)}


def test_steering_gets_it_in_its_own_words() -> None:
    bench = Bench(inventory({US: 3}, drained=[f"{US}/z2"]))
    bench.overrides = (override(), override(2, kind=Kind.FORCE_UP, pattern=f"{US}/z2"))
    seen = bench.say(1.0, z0=Verdict(Status.DOWN, Status.UP, "refused"))
    situation = Situations().of(seen, {}, AT)
    assert situation.health[key(f"{US}/z0")] == Health(Believed.DOWN, Believed.UP, 1.0, "refused")
    endpoint = lab.endpoint(f"{US}/z2", drained=lab.DRAIN)
    assert situation.drain_of(endpoint) is None
    assert replace(situation, lifted=frozenset()).drain_of(endpoint) == lab.DRAIN
    assert situation.drain_of(lab.endpoint(Z1)) == seen.drains[Z1]


kinds = st.builds(
    override,
    number=st.integers(1, 99),
    kind=st.sampled_from(Kind),
    pattern=st.sampled_from((US, "aws", "*", f"{US}/z0", "gcp", "aws/*/z1")),
    created=st.integers(-300, 300).map(lambda s: AT + timedelta(seconds=s)),
    expires=st.none() | st.integers(0, 600).map(lambda s: AT + timedelta(seconds=s)),
    stages=st.sampled_from(((0.0,), GRADUAL)),
    ttl=st.sampled_from((0, 60)),
)
steps = st.lists(
    st.tuples(
        st.floats(0.0, 100.0),
        st.dictionaries(
            st.sampled_from(("z0", "z1", "z2")), st.sampled_from((UP, DOWN, Verdict()))
        ),
        st.none() | st.lists(kinds, max_size=3).map(tuple),
    ),
    max_size=10,
)


@settings(max_examples=80)
@given(steps, st.booleans())
def test_a_board_that_goes_step_by_step_sees_what_a_fresh_one_would(steps, damping: bool) -> None:
    found = inventory({US: 3, ASIA: 2}, slow_start=60.0, damping=damping, drained=[f"{US}/z2"])
    bench, now, situations = Bench(found), 0.0, Situations()
    for passed, verdicts, overrides in steps:
        now += passed
        if overrides is not None:
            bench.overrides = overrides
        seen = bench.say(now, **verdicts)
        assert situations.of(seen, {}, AT) == Situations().of(replace(seen, number=0), {}, AT)
        for one, standing in seen.standings.items():
            fresh = Board(found, dict(bench.board.limit.answered), now)
            alone = fresh.overlay(bench.overrides, now, AT + timedelta(seconds=now))
            assert 0.0 < standing.ramp <= 1.0
            assert standing.v4 == alone.standings.get(one, NO_STANDING).v4
            assert (seen.drains, seen.lifted) == (alone.drains, alone.lifted)
        assert bench.wake > now
