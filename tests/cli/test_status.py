"""What ``gslb status`` prints for people."""

from __future__ import annotations

from typing import Any

from gslb.cli.status import describe

STATUS: dict[str, Any] = {
    "version": "1.2.3",
    "pid": 7,
    "uptime_seconds": 93_784.5,
    "listen": ["192.0.2.1:53"],
    "generation": 9,
    "table": "/example/table-9.gslb",
    "policy": "0123abc",
    "zones": ["example.com", "example.net"],
    "names": 12,
    "geo": "embedded",
    "geo_alarms": [],
    "refused": [],
    "workers": [
        {"worker": 0, "pid": 8, "serving": True, "generation": 9, "restarts": 0,
         "udp": {"received": 5}, "tcp": {"received": 6}},
        {"worker": 1, "pid": 9, "serving": False, "restarts": 3},
    ],
}  # fmt: skip


def test_all_of_a_healthy_node_is_told() -> None:
    """One line for each thing, the durations in two units."""
    assert describe(STATUS) == [
        "gslb 1.2.3  pid 7  up 1 d 2 h",
        "listen      192.0.2.1:53",
        "generation  9  (/example/table-9.gslb)",
        "policy      0123abc  12 names in example.com, example.net",
        "geography   embedded",
        "worker 0    serves  pid 8  generation 9  restarts 0  queries 5 UDP, 6 TCP",
        "worker 1    DOWN  pid 9  generation -  restarts 3  queries 0 UDP, 0 TCP",
    ]


def test_refused_policies_come_last_and_loud() -> None:
    """What is served then is said to be older."""
    status = {**STATUS, "policy": None, "refused": ["a.yaml:1:1: error[E101] no", "… and more"]}
    lines = describe(status)
    assert "policy      not compiled in this run: the table is the last one on disk" in lines
    assert lines[-3:] == [
        "REFUSED     the newest policies are not served:",
        "  a.yaml:1:1: error[E101] no",
        "  … and more",
    ]


def test_short_spans_have_their_seconds() -> None:
    """Nothing is rounded to nothing."""
    assert describe({**STATUS, "uptime_seconds": 0.2})[0].endswith("up 0 s")
    assert describe({**STATUS, "uptime_seconds": 61.0})[0].endswith("up 1 min 1 s")
