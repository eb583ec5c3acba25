"""Octets to queries: what is read, refused with which RCODE, or met with silence."""

from __future__ import annotations

import struct

import dns.edns
import dns.flags
import dns.message
import dns.rdatatype
import pytest
from hypothesis import given
from hypothesis import strategies as st

from gslb.wire.constants import BADVERS, FORMERR, NOTIMP, QR, RD
from gslb.wire.query import NO_EDE, Query, read_query

NAME = b"\3WwW\7ExAmPlE\3cOm\0"
QUESTION = NAME + b"\0\1\0\1"
OPT = b"\0\0\x29\x04\xd0\0\0\0\0\0\0"
TSIG = b"\3key\0\0\xfa\0\xff\0\0\0\0\0\2ab"
RECORD = b"\1x\0\0\1\0\1\0\0\0\0\0\4\xc0\0\2\1"


def message(
    question: bytes = QUESTION,
    counts: tuple[int, ...] = (1, 0, 0, 0),
    rest: bytes = b"",
    flags: int = RD,
) -> bytes:
    return struct.pack("!HHHHHH", 0x1234, flags, *counts) + question + rest


def with_opt(options: bytes = b"", version: int = 0, flags: int = 0, size: int = 1232) -> bytes:
    opt = struct.pack("!BHHBBHH", 0, 41, size, 0, version, flags, len(options)) + options
    return message(counts=(1, 0, 0, 1), rest=opt)


def read(octets: bytes) -> Query:
    query = read_query(octets)
    assert query is not None
    return query


def test_a_plain_query() -> None:
    query = read(message())
    assert query == Query(QR | RD, b"\3www\7example\3com\0", 1, 1, 12 + len(QUESTION), None)


def test_a_query_with_opt() -> None:
    query = read(with_opt(size=4096, flags=0x8000))
    assert query.edns is not None
    assert (query.edns.payload, query.edns.flags, query.edns.plain) == (4096, 0x8000, True)
    assert query.error == 0


@pytest.mark.parametrize("size", range(12))
def test_fewer_than_twelve_octets_get_silence(size: int) -> None:
    assert read_query(message()[:size]) is None


@pytest.mark.parametrize("flags", [QR, QR | RD, 0xFFFF, QR | 0x2800])
def test_a_response_gets_silence_whatever_else_it_is(flags: int) -> None:
    assert read_query(message(flags=flags)) is None


@pytest.mark.parametrize(
    "question",
    [
        b"\xc0\x0c\0\1\0\1",
        b"\3www\xc0\x0c\0\1\0\1",
        b"\x41a" + b"a" * 64 + b"\0\0\1\0\1",
        b"\x80\0\0\1\0\1",
        (b"\x3f" + b"a" * 63) * 3 + b"\x3f" + b"a" * 63 + b"\0\0\1\0\1",
        (b"\x3f" + b"a" * 63) * 3 + b"\x3e" + b"a" * 62 + b"\0\0\1\0\1",
        b"\1a" * 128 + b"\0\0\1\0\1",
        NAME + b"\0\1\0",
        NAME,
        NAME[:-1],
        b"",
    ],
)
def test_a_question_that_cannot_be_read_is_formerr_without_question(question: bytes) -> None:
    query = read(message(question))
    assert (query.error, query.end, query.edns) == (FORMERR, 12, None)


def test_a_name_of_255_octets_is_the_longest() -> None:
    name = (b"\x3f" + b"a" * 63) * 3 + b"\x3d" + b"a" * 61 + b"\0"
    assert len(name) == 255
    assert read(message(name + b"\0\1\0\1")).error == 0
    assert read(message(b"\1a" * 127 + b"\0\0\1\0\1")).error == 0


def test_reading_stops_at_255_octets_however_long_the_message() -> None:
    endless = read(message(b"\1a" * 30_000))
    assert endless.error == FORMERR


@pytest.mark.parametrize("count", [2, 3, 65_535])
def test_more_than_one_question_is_malformed(count: int) -> None:
    query = read(message(QUESTION * 2, (count, 0, 0, 0)))
    assert (query.error, query.end) == (FORMERR, 12)


@pytest.mark.parametrize(
    "counts", [(1, 1, 0, 0), (1, 0, 1, 0), (1, 0, 0, 3), (1, 65535, 65535, 65535)]
)
def test_record_counts_are_judged_before_any_record_is_read(counts: tuple[int, ...]) -> None:
    query = read(message(counts=counts))
    assert (query.error, query.end) == (FORMERR, 12 + len(QUESTION))


def test_ixfr_has_one_authority_record() -> None:
    ixfr = NAME + b"\0\xfb\0\1"
    assert read(message(ixfr, (1, 0, 1, 1), RECORD + OPT)).error == 0
    assert read(message(ixfr, (1, 0, 2, 0), RECORD * 2)).error == FORMERR
    assert read(message(ixfr, (1, 0, 1, 0), RECORD[:-1])).error == FORMERR
    compressed = b"\xc0\x0c" + RECORD[3:]
    query = read(message(ixfr, (1, 0, 1, 1), compressed + OPT))
    assert (query.error, query.edns is not None, query.trailing) == (0, True, False)


def test_no_question_is_good_only_with_a_cookie() -> None:
    cookie = OPT[:-1] + b"\x0c" + b"\0\x0a\0\x08" + b"c" * 8
    query = read(message(b"", (0, 0, 0, 1), cookie))
    assert (query.error, query.end) == (0, 12)
    assert query.edns is not None
    assert query.edns.cookie == b"c" * 8
    assert read(message(b"", (0, 0, 0, 0))).error == FORMERR
    assert read(message(b"", (0, 0, 0, 1), OPT)).error == FORMERR
    assert read(message(b"", (0, 1, 0, 1), cookie)).error == FORMERR


