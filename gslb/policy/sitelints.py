"""What is doubtful about sites and their checks, judged once for each site, not for each name."""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Iterator, Mapping, Sequence

from gslb.policy.checks import target_family
from gslb.policy.lints import FAMILY_WORDS, note, warning
from gslb.policy.places import spot
from gslb.policy.plan import Check, Policy, Rule, Site
from gslb.policy.problems import Problem, Where
from gslb.wire.constants import TYPE_A, TYPE_AAAA

# Regions behind the border of mainland China, by the clouds' own names. Hong Kong is outside.
_MAINLAND = re.compile(
    r"aws/cn-.*|azure/china.*|(?:alibaba|huawei|baidu|bytedance|volcengine)/cn-(?!hongkong).*"
    r"|tencent/(?:ap-(?:beijing|chengdu|chongqing|guangzhou|nanjing|shanghai|shenzhen)(?:-.*)?)"
)
_INSIDE = "cn"  # how vantage points in mainland China are called: cn, cn-north …
_CLOSE_ENOUGH = 1e-9  # capacities are ratios of integers


def lint_sites(sites: Mapping[str, Site], policies: Sequence[Policy]) -> Iterator[Problem]:
    """Yield what is doubtful about *sites* as *policies* use them."""
    yield from _duplicates(sites)
    checks = _checks_by_site(policies)
    for name, site in sites.items():
        if not any(endpoint.weight for endpoint in site.endpoints):
            text = f"{name}: every weight is 0, so all get the same"
            yield warning(site.where, "W317", text)
        yield from _wrong_side(site, checks.get(name, ()))
        for check in checks.get(name, ()):
            yield from _blind(site, check)
    yield from _narrow(sites, policies)


def _duplicates(sites: Mapping[str, Site]) -> Iterator[Problem]:
    seen: dict[bytes, tuple[str, Where]] = {}
    for site in sites.values():
        for endpoint in site.endpoints:
            for address in (endpoint.a, endpoint.aaaa, endpoint.alias, endpoint.cname):
                if address is None:
                    continue
                first, where = seen.setdefault(address, (endpoint.id, endpoint.where))
                if first != endpoint.id:
                    what = (
                        str(ipaddress.ip_address(address))
                        if address in {endpoint.a, endpoint.aaaa}
                        else "the host name"
                    )
                    place = spot(where, endpoint.where)
                    text = f"{what} of {endpoint.id} is that of {first} in {place} too"
                    yield warning(endpoint.where, "W318", text)


def _checks_by_site(policies: Sequence[Policy]) -> dict[str, dict[Check, None]]:
    found: dict[str, dict[Check, None]] = {}
    for policy in policies:
        for name, check in policy.checks.items():
            if check is not None:
                found.setdefault(name, {}).update(dict.fromkeys(check.leaves))
    return found


def _wrong_side(site: Site, checks: Sequence[Check] | Mapping[Check, None]) -> Iterator[Problem]:
    if not _MAINLAND.fullmatch(site.name):
        return
    for check in checks:
        if not check.vantage or any(
            place != _INSIDE and not place.startswith(f"{_INSIDE}-") for place in check.vantage
        ):
            text = f"{site.name} is in mainland China and may be probed across its border"
            yield warning(site.where, "W313", text, "check: {use: ..., from: [cn]}")
            return


def _blind(site: Site, check: Check) -> Iterator[Problem]:
    """Yield where *check* does not see what clients see of *site*."""
    if check.target is None:
        return
    family = target_family(check)
    endpoints = site.endpoints
    other = TYPE_AAAA if family == 4 else TYPE_A
    missed = [e.id for e in endpoints if (e.aaaa if family == 4 else e.a) is not None]
    if family is not None and missed:
        text = f"{site.name}: the check probes {check.target}, so {FAMILY_WORDS[other]} of {missed[0]} is never seen"
        yield warning(site.where, "W308", text, "leave target out, or name a host with both")
    if len(endpoints) > 1:
        text = (
            f"{site.name}: its {len(endpoints)} endpoints are judged by one target,"
            f" {check.target}, and go up and down together"
        )
        yield warning(site.where, "W311", text)


def _narrow(sites: Mapping[str, Site], policies: Sequence[Policy]) -> Iterator[Problem]:
    """Yield where the loss of a site's largest zone is more than its headroom."""
    told: set[tuple[str, float]] = set()
    for policy in policies:
        stuck = {name: rule for rule in policy.rules if _no_way_out(rule) for name in rule.sites}
        for name, headroom in policy.headroom.items():
            zone, left = _largest(sites[name])
            needed = 1 / (1 + headroom)
            if not 0 < left < needed - _CLOSE_ENOUGH:
                continue
            lost = f"{name}: without zone {zone}, {left:.0%} of its capacity is left"
            if name in stuck:
                text = (
                    f"{lost}, less than the {needed:.0%} that headroom {headroom:.0%} needs, and rule"
                    f' "{stuck[name].name}" knows no other site: what is left is overloaded'
                )
                yield warning(stuck[name].where, "W319", text)
            elif (name, headroom) not in told:
                told.add((name, headroom))
                moved = 1 - left * (1 + headroom)
                text = (
                    f"{lost} and {moved:.0%} of its traffic moves (none while {needed:.0%} is left)"
                )
                yield note(sites[name].where, "N408", text)


def _no_way_out(rule: Rule) -> bool:
    return len(rule.to) == 1 and (rule.fence or not rule.then)


def _largest(site: Site) -> tuple[str, float]:
    """Return the zone with the most weight, and the share of the site's weight without it."""
    weights = {zone.name: sum(e.weight for e in zone.endpoints) for zone in site.zones}
    total = sum(weights.values())
    zone = max(weights, key=weights.__getitem__)
    return zone, (total - weights[zone]) / total if total else 1.0
