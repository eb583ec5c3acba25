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
from healthcheck.model import Status


@dataclass(frozen=True, slots=True)
class Memory:
    """Ramps that have begun, budgets that are spent, removals that are held back."""

    ramps: Mapping[CheckKey, tuple[float, float]] = field(default_factory=dict)  # age, slow start
    spent: Spent = field(default_factory=Spent)
    held: Mapping[CheckKey, Verdict] = field(default_factory=dict)  # what is answered meanwhile

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
    return Memory(ramps, spent, held)


def _keys(inventory: Inventory) -> Iterable[CheckKey]:
    return ((place.id, check) for place in inventory.places.values() for check in place.checks)


def _words(key: CheckKey) -> tuple[str, str]:
    endpoint, check = key
    return endpoint, "" if check is None else target_key(check)


def _finite(age: float) -> float | None:
    return None if age == inf else age


def _age(value: float | None) -> float:
    return inf if value is None else float(value)
