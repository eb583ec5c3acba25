"""When a push goes on and when it ends, without any network."""

from __future__ import annotations

from dataclasses import replace

import pytest

from gslb.push.course import LOST, ROUNDS, Course
from gslb.push.objects import Actual
from gslb.push.outcome import Outcome, Proposal, State
from gslb.push.plan import make_plan
from gslb.push.provider import Refused, Unavailable
from gslb.push.route53.dialect import Route53
from gslb.push.verify import Drift, Drifted, Verification
from tests.push.test_plan import foreign, zone_of
from tests.push.venue import wish

DIALECT = Route53()


def proposal(actual: Actual | None = None, **more: object) -> Proposal:
    asked = wish(zone_of(1, 3), 1, **more)  # type: ignore[arg-type]
    rendered = DIALECT.render(asked.desired, asked.request.owner)
    found = actual or Actual()
    plan = make_plan(DIALECT, asked.desired, rendered, found, asked.request)
    return Proposal(asked, rendered, found, plan)


def state(outcome: Outcome | None) -> State | None:
    return None if outcome is None else outcome.state


def test_conflicts_end_it_after_so_many_rounds() -> None:
    course = Course(proposal())
    for _ in range(ROUNDS):
        course.conflict("raced")
        assert course.wasted is None
    course.conflict("raced")
    assert state(course.wasted) is State.CONFLICT


def test_without_rounds_the_first_conflict_ends_it() -> None:
    course = Course(proposal(), 0)
    course.conflict("raced")
    assert state(course.wasted) is State.CONFLICT


def test_lost_replies_end_it() -> None:
    course = Course(proposal())
    for _ in range(LOST):
        course.lost("cut")
        assert course.blind
    assert course.wasted is None
    course.landed("C1")
    assert not course.blind
    course.lost("cut")
    assert state(course.wasted) is State.UNAVAILABLE


def test_a_zone_that_never_holds_what_it_is_given_ends_it() -> None:
    course = Course(proposal())
    for _ in range(ROUNDS + 2):
        assert course.wasted is None
        course.carried_out()
    outcome = course.wasted
    assert outcome is not None
    assert [alarm.code for alarm in outcome.alarms] == ["not-intact"]


def test_refused_names_are_set_aside_once_and_only_in_a_zone_that_stands_still() -> None:
    course = Course(proposal())
    course.refused(Refused("no", ["n1.example.com."]))
    assert course.read_again(proposal())
    quarantine = course.proposal.wish.request.quarantine
    assert quarantine == {"n1.example.com."}
    kept = proposal(quarantine=quarantine)
    assert {name for name, _ in kept.plan.quarantined} == {"n1.example.com."}
    assert not course.read_again(kept)
    course.refused(Refused("no", ["n1.example.com."]))  # again, although it is left out
    assert not course.read_again(kept)
    assert state(course.wasted) is State.FAILED


def test_a_batch_that_is_refused_while_the_zone_moves_puts_nobody_aside() -> None:
    course = Course(proposal())
    course.refused(Refused("no", ["n1.example.com."]))
    other = foreign(DIALECT, "mail.example.com.")
    assert not course.read_again(proposal(Actual({other.key: other})))
    assert course.proposal.wish.request.quarantine == frozenset()
    assert course.wasted is None


@pytest.mark.parametrize(
    ("error", "told"), [(Refused("no"), State.FAILED), (Unavailable("away"), State.UNAVAILABLE)]
)
def test_errors_are_outcomes(error: Refused | Unavailable, told: State) -> None:
    assert Course(proposal()).failed(error).state is told


def test_the_end_tells_what_is_missing() -> None:
    course = Course(proposal())
    whole = Verification((), 1, 0.0, 0.2)
    assert course.done(whole, settled=True).state is State.INSYNC
    assert course.done(whole, settled=False).state is State.PENDING
    broken = replace(whole, drift=(Drift(Drifted.MISSING, "www"),))
    assert course.done(broken, settled=True).state is State.FAILED
    assert course.done(replace(whole, wrong=0.1), settled=True).state is State.FAILED
