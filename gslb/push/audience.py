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

    Resolvers are taken to be in the first view: providers do not tell them apart.
    """
    view = 0 if classes.resolvers is None else int(classes.resolvers.classes4[0])
    same = np.arange(len(classes.classes), dtype=np.uint16)
    found: dict[tuple[int, int], tuple[int, int]] = {}
    weights: dict[tuple[int, int], float] = {}
    for family in (4, 6):
        starts, places, kinds, sizes = ranges(family, classes.views[view], same, world)
        columns = zip(starts.tolist(), places.tolist(), kinds.tolist(), sizes.tolist(), strict=True)
        for start, place, kind, size in columns:
            found.setdefault((place, kind), (family, start))
            weights[place, kind] = weights.get((place, kind), 0.0) + size
    total = sum(weights.values()) or 1.0
    members = []
    for (place, kind), (family, start) in sorted(found.items()):
        where = world.geo.places[place]
        client = Client(
            country=where.country,
            subdivision=where.subdivision,
            latitude=where.latitude,
            longitude=where.longitude,
            family=family,
            address=start << _FAMILY_BITS[family] - FINEST[family],
        )
        members.append(Member(client, classes.classes[kind], weights[place, kind] / total))
    return tuple(members)
