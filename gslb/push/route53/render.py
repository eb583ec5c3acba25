"""A neutral model → the record sets of Route 53: a tree of aliases, shared by all names of a policy.

    www.example.com     alias, simple                      → _p-…
    _p-<policy>         CIDR locations; "*"                → _a-…     only if some prefix differs
    _p- or _a-<policy>  geolocation                        → _c-…
    _c-<rest of chain>  failover: PRIMARY → _g- or _v-…, SECONDARY → the next _c-, or the ending
    _g-<step>           weighted aliases, a pool each      → _v-…
    _v-<pool>           weighted values with health checks
    _u-, _t-            the same as _g-, _v- without health checks: the ending

A branch always ends in something that counts as healthy. Otherwise Route 53 would take a branch
that is down for the next larger area, and a fence would leak.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace

from gslb.push.losses import Bites, Code, Loss, Severity, merged
from gslb.push.model import Chain, Desired, Ending, PlainSet, Pool, SteeredSet, Step
from gslb.push.naming import policy_key
from gslb.push.objects import Body, Rendered, Rrset, RrsetKey
from gslb.push.ownership import ident, mark, mark_name
from gslb.push.route53.bodies import (
    MAX_GROUP,
    MAX_WEIGHT,
    ZONE,
    area_ident,
    geolocation,
    kept_targets,
    short_ident,
    text_body,
)
from gslb.push.route53.geography import Geolocation, geolocate
from gslb.push.route53.prefixes import locate
from gslb.push.route53.probes import Checks
from gslb.push.weights import WORTH_TELLING, scaled, worst_error

MARK_TTL = 300  # seconds
TYPES = frozenset(
    {"A", "AAAA", "CAA", "CNAME", "DS", "HTTPS", "MX", "NAPTR", "NS", "PTR", "SPF", "SRV", "SSHFP",
     "SVCB", "TLSA", "TXT"}
)  # fmt: skip
_Losing = Callable[[Code, str, str, str, Bites], Loss]


@dataclass(slots=True)
class _Tree:
    """Record sets in the making."""

    zone: str
    owner: str
    checks: Checks
    collection: str  # key of the collection of CIDR locations; empty: there is none
    rrsets: dict[RrsetKey, Rrset] = field(default_factory=dict)
    losses: list[Loss] = field(default_factory=list)
    entries: dict[tuple[str, str], str] = field(default_factory=dict)

    def node(self, kind: str, key: str) -> str:
        """Return the name of a node of the tree."""
        return f"_{kind}-{key}.{self.zone}"

    def add(self, name: str, rtype: str, rest: str, body: Body) -> None:
        """Add a record set; *rest* is its identifier behind the mark, empty: it has none."""
        mine = "" if not rest else short_ident(ident(self.owner, rest))
        whole: dict[str, object] = {"Name": name, "Type": rtype, **body}
        if mine:
            whole["SetIdentifier"] = mine
        made = Rrset(name, rtype, mine, whole)
        before = self.rrsets.setdefault(made.key, made)  # names share most of the tree
        assert before.text == made.text, f"two meanings of {made.key}"

    def text(self, name: str, text: str) -> None:
        """Add a TXT record."""
        self.add(name, "TXT", "", text_body(MARK_TTL, text))


def render(desired: Desired, owner: str, checks: Checks) -> Rendered:
    """Return the record sets and checks that say *desired* best."""
    located = locate({at: one.blocks for at, one in enumerate(desired.steered)})
    collection = "" if located.collection is None else located.collection.key
    tree = _Tree(desired.zone, owner, checks, collection)
    for at, one in enumerate(desired.steered):
        _Steered(tree, one).add(located.chains.get(at, {}), dropped=at in located.dropped)
    for plain in desired.plain:
        _plain(tree, plain)
    supports = dict(checks.supports)
    if located.collection is not None:
        supports[located.collection.key] = located.collection
    return Rendered(tree.rrsets, supports, merged(tree.losses), tree.entries)


def _plain(tree: _Tree, plain: PlainSet) -> None:
    if plain.rtype not in TYPES:
        wanted = f"{plain.name} {plain.rtype}"
        tree.losses.append(
            Loss(Code.TYPE, "", plain.rtype, plain.name, wanted, "nothing", Severity.DEGRADED,
                 Bites.NEVER)
        )  # fmt: skip
        return
    records = [{"Value": value} for value in sorted(plain.rdatas)]
    tree.add(plain.name, plain.rtype, "", {"TTL": plain.ttl, "ResourceRecords": records})
    tree.text(mark_name(plain.name, plain.rtype), mark(tree.owner))
    tree.entries[plain.name, plain.rtype] = ""


@dataclass(frozen=True, slots=True)
class _Steered:
    """Adds what one policy needs for one type."""

    tree: _Tree
    one: SteeredSet

    def add(self, locations: Mapping[str, str], *, dropped: bool) -> None:
        """Add the tree and the names; *locations* go to chains of their own."""
        one = self.one
        top = self.tree.node("p", self._key)
        found = geolocate(one.cells, tuple(one.chains))
        self._geography(found, locations, top)
        used = {*found.chains.values(), *locations.values()}
        for key in used:
            self._chain(one.chains[key])
        for name in one.names:
            self.tree.add(name, one.rtype, "", {"AliasTarget": self._alias(top)})
            self.tree.text(mark_name(name, one.rtype), mark(self.tree.owner))
            self.tree.entries[name, one.rtype] = one.policy
        self.tree.losses += [*one.losses, *self._losses(found, dropped=dropped)]

    @property
    def _key(self) -> str:
        """Names the policy's top; A and AAAA share names, a CNAME stands beside neither."""
        key = policy_key(self.one.policy)
        return f"{key}-cname" if self.one.rtype == "CNAME" else key

    def _alias(self, target: str) -> dict[str, object]:
        return {"HostedZoneId": ZONE, "DNSName": target, "EvaluateTargetHealth": True}

    def _geography(self, found: Geolocation, locations: Mapping[str, str], top: str) -> None:
        rtype, areas = self.one.rtype, top
        if locations:
            areas = self.tree.node("a", self._key)
            for location, chain in [*sorted(locations.items()), ("*", "")]:
                target = self.tree.node("c", chain) if chain else areas
                routing = {"CollectionId": self.tree.collection, "LocationName": location}
                alias = self._alias(target)
                body: Body = {"CidrRoutingConfig": routing, "AliasTarget": alias}
                self.tree.add(top, rtype, f"cidr-{location}", body)
        for area, chain in found.chains.items():
            alias = self._alias(self.tree.node("c", chain))
            body = {"GeoLocation": geolocation(area), "AliasTarget": alias}
            rest = area_ident(area)
            self.tree.add(areas, rtype, rest, body)

    def _chain(self, chain: Chain) -> None:
        """Add the nodes of a chain, from its end."""
        keys = [chain.key, *(step.rest for step in chain.steps[1:])]
        if not chain.steps:
            self._pair(chain.key, None, None)
        for at, step in enumerate(chain.steps):
            if at + 1 < len(chain.steps):
                behind = self.tree.node("c", keys[at + 1])
            elif chain.ending is Ending.SERVE_ALL:
                behind = self._step(chain.steps[0], checked=False)
            else:
                behind = None
            self._pair(keys[at], self._step(step, checked=True), behind)

    def _pair(self, key: str, first: str | None, second: str | None) -> None:
        """Add a failover pair; None: the last resort."""
        name = self.tree.node("c", key)
        for role, target in (("PRIMARY", first), ("SECONDARY", second)):
            body: dict[str, object] = {"Failover": role}
            if target is not None:
                body["AliasTarget"] = self._alias(target)
            else:
                body["TTL"] = self.one.ttl
                body["ResourceRecords"] = [{"Value": text} for text in sorted(self.one.last_resort)]
            self.tree.add(name, self.one.rtype, role.lower(), body)
            if first is None:
                return

    def _step(self, step: Step, *, checked: bool) -> str:
        """Add the node of a step and return its name."""
        for share in step.shares:
            self._pool(self.one.pools[share.pool], checked=checked)
        leaf = "v" if checked else "t"
        if step.alone:
            return self.tree.node(leaf, step.shares[0].pool)
        name = self.tree.node("g" if checked else "u", step.key)
        weights = scaled([share.share for share in step.shares], MAX_WEIGHT)
        for share, weight in zip(step.shares, weights, strict=True):
            target = self._alias(self.tree.node(leaf, share.pool))
            body = {"Weight": weight, "AliasTarget": target}
            self.tree.add(name, self.one.rtype, share.pool, body)
        return name

    def _pool(self, pool: Pool, *, checked: bool) -> None:
        name = self.tree.node("v" if checked else "t", pool.key)
        targets = kept_targets(pool)
        weights = scaled([target.weight for target in targets], MAX_WEIGHT)
        for target, weight in zip(targets, weights, strict=True):
            body: dict[str, object] = {
                "Weight": weight,
                "TTL": self.one.ttl,
                "ResourceRecords": [{"Value": target.rdata}],
            }
            key = self.tree.checks.key(target.probes) if checked else None
            if key is not None:
                body["HealthCheckId"] = key
            self.tree.add(name, self.one.rtype, target.endpoint, body)

    def _losses(self, found: Geolocation, *, dropped: bool) -> Iterator[Loss]:
        def loss(code: Code, about: str, wanted: str, given: str, bites: Bites) -> Loss:
            return Loss(
                code,
                self.one.policy,
                self.one.rtype,
                about,
                wanted,
                given,
                Severity.DEGRADED,
                bites,
            )

        unheard = sum(block.weight for block in self.one.blocks) if dropped else 0.0
        if dropped:
            wanted = f"{len(self.one.blocks):,} prefixes of their own"
            made = loss(Code.SELECTOR, "", wanted, "the answer of their country", Bites.CLIENTS)
            yield replace(made, share=unheard)
        if found.dropped:
            wanted, given = f"{found.dropped} more areas", "the answer of the larger area"
            yield replace(
                loss(Code.AREA, "", wanted, given, Bites.CLIENTS), share=max(0.0, found.wrong)
            )
        for step in {s.key: s for c in self.one.chains.values() for s in c.steps}.values():
            shares = [share.share for share in step.shares]
            yield from self._rounding(loss, f"step {step.key}", shares)
        for pool in self.one.pools.values():
            yield from self._pool_losses(loss, pool)

    def _rounding(self, loss: _Losing, about: str, weights: Sequence[int]) -> Iterator[Loss]:
        given = scaled(weights, MAX_WEIGHT)
        if given != tuple(weights):
            error = worst_error(weights, given)
            wanted, words = ":".join(map(str, weights)), ":".join(map(str, given))
            made = loss(Code.WEIGHT_ROUNDED, about, wanted, words, Bites.ALWAYS)
            severity = Severity.DEGRADED if error > WORTH_TELLING else Severity.INFO
            yield replace(made, severity=severity, share=error)

    def _pool_losses(self, loss: _Losing, pool: Pool) -> Iterator[Loss]:
        kept = kept_targets(pool)
        yield from self._rounding(loss, pool.site, [target.weight for target in kept])
        if len(kept) < len(pool.targets):
            wanted = f"{len(pool.targets)} addresses"
            yield loss(Code.POOL, pool.site, wanted, f"{MAX_GROUP}", Bites.ALWAYS)
        spare = [target.endpoint for target in kept if not target.weight]
        if len({one.partition("#")[0] for one in spare}) not in {0, len(spare)}:
            yield loss(
                Code.WEIGHT_ROUNDED, pool.site, "spare endpoints alike", "their addresses alike",
                Bites.REDUCED,
            )  # fmt: skip
        yield from self._probe_losses(loss, pool)

    def _probe_losses(self, loss: _Losing, pool: Pool) -> Iterator[Loss]:
        probes = dict.fromkeys(probe for target in pool.targets for probe in target.probes)
        checks = self.tree.checks
        changed = {check: checks.changed.get(check, []) for check in {p.check for p in probes}}
        for check, words in changed.items():
            if words:
                wanted = f"{check.type} every {check.every:g} s, down after {check.down_after}"
                made = loss(Code.PROBE_CHANGED, pool.site, wanted, "; ".join(words), Bites.NEVER)
                yield replace(made, severity=Severity.INFO)
        for probe in probes:
            if why := checks.blind.get(probe):
                wanted = f"{probe.check.type} of {probe.address}"
                yield loss(Code.PROBE_NONE, pool.site, wanted, f"none: {why}", Bites.SICK)
