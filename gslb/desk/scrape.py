"""Values of metrics in the form of prometheus-client: sources are asked whenever somebody scrapes."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence

from prometheus_client.core import (
    CounterMetricFamily,
    GaugeMetricFamily,
    HistogramMetricFamily,
    InfoMetricFamily,
)
from prometheus_client.metrics_core import Metric as Family
from prometheus_client.registry import Collector

from gslb.metrics import METRICS, Histogram, Kind, Metric, MetricError, Number, Values


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
