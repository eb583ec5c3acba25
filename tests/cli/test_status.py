"""What ``gslb status`` prints for people."""

from __future__ import annotations

from typing import Any

from gslb.cli.status import contents, describe, health

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
    "warnings": 0,
    "notes": [],
    "drains": [],
    "copies": [],
    "file_drains": [],
    "records": [],
    "health": {
        "endpoints": {"up": 3, "down": 1, "unknown": 0, "drained": 2},
        "held_back": 0,
        "checks": 4,
        "not_run": 0,
        "ready": True,
        "checker": {"alive": True, "starting": False, "restarts": 1, "completed": 99, "doubt": ""},
        "agents": [
            {"name": "frankfurt", "connected": True, "alive": True, "completed": 7, "doubt": ""},
            {"name": "tokyo", "connected": True, "alive": False, "completed": 0, "doubt": "overload"},
        ],
    },
    "refused": [],
    "failed": [],
    "workers": [
        {"worker": 0, "pid": 8, "serving": True, "generation": 9, "restarts": 0},
        {"worker": 1, "pid": 9, "serving": False, "restarts": 3},
    ],
    "queries": {"udp": 5, "tcp": 6},
}  # fmt: skip


def test_all_of_a_healthy_node_is_told() -> None:
    """One line for each thing, the durations in two units."""
    assert describe(STATUS) == [
        "gslb 1.2.3  pid 7  up 1 d 2 h",
        "listen      192.0.2.1:53",
        "generation  9  (/example/table-9.gslb)",
        "policy      0123abc  12 names in example.com, example.net",
        "geography   embedded",
        "endpoints   3 up, 1 down, 0 unknown, 2 drained",
        "checks      4 probes; the checker runs  restarts 1  completed 99",
        "agent       frankfurt  votes  completed 7",
        "agent       tokyo  SILENT, doubts itself (overload)  completed 0",
        "worker 0    serves  pid 8  data plane -  generation 9  restarts 0",
        "worker 1    DOWN  pid 9  data plane -  generation -  restarts 3",
        "queries     5 UDP, 6 TCP in all",
    ]


def test_refused_policies_come_last_and_loud() -> None:
    """What is served then is said to be older."""
    status = {**STATUS, "policy": None, "refused": ["a.yaml:1:1: error[E101] no", "… and more"]}
    lines = describe(status)
    assert "policy      not compiled in this run; the last table on disk answers" in lines
    assert lines[-3:] == [
        "REFUSED     the newest policies are not served:",
        "  a.yaml:1:1: error[E101] no",
        "  … and more",
    ]


def test_short_spans_have_their_seconds() -> None:
    """Nothing is rounded to nothing."""
    assert describe({**STATUS, "uptime_seconds": 0.2})[0].endswith("up 0 s")
    assert describe({**STATUS, "uptime_seconds": 61.0})[0].endswith("up 1 min 1 s")


def test_a_failure_is_no_refusal() -> None:
    """A full disk says nothing against the policies."""
    lines = describe({**STATUS, "failed": ["table-10.gslb: No space left on device"]})
    assert lines[-2:] == [
        "FAILED      the newest state is not served, though nothing is wrong with it:",
        "  table-10.gslb: No space left on device",
    ]
    assert not any("REFUSED" in line for line in lines)


def test_warnings_are_counted_and_notes_told() -> None:
    """Neither makes a healthy node an unhealthy one."""
    lines = describe({**STATUS, "warnings": 2, "notes": ["this version lacks a thing"]})
    assert "warnings    2; gslb check shows them" in lines
    assert "note        this version lacks a thing" in lines


def test_a_node_that_does_not_look_says_so() -> None:
    """A checker that is dead, or in doubt, or has nothing to do."""
    checker = {
        "alive": False,
        "starting": False,
        "restarts": 7,
        "completed": 0,
        "doubt": "overload",
    }
    said = {**STATUS["health"], "held_back": 2, "ready": False, "checker": checker}
    lines = "\n".join(health(said))
    for words in ("2 changes wait", "first checks are under way", "DOES NOT RUN", "(overload)"):
        assert words in lines
    assert health({**said, "checks": 0})[-1] == "checks      none: every endpoint counts as up"


def test_a_start_looks_like_a_start() -> None:
    """Three seconds after it nothing has failed, and nothing says so."""
    checker = {"alive": False, "starting": True, "restarts": 0, "completed": 0, "doubt": ""}
    begun = {**STATUS["health"], "ready": False, "checker": checker, "agents": []}
    lines = describe({**STATUS, "policy": None, "health": begun})
    assert "policy      compiling policies…; meanwhile the last table on disk answers" in lines
    first = describe({**STATUS, "policy": None, "table": "", "health": begun})
    assert "policy      compiling policies…; meanwhile nothing is answered yet" in first
    assert health(begun)[-1] == (
        "checks      4 probes; the checker starts, the first checks are under way"
    )
    runs = {**checker, "alive": True, "starting": False}
    assert "first checks are under way; the checker runs" in health({**begun, "checker": runs})[-1]
    for line in (*lines, *health(begun)):
        assert not any(word in line for word in ("DOES NOT RUN", "FAILED", "REFUSED"))


def test_what_is_not_run_is_not_told_as_completed() -> None:
    """The checker counts what it refuses, too."""
    said = {**STATUS["health"], "agents": []}
    assert health({**said, "not_run": 4})[-1] == (
        "checks      4 probes, none of them run here (see the note): what they would see counts as up"
    )
    some = health({**said, "not_run": 3})[-1]
    assert "4 probes, 3 of them not run here (see the note); the checker runs" in some
    assert "completed" not in some


def test_one_name_is_one_name() -> None:
    """No plural of one."""
    assert contents({"names": 1, "zones": ["example.com"]}) == "1 name in example.com"


def test_both_kinds_of_drain_stand_side_by_side() -> None:
    """An operator's call and a line of a policy file look alike to who asks why nobody comes."""
    call = {
        "id": 4,
        "location": "aws",
        "kind": "drain",
        "reason": "kernel update",
        "author": "uid 0",
        "expires": "2026-12-01T06:00:00Z",
        "share": 0.0,
        "forced": True,
        "dns_off_at": "2026-12-01T02:00:00Z",
    }
    line = {"location": "gcp", "why": "moving", "until": None, "where": "shop.yaml:12:5"}
    lines = describe({**STATUS, "drains": [call], "file_drains": [line]})
    at = lines.index(
        "drained     drain 4  aws  until 2026-12-01T06:00:00Z  forced  uid 0: kernel update"
    )
    assert lines[at + 1] == "            file  gcp  no end  shop.yaml:12:5: moving"


def test_what_cannot_be_written_is_told() -> None:
    """A node that keeps nothing still answers; somebody has to know."""
    assert "RECORDS     state.db: no" in describe({**STATUS, "records": ["state.db: no"]})
