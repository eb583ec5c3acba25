"""The OpenAPI document tells the truth, and whatever it allows makes no server error."""

from __future__ import annotations

import asyncio
import json
import re
import socket
import threading
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

import hypothesis
import pytest
import schemathesis
from jsonschema import Draft202012Validator
from schemathesis.core.failures import Failure, FailureGroup

from gslb.api.access import Scope, TokenAccess
from gslb.api.app import ROUTES, make_app
from gslb.api.events import EventHub
from gslb.api.listener import Listener
from gslb.api.openapi import document
from gslb.api.pipeline import Rates
from gslb.api.routes import ROOT
from gslb.api.tokens import TokenFile
from tests.patience import PATIENCE_SECONDS

EXAMPLES = 40  # of each operation, right and wrong ones each
CHECKS = [
    schemathesis.checks.not_a_server_error,
    schemathesis.checks.status_code_conformance,
    schemathesis.checks.content_type_conformance,
    schemathesis.checks.response_schema_conformance,
    schemathesis.checks.negative_data_rejection,
]
NOW = datetime(2026, 12, 1, 6, 0, tzinfo=UTC)
DOCUMENT = document(ROUTES)


def everywhere(value: Any) -> Iterator[tuple[str, Any]]:
    if isinstance(value, dict):
        for key, inner in value.items():
            yield key, inner
            yield from everywhere(inner)
    elif isinstance(value, list):
        for inner in value:
            yield from everywhere(inner)


def test_every_route_is_in_it_once_under_a_name_in_camel_case() -> None:
    found = {
        (method.upper(), path.removeprefix(ROOT)): operation
        for path, methods in DOCUMENT["paths"].items()
        for method, operation in methods.items()
    }
    assert set(found) == {(route.method, route.path) for route in ROUTES}
    names = [operation["operationId"] for operation in found.values()]
    assert len(set(names)) == len(names)
    assert all(re.fullmatch(r"[a-z]+([A-Z][a-z0-9]*)*", name) for name in names)


def test_it_declares_the_scope_and_the_problems_of_every_operation() -> None:
    for route in ROUTES:
        operation = DOCUMENT["paths"][ROOT + route.path][route.method.lower()]
        assert operation["security"] == [{"token": [route.scope.value]}]
        assert {"400", "401", "403", "429", "503"} <= set(operation["responses"])
        for name in re.findall(r"{(\w+)}", route.path):
            assert name in {parameter["name"] for parameter in operation["parameters"]}


def test_every_reference_leads_somewhere_and_every_schema_is_one() -> None:
    schemas = DOCUMENT["components"]["schemas"]
    references = {value for key, value in everywhere(DOCUMENT) if key == "$ref"}
    assert references
    assert {one.removeprefix("#/components/schemas/") for one in references} <= set(schemas)
    for schema in schemas.values():
        Draft202012Validator.check_schema(schema)
    assert schemas["DrainRequest"]["additionalProperties"] is False


async def test_the_node_serves_this_document(node) -> None:
    async with node.http.get(
        f"{node.url}{ROOT}/openapi.json", headers=node.auth(Scope.READ)
    ) as response:
        assert await response.json() == json.loads(json.dumps(DOCUMENT))


@pytest.fixture
def running(tmp_path, services) -> Iterator[tuple[str, dict[str, str]]]:
    """The API in a thread of its own, for a client that blocks."""
    file = TokenFile(tmp_path / "tokens.json")
    token = file.create("fuzz", [Scope.ADMIN], 90, NOW)[0]
    sock = socket.create_server(("127.0.0.1", 0))
    url = f"http://127.0.0.1:{sock.getsockname()[1]}"
    loop, ready = asyncio.new_event_loop(), threading.Event()
    stop = asyncio.Event()

    async def serve() -> None:
        access = TokenAccess(file, lambda: NOW, lambda: 0.0)
        rates = Rates(changes=1e6, reads=1e6)
        listener = Listener(make_app(services, access, EventHub(), lambda: 0.0, rates=rates))
        await listener.start(sock)
        ready.set()
        await stop.wait()
        await listener.stop()

    thread = threading.Thread(target=lambda: loop.run_until_complete(serve()))
    thread.start()
    ready.wait(PATIENCE_SECONDS)
    yield url, {"Authorization": f"Bearer {token}"}
    loop.call_soon_threadsafe(stop.set)
    thread.join(PATIENCE_SECONDS)
    loop.close()


def test_requests_made_from_the_document_never_make_a_server_error(running) -> None:
    """Right and wrong ones; each answer is one that the document declares, in its form."""
    url, headers = running
    schema = schemathesis.openapi.from_dict(DOCUMENT)
    schema.config.base_url = url
    tried: set[tuple[str, int]] = set()
    for result in schema.get_all_operations():
        operation = result.ok()
        if operation.path.endswith("/events"):
            continue  # an answer without an end; test_events asks it
        for mode in schemathesis.GenerationMode:
            strategy = operation.as_strategy(generation_mode=mode)

            @hypothesis.seed(20261201)
            @hypothesis.settings(
                max_examples=EXAMPLES,
                database=None,
                suppress_health_check=list(hypothesis.HealthCheck),
            )
            @hypothesis.given(case=strategy)
            def attack(case: schemathesis.Case) -> None:
                response = case.call(headers=headers)
                tried.add((case.operation.definition.raw["operationId"], response.status_code))
                try:
                    case.validate_response(response, checks=CHECKS)
                except FailureGroup as failures:
                    pytest.fail("\n".join(map(str, failures.exceptions)))
                except Failure as failure:
                    pytest.fail(str(failure))

            try:
                attack()
            except hypothesis.errors.Unsatisfiable:
                assert mode is schemathesis.GenerationMode.NEGATIVE  # nothing can be wrong there
    statuses = {status for _, status in tried}
    assert max(statuses) < 500
    assert {("createDrain", 400), ("explainAnswer", 200), ("listDrains", 200)} <= tried
    assert {operation for operation, _ in tried} == {
        route.operation for route in ROUTES if not route.streams
    }
