"""What is counted of queries: everything once, under what became of it."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from gslb.dataplane import counters
from gslb.dataplane.counters import Client, Dropped, Event, Head
from gslb.dataplane.counting import Counting, private_countings
from gslb.dataplane.guard import Guard
from gslb.dataplane.responder import Responder
from gslb.dataplane.settings import ResponderSettings, Source, Transport
from tests.dataplane import counted

V4, V6 = Source(1, 0xC6336435), Source(2, 0x20010DB8 << 96)
RESPONSE = bytes([0, 0, 0x80, 3]) + bytes(8)


def block(zones: int = 2, choices: int = 3) -> bytearray:
    return counters.new_block(zones, choices, 7, 1, Transport.UDP)


def test_a_query_is_counted_by_zone_family_type_rcode_and_size() -> None:
    counting = Counting(block())
    for zone, source, qtype in ((0, V4, 1), (1, V6, 28), (1, V6, 28), (-1, V4, 999)):
        counting.begin()
        counting.zone, counting.qtype = zone, qtype
        counting.end(bytes(40), RESPONSE, source)
    a, aaaa = counters.type_bucket(1), counters.type_bucket(28)
    requests = counted.by_row(counting, counters.REQUESTS, 2 * counters.TYPE_BUCKETS)
    assert requests == {
        (0, a): 1,
        (1, counters.TYPE_BUCKETS + aaaa): 2,
        (3, counters.OTHER_TYPE): 1,  # rows 0 and 1, all other zones, no zone
    }
    assert counted.by_row(counting, counters.RESPONSES, counters.RCODES) == {
        (0, 3): 1,
        (1, 3): 2,
        (3, 3): 1,
    }
    durations = counted.by_row(counting, counters.DURATION, counters.DURATIONS)
    assert sum(durations.values()) == 4
    found = counted.words(counting)
    assert found[counters.REQUEST_OCTETS] == 160
    assert found[counters.RESPONSE_SIZES] == 4  # of 32 octets and fewer


def test_silence_has_a_reason_and_no_response() -> None:
    counting = Counting(block())
    for why in (Dropped.PARSE, Dropped.RATELIMIT, Dropped.RATELIMIT):
        counting.begin()
        counting.dropped = why
        counting.end(b"", None, V4)
    assert counted.dropped(counting) == {Dropped.PARSE: 1, Dropped.RATELIMIT: 2}
    assert counted.rcodes(counting) == {}
    assert sum(counted.by_row(counting, 0, 2 * counters.TYPE_BUCKETS).values()) == 3


def test_notes_of_a_query_end_with_it() -> None:
    counting = Counting(block())
    counting.begin()
    counting.zone, counting.choice, counting.body, counting.rcode = 1, 2, 900, 16
    counting.client = Client.ECS
    counting.end(b"", RESPONSE, V4)
    counting.begin()
    counting.end(b"", RESPONSE, V4)
    assert counted.answers(counting) == {counters.answer_key(2, 900): 1}
    assert counted.clients(counting) == {Client.ECS: 1}
    assert counted.rcodes(counting) == {16: 1, 3: 1}


@given(
    st.lists(st.tuples(st.integers(0, 5), st.integers(1, 2**32 - 1)), max_size=300),
)
def test_every_answer_is_told_apart_or_counted_as_lost(asked: list[tuple[int, int]]) -> None:
    counting = Counting(block())
    for choice, body in asked:
        counting.begin()
        counting.choice, counting.body = choice, body
        counting.end(b"", RESPONSE, V4)
    wanted: dict[int, int] = {}
    for choice, body in asked:
        key = counters.answer_key(choice, body)
        wanted[key] = wanted.get(key, 0) + 1
    found = counted.answers(counting)
    assert sum(found.values()) + counted.event(counting, Event.OVERFLOW) == len(asked)
    assert all(wanted[key] == count for key, count in found.items())


def test_a_full_hash_table_loses_the_name_of_an_answer_and_not_the_answer() -> None:
    counting = Counting(block())
    total = 4 << counters.LEAST_BITS
    for body in range(1, total + 1):
        counting.begin()
        counting.choice, counting.body = 0, body
        counting.end(b"", RESPONSE, V4)
    found = counted.answers(counting)
    assert len(found) <= 1 << counters.LEAST_BITS
    assert sum(found.values()) + counted.event(counting, Event.OVERFLOW) == total


def test_another_block_finishes_the_one_before() -> None:
    first, second = block(), block(zones=900, choices=100_000)
    counting = Counting(first)
    counting.begin()
    counting.choice, counting.body = 0, 8
    counting.end(b"", RESPONSE, V4)
    before = bytes(first)
    counting.use(second)
    assert memoryview(first).cast("Q")[Head.FINISHED] == 1
    counting.begin()
    counting.choice, counting.body, counting.zone = 0, 8, 899
    counting.end(b"", RESPONSE, V4)
    end = counters.WORD * Head.FINISHED
    assert bytes(first)[:end] + bytes(first)[end + 8 :] == before[:end] + before[end + 8 :]
    assert counted.answers(counting) == {counters.answer_key(0, 8): 1}
    assert counted.rcodes(counting) == {3: 1}
    counting.finish()
    assert memoryview(second).cast("Q")[Head.FINISHED] == 1


def test_transports_are_counted_apart() -> None:
    guard = Guard(lambda *_: RESPONSE, lambda: 0.0, private_countings())
    guard.respond(b"", V4, 5, Transport.UDP)
    guard.respond(b"", V4, 5, Transport.TCP)
    guard.respond(b"", V4, 5, Transport.TCP)
    assert counted.rcodes(guard.countings.udp) == {3: 1}
    assert counted.rcodes(guard.countings.tcp) == {3: 2}


@given(st.lists(st.binary(max_size=60), max_size=20))
def test_requests_are_responses_and_drops_whatever_comes(messages: list[bytes]) -> None:

    responder = Responder(None, ResponderSettings(), lambda: 0, lambda: 0.0)
    guard = Guard(responder.respond, lambda: 0.0, responder.countings)
    answered = [guard.respond(message, V4, 4242, Transport.UDP) for message in messages]
    counting = responder.countings.udp
    silent = sum(one is None for one in answered)
    assert sum(counted.dropped(counting).values()) == silent
    assert sum(counted.rcodes(counting).values()) == len(messages) - silent
    asked = counted.by_row(counting, counters.REQUESTS, 2 * counters.TYPE_BUCKETS)
    assert sum(asked.values()) == len(messages)
