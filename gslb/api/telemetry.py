"""The small app beside the API: ``/metrics``, ``/healthz``, ``/readyz``, on a port of its own."""

from __future__ import annotations

from aiohttp import web
from prometheus_client import CollectorRegistry
from prometheus_client.exposition import choose_encoder

from gslb.api.access import Access, Scope
from gslb.api.counts import COUNTS, RequestCounts
from gslb.api.health import Missing, alive, readiness
from gslb.api.problems import ApiProblem, add_headers, problems
from gslb.api.reading import check_headers

PORT = 9153  # where name servers are scraped by custom


def make_telemetry(
    registry: CollectorRegistry,
    missing: Missing,
    counts: RequestCounts | None = None,
    access: Access | None = None,
) -> web.Application:
    """Return the app.

    Args:
        registry: whose collectors are scraped.
        missing: returns what keeps the node from being ready, a line each.
        counts: where requests are counted.
        access: who may read the metrics (scope read); None: whoever reaches the port, which is
            for loopback only (ASVS 13.4.5). Health is for everybody: it says yes or no.
    """

    async def metrics(request: web.Request) -> web.StreamResponse:
        check_headers(request)
        if access is not None and Scope.READ not in access.admit(request).scopes:
            raise ApiProblem(403, f"This takes the scope {Scope.READ}.")
        encode, content_type = choose_encoder(request.headers.get("Accept", ""))
        return web.Response(body=encode(registry), headers={"Content-Type": content_type})

    app = web.Application(middlewares=[problems], client_max_size=1)
    app[COUNTS] = counts if counts is not None else RequestCounts()
    for path, handler in (
        ("/metrics", metrics),
        ("/healthz", alive),
        ("/readyz", readiness(missing)),
    ):
        app.router.add_route("GET", path, handler)
    app.on_response_prepare.append(add_headers)
    return app
