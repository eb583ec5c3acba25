"""Who is answered by what: the names and the clients of each policy, made once for plan and world."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass

from gslb.policy.plan import ZonePlan
from gslb.policy.types import concerned, record_types
from gslb.steering.classes import compile_classes
from gslb.steering.model import ClientClass
from gslb.steering.traffic import Weigh
from gslb.steering.world import World
from gslb.wire.constants import TYPE_HTTPS

MAX_NAMES = 100  # of each policy, known by name; the rest is counted


@dataclass(frozen=True, slots=True)
class Names:
    """The names that one policy answers, all alike."""

    count: int
    first: tuple[bytes, ...]  # in wire form; `MAX_NAMES` of them


@dataclass(frozen=True, slots=True)
class Clients:
    """Who asks for one type of the names of one policy."""

    rtype: int
    rules: tuple[int, ...]  # that may decide it
    classes: tuple[tuple[ClientClass, float], ...]  # with their shares of all clients, above 0


class Audience:
    """The names and clients of one zone. A policy that no name has is not there."""

    def __init__(self, zone: ZonePlan, world: World, weigh: Weigh) -> None:
        """Count names; clients are looked at when they are asked for."""
        self._zone, self._world, self._weigh = zone, world, weigh
        self._clients: dict[int, tuple[Clients, ...]] = {}
        counts: dict[int, int] = {}
        first: dict[int, list[bytes]] = {}
        for name, index in zone.names:
            counts[index] = counts.get(index, 0) + 1
            if counts[index] <= MAX_NAMES:
                first.setdefault(index, []).append(name)
        self.names = {index: Names(counts[index], tuple(first[index])) for index in sorted(counts)}
        self._users: dict[str, list[int]] = {}
        for index in self.names:
            used = (name for rule in zone.policies[index].rules for name in rule.sites)
            for site in dict.fromkeys(used):
                self._users.setdefault(site, []).append(index)

    def users(self, sites: Collection[str]) -> list[int]:
        """Return the indices of the policies that may ever use any of *sites*, ascending."""
        return sorted({index for site in sites for index in self._users.get(site, ())})

    def clients(self, index: int) -> tuple[Clients, ...]:
        """Return who asks for the names of a policy: A, AAAA or CNAME.

        HTTPS is left out: its hints follow the same decisions.
        """
        if index not in self._clients:
            policy, sites = self._zone.policies[index], self._zone.sites
            found = []
            for rtype in record_types(policy, sites):
                if rtype != TYPE_HTTPS:
                    classes = compile_classes(policy, sites, rtype, self._world)
                    weighed = zip(classes.classes, self._weigh(classes).tolist(), strict=True)
                    heavy = tuple((cls, weight) for cls, weight in weighed if weight > 0)
                    found.append(Clients(rtype, tuple(concerned(policy, rtype)), heavy))
            self._clients[index] = tuple(found)
        return self._clients[index]
