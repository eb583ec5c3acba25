"""What there is at a name: the zone's data as a resolver would meet it, read from the plan."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from gslb.policy.plan import Plan, Policy, StaticRRset, ZonePlan
from gslb.policy.types import record_types
from gslb.steering.static import below_cut
from gslb.wire.constants import TYPE_CNAME, TYPE_DS, TYPE_SOA
from gslb.wire.names import is_within, parent, suffixes

WILDCARD = b"\x01*"


class Outcome(StrEnum):
    """What kind of response a question gets."""

    STEERED = "steered"  # a policy decides
    STATIC = "static"  # the zone's own data
    NODATA = "nodata"  # the name exists, the type does not
    NXDOMAIN = "nxdomain"
    REFERRAL = "referral"  # delegated to somebody else
    OUTSIDE = "outside"  # in none of our zones: REFUSED


@dataclass(frozen=True, slots=True)
class Found:
    """What a question meets. `owner` is the name that has the records: a wildcard, or the cut."""

    outcome: Outcome
    zone: int = -1  # index into Plan.zones; -1 outside
    owner: bytes = b""
    policy: Policy | None = None
    rtype: int = 0  # steered: the type that is answered, CNAME in place of what was asked
    rrset: StaticRRset | None = None  # static; None for the SOA record


def find(plan: Plan, name: bytes, rtype: int) -> Found:
    """Return what a question for *name* (wire form, lower case) and *rtype* meets."""
    zones = [number for number, zone in enumerate(plan.zones) if is_within(name, zone.apex)]
    if not zones:
        return Found(Outcome.OUTSIDE)
    number = max(zones, key=lambda one: len(plan.zones[one].apex))
    zone = plan.zones[number]
    cut = _cut(zone, name)
    if cut is not None and not (cut == name and rtype == TYPE_DS):
        return Found(Outcome.REFERRAL, number, cut)
    owner = _owner(zone, name)
    if owner is None:
        return Found(Outcome.NXDOMAIN, number)
    return _at(zone, number, owner, rtype)


def _cut(zone: ZonePlan, name: bytes) -> bytes | None:
    """Return the zone cut at or above *name*, the highest if there are several."""
    above = [one for one in suffixes(name) if one in zone.cuts and one != zone.apex]
    return above[-1] if above else None


def _owner(zone: ZonePlan, name: bytes) -> bytes | None:
    """Return *name* if it exists, or the wildcard that stands for it (RFC 4592 §3.3.1)."""
    owners = {owner for owner, _ in zone.names}
    owners |= {owner for owner in zone.static if not below_cut(owner, zone)}
    owners |= {zone.apex, *zone.cuts}
    above = name
    while not (above in owners or any(is_within(owner, above) for owner in owners)):
        above = parent(above)
    if above == name:
        return name
    wildcard = WILDCARD + above
    return wildcard if wildcard in owners else None


def _at(zone: ZonePlan, number: int, owner: bytes, rtype: int) -> Found:
    """Return what *owner*, which exists, has for *rtype*."""
    rrsets = {
        one.rtype: one
        for one in zone.static.get(owner, ())
        if owner not in zone.cuts or one.rtype == TYPE_DS
    }
    index = next((index for name, index in zone.names if name == owner), None)
    policy = None if index is None else zone.policies[index]
    if policy is not None:
        types = record_types(policy, zone.sites)
        if rtype in types:
            return Found(Outcome.STEERED, number, owner, policy, rtype)
        if TYPE_CNAME in types and rtype not in rrsets:
            return Found(Outcome.STEERED, number, owner, policy, TYPE_CNAME)
    if rtype == TYPE_SOA and owner == zone.apex:
        return Found(Outcome.STATIC, number, owner)
    rrset = rrsets.get(rtype, rrsets.get(TYPE_CNAME))
    if rrset is not None:
        return Found(Outcome.STATIC, number, owner, rrset=rrset)
    return Found(Outcome.NODATA, number, owner, policy)
