"""The tree of Route 53 without some endpoints, as `render` would make it had they been drained.

Which endpoints a pool has left, which pools a step, which steps a chain: it all stands in the tree.
A chain whose first step is gone begins with the next one, and ends there when all is down.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from gslb.push.objects import Body, Place, Rrset, RrsetKey
from gslb.push.pruning import NothingLeft, Pruned
from gslb.push.route53.bodies import ZONE

_UNCHECKED = {"v": "t", "g": "u"}  # kinds of nodes, with health checks and without: `render`
_KINDS = frozenset("pacgvut")


def prune(rrsets: Mapping[RrsetKey, Rrset], gone: frozenset[str]) -> Pruned:
    """Return what is left of our *rrsets* without the endpoints that are answered as *gone*.

    Raises:
        NothingLeft: a name would have no endpoint.
    """
    tree = _Tree({})
    for one in rrsets.values():
        tree.groups.setdefault(one.place, []).append(one)
    tree.drop_targets(gone)
    heads = {
        to for place, found in tree.groups.items() if _kind(place) in {"p", "a"}
        for one in found if (to := _target(one)) is not None and _kind(to) == "c"
    }  # fmt: skip
    chains = {head: tree.chain(head) for head in sorted(heads)}
    lost = [head for head, chain in chains.items() if not chain.steps and not chain.values]
    if lost:
        raise NothingLeft(tree.led_to(lost))
    for chain in chains.values():
        tree.rewrite(chain)
    return Pruned(tree.reached())


@dataclass(frozen=True, slots=True)
class _Chain:
    """What is left of a chain: its steps, each with the node that begins there, and its ending."""

    head: Place
    steps: tuple[tuple[Place, Place], ...]  # node, step
    values: Body | None  # of the last resort; None: all of the first step are served
    shortened: bool


@dataclass(frozen=True, slots=True)
class _Tree:
    """Our record sets by name and type; a group that has lost all of its members is empty."""

    groups: dict[Place, list[Rrset]]

    def drop_targets(self, gone: frozenset[str]) -> None:
        """Take the endpoints out of their pools, and pools that are empty then out of steps."""
        for place, found in self.groups.items():
            if _kind(place) in {"v", "t"}:
                self.groups[place] = [one for one in found if not _values(one) & gone]
        for place, found in self.groups.items():
            if _kind(place) in {"g", "u"}:
                self.groups[place] = [
                    one for one in found if self.groups.get(_target(one) or place)
                ]

    def chain(self, head: Place) -> _Chain:
        """Return what is left of the chain that begins at *head*."""
        steps: list[tuple[Place, Place]] = []
        node: Place | None = head
        values: Body | None = None
        shortened = False
        while node is not None:
            role = {str(one.body["Failover"]): one for one in self.groups[node]}
            first, second = role["PRIMARY"], role.get("SECONDARY")
            step = _target(first)
            if step is None:
                values = first.body
            elif self.groups.get(step):
                steps.append((node, step))
            else:
                shortened = True
            node = None if second is None else _target(second)
            if second is not None and node is None:
                values = second.body
            if node is not None and _kind(node) != "c":
                node = None  # the first step, without its checks
        return _Chain(head, tuple(steps), values, shortened)

    def rewrite(self, chain: _Chain) -> None:
        """Make the nodes of *chain* lead to the steps that are left, and to its ending."""
        if not chain.shortened:
            return
        nodes = [chain.head, *(node for node, _ in chain.steps[1:])]
        for at, node in enumerate(nodes):
            before = {str(one.body["Failover"]): one for one in self.groups[node]}
            if not chain.steps:
                assert chain.values is not None
                self.groups[node] = [_valued(before["PRIMARY"], chain.values)]
                return
            made = [_aliased(before["PRIMARY"], chain.steps[at][1])]
            second = before.get("SECONDARY") or _as_second(before["PRIMARY"])
            if at + 1 < len(nodes):
                made.append(_aliased(second, nodes[at + 1]))
            elif chain.values is None:
                made.append(_aliased(second, self.unchecked(chain.steps[0][1])))
            else:
                made.append(_valued(second, chain.values))
            self.groups[node] = made

    def unchecked(self, step: Place) -> Place:
        """Return the place of *step* without health checks; it is made if it is not there."""
        name, rtype = step
        kind = _kind(step)
        place = f"_{_UNCHECKED[kind]}{name[2:]}", rtype
        if place not in self.groups:
            made = []
            for one in self.groups[step]:
                body = {key: value for key, value in one.body.items() if key != "HealthCheckId"}
                moved = Rrset(place[0], rtype, one.ident, {**body, "Name": place[0]})
                pool = _target(one)
                made.append(moved if pool is None else _aliased(moved, self.unchecked(pool)))
            self.groups[place] = made
        return place

    def reached(self) -> dict[RrsetKey, Rrset]:
        """Return all record sets but nodes to which nothing leads any more."""
        left = [place for place in self.groups if not _kind(place)]
        seen = set(left)
        while left:
            for one in self.groups.get(left.pop(), ()):
                to = _target(one)
                if to is not None and to not in seen:
                    seen.add(to)
                    left.append(to)
        return {one.key: one for place in seen for one in self.groups.get(place, ())}

    def led_to(self, places: Iterable[Place]) -> set[Place]:
        """Return the places that clients ask for and that lead to one of *places*."""
        back: dict[Place, set[Place]] = {}
        for place, found in self.groups.items():
            for one in found:
                if (to := _target(one)) is not None:
                    back.setdefault(to, set()).add(place)
        left, seen = list(places), set(places)
        while left:
            fresh = back.get(left.pop(), set()) - seen
            seen |= fresh
            left += fresh
        return {place for place in seen if not _kind(place)}


def _kind(place: Place) -> str:
    """Return the kind of the node at *place*: a letter; empty: it is a name of clients, or a mark."""
    name = place[0]
    return name[1] if name[:1] == "_" and name[2:3] == "-" and name[1] in _KINDS else ""


def _target(one: Rrset) -> Place | None:
    body: Any = one.body
    alias = body.get("AliasTarget")
    if alias is None or alias["HostedZoneId"] != ZONE:
        return None
    return alias["DNSName"], one.rtype


def _values(one: Rrset) -> frozenset[str]:
    body: Any = one.body
    return frozenset(each["Value"] for each in body.get("ResourceRecords", ()))


def _aliased(one: Rrset, to: Place) -> Rrset:
    """Return *one* with an alias, whatever it held."""
    body = {k: v for k, v in one.body.items() if k not in {"TTL", "ResourceRecords"}}
    alias = {"HostedZoneId": ZONE, "DNSName": to[0], "EvaluateTargetHealth": True}
    return Rrset(one.name, one.rtype, one.ident, {**body, "AliasTarget": alias})


def _valued(one: Rrset, values: Body) -> Rrset:
    """Return *one* with the records of *values*, whatever it held."""
    body = {key: value for key, value in one.body.items() if key != "AliasTarget"}
    records = {key: values[key] for key in ("TTL", "ResourceRecords")}
    return Rrset(one.name, one.rtype, one.ident, {**body, **records})


def _as_second(one: Rrset) -> Rrset:
    """Return the set that stands behind the first one of a pair."""
    ident = one.ident.removesuffix("primary") + "secondary"
    body = {**one.body, "Failover": "SECONDARY", "SetIdentifier": ident}
    return Rrset(one.name, one.rtype, ident, body)
