"""What one board hands to the next beside health and overrides, as JSON between two programs.

Ages in seconds instead of moments. A check is told apart by the hash of its content, so that two
versions of the program, which may know checks of other shapes, agree on those that both have.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from math import inf
from typing import Any

from gslb.state.inventory import CheckKey, Inventory
from gslb.state.protection import Spent
from gslb.state.store import target_key
from gslb.state.verdicts import Verdict
from healthcheck.damping import Damped
from healthcheck.model import Status

# What has flapped, by family: IPv4, IPv6. Moments are seconds after now, so mostly below 0.
Flaps = Mapping[CheckKey, tuple[Damped, Damped]]


@dataclass(frozen=True, slots=True)
class Memory:
    """Ramps that have begun, budgets that are spent, removals held back, and what has flapped."""

    ramps: Mapping[CheckKey, tuple[float, float]] = field(default_factory=dict)  # age, slow start
    spent: Spent = field(default_factory=Spent)
    held: Mapping[CheckKey, Verdict] = field(default_factory=dict)  # what is answered meanwhile
    flaps: Flaps = field(default_factory=dict)

    def to_json(self) -> dict[str, Any]:
        """Return all of it as JSON values; what never was is null."""
        spent = self.spent
        return {
            "ramps": [[*_words(key), *ramp] for key, ramp in self.ramps.items()],
            "node": list(spent.node),
            "group": [spent.group, _finite(spent.group_age)],
            "pools": {
                name: [[list(one) for one in removed], _finite(flipped)]
                for name, (removed, flipped) in spent.pools.items()
            },
            "held": [[*_words(key), v.v4, v.v6, v.detail] for key, v in self.held.items()],
            "flaps": flaps_to_json(self.flaps),
        }


def read_memory(said: Mapping[str, Any], inventory: Inventory) -> Memory:
    """Return what `Memory.to_json` wrote, as far as *inventory* has it.

    Raises:
        ValueError, TypeError, KeyError: it is none of ours.
    """
    keys = {_words(key): key for key in _keys(inventory)}
    ramps = {
        keys[endpoint, check]: (float(age), float(slow))
        for endpoint, check, age, slow in said["ramps"]
        if (endpoint, check) in keys
    }
    held = {
        keys[endpoint, check]: Verdict(Status(v4), Status(v6), str(detail))
        for endpoint, check, v4, v6, detail in said["held"]
        if (endpoint, check) in keys
    }
    pools = {
        str(name): (tuple((float(age), int(weight)) for age, weight in removed), _age(flipped))
        for name, (removed, flipped) in said["pools"].items()
    }
    group, group_age = said["group"]
    spent = Spent(tuple(map(float, said["node"])), str(group), _age(group_age), pools)
    # An earlier version says nothing of flaps.
    return Memory(ramps, spent, held, read_flaps(said.get("flaps", []), 0.0, inventory))


def flaps_to_json(flaps: Flaps) -> list[list[Any]]:
    """Return *flaps* as JSON values; what never was is null."""
    return [[*_words(key), *map(_damped, both)] for key, both in flaps.items()]


def read_flaps(said: Iterable[Any], age: float, inventory: Inventory) -> Flaps:
    """Return what `flaps_to_json` wrote *age* seconds ago, as far as *inventory* has it.

    Raises:
        ValueError, TypeError, KeyError: it is none of ours.
    """
    keys = {_words(key): key for key in _keys(inventory)}
    return {
        keys[endpoint, check]: (_read_damped(v4).moved(-age), _read_damped(v6).moved(-age))
        for endpoint, check, v4, v6 in said
        if (endpoint, check) in keys
    }


def _damped(one: Damped) -> list[Any]:
    times = (one.since, one.held_until, one.left_at, one.seen_since)
    return [one.status, one.seen, one.level, *(None if at == -inf else at for at in times)]


def _read_damped(said: Iterable[Any]) -> Damped:
    status, seen, level, *times = said
    since, held_until, left_at, seen_since = (-inf if at is None else float(at) for at in times)
    return Damped(Status(status), since, int(level), held_until, left_at, Status(seen), seen_since)


def _keys(inventory: Inventory) -> Iterable[CheckKey]:
    return ((place.id, check) for place in inventory.places.values() for check in place.checks)


def _words(key: CheckKey) -> tuple[str, str]:
    endpoint, check = key
    return endpoint, "" if check is None else target_key(check)


def _finite(age: float) -> float | None:
    return None if age == inf else age


def _age(value: float | None) -> float:
    return inf if value is None else float(value)
