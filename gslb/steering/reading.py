"""Reads what was rendered back: records of a body as text, the range of a prefix map."""

from __future__ import annotations

from collections.abc import Sequence
from ipaddress import IPv4Address, IPv6Address

import dns.exception
import dns.flags
import dns.message
import dns.rdatatype
import numpy as np
import numpy.typing as npt

from gslb.answers.model import Body, PrefixMap
from gslb.errors import GslbError
from gslb.wire.constants import AA, CLASS_IN, HEADER_OCTETS, QR

BITS = {4: 32, 6: 64}  # of the addresses that prefix maps hold


def read_type(text: str) -> int:
    """Return the record type called *text*. Raises GslbError, for ANY and the like too."""
    try:
        rtype = dns.rdatatype.from_text(text)
    except (dns.rdatatype.UnknownRdatatype, dns.exception.SyntaxError, ValueError):
        raise GslbError(f'"{text}" is no record type') from None
    if dns.rdatatype.is_metatype(rtype):
        raise GslbError(f"{text} is no type that records have")
    return int(rtype)


def message_of(body: Body, owner: bytes, apex: bytes, rtype: int) -> dns.message.Message:
    """Return the response with *body* to a question for *owner*, all its records included.

    It is put together as the data plane does: apex pointers in the place of the fixups.
    """
    octets = bytearray(body.octets)
    pointer = 0xC000 | (HEADER_OCTETS + len(owner) - len(apex))
    for at in body.fixups:
        octets[at : at + 2] = pointer.to_bytes(2, "big")
    counts = (1, body.answer, body.authority, body.additional + body.optional)
    numbers = (0, QR | AA, *counts)
    header = b"".join(number.to_bytes(2, "big") for number in numbers)
    question = owner + rtype.to_bytes(2, "big") + CLASS_IN.to_bytes(2, "big")
    return dns.message.from_wire(header + question + octets)


def answer_texts(
    body: Body, owner: bytes, apex: bytes, rtype: int
) -> tuple[str, int, tuple[str, ...]]:
    """Return type, TTL and the RDATA as text, sorted, of the answer section; no records: ("", 0, ())."""
    rrsets = message_of(body, owner, apex, rtype).answer
    if not rrsets:
        return "", 0, ()
    kind = dns.rdatatype.to_text(rrsets[0].rdtype)
    return kind, int(rrsets[0].ttl), tuple(sorted(rdata.to_text() for rdata in rrsets[0]))


def range_of(prefixes: PrefixMap, address: IPv4Address | IPv6Address) -> tuple[int, int, int]:
    """Return the class of *address*, and the first number of its range and of the next one.

    Numbers of IPv6 are the upper 64 bits of addresses.
    """
    starts: Sequence[int] | npt.NDArray[np.uint32] | npt.NDArray[np.uint64]
    if address.version == 4:
        starts, classes, number = prefixes.starts4, prefixes.classes4, int(address)
    else:
        starts, classes, number = prefixes.starts6, prefixes.classes6, int(address) >> 64
    at = int(np.searchsorted(starts, np.array(number, starts.dtype), side="right"))
    end = int(starts[at]) if at < len(starts) else 1 << BITS[address.version]
    return int(classes[at - 1]), int(starts[at - 1]), end
