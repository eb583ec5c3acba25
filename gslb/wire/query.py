"""Octets to a query, or the RCODE that they earn, or silence.

Written by hand for the one shape that nearly every query has, because the libraries that read any
message (dnslib, dnspython) build an object for each name and record, at some hundred microseconds
a message; here it is about five. What is read is checked; no compression pointer is ever followed.
"""

from __future__ import annotations

import struct
from typing import Final, NamedTuple

from gslb.wire.constants import (
    CLASS_IN,
    EDE_INVALID_QUERY_TYPE,
    EDE_NOT_SUPPORTED,
    EDNS_DO,
    FORMERR,
    HEADER_OCTETS,
    MAX_LABEL,
    MAX_NAME,
    NOTIMP,
    OPCODE_MASK,
    OPT_OCTETS,
    QR,
    RD,
    TYPE_IXFR,
    TYPE_MAILA,
    TYPE_MAILB,
    TYPE_NXNAME,
    TYPE_OPT,
    TYPE_TKEY,
    TYPE_TSIG,
)
from gslb.wire.edns import Edns, read_opt

MAX_ADDITIONAL: Final = 2  # records in a query that are looked at: OPT and one other
NO_EDE: Final = -1

_COUNTS = struct.Struct("!xxHHHHH")  # flags, QDCOUNT, ANCOUNT, NSCOUNT, ARCOUNT
_QUESTION = struct.Struct("!HH")
_RECORD = struct.Struct("!HHIH")  # type, class, TTL, RDLENGTH
_ROOT_OPT: Final = b"\0\0\x29"
_NAME_END: Final = HEADER_OCTETS + MAX_NAME  # just behind the longest name in a question

_NOT_A_QUESTION: Final = {
    TYPE_OPT: (FORMERR, EDE_INVALID_QUERY_TYPE),
    TYPE_NXNAME: (FORMERR, EDE_INVALID_QUERY_TYPE),  # RFC 9824 §3.5
    TYPE_TKEY: (NOTIMP, EDE_NOT_SUPPORTED),
    TYPE_TSIG: (NOTIMP, EDE_NOT_SUPPORTED),
    TYPE_MAILA: (NOTIMP, EDE_NOT_SUPPORTED),
    TYPE_MAILB: (NOTIMP, EDE_NOT_SUPPORTED),
}


class Query(NamedTuple):
    """One query, or what was wrong with it."""

    flags: int  # of the response: QR, opcode and RD as in the query, all else 0
    qname: bytes  # wire form in lower case; empty without a question
    qtype: int
    qclass: int
    end: int  # offset just behind the question in the message; 12: there is none to echo
    edns: Edns | None
    error: int = 0  # extended RCODE to answer with; 0: the query is good
    ede: int = NO_EDE  # extended error that goes with it
    trailing: bool = False  # octets behind the last record, ignored


class _MalformedError(Exception):
    """The records behind the question cannot be read; carries the OPT record met so far."""

    def __init__(self, edns: Edns | None) -> None:
        self.edns = edns


def read_query(message: bytes) -> Query | None:
    """Return the query in *message*, or None where silence is the only safe answer.

    Silence: fewer than 12 octets, or a response (QR=1), which must never be answered or two servers
    could be made to talk to each other for ever. Everything else gets an RCODE: `Query.error`.
    """
    if len(message) < HEADER_OCTETS:
        return None
    flags, questions, answers, authorities, additionals = _COUNTS.unpack_from(message)
    if flags & QR:
        return None
    flags = QR | flags & (OPCODE_MASK | RD)
    if flags & OPCODE_MASK:
        return _other_opcode(message, flags)
    if questions != 1:
        return _no_question(message, flags)
    question = _read_question(message)
    if question is None:
        return Query(flags, b"", 0, 0, HEADER_OCTETS, None, FORMERR)
    qname, qtype, qclass, end = question
    if answers or authorities or additionals > 1 or qtype in _NOT_A_QUESTION:
        return _uncommon(message, Query(flags, qname, qtype, qclass, end, None))
    if not additionals:
        return Query(flags, qname, qtype, qclass, end, None, 0, NO_EDE, len(message) > end)
    stop = end + OPT_OCTETS
    if message[end : end + 3] == _ROOT_OPT and len(message) >= stop:
        stop += message[stop - 2] << 8 | message[stop - 1]
        if len(message) >= stop:
            edns = read_opt(message[end:stop])
            trailing = len(message) > stop
            return Query(flags, qname, qtype, qclass, end, edns, edns.error, NO_EDE, trailing)
    return _uncommon(message, Query(flags, qname, qtype, qclass, end, None))


