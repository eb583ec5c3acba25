"""`gslb drain`: what is asked of the node, and how its answer is told."""

from __future__ import annotations

import argparse
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gslb.cli import drain as command
from gslb.cli import drains, events
from gslb.cli.calling import CallError, by_option
from gslb.cli.main import make_parser, parse
from gslb.errors import GslbError

PLAN: dict[str, Any] = {
    "endpoints": ["aws/us-east-1/az1"],
    "already": ["aws/us-east-1/az2"],
    "names_touched": 2,
    "ttl": 30,
    "moved": 0.25,
    "moves": [{"source": "aws/us-east-1", "to": "", "share": 0.25}] * 12,
    "names": [{"name": "www", "rtype": "A", "after": 0.4, "before": 0.8, "endpoints": 1}],
    "refusals": ["www, A: too little"],
    "reasons": [],
    "unheeded": 0.0,
    "arriving": [{"seconds": 0, "share": 1.0}, {"seconds": 30, "share": 0.09}],
}


def options(*words: str) -> argparse.Namespace:
    return make_parser("drain").parse_args(["drain", "aws", "--why", "update", *words])


def test_what_is_said_is_asked() -> None:
    asked = command.request(options("--for", "1h30m", "--gradual", "--force"))
    assert asked == {
        "location": "aws",
        "reason": "update",
        "kind": "drain",
        "gradual": True,
        "dry_run": False,
        "force": True,
        "without_end": False,
        "seconds": 5400,
    }
    until = command.request(options("--until", "2026-12-01T06:00"))["until"]
    assert until == "2026-12-01T06:00:00+00:00"
    assert command.request(options("--no-expiry"))["without_end"]


