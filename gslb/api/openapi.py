"""The OpenAPI 3.1 document, made from the route table and the models that the routes use."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Iterator
from functools import cache
from http import HTTPStatus
from typing import Any, Literal

from pydantic import BaseModel, TypeAdapter

from gslb import __version__
from gslb.api.access import Scope
from gslb.api.models import Problem
from gslb.api.problems import MEDIA_TYPE
from gslb.api.routes import JSON, ROOT, Answer, Call, Reply, Route

EVERY_ROUTE = (400, 401, 403, 408, 429, 431, 500, 503)  # problems that any request may meet
_REFERENCES = "#/components/schemas/{model}"
Direction = Literal["validation", "serialization"]


def document(routes: Iterable[Route]) -> dict[str, Any]:
    """Return the document for *routes*."""
    routes = tuple(routes)
    schemas, components = _schemas(routes)
    paths: dict[str, dict[str, Any]] = {}
    for route in routes:
        operation = _operation(route, schemas)
        paths.setdefault(ROOT + route.path, {})[route.method.lower()] = operation
    return {
        "openapi": "3.1.0",
        "info": {
            "title": "gslb",
            "version": __version__,
            "summary": "A global traffic manager: what it answers, why, and how to take parts out",
        },
        "servers": [{"url": "/"}],
        "security": [{"token": []}],
        "paths": paths,
        "components": {
            "schemas": components,
            "securitySchemes": {
                "token": {
                    "type": "http",
                    "scheme": "bearer",
                    "description": f"A token with the scope of the operation: {', '.join(s for s in Scope if s is not Scope.AGENT)}."
                    " The local socket takes none.",
                }
            },
        },
    }


def _used(routes: Iterable[Route]) -> Iterator[tuple[Any, Direction]]:
    yield Problem, "serialization"
    for route in routes:
        if route.body is not None:
            yield route.body, "validation"
        for answer in route.answers:
            if answer.content is not None:
                yield answer.content, "serialization"


def _schemas(routes: tuple[Route, ...]) -> tuple[dict[int, Any], dict[str, Any]]:
    """Return the schema of each thing in use, by its identity, and what they refer to."""
    wanted = {id(content): (content, direction) for content, direction in _used(routes)}
    adapters = [
        (key, direction, content if isinstance(content, TypeAdapter) else TypeAdapter(content))
        for key, (content, direction) in wanted.items()
    ]
    found, definitions = TypeAdapter.json_schemas(adapters, ref_template=_REFERENCES)
    return {key: schema for (key, _), schema in found.items()}, definitions.get("$defs", {})


def _operation(route: Route, schemas: dict[int, Any]) -> dict[str, Any]:
    answers = {str(answer.status): _answer(answer, schemas) for answer in route.answers}
    problem = {MEDIA_TYPE: {"schema": schemas[id(Problem)]}}
    for status in sorted({*EVERY_ROUTE, *route.problems}):
        answers[str(status)] = {"description": HTTPStatus(status).phrase, "content": problem}
    operation: dict[str, Any] = {
        "operationId": route.operation,
        "summary": route.summary,
        "description": (route.handler.__doc__ or "").strip(),
        "security": [{"token": [route.scope.value]}],
        "responses": answers,
    }
    parameters = [*_path_parameters(route), *_query_parameters(route), *_headers(route)]
    if parameters:
        operation["parameters"] = parameters
    if route.body is not None:
        content = {JSON: {"schema": schemas[id(route.body)]}}
        operation["requestBody"] = {"required": True, "content": content}
    return operation


def _answer(answer: Answer, schemas: dict[int, Any]) -> dict[str, Any]:
    described: dict[str, Any] = {"description": answer.text}
    if answer.content is not None:
        # A stream is text to an HTTP client; what stands in its data lines is a schema of its own.
        schema = schemas[id(answer.content)] if answer.media == JSON else {"type": "string"}
        described["content"] = {answer.media: {"schema": schema}}
    return described


def _path_parameters(route: Route) -> Iterator[dict[str, Any]]:
    for name in re.findall(r"{(\w+)}", route.path):
        schema = {"type": "integer", "minimum": 0}
        yield {"name": name, "in": "path", "required": True, "schema": schema}


def _query_parameters(route: Route) -> Iterator[dict[str, Any]]:
    model: type[BaseModel] | None = route.query
    if model is None:
        return
    schema = model.model_json_schema(ref_template=_REFERENCES)
    required = schema.get("required", [])
    for name, described in schema["properties"].items():
        yield {"name": name, "in": "query", "required": name in required, "schema": described}


def _headers(route: Route) -> Iterator[dict[str, Any]]:
    for name, text in route.headers:
        schema = {"type": "string"}
        yield {"name": name, "in": "header", "description": text, "schema": schema}


def route_for(others: Iterable[Route]) -> Route:
    """Return the route that serves the document of *others* and itself."""
    known = tuple(others)

    async def show(call: Call) -> Reply:  # noqa: ARG001 - it is the same for everybody
        """Return this document."""
        return Reply(200, octets())

    route = Route(
        "GET",
        "/openapi.json",
        "getOpenApi",
        Scope.READ,
        "This document",
        show,
        (Answer(200, "OpenAPI 3.1.", _ANY_OBJECT),),
    )

    @cache
    def octets() -> bytes:
        return json.dumps(document((*known, route))).encode()

    return route


_ANY_OBJECT = TypeAdapter(dict[str, Any])
