"""When time itself changes what is served: drains in the files end, measurements age. Pure."""

from __future__ import annotations

from datetime import datetime, timedelta

from gslb.node.compilation import Compiled

LOOK_AROUND_EVERY = timedelta(hours=1)  # while measurements, which age, are in use


def next_step(
    compiled: Compiled, shown: datetime, looked_around: datetime | None
) -> datetime | None:
    """Return when something changes by itself after *shown*, when what is served was true.

    *looked_around*: when geography and measurements were read last.
    """
    steps = [end for end in compiled.ends if end > shown][:1]
    if compiled.measured and looked_around is not None:
        steps.append(looked_around + LOOK_AROUND_EVERY)
    return min(steps, default=None)


def is_time_to_look(
    compiled: Compiled | None, looked_around: datetime | None, now: datetime
) -> bool:
    """Return whether measurements are in use that were not looked at for too long."""
    if compiled is None or not compiled.measured or looked_around is None:
        return False
    return now - looked_around >= LOOK_AROUND_EVERY
