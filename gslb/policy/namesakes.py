"""Endpoints of several zones that have one id and not the same addresses: judged apart.

An id is a place in the tree (``aws/us-east-1/a``), and a drain means all that stands there. But what is
seen at one address says nothing of another, so each zone's endpoint is judged by a check of its own.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import replace

from gslb.policy.plan import Check, Endpoint, Policy, Site, ZonePlan

_Where = tuple[bytes | None, bytes | None, bytes | None, bytes | None]


def told_apart(zones: Iterable[ZonePlan]) -> tuple[ZonePlan, ...]:
    """Return *zones*, with checks of their own for sites whose ids mean something else elsewhere.

    The first zone that has an id keeps the plain check, so that a zone more changes nothing for it.
    """
    first: dict[str, _Where] = {}
    found = []
    for zone in zones:
        own = {name for name, site in zone.sites.items() if _differs(site, first)}
        found.append(_scoped(zone, own) if own else zone)
    return tuple(found)


def _differs(site: Site, first: dict[str, _Where]) -> bool:
    same = [first.setdefault(one.id, _where(one)) == _where(one) for one in site.endpoints]
    return not all(same)  # of the list, so that every endpoint is entered


def _where(endpoint: Endpoint) -> _Where:
    return endpoint.a, endpoint.aaaa, endpoint.alias, endpoint.cname


def _scoped(zone: ZonePlan, sites: set[str]) -> ZonePlan:
    made: dict[Check, Check] = {}  # equal checks stay one object

    def scoped(policy: Policy) -> Mapping[str, Check | None]:
        checks = dict(policy.checks)
        for name in sites & checks.keys():
            check = checks[name]
            if check is not None:
                own = _own(check, zone.apex)
                checks[name] = made.setdefault(own, own)
        return checks

    policies = tuple(replace(policy, checks=scoped(policy)) for policy in zone.policies)
    return replace(zone, policies=policies)


def _own(check: Check, apex: bytes) -> Check:
    """Return *check*, and the checks that it rests on, for one zone alone."""
    return replace(check, scope=apex, parts=tuple(_own(part, apex) for part in check.parts))
