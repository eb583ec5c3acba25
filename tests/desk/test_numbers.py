"""Numbers of a node: counters never fall, and every value is one that a metric has."""

from __future__ import annotations

import json
from datetime import UTC, datetime

from prometheus_client import CollectorRegistry
from prometheus_client.exposition import generate_latest

from gslb.api.counts import RequestCounts
from gslb.api.models import Drain
from gslb.desk import numbers
from gslb.desk.desk import state_of
from gslb.metrics import Values, ValuesCollector
from gslb.state.overrides import Kind, Override
from gslb.state.tree import Node

AT = datetime(2026, 12, 1, tzinfo=UTC)


def worker(pid: int, received: int, *, serving: bool = True) -> dict[str, object]:
    return {
        "worker": 0,
        "pid": pid,
        "serving": serving,
        "udp": {"received": received, "silent": 1, "unsent": 0},
        "tcp": {"received": 2},
        "rcodes": {"0": received, "3": 1},
    }


def shown(*values: Values) -> str:
    registry = CollectorRegistry()
    registry.register(ValuesCollector([lambda one=one: one for one in values]))
    return generate_latest(registry).decode()


def test_counters_go_on_when_a_worker_is_started_again() -> None:
    totals = numbers.WorkerTotals()
    totals.take([worker(1, 10)])
    totals.take([worker(1, 0, serving=False)])
    totals.take([worker(2, 3)])
    text = shown(totals.values())
    assert 'gslb_dns_requests_total{family="",proto="udp",type="",zone=""} 13.0' in text
    assert 'gslb_dns_responses_total{rcode="NXDOMAIN",zone=""} 2.0' in text
    assert 'gslb_dns_dropped_total{reason="no answer due"} 2.0' in text


def test_drains_are_shown_with_their_end() -> None:
    one = Override(Kind.DRAIN, "aws", "ops", "why", AT, AT.replace(hour=4), id=1)
    other = Override(Kind.DRAIN, "aws", "ops", "why", AT, AT.replace(hour=2), id=2)
    endless = Override(Kind.FORCE_UP, "gcp", "ops", "why", AT, None, id=3)
    text = shown(numbers.drains([Drain.of(drain, AT) for drain in (one, other, endless)]))
    assert 'gslb_drain_active{scope="drain",target="aws"} 1.0' in text
    assert 'gslb_drain_active{scope="force-up",target="gcp"} 1.0' in text
    end = AT.replace(hour=4).timestamp()
    assert numbers.drains([Drain.of(one, AT), Drain.of(other, AT)])[
        "gslb_drain_expiry_timestamp_seconds"
    ] == {("drain", "aws"): end}


def test_each_zone_has_one_state() -> None:
    zone = Node("aws/r/z", 1, 1, 0, 0, 1, 0, 0, 10, 0.0, None)
    site = Node("aws/r", 1, 1, 0, 0, 1, 0, 0, 10, 0.0, None, (zone,))
    text = shown(
        numbers.endpoints([Node("aws", 1, 1, 0, 0, 1, 0, 0, 10, 0.0, None, (site,))], state_of)
    )
    assert 'gslb_endpoint_state{site="aws/r",state="drained",zone="z"} 1.0' in text
    assert 'gslb_endpoint_state{site="aws/r",state="up",zone="z"} 0.0' in text
    assert 'gslb_site_capacity_ratio{site="aws/r"} 0.0' in text


def test_the_program_and_its_requests_are_known() -> None:
    counts = RequestCounts()
    counts.by_kind["GET", "/api/v1/status", "200"] += 1
    text = shown(numbers.program(), numbers.requests(counts), numbers.policies(None))
    assert "gslb_build_info{" in text
    assert 'gslb_http_requests_total{code="200",method="GET",route="/api/v1/status"} 1.0' in text


def test_counters_go_on_in_another_program() -> None:
    """What its workers had counted when they were last seen, and what came of those before."""
    before = numbers.WorkerTotals()
    before.take([worker(1, 10)])
    before.take([worker(2, 5)])
    said = json.loads(json.dumps(before.ended()))
    after = numbers.WorkerTotals()
    after.inherit(said, [worker(2, 7)])
    after.take([worker(3, 1)])
    assert after.values()["gslb_dns_requests_total"]["", "udp", "", ""] == 18.0
