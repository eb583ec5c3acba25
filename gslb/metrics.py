"""Every number that a node shows: its name, meaning and labels; read when it is scraped.

Whoever knows a number hands it over as plain values; nothing is counted here, so that counting costs
the data plane one addition in memory of its own.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum

from prometheus_client.core import (
    CounterMetricFamily,
    GaugeMetricFamily,
    HistogramMetricFamily,
    InfoMetricFamily,
)
from prometheus_client.metrics_core import Metric as Family
from prometheus_client.registry import Collector

STATES = ("up", "down", "unknown", "drained")
DNS_SECONDS = (50e-6, 100e-6, 250e-6, 500e-6, 1e-3, 2.5e-3, 5e-3, 10e-3, 25e-3, 50e-3)
CHECK_SECONDS = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0)
DNS_OCTETS = (32.0, 64.0, 128.0, 256.0, 512.0, 1024.0, 1232.0, 4096.0, 16384.0, 65535.0)


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
    _counter("gslb_dns_responses_total", "Responses sent.", "zone", "rcode"),
    _histogram(
        "gslb_dns_request_duration_seconds", "From receipt to response.", DNS_SECONDS, "zone"
    ),
    _histogram("gslb_dns_request_size_bytes", "Size of queries.", DNS_OCTETS, "proto"),
    _histogram("gslb_dns_response_size_bytes", "Size of responses.", DNS_OCTETS, "proto"),
    _counter("gslb_dns_dropped_total", "Messages without a response, by reason.", "reason"),
    _counter("gslb_dns_client_source_total", "How clients were known.", "source"),
)
_STEERING = (
    _counter("gslb_answers_total", "Answers by the site they lead to.", "record", "rule", "site"),
    _counter("gslb_answers_zone_total", "Answers by availability zone.", "site", "zone"),
    _counter("gslb_answers_area_total", "Answers by continent of the client.", "continent", "site"),
    _counter("gslb_decisions_total", "Why answers were as they were.", "record", "reason"),
    _counter("gslb_latency_basis_total", "How the latency of a rank was known.", "basis"),
)
_HEALTH = (
    _gauge("gslb_endpoint_state", "1 for the state that holds.", "site", "zone", "state"),
    _gauge("gslb_endpoint_weight_ratio", "Share of the declared weight.", "site", "zone"),
    _gauge("gslb_site_capacity_ratio", "Healthy undrained weight over all weight.", "site"),
    _counter("gslb_health_checks_total", "Probes by outcome.", "check", "site", "result"),
    _histogram(
        "gslb_health_check_duration_seconds",
        "How long probes took.",
        CHECK_SECONDS,
        "check",
        "site",
    ),
    _counter("gslb_health_transitions_total", "Changes of status.", "site", "zone", "to"),
    _gauge("gslb_health_votes", "Checkers by what they say.", "site", "zone", "verdict"),
    _gauge("gslb_panic_active", "1 while health is not believed.", "record"),
    _gauge("gslb_drain_active", "1 while a drain holds.", "scope", "target"),
    _gauge("gslb_drain_expiry_timestamp_seconds", "When a drain ends.", "scope", "target"),
)
_CONTROL = (
    _info("gslb_build_info", "The program.", "version", "commit", "python"),
    _info("gslb_policy_info", "The policies that are served.", "hash", "source"),
    _counter("gslb_policy_reloads_total", "Loads of the policies.", "result"),
    _gauge("gslb_policy_last_success_timestamp_seconds", "When policies were last taken up."),
    _info("gslb_geo_info", "Geographic data in use.", "name", "licence"),
    _gauge("gslb_geo_build_timestamp_seconds", "How old geographic data is.", "name"),
    _gauge("gslb_geo_ranges", "Address ranges in the geo table.", "family"),
    _counter("gslb_geo_lookups_total", "Look-ups of clients by result.", "result"),
    _counter("gslb_latency_samples_total", "Latency samples taken in.", "source", "site"),
    _gauge("gslb_latency_cells", "Cells of the latency table.", "level", "state"),
    _gauge("gslb_store_up", "1 while shared state can be reached."),
    _gauge("gslb_store_lag_seconds", "Age of the shared state in use."),
    _counter("gslb_store_errors_total", "Failed operations on shared state.", "op"),
    _counter("gslb_push_runs_total", "Runs of the push.", "provider", "result"),
    _counter("gslb_push_changes_total", "Records changed by the push.", "provider", "action"),
    _gauge("gslb_push_drift_records", "Records that differ at the provider.", "provider"),
    _gauge("gslb_push_last_success_timestamp_seconds", "When a push last succeeded.", "provider"),
    _counter("gslb_http_requests_total", "Requests to the API.", "method", "route", "code"),
    _counter("gslb_audit_events_total", "Lines of the audit log.", "action"),
)
METRICS: Mapping[str, Metric] = {
    metric.name: metric for metric in (*_DNS, *_STEERING, *_HEALTH, *_CONTROL)
}


class MetricError(ValueError):
    """Values were handed over that no metric has."""


def one_hot(location: tuple[str, ...], state: str) -> dict[tuple[str, ...], float]:
    """Return one value for each endpoint state, 1 for *state*: sums over states make sense."""
    if state not in STATES:
        raise MetricError(f"{state} is no state of an endpoint")
    return {(*location, one): float(one == state) for one in STATES}


def family(metric: Metric, values: Mapping[tuple[str, ...], Number]) -> Family:
    """Return *values* of *metric* in the form of prometheus-client. Raises MetricError."""
    made = _empty(metric)
    for labels, value in values.items():
        if len(labels) != len(metric.labels):
            raise MetricError(f"{metric.name} has the labels {metric.labels}, not {labels}")
        if isinstance(made, HistogramMetricFamily):
            made.add_metric(list(labels), *_buckets(metric, value))
        elif isinstance(value, Histogram):
            raise MetricError(f"{metric.name} is no histogram")
        elif isinstance(made, InfoMetricFamily):
            made.add_metric([], dict(zip(metric.labels, labels, strict=True)))
        elif isinstance(made, CounterMetricFamily | GaugeMetricFamily):
            made.add_metric(list(labels), value)
    return made


def _empty(metric: Metric) -> Family:
    match metric.kind:
        case Kind.COUNTER:
            return CounterMetricFamily(metric.name, metric.text, labels=metric.labels)
        case Kind.GAUGE:
            return GaugeMetricFamily(metric.name, metric.text, labels=metric.labels)
        case Kind.HISTOGRAM:
            return HistogramMetricFamily(metric.name, metric.text, labels=metric.labels)
        case Kind.INFO:
            return InfoMetricFamily(metric.name.removesuffix("_info"), metric.text)


def _buckets(metric: Metric, value: Number) -> tuple[list[tuple[str, float]], float]:
    """Return cumulative buckets and the sum."""
    if not isinstance(value, Histogram) or len(value.counts) != len(metric.bounds) + 1:
        raise MetricError(f"{metric.name} has {len(metric.bounds)} bounds")
    passed = 0
    buckets: list[tuple[str, float]] = []
    for bound, count in zip([*map(repr, metric.bounds), "+Inf"], value.counts, strict=True):
        passed += count
        buckets.append((bound, passed))
    return buckets, value.total


class ValuesCollector(Collector):
    """Asks several sources for their values at each scrape."""

    def __init__(self, sources: Sequence[Callable[[], Values]]) -> None:
        """Ask *sources*; what two of them say of one metric stands together."""
        self._sources = tuple(sources)

    def collect(self) -> Iterator[Family]:
        """Yield a family for each metric that has values, in the order of `METRICS`."""
        merged: dict[str, dict[tuple[str, ...], Number]] = {}
        for source in self._sources:
            for name, values in source().items():
                if name not in METRICS:
                    raise MetricError(f"{name} is no metric")
                merged.setdefault(name, {}).update(values)
        for name, metric in METRICS.items():
            if name in merged:
                yield family(metric, merged[name])

    def describe(self) -> Iterable[Family]:
        """Return nothing: the sources are asked when scraped, never when registered."""
        return ()
