"""Who comes in: by token over TCP, by user over the Unix socket, and who does not."""

from __future__ import annotations

import os
from datetime import timedelta
from pathlib import Path

import aiohttp

from gslb.api.access import Scope, SocketAccess, TokenAccess, everything_in
from gslb.api.app import make_app
from gslb.api.backoff import FREE_FAILURES
from gslb.api.counts import RequestCounts
from gslb.api.events import EventHub
from gslb.api.listener import SOCKET_NAME, Listener, local_socket
from gslb.api.pipeline import Rates
from gslb.api.routes import ROOT
from gslb.api.tokens import new_token

STATUS = f"{ROOT}/status"


async def status(node, **headers: str) -> tuple[int, dict[str, str]]:
    async with node.http.get(node.url + STATUS, headers=headers) as response:
        return response.status, dict(response.headers)


def test_scopes_include_what_their_holders_need() -> None:
    assert everything_in([Scope.DRAIN]) == {Scope.DRAIN, Scope.READ}
    assert everything_in([Scope.ADMIN]) == set(Scope) - {Scope.AGENT}
    assert everything_in([Scope.AGENT]) == {Scope.AGENT}
    assert Scope.DRAIN not in everything_in([Scope.POLICY, Scope.READ])
    assert everything_in([]) == frozenset()


async def test_only_a_whole_right_token_in_its_header_lets_in(node) -> None:
    token = node.tokens[Scope.READ]
    assert (await status(node, Authorization=f"Bearer {token}"))[0] == 200
    assert (await status(node, Authorization=f"bearer {token}"))[0] == 200
    for wrong in (token, f"Basic {token}", f"Bearer {token[:-1]}", "Bearer ", f"Bearer {token} x"):
        code, headers = await status(node, Authorization=wrong)
        assert code == 401
        assert 'error="invalid_token"' in headers["WWW-Authenticate"]
    async with node.http.get(f"{node.url}{STATUS}?access_token={token}") as response:
        assert response.status == 401, "a token never goes into an address"


async def test_guesses_are_slowed_down_by_network_and_a_pause_helps(node) -> None:
    for _ in range(FREE_FAILURES):
        assert (await status(node, Authorization=f"Bearer {new_token()}"))[0] == 401
    code, headers = await status(node, **node.auth())
    assert (code, headers["Retry-After"]) == (429, "2")
    node.time[0] += 1.1
    assert (await status(node, **node.auth()))[0] == 200
    assert (await status(node, Authorization="Bearer x"))[0] == 401
    assert (await status(node, **node.auth()))[1]["Retry-After"] == "3"


async def test_requests_without_a_token_are_no_guesses(node) -> None:
    for _ in range(FREE_FAILURES + 5):
        assert (await status(node))[0] == 401
    assert (await status(node, **node.auth()))[0] == 200


async def test_forwarded_addresses_are_not_believed(node) -> None:
    for number in range(FREE_FAILURES):
        await status(
            node,
            Authorization=f"Bearer {new_token()}",
            **{"X-Forwarded-For": f"198.51.100.{number}", "Forwarded": "for=203.0.113.5"},
        )
    assert (await status(node, **node.auth()))[0] == 429


async def test_tokens_that_cannot_be_read_let_nobody_in(node) -> None:
    node.file.path.write_text("broken")
    code, headers = await status(node, **node.auth())
    assert (code, headers["Retry-After"]) == (503, "1")


async def test_a_revoked_token_is_out_with_the_next_request(node) -> None:
    read = next(one for one in node.file.tokens() if one.name == "read")
    node.file.revoke(read.id)
    assert (await status(node, **node.auth(Scope.READ)))[0] == 401
    assert (await status(node, **node.auth(Scope.DRAIN)))[0] == 200


async def test_each_caller_has_a_rate_of_his_own(make_node) -> None:
    node = await make_node(rates=Rates(changes=1, reads=2))
    codes = [(await status(node, **node.auth(Scope.READ)))[0] for _ in range(6)]
    assert codes == [200] * 4 + [429] * 2
    assert (await status(node, **node.auth(Scope.DRAIN)))[0] == 200
    node.time[0] += 0.5
    assert (await status(node, **node.auth(Scope.READ)))[0] == 200


async def over_socket(tmp_path: Path, services, users: set[int]) -> int:
    """Return the status code of a request to the Unix socket."""
    app = make_app(services, SocketAccess(users), EventHub(), lambda: 0.0, RequestCounts())
    listener, path = Listener(app), tmp_path / SOCKET_NAME
    await listener.start(local_socket(path))
    try:
        assert path.stat().st_mode & 0o777 == 0o600
        async with (
            aiohttp.ClientSession(connector=aiohttp.UnixConnector(str(path))) as http,
            http.post(
                f"http://local{ROOT}/drains", json={"location": "aws", "reason": "x"}
            ) as response,
        ):
            return response.status
    finally:
        await listener.stop()


async def test_the_socket_takes_file_permissions_for_a_token(node, tmp_path) -> None:
    assert await over_socket(tmp_path, node.services, {os.geteuid()}) == 201
    author = node.services.authors[0][1]
    assert (author.name, author.via, author.address) == (f"uid {os.geteuid()}", "socket", "")


async def test_the_socket_refuses_users_that_it_does_not_know(node, tmp_path) -> None:
    assert await over_socket(tmp_path, node.services, {os.geteuid() + 1}) == 401


async def test_socket_access_over_tcp_admits_nobody(make_node) -> None:
    node = await make_node(access=SocketAccess({os.geteuid()}))
    assert (await status(node))[0] == 401
    assert (await status(node, **node.auth()))[0] == 401


async def test_a_token_that_expires_is_no_longer_still_valid(node) -> None:
    now = [node.file.tokens()[0].created]
    access = TokenAccess(node.file, lambda: now[0], lambda: 0.0)

    class Request:
        remote = "192.0.2.1"
        headers = type("H", (), {"getall": lambda *_: [node.auth(Scope.READ)["Authorization"]]})()

    caller = access.admit(Request())  # type: ignore[arg-type]
    assert access.still(caller)
    now[0] += timedelta(days=90)
    assert not access.still(caller)
