"""A request's query and body, read strictly: bounded, no doubt about what is meant, all faults."""

from __future__ import annotations

import asyncio
import json
import re
from types import UnionType
from typing import Any, NoReturn, TypeVar, get_origin

from aiohttp import web
from pydantic import BaseModel, ValidationError
from pydantic_core import ErrorDetails

from gslb.api.models import Fault
from gslb.api.problems import ApiProblem

MAX_BODY = 1 << 20  # octets (ASVS 15.2.2)
MAX_DEPTH = 32  # of nested JSON
MAX_HEADERS = 16 << 10  # octets of all names and values
MAX_FAULTS = 32  # told of one request
BODY_SECONDS = 10.0  # for a body to arrive

_Model = TypeVar("_Model", bound=BaseModel)
# Strings first, so that brackets within them are passed over. The last quote is optional: a string
# without an end is read once, not again from each quote in it.
_BRACKETS = re.compile(rb'"(?:[^"\\]|\\.)*"?|[][{}]', re.DOTALL)


def check_headers(request: web.Request) -> None:
    """Refuse headers that are too long, and bodies that are packed. Raises ApiProblem."""
    octets = sum(len(name) + len(value) for name, value in request.raw_headers)
    if octets > MAX_HEADERS:
        raise ApiProblem(431, f"All headers together may have {MAX_HEADERS} octets.")
    if request.headers.get("Content-Encoding", "identity").lower() != "identity":
        raise ApiProblem(415, "A body has to come as it is, without a Content-Encoding.")


def read_query(request: web.Request, model: type[_Model] | None) -> _Model | None:
    """Return the query as *model* says; without a model there may be none. Raises ApiProblem."""
    query = request.query
    if model is None:
        if query:
            faults = tuple(
                Fault(where=f"query.{name}", text="there is no such parameter")
                for name in list(dict.fromkeys(query))[:MAX_FAULTS]
            )
            raise ApiProblem(400, "The query is not valid.", faults=faults)
        return None
    values: dict[str, object] = {}
    for name in dict.fromkeys(query):
        given = query.getall(name)
        if repeatable(model, name):
            values[name] = given
        elif len(given) > 1:
            fault = Fault(where=f"query.{name}", text="it can be given only once")
            raise ApiProblem(400, "The query is not valid.", faults=(fault,))
        else:
            values[name] = given[0]
    try:
        return model.model_validate(values)
    except ValidationError as error:
        refuse("query", error)


def repeatable(model: type[BaseModel], name: str) -> bool:
    """Return whether the parameter *name* of *model* may be given more than once."""
    field = model.model_fields.get(name)
    if field is None or isinstance(field.annotation, UnionType):
        return False
    return get_origin(field.annotation) is tuple


async def read_body(request: web.Request, model: type[_Model] | None) -> _Model | None:
    """Return the body as *model* says; without a model there may be none. Raises ApiProblem."""
    try:
        async with asyncio.timeout(BODY_SECONDS):
            octets = await request.read()
    except TimeoutError:
        raise ApiProblem(408, f"The body did not come within {BODY_SECONDS:g} s.") from None
    except web.HTTPRequestEntityTooLarge:
        raise ApiProblem(413, f"A body may have {MAX_BODY} octets.") from None
    if model is None:
        if octets:
            raise ApiProblem(400, "A body is not wanted here.")
        return None
    if request.content_type != "application/json":
        raise ApiProblem(415, "A body of the type application/json is wanted.")
    check_json(octets)
    try:
        return model.model_validate_json(octets, strict=True)
    except ValidationError as error:
        refuse("body", error)


def check_json(octets: bytes) -> None:
    """Refuse JSON that is too deep, or means different things to different readers.

    RFC 8259 §4 leaves repeated keys open and §6 has no NaN. Raises ApiProblem.
    """
    depth = 0
    for found in _BRACKETS.finditer(octets):
        sign = found[0]
        if sign in b"[{":
            depth += 1
            if depth > MAX_DEPTH:
                raise ApiProblem(400, f"JSON may be {MAX_DEPTH} levels deep.")
        elif sign in b"]}":
            depth -= 1
    try:
        json.loads(
            octets.decode("utf-8"), object_pairs_hook=_once, parse_constant=_refused_constant
        )
    except ValueError as error:
        text = error.msg if isinstance(error, json.JSONDecodeError) else str(error)
        raise ApiProblem(400, f"The body is not JSON: {text[:200]}") from None


def _once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) != len(pairs):
        raise ValueError("a key stands twice")
    return found


def _refused_constant(name: str) -> NoReturn:
    raise ValueError(f"{name} is no number")


def refuse(part: str, error: ValidationError) -> NoReturn:
    """Tell every fault; never the value, which may be secret or long."""
    faults = tuple(
        Fault(where=".".join([part, *map(str, one["loc"])])[:200], text=_words(one)[:500])
        for one in error.errors(include_url=False, include_input=False)
    )
    raise ApiProblem(400, f"The {part} is not valid.", faults=faults[:MAX_FAULTS]) from None


def _words(one: ErrorDetails) -> str:
    """Return a fault in our words; only limits of the model are taken out of its context."""
    limits = one.get("ctx", {})
    match one["type"]:
        case "greater_than_equal":
            return f"at least {limits['ge']}"
        case "less_than_equal":
            return f"at most {limits['le']}"
        case "string_too_short" | "string_too_long":
            end, limit = next(item for item in limits.items() if item[0].endswith("_length"))
            return f"at {'least' if end.startswith('min') else 'most'} {_characters(limit)}"
        case "missing":
            return "it is wanted"
        case "extra_forbidden":
            return "there is no such field"
    return one["msg"].removeprefix("Value error, ")


def _characters(count: int) -> str:
    return f"{count} character{'' if count == 1 else 's'}"
