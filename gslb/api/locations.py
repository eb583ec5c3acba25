"""``/locations``: the tree of clouds, regions, zones and endpoints, as it is now."""

from __future__ import annotations

from gslb.api.access import Scope
from gslb.api.locationmodels import Locations
from gslb.api.routes import Answer, Call, Reply, Route, reply


async def listing(call: Call) -> Reply:
    """Return the tree."""
    return reply(await call.services.locations())


ROUTES = (
    Route(
        "GET",
        "/locations",
        "listLocations",
        Scope.READ,
        "Statuses, capacities and drains of the whole tree",
        listing,
        (Answer(200, "The tree, clouds first.", Locations),),
    ),
)
