"""What every route does before and after its own work: who, whether, how often, how long."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field, replace
from hashlib import sha256

from aiohttp import web

from gslb.api.access import SOCKET, Access, Caller
from gslb.api.backoff import Rate
from gslb.api.idempotency import HEADER, Changes
from gslb.api.problems import REQUEST_ID, ApiProblem, as_problem
from gslb.api.reading import check_headers, read_body, read_query
from gslb.api.routes import JSON, Call, Reply, Route
from gslb.api.services import Once, Services
from gslb.errors import GslbError
from gslb.logs import Log

REQUEST_SECONDS = 10.0  # for the work behind a request

_log = Log(__name__)


@dataclass(frozen=True, slots=True)
class Rates:
    """Requests a second of each caller."""

    changes: float = 10.0
    reads: float = 100.0


@dataclass(slots=True)
class Pipeline:
    """The way of a request to its handler, and back."""

    services: Services
    access: Access
    clock: Callable[[], float]  # monotonic seconds
    rates: Rates = field(default_factory=Rates)
    changes: Changes = field(init=False)
    _buckets: Mapping[bool, Rate] = field(init=False)

    def __post_init__(self) -> None:
        self.changes = Changes(self.clock, self.services.remembered)
        self._buckets = {True: Rate(self.rates.changes), False: Rate(self.rates.reads)}

    def handler(self, route: Route) -> Callable[[web.Request], Awaitable[web.StreamResponse]]:
        """Return what serves *route*."""

        async def serve(request: web.Request) -> web.StreamResponse:
            check_headers(request)
            caller = self.admit(request, route)
            query = read_query(request, route.query)
            body = await read_body(request, route.body)
            call = Call(request, self.services, caller, request[REQUEST_ID], query, body)
            if route.streams:
                return _response(await route.handler(call))
            seconds = (
                REQUEST_SECONDS
                + route.longer
                + (route.waits if getattr(query, "wait", None) else 0.0)
            )
            try:
                async with asyncio.timeout(seconds):
                    if route.changes:
                        return _response(await self._change(route, call))
                    return _response(await route.handler(call))
            except TimeoutError:
                raise ApiProblem(
                    503,
                    f"No answer within {seconds:g} s; a change may still be made.",
                    headers={"Retry-After": "1"},
                ) from None

        return serve

    def admit(self, request: web.Request, route: Route) -> Caller:
        """Return who is calling, if he may. Raises ApiProblem: 401, 403, 429."""
        caller = self.access.admit(request)
        if route.scope not in caller.scopes:
            _log.warning(
                "not allowed", caller=caller.name, via=caller.via, operation=route.operation
            )
            raise ApiProblem(
                403,
                f"This takes the scope {route.scope}.",
                headers={
                    "WWW-Authenticate": 'Bearer realm="gslb", error="insufficient_scope",'
                    f' scope="{route.scope}"'
                },
            )
        if caller.via == SOCKET:  # the way in when nothing else goes: it does not have to wait
            return caller
        wait = self._buckets[route.changes].spend(caller.via, self.clock())
        if wait > 0:
            raise ApiProblem(429, "Too many requests.", headers={"Retry-After": str(int(wait) + 1)})
        return caller

    async def _change(self, route: Route, call: Call) -> Reply:
        keys = call.request.headers.getall(HEADER, [])
        if len(keys) > 1:
            raise ApiProblem(400, f"{HEADER} can be given only once.")
        if keys and route.method == "POST":
            caller = f"{call.caller.via} {call.caller.name}"
            call = replace(call, once=Once(caller, keys[0], _fingerprint(route, call)))

        async def make() -> Reply:
            try:
                made = await route.handler(call)
            except GslbError as error:
                raise as_problem(error) from error
            assert isinstance(made, Reply), "a change is answered with a reply"
            _log.info(
                "changed",
                operation=route.operation,
                caller=call.caller.name,
                via=call.caller.via,
                request=call.id,
                status=made.status,
            )
            return made

        return await self.changes.once(call.once, make)


def _fingerprint(route: Route, call: Call) -> bytes:
    """Return what tells one request of a caller from another."""
    said = ["" if part is None else part.model_dump_json() for part in (call.query, call.body)]
    return sha256("\n".join([route.operation, call.request.path, *said]).encode()).digest()


def _response(made: Reply | web.StreamResponse) -> web.StreamResponse:
    if isinstance(made, web.StreamResponse):
        return made
    headers = {"Content-Type": JSON, **dict(made.headers)}
    return web.Response(status=made.status, body=made.octets, headers=headers)
