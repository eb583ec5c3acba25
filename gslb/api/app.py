"""The application: every route behind the same pipeline, every error a problem document."""

from __future__ import annotations

from collections.abc import Callable

from aiohttp import web

from gslb.api import drains, events, explain, locations, openapi, push, status
from gslb.api.access import Access
from gslb.api.counts import COUNTS, RequestCounts
from gslb.api.events import ACCESS, HUB, EventHub
from gslb.api.pipeline import Pipeline, Rates
from gslb.api.problems import add_headers, problems
from gslb.api.reading import MAX_BODY
from gslb.api.routes import ROOT, Route
from gslb.api.services import Services

_RESOURCES = (
    *drains.ROUTES,
    *locations.ROUTES,
    *status.ROUTES,
    *explain.ROUTES,
    *push.ROUTES,
    *events.ROUTES,
)
ROUTES: tuple[Route, ...] = (*_RESOURCES, openapi.route_for(_RESOURCES))


def make_app(
    services: Services,
    access: Access,
    hub: EventHub,
    clock: Callable[[], float],
    counts: RequestCounts | None = None,
    rates: Rates | None = None,
) -> web.Application:
    """Return the API over *services* for those whom *access* admits.

    Args:
        services: the process that it speaks for.
        access: `TokenAccess` on a TCP socket, `SocketAccess` on a Unix socket: one app each.
        hub: where the process publishes its events; shared by the apps, and closed with any.
        clock: monotonic seconds.
        counts: where requests are counted; shared by the apps.
        rates: how many requests a second each caller has.
    """
    app = web.Application(middlewares=[problems], client_max_size=MAX_BODY)
    app[COUNTS] = counts if counts is not None else RequestCounts()
    app[HUB] = hub
    app[ACCESS] = access
    pipeline = Pipeline(services, access, clock, rates or Rates())
    for route in ROUTES:
        # add_route, unlike add_get, answers no HEAD that nobody declared.
        app.router.add_route(route.method, ROOT + route.path, pipeline.handler(route))
    app.on_response_prepare.append(add_headers)

    async def stop(_: web.Application) -> None:
        hub.close()
        await pipeline.changes.finish()

    app.on_shutdown.append(stop)
    return app
