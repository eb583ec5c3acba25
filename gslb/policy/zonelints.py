"""What is wrong or doubtful where a zone's static data and its steered names meet."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping

from gslb.policy.lints import LONG_TTL, note, used_endpoints, warning
from gslb.policy.names import name_text
from gslb.policy.places import spot
from gslb.policy.plan import Policy, Site, StaticRRset
from gslb.policy.problems import Problem, Severity, Where
from gslb.policy.static import StaticData
from gslb.policy.types import TYPE_WORDS, only_cnames
from gslb.wire.constants import (
    HEADER_OCTETS,
    MAX_UDP_PAYLOAD,
    MIN_UDP_PAYLOAD,
    OPT_OCTETS,
    TYPE_A,
    TYPE_AAAA,
    TYPE_CNAME,
    TYPE_HTTPS,
    TYPE_MX,
    TYPE_NS,
    TYPE_SRV,
)
from gslb.wire.names import is_within, lower, suffixes

MAX_ANSWER = 4096  # octets; an RRset that needs more is refused (protocol Z3)
_QUESTION = 4  # octets of type and class behind the name
_RECORD = 12  # octets of a record before its RDATA, the owner a pointer
_PARAM = 4  # octets of key and length of an SvcParam (RFC 9460 §2.2)
_MOVED = (TYPE_A, TYPE_AAAA, TYPE_CNAME, TYPE_HTTPS)
_TARGETS = {TYPE_NS: 0, TYPE_CNAME: 0, TYPE_MX: 2, TYPE_SRV: 6}  # octets before the name
Names = Mapping[bytes, int]  # steered owner → index of its policy


class SteeredNames:
    """Judges steered names one by one: what depends on the policy alone is worked out once."""

    def __init__(self, apex: bytes, static: StaticData, sites: Mapping[str, Site]) -> None:
        self._apex = apex
        self._static = static
        self._sites = sites
        self._handed: dict[tuple[str, Where], tuple[bool, bool]] = {}

    def conflicts(
        self, name: bytes, policy: Policy, where: Callable[[], Where]
    ) -> Iterator[Problem]:
        """Yield why *name* cannot be steered by *policy* in this zone."""
        if self._static.cuts:
            cut = self._static.cut_above(name)
            if cut is not None:
                here = where()
                place = spot(self._static.places[cut, TYPE_NS], here)
                text = f"{name_text(name)} is steered, but {place} delegates {name_text(cut)}"
                yield Problem(here, "E211", text)
        found = self._static.rrsets.get(name)
        if found is None and name != self._apex:
            return
        only, maybe = self._cnames(policy)
        if name == self._apex and maybe:
            hint = "use alias: or addresses"
            text = f"{name_text(name)}: the apex cannot be a CNAME (RFC 1034 §3.6.2)"
            yield Problem(where(), "E212", text, hint=hint)
        for rrset in found or ():
            yield from self._clash(name, rrset, where, only=only, maybe=maybe)

    def _clash(
        self,
        name: bytes,
        rrset: StaticRRset,
        where: Callable[[], Where],
        *,
        only: bool,
        maybe: bool,
    ) -> Iterator[Problem]:
        here = where()
        place = spot(self._static.places[name, rrset.rtype], here)
        word = TYPE_WORDS.get(rrset.rtype)
        if rrset.rtype in _MOVED:
            text = f"{name_text(name)} is steered, but {place} has {word} of it too"
            yield Problem(here, "E210", text)
        elif only:
            text = f"{name_text(name)} is a CNAME, but {place} has other records of it (RFC 1034 §3.6.2)"
            yield Problem(here, "E210", text)
        elif maybe and name != self._apex:
            text = f"{name_text(name)} may be answered with a CNAME, which hides the records in {place}"
            yield warning(here, "W312", text)

    def _cnames(self, policy: Policy) -> tuple[bool, bool]:
        """Return whether *policy* answers with CNAMEs only, and whether it ever does."""
        key = policy.name, policy.where
        if key not in self._handed:
            endpoints = used_endpoints(policy, self._sites)
            handed = any(endpoint.cname is not None for endpoint in endpoints)
            last = policy.last_resort is not None and policy.last_resort.cname is not None
            self._handed[key] = only_cnames(policy, self._sites), handed or last
        return self._handed[key]


def lint_static(apex: bytes, static: StaticData, steered: Names) -> Iterator[Problem]:
    """Yield static records that lead nowhere, or to what may not be led to, and large answers."""
    for owner, rrsets in static.rrsets.items():
        for rrset in rrsets:
            where = static.places[owner, rrset.rtype]
            yield from answer_size(owner, [len(r) for r in rrset.rdatas], where)
            skip = _TARGETS.get(rrset.rtype)
            if skip is None or (owner == apex and rrset.rtype == TYPE_NS):
                continue
            for rdata in rrset.rdatas:
                target = lower(rdata[skip:])
                yield from _target(owner, rrset.rtype, target, where, apex, static, steered)


def _target(
    owner: bytes,
    rtype: int,
    target: bytes,
    where: Where,
    apex: bytes,
    static: StaticData,
    steered: Names,
) -> Iterator[Problem]:
    if target == b"\0" or not is_within(target, apex):
        return
    title = f"{name_text(owner)} points to {name_text(target)}"
    below = static.cut_above(target)
    if rtype == TYPE_NS and below == owner:
        if static.find(target, TYPE_A) is None and static.find(target, TYPE_AAAA) is None:
            text = f"{title}, which cannot be found without an address here (glue, RFC 9471)"
            yield warning(where, "W321", text)
        return
    if below is not None:
        return
    if rtype != TYPE_CNAME and static.find(target, TYPE_CNAME) is not None:
        yield warning(where, "W324", f"{title}, a CNAME (RFC 2181 §10.3)")
    elif not _exists(target, static, steered):
        yield warning(where, "W322", f"{title}, which has no records", _dotted(target, apex))


def _dotted(target: bytes, apex: bytes) -> str:
    """Return what was meant, perhaps, by a name that the zone's own name was put behind."""
    own = name_text(target[: len(target) - len(apex)] + b"\0")
    if "." in own:
        return f"names in zone-file text end with a dot unless they lie below the zone: {own}."
    return f'add records of {own}, or end the name with a dot if it is a whole one: "{own}."'


