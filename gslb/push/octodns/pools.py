"""Pools and rules of a dynamic record, read as strictly as octoDNS validates them."""

from __future__ import annotations

from collections.abc import Mapping
from ipaddress import IPv4Address, IPv6Address, ip_network

from gslb.policy.wording import shown
from gslb.push.octodns.geo import Land, meaning
from gslb.push.octodns.model import MAX_WEIGHT, STATUSES, Pool, Rule, Value
from gslb.push.octodns.nodes import Node

_POOL = frozenset({"fallback", "values"})
_VALUE = frozenset({"value", "weight", "status"})
_RULE = frozenset({"geos", "subnets", "pool"})
_NONE = "default"  # octoDNS reads a fallback to the pool of this name as no fallback


def read_pools(node: Node, rtype: str, name: str) -> Mapping[str, Pool]:
    """Return the pools of *node*, a record's `dynamic`; what is wrong is noted."""
    pools = node.get("pools")
    if pools is None or not isinstance(pools.value, dict) or not pools.value:
        node.error("E271", f"{name}: dynamic has no pools")
        return {}
    found = {key: _pool(key, one, rtype, pools) for key, one in pools.items()}
    for key, one in pools.items():
        _no_loop(key, one, found)
    return found


def _pool(key: str, node: Node, rtype: str, pools: Node) -> Pool:
    node.unknown(_POOL, f'pool "{key}"')
    values = node.get("values")
    entries = list(values.entries()) if values is not None else []
    if not entries:
        node.error("E271", f'pool "{key}" has no values')
    found = tuple(_value(key, one, rtype) for one in entries)
    if len(found) == 1 and found[0].weight != 1:
        node.error("E271", f'pool "{key}": the weight of a single value is 1')
    fallback = node.get("fallback")
    following = None if fallback is None else fallback.value
    if fallback is not None and following not in pools.value:
        fallback.error("E271", f'pool "{key}" falls back to {shown(following)}, which is no pool')
        following = None
    return Pool(key, found, None if following == _NONE else following, node.key_where)


def _value(pool: str, node: Node, rtype: str) -> Value:
    node.unknown(_VALUE, f'pool "{pool}"')
    text, weight = node.plain("value"), node.plain("weight", 1)
    status = node.plain("status", "obey")
    if not _fits(text, rtype):
        node.error("E271", f'pool "{pool}": {shown(text)} is not a value of type {rtype}')
    if not isinstance(weight, int) or isinstance(weight, bool) or not 1 <= weight <= MAX_WEIGHT:
        node.error("E271", f'pool "{pool}": a weight is 1 to {MAX_WEIGHT}, not {shown(weight)}')
        weight = 1
    if status not in STATUSES:
        node.error("E271", f'pool "{pool}": {shown(status)} is not up, down or obey')
    return Value(_normal(text, rtype), weight, str(status))


def _fits(text: object, rtype: str) -> bool:
    if not isinstance(text, str):
        return False
    if rtype == "CNAME":
        return text.endswith(".") and len(text) > 1
    try:
        (IPv4Address if rtype == "A" else IPv6Address)(text)
    except ValueError:
        return False
    return True


def _normal(text: object, rtype: str) -> str:
    if rtype == "AAAA" and _fits(text, rtype):
        return str(IPv6Address(str(text)))
    return str(text).lower()


def _no_loop(key: str, node: Node, pools: Mapping[str, Pool]) -> None:
    seen = [key]
    while (following := pools[seen[-1]].fallback) is not None:
        if following in seen:
            node.error("E271", f"pools fall back in a loop: {' → '.join([*seen, following])}")
            break
        seen.append(following)


