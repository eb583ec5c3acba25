"""Slow start: what comes back gets its weight in steps, so that it is not felled at once. Pure."""

from __future__ import annotations

from math import inf

from gslb.state.inventory import CheckKey

STEPS = (0.1, 0.25, 0.5, 1.0)  # share of its weight, each for a quarter of the slow start
LEAST_SLOW_START = 1e-3  # seconds; a quarter of less is no time


class Ramps:
    """Which keys are coming back, and since when."""

    def __init__(self) -> None:
        """Nothing is."""
        self._back: dict[CheckKey, tuple[float, float]] = {}  # when, slow start in seconds

    def begin(self, key: CheckKey, slow_start: float | None, now: float) -> None:
        """Begin the ramp of *key*, anew if it is on one. None: it gets all of its weight."""
        if slow_start is None or slow_start < LEAST_SLOW_START:
            self._back.pop(key, None)
        else:
            self._back[key] = (now, slow_start)

    def stop(self, key: CheckKey) -> None:
        """Forget *key*: it is out again."""
        self._back.pop(key, None)

    def share(self, key: CheckKey, now: float) -> float:
        """Return the share of its weight that *key* gets at *now*, above 0 to 1."""
        if key not in self._back:
            return 1.0
        since, slow_start = self._back[key]
        return STEPS[_step(since, slow_start, now)]

    def ended(self, now: float) -> list[CheckKey]:
        """Return the keys whose ramp has ended by *now*, and forget them."""
        last = len(STEPS) - 1
        over = [key for key, (since, slow) in self._back.items() if _step(since, slow, now) == last]
        for key in over:
            del self._back[key]
        return over

    def keys(self) -> list[CheckKey]:
        """Return the keys that are on a ramp."""
        return list(self._back)

    def begun(self, now: float) -> dict[CheckKey, tuple[float, float]]:
        """Return for each key on a ramp how long ago that began, and the slow start: seconds."""
        return {key: (now - since, slow) for key, (since, slow) in self._back.items()}

    def resume(self, key: CheckKey, ago: float, slow_start: float, now: float) -> None:
        """Go on with a ramp of *key* that began *ago* seconds before *now*."""
        self._back[key] = (now - ago, slow_start)

    def wake_at(self, now: float) -> float:
        """Return when the next step of any key comes; infinity: none does."""
        steps = (
            _step_at(since, slow, _step(since, slow, now) + 1)
            for since, slow in self._back.values()
        )
        return min(steps, default=inf)


def _step_at(since: float, slow_start: float, step: int) -> float:
    return since + slow_start * step / len(STEPS)


def _step(since: float, slow_start: float, now: float) -> int:
    """Return the step that is reached; by the very times that `wake_at` tells, to the last bit."""
    reached = (n for n in range(len(STEPS) - 1, 0, -1) if _step_at(since, slow_start, n) <= now)
    return next(reached, 0)