def _exists(name: bytes, static: StaticData, steered: Names) -> bool:
    """Return whether *name* has records, or a wildcard may stand for it."""
    if name in static.rrsets or name in steered:
        return True
    stars = (b"\x01*" + suffix for suffix in list(suffixes(name))[1:])
    return any(star in static.rrsets or star in steered for star in stars)


def lint_targets(
    policy: Policy, apex: bytes, static: StaticData, sites: Mapping[str, Site]
) -> Iterator[Problem]:
    """Yield host names that *policy* hands on and whose own records change slowly."""
    handed = [(e.cname, e.where) for e in used_endpoints(policy, sites) if e.cname is not None]
    if policy.last_resort is not None and policy.last_resort.cname is not None:
        handed.append((policy.last_resort.cname, policy.last_resort.where))
    for target, where in handed:
        if not is_within(target, apex):
            continue
        slow = max((one.ttl for one in static.rrsets.get(target, ())), default=0)
        if slow > LONG_TTL:
            text = f"{name_text(target)} has TTL {slow}: a change there takes as long to be seen"
            yield warning(where, "W325", text, f"{LONG_TTL} or less")


def lint_https(policy: Policy, apex: bytes) -> Iterator[Problem]:
    """Yield if the HTTPS record of *policy*, with as many hints as it may have, is large."""
    if policy.https is None:
        return
    length = 3 + _PARAM + sum(1 + len(word) for word in policy.https.alpn)
    if policy.https.port is not None:
        length += _PARAM + 2
    if policy.https.hints:
        length += 2 * _PARAM + policy.count * (4 + 16)
    yield from answer_size(apex, [length], policy.where)


def answer_size(owner: bytes, lengths: list[int], where: Where) -> Iterator[Problem]:
    """Yield what is to be said of an answer with RDATA of *lengths* octets at *owner*."""
    size = HEADER_OCTETS + len(owner) + _QUESTION + OPT_OCTETS
    size += sum(_RECORD + length for length in lengths)
    title = f"the answer for {name_text(owner)} takes {size} octets"
    if size > MAX_ANSWER:
        yield Problem(where, "E219", f"{title}; {MAX_ANSWER} are allowed", Severity.ERROR)
    elif size > MAX_UDP_PAYLOAD:
        text = f"{title}: more than {MAX_UDP_PAYLOAD}, so every resolver has to ask again over TCP"
        yield warning(where, "W326", text)
    elif size > MIN_UDP_PAYLOAD:
        text = f"{title}: more than {MIN_UDP_PAYLOAD}, so resolvers without EDNS need TCP"
        yield note(where, "N403", text)
