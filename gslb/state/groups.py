"""Groups of the tree that are dead as a whole: a zone, a site or a cloud that everybody sees down."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping

from gslb.state.inventory import CheckKey, Inventory
from gslb.state.locations import ancestors
from gslb.state.verdicts import UNKNOWN, Verdict

LEAST_MEMBERS = 2  # one endpoint is no group


def is_within(location: str, group: str) -> bool:
    """Return whether *location* is *group* or lies below it; nothing lies in no group."""
    return bool(location) and (location == group or location.startswith(f"{group}/"))


def dead_group(
    inventory: Inventory,
    removals: Iterable[CheckKey],
    said: Mapping[CheckKey, Verdict],
    drained: Collection[str],
) -> str | None:
    """Return the widest group around one of *removals* that is dead as a whole; None: there is none.

    Dead: every endpoint of it that is checked and not drained is down under every check, and every
    checker says so. Something outside must not be down: where everything is, our own network is the
    likelier cause.

    Args:
        inventory: which endpoints there are.
        removals: what waits to be removed.
        said: what the checks say.
        drained: ids of endpoints that do not count.
    """
    candidates = {place for key in removals for place in ancestors(key[0])}
    members: dict[str, int] = {}
    spoilt: set[str] = set()
    alive: list[str] = []
    for place in inventory.places.values():
        checks = [check for check in place.checks if check is not None]
        around = ancestors(place.id)
        if place.id in drained or not checks:
            continue
        keys = [(place.id, check) for check in checks]
        if not all(_agreed(said.get(key, UNKNOWN)) for key in keys):
            spoilt.update(around)
        if not any(said.get(key, UNKNOWN).is_down for key in keys):
            alive.append(place.id)
        for one in around:
            members[one] = members.get(one, 0) + 1
    dead = candidates - spoilt
    for group in sorted(dead, key=lambda one: (one.count("/"), one)):
        outside = any(not is_within(one, group) for one in alive)
        if members.get(group, 0) >= LEAST_MEMBERS and outside:
            return group
    return None


def _agreed(verdict: Verdict) -> bool:
    return verdict.is_dead and verdict.unanimous
