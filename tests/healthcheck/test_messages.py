"""What is said is understood, and nothing else is."""

from __future__ import annotations

import contextlib
import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from healthcheck.messages import (
    MAX_LINE,
    Heartbeat,
    MessageError,
    Orders,
    OrdersReader,
    Turn,
    Votes,
    Wanted,
    order_lines,
    read_report,
    report_line,
)
from healthcheck.model import Kind, Outcome, Probe, Status, Transition, Verdict
from healthcheck.tally import BOUNDS
from healthcheck.votes import Doubt, Vote, key_of

words = st.text(max_size=40)
probes = st.builds(
    Probe,
    type=st.sampled_from(["tcp", "http", "exec", "new"]),
    address=words,
    port=st.integers(0, 65_535),
    every=st.floats(0.1, 3600),
    timeout=st.floats(0.1, 60),
    down_after=st.integers(1, 20),
    up_after=st.integers(1, 20),
    host=words,
    path=words,
    expect=st.lists(st.tuples(st.integers(100, 599), st.integers(100, 599)), max_size=3).map(tuple),
    body=words,
    extra=st.lists(st.tuples(words, words), max_size=3).map(tuple),
)
wanted = st.builds(
    Wanted,
    probe=probes,
    status=st.sampled_from(Status),
    age=st.just(0.0),
    reference=st.booleans(),
)
PROBE = Probe("tcp", "192.0.2.1", 443, 5.0, 2.0, 3, 3)
VOTE = Vote("node1", key_of(PROBE), Status.UP, False, 1, 2, 0.5, Doubt.NONE, "HTTP 200 in 3 ms")
HEARTBEAT = Heartbeat(
    "node1",
    1,
    7,
    10,
    9,
    1000,
    3,
    2,
    0.25,
    Doubt.OVERLOAD,
    (("http", Kind.OK, (990, *[0] * len(BOUNDS)), 3.5),),
)
OUTCOME = Outcome(Verdict.FAILED, Kind.TIMEOUT, "timed out", 10.0, 10.0, 12.0)
TURN = Turn.of(Transition(PROBE, Status.UP, Status.DOWN, OUTCOME, 12.0), 7, 12.5)


def read(reader: OrdersReader, orders: Orders) -> Orders | None:
    last = None
    for line in order_lines(orders):
        assert last is None
        assert len(line) <= MAX_LINE
        last = reader.feed(line)
    return last


@given(st.lists(wanted, max_size=20).map(tuple))
def test_orders_arrive_as_they_were_given(all_wanted: tuple[Wanted, ...]) -> None:
    orders = Orders(3, all_wanted)
    assert read(OrdersReader(), orders) == orders


def test_many_probes_come_in_bounded_lines() -> None:
    many = tuple(
        Wanted(Probe("http", f"192.0.2.{n % 256}", n, 5.0, 2.0, 3, 3, path="/" + "x" * 900))
        for n in range(2000)
    )
    orders = Orders(1, many)
    lines = list(order_lines(orders))
    assert len(lines) > 3
    assert read(OrdersReader(), orders) == orders


def test_a_part_that_is_missing_or_out_of_order_is_noticed() -> None:
    many = tuple(
        Wanted(Probe("tcp", "192.0.2.1", n, 5.0, 2.0, 3, 3, path="x" * 3000)) for n in range(500)
    )
    lines = list(order_lines(Orders(1, many)))
    reader = OrdersReader()
    reader.feed(lines[0])
    with pytest.raises(MessageError, match="missing"):
        reader.feed(lines[2])
    with pytest.raises(MessageError, match="missing"):
        OrdersReader().feed(lines[1])


def test_newer_orders_may_begin_in_the_middle_of_others() -> None:
    many = tuple(
        Wanted(Probe("tcp", "192.0.2.1", n, 5.0, 2.0, 3, 3, path="x" * 3000)) for n in range(500)
    )
    reader = OrdersReader()
    reader.feed(next(order_lines(Orders(1, many))))
    assert read(reader, Orders(2, (Wanted(PROBE),))) == Orders(2, (Wanted(PROBE),))


