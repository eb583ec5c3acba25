"""The OPT record of EDNS(0): what a query's says, and writing ours (RFC 6891).

Reading is strict about what the record says of itself and tolerant of options that we do not know.
"""

from __future__ import annotations

import struct
from functools import lru_cache
from typing import Final, NamedTuple

from gslb.wire.constants import (
    BADVERS,
    EDNS_DO,
    EDNS_VERSION,
    FAMILY_IPV4,
    FAMILY_IPV6,
    FORMERR,
    OPT_OCTETS,
    OPTION_COOKIE,
    OPTION_ECS,
    OPTION_EDE,
    OPTION_KEEPALIVE,
    OPTION_NSID,
    OPTION_ZONEVERSION,
    TYPE_OPT,
)

MAX_CACHED_OPT: Final = 96  # octets; longer records are read each time
CACHED_OPTS: Final = 4096  # resolvers send the same record all day, but for cookie and subnet

_OPT = struct.Struct("!BHHBBHH")  # root owner, type, size, extended RCODE, version, flags, RDLENGTH
_OPTION = struct.Struct("!HH")  # code, length
_ECS = struct.Struct("!HBB")  # family, source, scope prefix lengths
_FAMILY_BITS: Final = {FAMILY_IPV4: 32, FAMILY_IPV6: 128}
_SOA_SERIAL: Final = 0  # the only version type of RFC 9660 §2


class ClientSubnet(NamedTuple):
    """The ECS option of a query (RFC 7871 §6)."""

    family: int  # FAMILY_IPV4 or FAMILY_IPV6; 0 or others only in a record that is refused
    source: int  # bits of the address that were sent
    address: int  # 32 or 128 bits, zero behind the source prefix
    octets: bytes  # the option's data as they came, to be mirrored bit for bit


class Edns(NamedTuple):
    """What the OPT record of a query says."""

    payload: int = 512  # octets of UDP that the sender can take, as it says
    flags: int = 0  # the DO bit, if set; others are cleared (RFC 6891 §6.1.4)
    error: int = 0  # FORMERR or BADVERS (RFC 6891 §6.1.3, §7), 0 if there is none
    plain: bool = True  # no option that we answer
    subnet: ClientSubnet | None = None
    cookie: bytes | None = None  # client cookie, with or without a server cookie behind it
    nsid: bool = False
    zone_version: bool = False


def read_opt(record: bytes) -> Edns:
    """Return what an OPT record says; *record* reaches from its owner name to its last octet.

    The owner has been seen to be the root and RDLENGTH to be right. Errors are in `Edns.error`.
    """
    return _read_cached(record) if len(record) <= MAX_CACHED_OPT else _read(record)


def _read(record: bytes) -> Edns:
    _, _, payload, _, version, flags, _ = _OPT.unpack_from(record)
    flags &= EDNS_DO
    if version > EDNS_VERSION:
        return Edns(payload, flags, BADVERS)
    if len(record) == OPT_OCTETS:
        return Edns(payload, flags)
    return _read_options(record, payload, flags)


_read_cached = lru_cache(maxsize=CACHED_OPTS)(_read)


def _read_options(record: bytes, payload: int, flags: int) -> Edns:
    subnet: ClientSubnet | None = None
    cookie: bytes | None = None
    nsid = zone_version = False
    at, end = OPT_OCTETS, len(record)
    while at < end:
        if end - at < 4:
            return Edns(payload, flags, FORMERR)
        code, length = _OPTION.unpack_from(record, at)
        at += 4
        if length > end - at:
            return Edns(payload, flags, FORMERR)
        data = record[at : at + length]
        at += length
        if code == OPTION_ECS:
            if subnet is not None:
                return Edns(payload, flags, FORMERR)
            subnet = read_subnet(data)
            if subnet is None or subnet.family not in _FAMILY_BITS:
                return Edns(payload, flags, FORMERR, subnet=subnet)
        elif code == OPTION_COOKIE:
            if cookie is None:  # the first counts, RFC 7873 §5.2
                if length != 8 and not 16 <= length <= 40:
                    return Edns(payload, flags, FORMERR)
                cookie = data
        elif code == OPTION_NSID:  # a payload in a query has no meaning, RFC 5001 §2.2
            nsid = True
        elif code == OPTION_ZONEVERSION:  # the same, RFC 9660 §3.2
            zone_version = True
    plain = not (subnet or cookie or nsid or zone_version)
    return Edns(payload, flags, 0, plain, subnet, cookie, nsid, zone_version)


def read_subnet(data: bytes) -> ClientSubnet | None:
    """Return the ECS option with these *data*, or None if it is malformed (RFC 7871 §6, §7.2.1).

    A family that does not exist gives a subnet with that family and no address, so that such
    clients can be counted; the caller refuses it.
    """
    if len(data) < 4:
        return None
    family, source, scope = _ECS.unpack_from(data)
    bits = _FAMILY_BITS.get(family)
    if bits is None:
        return ClientSubnet(family, source, 0, data)
    octets = len(data) - 4
    if scope or source > bits or octets != (source + 7) >> 3:
        return None
    address = int.from_bytes(data[4:], "big") << (bits - 8 * octets)
    if address & ((1 << (bits - source)) - 1):
        return None
    return ClientSubnet(family, source, address, data)


def write_opt(payload: int, flags: int, rcode: int = 0, options: bytes = b"") -> bytes:
    """Return our OPT record: version 0, *flags* (DO or 0), the upper bits of *rcode*, *options*."""
    head = _OPT.pack(0, TYPE_OPT, payload, rcode >> 4, EDNS_VERSION, flags, len(options))
    return head + options


def subnet_option(subnet: ClientSubnet, scope: int) -> bytes:
    """Return the query's ECS option with its scope filled in and nothing else changed."""
    data = subnet.octets
    return _OPTION.pack(OPTION_ECS, len(data)) + data[:3] + bytes((scope,)) + data[4:]


def cookie_option(cookie: bytes) -> bytes:
    """Return the option that carries client and server cookie (RFC 7873 §4)."""
    return _OPTION.pack(OPTION_COOKIE, len(cookie)) + cookie


def nsid_option(nsid: bytes) -> bytes:
    """Return the option that names this server (RFC 5001 §2.3)."""
    return _OPTION.pack(OPTION_NSID, len(nsid)) + nsid


def error_option(code: int) -> bytes:
    """Return an extended error without text (RFC 8914 §2)."""
    return _OPTION.pack(OPTION_EDE, 2) + code.to_bytes(2, "big")


def keepalive_option(seconds: float) -> bytes:
    """Return how long an idle connection stays open, told in tenths of a second (RFC 7828 §3.1)."""
    tenths = max(0, min(65_535, round(seconds * 10)))
    return _OPTION.pack(OPTION_KEEPALIVE, 2) + tenths.to_bytes(2, "big")


def zone_version_option(labels: int, serial: int) -> bytes:
    """Return the SOA serial of the zone whose apex has *labels* labels (RFC 9660 §2)."""
    return _OPTION.pack(OPTION_ZONEVERSION, 6) + struct.pack("!BBI", labels, _SOA_SERIAL, serial)
