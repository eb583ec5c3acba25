"""The demo: its policy is clean, its clients are where it says, its stand-ins say who they are."""

from __future__ import annotations

import ipaddress
import socket
import sys
from pathlib import Path

import pytest
from aiohttp import web
from aiohttp.test_utils import TestClient, TestServer

from gslb.cli.demo import (
    CLIENTS,
    FAILING,
    HTTP_PORT,
    ZONE,
    _start,
    instructions,
    stand_in,
    stand_ins,
    write_policy,
)
from gslb.errors import GslbError
from gslb.geo.load import embedded_table
from gslb.geo.lookup import locate
from gslb.policy.compile import compile_policies
from gslb.policy.plan import Plan
from gslb.policy.problems import Severity


@pytest.fixture
def plan(tmp_path: Path) -> Plan:
    """The demo's plan; a policy with errors has none."""
    made, problems = compile_policies([write_policy(tmp_path)])
    assert made is not None, problems
    return made


def test_the_policy_has_no_error_and_only_the_ipv6_warnings(tmp_path: Path) -> None:
    """Loopback has one IPv6 address only, so the stand-ins have none."""
    _, problems = compile_policies([write_policy(tmp_path)])
    said = [problem for problem in problems if problem.severity is Severity.WARNING]
    assert all("IPv6" in problem.text for problem in said), said


def test_the_clients_are_where_the_demo_says() -> None:
    """The embedded geo table places each network in its country."""
    table = embedded_table()
    for client in CLIENTS:
        address = str(ipaddress.ip_network(client.network)[0])
        assert locate(table, ipaddress.ip_address(address)).country == client.country


def test_the_stand_ins_are_the_endpoints_on_loopback(plan: Plan) -> None:
    """Every endpoint has one, at an address of its own."""
    pairs = list(stand_ins(plan))
    assert len(pairs) == 9
    assert len({address for _, address in pairs}) == 9
    assert all(ipaddress.ip_address(address).is_loopback for _, address in pairs)
    assert ("aws/us-east-1/use1-az1", "127.1.1.1") in pairs
    checks = {
        check.port for policy in plan.zones[0].policies for check in policy.checks.values() if check
    }
    assert checks == {HTTP_PORT}


async def test_a_stand_in_says_who_it_is() -> None:
    """The page and the health check have the same text; others are not there."""
    async with TestClient(TestServer(stand_in("aws/x/a", "127.1.1.1"))) as client:
        for path in ("/", "/healthz"):
            response = await client.get(path)
            assert (response.status, await response.text()) == (200, "aws/x/a at 127.1.1.1\n")
        assert (await client.get("/other")).status == 404


def test_the_instructions_can_be_copied(tmp_path: Path) -> None:
    """One query for each client, what it gives, and how to get out."""
    text = "\n".join(instructions(5301, tmp_path))
    for client in CLIENTS:
        assert f"dig @127.0.0.1 -p 5301 www.{ZONE} +short +subnet={client.network}" in text
        assert client.site in text
    assert "bind9-dnsutils" in text
    assert "Ctrl-C" in text


def test_a_folder_that_cannot_be_written_is_said(tmp_path: Path) -> None:
    """One line with the path."""
    (tmp_path / "file").write_text("")
    with pytest.raises(GslbError, match="cannot write"):
        write_policy(tmp_path / "file")


def test_the_commands_can_be_called_as_the_demo_was(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """`make demo` puts nothing into the path."""
    monkeypatch.setattr(sys, "argv", [".venv/bin/gslb", "demo"])
    monkeypatch.setenv("PATH", str(tmp_path))
    lines = instructions(5301, tmp_path / "a b")
    for command in ("explain", "status", "reload"):
        assert any(line.startswith(f"  .venv/bin/gslb {command} ") for line in lines)
    assert any(line.endswith(f"--state-directory '{tmp_path}/a b/state'") for line in lines)


async def test_a_stand_in_can_be_put_out_of_order() -> None:
    """Its health check fails until it is started again."""
    async with TestClient(TestServer(stand_in("aws/x/a", "127.1.1.1"))) as client:
        for path, status in (("/stop", 503), ("/start", 200)):
            assert (await client.post(path)).status == 200
            assert (await client.get("/healthz")).status == status


def test_the_instructions_say_how_a_zone_fails(plan: Plan, tmp_path: Path) -> None:
    """The stand-in is the one that is named."""
    text = "\n".join(instructions(5301, tmp_path))
    assert f"curl -X POST http://{FAILING}:{HTTP_PORT}/stop" in text
    assert ' drain aws --why "a try" --state-directory ' in text
    assert ("aws/us-east-1/use1-az1", FAILING) in stand_ins(plan)


async def test_a_second_demo_is_told_of_the_first() -> None:
    """The port of the stand-ins is the demo's own, so a demo has it most likely."""
    with socket.socket() as other:
        other.bind(("127.0.0.1", 0))
        other.listen()
        runner = web.AppRunner(stand_in("aws/x/a", "127.0.0.1"))
        await runner.setup()
        site = web.TCPSite(runner, "127.0.0.1", other.getsockname()[1])
        with pytest.raises(GslbError, match="a demo seems to run already"):
            await _start(site, "127.0.0.1")
        await runner.cleanup()