@pytest.mark.parametrize("generation", [1, 2])
def test_orders_that_are_not_newer_are_refused(generation: int) -> None:
    reader = OrdersReader()
    read(reader, Orders(2, ()))
    with pytest.raises(MessageError, match="not newer"):
        read(reader, Orders(generation, ()))
    assert reader.generation == 2


def test_too_many_probes_are_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    """In all parts together, not only in one."""
    monkeypatch.setattr("healthcheck.messages.MAX_PROBES", 10)
    item = json.loads(next(order_lines(Orders(1, (Wanted(PROBE),)))))["wanted"][0]
    part = {"v": 1, "type": "orders", "generation": 1, "parts": 9, "wanted": [item] * 5}
    reader = OrdersReader()
    for number in range(2):
        assert reader.feed(json.dumps(part | {"part": number}).encode()) is None
    with pytest.raises(MessageError, match="more than 10 probes"):
        reader.feed(json.dumps(part | {"part": 2}).encode())


def test_a_probe_that_fits_no_line_is_refused() -> None:
    huge = Wanted(Probe("tcp", "192.0.2.1", 1, 5.0, 2.0, 3, 3, body="x" * MAX_LINE))
    with pytest.raises(MessageError, match="large"):
        list(order_lines(Orders(1, (huge,))))


@pytest.mark.parametrize("report", [Votes(7, (VOTE, VOTE)), Votes(0, ()), TURN, HEARTBEAT])
def test_reports_arrive_as_they_were_given(report: Votes | Turn | Heartbeat) -> None:
    line = report_line(report)
    assert line.count(b"\n") == 1
    assert read_report(line) == report


def test_a_turn_says_what_tipped_it_and_how_long_ago() -> None:
    assert (TURN.kind, TURN.detail, TURN.took, TURN.age) == (Kind.TIMEOUT, "timed out", 2.0, 0.5)


ORDER_LINE = next(order_lines(Orders(1, (Wanted(PROBE, Status.UP, 1.0),))))


@pytest.mark.parametrize(
    "line",
    [b"", b"x", b"[]", b"1", b"null", b"{}", b'{"v":1}', b'{"v":2,"type":"orders"}', b"[" * 5000,
     b'{"v":true,"type":"orders"}', b'{"v":1,"type":"votes"}', b'{"v":1,"type":"new","generation":1}',
     b"\xff", b" " * (MAX_LINE + 1)],
)  # fmt: skip
def test_what_is_no_message_is_refused(line: bytes) -> None:
    with pytest.raises(MessageError):
        OrdersReader().feed(line)
    with pytest.raises(MessageError):
        read_report(line)


junk = st.none() | st.booleans() | st.integers() | st.floats(allow_nan=True) | st.text(max_size=3)
junk = junk | st.lists(junk, max_size=3) | st.dictionaries(st.text(max_size=3), junk, max_size=2)


@given(st.data())
def test_a_wrong_field_of_orders_is_refused_or_harmless(data: st.DataObject) -> None:
    value = json.loads(ORDER_LINE)
    into = value if data.draw(st.booleans()) else value["wanted"][0]
    into[data.draw(st.sampled_from(sorted(into)))] = data.draw(junk)
    orders = None
    with contextlib.suppress(MessageError):
        orders = OrdersReader().feed(json.dumps(value).encode())
    if orders is not None:  # what was taken can be said again
        assert list(order_lines(orders))


@pytest.mark.parametrize("report", [Votes(7, (VOTE,)), TURN, HEARTBEAT])
@given(data=st.data())
def test_a_wrong_field_of_a_report_is_refused_or_harmless(
    report: Votes | Turn | Heartbeat, data: st.DataObject
) -> None:
    value = json.loads(report_line(report))
    value[data.draw(st.sampled_from(sorted(value)))] = data.draw(junk)
    with contextlib.suppress(MessageError):
        taken = read_report(json.dumps(value).encode())
        assert read_report(report_line(taken)) == taken
