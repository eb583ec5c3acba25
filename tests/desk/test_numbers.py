"""Numbers of a node: counters never fall, and every value is one that a metric has."""

from __future__ import annotations

from datetime import UTC, datetime

from prometheus_client import CollectorRegistry
from prometheus_client.exposition import generate_latest

from gslb.api.counts import RequestCounts
from gslb.api.drainmodels import Drain
from gslb.desk import numbers
from gslb.desk.looks import state_of
from gslb.desk.scrape import ValuesCollector
from gslb.metrics import Values
from gslb.state.overrides import Kind, Override
from gslb.state.tree import Node
from gslb.steering.labels import LabelChange, Labels

AT = datetime(2026, 12, 1, tzinfo=UTC)


def shown(*values: Values) -> str:
    registry = CollectorRegistry()
    registry.register(ValuesCollector([lambda one=one: one for one in values]))
    return generate_latest(registry).decode()


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
    text = shown(numbers.program(), numbers.requests(counts), numbers.policies(None, "p.yaml"))
    assert "gslb_build_info{" in text
    assert 'gslb_http_requests_total{code="200",method="GET",route="/api/v1/status"} 1.0' in text


def test_a_record_panics_while_any_of_its_clients_is_answered_without_regard_to_health() -> None:
    reasons = {0: {"aws/r": "preferred"}, 1: {"aws/r": "panic"}, 2: {"": "last_resort"}}
    labels = Labels(("www", "api"), ((0, "all"), (0, "rest"), (1, "all")), dict(reasons), {})
    assert numbers.panics(labels)["gslb_panic_active"] == {("www",): 1.0, ("api",): 0.0}
    labels.take(LabelChange({1: {"aws/r": "fail_open"}, 2: {"aws/r": "fail_open"}}))
    assert numbers.panics(labels)["gslb_panic_active"] == {("www",): 1.0, ("api",): 1.0}


def test_the_audit_log_is_counted_by_action() -> None:
    text = shown(numbers.audit({"drain.create": 2}))
    assert 'gslb_audit_events_total{action="drain.create"} 2.0' in text
