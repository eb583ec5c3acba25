"""Dialogues with the API: what a caller asks, and all that he may see of the answer."""

from __future__ import annotations

import io
import json
import random
from typing import Any

import pytest

from gslb.api.access import Scope, everything_in
from gslb.api.app import ROUTES
from gslb.api.drains import ROUTES as DRAIN_ROUTES
from gslb.api.problems import HEADERS
from gslb.api.routes import ROOT, Route
from gslb.api.services import UnavailableError
from gslb.state.audit import AuditError
from gslb.state.database import StoreError

DRAIN = {"location": "aws", "reason": "maintenance"}
BODIES: dict[str, Any] = {
    "createDrain": DRAIN,
    "planPush": {},
    "applyPush": {"plan_hash": "0" * 16},
    "verifyPush": {},
}
QUERIES = {"explainAnswer": {"name": "www.example.com", "client": "192.0.2.0/24"}}
ASKING = [route for route in ROUTES if route.operation != "getOpenApi"]  # it asks nobody


def path_of(route: Route) -> str:
    return ROOT + route.path.replace("{id}", "1")


async def ask(node, route: Route, headers: dict[str, str]):
    return node.http.request(
        route.method,
        node.url + path_of(route),
        headers=headers,
        json=BODIES.get(route.operation),
        params=QUERIES.get(route.operation),
    )


def test_the_routes_are_the_allowed_ones_and_nothing_else() -> None:
    assert {(route.method, route.path, route.scope.value) for route in ROUTES} == {
        ("POST", "/drains", "drain"),
        ("GET", "/drains", "read"),
        ("DELETE", "/drains/{id}", "drain"),
        ("GET", "/locations", "read"),
        ("GET", "/status", "read"),
        ("GET", "/explain", "read"),
        ("GET", "/push", "read"),
        ("POST", "/push/plan", "policy"),
        ("POST", "/push/apply", "policy"),
        ("POST", "/push/verify", "policy"),
        ("GET", "/events", "read"),
        ("GET", "/openapi.json", "read"),
    }


@pytest.mark.parametrize("route", ROUTES, ids=lambda route: route.operation)
async def test_each_route_takes_exactly_the_scopes_that_it_declares(node, route) -> None:
    node.services.overrides = {}
    for scope in Scope:
        async with await ask(node, route, node.auth(scope)) as response:
            allowed = route.scope in everything_in([scope])
            assert (response.status == 403) is not allowed, (scope, response.status)
            if allowed:
                assert response.status in {200, 201, 202, 404}
            else:
                assert f'scope="{route.scope}"' in response.headers["WWW-Authenticate"]
    async with await ask(node, route, {}) as response:
        assert response.status == 401
        assert response.headers["WWW-Authenticate"].startswith("Bearer")


