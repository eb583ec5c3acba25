"""What a node begins with: all that a worker is told, and no secret in what is kept of it."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from gslb.errors import GslbError
from gslb.listen import Listen
from gslb.node.outset import MIN_CONNECTIONS, MIN_PER_CLIENT, Outset, outset_of
from gslb.settings import EcsSection, LogSection, RateSection, Settings, TcpSection

SETTINGS = Settings(
    listen=(Listen(address="192.0.2.1", port=53), Listen(address="2001:db8::1", port=5300)),
    state_directory=Path("/example/state"),
    workers=3,
    nsid="ams1",
    dataplane="python",
    tcp=TcpSection(max_connections=9000, max_per_client=90, idle_seconds=7),
    ecs=EcsSection(max_prefix4=20, max_prefix6=48),
    rate=RateSection(errors_per_second=5, responses_per_second=50),
    log=LogSection(level="debug", format="json"),
)


def test_workers_share_the_limits_of_the_node() -> None:
    template = outset_of(SETTINGS).template
    assert (template.tcp.max_connections, template.tcp.max_per_client) == (3000, 30)
    few = Settings(workers=100, tcp=TcpSection(max_connections=100, max_per_client=10))
    template = outset_of(few).template
    assert template.tcp.max_connections == MIN_CONNECTIONS
    assert template.tcp.max_per_client == MIN_PER_CLIENT


def test_what_is_written_is_read_again() -> None:
    outset = outset_of(SETTINGS)
    assert Outset.from_data(json.loads(json.dumps(outset.to_data()))) == outset


def test_secrets_are_told_to_workers_and_not_kept() -> None:
    outset = outset_of(SETTINGS)
    assert outset.orders((b"\x01" * 16,)).cookie_secrets == ("01" * 16,)
    assert outset.to_data()["template"]["cookie_secrets"] == []


@pytest.mark.parametrize("key", ["state_directory", "listen", "workers", "template"])
@pytest.mark.parametrize("value", [None, 5, "?", ["192.0.2.1:0"], {"tcp": {}}])
def test_what_cannot_be_read_is_refused_in_one_way(key: str, value: object) -> None:
    data = outset_of(SETTINGS).to_data()
    if isinstance(value, int) and key == "workers":
        value = "many"
    if isinstance(value, str) and key == "state_directory":
        value = [value]
    for bad in ({**data, key: value}, {k: v for k, v in data.items() if k != key}, None, []):
        with pytest.raises(GslbError):
            Outset.from_data(bad)
