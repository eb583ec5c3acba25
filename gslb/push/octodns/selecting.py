"""Conditions of rules → octoDNS's geos and subnets, where it can say them."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from ipaddress import ip_network

from gslb.geo.areas import UnknownArea, world_areas
from gslb.policy.plan import Condition, Rule
from gslb.policy.types import qtypes
from gslb.push.octodns.geo import Land

NOWHERE = Land()


@dataclass(frozen=True, slots=True)
class Selected:
    """Clients of `land`, written as `geos`, or of `nets`; never both."""

    land: Land = NOWHERE
    nets: tuple[str, ...] = ()
    geos: tuple[str, ...] = ()

    def new_nets(self, seen: Iterable[str]) -> list[str]:
        """Return those of `nets` that neither *seen* nor another of them covers."""
        kept: list[str] = []
        for net in sorted(map(ip_network, self.nets), key=lambda one: (one.version, one)):
            wider = {str(net.supernet(new_prefix=length)) for length in range(net.prefixlen + 1)}
            if not wider & {*seen, *kept}:
                kept.append(str(net))
        return kept


def select(rule: Rule, rtype: int) -> tuple[Selected, str]:
    """Return the clients of *rule*, and why octoDNS cannot tell them from others; empty: it can."""
    when = rule.when
    assert when is not None
    for word in ("asn", "carrier", "resolver"):
        if getattr(when, word):
            return Selected(), f"octoDNS knows no {word}"
    excluded = [one for one in when.excluded if not _of_other_types(one, rtype)]
    if any(_only_area(one) is None for one in excluded):
        return Selected(), 'of "not", octoDNS could leave out areas only'
    if when.area and when.net:
        return Selected(), "octoDNS takes geos or subnets, not those of both"
    if when.net:
        if excluded:
            return Selected(), "octoDNS has no subnets without some areas"
        return Selected(nets=tuple(str(ip_network(term.text)) for term in when.net)), ""
    if not when.area:
        return Selected(), "it is for everybody but some"
    land = _land(when)
    for one in excluded:
        taken = _land(one)
        if land.splits(taken):
            return Selected(), "octoDNS has no country without some of its parts"
        land = land.without(taken)
    return Selected(land), ""


def _of_other_types(condition: Condition, rtype: int) -> bool:
    return bool(condition.qtype) and rtype not in qtypes(condition)


def _only_area(condition: Condition) -> Condition | None:
    other = (
        condition.asn, condition.carrier, condition.net, condition.resolver, condition.excluded,
    )  # fmt: skip
    return condition if condition.area and not any(other) else None


def _land(condition: Condition) -> Land:
    """Return the areas of *condition*; those that nobody knows are none (the policy's own problem)."""
    land = Land()
    for term in condition.area:
        try:
            area = world_areas().resolve(term.text)
        except UnknownArea:
            continue
        land |= Land(area.countries, area.subdivisions)
    return land
