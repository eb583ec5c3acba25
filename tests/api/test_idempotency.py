"""A change that is asked for again with its key is made once."""

from __future__ import annotations

import asyncio

import pytest

from gslb.api import idempotency
from gslb.api.access import Scope
from gslb.api.idempotency import KEPT_SECONDS, Changes
from gslb.api.problems import ApiProblem
from gslb.api.routes import ROOT, Reply
from gslb.api.services import Once, UnavailableError
from gslb.state.replies import KeptReply

DRAIN = {"location": "aws", "reason": "maintenance"}


async def post(node, key: str | None, body=DRAIN, scope: Scope = Scope.DRAIN):
    headers = node.auth(scope) | ({} if key is None else {"Idempotency-Key": key})
    async with node.http.post(f"{node.url}{ROOT}/drains", headers=headers, json=body) as response:
        return response.status, await response.json(content_type=None), response.headers


async def test_the_same_key_and_body_get_the_same_answer_and_one_drain(node) -> None:
    first = await post(node, "k1")
    again = await post(node, "k1", dict(reversed(DRAIN.items())))
    assert first[:2] == again[:2]
    assert first[2]["Location"] == again[2]["Location"]
    assert node.services.made == 1
    assert (await post(node, "k2"))[0] == 201
    assert (await post(node, None))[0] == (await post(node, None))[0] == 201
    assert node.services.made == 4


async def test_what_holds_though_answers_do_not_follow_is_202_and_made_once(node) -> None:
    node.services.pending = "drain 1 holds, but answers do not follow yet: no room"
    status, made, headers = await post(node, "k1")
    assert (status, made["pending"]) == (202, node.services.pending)
    assert headers["Location"] == f"{ROOT}/drains/1"
    assert (await post(node, "k1"))[:2] == (202, made)
    assert node.services.made == 1
    url = f"{node.url}{ROOT}/drains/1"
    async with node.http.delete(url, headers=node.auth(Scope.DRAIN)) as response:
        assert response.status == 202
        assert (await response.json())["pending"] == node.services.pending


async def test_the_same_key_with_another_body_gets_422(node) -> None:
    await post(node, "k1")
    assert (await post(node, "k1", {**DRAIN, "reason": "other"}))[0] == 422
    assert node.services.made == 1


async def test_keys_of_different_callers_have_nothing_to_do_with_each_other(node) -> None:
    await post(node, "k1")
    assert (await post(node, "k1", {**DRAIN, "reason": "other"}, Scope.ADMIN))[0] == 201


@pytest.mark.parametrize("key", ["", "a b", "x" * 256])
async def test_a_bad_key_gets_400_and_no_drain(node, key) -> None:
    assert (await post(node, key))[0] == 400
    assert node.services.made == 0


async def held(node) -> tuple[asyncio.Task, asyncio.Event]:
    """Return a change that is under way, and what lets it end."""
    gate, arrived = asyncio.Event(), asyncio.Event()

    async def wait() -> None:
        arrived.set()
        await gate.wait()

    node.services.gate = wait
    first = asyncio.create_task(post(node, "k1"))
    await arrived.wait()
    return first, gate


async def test_two_at_the_same_time_make_one_drain(node) -> None:
    first, gate = await held(node)
    second = asyncio.create_task(post(node, "k1"))
    await asyncio.sleep(0)
    gate.set()
    assert (await first)[:2] == (await second)[:2]
    assert node.services.made == 1


async def test_a_caller_who_goes_away_does_not_stop_the_change(node) -> None:
    first, gate = await held(node)
    first.cancel()
    with pytest.raises(asyncio.CancelledError):
        await first
    gate.set()
    assert (await post(node, "k1"))[0] == 201
    assert node.services.made == 1


async def test_a_refusal_by_the_guard_is_kept_and_trouble_is_not(node) -> None:
    everything = {"location": "*", "reason": "x"}
    assert (await post(node, "k1", everything))[0] == 409
    assert (await post(node, "k1", everything))[0] == 409
    node.services.trouble = UnavailableError("busy")
    assert (await post(node, "k2"))[0] == 503
    node.services.trouble = None
    assert (await post(node, "k2"))[0] == 201


async def reply_of(number: int) -> Reply:
    return Reply(200, str(number).encode())


async def test_answers_are_forgotten_by_age_and_by_number(monkeypatch) -> None:
    monkeypatch.setattr(idempotency, "MAX_KEPT", 3)
    now = [0.0]
    changes = Changes(lambda: now[0])

    async def ask(key: str, number: int) -> int:
        return int((await changes.once(Once("c", key, b""), lambda: reply_of(number))).octets)

    assert [await ask(key, n) for n, key in enumerate("abca")] == [0, 1, 2, 0]
    assert await ask("d", 3) == 3
    assert await ask("a", 4) == 4, "the oldest was forgotten"
    assert await ask("d", 5) == 3
    now[0] = KEPT_SECONDS + 1
    assert await ask("d", 6) == 6


async def test_changes_at_one_time_are_bounded(monkeypatch) -> None:
    monkeypatch.setattr(idempotency, "MAX_RUNNING", 1)
    changes, gate = Changes(lambda: 0.0), asyncio.Event()

    async def slow() -> Reply:
        await gate.wait()
        return Reply(200, b"1")

    first = asyncio.create_task(changes.once(Once("c", "k", b""), slow))
    await asyncio.sleep(0)
    with pytest.raises(UnavailableError):
        await changes.once(None, slow)
    gate.set()
    assert (await first).status == 200
    await changes.finish()


async def test_what_an_earlier_run_has_answered_is_answered_again() -> None:
    kept = KeptReply("c", "k", b"f", 202, b"{}", "/api/v1/drains/7")
    known = {("c", "k"): kept}
    changes = Changes(lambda: 0.0, lambda *name: known.get(name))
    again = await changes.once(Once("c", "k", b"f"), lambda: reply_of(1))
    assert again == Reply(202, b"{}", (("Location", "/api/v1/drains/7"),))
    with pytest.raises(ApiProblem) as other:
        await changes.once(Once("c", "k", b"g"), lambda: reply_of(1))
    assert other.value.status == 422
    assert (await changes.once(Once("d", "k", b"f"), lambda: reply_of(1))).octets == b"1"


async def test_a_problem_reaches_everybody_who_waits_for_it() -> None:
    changes, gate = Changes(lambda: 0.0), asyncio.Event()

    async def fail() -> Reply:
        await gate.wait()
        raise ApiProblem(400, "no")

    waiting = [asyncio.create_task(changes.once(Once("c", "k", b""), fail)) for _ in range(2)]
    await asyncio.sleep(0)
    gate.set()
    results = await asyncio.gather(*waiting, return_exceptions=True)
    assert [str(one) for one in results] == ["no", "no"]
