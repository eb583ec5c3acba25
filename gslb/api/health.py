"""``/healthz`` and ``/readyz``: for load balancers and orchestrators, on the metrics listener."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence

from aiohttp import web

Serving = Callable[[web.Request], Awaitable[web.StreamResponse]]
Missing = Callable[[], Sequence[str]]


async def alive(_: web.Request) -> web.StreamResponse:
    """Say that the event loop turns."""
    return web.Response(text="ok\n")


def readiness(missing: Missing) -> Serving:
    """Return what says whether the node serves: 200, or 503 and a line for each *missing* thing."""

    async def ready(_: web.Request) -> web.StreamResponse:
        lines = list(missing())
        status = 503 if lines else 200
        return web.Response(status=status, text="\n".join(lines or ["ok"]) + "\n")

    return ready