@pytest.mark.parametrize("route", ROUTES, ids=lambda route: route.operation)
async def test_methods_that_nobody_declared_get_405_with_what_is_allowed(node, route) -> None:
    allowed = {one.method for one in ROUTES if one.path == route.path}
    for method in {"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "TRACE"} - allowed:
        async with node.http.request(
            method, node.url + path_of(route), headers=node.auth()
        ) as response:
            assert response.status == 405, method
            assert set(response.headers["Allow"].split(",")) == allowed
            assert "Access-Control-Allow-Origin" not in response.headers


async def test_a_drain_from_plan_to_end(node) -> None:
    """Dry run, drain, listing, tree, end; each with its place in the audit."""
    url, auth = f"{node.url}{ROOT}/drains", node.auth(Scope.DRAIN)
    async with node.http.post(url, headers=auth, json={**DRAIN, "dry_run": True}) as response:
        assert response.status == 200
        planned = await response.json()
        assert planned["dry_run"] is True
        assert planned["plan"]["endpoints"] == ["aws/us-east-1/use1-az1", "aws/us-east-1/use1-az2"]
    assert node.services.overrides == {}

    async with node.http.post(url, headers=auth, json={**DRAIN, "seconds": 60}) as response:
        assert response.status == 201
        assert response.headers["Location"] == f"{ROOT}/drains/1"
        made = await response.json()
        request_id = response.headers["X-Request-Id"]
    assert made["drain"]["expires"] == "2026-12-01T06:01:00Z"
    assert made["drain"]["safe_to_stop_at"] == "2026-12-01T06:15:00Z"
    assert made["plan"] == planned["plan"]
    reason, author = node.services.authors[0]
    assert (reason, author.name, author.address) == ("maintenance", "drain", "127.0.0.1")
    assert author.via.startswith("token ")
    assert author.request == request_id

    async with node.http.get(url, headers=node.auth(Scope.READ)) as response:
        assert (await response.json())["drains"] == [made["drain"]]
    async with node.http.get(
        f"{node.url}{ROOT}/locations", headers=node.auth(Scope.READ)
    ) as response:
        cloud = (await response.json())["clouds"][0]
        (leaf,) = cloud["children"]
        assert [one["id"] for one in cloud["overrides"]] == [1]
        assert leaf["overrides"] == [], "it begins above"
        assert (cloud["file_drain"], leaf["file_drain"]["where"]) == (None, "shop.yaml:12:5")
        assert (cloud["status"], cloud["capacity"], cloud["waiting"]) == ("partly", 0.5, 1)

    for status in (200, 404):
        async with node.http.delete(
            f"{url}/1", headers=auth, params={"reason": "done"}
        ) as response:
            assert response.status == status
    assert node.services.authors[1][0] == "done"


async def test_the_guard_refuses_with_its_plan_until_it_is_forced(node) -> None:
    url, everything = f"{node.url}{ROOT}/drains", {"location": "*", "reason": "game day"}
    async with node.http.post(url, headers=node.auth(), json=everything) as response:
        assert response.status == 409
        assert response.content_type == "application/problem+json"
        problem = await response.json()
        assert problem["plan"]["refusals"] == ["www.example.com would keep no endpoint"]
        assert problem["detail"] == "www.example.com would keep no endpoint"
    assert node.services.overrides == {}
    async with node.http.post(
        url, headers=node.auth(), json={**everything, "force": True}
    ) as response:
        assert response.status == 201
        assert (await response.json())["drain"]["forced"] is True


WRONG: list[tuple[dict[str, Any], set[str]]] = [
    ({}, {"body.location", "body.reason"}),
    ({**DRAIN, "author": "root"}, {"body.author"}),
    ({"location": "aws", "reason": "a\nb"}, {"body.reason"}),
    ({"location": "aws/../gcp;", "reason": ""}, {"body.location", "body.reason"}),
    ({**DRAIN, "force": "true", "seconds": 1.0}, {"body.force"}),
    ({**DRAIN, "seconds": 10**30}, {"body.seconds"}),
    ({**DRAIN, "seconds": 5, "without_end": True}, {"body"}),
    ({**DRAIN, "until": "2026-12-01T07:00:00"}, {"body.until"}),
    ({**DRAIN, "until": "2027-12-01T07:00:00Z"}, {"body.until"}),
    ({**DRAIN, "kind": "force-up", "gradual": True}, {"body"}),
]


@pytest.mark.parametrize(("body", "where"), WRONG)
async def test_a_wrong_body_gets_every_fault_with_its_place(node, body, where) -> None:
    async with node.http.post(
        f"{node.url}{ROOT}/drains", headers=node.auth(), json=body
    ) as response:
        assert response.status == 400
        assert {fault["where"] for fault in (await response.json())["errors"]} >= where
    assert node.services.overrides == {}


async def test_an_unknown_location_is_told_with_what_may_be_meant(node) -> None:
    async with node.http.post(
        f"{node.url}{ROOT}/drains", headers=node.auth(), json={**DRAIN, "location": "aws/us-east-2"}
    ) as response:
        assert response.status == 400
        assert "did you mean aws/us-east-1?" in (await response.json())["detail"]


RAW: list[tuple[bytes, str, int]] = [
    (b"", "application/json", 400),
    (b"{", "application/json", 400),
    (b"[]", "application/json", 400),
    (b'{"location":"aws","location":"gcp","reason":"x"}', "application/json", 400),
    (b'{"location":"aws","reason":NaN}', "application/json", 400),
    (b'{"location":"aws","reason":"\\ud800"}', "application/json", 400),
    (b'{"location":"aws","reason":"\xff"}', "application/json", 400),
    (b"[" * 33 + b"]" * 33, "application/json", 400),
    (b"[" * 500_000, "application/json", 400),
    (b"1" * 5000, "application/json", 400),
    (b'"' + b"x" * (1 << 20), "application/json", 413),
    (json.dumps(DRAIN).encode(), "text/plain", 415),
    (json.dumps(DRAIN).encode(), "application/x-www-form-urlencoded", 415),
]


@pytest.mark.parametrize(("octets", "kind", "status"), RAW)
async def test_octets_that_are_no_proper_json_are_refused(node, octets, kind, status) -> None:
    headers = {**node.auth(), "Content-Type": kind}
    async with node.http.post(
        f"{node.url}{ROOT}/drains", headers=headers, data=io.BytesIO(octets)
    ) as response:
        assert response.status == status
        assert (await response.json(content_type="application/problem+json"))["status"] == status


async def test_brackets_within_strings_are_not_depth(node) -> None:
    body = {"location": "aws", "reason": '[{"\\' * 40}
    async with node.http.post(
        f"{node.url}{ROOT}/drains", headers=node.auth(), json=body
    ) as response:
        assert response.status == 201


async def test_explain_passes_every_parameter_on(node) -> None:
    params = [
        ("name", "www.example.com"),
        ("client", "192.0.2.0/24"),
        ("type", "AAAA"),
        ("what_if", "down:aws"),
        ("what_if", "drain:gcp/*"),
    ]
    async with node.http.get(
        f"{node.url}{ROOT}/explain", headers=node.auth(), params=params
    ) as response:
        story = await response.json()
    assert (story["rtype"], story["notes"]) == ("AAAA", ["down:aws", "drain:gcp/*"])


BAD_QUERIES = [
    [("client", "192.0.2.1")],
    [("name", "a"), ("name", "b"), ("client", "192.0.2.1")],
    [("name", "a"), ("client", "192.0.2.1"), ("debug", "1")],
    [("name", "é.example.com"), ("client", "192.0.2.1")],
    [("name", "a"), ("client", "192.0.2.1"), *[("what_if", "down:aws")] * 33],
]


@pytest.mark.parametrize("params", BAD_QUERIES)
async def test_a_wrong_query_gets_400(node, params) -> None:
    async with node.http.get(
        f"{node.url}{ROOT}/explain", headers=node.auth(), params=params
    ) as response:
        assert response.status == 400


async def test_routes_without_parameters_take_none(node) -> None:
    async with node.http.get(f"{node.url}{ROOT}/status?x=1", headers=node.auth()) as response:
        assert response.status == 400
        assert (await response.json())["errors"][0]["where"] == "query.x"
    async with node.http.get(
        f"{node.url}{ROOT}/status", headers=node.auth(), data=b"x"
    ) as response:
        assert response.status == 400


async def test_every_response_has_the_security_headers_and_an_id(node) -> None:
    """Answers, errors of handlers, of routing, of HTTP itself."""
    node.services.trouble = None
    seen = set()
    for path, headers in (
        ("/status", node.auth()),
        ("/status", {}),
        ("/nothing", node.auth()),
        ("/status", {**node.auth(), "Content-Length": "x"}),
    ):
        async with node.http.get(node.url + ROOT + path, headers=headers) as response:
            seen.add(response.status)
            for name, value in HEADERS.items():
                assert response.headers.getall(name) == [value], (response.status, name)
            assert len(response.headers["X-Request-Id"]) == 16
            if response.status != 200:
                problem = await response.json(content_type="application/problem+json")
                assert problem["instance"].endswith(response.headers["X-Request-Id"])
    assert seen == {200, 401, 404, 400}


@pytest.mark.parametrize(
    ("trouble", "status"),
    [
        (UnavailableError("the store is locked"), 503),
        (StoreError("secret-inside"), 503),
        (AuditError("secret-inside"), 507),
        (RuntimeError("secret-inside"), 500),
        (KeyError("secret-inside"), 500),
    ],
)
@pytest.mark.parametrize("route", ASKING, ids=lambda route: route.operation)
async def test_trouble_in_any_handler_is_a_problem_and_tells_no_secret(
    node, route, trouble, status
) -> None:
    node.services.trouble = trouble
    async with await ask(node, route, {**node.auth(), "Last-Event-ID": "0"}) as response:
        assert response.status == status
        text = await response.text()
        assert "secret-inside" not in text
        assert "Traceback" not in text
    node.services.trouble = None
    async with node.http.get(f"{node.url}{ROOT}/status", headers=node.auth()) as response:
        assert response.status == 200


async def test_requests_are_counted_by_route_and_never_by_what_strangers_write(node) -> None:
    for path in ("/status", "/status", "/x1", "/x2", "/drains/5?reason=y"):
        async with node.http.get(node.url + ROOT + path, headers=node.auth()):
            pass
    async with node.http.request("MKCOL", node.url + ROOT + "/status"):
        pass
    assert node.counts.by_kind == {
        ("GET", f"{ROOT}/status", "200"): 2,
        ("GET", "unmatched", "404"): 2,
        ("GET", "unmatched", "405"): 1,
        ("other", "unmatched", "405"): 1,
    }


async def test_fuzzed_bodies_never_make_a_server_error(node) -> None:
    """Mutations of a right body, octet by octet and value by value; seeded."""
    dice = random.Random(20261201)
    values = [None, True, -1, 2**63, 1e308, "", "x" * 600, [], {}, [[]], "\x00", "aws", "*/*/*/*/*"]
    names = [*DRAIN, "kind", "seconds", "until", "without_end", "gradual", "dry_run", "force", "q"]
    statuses = set()
    for number in range(300):
        body: Any = {**DRAIN, **{dice.choice(names): dice.choice(values) for _ in range(2)}}
        octets = bytearray(json.dumps(body).encode())
        if number % 2:
            for _ in range(dice.randrange(1, 4)):
                octets[dice.randrange(len(octets))] = dice.randrange(256)
        async with node.http.post(
            f"{node.url}{ROOT}/drains",
            headers={**node.auth(), "Content-Type": "application/json"},
            data=bytes(octets),
        ) as response:
            statuses.add(response.status)
            assert response.status < 500, bytes(octets)
    assert {201, 400} <= statuses


def test_changes_are_declared_as_what_they_are() -> None:
    assert {route.operation for route in ROUTES if route.changes} == {
        "createDrain", "deleteDrain", "planPush", "applyPush", "verifyPush",
    }  # fmt: skip
    assert all(route.scope is Scope.DRAIN for route in DRAIN_ROUTES if route.changes)
