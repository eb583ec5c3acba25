"""Errors as problem details (RFC 9457), and the headers that every response has."""

from __future__ import annotations

import secrets
from collections.abc import Mapping
from http import HTTPStatus
from typing import Any

from aiohttp import web
from aiohttp.typedefs import Handler

from gslb.api.counts import COUNTS, route_of
from gslb.api.models import Fault, Problem
from gslb.api.services import (
    DrainRefusedError,
    PushRefusedError,
    RequestRefusedError,
    UnavailableError,
    UnknownDrainError,
)
from gslb.errors import GslbError
from gslb.logs import Log
from gslb.state.audit import AuditError
from gslb.state.locations import LocationError
from gslb.state.overrides import OverrideError

MEDIA_TYPE = "application/problem+json"
RETRY_SECONDS = 1  # when something that ought to work does not
REQUEST_ID = web.RequestKey("request_id", str)
HSTS = "max-age=31536000"
HEADERS = {
    "Cache-Control": "no-store",
    "Content-Security-Policy": "default-src 'none'; frame-ancestors 'none'",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Referrer-Policy": "no-referrer",
    "Server": "gslb",  # no versions for those who have not said who they are
    "X-Content-Type-Options": "nosniff",
}

_log = Log(__name__)


class ApiProblem(GslbError):  # noqa: N818 - RFC 9457 calls it a problem
    """A request that is answered with an error on purpose."""

    def __init__(
        self,
        status: int,
        detail: str,
        *,
        faults: tuple[Fault, ...] = (),
        headers: Mapping[str, str] | None = None,
        members: Mapping[str, Any] | None = None,
    ) -> None:
        super().__init__(detail)
        self.status = status
        self.faults = faults
        self.headers = dict(headers or {})
        self.members = dict(members or {})


def problem_octets(status: int, detail: str, request_id: str, problem: ApiProblem | None) -> bytes:
    """Return a problem document."""
    return (
        Problem(
            title=HTTPStatus(status).phrase,
            status=status,
            detail=detail,
            instance=f"urn:gslb:request:{request_id}",
            errors=problem.faults if problem else (),
            **(problem.members if problem else {}),
        )
        .model_dump_json(exclude_defaults=True)
        .encode()
    )


def as_problem(error: GslbError) -> ApiProblem:
    """Return how *error* is told to the caller."""
    match error:
        case ApiProblem():
            return error
        case OverrideError():
            faults = tuple(
                Fault(where=f"body.{field}", text=text) for field, text in error.problems
            )
            return ApiProblem(400, "The drain cannot be like this.", faults=faults)
        case RequestRefusedError() | LocationError():
            return ApiProblem(400, str(error))
        case UnknownDrainError():
            return ApiProblem(404, str(error))
        case DrainRefusedError():
            plan = error.plan.model_dump(mode="json")
            return ApiProblem(409, str(error), members={"plan": plan})
        case PushRefusedError():
            return ApiProblem(409, str(error))
        case AuditError():
            _log.error("audit log not written", error=str(error))
            return ApiProblem(507, "The audit log cannot be written, so nothing was changed.")
        case UnavailableError():
            return ApiProblem(503, str(error), headers={"Retry-After": str(RETRY_SECONDS)})
    _log.error("request failed", error=str(error))
    return ApiProblem(503, "That cannot be done now.", headers={"Retry-After": str(RETRY_SECONDS)})


@web.middleware
async def problems(request: web.Request, handler: Handler) -> web.StreamResponse:
    """Turn whatever goes wrong into a problem document; count and log every request."""
    request[REQUEST_ID] = secrets.token_hex(8)
    try:
        response = await handler(request)
    except GslbError as error:
        response = _response(request, as_problem(error))
    except web.HTTPException as error:
        allow = error.headers.get("Allow")
        headers = {"Allow": allow} if allow is not None else {}
        detail = f"{request.method} is not for this address." if error.status == 405 else ""
        response = _response(request, ApiProblem(error.status, detail, headers=headers))
    except Exception as error:  # noqa: BLE001 - the last resort: the process goes on
        _log.error(
            "request failed",
            request=request[REQUEST_ID],
            route=route_of(request),
            error=f"{type(error).__name__}: {error}",
            place=_place(error),
        )
        response = _response(
            request, ApiProblem(500, "This is a fault of the node; its log tells.")
        )
    request.app[COUNTS].add(request, response.status)
    return response


def _place(error: BaseException) -> str:
    """Return where *error* was raised, in one line."""
    trace = error.__traceback__
    place = ""
    while trace is not None:
        place = f"{trace.tb_frame.f_globals.get('__name__', '?')}:{trace.tb_lineno}"
        trace = trace.tb_next
    return place


def _response(request: web.Request, problem: ApiProblem) -> web.Response:
    if request.writer.output_size > 0:
        # Octets of a good answer are out; the only way left to say no is to hang up.
        raise ConnectionResetError("an answer has begun already")
    body = problem_octets(problem.status, str(problem), request[REQUEST_ID], problem)
    headers = {**problem.headers, "Content-Type": MEDIA_TYPE}
    return web.Response(status=problem.status, body=body, headers=headers)


async def add_headers(request: web.Request, response: web.StreamResponse) -> None:
    """Put the headers that every response has into *response*, before it is sent."""
    for name, value in HEADERS.items():
        response.headers.setdefault(name, value)
    response.headers["Server"] = HEADERS["Server"]
    if request.secure:
        response.headers["Strict-Transport-Security"] = HSTS
    if REQUEST_ID in request:
        response.headers["X-Request-Id"] = request[REQUEST_ID]
