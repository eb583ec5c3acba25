"""What a zone holds against what it should: changes, conflicts, and records that are left alone.

Ours is what carries our mark. Everything else stays as it is, whatever is wanted: a record of
somebody else at a name that we want is a conflict until an operator takes the name over.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from fnmatch import fnmatchcase

from gslb.push.ignoring import is_ignored
from gslb.push.objects import (
    Action,
    Actual,
    Change,
    Place,
    Rendered,
    Rrset,
    RrsetKey,
)
from gslb.push.ownership import mark_name, read_mark
from gslb.push.provider import Dialect


@dataclass(frozen=True, slots=True)
class Conflict:
    """Somebody else's records where ours should be."""

    place: Place
    owner: str | None  # another owner's id; None: no mark of anybody
    inner: bool  # in the tree that names share, not at a name that clients ask for
    ignored: bool = False  # nobody's records need be there: the settings leave the place alone

    def __str__(self) -> str:
        """Return it for people."""
        name, rtype = self.place
        if self.ignored:
            return f"push.ignore leaves {name} {rtype} alone"
        whose = f"{self.owner} owns" if self.owner else "there are other records at"
        return f"{whose} {name} {rtype}"


@dataclass(frozen=True, slots=True)
class Unit:
    """Changes of one name and type, with its mark: they go into one batch."""

    place: Place
    changes: tuple[Change, ...]


@dataclass(frozen=True, slots=True)
class Diff:
    """The units in an order in which each is possible, and what was found."""

    units: tuple[Unit, ...]
    conflicts: tuple[Conflict, ...]
    owned: int  # record sets of ours in the zone, marks included, the manifest not
    foreign: int
    kept: int  # ours, not wanted, and left for the sake of names that are refused


def owned_keys(dialect: Dialect, actual: Actual, owner: str) -> Mapping[RrsetKey, Place]:
    """Return what of *actual* is *owner*'s, each with the place that it belongs to.

    A mark belongs to the place that it marks.
    """
    marks = {
        one.key for one in actual.rrsets.values()
        if one.rtype == "TXT" and read_mark(dialect.text_of(one)) == owner
    }  # fmt: skip
    found: dict[RrsetKey, Place] = {}
    for key, one in actual.rrsets.items():
        mark = (mark_name(one.name, one.rtype), "TXT", "")
        if dialect.owner_of(one) == owner:
            found[key] = one.place
        elif mark in marks:
            found[key] = found[mark] = one.place
    for mark in marks:  # of records that are gone
        found.setdefault(mark, (mark[0], mark[1]))
    return found


def compare(
    dialect: Dialect,
    rendered: Rendered,
    actual: Actual,
    owner: str,
    refused: Iterable[Place] = (),
    takeover: frozenset[str] = frozenset(),
    globs: tuple[str, ...] = ("*",),
    predecessor: str = "",
    ignore: tuple[str, ...] = (),
) -> Diff:
    """Return what is to be changed in *actual* so that it says *rendered*.

    Args:
        dialect: the provider's.
        rendered: what of ours should be there.
        actual: what is there.
        owner: whose records may be changed.
        refused: names for which there is nothing to be pushed: what they lead to stays.
        takeover: names whose records become ours, whoever made them.
        globs: patterns of names that clients ask for; others are left out.
        predecessor: another owner, whose records are ours from now on.
        ignore: what is left alone, as in `ignoring.is_ignored`; to want it is a conflict.
    """
    owned = dict(owned_keys(dialect, actual, owner))
    if predecessor:
        owned |= owned_keys(dialect, actual, predecessor)
    at_place: dict[Place, list[Rrset]] = {}
    for one in actual.rrsets.values():
        at_place.setdefault(one.place, []).append(one)
    beside: dict[str, list[Rrset]] = {}
    for one in actual.rrsets.values():
        beside.setdefault(one.name, []).append(one)
    for place in rendered.entries:
        if place[0] in takeover:
            owned |= {one.key: place for one in _in_the_way(place, beside)}
            owned |= {one.key: place for one in at_place.get(_mark(place), ())}
    owned = {key: place for key, place in owned.items() if not is_ignored(place, ignore)}
    conflicts = []
    skipped = {place for place in rendered.entries if not _allowed(place[0], globs)}
    belongs: dict[RrsetKey, Place] = {(*_mark(place), ""): place for place in rendered.entries}
    places = {one.place for key, one in rendered.rrsets.items() if key not in belongs}
    led_to = {place for one in rendered.rrsets.values() for place in dialect.refers(one)}
    inner = {one for one in places if one not in rendered.entries}
    inner |= {one for one in led_to if one[0].startswith("_")}  # nodes with a mark of their own
    for place in sorted(places - skipped):
        if is_ignored(place, ignore):
            conflicts.append(Conflict(place, None, place in inner, ignored=True))
            skipped.add(place)
            continue
        found = _in_the_way(place, beside) + at_place.get(_mark(place), [])
        others = [one for one in found if one.key not in owned]
        if others:
            owners = [_owner(dialect, actual, one) for one in others]
            whose = next((one for one in owners if one), None)
            conflicts.append(Conflict(place, whose, place in inner))
            skipped.add(place)
    wanted = {
        key: one for key, one in rendered.rrsets.items()
        if belongs.get(key, one.place) not in skipped
    }  # fmt: skip
    kept = _reached(dialect, actual, {*refused, *skipped}) - wanted.keys()
    changes = _changes(dialect, wanted, {k: actual.rrsets[k] for k in owned}, kept)
    units = _units(dialect, changes, {**owned, **belongs})
    foreign = len(actual.rrsets) - len(owned)
    return Diff(tuple(units), tuple(conflicts), len(owned), foreign, len(kept & owned.keys()))


