"""A worker's orders, and the tables that it takes up. Whole workers run in tests/system."""

from __future__ import annotations

import asyncio
import json
import os
from dataclasses import replace
from pathlib import Path

import pytest

from gslb.answers.pack import pack
from gslb.dataplane.client import source_of
from gslb.dataplane.orders import Orders, Passed
from gslb.dataplane.settings import TcpSettings
from gslb.dataplane.worker import Worker, open_table, own_addresses, responder_settings
from gslb.errors import GslbError
from gslb.node.memory import make_blocks
from tests.conformance.conftest import build_content

ORDERS = Orders(
    number=3,
    table="/example/table-7.gslb",
    generation=7,
    control=4,
    sockets=(Passed("udp", "192.0.2.1:53", 5), Passed("tcp", "[2001:db8::1]:5300", 6)),
    counters=(7, 8),
    dataplane="auto",
    tcp=TcpSettings(max_connections=9),
    nsid="ns1",
    version=None,
    ecs_max4=20,
    ecs_max6=48,
    cookie_secrets=("11" * 16, "22" * 16),
    errors_per_second=5.0,
    responses_per_second=6.0,
    log_level="info",
    log_format="json",
)


def test_orders_arrive_as_they_were_sent() -> None:
    """JSON and back is the same value."""
    assert Orders.from_json(ORDERS.to_json()) == ORDERS


@pytest.mark.parametrize("octets", [b"", b"[]", b"{}", b"{", b'{"sockets": 1}', b"\xff"])
def test_orders_that_cannot_be_read_are_said_without_their_content(octets: bytes) -> None:
    """A supervisor that died before it wrote them leaves none."""
    with pytest.raises(GslbError, match="orders cannot be read"):
        Orders.from_json(octets)


def test_orders_with_a_key_too_many_are_refused() -> None:
    """Supervisor and worker of different versions notice."""
    orders = {**json.loads(ORDERS.to_json()), "new": 1}
    with pytest.raises(GslbError, match="orders cannot be read"):
        Orders.from_json(json.dumps(orders).encode())


def test_the_responder_is_told_what_the_orders_say() -> None:
    """Every limit arrives; the worker's own addresses are known as such."""
    settings = responder_settings(ORDERS)
    assert (settings.nsid, settings.version) == (b"ns1", None)
    assert (settings.ecs_max4, settings.ecs_max6) == (20, 48)
    assert settings.cookie_secrets == (b"\x11" * 16, b"\x22" * 16)
    assert (settings.errors_per_second, settings.responses_per_second) == (5.0, 6.0)
    assert settings.tcp_idle_seconds == ORDERS.tcp.idle_seconds
    assert settings.own == {(source_of("192.0.2.1"), 53), (source_of("2001:db8::1"), 5300)}


@pytest.mark.parametrize(
    ("listen", "host"),
    [
        ("192.0.2.1:53", "192.0.2.1"),
        ("0.0.0.0:53", "127.0.0.1"),
        ("[2001:db8::1]:53", "2001:db8::1"),
        ("[::]:53", "::1"),
    ],
)
def test_own_addresses_of_a_wildcard_are_the_loopback_ones(listen: str, host: str) -> None:
    """A query that claims to come from the server itself would start a loop."""
    assert own_addresses(listen) == [(source_of(host), 53)]


@pytest.mark.parametrize("octets", [b"", b"x", bytes(10_000)])
def test_a_file_that_is_no_table_is_refused(tmp_path: Path, octets: bytes) -> None:
    """Whatever is in it, the worker keeps what it has."""
    path = tmp_path / "table"
    path.write_bytes(octets)
    with pytest.raises(GslbError, match="table"):
        open_table(path)


def test_a_file_that_is_missing_is_refused(tmp_path: Path) -> None:
    """The error names it."""
    with pytest.raises(GslbError, match="cannot be mapped"):
        open_table(tmp_path / "none")


async def test_an_older_table_that_was_asked_for_meanwhile_is_refused(tmp_path: Path) -> None:
    """Two are told at once, the older one last: that it is older shows when its turn comes."""
    for generation in (2, 3):
        octets = pack(build_content(), generation, 0)
        (tmp_path / f"table-{generation}").write_bytes(octets)
    blocks = make_blocks(None, 0, 0)
    orders = replace(ORDERS, sockets=(), counters=tuple(blocks), dataplane="python", generation=0)
    worker = Worker(orders)
    fresh = make_blocks(None, 0, 0)
    newer, older = await asyncio.gather(
        *(
            worker.handle(
                {
                    "do": "serve",
                    "table": str(tmp_path / f"table-{generation}"),
                    "generation": generation,
                    "passed": fresh,
                }
            )
            for generation in (3, 2)
        )
    )
    assert newer == {"generation": 3}
    assert older == {"ok": False, "error": "generation 2 is older than 3", "generation": 3}
    worker._verifying.shutdown()
    for descriptor in (*worker._counters, *fresh):
        os.close(descriptor)