def _read_question(message: bytes) -> tuple[bytes, int, int, int] | None:
    """Return name (lower case), type, class and end of the first question.

    None: pointers, reserved label types, a name of more than 255 octets, or the end of the message
    (RFC 1035 §3.1, §4.1.4).
    """
    at = HEADER_OCTETS
    try:
        while length := message[at]:
            if length > MAX_LABEL or at >= _NAME_END:
                return None
            at += 1 + length
        at += 1
        if at > _NAME_END:
            return None
        qtype, qclass = _QUESTION.unpack_from(message, at)
    except (IndexError, struct.error):
        return None
    return message[HEADER_OCTETS:at].lower(), qtype, qclass, at + 4  # lower: see names.lower


def _uncommon(message: bytes, query: Query) -> Query:
    """Read what follows the question, whatever it is; the question has been read into *query*."""
    _, _, answers, authorities, additionals = _COUNTS.unpack_from(message)
    # RFC 1995 §3: a query for IXFR has the SOA that the client holds in its authority section.
    if answers or authorities > (query.qtype == TYPE_IXFR) or additionals > MAX_ADDITIONAL:
        return query._replace(error=FORMERR)
    try:
        edns, stop = _read_records(message, query.end, authorities, additionals)
    except _MalformedError as malformed:
        return query._replace(edns=malformed.edns, error=FORMERR)
    query = query._replace(edns=edns, trailing=stop < len(message))
    if edns is not None and edns.error:
        return query._replace(error=edns.error)
    if query.qtype in _NOT_A_QUESTION:
        error, ede = _NOT_A_QUESTION[query.qtype]
        return query._replace(error=error, ede=ede)
    return query


def _read_records(message: bytes, at: int, skipped: int, count: int) -> tuple[Edns | None, int]:
    """Return what the OPT record among *count* records says, and the offset behind the last.

    The first *skipped* records, of the authority section, are stepped over.

    Raises:
        _MalformedError: a record reaches past the end; a second OPT record, one whose owner is not the
            root (RFC 6891 §6.1.1); any TSIG record. We hold no keys, and a server that cannot read
            a TSIG record has to regard the message as corrupt (RFC 8945 §5.2).
    """
    edns: Edns | None = None
    for number in range(skipped + count):
        start = at
        at = _skip_name(message, at)
        if at < 0 or len(message) - at < 10:
            raise _MalformedError(edns)
        rtype, _, _, length = _RECORD.unpack_from(message, at)
        stop = at + 10 + length
        if number >= skipped and rtype == TYPE_OPT:
            flags = (message[at + 6] << 8) & EDNS_DO
            if edns is not None or message[start] or stop > len(message):
                raise _MalformedError(Edns(flags=flags))
            edns = read_opt(message[start:stop])
        elif rtype == TYPE_TSIG or stop > len(message):
            raise _MalformedError(edns)
        at = stop
    return edns, at


def _skip_name(message: bytes, at: int) -> int:
    """Return the offset behind the name at *at*, or -1. A pointer ends a name; it is not followed."""
    limit = min(len(message), at + MAX_NAME)
    while at < limit:
        length = message[at]
        if length == 0:
            return at + 1
        if length >= 0xC0:
            return at + 2
        if length > MAX_LABEL:
            return -1
        at += 1 + length
    return -1


def _other_opcode(message: bytes, flags: int) -> Query:
    """Return NOTIMP for an opcode other than QUERY, with question and OPT if they can be read."""
    _, questions, answers, authorities, additionals = _COUNTS.unpack_from(message)
    query = Query(flags, b"", 0, CLASS_IN, HEADER_OCTETS, None, NOTIMP, EDE_NOT_SUPPORTED)
    if questions > 1:
        return query
    if questions:
        question = _read_question(message)
        if question is None:
            return query
        qname, qtype, qclass, end = question
        query = query._replace(qname=qname, qtype=qtype, qclass=qclass, end=end)
    if answers or authorities or additionals > MAX_ADDITIONAL:
        return query
    try:
        edns, _ = _read_records(message, query.end, 0, additionals)
    except _MalformedError as malformed:
        edns = malformed.edns
    return query._replace(edns=None if edns is None else Edns(edns.payload, edns.flags))


def _no_question(message: bytes, flags: int) -> Query:
    """Judge a query with a number of questions other than one.

    More than one is malformed (RFC 9619 §4). None at all, but a cookie, asks for a fresh cookie
    (RFC 7873 §5.4): a good query whose `Query.end` is 12. None and no cookie is malformed.
    """
    _, questions, answers, authorities, additionals = _COUNTS.unpack_from(message)
    malformed = Query(flags, b"", 0, CLASS_IN, HEADER_OCTETS, None, FORMERR)
    if questions or answers or authorities or additionals > MAX_ADDITIONAL:
        return malformed
    query = _uncommon(message, malformed._replace(error=0))
    if query.error or (query.edns is not None and query.edns.cookie is not None):
        return query
    return query._replace(error=FORMERR)
