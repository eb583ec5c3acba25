"""What a route is: the table from which the app, the OpenAPI document and the tests are made."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from typing import Any, TypeVar

from aiohttp import web
from pydantic import BaseModel, TypeAdapter

from gslb.api.access import Caller, Scope
from gslb.api.services import Author, Once, Services

ROOT = "/api/v1"
JSON = "application/json"
_Model = TypeVar("_Model", bound=BaseModel)


@dataclass(frozen=True, slots=True)
class Reply:
    """An answer, ready to be sent, and to be sent again."""

    status: int
    octets: bytes
    headers: tuple[tuple[str, str], ...] = ()


@dataclass(frozen=True, slots=True)
class Call:
    """A request that has passed every check that all routes have in common."""

    request: web.Request
    services: Services
    caller: Caller
    id: str  # the request's
    query: BaseModel | None = None
    body: BaseModel | None = None
    once: Once | None = None  # it may have been made before

    @property
    def author(self) -> Author:
        """Who is calling, for the audit log."""
        caller = self.caller
        return Author(caller.name, caller.via, caller.address, self.id)

    def the(self, wanted: type[_Model]) -> _Model:
        """Return the query or the body, whichever is a *wanted*."""
        for value in (self.query, self.body):
            if isinstance(value, wanted):
                return value
        raise TypeError(f"the route does not declare {wanted.__name__}")


Answering = Callable[[Call], Awaitable["Reply | web.StreamResponse"]]


@dataclass(frozen=True, slots=True)
class Answer:
    """One kind of answer that a route gives if all is well."""

    status: int
    text: str
    content: Any = None  # a model, or any type that pydantic can describe; None: no JSON
    media: str = JSON


@dataclass(frozen=True, slots=True)
class Route:
    """One method of one path."""

    method: str
    path: str  # behind ROOT; `{name}` is a parameter
    operation: str  # operationId, camelCase
    scope: Scope
    summary: str
    handler: Answering
    answers: tuple[Answer, ...]
    query: type[BaseModel] | None = None
    body: type[BaseModel] | None = None
    problems: tuple[int, ...] = ()  # beyond those that every route may have
    headers: tuple[tuple[str, str], ...] = field(default=())  # optional request headers, and why
    longer: float = 0.0  # seconds beyond those that every request has
    waits: float = 0.0  # further seconds, where the query says `wait`
    streams: bool = False  # the answer has no end, so no time limit

    @property
    def changes(self) -> bool:
        """Whether it changes anything; GET never does."""
        return self.method != "GET"


def reply(content: BaseModel, status: int = 200, location: str | None = None) -> Reply:
    """Return *content* as an answer."""
    octets = content.model_dump_json().encode()
    return Reply(status, octets, () if location is None else (("Location", location),))


def reply_of(adapter: TypeAdapter[Any], content: object) -> Reply:
    """Return *content*, which is no model, as an answer."""
    return Reply(200, adapter.dump_json(content))
