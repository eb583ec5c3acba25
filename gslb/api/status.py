"""``/status``: how the node is."""

from __future__ import annotations

from gslb.api.access import Scope
from gslb.api.models import Status
from gslb.api.routes import Answer, Call, Reply, Route, reply


async def show(call: Call) -> Reply:
    """Return the status."""
    return reply(await call.services.status())


ROUTES = (
    Route(
        "GET",
        "/status",
        "getStatus",
        Scope.READ,
        "How the node is",
        show,
        (Answer(200, "Its status.", Status),),
    ),
)
