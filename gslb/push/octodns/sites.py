"""Pools → sites: equal pools are one site, and what a pool's site was called once it is again."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from math import gcd
from typing import Any

from gslb.push.octodns.model import SUBTREE, Pool, Value

DRAIN = {"why": "status: down in octoDNS"}
_SITE = re.compile(r"[a-z0-9]([a-z0-9-]*[a-z0-9])?/[a-z0-9]([a-z0-9-]*[a-z0-9])?")
_ENDPOINT = re.compile(rf"({_SITE.pattern})/([A-Za-z0-9][A-Za-z0-9_.-]*?)(?:/([0-9]{{1,3}}))?")
MAX_SHARE = 1000  # of a site in a rule
_LONGEST = 40  # characters of a name that is made of a pool's


def slug(text: str) -> str:
    """Return *text* as a part of a site's name, or of a rule's: a-z, 0-9 and hyphens.

    >>> slug("EU_West 1")
    'eu-west-1'
    """
    found = re.sub(r"[^a-z0-9]+", "-", text.lower()).strip("-")[:_LONGEST]
    return found.strip("-") or "pool"


def unique(name: str, taken: Mapping[str, Any] | set[str]) -> str:
    """Return *name*, with a number behind it if it is among those *taken*."""
    number, found = 2, name
    while found in taken:
        found, number = f"{name}-{number}", number + 1
    return found


def reduced(weights: Sequence[int]) -> list[int]:
    """Return *weights* in the smallest whole numbers of the same ratio."""
    common = gcd(*weights) or 1
    return [weight // common for weight in weights]


@dataclass(frozen=True, slots=True)
class Group:
    """The pools of one name that are one: by record type, all with the same place in the rules."""

    pools: Mapping[str, Pool]

    @property
    def name(self) -> str:
        """Return the name of the first."""
        return next(iter(self.pools.values())).name

    @property
    def always(self) -> bool:
        """Return whether every value is answered unprobed, but for those that are down."""
        values = [value for pool in self.pools.values() for value in pool.values]
        return all(value.status != "obey" for value in values) and any(
            value.status == "up" for value in values
        )


@dataclass(slots=True)
class Sites:
    """The sites of a policy in the making, as plain values of its `sites:`."""

    made: dict[str, dict[str, Any]] = field(default_factory=dict)
    _known: dict[Any, dict[str, int]] = field(default_factory=dict)
    _whole: dict[str, dict[str, dict[str, Any]]] = field(default_factory=dict)

    def targets(self, group: Group, endpoints: Mapping[str, str]) -> dict[str, int]:
        """Return by site its share of the traffic of *group*; sites are made where there are none.

        *endpoints*: value → id, what the values were called where they came from.
        """
        key = tuple((rtype, pool.values, group.always) for rtype, pool in group.pools.items())
        values = [value for pool in group.pools.values() for value in pool.values]
        named = tuple(str(endpoints.get(value.text)) for value in values)
        if (key, named) not in self._known:
            told = all(map(_ENDPOINT.fullmatch, named))
            found = self._told(group, endpoints) if told else None
            self._known[key, named] = found or {self._new(group): 1}
        return self._known[key, named]

    def _new(self, group: Group) -> str:
        """Add a site with a zone for each value."""
        zones: dict[str, Any] = {}
        for rtype, pool in group.pools.items():
            weights = reduced([value.weight for value in pool.values])
            for number, (value, weight) in enumerate(zip(pool.values, weights, strict=True), 1):
                zone = f"v6-{number}" if rtype == "AAAA" and len(group.pools) > 1 else f"v{number}"
                zones[zone] = _endpoint(rtype, value, weight)
        return self._add(f"{SUBTREE}/{slug(group.name)}", zones, group)

    def _add(self, wanted: str, zones: dict[str, Any], group: Group) -> str:
        name = unique(wanted, self.made)
        self.made[name] = {
            "headroom": f"{_headroom(zones)}%",
            **({"check": False} if group.always else {}),
            "zones": zones,
        }
        return name

    def _told(self, group: Group, endpoints: Mapping[str, str]) -> dict[str, int] | None:
        """Return the shares of the sites that the values belonged to; None: they contradict."""
        made: dict[str, dict[str, dict[str, Any]]] = {}  # site → id → endpoint
        shares: list[dict[str, int]] = []  # by record type
        for rtype, pool in group.pools.items():
            by_site: dict[str, list[Value]] = {}
            for value in pool.values:
                by_site.setdefault(_site(endpoints[value.text]), []).append(value)
            shares.append(_ratio({site: _share(found) for site, found in by_site.items()}))
            for site, found in by_site.items():
                for value, weight in zip(found, reduced([v.weight for v in found]), strict=True):
                    endpoint = _endpoint(rtype, value, weight)
                    held = made.setdefault(site, {}).setdefault(endpoints[value.text], endpoint)
                    if rtype in held and held is not endpoint:
                        return None  # two addresses of one endpoint
                    if any(held.get(key) != endpoint.get(key) for key in ("weight", "drained")):
                        return None
                    held.update(endpoint)
        if any(one != shares[0] for one in shares):
            return None
        names = {site: self._named(site, found, group) for site, found in made.items()}
        return {names[site]: share for site, share in shares[0].items()}

    def _named(self, site: str, endpoints: Mapping[str, Any], group: Group) -> str:
        """Return the name of the site with just these endpoints, called *site* unless that is another."""
        number, name = 1, site
        while name in self._whole and (
            self._whole[name] != endpoints
            or (self.made[name].get("check") is False) != group.always
        ):
            number += 1
            name = f"{site}-{number}"
        if name not in self._whole:
            zones: dict[str, list[Any]] = {}
            for identity, endpoint in sorted(endpoints.items(), key=lambda pair: _order(pair[0])):
                match = _ENDPOINT.fullmatch(identity)
                assert match is not None
                zones.setdefault(match[4], []).append(endpoint)
            plain = {zone: found if len(found) > 1 else found[0] for zone, found in zones.items()}
            self._whole[name] = dict(endpoints)
            assert self._add(name, plain, group) == name
        return name


def _site(identity: str) -> str:
    return identity.split("/", 2)[0] + "/" + identity.split("/", 2)[1]


def _share(values: Sequence[Value]) -> int:
    """Return what *values* weigh together, those that are down left out unless all are."""
    return sum(v.weight for v in values if v.status != "down") or sum(v.weight for v in values)


def _order(identity: str) -> tuple[str, int]:
    match = _ENDPOINT.fullmatch(identity)
    assert match is not None
    return match[4], int(match[5] or 1)


def _ratio(shares: Mapping[str, int]) -> dict[str, int]:
    """Return *shares* in small whole numbers, none above what a rule may say."""
    found = reduced(list(shares.values()))
    most = max(found)
    if most > MAX_SHARE:
        found = [max(1, one * MAX_SHARE // most) for one in found]
    return dict(zip(shares, found, strict=True))


def _endpoint(rtype: str, value: Value, weight: int) -> dict[str, Any]:
    made: dict[str, Any] = {rtype: value.text.rstrip(".")}
    if weight != 1:
        made["weight"] = weight
    if value.status == "down":
        made["drained"] = DRAIN
    return made


def _headroom(zones: Mapping[str, Any]) -> int:
    """Return the headroom, in percent, with which any one value carries everything, as in octoDNS."""
    most = 0
    for family in ("A", "AAAA", "CNAME"):
        weights = [
            one.get("weight", 1)
            for zone in zones.values()
            for one in (zone if isinstance(zone, list) else [zone])
            if family in one
        ]
        if weights:
            most = max(most, -(-100 * sum(weights) // min(weights)) - 100)
    return most