def _mark(place: Place) -> Place:
    return mark_name(*place), "TXT"


def _allowed(name: str, globs: tuple[str, ...]) -> bool:
    return any(fnmatchcase(name.rstrip("."), glob) for glob in globs)


def _in_the_way(place: Place, beside: Mapping[str, list[Rrset]]) -> list[Rrset]:
    """Return the sets at *place*, and those of types that cannot stand beside its own.

    *beside*: all sets by name.
    """
    name, rtype = place
    return [
        one for one in beside.get(name, ()) if "CNAME" in {rtype, one.rtype} or one.rtype == rtype
    ]


def _owner(dialect: Dialect, actual: Actual, one: Rrset) -> str | None:
    """Return whose mark a set carries, has beside it, or is."""
    mark = actual.rrsets.get((*_mark(one.place), ""))
    texts = [dialect.text_of(found) for found in (mark, one) if found and found.rtype == "TXT"]
    marks = [read_mark(text) for text in texts]
    return dialect.owner_of(one) or next((whose for whose in marks if whose), None)


def _reached(dialect: Dialect, actual: Actual, places: Iterable[Place]) -> set[RrsetKey]:
    """Return the keys of all sets that clients of *places* are led to, marks included."""
    at_place: dict[Place, list[Rrset]] = {}
    for one in actual.rrsets.values():
        at_place.setdefault(one.place, []).append(one)
    found: set[RrsetKey] = set()
    all_places = [each for name, rtype in places for each in ((name, rtype), (name, "CNAME"))]
    left = [each for place in all_places for each in (place, _mark(place))]
    seen = set(left)
    while left:
        for one in at_place.get(left.pop(), ()):
            found.add(one.key)
            fresh = dialect.refers(one) - seen
            seen |= fresh
            left += fresh
    return found


def _changes(
    dialect: Dialect,
    wanted: Mapping[RrsetKey, Rrset],
    owned: Mapping[RrsetKey, Rrset],
    kept: set[RrsetKey],
) -> list[Change]:
    """Return the changes, sets of one place that change their kind as deletions and creations."""
    old_kinds = {one.place: dialect.steers(one) for one in owned.values()}
    turned = {
        one.place for one in wanted.values()
        if old_kinds.get(one.place, dialect.steers(one)) != dialect.steers(one)
    }  # fmt: skip
    changes = []
    for key, old in owned.items():
        new = wanted.get(key)
        if old.place in turned or (new is None and key not in kept):
            changes.append(Change(Action.DELETE, old, None))
        elif new is not None and new.text != old.text:
            changes.append(Change(Action.UPDATE, old, new))
    for key, new in wanted.items():
        if key not in owned or new.place in turned:
            changes.append(Change(Action.CREATE, None, new))
    return changes


def _units(
    dialect: Dialect, changes: Iterable[Change], belongs: Mapping[RrsetKey, Place]
) -> list[Unit]:
    """Return units in order: what is led to before what leads there, then what goes.

    A place from which everything goes is a unit of its own, at the end, top first.
    """
    by_place: dict[Place, list[Change]] = {}
    for change in changes:
        key = change.rrset.key
        by_place.setdefault(belongs.get(key, change.rrset.place), []).append(change)
    for name, rtype in [place for place in by_place if place[1] == "CNAME"]:
        for other in [place for place in by_place if place[0] == name and place[1] != rtype]:
            by_place[name, rtype] += by_place.pop(other)  # neither may stand beside the other
    order = _depths(dialect, [change.rrset for found in by_place.values() for change in found])
    stay: list[Unit] = []
    gone: list[Unit] = []
    for place, found in by_place.items():
        found.sort(key=lambda one: (one.new is not None, one.rrset.key))
        unit = Unit(place, tuple(found))
        (stay if any(one.new is not None for one in found) else gone).append(unit)

    def depth(unit: Unit) -> int:
        return max(order.get(change.rrset.place, 0) for change in unit.changes)

    stay.sort(key=lambda unit: (depth(unit), unit.place))
    gone.sort(key=lambda unit: (-depth(unit), unit.place))
    return [*stay, *gone]


def _depths(dialect: Dialect, rrsets: Iterable[Rrset]) -> dict[Place, int]:
    """Return by place how many steps lead on from it at most; a circle ends where it closes."""
    leads: dict[Place, set[Place]] = {}
    for one in rrsets:
        leads.setdefault(one.place, set()).update(dialect.refers(one))
    depths: dict[Place, int] = {}

    def depth(place: Place) -> int:
        if place not in depths:
            depths[place] = 0  # stands while it is being found
            depths[place] = max((1 + depth(to) for to in leads.get(place, ())), default=0)
        return depths[place]

    for place in leads:
        depth(place)
    return depths
