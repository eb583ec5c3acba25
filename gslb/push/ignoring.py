"""What the settings leave alone in a pushed zone: globs of names, each perhaps of one type."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from fnmatch import fnmatchcase

import dns.rdatatype

from gslb.policy.plan import Plan, ZonePlan
from gslb.policy.problems import Problem, Where
from gslb.policy.types import record_types
from gslb.push.objects import Place
from gslb.wire.constants import TYPE_NS
from gslb.wire.names import to_text


def is_ignored(place: Place, ignore: Iterable[str]) -> bool:
    """Return whether records of *place* are left alone, whoever made them.

    A CNAME is what stands in the place of every type, so it counts as each of them.

    Args:
        place: name (absolute, lower case) and type.
        ignore: "NAME" or "NAME TYPE"; ``*`` and ``?`` in names are wildcards, which dots do not end.
    """
    name, rtype = place
    for entry in ignore:
        glob, _, only = entry.partition(" ")
        meant = only in {"", rtype} or "CNAME" in {only, rtype}
        if meant and fnmatchcase(name.rstrip("."), glob.rstrip(".")):
            return True
    return False


def ignored_problems(plan: Plan, zones: Iterable[str], ignore: tuple[str, ...]) -> list[Problem]:
    """Return an error for each record that the policies have and the settings leave alone.

    Args:
        plan: the policies.
        zones: names of those that have copies.
        ignore: as in `is_ignored`.
    """
    copied = set(zones)
    return [
        Problem(
            where, "E280", f"{name} {rtype} is pushed, and push.ignore leaves it alone",
            hint="take it out of one of them",
        )
        for zone in plan.zones if to_text(zone.apex).lower() in copied
        for where, name, rtype in _records(zone)
        if is_ignored((name, rtype), ignore)
    ]  # fmt: skip


def _records(zone: ZonePlan) -> Iterator[tuple[Where, str, str]]:
    """Yield what is pushed of *zone*: place in the file, name, type."""
    for name, index in zone.names:
        policy = zone.policies[index]
        for rtype in record_types(policy, zone.sites):
            yield policy.where, to_text(name).lower(), _word(rtype)
    for owner, rrsets in zone.static.items():
        for rrset in rrsets:
            if owner != zone.apex or rrset.rtype != TYPE_NS:
                yield zone.where, to_text(owner).lower(), _word(rrset.rtype)


def _word(rtype: int) -> str:
    return dns.rdatatype.to_text(dns.rdatatype.RdataType.make(rtype))
