"""The metrics port: formats, health and readiness, and who may look."""

from __future__ import annotations

import pytest
from prometheus_client import CollectorRegistry
from prometheus_client.openmetrics.parser import text_string_to_metric_families as parse_open
from prometheus_client.parser import text_string_to_metric_families as parse

from gslb.api.access import Scope, TokenAccess
from gslb.api.problems import HEADERS
from gslb.api.telemetry import make_telemetry
from gslb.desk.scrape import ValuesCollector


@pytest.fixture
def missing() -> list[str]:
    return []


@pytest.fixture
async def telemetry(make_node, missing):
    registry = CollectorRegistry(auto_describe=False)
    registry.register(ValuesCollector([lambda: {"gslb_site_capacity_ratio": {("aws/x",): 0.5}}]))
    return await make_node(app=make_telemetry(registry, lambda: missing))


async def get(node, path: str, **headers: str):
    async with node.http.get(node.url + path, headers=headers) as response:
        assert all(response.headers[name] == value for name, value in HEADERS.items())
        return response.status, await response.text(), response.headers["Content-Type"]


async def test_metrics_come_in_both_formats(telemetry) -> None:
    for accept, reader, kind in (
        ("", parse, "text/plain"),
        ("application/openmetrics-text;version=1.0.0", parse_open, "application/openmetrics-text"),
    ):
        status, text, content_type = await get(telemetry, "/metrics", Accept=accept)
        assert status == 200
        assert content_type.startswith(kind)
        (family,) = reader(text)
        assert [(one.labels, one.value) for one in family.samples] == [({"site": "aws/x"}, 0.5)]


async def test_alive_and_ready_are_different_things(telemetry, missing) -> None:
    assert (await get(telemetry, "/readyz"))[:2] == (200, "ok\n")
    missing.append("no policy is loaded")
    missing.append("worker 1 does not serve")
    assert (await get(telemetry, "/readyz"))[:2] == (
        503,
        "no policy is loaded\nworker 1 does not serve\n",
    )
    assert (await get(telemetry, "/healthz"))[:2] == (200, "ok\n")


async def test_nothing_else_is_there(telemetry) -> None:
    for path in ("/", "/debug", "/metrics/", "/api/v1/status", "/metrics/../healthz/.."):
        assert (await get(telemetry, path))[0] == 404
    for method in ("POST", "HEAD", "OPTIONS"):
        async with telemetry.http.request(method, telemetry.url + "/metrics") as response:
            assert response.status == 405
            assert response.headers["Allow"] == "GET"


async def test_with_access_only_readers_see_metrics_and_everybody_sees_health(make_node) -> None:
    plain = await make_node()
    access = TokenAccess(plain.file, lambda: plain.file.tokens()[0].created, lambda: 0.0)
    app = make_telemetry(CollectorRegistry(), lambda: (), access=access)
    node = await make_node(app=app)
    assert (await get(node, "/metrics"))[0] == 401
    assert (await get(node, "/metrics", **node.auth(Scope.READ)))[0] == 200
    assert (await get(node, "/readyz"))[0] == 200
