"""The location tree as it stands now, for people: masks and drains bubble up from its leaves.

A zone with nothing healthy is masked, so is a site with nothing but such zones, so is a cloud.
Deciding needs none of this: it weighs endpoints, and comes to the same.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from itertools import pairwise

from gslb.policy.plan import Drained
from gslb.state.board import NO_STANDING, Overlay, Standing
from gslb.state.inventory import Inventory, Place
from gslb.state.locations import ancestors
from healthcheck.model import Status


@dataclass(frozen=True, slots=True)
class Node:
    """One location. Of an inner one the fields are those of all endpoints below it."""

    path: str  # "aws", "aws/us-east-1", "aws/us-east-1/use1-az2", or an endpoint's id
    endpoints: int
    up: int
    down: int  # under every check that judges it
    unknown: int
    drained: int
    usable: int  # neither down nor drained
    waiting: int  # down, and not removed yet
    weight: int  # declared
    capacity: float  # usable weight, ramps counted, over declared weight
    file: Drained | None  # the drain in a file that holds all of it, if it is one
    children: tuple[Node, ...] = ()

    @property
    def masked(self) -> bool:
        """Whether health keeps all of it out that operators do not."""
        return self.usable == 0 and self.drained < self.endpoints

    @property
    def is_drained(self) -> bool:
        """Whether operators keep all of it out."""
        return self.drained == self.endpoints

    def to_json(self) -> dict[str, object]:
        """Return it, and all below it, as JSON values."""
        return {
            "path": self.path,
            "endpoints": self.endpoints,
            "up": self.up,
            "down": self.down,
            "unknown": self.unknown,
            "drained": self.drained,
            "usable": self.usable,
            "waiting": self.waiting,
            "weight": self.weight,
            "capacity": self.capacity,
            "masked": self.masked,
            "children": [child.to_json() for child in self.children],
        }


@dataclass(slots=True)
class _Leaf:
    status: Status
    drained: bool
    waiting: bool
    weight: int
    capacity: float
    file: Drained | None


def tree(inventory: Inventory, overlay: Overlay, at: datetime) -> tuple[Node, ...]:
    """Return the clouds of *inventory*, sorted by name, as they stand in *overlay* at *at* (aware)."""
    waiting = {key[0] for key in overlay.waiting}
    leaves = {place.id: _leaf(place, overlay, waiting, at) for place in inventory.places.values()}
    children: dict[str, set[str]] = {}
    for one in leaves:
        parents = ("", *ancestors(one))
        for parent, child in pairwise(parents):
            children.setdefault(parent, set()).add(child)
    return tuple(_node(path, children, leaves) for path in sorted(children.get("", ())))


def _node(path: str, children: Mapping[str, set[str]], leaves: Mapping[str, _Leaf]) -> Node:
    below = tuple(_node(child, children, leaves) for child in sorted(children.get(path, ())))
    own = [_single(path, leaves[path])] if path in leaves else []
    parts = [*own, *below]
    weight = sum(part.weight for part in parts)
    whole = weight or len(parts)
    return Node(
        path=path,
        endpoints=sum(part.endpoints for part in parts),
        up=sum(part.up for part in parts),
        down=sum(part.down for part in parts),
        unknown=sum(part.unknown for part in parts),
        drained=sum(part.drained for part in parts),
        usable=sum(part.usable for part in parts),
        waiting=sum(part.waiting for part in parts),
        weight=weight,
        capacity=sum(part.capacity * (part.weight if weight else 1) for part in parts) / whole,
        file=_same(part.file for part in parts),
        children=(*own, *below) if below else (),  # the first of several bears the zone's name
    )


def _single(path: str, leaf: _Leaf) -> Node:
    return Node(
        path=path,
        endpoints=1,
        up=int(leaf.status is Status.UP),
        down=int(leaf.status is Status.DOWN),
        unknown=int(leaf.status is Status.UNKNOWN),
        drained=int(leaf.drained),
        usable=int(not leaf.drained and leaf.status is not Status.DOWN),
        waiting=int(leaf.waiting),
        weight=leaf.weight,
        capacity=leaf.capacity,
        file=leaf.file,
    )


def _leaf(place: Place, overlay: Overlay, waiting: set[str], at: datetime) -> _Leaf:
    standings = [overlay.standings.get(key, NO_STANDING) for key in place.judged_by]
    status = status_of(standings)
    in_file = place.drained
    if in_file is not None and (
        place.id in overlay.lifted or (in_file.until is not None and in_file.until <= at)
    ):
        in_file = None
    drained = place.id in overlay.drains or in_file is not None
    usable = not drained and status is not Status.DOWN
    ramp = min((one.ramp for one in standings), default=1.0)
    return _Leaf(
        status, drained, place.id in waiting, place.weight, ramp if usable else 0.0, in_file
    )


def status_of(standings: Iterable[Standing]) -> Status:
    """Return the one status of an endpoint that several checks may judge: down if all say so.

    Of one check down counts if either family is: which policies judge them apart is theirs.
    """
    seen = {_worst(one) for one in standings}
    if seen == {Status.DOWN}:
        return Status.DOWN
    return Status.UP if Status.UP in seen else Status.UNKNOWN


def _worst(standing: Standing) -> Status:
    both = {standing.v4, standing.v6}
    return next(one for one in (Status.DOWN, Status.UP, Status.UNKNOWN) if one in both)


def _same(drains: Iterable[Drained | None]) -> Drained | None:
    """Return the drain that all have in common: a line of a site holds everything below it."""
    found = list(drains)
    first = found[0]
    return first if first is not None and all(one == first for one in found) else None
