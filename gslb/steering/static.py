"""The zone's own data as bodies: answers, negatives, referrals, and which names exist."""

from __future__ import annotations

import struct
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass

from gslb.answers.model import Body
from gslb.policy.plan import Soa, StaticRRset, ZonePlan
from gslb.steering.records import STRIDES, BodyWriter, name_octets
from gslb.wire.constants import (
    TYPE_A,
    TYPE_AAAA,
    TYPE_DS,
    TYPE_HTTPS,
    TYPE_MX,
    TYPE_NS,
    TYPE_SOA,
    TYPE_SRV,
)
from gslb.wire.names import ROOT, is_wildcard, is_within, parent, suffixes

MAX_ADDITIONAL_NAMES = 13  # more names in an answer's RDATA: no additional section, as BIND does
TYPE_SVCB = 64  # RFC 9460 §14.1
_TARGET_AT = {TYPE_NS: 0, TYPE_MX: 2, TYPE_SRV: 6, TYPE_SVCB: 2, TYPE_HTTPS: 2}
_SERVICE = {TYPE_SVCB, TYPE_HTTPS}


@dataclass(frozen=True, slots=True)
class StaticZone:
    """What does not change until the policies do."""

    answers: Mapping[bytes, Mapping[int, Body]]  # by owner, by type; SOA and cuts' DS included
    cuts: Mapping[bytes, Body]  # referrals
    negative: Body
    serial: int


def render_static(zone: ZonePlan, serial: int) -> StaticZone:
    """Return the bodies of *zone*'s own data.

    Args:
        zone: the plan of the zone.
        serial: the SOA serial if the zone has none of its own (0: automatic).
    """
    answers: dict[bytes, dict[int, Body]] = {zone.apex: {}}
    for owner, rrsets in zone.static.items():
        if below_cut(owner, zone):
            continue
        bodies = {
            rrset.rtype: answer_body(owner, rrset, zone)
            for rrset in rrsets
            if owner not in zone.cuts or rrset.rtype == TYPE_DS  # RFC 4035 §3.1.4.1
        }
        answers.setdefault(owner, {}).update(bodies)
    answers[zone.apex][TYPE_SOA] = soa_body(zone, serial)
    return StaticZone(
        answers=answers,
        cuts={cut: referral(cut, zone) for cut in zone.cuts if not below_cut(cut, zone)},
        negative=negative_body(zone, serial),
        serial=zone.soa.serial or serial,
    )


def below_cut(owner: bytes, zone: ZonePlan) -> bool:
    """Return whether *owner* is below a zone cut: what is there belongs to the child."""
    if not zone.cuts or owner == zone.apex:
        return False
    return any(above in zone.cuts for above in suffixes(parent(owner)))


def empty_non_terminals(owners: Iterable[bytes], apex: bytes) -> Iterator[bytes]:
    """Yield the names between *apex* and the *owners* that have no records, each once.

    They exist (RFC 4592 §2.2.2, RFC 8020): a query for one is NODATA.
    """
    known = set(owners)
    known.add(apex)
    for owner in tuple(known):
        above = owner
        while above != apex and (above := parent(above)) not in known:
            known.add(above)
            yield above


def answer_body(owner: bytes, rrset: StaticRRset, zone: ZonePlan) -> Body:
    """Return the answer with *rrset*, and what of the zone's static data helps its reader.

    The additional records are optional (RFC 2181 §9); steered names are never among them, as
    additional data is not tailored (RFC 9460 §4.4).
    """
    writer = BodyWriter(zone.apex)
    for rdata in rrset.rdatas:
        writer.record(None, rrset.rtype, rrset.ttl, rdata)
    start = len(writer.octets)
    optional = 0
    for target in _targets(owner, rrset, zone):
        optional += _write_addresses(writer, target, zone)
    return writer.body(
        answer=len(rrset.rdatas),
        optional=optional,
        optional_octets=len(writer.octets) - start,
        stride=STRIDES.get(rrset.rtype, 0),
    )


def _targets(owner: bytes, rrset: StaticRRset, zone: ZonePlan) -> list[bytes]:
    """Return the names in the RDATA whose addresses may be added, in order, each once."""
    at = _TARGET_AT.get(rrset.rtype)
    if at is None or len(rrset.rdatas) > MAX_ADDITIONAL_NAMES:
        return []
    targets = []
    for rdata in rrset.rdatas:
        target = rdata[at : at + name_octets(rdata[at:])].lower()
        if target == ROOT and rrset.rtype in _SERVICE and rdata[:2] != b"\0\0":
            target = owner  # ServiceMode: "." is the owner itself, RFC 9460 §2.5.2
        # A null target (RFC 7505, RFC 2782) is the root, and never in the zone.
        if is_within(target, zone.apex) and not is_wildcard(target):
            targets.append(target)
    return [
        target
        for target in dict.fromkeys(targets)
        if target not in zone.cuts and not below_cut(target, zone)
    ]


def _write_addresses(writer: BodyWriter, owner: bytes, zone: ZonePlan) -> int:
    """Append the static addresses of *owner*; return how many records that were."""
    count = 0
    for rrset in zone.static.get(owner, ()):
        if rrset.rtype in {TYPE_A, TYPE_AAAA}:
            for rdata in rrset.rdatas:
                writer.record(owner, rrset.rtype, rrset.ttl, rdata)
                count += 1
    return count


def referral(cut: bytes, zone: ZonePlan) -> Body:
    """Return the referral to the zone below *cut*: its NS RRset and the glue that we hold.

    Glue of name servers at or below the cut must fit (RFC 9471 §3.1); that of others in our zone,
    below another cut or not, may be left out (§3.2).
    """
    writer = BodyWriter(zone.apex)
    needed, helpful, authority = [], [], 0
    for rrset in zone.static.get(cut, ()):
        if rrset.rtype != TYPE_NS:
            continue
        for rdata in rrset.rdatas:
            writer.record(cut, TYPE_NS, rrset.ttl, rdata)
            authority += 1
            server = rdata.lower()
            if is_within(server, cut):
                needed.append(server)
            elif is_within(server, zone.apex):
                helpful.append(server)
    additional = sum(_write_addresses(writer, server, zone) for server in needed)
    start = len(writer.octets)
    optional = sum(_write_addresses(writer, server, zone) for server in helpful)
    return writer.body(
        authority=authority,
        additional=additional,
        optional=optional,
        optional_octets=len(writer.octets) - start,
    )


def soa_body(zone: ZonePlan, serial: int) -> Body:
    """Return the answer with the SOA record; *serial* counts if the zone has none of its own."""
    writer = BodyWriter(zone.apex)
    writer.record(None, TYPE_SOA, zone.soa.ttl, _soa_rdata(zone.soa, serial))
    return writer.body(answer=1)


def negative_body(zone: ZonePlan, serial: int) -> Body:
    """Return the body of NXDOMAIN and NODATA, cached for the smaller of two times (RFC 2308 §3)."""
    writer = BodyWriter(zone.apex)
    ttl = min(zone.soa.ttl, zone.soa.minimum)
    writer.record(zone.apex, TYPE_SOA, ttl, _soa_rdata(zone.soa, serial))
    return writer.body(authority=1)


def _soa_rdata(soa: Soa, serial: int) -> bytes:
    times = (soa.serial or serial, soa.refresh, soa.retry, soa.expire, soa.minimum)
    return soa.mname + soa.rname + struct.pack("!5I", *times)
