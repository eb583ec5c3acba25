"""The tracker, driven with outcomes: no probes, no sleeping."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from healthcheck.lag import TICK
from healthcheck.model import Kind, Outcome, Probe, Status, Verdict
from healthcheck.schedule import JITTER
from healthcheck.tracker import (
    Belief,
    Freshness,
    age,
    first_pass_over,
    freshness,
    lifetime,
    observe,
    restore,
)

MakeOutcome = Callable[..., Outcome]
EVERY_5 = Probe("tcp", "192.0.2.1", 443, 5.0, 2.0, down_after=3, up_after=2)
NAMES = {Status.UNKNOWN: "?", Status.UP: "U", Status.DOWN: "D"}


def run(outcomes: str, make_outcome: MakeOutcome, belief: Belief | None = None) -> str:
    """Feed a line of outcomes, one each interval, and return the status after each."""
    belief, line = belief or Belief(), ""
    for at, sign in enumerate(outcomes):
        belief = observe(EVERY_5, belief, make_outcome(sign, 5.0 * at)).belief
        line += NAMES[belief.status]
    return line


@pytest.mark.parametrize(
    ("outcomes", "statuses"),
    [
        pytest.param("+", "U", id="the first pass decides"),
        pytest.param("-", "?", id="the first failure does not"),
        pytest.param("---", "??D", id="a run of failures from the start does"),
        pytest.param("--+", "??U", id="a pass beats the failures before it while nothing is known"),
        pytest.param("+--+", "UUUU", id="fewer than down_after failures change nothing"),
        pytest.param("+---", "UUUD", id="down_after failures in a row bring it down"),
        pytest.param("+--+--", "UUUUUU", id="a pass starts the count again"),
        pytest.param("----+-++", "??DDDDDU", id="up_after passes in a row bring it up"),
        pytest.param("+-?-?-", "UUUUUD", id="what says nothing does not end a run"),
        pytest.param("+-????", "UUUUUU", id="what says nothing does not add to a run"),
        pytest.param("+--???-", "UUUUUUU", id="a run that is too old begins anew"),
        pytest.param("???", "???", id="nothing follows from nothing"),
    ],
)
def test_status_after_each_outcome(outcomes: str, statuses: str, make_outcome: MakeOutcome) -> None:
    assert run(outcomes, make_outcome) == statuses


def test_a_transition_names_the_outcome_that_tipped_it(make_outcome: MakeOutcome) -> None:
    belief = Belief(Status.UP, run=2, seen_at=9.0)
    tipping = make_outcome("-", 10.0, took=2.0)
    transition = observe(EVERY_5, belief, tipping).transition
    assert transition is not None
    assert (transition.old, transition.new) == (Status.UP, Status.DOWN)
    assert transition.because is tipping
    assert transition.at == 12.0


def test_a_contrary_failure_is_looked_at_again_in_a_second(make_outcome: MakeOutcome) -> None:
    up = Belief(Status.UP, seen_at=0.0)
    first = observe(EVERY_5, up, make_outcome("-", 1.0))
    second = observe(EVERY_5, first.belief, make_outcome("-", 2.0))
    third = observe(EVERY_5, second.belief, make_outcome("-", 3.0))
    assert (first.again, second.again, third.again) == (1.0, 1.0, None)
    assert third.belief.status is Status.DOWN


def test_a_try_that_says_nothing_amid_a_run_of_failures_is_made_up_for(
    make_outcome: MakeOutcome,
) -> None:
    """Else one stall of ours would keep a dead target for an interval longer."""
    up = Belief(Status.UP, seen_at=0.0)
    failing = observe(EVERY_5, up, make_outcome("-", 1.0)).belief
    assert observe(EVERY_5, failing, make_outcome("?", 2.0)).again == 1.0
    assert observe(EVERY_5, failing, make_outcome("?", 2.0, took=2.0)).again == 0.0
    assert observe(EVERY_5, failing, make_outcome("?", 30.0)).again is None  # it is too old
    assert observe(EVERY_5, up, make_outcome("?", 2.0)).again is None
    down = Belief(Status.DOWN, seen_at=0.0, run=1)
    assert observe(EVERY_5, down, make_outcome("?", 2.0)).again is None


def test_a_pass_is_never_looked_at_again_early(make_outcome: MakeOutcome) -> None:
    down = Belief(Status.DOWN, seen_at=0.0)
    assert observe(EVERY_5, down, make_outcome("+", 1.0)).again is None


def test_an_early_recheck_is_not_later_than_the_usual_one(make_outcome: MakeOutcome) -> None:
    quick = Probe("tcp", "192.0.2.1", 443, 0.5, 0.2, 3, 2)
    assert observe(quick, Belief(), make_outcome("-", 0.0)).again == 0.1


def test_what_has_timed_out_is_looked_at_again_at_once(make_outcome: MakeOutcome) -> None:
    up = Belief(Status.UP, seen_at=0.0)
    assert observe(EVERY_5, up, make_outcome("-", 1.0, took=2.0)).again == 0.0
    assert observe(EVERY_5, up, make_outcome("-", 1.0, took=0.25)).again == 0.75


@pytest.mark.parametrize(
    ("every", "took", "bound"),
    [(5.0, 2.0, 14.0), (5.0, 0.0, 8.0), (1.0, 0.5, 2.75), (1.0, 0.0, 2.75)],
)
def test_a_dead_target_is_down_within_the_bound(
    every: float, took: float, bound: float, make_outcome: MakeOutcome
) -> None:
    """A black hole within 14 s of its death, a refusal within 8, when it died just after a pass.

    With a check every second and its default timeout, both leave the publication a quarter of a
    second of the three that are promised.
    """
    probe = Probe("tcp", "192.0.2.1", 443, every, 2.0, 3, 2)
    belief, at = Belief(Status.UP, seen_at=0.0), every * (1.0 + JITTER)
    while belief.status is Status.UP:
        step = observe(probe, belief, make_outcome("-", at, took))
        belief = step.belief
        at += took + TICK + (every if step.again is None else step.again)
    assert belief.since <= bound


def test_a_target_that_always_times_out_falls_even_with_a_short_interval(
    make_outcome: MakeOutcome,
) -> None:
    """The verdicts lie interval + timeout apart, further than three short intervals."""
    every_1 = Probe("tcp", "192.0.2.1", 443, 1.0, 4.0, 3, 2)
    belief = Belief(Status.UP, seen_at=0.0)
    for at in (1.0, 6.0, 11.0):
        belief = observe(every_1, belief, make_outcome("-", at, took=4.0)).belief
    assert belief.status is Status.DOWN


def test_a_belief_is_fresh_then_held_then_expires() -> None:
    belief = Belief(Status.DOWN, seen_at=0.0)
    assert lifetime(EVERY_5) == 17.0
    assert freshness(EVERY_5, belief, 17.0) is Freshness.FRESH
    assert freshness(EVERY_5, belief, 17.1) is Freshness.HELD
    assert freshness(EVERY_5, belief, 600.0) is Freshness.HELD
    assert freshness(EVERY_5, belief, 600.1) is Freshness.EXPIRED


def test_a_slow_probe_does_not_expire_between_its_tries() -> None:
    slow = Probe("tcp", "192.0.2.1", 443, 900.0, 2.0, 3, 2)
    assert freshness(slow, Belief(Status.UP, seen_at=0.0), 1_000.0) is Freshness.FRESH


@pytest.mark.parametrize("status", [Status.UP, Status.DOWN])
def test_what_nothing_confirms_ends_as_unknown_and_says_why(status: Status) -> None:
    belief = Belief(status, since=3.0, run=1, seen_at=10.0, tried=True)
    assert age(EVERY_5, belief, 610.0).transition is None
    step = age(EVERY_5, belief, 611.0)
    assert step.belief == Belief(Status.UNKNOWN, since=611.0, seen_at=10.0, tried=True)
    assert step.transition is not None
    assert step.transition.new is Status.UNKNOWN
    assert step.transition.because.verdict is Verdict.UNKNOWN
    assert step.transition.because.kind is Kind.LATE
    assert step.transition.because.detail == "no verdict for 601 s"
    assert age(EVERY_5, step.belief, 9_999.0).transition is None


def test_a_restored_belief_keeps_its_age() -> None:
    belief = restore(EVERY_5, Status.DOWN, old=590.0, now=1_000.0)
    assert (belief.status, belief.since, belief.seen_at) == (Status.DOWN, 410.0, 410.0)
    assert age(EVERY_5, belief, 1_011.0).belief.status is Status.UNKNOWN


@pytest.mark.parametrize("old", [601.0, -1.0, float("nan"), float("inf")])
def test_a_belief_too_old_or_of_no_sensible_age_is_not_restored(old: float) -> None:
    assert restore(EVERY_5, Status.DOWN, old, now=1_000.0).status is Status.UNKNOWN


def test_a_restored_belief_falls_only_by_a_run_that_we_saw(make_outcome: MakeOutcome) -> None:
    belief = restore(EVERY_5, Status.UP, old=0.0, now=0.0)
    assert run("---", make_outcome, belief) == "UUD"


def test_the_first_pass_is_over_when_all_were_tried(make_outcome: MakeOutcome) -> None:
    """Without a verdict too: else one family without a route would keep up every removal."""
    passed = observe(EVERY_5, Belief(), make_outcome("+", 0.0)).belief
    said_nothing = observe(EVERY_5, Belief(), make_outcome("?", 0.0)).belief
    restored = restore(EVERY_5, Status.UP, 1.0, 2.0)
    assert first_pass_over([passed, said_nothing])
    assert not first_pass_over([passed, restored])


@pytest.mark.parametrize(
    ("belief", "failing"),
    [
        (Belief(), False),
        (Belief(Status.UNKNOWN, run=1, seen_at=0.0), True),
        (Belief(Status.UP, seen_at=0.0), False),
        (Belief(Status.UP, run=1, seen_at=0.0), True),
        (Belief(Status.DOWN, seen_at=0.0), True),
        (Belief(Status.DOWN, run=1, seen_at=0.0), False),
    ],
)
def test_failing_tells_the_last_verdict(belief: Belief, failing: bool) -> None:
    assert belief.failing is failing


signs = st.text("+-?", max_size=60)


@given(signs, st.integers(1, 5), st.integers(1, 5))
def test_the_status_is_what_the_last_long_enough_run_says(
    outcomes: str, down_after: int, up_after: int
) -> None:
    """An oracle by search: the newest run of verdicts that was long enough, or the first pass."""
    probe = Probe("tcp", "192.0.2.1", 443, 5.0, 2.0, down_after, up_after)
    belief = Belief()
    for sign in outcomes:
        verdict = {"+": Verdict.PASSED, "-": Verdict.FAILED, "?": Verdict.UNKNOWN}[sign]
        belief = observe(probe, belief, Outcome(verdict, Kind.OK, "", 0.0, 0.0, 0.0)).belief
    verdicts = outcomes.replace("?", "")
    last_down = verdicts.rfind("-" * down_after)
    last_up = verdicts.rfind("+" * up_after)
    first = verdicts.find("+")
    if first >= 0 and "-" * down_after not in verdicts[:first]:
        last_up = max(last_up, first)
    # Runs of both kinds cannot overlap, so the one that begins later is the newer.
    expected = Status.UNKNOWN
    if (last_down, last_up) != (-1, -1):
        expected = Status.DOWN if last_down > last_up else Status.UP
    assert belief.status is expected


@given(signs)
def test_outcomes_that_say_nothing_change_nothing(outcomes: str) -> None:
    with_them, without = Belief(tried=True), Belief(tried=True)
    for sign in outcomes:
        verdict = {"+": Verdict.PASSED, "-": Verdict.FAILED, "?": Verdict.UNKNOWN}[sign]
        outcome = Outcome(verdict, Kind.OK, "", 0.0, 0.0, 0.0)
        with_them = observe(EVERY_5, with_them, outcome).belief
        if sign != "?":
            without = observe(EVERY_5, without, outcome).belief
    assert with_them == without


@given(st.lists(st.tuples(st.sampled_from("+-?"), st.floats(0.0, 1_000.0)), max_size=40))
def test_transitions_form_a_chain_and_end_at_the_belief(moves: list[tuple[str, float]]) -> None:
    belief, at, chain = Belief(), 0.0, [Status.UNKNOWN]
    for sign, later in moves:
        at += later
        verdict = {"+": Verdict.PASSED, "-": Verdict.FAILED, "?": Verdict.UNKNOWN}[sign]
        for step in (
            age(EVERY_5, belief, at),
            observe(EVERY_5, belief, Outcome(verdict, Kind.OK, "", at, at, at)),
        ):
            if step.transition is not None:
                assert step.transition.old is chain[-1]
                assert step.transition.new is not chain[-1]
                chain.append(step.transition.new)
                belief = step.belief
                break
            belief = step.belief
    assert chain[-1] is belief.status
