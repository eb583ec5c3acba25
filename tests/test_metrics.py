"""Every metric keeps the rules of its format, and values come out as they went in."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from prometheus_client import CollectorRegistry, generate_latest
from prometheus_client.openmetrics.exposition import generate_latest as generate_open
from prometheus_client.openmetrics.parser import text_string_to_metric_families as parse_open
from prometheus_client.parser import text_string_to_metric_families as parse

from gslb.desk.scrape import ValuesCollector
from gslb.metrics import (
    METRICS,
    STATES,
    Histogram,
    Kind,
    Metric,
    MetricError,
    Number,
    Values,
    one_hot,
)


def registry(*sources: Values) -> CollectorRegistry:
    made = CollectorRegistry(auto_describe=True)
    made.register(ValuesCollector([lambda one=one: one for one in sources]))
    return made


def sample(metric: Metric) -> tuple[tuple[str, ...], Number]:
    labels = tuple(f"{name}-value" for name in metric.labels)
    if metric.kind is Kind.HISTOGRAM:
        return labels, Histogram(tuple(range(len(metric.bounds) + 1)), 1.5)
    return labels, 1.0


@pytest.mark.parametrize("metric", METRICS.values(), ids=lambda metric: metric.name)
def test_names_follow_the_rules(metric: Metric) -> None:
    assert metric.name.startswith("gslb_")
    assert metric.name.endswith("_total") == (metric.kind is Kind.COUNTER)
    assert metric.name.endswith("_info") == (metric.kind is Kind.INFO)
    assert (metric.kind is Kind.HISTOGRAM) == bool(metric.bounds)
    assert list(metric.bounds) == sorted(set(metric.bounds))
    assert metric.text.endswith(".")
    assert not {"client", "address", "ip"} & set(metric.labels), "no data of clients in labels"


def test_everything_is_read_back_by_both_parsers() -> None:
    values = {name: dict([sample(metric)]) for name, metric in METRICS.items()}
    text = generate_latest(registry(values)).decode()
    assert len(list(parse(text))) == len(METRICS)
    families = {one.name: one for one in parse_open(generate_open(registry(values)).decode())}
    assert len(families) == len(METRICS)
    for name, metric in METRICS.items():
        found = families[name.removesuffix("_total").removesuffix("_info")]
        assert found.type == metric.kind.value
        labels = dict(zip(metric.labels, sample(metric)[0], strict=True))
        assert all(labels.items() <= one.labels.items() for one in found.samples)


def test_buckets_add_up_and_keep_the_sum() -> None:
    name = "gslb_dns_request_duration_seconds"
    counts = tuple(range(11))
    text = generate_latest(registry({name: {("z",): Histogram(counts, 2.5)}})).decode()
    (family,) = parse(text)
    by_name = {one.name: one.value for one in family.samples if "le" not in one.labels}
    assert by_name == {f"{name}_count": sum(counts), f"{name}_sum": 2.5}
    buckets = [one.value for one in family.samples if "le" in one.labels]
    assert buckets == [sum(counts[: end + 1]) for end in range(len(counts))]


def test_sources_stand_together_and_only_what_has_values_is_shown() -> None:
    name = "gslb_health_checks_total"
    text = generate_latest(
        registry({name: {("http", "ok"): 1}}, {name: {("http", "timeout"): 2}})
    ).decode()
    (family,) = parse(text)
    assert sorted(one.value for one in family.samples) == [1, 2]
    assert generate_latest(registry()) == b""


@pytest.mark.parametrize(
    "values",
    [
        {"gslb_nothing": {(): 1.0}},
        {"gslb_checker_up": {("x",): 1.0}},
        {"gslb_checker_up": {(): Histogram((1,), 1)}},
        {"gslb_dns_request_size_bytes": {("udp",): 1.0}},
        {"gslb_dns_request_size_bytes": {("udp",): Histogram((1, 2), 1)}},
    ],
)
def test_values_that_no_metric_has_are_an_error(values: Values) -> None:
    with pytest.raises(MetricError):
        list(ValuesCollector([lambda: values]).collect())


@given(st.text(max_size=30))
def test_labels_survive_whatever_stands_in_them(text: str) -> None:
    text = text.encode("utf-8", "replace").decode()
    (family,) = parse(
        generate_latest(registry({"gslb_site_capacity_ratio": {(text,): 0.25}})).decode()
    )
    assert family.samples[0].labels == {"site": text}


def test_an_endpoint_has_one_state_at_a_time() -> None:
    for state in STATES:
        values = one_hot(("aws/x", "az1"), state)
        assert sum(values.values()) == 1
        assert values["aws/x", "az1", state] == 1
    with pytest.raises(MetricError):
        one_hot(("aws/x", "az1"), "sick")
