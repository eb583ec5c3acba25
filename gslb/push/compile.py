"""Policies and drains → what managed zones should answer.

What is pushed is configuration, drains and the addresses of aliases. Health is not: the provider
probes by itself. An endpoint that it cannot probe may be masked by ours, if that is wanted.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from ipaddress import ip_address
from math import lcm

import dns.rdata
import dns.rdataclass
import dns.rdatatype
import numpy as np

from gslb.policy.plan import Check, Drained, Endpoint, Families, Policy, Site, ZonePlan
from gslb.policy.problems import NOWHERE
from gslb.policy.types import TYPE_WORDS, record_types
from gslb.push.losses import Bites, Code, Loss, Severity, merged
from gslb.push.lowering import Context, groups, lower, lower_class
from gslb.push.model import (
    Block,
    Cell,
    Chain,
    Desired,
    Ending,
    PlainSet,
    Pool,
    Probe,
    Refusal,
    Share,
    SteeredSet,
    Step,
    Target,
    Word,
)
from gslb.push.objects import digest
from gslb.push.population import Population, populate
from gslb.steering.capacity import candidates, known_addresses
from gslb.steering.classes import compile_classes
from gslb.steering.decide import decide, rule_sites
from gslb.steering.model import ClientClass, Reason
from gslb.steering.records import https_rdata
from gslb.steering.situation import Situation
from gslb.steering.world import World
from gslb.wire.constants import TYPE_A, TYPE_AAAA, TYPE_CNAME, TYPE_HTTPS, TYPE_NS
from gslb.wire.names import to_text

Hosts = Mapping[tuple[str, Check], str]


def desire(
    zone: ZonePlan, world: World, situation: Situation, masked: frozenset[str] = frozenset()
) -> Desired:
    """Return what a managed copy of *zone* should hold.

    Args:
        zone: the policies.
        world: who the clients are.
        situation: drains and addresses of aliases; its health is not looked at.
        masked: ids of endpoints that are down and that the provider cannot see; they are left
            out like drained ones, unless that would leave some client with nothing.
    """
    steered: list[SteeredSet] = []
    plain = list(_static(zone))
    refusals: list[Refusal] = []
    hosts = _hosts(zone)
    calm = replace(situation, health={})
    for index, policy in enumerate(zone.policies):
        names = tuple(sorted(_text(name) for name, number in zone.names if number == index))
        if not names:
            continue
        types = record_types(policy, zone.sites)
        if TYPE_HTTPS in types:
            plain += _https(policy, names)
        makers = [
            _Maker(Context(policy, zone.sites, rtype, TYPE_WORDS[rtype]), calm, hosts)
            for rtype in types
            if rtype != TYPE_HTTPS
        ]
        made = [one.steered(names, world, masked) for one in makers]
        refused = [one.reason for one in made if isinstance(one, Refusal)]
        if refused:  # all types of a name or none: a type must not vanish for a while
            for one in makers:
                there = replace(one, calm=replace(calm, drains={})).steered(names, world, masked)
                refusals.append(
                    Refusal(
                        policy.name, names, one.context.word, refused[0],
                        there if isinstance(there, SteeredSet) else None,
                    )
                )  # fmt: skip
        else:
            steered += [each for each in made if isinstance(each, SteeredSet)]
    return Desired(
        _text(zone.apex), tuple(steered), tuple(plain), tuple(refusals), _drained(zone, situation)
    )


def _drained(zone: ZonePlan, situation: Situation) -> frozenset[str]:
    """Return what drained endpoints would be answered as."""
    found = set[str]()
    for site in zone.sites.values():
        for endpoint in site.endpoints:
            if situation.drain_of(endpoint) is not None:
                a, aaaa = known_addresses(endpoint, situation)
                found.update(str(ip_address(octets)) for octets in (*a, *aaaa))
                found.update([] if endpoint.cname is None else [_text(endpoint.cname)])
    return frozenset(found)


def _text(name: bytes) -> str:
    return to_text(name).lower()


def _hosts(zone: ZonePlan) -> Hosts:
    """Return the host name that each check of a site sends: one for all names that share it.

    So an endpoint that twenty names use takes one probe at the provider, not twenty.
    """
    hosts: dict[tuple[str, Check], str] = {}
    for name, index in zone.names:
        for site, check in zone.policies[index].checks.items():
            if check is not None:
                text = check.host or _text(name).rstrip(".")
                hosts[site, check] = min(text, hosts.get((site, check), text))
    return hosts


def _static(zone: ZonePlan) -> Iterator[PlainSet]:
    """Yield the zone's own records: not the apex NS, which is the provider's own affair."""
    for owner, rrsets in zone.static.items():
        for rrset in rrsets:
            if owner == zone.apex and rrset.rtype == TYPE_NS:
                continue
            yield PlainSet(
                _text(owner),
                dns.rdatatype.to_text(dns.rdatatype.RdataType.make(rrset.rtype)),
                rrset.ttl,
                tuple(_rdata(rrset.rtype, rdata) for rdata in rrset.rdatas),
            )


def _rdata(rtype: int, rdata: bytes) -> str:
    kind = dns.rdatatype.RdataType.make(rtype)
    return dns.rdata.from_wire(dns.rdataclass.IN, kind, rdata, 0, len(rdata)).to_text()


def _https(policy: Policy, names: Sequence[str]) -> Iterator[PlainSet]:
    """Yield HTTPS records without hints: those would need to follow every decision."""
    assert policy.https is not None
    rdata = _rdata(TYPE_HTTPS, https_rdata(replace(policy.https, hints=False), (), ()))
    for name in names:
        yield PlainSet(name, "HTTPS", policy.ttl, (rdata,))


@dataclass(frozen=True, slots=True)
class _Maker:
    """Makes the set of one policy and type."""

    context: Context
    calm: Situation
    hosts: Hosts

    def steered(
        self, names: tuple[str, ...], world: World, masked: frozenset[str]
    ) -> SteeredSet | Refusal:
        """Return the set, or why there is none."""
        policy, sites, rtype = self.context.policy, self.context.sites, self.context.rtype
        classes = compile_classes(policy, sites, rtype, world)
        view = 0 if classes.resolvers is None else int(classes.resolvers.classes4[0])
        clients = classes.views[view]
        present = np.union1d(clients.classes4, clients.classes6).tolist()
        lowered, losses = lower(self.context)
        found = {number: lower_class(classes.classes[number]) for number in present}
        situation = self._masked(lowered, tuple(found.values()), masked)
        if reason := self._nothing(lowered, tuple(found.values()), situation):
            return Refusal(policy.name, names, self.context.word, reason)
        pools = self._pools(lowered, situation)
        sizes = {site: self._size(lowered, site) for site in pools}
        last = _last_resort(lowered, rtype)
        chains = {
            number: self._chain(lowered, cls, pools, sizes, last) for number, cls in found.items()
        }
        kinds: dict[str, Chain] = {}
        for chain in chains.values():
            kinds.setdefault(chain.key, chain)
        order = list(kinds)
        numbers = np.zeros(len(classes.classes), np.uint16)
        for number, chain in chains.items():
            numbers[number] = order.index(chain.key)
        people = populate(clients, numbers, world)
        tied = [
            self.context.loss(
                Code.TIES, policy.rules[cls.rule].name, "sites tie with whichever is best now",
                "with the best of all", Severity.DEGRADED, Bites.REDUCED,
            )
            for number, cls in found.items() if cls != classes.classes[number]
        ]  # fmt: skip
        more = [*tied, *self._more(people, pools, views=len(classes.views))]
        return SteeredSet(
            policy=policy.name,
            rtype=self.context.word,
            ttl=policy.ttl,
            names=names,
            chains=kinds,
            classes={classes.classes[number]: chain.key for number, chain in chains.items()},
            pools=_used(pools, kinds.values()),
            last_resort=last,
            cells=tuple(
                Cell(place, {order[number]: weight for number, weight in found.items()})
                for place, found in people.places
            ),
            blocks=tuple(
                Block(one.prefix, order[one.kind], one.weight) for one in people.stretches or ()
            ),
            losses=merged([*losses, *more]),
        )

    def _masked(
        self, lowered: Policy, classes: Sequence[ClientClass], masked: frozenset[str]
    ) -> Situation:
        """Return the situation with the masks as drains, or without if that leaves nothing."""
        if not masked:
            return self.calm
        drains = {**dict.fromkeys(masked, Drained("masked", None, NOWHERE)), **self.calm.drains}
        tried = replace(self.calm, drains=drains)
        return self.calm if self._nothing(lowered, classes, tried) else tried

    def _nothing(
        self, lowered: Policy, classes: Sequence[ClientClass], situation: Situation
    ) -> str:
        """Return why some clients would have nothing to be answered with; empty: all have."""
        for cls in classes:
            if cls.rule < 0:
                return "some clients match no rule"
            found = decide(lowered, self.context.sites, cls, self.context.rtype, situation)
            usable = found.reason not in {Reason.ALL_DRAINED, Reason.REFUSED}
            if not (usable and (found.shares or found.reason is Reason.LAST_RESORT)):
                rule = lowered.rules[cls.rule].name
                return f'rule "{rule}" has no live endpoint ({found.reason.value})'
        return ""

    def _pools(self, lowered: Policy, situation: Situation) -> dict[str, Pool]:
        """Return by site the pool of each site that the policy may use."""
        found = {}
        for name in dict.fromkeys(
            s.name for rule in self.context.rules for s in self.context.used(rule)
        ):
            found[name] = self._pool(lowered, self.context.sites[name], situation)
        return found

    def _pool(self, lowered: Policy, site: Site, situation: Situation) -> Pool:
        check = lowered.checks.get(site.name)
        rtype, word = self.context.rtype, self.context.word
        host = self.hosts.get((site.name, check), "") if check is not None else ""
        judged = [lowered.ttl, repr(check), host, lowered.families.value]
        found = candidates(site, check, lowered.families, rtype, situation)
        live = [one for one in found if one.resolved and one.drained is None]
        common = lcm(*(max(1, len(one.a or one.aaaa)) for one in live))
        targets: list[Target] = []
        for one in live:
            endpoint = one.endpoint
            addresses = [str(ip_address(octets)) for octets in one.a or one.aaaa]
            rdatas = addresses if endpoint.cname is None else [_text(endpoint.cname)]
            others = _other_family(endpoint, rtype, lowered, situation)
            for number, rdata in enumerate(rdatas):
                probed = (check.target,) if check and check.target else (rdata, *others)
                targets.append(
                    Target(
                        endpoint.id if len(rdatas) == 1 else f"{endpoint.id}#{number}",
                        rdata,
                        endpoint.weight * common // len(rdatas),
                        tuple(Probe(check, at, host) for at in probed) if check else (),
                    )
                )
        slug = site.name.replace("/", "-")[:40].rstrip("-")
        return Pool(
            f"{slug}-{digest([site.name, word, *judged], 8)}",
            f"{slug}-{digest([site.name, *judged], 8)}",
            site.name,
            tuple(targets),
        )

    def _size(self, lowered: Policy, site: str) -> int:
        """Return how many targets a pool would have without drains."""
        found = candidates(
            self.context.sites[site], lowered.checks.get(site), lowered.families,
            self.context.rtype, self.calm,
        )  # fmt: skip
        return sum(max(1, len(one.a or one.aaaa)) for one in found if one.resolved)

    def _chain(
        self,
        lowered: Policy,
        cls: ClientClass,
        pools: Mapping[str, Pool],
        sizes: Mapping[str, int],
        last: tuple[str, ...],
    ) -> Chain:
        rule = lowered.rules[cls.rule]
        names = rule_sites(lowered, self.context.sites, cls.rule, self.context.rtype)
        named = groups(lowered, cls, names)
        wanted = [[(pools[site].key, share) for site, share in group] for group in named]
        words = tuple(
            tuple(Word(pools[site].key, share, sizes[site]) for site, share in group)
            for group in named
        )
        live = {pool.key for pool in pools.values() if pool.targets}
        ending = Ending(lowered.when_all_down.value)
        # The first step that is not drained answers in the end, so all of them tell chains apart.
        heads = wanted if ending is Ending.SERVE_ALL else []
        rests = [
            digest([wanted[at:], heads, last, lowered.ttl, rule.fence]) for at in range(len(wanted))
        ]
        steps = []
        for group, rest in zip(wanted, rests, strict=True):
            shares = tuple(Share(pool, share) for pool, share in group if pool in live)
            if shares:
                steps.append(Step(digest(group), rest, shares, len(group) == 1))
        shape = digest([named, rule.fence, lowered.ttl], 8)
        return Chain(rests[0], shape, rule.name, rule.fence, tuple(steps), words, ending)

    def _more(self, people: Population, pools: Mapping[str, Pool], views: int) -> Iterator[Loss]:
        """Yield what is lost by who the clients are, and by names that are resolved."""
        if people.stretches is None:
            yield replace(
                self.context.loss(
                    Code.SELECTOR, "", "clients told apart by AS, carrier, province or prefix",
                    "by country and state: too many prefixes", Severity.DEGRADED, Bites.CLIENTS,
                ),
                share=people.excepted,
            )  # fmt: skip
        if views > 1:
            yield self.context.loss(
                Code.SELECTOR, "", "rules for some resolvers", "none", Severity.DEGRADED,
                Bites.NEVER,
            )  # fmt: skip
        aliases = [
            site
            for site in pools
            if any(e.alias is not None for e in self.context.sites[site].endpoints)
        ]
        if aliases:
            yield self.context.loss(
                Code.ALIAS, ", ".join(aliases), "host names resolved at their TTL",
                "addresses as of this push", Severity.DEGRADED, Bites.NEVER,
            )  # fmt: skip
        if self.context.policy.https is not None and self.context.policy.https.hints:
            yield self.context.loss(
                Code.HTTPS,
                "",
                "HTTPS records with addresses",
                "without",
                Severity.INFO,
                Bites.NEVER,
            )


def _other_family(
    endpoint: Endpoint, rtype: int, lowered: Policy, situation: Situation
) -> tuple[str, ...]:
    """Return the address of the other family, if both are judged as one."""
    if lowered.families is Families.APART or rtype not in {TYPE_A, TYPE_AAAA}:
        return ()
    a, aaaa = known_addresses(endpoint, situation)
    return tuple(str(ip_address(octets)) for octets in (aaaa if rtype == TYPE_A else a)[:1])


def _last_resort(lowered: Policy, rtype: int) -> tuple[str, ...]:
    last = lowered.last_resort
    if last is None:
        return ()
    if rtype == TYPE_CNAME:
        return () if last.cname is None else (_text(last.cname),)
    found = last.a if rtype == TYPE_A else last.aaaa
    return tuple(str(ip_address(octets)) for octets in found)


def _used(pools: Mapping[str, Pool], chains: Iterable[Chain]) -> dict[str, Pool]:
    """Return by key the pools that some step of *chains* names."""
    used = {s.pool for c in chains for step in c.steps for s in step.shares}
    return {pool.key: pool for pool in pools.values() if pool.key in used}
