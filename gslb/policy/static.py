"""The zone's own data: records → RRsets by owner, with what RFC 1034, 2181 and 4592 forbid.

Name servers come from ``dns.nameservers``, so that a zone has one list of them. Everything else is
served as written, whatever its type (RFC 3597).
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass

import dns.rdata
import dns.rdataclass
import dns.rdatatype
from dns.rdtypes.ANY.SOA import SOA

from gslb.policy.plan import StaticRRset
from gslb.policy.problems import Problem, Severity, Where
from gslb.policy.zonetext import Record
from gslb.wire.constants import (
    TYPE_A,
    TYPE_AAAA,
    TYPE_CNAME,
    TYPE_DS,
    TYPE_NS,
    TYPE_SOA,
)
from gslb.wire.names import is_wildcard, is_within, lower, suffixes, to_text

_ADDRESSES = frozenset({TYPE_A, TYPE_AAAA})
Key = tuple[bytes, int]  # owner, type


@dataclass(frozen=True, slots=True)
class NameServer:
    """One entry of ``dns.nameservers``."""

    name: bytes  # wire form, lower case
    a: tuple[bytes, ...]
    aaaa: tuple[bytes, ...]
    where: Where


@dataclass(frozen=True, slots=True)
class StaticSoa:
    """An SOA record found in zone-file text; names in wire form, times in seconds."""

    mname: bytes
    rname: bytes
    serial: int
    refresh: int
    retry: int
    expire: int
    minimum: int
    ttl: int
    where: Where


@dataclass(frozen=True, slots=True)
class StaticData:
    """What a zone says besides its policies; owners in wire form, lower case."""

    rrsets: Mapping[bytes, tuple[StaticRRset, ...]]
    places: Mapping[Key, Where]
    cuts: frozenset[bytes]
    soa: StaticSoa | None

    def find(self, owner: bytes, rtype: int) -> StaticRRset | None:
        """Return the RRset of *owner* and *rtype*."""
        return next((one for one in self.rrsets.get(owner, ()) if one.rtype == rtype), None)

    def cut_above(self, name: bytes) -> bytes | None:
        """Return the delegation that *name* is at or below."""
        return next((suffix for suffix in suffixes(name) if suffix in self.cuts), None)


@dataclass(slots=True)
class _Set:
    """An RRset while it grows."""

    ttl: int
    rdatas: dict[bytes, tuple[bytes, Where]]  # canonical → RDATA as written, place
    where: Where


def build_static(
    records: Iterable[Record],
    apex: bytes,
    servers: Sequence[NameServer],
    *,
    ns_ttl: int,
    glue_ttl: int,
) -> tuple[StaticData, list[Problem]]:
    """Return the RRsets of the zone *apex* and what is wrong or doubtful about them.

    The apex NS RRset and the addresses of name servers inside the zone are made from *servers*.
    """
    problems: list[Problem] = []
    sets = _group(records, problems)
    soa = _take_soa(sets, apex, problems)
    problems += _apex_ns(sets, apex, servers)
    problems += _forbidden(sets, apex)
    cuts = _topmost({owner for owner, rtype in sets if rtype == TYPE_NS and owner != apex})
    problems += _occluded(sets, cuts)
    rrsets: dict[bytes, list[StaticRRset]] = {}
    for (owner, rtype), one in sets.items():
        rdatas = tuple(rdata for rdata, _ in one.rdatas.values())
        rrsets.setdefault(owner, []).append(StaticRRset(rtype, one.ttl, rdatas))
    places = {key: one.where for key, one in sets.items()}
    if servers:
        names = tuple(dict.fromkeys(server.name for server in servers))
        rrsets.setdefault(apex, []).insert(0, StaticRRset(TYPE_NS, ns_ttl, names))
        places[apex, TYPE_NS] = servers[0].where
    problems += _add_addresses(rrsets, places, apex, servers, glue_ttl)
    frozen = {owner: tuple(found) for owner, found in rrsets.items()}
    return StaticData(frozen, places, cuts, soa), problems


def _group(records: Iterable[Record], problems: list[Problem]) -> dict[Key, _Set]:
    sets: dict[Key, _Set] = {}
    for record in records:
        key = record.owner, record.rtype
        one = sets.setdefault(key, _Set(record.ttl, {}, record.where))
        if record.canonical in one.rdatas:
            first = one.rdatas[record.canonical][1].line
            text = f"{_title(key)}: the same record as in line {first}"
            problems.append(_warning(record.where, "W350", text))
            continue
        if record.ttl != one.ttl:
            low = min(record.ttl, one.ttl)
            text = (
                f"{_title(key)}: TTL {record.ttl} here, {one.ttl} in line {one.where.line};"
                f" all get {low} (RFC 2181 §5.2)"
            )
            problems.append(_warning(record.where, "W351", text))
            one.ttl = low
        one.rdatas[record.canonical] = record.rdata, record.where
    return sets


def _take_soa(sets: dict[Key, _Set], apex: bytes, problems: list[Problem]) -> StaticSoa | None:
    found = None
    for key in [key for key in sets if key[1] == TYPE_SOA]:
        one = sets.pop(key)
        if key[0] != apex:
            problems.append(Problem(one.where, "E256", f"{_title(key)}: only the apex has an SOA"))
            continue
        (octets, where), *others = one.rdatas.values()
        for _, second in others:
            problems.append(Problem(second, "E256", f"{_title(key)}: a second SOA"))
        rdata = dns.rdata.from_wire(dns.rdataclass.IN, dns.rdatatype.SOA, octets, 0, len(octets))
        assert isinstance(rdata, SOA)
        found = StaticSoa(
            lower(rdata.mname.to_wire() or b""),
            lower(rdata.rname.to_wire() or b""),
            *(rdata.serial, rdata.refresh, rdata.retry, rdata.expire, rdata.minimum),
            one.ttl,
            where,
        )
    return found


def _apex_ns(
    sets: dict[Key, _Set], apex: bytes, servers: Sequence[NameServer]
) -> Iterator[Problem]:
    one = sets.pop((apex, TYPE_NS), None)
    if one is None:
        return
    known = {server.name for server in servers}
    for name, (_, where) in one.rdatas.items():
        if name not in known:
            text = f"name server {_name(name)} is not in dns.nameservers and is left out"
            yield _warning(where, "W352", text, "dns.nameservers has the zone's name servers")


def _forbidden(sets: Mapping[Key, _Set], apex: bytes) -> Iterator[Problem]:
    types: dict[bytes, list[int]] = {}
    for owner, rtype in sets:
        types.setdefault(owner, []).append(rtype)
    for (owner, rtype), one in sets.items():
        title = _title((owner, rtype))
        if rtype == TYPE_CNAME:
            yield from _cname(title, owner, one, apex, sets, types[owner])
        if rtype == TYPE_NS and is_wildcard(owner):
            yield Problem(
                one.where, "E259", f"{title}: a wildcard cannot be delegated (RFC 4592 §4.2)"
            )
        if rtype == TYPE_DS and owner == apex:
            yield Problem(one.where, "E260", f"{title}: the zone's own DS belongs into its parent")
        if rtype == TYPE_DS and owner != apex and TYPE_NS not in types[owner]:
            yield _warning(one.where, "W354", f"{title}: there is no delegation here to prove")


def _cname(
    title: str,
    owner: bytes,
    one: _Set,
    apex: bytes,
    sets: Mapping[Key, _Set],
    types: Sequence[int],
) -> Iterator[Problem]:
    if owner == apex:
        hint = "steer the apex with alias: or with addresses"
        yield Problem(
            one.where, "E258", f"{title}: the apex cannot be a CNAME (RFC 1034 §3.6.2)", hint=hint
        )
        return
    for _, where in list(one.rdatas.values())[1:]:
        yield Problem(where, "E257", f"{title}: a name has one CNAME at most (RFC 2181 §10.1)")
    others = [rtype for rtype in types if rtype != TYPE_CNAME]
    if others:
        first = sets[owner, others[0]].where.line
        text = f"{title}: a CNAME stands alone, but line {first} has {_word(others[0])} (RFC 1034 §3.6.2)"
        yield Problem(one.where, "E257", text)


def _topmost(owners: set[bytes]) -> frozenset[bytes]:
    """Return the cuts that are in force: a delegation below another is the child's affair."""
    return frozenset(
        owner
        for owner in owners
        if not any(suffix in owners for suffix in list(suffixes(owner))[1:])
    )


