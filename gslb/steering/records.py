"""Records as octets: the bodies of responses, with names of the zone shortened to its apex."""

from __future__ import annotations

import struct
from collections.abc import Iterator, Sequence

import dnslib

from gslb.answers.model import Body
from gslb.policy.plan import Https
from gslb.wire.constants import (
    CLASS_IN,
    TYPE_A,
    TYPE_AAAA,
    TYPE_CNAME,
    TYPE_HTTPS,
    TYPE_MX,
    TYPE_NS,
    TYPE_PTR,
    TYPE_SOA,
)
from gslb.wire.names import is_within, labels

QUESTION_NAME = b"\xc0\x0c"  # RFC 1035 §4.1.4: a pointer to offset 12, the name asked for
STRIDES = {TYPE_A: 16, TYPE_AAAA: 28}  # pointer 2, type 2, class 2, TTL 4, RDLENGTH 2, address
ALPN, PORT, IPV4HINT, IPV6HINT = 1, 3, 4, 6  # SvcParamKeys, RFC 9460 §14.3.2
_FIXED = struct.Struct("!HHIH")
_PLACEHOLDER = b"\0\0"  # becomes the pointer to the apex; fixups say where
# Octets before the name, and names, in the RDATA of types whose names may be compressed: those of
# RFC 1035 only (RFC 3597 §4).
_NAMED = {TYPE_NS: (0, 1), TYPE_CNAME: (0, 1), TYPE_PTR: (0, 1), TYPE_MX: (2, 1), TYPE_SOA: (0, 2)}


class BodyWriter:
    """Octets of records in the making, for one zone."""

    def __init__(self, apex: bytes) -> None:
        self.apex = apex
        self.octets = bytearray()
        self.fixups: list[int] = []

    def name(self, name: bytes) -> None:
        """Append *name* (wire form); if it is in the zone, its labels and a pointer to the apex."""
        if not is_within(name.lower(), self.apex):
            self.octets += name
            return
        self.octets += name[: len(name) - len(self.apex)]
        self.fixups.append(len(self.octets))
        self.octets += _PLACEHOLDER

    def record(self, owner: bytes | None, rtype: int, ttl: int, rdata: bytes) -> None:
        """Append a record; *owner* None: the name asked for. *rdata* has no compressed names."""
        if owner is None:
            self.octets += QUESTION_NAME
        else:
            self.name(owner)
        self.octets += _FIXED.pack(rtype, CLASS_IN, ttl, 0)
        start = len(self.octets)
        self._rdata(rtype, rdata)
        struct.pack_into("!H", self.octets, start - 2, len(self.octets) - start)

    def _rdata(self, rtype: int, rdata: bytes) -> None:
        skip, names = _NAMED.get(rtype, (len(rdata), 0))
        self.octets += rdata[:skip]
        for _ in range(names):
            end = skip + name_octets(rdata[skip:])
            self.name(rdata[skip:end])
            skip = end
        self.octets += rdata[skip:] if names else b""

    def body(
        self,
        *,
        answer: int = 0,
        authority: int = 0,
        additional: int = 0,
        optional: int = 0,
        optional_octets: int = 0,
        stride: int = 0,
    ) -> Body:
        """Return what was written, as a body with these counts."""
        octets, fixups = bytes(self.octets), tuple(self.fixups)
        return Body(
            octets, answer, authority, additional, optional, optional_octets, fixups, stride
        )


def targets_of(body: Body, apex: bytes) -> list[bytes]:
    """Return what a steered answer leads to: its addresses and hints, or the name of its CNAME."""
    found: list[bytes] = []
    at = 0
    for _ in range(body.answer):
        start = at + len(QUESTION_NAME) + _FIXED.size  # every steered record is the queried name's
        rtype, _, _, length = _FIXED.unpack_from(body.octets, at + len(QUESTION_NAME))
        at = start + length
        rdata = body.octets[start:at]
        if rtype in STRIDES:
            found.append(rdata)
        elif rtype == TYPE_CNAME:
            short = at - len(_PLACEHOLDER) in body.fixups
            found.append((rdata[: -len(_PLACEHOLDER)] + apex if short else rdata).lower())
        elif rtype == TYPE_HTTPS:
            found += _hints(rdata)
    return found


def _hints(rdata: bytes) -> Iterator[bytes]:
    """Yield the addresses in an HTTPS record that was made here: its target is the root."""
    at = 3
    while at < len(rdata):
        key, length = struct.unpack_from("!HH", rdata, at)
        at += 4
        size = {IPV4HINT: 4, IPV6HINT: 16}.get(key)
        if size is not None:
            yield from (rdata[one : one + size] for one in range(at, at + length, size))
        at += length


def name_octets(octets: bytes) -> int:
    """Return how many octets the uncompressed name at the start of *octets* has."""
    return sum(1 + len(label) for label in labels(octets)) + 1


def address_body(rtype: int, ttl: int, addresses: Sequence[bytes], *, rotate: bool = True) -> Body:
    """Return the body of an A or AAAA answer; *rotate*: its records may be turned."""
    fixed = QUESTION_NAME + _FIXED.pack(rtype, CLASS_IN, ttl, len(addresses[0]))
    octets = b"".join(fixed + address for address in addresses)
    return Body(octets, answer=len(addresses), stride=STRIDES[rtype] if rotate else 0)


def cname_body(apex: bytes, ttl: int, target: bytes) -> Body:
    """Return the body of a CNAME answer, which stands alone (protocol S10: nothing is chased)."""
    writer = BodyWriter(apex)
    writer.record(None, TYPE_CNAME, ttl, target)
    return writer.body(answer=1)


def https_rdata(https: Https, a: Sequence[bytes], aaaa: Sequence[bytes]) -> bytes:
    """Return the RDATA of an HTTPS record for the name itself (RFC 9460 §2.2, §9).

    Parameters ascend by key; hints are there if the policy has them and there are addresses.
    """
    params: list[tuple[int, bytes]] = []
    if https.alpn:
        texts = [protocol.encode("ascii") for protocol in https.alpn]
        params.append((ALPN, b"".join(bytes([len(text)]) + text for text in texts)))
    if https.port is not None:
        params.append((PORT, https.port.to_bytes(2, "big")))
    if https.hints and a:
        params.append((IPV4HINT, b"".join(a)))
    if https.hints and aaaa:
        params.append((IPV6HINT, b"".join(aaaa)))
    buffer = dnslib.DNSBuffer()
    dnslib.HTTPS(https.priority, [], params).pack(buffer)
    return bytes(buffer.data)


def https_body(ttl: int, https: Https, a: Sequence[bytes], aaaa: Sequence[bytes]) -> Body:
    """Return the body of an HTTPS answer; *a* and *aaaa* are what the hints may hold."""
    rdata = https_rdata(https, a, aaaa)
    fixed = QUESTION_NAME + _FIXED.pack(TYPE_HTTPS, CLASS_IN, ttl, len(rdata))
    return Body(fixed + rdata, answer=1)
