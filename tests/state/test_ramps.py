"""What comes back gets 10, 25, 50, 100 % of its weight, a quarter of the slow start each."""

from __future__ import annotations

from math import inf

from hypothesis import given
from hypothesis import strategies as st

from gslb.state.ramps import STEPS, Ramps

KEY = ("aws/us-east-1/a", None)


def test_the_steps_come_at_their_quarters() -> None:
    ramps = Ramps()
    ramps.begin(KEY, 300.0, 1000.0)
    times = (0.0, 74.9, 75.0, 149.9, 150.0, 224.9, 225.0, 300.0, 1e6)
    assert [ramps.share(KEY, 1000.0 + t) for t in times] == [
        0.1, 0.1, 0.25, 0.25, 0.5, 0.5, 1.0, 1.0, 1.0,
    ]  # fmt: skip


def test_what_never_went_or_has_no_slow_start_has_all_its_weight() -> None:
    ramps = Ramps()
    assert ramps.share(KEY, 0.0) == 1.0
    ramps.begin(KEY, None, 0.0)
    ramps.begin(("other", None), 0.0, 0.0)
    assert ramps.share(KEY, 0.0) == 1.0
    assert ramps.keys() == []
    assert ramps.wake_at(0.0) == inf


def test_a_failure_on_the_way_begins_anew() -> None:
    ramps = Ramps()
    ramps.begin(KEY, 300.0, 0.0)
    ramps.stop(KEY)
    ramps.begin(KEY, 300.0, 200.0)
    assert ramps.share(KEY, 200.0) == 0.1


def test_a_ramp_that_has_ended_is_told_once() -> None:
    ramps = Ramps()
    ramps.begin(KEY, 300.0, 0.0)
    assert ramps.ended(224.0) == []
    assert ramps.ended(225.0) == [KEY]
    assert ramps.ended(225.0) == []


@given(st.floats(0.001, 86_400.0), st.floats(0, 1e9))
def test_whoever_wakes_when_told_sees_every_step(slow_start: float, begun: float) -> None:
    ramps, seen, now = Ramps(), [], begun
    ramps.begin(KEY, slow_start, begun)
    for _ in range(10):
        seen.append(ramps.share(KEY, now))
        ramps.ended(now)
        later = ramps.wake_at(now)
        if later == inf:
            break
        now = max(later, now)
    assert list(dict.fromkeys(seen))[-1] == STEPS[-1]
    assert seen == sorted(seen)
