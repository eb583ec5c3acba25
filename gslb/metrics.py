"""Every number that a node shows: its name, meaning and labels; read when it is scraped.

Whoever knows a number hands it over as plain values; nothing is counted here, so that counting costs
the data plane one addition in memory of its own.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum

from gslb.bounds import DNS_OCTETS, DNS_SECONDS
from healthcheck.tally import BOUNDS as CHECK_SECONDS

STATES = ("up", "down", "unknown", "drained")


class Kind(StrEnum):
    """How a metric behaves over time."""

    COUNTER = "counter"
    GAUGE = "gauge"
    HISTOGRAM = "histogram"
    INFO = "info"  # always 1; the labels are the message


@dataclass(frozen=True, slots=True)
class Metric:
    """One metric; its name has the unit, and ``_total`` or ``_info`` where that belongs."""

    name: str
    kind: Kind
    text: str
    labels: tuple[str, ...] = ()
    bounds: tuple[float, ...] = ()  # of a histogram: upper bounds, ascending, without infinity


@dataclass(frozen=True, slots=True)
class Histogram:
    """Observations by bucket: one count for each bound of the metric and one for all above."""

    counts: tuple[int, ...]
    total: float  # of all that was observed


Number = float | Histogram
Values = Mapping[str, Mapping[tuple[str, ...], Number]]  # by metric, by values of its labels


def _counter(name: str, text: str, *labels: str) -> Metric:
    return Metric(name, Kind.COUNTER, text, labels)


def _gauge(name: str, text: str, *labels: str) -> Metric:
    return Metric(name, Kind.GAUGE, text, labels)


def _info(name: str, text: str, *labels: str) -> Metric:
    return Metric(name, Kind.INFO, text, labels)


def _histogram(name: str, text: str, bounds: tuple[float, ...], *labels: str) -> Metric:
    return Metric(name, Kind.HISTOGRAM, text, labels, bounds)


_DNS = (
    _counter("gslb_dns_requests_total", "Queries received.", "zone", "proto", "family", "type"),
    _counter("gslb_dns_responses_total", "Responses to queries.", "zone", "rcode"),
    _histogram(
        "gslb_dns_request_duration_seconds", "From receipt to response.", DNS_SECONDS, "zone"
    ),
    _histogram("gslb_dns_request_size_bytes", "Size of queries.", DNS_OCTETS, "proto"),
    _histogram("gslb_dns_response_size_bytes", "Size of responses.", DNS_OCTETS, "proto"),
    _counter("gslb_dns_dropped_total", "Queries without a response, by reason.", "reason"),
    _counter("gslb_dns_unsent_total", "Responses that the kernel did not take."),
    _counter("gslb_dns_truncated_total", "Responses with TC."),
    _counter("gslb_dns_limited_total", "Responses over the limit of a network.", "mode"),
    _counter("gslb_dns_failures_total", "Queries that failed inside: SERVFAIL."),
    _counter("gslb_dns_declined_total", "Queries left to Python by the fast loop.", "reason"),
    _counter("gslb_dns_trailing_total", "Queries with octets behind their end."),
    _counter("gslb_dns_unknown_ecs_family_total", "Queries with a client subnet of no family."),
    _counter("gslb_dns_tcp_connections_total", "What became of TCP connections.", "event"),
    _counter(
        "gslb_dns_client_source_total", "How clients of steered answers were known.", "source"
    ),
)
_STEERING = (
    _counter("gslb_answers_total", "Answers by the site they lead to.", "record", "rule", "site"),
    _counter("gslb_answers_zone_total", "Answers that name an availability zone.", "site", "zone"),
    _counter("gslb_decisions_total", "Why answers were as they were.", "record", "reason"),
)
_HEALTH = (
    _gauge("gslb_endpoint_state", "1 for the state that holds.", "site", "zone", "state"),
    _gauge("gslb_endpoint_weight_ratio", "Share of the declared weight.", "site", "zone"),
    _gauge("gslb_site_capacity_ratio", "Healthy undrained weight over all weight.", "site"),
    _counter("gslb_health_checks_total", "Probes by type and outcome.", "check", "result"),
    _histogram(
        "gslb_health_check_duration_seconds", "How long probes took.", CHECK_SECONDS, "check"
    ),
    _counter("gslb_health_transitions_total", "Changes of status.", "site", "zone", "to"),
    _gauge("gslb_health_votes", "Votes on an endpoint's addresses.", "site", "zone", "verdict"),
    _gauge("gslb_health_held_back", "Changes of status that wait: not too much goes at once."),
    _gauge("gslb_checker_up", "1 while the checker runs and is heard of."),
    _gauge("gslb_checker_doubt", "1 while the checker doubts its own votes."),
    _counter("gslb_checker_restarts_total", "Checkers that ended and were started again."),
    _gauge("gslb_panic_active", "1 while health is not believed.", "record"),
    _gauge("gslb_drain_active", "1 while a drain holds.", "scope", "target"),
    _gauge("gslb_drain_expiry_timestamp_seconds", "When a drain ends.", "scope", "target"),
)
_CONTROL = (
    _info("gslb_build_info", "The program.", "version", "python"),
    _info("gslb_policy_info", "The policies that are served.", "hash", "source"),
    _counter("gslb_policy_reloads_total", "Loads of the policies.", "result"),
    _gauge("gslb_policy_last_success_timestamp_seconds", "When policies were last taken up."),
    _gauge("gslb_table_generation", "Generation of the answer table that is to be served."),
    _gauge("gslb_worker_generation", "Generation that a worker serves.", "worker"),
    _gauge("gslb_worker_dataplane", "1 for what answers: fast or python.", "worker", "dataplane"),
    _counter("gslb_worker_restarts_total", "Workers that died and were started again.", "worker"),
    _counter("gslb_large_shifts_total", "Times that a fifth of all answers moved in a minute."),
    _gauge("gslb_trouble", "1 while something is not as it should be.", "what"),
    _info("gslb_geo_info", "Geographic data in use.", "name"),
    _gauge("gslb_geo_ranges", "Address ranges in the geo table.", "family"),
    _counter("gslb_http_requests_total", "Requests over HTTP.", "method", "route", "code"),
    _counter("gslb_audit_events_total", "Lines of the audit log since the start.", "action"),
)
_COPY = ("provider", "zone", "place")
_PUSH = (
    _gauge("gslb_push_state", "1 for the state of the copy that holds.", *_COPY, "state"),
    _counter("gslb_push_runs_total", "Runs of the push.", *_COPY, "result"),
    _counter("gslb_push_changes_total", "Records changed by the push.", *_COPY, "action"),
    _gauge("gslb_push_generation", "What the copy should hold, and what it holds.", *_COPY, "of"),
    _gauge(
        "gslb_push_lag_seconds", "Age of the oldest change that the copy does not have.", *_COPY
    ),
    _gauge("gslb_push_drift_records", "What others have changed there.", *_COPY, "kind"),
    _gauge("gslb_push_losses", "What the copy cannot say.", *_COPY, "severity"),
    _gauge("gslb_push_quota_used_ratio", "Part of a quota that is used.", *_COPY, "quota"),
    _gauge("gslb_push_cost_usd_per_month", "Health checks, by list price.", *_COPY),
    _gauge("gslb_push_wrong_answers_ratio", "Sampled answers unlike those pushed.", *_COPY),
    _gauge("gslb_push_last_success_timestamp_seconds", "When a push last succeeded.", *_COPY),
)
METRICS: Mapping[str, Metric] = {
    metric.name: metric for metric in (*_DNS, *_STEERING, *_HEALTH, *_CONTROL, *_PUSH)
}


class MetricError(ValueError):
    """Values were handed over that no metric has."""


def one_hot(location: tuple[str, ...], state: str) -> dict[tuple[str, ...], float]:
    """Return one value for each endpoint state, 1 for *state*: sums over states make sense."""
    if state not in STATES:
        raise MetricError(f"{state} is no state of an endpoint")
    return {(*location, one): float(one == state) for one in STATES}