@pytest.mark.parametrize("opcode", range(1, 16))
def test_other_opcodes_are_not_implemented_and_keep_a_question_that_can_be_read(
    opcode: int,
) -> None:
    flags = opcode << 11 | RD
    query = read(message(flags=flags, counts=(1, 0, 0, 1), rest=OPT))
    assert (query.error, query.ede, query.end) == (NOTIMP, 21, 12 + len(QUESTION))
    assert query.flags == QR | flags
    assert query.edns is not None
    assert read(message(b"", (0, 0, 0, 0), flags=flags)).end == 12
    assert read(message(b"\xc0\x0c", (1, 0, 0, 0), flags=flags)).end == 12
    assert read(message(QUESTION * 2, (2, 0, 0, 0), flags=flags)).error == NOTIMP
    update = read(message(counts=(1, 0, 1, 0), rest=RECORD, flags=flags))
    assert (update.error, update.edns) == (NOTIMP, None)


@pytest.mark.parametrize("flags", range(0, 0x800, 0x10))
def test_other_flags_change_nothing(flags: int) -> None:
    assert read(message(flags=flags))._replace(flags=0) == read(message())._replace(flags=0)
    assert read(message(flags=flags)).flags == QR | flags & RD


@pytest.mark.parametrize(
    ("qtype", "error", "ede"),
    [(41, FORMERR, 30), (128, FORMERR, 30), (249, NOTIMP, 21), (250, NOTIMP, 21),
     (253, NOTIMP, 21), (254, NOTIMP, 21), (0, 0, NO_EDE), (255, 0, NO_EDE), (65535, 0, NO_EDE)],
)  # fmt: skip
def test_types_that_nobody_may_ask_for(qtype: int, error: int, ede: int) -> None:
    question = NAME + qtype.to_bytes(2, "big") + b"\0\1"
    for octets in (message(question), message(question, (1, 0, 0, 1), OPT)):
        query = read(octets)
        assert (query.error, query.ede, query.end) == (error, ede, 12 + len(question))
    assert query.edns is not None


@pytest.mark.parametrize(
    "records",
    [
        OPT + OPT,
        b"\1x" + OPT,
        b"\xc0\x0c" + OPT[1:],
        OPT[:-1] + b"\5" + b"1234",
        OPT[:-1] + b"\3" + b"\0\x0a\0",
        OPT[:-1] + b"\4" + b"\0\x0a\0\1",
    ],
)
def test_a_malformed_opt_is_formerr_and_earns_an_opt(records: bytes) -> None:
    query = read(message(counts=(1, 0, 0, 2 if records == OPT + OPT else 1), rest=records))
    assert query.error == FORMERR
    assert query.edns is not None


@pytest.mark.parametrize("version", [1, 2, 255])
@pytest.mark.parametrize("flags", [0, 0x8000, 0x7FFF])
@pytest.mark.parametrize("options", [b"", b"\xfd\xe9\0\0", b"\0\x0a\0\1x", b"garbage"])
def test_a_later_version_is_badvers_whatever_its_options(
    version: int, flags: int, options: bytes
) -> None:
    query = read(with_opt(options, version, flags))
    assert query.error == BADVERS
    assert query.edns is not None
    assert query.edns.flags == flags & 0x8000


def test_one_other_additional_record_is_stepped_over() -> None:
    for records in (RECORD + OPT, OPT + RECORD):
        query = read(message(counts=(1, 0, 0, 2), rest=records))
        assert (query.error, query.edns is not None, query.trailing) == (0, True, False)
    assert read(message(counts=(1, 0, 0, 1), rest=RECORD)).error == 0
    assert read(message(counts=(1, 0, 0, 1), rest=RECORD[:-1])).error == FORMERR
    assert read(message(counts=(1, 0, 0, 1), rest=b"\x41" + RECORD)).error == FORMERR
    assert read(message(counts=(1, 0, 0, 1), rest=b"\1a" * 200)).error == FORMERR


@pytest.mark.parametrize("records", [(TSIG, 1), (OPT + TSIG, 2), (TSIG + OPT, 2)])
def test_a_tsig_record_is_formerr(records: tuple[bytes, int]) -> None:
    """We hold no keys: what cannot be read as a signature makes the message corrupt."""
    assert read(message(counts=(1, 0, 0, records[1]), rest=records[0])).error == FORMERR


def test_octets_behind_the_last_record_are_noted_and_ignored() -> None:
    assert read(message(rest=b"junk")).trailing
    query = read(with_opt() + b"junk")
    assert (query.error, query.trailing) == (0, True)
    assert not read(with_opt()).trailing


@given(st.binary(max_size=100))
def test_no_octets_make_it_raise(tail: bytes) -> None:
    read_query(tail)
    read_query(message(b"", (1, 0, 0, 1), tail))
    read_query(message(counts=(1, 0, 0, 2), rest=tail))
    read_query(message(b"", (0, 0, 0, 2), tail))


@given(
    st.lists(st.binary(min_size=1, max_size=63), max_size=3),
    st.integers(1, 65535),
    st.integers(0, 65535),
)
def test_what_dnspython_writes_is_read_alike(labels: list[bytes], qtype: int, payload: int) -> None:
    name = dns.name.Name([*labels, b""])
    query = dns.message.make_query(
        name, dns.rdatatype.RdataType.make(qtype), use_edns=0, payload=payload
    )
    found = read(query.to_wire())
    assert found.qname == name.to_wire().lower()
    assert found.qtype == qtype
    assert found.edns is not None
    assert found.edns.payload == payload
