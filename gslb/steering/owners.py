"""Which names a zone has and what is at each: owners, empty non-terminals, typesets."""

from __future__ import annotations

from collections.abc import Mapping

from gslb.answers.model import Typeset
from gslb.policy.plan import ZonePlan
from gslb.steering.static import StaticZone, empty_non_terminals
from gslb.wire.names import suffixes

EMPTY = Typeset()  # of empty non-terminals, and of zone cuts without DS


class Typesets:
    """The typesets of a table: names that have the same records share one."""

    def __init__(self) -> None:
        self.list: list[Typeset] = []
        self._empty: int | None = None

    def add(self, typeset: Typeset) -> int:
        """Return the index of *typeset*, which is new."""
        self.list.append(typeset)
        return len(self.list) - 1

    def empty(self) -> int:
        """Return the index of the typeset without types."""
        if self._empty is None:
            self._empty = self.add(EMPTY)
        return self._empty


def zone_names(
    zone: ZonePlan,
    static: StaticZone,
    steers: Mapping[int, Mapping[int, int]],
    typesets: Typesets,
    children: frozenset[bytes] = frozenset(),
) -> list[tuple[bytes, int]]:
    """Return every name of *zone* with its typeset, as `ZoneContent.names` wants them.

    Args:
        zone: the plan of the zone.
        static: its own data, rendered.
        steers: by policy (index into ZonePlan.policies), by type: index of the steer.
        typesets: where new typesets are added.
        children: apexes of zones below this one that we serve too; what is there is theirs.
    """
    owned = dict(static.answers)
    shared: dict[int, int] = {}  # by policy: the typeset of names that have nothing beside it
    names: list[tuple[bytes, int]] = []
    for owner, policy in zone.names:
        bodies = owned.pop(owner, None)
        if bodies:
            names.append((owner, typesets.add(Typeset(bodies, steers[policy]))))
            continue
        if policy not in shared:
            shared[policy] = typesets.add(Typeset(steered=steers[policy]))
        names.append((owner, shared[policy]))
    for owner, bodies in owned.items():
        names.append((owner, typesets.add(Typeset(bodies)) if bodies else typesets.empty()))
    names += [(cut, typesets.empty()) for cut in static.cuts if cut not in static.answers]
    owners = [name for name, _ in names]
    names += [(name, typesets.empty()) for name in empty_non_terminals(owners, zone.apex)]
    return [pair for pair in names if not is_theirs(pair[0], children)] if children else names


def is_theirs(name: bytes, children: frozenset[bytes]) -> bool:
    """Return whether *name* is in one of the zones *children*."""
    return any(above in children for above in suffixes(name))
