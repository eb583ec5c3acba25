"""Responses as octets: header, the question as it came, rendered sections, OPT, truncation.

The sections come rendered (`answers.model.Body`); per response there is only copying left: the
pointers to the apex, the turn of the addresses, the counts, and the OPT record at the end.
"""

from __future__ import annotations

import struct
from collections.abc import Sequence
from typing import Final, NamedTuple

from gslb.wire.constants import HEADER_OCTETS, MAX_NAME, TC

_HEADER = struct.Struct("!HHHHH")  # flags, and the four counts
_POINTERS: Final = tuple((0xC000 | at).to_bytes(2, "big") for at in range(HEADER_OCTETS + MAX_NAME))


class Sections(NamedTuple):
    """Rendered sections, cut at the pointers to the apex: `answers.model.Body` made ready.

    Joining `pieces` with the pointer patches every fixup in one call.
    """

    pieces: tuple[bytes, ...]
    answer: int
    authority: int
    additional: int
    optional: int  # additional records that may be left out, at the end
    optional_octets: int
    stride: int  # octets of each answer record, if they may be turned; else 0


EMPTY: Final = Sections((b"",), 0, 0, 0, 0, 0, 0)


def make_sections(
    octets: bytes,
    counts: tuple[int, int, int, int],
    optional_octets: int,
    fixups: Sequence[int],
    stride: int,
) -> Sections:
    """Cut *octets* at the *fixups*: ascending offsets of two octets that become a pointer.

    *counts* are answer, authority, additional and optional records, as in `answers.model.Body`.
    """
    pieces = []
    start = 0
    for fixup in fixups:
        pieces.append(bytes(octets[start:fixup]))
        start = fixup + 2
    pieces.append(bytes(octets[start:]))
    return Sections(tuple(pieces), *counts, optional_octets, stride)


def write_response(
    message: bytes,
    end: int,
    flags: int,
    sections: Sections,
    apex: int,
    turn: int,
    opt: bytes,
    limit: int,
) -> bytes:
    """Return the response to *message*.

    Args:
        message: the query; its ID and question are copied, the question with its case
            (RFC 4343 §4.1, RFC 5452 §4.2).
        end: offset behind the question; 12 writes none.
        flags: the second 16 bits of the header.
        sections: what follows the question.
        apex: offset of the zone's apex in the question, where the fixups of *sections* point.
        turn: how many answer records to move from the front to the back (RFC 1794).
        opt: our OPT record, or nothing; room for it is kept first (RFC 6891 §7).
        limit: octets that the response may have. Above it the optional records go, silently; if
            that is not enough, the response is empty but for question and OPT, with TC set, as a
            part of an RRset is of no use to anybody (RFC 2181 §9).
    """
    pieces, answer, authority, additional, optional, optional_octets, stride = sections
    octets = _POINTERS[apex].join(pieces) if len(pieces) > 1 else pieces[0]
    if turn and stride:
        cut, stop = turn * stride, answer * stride
        octets = octets[cut:stop] + octets[:cut] + octets[stop:]
    excess = end + len(octets) + len(opt) - limit
    if excess > 0:
        if excess <= optional_octets:
            octets = octets[: len(octets) - optional_octets]
            optional = 0
        else:
            octets = b""
            answer = authority = additional = optional = 0
            flags |= TC
    counts = _HEADER.pack(
        flags, end > HEADER_OCTETS, answer, authority, additional + optional + (opt != b"")
    )
    return b"".join((message[:2], counts, message[HEADER_OCTETS:end], octets, opt))


def write_error(message: bytes, end: int, flags: int, opt: bytes) -> bytes:
    """Return a response without records: header, question up to *end* (12: none), OPT if any."""
    counts = _HEADER.pack(flags, end > HEADER_OCTETS, 0, 0, opt != b"")
    return b"".join((message[:2], counts, message[HEADER_OCTETS:end], opt))
