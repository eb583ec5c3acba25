"""What a provider refuses, taken out of a push with everything that leads to it; the rest goes on."""

from __future__ import annotations

from dataclasses import replace

from gslb.push.objects import Place, Rendered, Rrset, RrsetKey
from gslb.push.ownership import mark_name
from gslb.push.provider import Dialect


def without(
    dialect: Dialect, rendered: Rendered, names: frozenset[str]
) -> tuple[Rendered, tuple[Place, ...]]:
    """Return *rendered* without what the refused *names* spoil, and the entries that are spoilt.

    An entry is spoilt if its name, its mark or any set that its clients are led to is refused. All
    types of a name go together. Sets that only spoilt entries lead to are left out too.
    """
    if not names:
        return rendered, ()
    at_place: dict[Place, list[Rrset]] = {}
    for one in rendered.rrsets.values():
        at_place.setdefault(one.place, []).append(one)
    reached = {entry: _reached(dialect, entry, at_place) for entry in rendered.entries}
    bad = {entry[0] for entry, found in reached.items() if any(key[0] in names for key in found)}
    spoilt = tuple(sorted(entry for entry in reached if entry[0] in bad))
    sound: set[RrsetKey] = set().union(*(reached[e] for e in reached.keys() - set(spoilt)))
    return (
        replace(
            rendered,
            rrsets={key: one for key, one in rendered.rrsets.items() if key in sound},
            entries={e: policy for e, policy in rendered.entries.items() if e[0] not in bad},
        ),
        spoilt,
    )


def _reached(dialect: Dialect, entry: Place, at_place: dict[Place, list[Rrset]]) -> set[RrsetKey]:
    """Return the keys of all sets that clients of *entry* are led to, marks included."""
    found: set[RrsetKey] = set()
    left = [entry]
    seen = {entry}
    while left:
        place = left.pop()
        for one in (*at_place.get(place, ()), *at_place.get((mark_name(*place), "TXT"), ())):
            found.add(one.key)
            fresh = dialect.refers(one) - seen
            seen |= fresh
            left += fresh
    return found
