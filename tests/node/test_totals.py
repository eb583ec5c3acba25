"""Totals only grow, survive a file, and come out as metrics have them."""

from __future__ import annotations

import contextlib
import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gslb.metrics import METRICS, Histogram
from gslb.node.totals import MAX_LABEL, Totals

REQUESTS = "gslb_dns_requests_total"
TIMES = "gslb_dns_request_duration_seconds"
BUCKETS = len(METRICS[TIMES].bounds) + 1


def some() -> Totals:
    made = Totals()
    made.add(REQUESTS, ("example.com", "udp", "4", "A"), [3])
    made.add(REQUESTS, ("example.com", "tcp", "4", "A"), [2])
    made.add(REQUESTS, ("example.com", "udp", "6", "A"), [4])
    made.add(TIMES, ("example.com",), [1] * BUCKETS + [2_500_000_000])
    return made


def test_numbers_add_up_and_sums_over_labels_make_sense() -> None:
    twice = Totals().take([some(), some()])
    assert twice.sums(REQUESTS, "proto") == {"udp": 14, "tcp": 4}
    values = twice.values()
    assert values[REQUESTS]["example.com", "udp", "4", "A"] == 6.0
    assert values[TIMES][("example.com",)] == Histogram((2,) * BUCKETS, 5.0)


def test_a_file_gives_back_what_was_written() -> None:
    assert Totals.from_json(some().to_json()).values() == some().values()


@pytest.mark.parametrize(
    "row",
    [
        ["gslb_gone_total", [1]],
        [REQUESTS, "example.com", [1]],
        [REQUESTS, "example.com", "udp", "4", "A", [1, 2]],
        [REQUESTS, "example.com", "udp", "4", "A", [-1]],
        [REQUESTS, "x" * (MAX_LABEL + 1), "udp", "4", "A", [1]],
        [TIMES, "example.com", [1]],
        [REQUESTS, "example.com", "udp", "4", "A", [None]],
    ],
)
def test_what_no_metric_of_now_has_is_left_out(row: list[object]) -> None:
    """Another version wrote it; the rest is still good."""
    good = json.loads(some().to_json())
    assert Totals.from_json(json.dumps([*good, row]).encode()).values() == some().values()


@given(st.binary(max_size=60) | st.sampled_from([b"{}", b"[1]", b"[[]]", b'[["a", "b"]]']))
def test_a_damaged_file_is_a_value_error_or_nothing(octets: bytes) -> None:
    with contextlib.suppress(ValueError):
        Totals.from_json(octets)
