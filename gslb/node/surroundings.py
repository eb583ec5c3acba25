"""The world as a node sees it: its geography and its measurements, alike for serving and for asking.

What `gslb check` and `gslb explain` say must hold for the server of the same node, so all take the
world from here.
"""

from __future__ import annotations

import os
from dataclasses import dataclass
from datetime import date, datetime
from pathlib import Path

from gslb.geo.judge import age_alarm
from gslb.geo.load import EMBEDDED, load_world_geo
from gslb.geo.settings import GeoSettings
from gslb.node.measurements import measurements_in_use
from gslb.steering.world import World, make_world

MAX_ALARMS = 5  # wrong rows of measurements that are told; a file may have millions


@dataclass(frozen=True, slots=True)
class Surroundings:
    """A world, and what there is to say about it."""

    world: World
    source: str  # which geography, for people
    alarms: tuple[str, ...]

    @property
    def ranges(self) -> tuple[int, int]:
        """How many address ranges the geography has: IPv4, IPv6."""
        return len(self.world.geo.starts4), len(self.world.geo.starts6)


def look_around(
    geo: GeoSettings, state_directory: Path, at: datetime, today: date | None = None
) -> Surroundings:
    """Return the world of the node that keeps its state in *state_directory*, as of *at* (aware).

    With *today* old data is an alarm: for who serves, not for who asks.
    Never raises: what cannot be used is replaced by what can, with an alarm. Compiled geography is
    kept in the state directory by those who may write there.
    """
    state = state_directory if os.access(state_directory, os.W_OK | os.X_OK) else None
    loaded = load_world_geo(geo, state=state)
    aged = age_alarm(loaded.table, today) if today is not None else ""
    latency, wrong = measurements_in_use(state_directory, at)
    world = make_world(loaded.table, at, latency)
    alarms = (*loaded.alarms, *([f"{aged}; {_advice(loaded.source)}"] if aged else []))
    return Surroundings(world, loaded.source, (*alarms, *wrong[:MAX_ALARMS]))


def _advice(source: str) -> str:
    """Return what to do about old data."""
    if source == EMBEDDED:
        return (
            "use a file of your own (geo: {city: FILE} in gslb.yaml, MaxMind format),"
            " or build one: gslb geo build --help"
        )
    return "put newer files in place of those in use, then: gslb reload"
