"""``/push`` and what drains say of copies: who may ask for what, and how refusals are told."""

from __future__ import annotations

import pytest

from gslb.api.access import Scope
from gslb.api.services import PushRefusedError, UnavailableError
from gslb.state.audit import AuditError

DRAIN = {"location": "aws", "reason": "maintenance"}
URL = "/api/v1/push"
HASH = "0123456789abcdef"


async def post(node, path: str, body: object, scope: Scope = Scope.POLICY):
    async with node.http.post(node.url + URL + path, json=body, headers=node.auth(scope)) as got:
        return got.status, await got.json(content_type=None)


async def test_copies_are_listed_for_readers(node) -> None:
    async with node.http.get(node.url + URL, headers=node.auth(Scope.READ)) as response:
        (one,) = (await response.json())["copies"]
    assert (one["provider"], one["state"]) == ("route53", "pending")


async def test_a_drain_tells_how_copies_stand_and_may_wait_for_them(node) -> None:
    """Without the wish nobody waits."""
    states = []
    for query in ({}, {"wait": "push"}):
        async with node.http.post(
            node.url + "/api/v1/drains", json=DRAIN, params=query, headers=node.auth()
        ) as response:
            assert response.status == 201
            made = await response.json()
        states.append(made["copies"][0]["state"])
        async with node.http.delete(
            f"{node.url}/api/v1/drains/{made['drain']['id']}", params=query, headers=node.auth()
        ) as response:
            states.append((await response.json())["copies"][0]["state"])
    assert states == ["pending", "pending", "insync", "insync"]


@pytest.mark.parametrize(
    "body", [{"purge": True}, {"takeover": ["www.example.com"]}, {"predecessor": "old"}]
)
async def test_drastic_plans_are_for_admins(node, body: dict[str, object]) -> None:
    status, said = await post(node, "/plan", body)
    assert status == 403
    assert "admin" in said["detail"]
    assert node.services.copies.asked == []
    assert (await post(node, "/plan", body, Scope.ADMIN))[0] == 200


async def test_names_are_made_absolute(node) -> None:
    assert (await post(node, "/plan", {"zone": "Example.COM"}))[0] == 200
    assert node.services.copies.asked[0].zone == "example.com."
    status, said = await post(node, "/plan", {"zone": "a..b", "provider": "bind"})
    assert status == 400
    assert {one["where"] for one in said["errors"]} == {"body.zone", "body.provider"}


async def test_a_plan_that_does_not_fit_any_more_is_a_conflict(node) -> None:
    status, said = await post(node, "/apply", {"plan_hash": HASH})
    assert status == 202
    request, author = node.services.copies.asked[0]
    assert (request.plan_hash, request.force, author.name) == (HASH, False, "policy")
    node.services.copies.trouble = PushRefusedError("the state has moved")
    status, said = await post(node, "/apply", {"plan_hash": HASH})
    assert (status, said["detail"]) == (409, "the state has moved")


async def test_what_cannot_be_done_now_is_told(node) -> None:
    node.services.copies.trouble = UnavailableError("the settings name no copies")
    assert (await post(node, "/verify", {}))[0] == 503
    node.services.copies.trouble = AuditError("full")
    assert (await post(node, "/apply", {"plan_hash": HASH}))[0] == 507


@pytest.mark.parametrize("text", ["", "x" * 16, HASH.upper(), HASH + "0"])
async def test_what_is_no_hash_is_refused(node, text: str) -> None:
    assert (await post(node, "/apply", {"plan_hash": text}))[0] == 400
