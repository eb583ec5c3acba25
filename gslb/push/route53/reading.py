"""How Route 53 answers from record sets, as documented: what checks a push, in tests and after it.

Sources: Developer Guide, "How Amazon Route 53 chooses records when health checking is
configured", "Geolocation routing", "Weighted routing", "IP-based routing", "Failover". The
numbers in the comments are those of the push notes, 2.2.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from ipaddress import IPv4Network, IPv6Network, ip_network
from typing import Any

from gslb.push.provider import Answer, Client, Rrsets, Supports, Up
from gslb.push.route53.geography import codes

Sets = tuple[Mapping[str, Any], ...]
MAX_DEPTH = 64  # of aliases; the deepest tree has one for each step of a chain and a few more


@dataclass(slots=True)
class _Look:
    """One client under one health: what has been found so far."""

    client: Client
    up: Up
    healthy: dict[tuple[str, str], bool] = field(default_factory=dict)
    chances: dict[tuple[str, str], Mapping[str, float]] = field(default_factory=dict)


class Reader:
    """Answers from a zone's record sets."""

    def __init__(self, rrsets: Rrsets, supports: Supports) -> None:
        groups: dict[tuple[str, str], list[Mapping[str, Any]]] = {}
        for one in rrsets.values():
            groups.setdefault((one.name, one.rtype), []).append(one.body)
        self._groups = {key: tuple(found) for key, found in groups.items()}
        self._supports = supports
        self._blocks: dict[str, list[IPv4Network | IPv6Network]] = {}
        for support in supports.values():
            if support.kind == "prefixes":
                found: Any = support.body["Locations"]  # equal names have equal blocks
                for name, blocks in found.items():
                    self._blocks[name] = [ip_network(text) for text in blocks]

    def answer(self, name: str, rtype: str, client: Client, up: Up) -> Answer:
        """Return what *client* gets: chances sum to 1, or there is no such record."""
        found = self._chances(name, rtype, _Look(client, up), 0)
        most = 1
        group = self._groups.get((name, rtype), ())
        if len(group) == 1:
            most = len(group[0].get("ResourceRecords", ())) or 1
        return Answer(found, most)

    def passes(self, key: str, up: Up) -> bool:
        """Return whether the health check passes; a calculated one by its children."""
        support = self._supports.get(key)
        config: Any = {} if support is None else support.body["HealthCheckConfig"]
        if config.get("Type") != "CALCULATED":
            return up(key)
        passing = sum(self.passes(child, up) for child in config["ChildHealthChecks"])
        return bool(passing >= config["HealthThreshold"])

    def _healthy(self, one: Mapping[str, Any], look: _Look, depth: int) -> bool:
        """Return whether a set is healthy: without a check it is (1), checks are ANDed (7)."""
        if depth > MAX_DEPTH:
            raise RecursionError("aliases without an end")
        key = one.get("HealthCheckId")
        if key is not None and not self.passes(key, look.up):
            return False
        alias = one.get("AliasTarget")
        if alias is None or not alias["EvaluateTargetHealth"]:
            return True
        target = alias["DNSName"], str(one["Type"])
        if target not in look.healthy:  # any member will do (4)
            group = self._eligible(self._groups.get(target, ()), look.client)
            look.healthy[target] = any(self._healthy(o, look, depth + 1) for o in group)
        return look.healthy[target]

    def _eligible(self, group: Sets, client: Client) -> Sequence[Mapping[str, Any]]:
        """Return those of a group that *client* can get at all."""
        if group and "GeoLocation" in group[0]:
            return self._areas(group, client)
        if group and "CidrRoutingConfig" in group[0]:
            return self._locations(group, client)
        return group

    def _areas(self, group: Sets, client: Client) -> list[Mapping[str, Any]]:
        """Return the sets of the areas around *client*, smallest first (6)."""
        by_area = {}
        for one in group:
            geo = one["GeoLocation"]
            country = geo.get("CountryCode", "")
            area = (
                geo.get("ContinentCode", ""),
                "" if country == "*" else country,
                geo.get("SubdivisionCode", ""),
            )
            by_area[area] = one
        around = codes(client.country, client.subdivision)
        return [by_area[area] for area in around if area in by_area]

    def _locations(self, group: Sets, client: Client) -> list[Mapping[str, Any]]:
        """Return the set of the location that *client* is in, then the default."""
        by_name = {one["CidrRoutingConfig"]["LocationName"]: one for one in group}
        best, length = "", -1
        for name in by_name:
            for block in self._blocks.get(name, ()):
                if block.version == client.family and block.prefixlen > length:
                    first = int(block.network_address)
                    if first <= client.address < first + block.num_addresses:
                        best, length = name, block.prefixlen
        return [by_name[name] for name in (best, "*") if name in by_name]

    def _chances(self, name: str, rtype: str, look: _Look, depth: int) -> Mapping[str, float]:
        if depth > MAX_DEPTH:
            raise RecursionError("aliases without an end")
        key = name, rtype
        if key not in look.chances:
            group = self._eligible(self._groups.get(key, ()), look.client)
            chances: dict[str, float] = {}
            for one, share in self._chosen(group, look, depth):
                for rdata, part in self._values(one, rtype, look, depth).items():
                    chances[rdata] = chances.get(rdata, 0.0) + share * part
            look.chances[key] = chances
        return look.chances[key]

    def _values(
        self, one: Mapping[str, Any], rtype: str, look: _Look, depth: int
    ) -> Mapping[str, float]:
        alias = one.get("AliasTarget")
        if alias is not None:
            return self._chances(alias["DNSName"], rtype, look, depth + 1)
        values = [record["Value"] for record in one["ResourceRecords"]]
        return {value: values.count(value) / len(values) for value in values}

    def _chosen(
        self, group: Sequence[Mapping[str, Any]], look: _Look, depth: int
    ) -> list[tuple[Mapping[str, Any], float]]:
        """Return which sets of a group answer, with their shares."""
        if not group:
            return []
        well = [one for one in group if self._healthy(one, look, depth)]
        if "Weight" in group[0]:
            return _weighted(well or group)
        if "Failover" in group[0]:
            roles = {one["Failover"]: one for one in group}
            order = [roles[role] for role in ("PRIMARY", "SECONDARY") if role in roles]
            return [(next((one for one in order if one in well), order[0]), 1.0)]
        if "MultiValueAnswer" in group[0]:
            chosen = well or group
            return [(one, 1 / len(chosen)) for one in chosen]
        return [((well or group)[0], 1.0)]  # by area or location: the smallest that is healthy


def _weighted(group: Sequence[Mapping[str, Any]]) -> list[tuple[Mapping[str, Any], float]]:
    """Return the shares by weight; weights of 0 count only when there is no other (3)."""
    weights = [int(one["Weight"]) for one in group]
    if not any(weights):
        weights = [1] * len(group)
    whole = sum(weights)
    return [(one, weight / whole) for one, weight in zip(group, weights, strict=True) if weight]