def test_a_reason_and_at_most_one_end_are_wanted(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        make_parser("drain").parse_args(["drain", "aws"])
    with pytest.raises(SystemExit):
        options("--for", "1h", "--no-expiry")
    assert "--why" in capsys.readouterr().err


@given(st.integers(0, 10**6), st.sampled_from([("s", 1), ("m", 60), ("min", 60), ("h", 3600)]))
def test_a_span_is_a_number_and_a_unit(number: int, unit: tuple[str, int]) -> None:
    assert command.seconds_of(f"{number}{unit[0]}") == number * unit[1]


@pytest.mark.parametrize("text", ["", "4", "h", "4 h", "4x", "-4h", "4h!", "4h4"])
def test_what_is_no_span_is_refused(text: str) -> None:
    with pytest.raises(GslbError, match="no span"):
        command.seconds_of(text)


def test_a_refusal_says_why_and_how_to_do_it_all_the_same() -> None:
    lines = list(command.refused(PLAN, "aws"))
    assert lines[0] == "gslb: the drain of aws is refused; nothing was changed:"
    assert lines[1].strip() == "www, A: too little"
    assert lines[-1].endswith("with --force")
    assert any("40 %  www A (1 endpoint; now 80 %)" in line for line in lines)
    assert any("nowhere" in line for line in lines)
    assert "    … and 2 more (--json shows them)" in lines


def test_a_drain_that_is_in_a_file_is_listed_where_it_begins() -> None:
    leaf: dict[str, Any] = {"why": "moving", "until": None, "where": "a.yaml:1:2"}
    tree = [
        {
            "path": "aws",
            "file_drain": None,
            "children": [
                {
                    "path": "aws/r",
                    "file_drain": leaf,
                    "children": [{"path": "aws/r/z", "file_drain": leaf, "children": []}],
                }
            ],
        }
    ]
    assert [one["location"] for one in drains.in_files(tree)] == ["aws/r"]


def test_an_event_is_one_line() -> None:
    event = {
        "at": "2026-12-01T06:00:00Z",
        "sequence": 7,
        "kind": "drain.created",
        "subject": "aws",
        "detail": {"reason": "update", "author": "ops"},
    }
    assert events.line(event) == "2026-12-01T06:00:00Z  7  drain.created  aws by ops: update"


@pytest.mark.parametrize(
    ("words", "text"),
    [
        (("--for", "100h"), "--for: at most 72h (or --no-expiry: until gslb undrain)"),
        (("--for", "99999999999999d"), "--for: at most 72h (or --no-expiry: until gslb undrain)"),
        (("--for", "0s"), "--for: at least 1s"),
        (("--for", "soon"), '--for: "soon" is no span of time such as 90s, 30min, 4h or 2d'),
        (
            ("--until", "3h"),
            '--until: "3h" is no time such as 2026-12-01T06:00Z (how long, such as 90s or 4h: --for)',
        ),
    ],
)
def test_what_is_wrong_is_told_by_its_option(words: tuple[str, ...], text: str) -> None:
    with pytest.raises(GslbError) as error:
        command.request(options(*words))
    assert str(error.value) == text


@pytest.mark.parametrize(
    "words",
    [
        ("aws", "gcp", "--why", "update"),
        ("aws", "--why", "update", "gcp"),
        ("--why", "update", "aws", "--dry-run", "gcp"),
    ],
)
def test_several_locations_are_refused_with_what_to_do(words: tuple[str, ...]) -> None:
    """A pattern without quotes comes as the names of files; options may stand between them."""
    asked = parse(make_parser("drain"), ["drain", *words])
    with pytest.raises(GslbError, match=r'one location at a time, or .* "aws/\*"') as error:
        command.request(asked)
    assert "gcp was not" in str(error.value)


def test_an_option_that_does_not_exist_is_no_location(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        parse(make_parser("drain"), ["drain", "aws", "--why", "update", "gcp", "--soon"])
    assert "unrecognized arguments: gcp --soon" in capsys.readouterr().err


def test_what_the_node_refuses_is_told_by_option_too() -> None:
    faults = [
        {"where": "body.reason", "text": "at most 500 characters"},
        {"where": "body", "text": "only a drain can be gradual"},
        {"where": "body.new", "text": "unheard of"},
    ]
    told = by_option(CallError({"status": 400, "errors": faults}), command.OPTIONS)
    assert str(told) == (
        "--why: at most 500 characters; only a drain can be gradual; body.new: unheard of"
    )
    plain = CallError({"status": 404, "detail": "no drain has that id"})
    assert by_option(plain, command.OPTIONS) is plain


def test_every_part_of_a_drain_that_may_be_refused_has_its_option() -> None:
    asked = set(command.request(options("--for", "1h"))) | {"until"}
    switches = {"kind", "dry_run", "force", "without_end"}  # nothing can be wrong with them
    assert {f"body.{name}" for name in asked - switches} == set(command.OPTIONS) - {"body"}


def test_a_location_is_no_number_of_a_drain(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        make_parser("undrain").parse_args(["undrain", "aws"])
    assert '"aws" is not the number of a drain; gslb drains shows' in capsys.readouterr().err


def test_what_moves_nothing_says_so_in_words() -> None:
    """Not a number with a colon and nothing behind it."""
    nothing = {**PLAN, "moves": [], "moved": 0.0, "names": []}
    touched = "  2 names touched, TTL up to 30 s; no answer moves"
    all_drained = list(command.planned({**nothing, "unheeded": 1.0}, "takes out"))
    assert touched in all_drained
    assert any(
        "100 % of their answers go to drained endpoints all the same" in one for one in all_drained
    )
    unused = list(command.planned({**nothing, "names_touched": 0}, "takes out"))
    assert unused[-1] == "  no name uses what is there"
    again = list(command.planned({**nothing, "endpoints": []}, "takes out"))
    assert again[-1] == "  so no answer changes: there is nothing more to take out"
    for lines in (all_drained, unused, again):
        assert not any(line.endswith("move:") for line in lines)


def test_why_traffic_goes_far_and_what_still_arrives_are_told() -> None:
    plan = {**PLAN, "reasons": ["aws/us-east-1: no spare capacity"]}
    assert "  aws/us-east-1: no spare capacity" in command.planned(plan, "takes out")
    assert list(command.arriving(plan)) == ["still arrives, about:  9 % after 30 s"]
    assert list(command.arriving({**plan, "unheeded": 0.5})) == []  # all of it does
