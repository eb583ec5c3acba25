"""Alarms speak of metrics that there are, with labels and values that they have."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

from gslb.dataplane.counters import Dropped
from gslb.metrics import METRICS, Kind

RULES = Path(__file__).parents[2] / "deploy" / "prometheus" / "rules.yaml"
OF_PROMETHEUS = {"instance", "le"}  # labels that no metric of ours brings along
_SELECTOR = re.compile(r"(gslb_\w+)(?:\{([^}]*)\})?")
_GROUPING = re.compile(r"\b(?:by|on|without|ignoring|group_left|group_right)\s*\(([^)]*)\)")
_MATCHER = re.compile(r'(\w+)\s*(?:=~|!~|!=|=)\s*"([^"]*)"')


def rules() -> list[dict[str, Any]]:
    found = yaml.safe_load(RULES.read_text())
    return [rule for group in found["groups"] for rule in group["rules"]]


def selectors(text: str) -> Iterator[tuple[str, dict[str, str]]]:
    for name, inside in _SELECTOR.findall(text):
        yield name, dict(_MATCHER.findall(inside))


def metric_of(name: str) -> str:
    """Return the metric that a sample belongs to: histograms have three."""
    base = re.sub(r"_(bucket|sum|count)$", "", name)
    known = METRICS.get(base)
    return base if known is not None and known.kind is Kind.HISTOGRAM else name


@pytest.mark.parametrize("rule", rules(), ids=lambda rule: rule["alert"])
def test_an_alarm_speaks_of_what_there_is(rule: dict[str, Any]) -> None:
    found = list(selectors(rule["expr"]))
    assert found
    labels = set(OF_PROMETHEUS)
    for name, matchers in found:
        metric = METRICS[metric_of(name)]
        assert set(matchers) <= set(metric.labels)
        labels |= set(metric.labels)
    for group in _GROUPING.findall(rule["expr"]):
        assert {label.strip() for label in group.split(",") if label.strip()} <= labels
    text = rule["annotations"]["summary"]
    assert set(re.findall(r"\$labels\.(\w+)", text)) <= labels
    assert rule["labels"]["severity"] in {"page", "ticket"}


def test_reasons_in_alarms_are_reasons_of_ours() -> None:
    reasons = {why.name.lower() for why in Dropped}
    used = [m for rule in rules() for name, m in selectors(rule["expr"]) if "dropped" in name]
    assert used
    assert all(matchers["reason"] in reasons for matchers in used)


def test_alarms_have_names_of_their_own() -> None:
    names = [rule["alert"] for rule in rules()]
    assert len(set(names)) == len(names)


def test_braces_of_the_reader_are_those_of_the_language() -> None:
    """The little parser would see a name that is wrong."""
    assert list(selectors('rate(gslb_x_total{a="b",c!="d"}[5m]) > gslb_y')) == [
        ("gslb_x_total", {"a": "b", "c": "d"}),
        ("gslb_y", {}),
    ]
