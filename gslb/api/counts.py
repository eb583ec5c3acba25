"""How many requests of which kind there were, for the metrics."""

from __future__ import annotations

from collections import Counter

from aiohttp import web

METHODS = frozenset({"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"})


class RequestCounts:
    """Requests by method, route and status. Bounded: what is not in the route table is one."""

    def __init__(self) -> None:
        self.by_kind: Counter[tuple[str, str, str]] = Counter()

    def add(self, request: web.BaseRequest, status: int) -> None:
        """Count one request."""
        method = request.method if request.method in METHODS else "other"
        self.by_kind[method, route_of(request), str(status)] += 1


COUNTS = web.AppKey("counts", RequestCounts)


def route_of(request: web.BaseRequest) -> str:
    """Return the path of the route that serves *request*; "unmatched" if none does."""
    match_info = request.match_info if isinstance(request, web.Request) else None
    resource = match_info.route.resource if match_info is not None else None
    return "unmatched" if resource is None else resource.canonical
