"""The clients of a policy as a few examples with weights: synthetic traffic to hold a copy against."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from gslb.push.population import FINEST, ranges
from gslb.push.provider import Client
from gslb.steering.model import Classes, ClientClass
from gslb.steering.world import World

_FAMILY_BITS = {4: 32, 6: 128}


@dataclass(frozen=True, slots=True)
class Member:
    """Clients of one place and class: one of them, and which part of all clients they are."""

    client: Client
    cls: ClientClass
    weight: float


def audience(classes: Classes, world: World) -> tuple[Member, ...]:
    """Return every kind of client that a policy or a provider can tell apart; weights sum to 1.

    Resolvers are taken to be in the first view: providers do not tell them apart. What comes of
    one `Classes` is kept by the world: a plan asks for it again and again.
    """
    # The object itself is kept with it, so that its identity stays its own.
    key = ("audience", id(classes))
    return world.keep(key, lambda: (classes, _audience(classes, world)))[1]


def _audience(classes: Classes, world: World) -> tuple[Member, ...]:
    view = 0 if classes.resolvers is None else int(classes.resolvers.classes4[0])
    width = len(classes.classes)
    same = np.arange(width, dtype=np.uint16)
    cells = len(world.geo.places) * width
    first = np.full(cells, -1, np.int64)  # by place and class: the address of one client
    families = np.zeros(cells, np.int8)
    weights = np.zeros(cells)
    for family in (6, 4):  # an IPv4 client stands for both
        starts, places, kinds, sizes = ranges(family, classes.views[view], same, world)
        at = places * width + kinds
        first[at[::-1]] = starts[::-1].astype(np.int64)  # the lowest is written last
        families[at] = family
        weights += np.bincount(at, sizes, cells)
    total = float(weights.sum()) or 1.0
    members = []
    for cell in np.flatnonzero(families).tolist():
        where, family = world.geo.places[cell // width], int(families[cell])
        client = Client(
            country=where.country,
            subdivision=where.subdivision,
            latitude=where.latitude,
            longitude=where.longitude,
            family=family,
            address=int(first[cell]) << _FAMILY_BITS[family] - FINEST[family],
        )
        cls = classes.classes[cell % width]
        members.append(Member(client, cls, float(weights[cell]) / total))
    return tuple(members)