def read_rules(node: Node, pools: Mapping[str, Pool], name: str) -> tuple[Rule, ...]:
    """Return the rules of *node*, a record's `dynamic`, which may use *pools*."""
    rules = node.get("rules")
    if rules is None or not isinstance(rules.value, list) or not rules.value:
        node.error("E271", f"{name}: dynamic has no rules")
        return ()
    entries = list(rules.entries())
    reader = _Rules(pools)
    found = [
        reader.read(one, number, last=number == len(entries))
        for number, one in enumerate(entries, 1)
    ]
    behind = {pool.fallback for pool in pools.values()}
    for key in pools.keys() - reader.targets - behind:
        node.error("E271", f'pool "{key}" is not used')
    return tuple(found)


class _Rules:
    """Reads rules one after the other: what came before decides what may follow."""

    def __init__(self, pools: Mapping[str, Pool]) -> None:
        self.pools = pools
        self.targets: set[str] = set()
        self.geos: dict[str, int] = {}  # code → rule that has it
        self.subnets: dict[str, int] = {}
        self.previous_geos = self.only_geos = False
        self.everybody = 0

    def read(self, node: Node, number: int, *, last: bool) -> Rule:
        node.unknown(_RULE, f"rule {number}")
        geos = self._geos(node, number)
        subnets = self._subnets(node, number)
        self._order(node, number, geos=bool(node.plain("geos")), nets=bool(node.plain("subnets")))
        targeted = bool(node.plain("geos") or node.plain("subnets"))
        if not targeted and self.everybody:
            node.error("E271", f"rule {number} is for everybody, as rule {self.everybody} is")
        elif not targeted:
            self.everybody = number
        if last and targeted:
            node.error("E271", "the last rule must be for everybody", "no geos, no subnets")
        pool = node.plain("pool")
        if not isinstance(pool, str) or pool not in self.pools:
            node.error("E271", f"rule {number} names {shown(pool)}, which is no pool")
        elif pool in self.targets and targeted:
            node.error("E271", f'rule {number}: pool "{pool}" is another rule\'s already')
        self.targets.add(str(pool))
        return Rule(str(pool), geos, subnets, node.where)

    def _order(self, node: Node, number: int, *, geos: bool, nets: bool) -> None:
        if nets and not geos and self.previous_geos:
            node.error("E271", f"rule {number}: rules of subnets stand before those of geos")
        if nets and geos and self.only_geos:
            node.error(
                "E271", f"rule {number}: rules with subnets stand before those of geos alone"
            )
        self.previous_geos, self.only_geos = geos, geos and not nets

    def _geos(self, node: Node, number: int) -> Land:
        given = node.get("geos")
        land = Land()
        entries = list(given.entries()) if given is not None else []
        for one in sorted(entries, key=lambda entry: str(entry.value)):
            found = meaning(one.value) if isinstance(one.value, str) else None
            if found is None:
                one.error("E272", f"octoDNS knows no geo code {shown(one.value)}")
                continue
            pieces = one.value.split("-")
            for wide in ("-".join(pieces[:length]) for length in range(1, len(pieces) + 1)):
                if wide in self.geos:
                    text = (
                        f"rule {number}: {one.value} is taken by {wide} in rule {self.geos[wide]}"
                    )
                    one.error("E271", text, "the more specific code stands first")
            self.geos[one.value] = number
            land |= found
        return land

    def _subnets(self, node: Node, number: int) -> tuple[str, ...]:
        given = node.get("subnets")
        found = []
        for one in given.entries() if given is not None else ():
            try:
                found.append((ip_network(one.value if isinstance(one.value, str) else ""), one))
            except ValueError:
                hint = "no bits set behind the prefix"
                one.error("E272", f"{shown(one.value)} is not a subnet", hint)
        for net, one in sorted(found, key=lambda pair: (pair[0].version, pair[0])):
            for length in range(net.prefixlen + 1):
                wide = str(net.supernet(new_prefix=length))
                if wide in self.subnets:
                    text = f"rule {number}: {net} is taken by {wide} in rule {self.subnets[wide]}"
                    one.error("E271", text, "the more specific subnet stands first")
            self.subnets[str(net)] = number
        ordered = sorted((net for net, _ in found), key=lambda net: (net.version, net))
        return tuple(map(str, ordered))