def _occluded(sets: dict[Key, _Set], cuts: frozenset[bytes]) -> Iterator[Problem]:
    """Drop what a delegation hides, except addresses of its name servers (RFC 1034 §4.2.1)."""
    glue = {target for cut in cuts for target in sets[cut, TYPE_NS].rdatas}
    for key, one in list(sets.items()) if cuts else ():
        owner, rtype = key
        cut = next((suffix for suffix in suffixes(owner) if suffix in cuts), None)
        if cut is None or (owner == cut and rtype in {TYPE_NS, TYPE_DS}):
            continue
        if rtype in _ADDRESSES and owner in glue:
            continue
        del sets[key]
        text = f"{_title(key)}: hidden by the delegation of {_name(cut)} and left out"
        yield _warning(one.where, "W353", text)


def _add_addresses(
    rrsets: dict[bytes, list[StaticRRset]],
    places: dict[Key, Where],
    apex: bytes,
    servers: Sequence[NameServer],
    ttl: int,
) -> Iterator[Problem]:
    for server in servers:
        if not is_within(server.name, apex):
            continue
        if (server.name, TYPE_CNAME) in places:
            text = f"name server {_name(server.name)} is a CNAME (RFC 2181 §10.3)"
            yield Problem(server.where, "E262", text)
            continue
        for rtype, wanted in ((TYPE_A, server.a), (TYPE_AAAA, server.aaaa)):
            found = next((s for s in rrsets.get(server.name, ()) if s.rtype == rtype), None)
            if found is None and wanted:
                rrset = StaticRRset(rtype, ttl, tuple(dict.fromkeys(wanted)))
                rrsets.setdefault(server.name, []).append(rrset)
                places[server.name, rtype] = server.where
            elif found is not None and wanted and set(found.rdatas) != set(wanted):
                where = places[server.name, rtype]
                if where != server.where:
                    text = (
                        f"{_title((server.name, rtype))}: other addresses than"
                        f" dns.nameservers has in line {server.where.line}"
                    )
                    yield Problem(where, "E261", text)
        if not any(key in places for key in ((server.name, TYPE_A), (server.name, TYPE_AAAA))):
            text = f"name server {_name(server.name)} lies in the zone and has no address"
            yield Problem(server.where, "E262", text)


def _title(key: Key) -> str:
    return f"{_name(key[0])} {_word(key[1])}"


def _name(name: bytes) -> str:
    return to_text(name).rstrip(".") or "."


def _word(rtype: int) -> str:
    return dns.rdatatype.to_text(dns.rdatatype.RdataType.make(rtype))


def _warning(where: Where, code: str, text: str, hint: str = "") -> Problem:
    return Problem(where, code, text, Severity.WARNING, hint)
