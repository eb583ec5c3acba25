"""Explains an answer: the trace of the very decision that it is rendered from."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from ipaddress import IPv4Address, IPv6Address

import dns.rdatatype

from gslb.answers.model import STICKY_SLOTS, Body, Pool
from gslb.answers.table import scope
from gslb.geo.lookup import locate
from gslb.policy.plan import Plan, Policy, ZonePlan
from gslb.policy.types import record_types
from gslb.steering.asking import Asking, read_asking
from gslb.steering.capacity import Candidate, Supply, candidates, supply_of
from gslb.steering.classes import compile_classes
from gslb.steering.decide import decide_supplied, rule_sites
from gslb.steering.existence import Found, Outcome, find
from gslb.steering.explanation import (
    Alternative,
    ClientLine,
    EndpointLine,
    Explanation,
    RuleLine,
    SiteLine,
)
from gslb.steering.model import Classes, ClientClass, Decision, Reason
from gslb.steering.pools import (
    AnyPoolKey,
    LastResortKey,
    NoDataKey,
    pool_key,
    render_last_resort,
    render_pool,
    select,
)
from gslb.steering.reading import BITS, answer_texts, message_of, range_of
from gslb.steering.render import pool_keys, sticky
from gslb.steering.rendezvous import slots
from gslb.steering.situation import Situation
from gslb.steering.static import answer_body, negative_body, referral, soa_body
from gslb.steering.trace import rank_trace, trace_rules
from gslb.steering.whatnext import what_next
from gslb.steering.wording import (
    REASON_NOTES,
    endpoint_line,
    percent,
    plain,
    rule_words,
    spill_note,
)
from gslb.steering.world import World
from gslb.wire.constants import TYPE_A, TYPE_SOA
from gslb.wire.names import to_text, to_wire

RCODES = {
    Outcome.OUTSIDE: "REFUSED",
    Outcome.NXDOMAIN: "NXDOMAIN",
    Outcome.NODATA: "NOERROR",
    Outcome.REFERRAL: "NOERROR",
    Outcome.STATIC: "NOERROR",
}


def explain(
    plan: Plan,
    world: World,
    situation: Situation,
    name: str,
    client: str,
    rtype: int = TYPE_A,
    resolver: str | None = None,
) -> Explanation:
    """Return what *client* gets for *name* in *situation*, and why.

    Args:
        plan: what the policies say.
        world: where clients are.
        situation: what is up, down and drained.
        name: the name asked for, absolute; the dot at the end may be left out.
        client: a prefix, as client subnet (ECS) of a query; or an address that asks itself.
        rtype: the type asked for.
        resolver: address of the resolver that asks; if given, *client* is behind it. None: the
            client's own.

    Raises:
        GslbError: a name, address or prefix that is none.
    """
    asking = read_asking(client, resolver)
    wire = to_wire(name).lower()
    found = find(plan, wire, rtype)
    story = Explanation(
        name=to_text(wire),
        rtype=dns.rdatatype.to_text(dns.rdatatype.RdataType.make(rtype)),
        client=None,
        outcome=found.outcome,
        rcode=RCODES.get(found.outcome, "NOERROR"),
        zone="" if found.zone < 0 else to_text(plan.zones[found.zone].apex),
        policy="" if found.policy is None else found.policy.name,
        plan=plan.hash,
    )
    if found.outcome is Outcome.STEERED:
        assert found.policy is not None
        return _Steered(plan, world, situation, found, asking, found.policy, wire).told(story)
    return _fixed(plan, found, wire, rtype, story)


def _fixed(plan: Plan, found: Found, name: bytes, rtype: int, story: Explanation) -> Explanation:
    """Explain an answer that no policy has a say in."""
    if found.outcome is Outcome.OUTSIDE:
        served = ", ".join(to_text(zone.apex) for zone in plan.zones) or "none"
        return replace(story, notes=(f"the name is in none of our zones ({served})",))
    zone = plan.zones[found.zone]
    if found.outcome is Outcome.REFERRAL:
        message = message_of(referral(found.owner, zone), name, zone.apex, rtype)
        servers = sorted(rdata.to_text() for rrset in message.authority for rdata in rrset)
        note = f"{to_text(found.owner)} is delegated to {', '.join(servers)}"
        return replace(story, notes=(note,))
    if found.outcome is Outcome.STATIC:
        body = _static_body(found, zone)
        kind, ttl, texts = answer_texts(body, name, zone.apex, rtype)
        alternative = Alternative(texts, 1.0)
        notes = ["the zone's own data: the same for every client"]
        if rtype == TYPE_SOA and not zone.soa.serial:
            notes.append("the serial is the server's to choose; 0 stands for it here")
        return replace(
            story,
            answers=(alternative,),
            answer_type=kind,
            ttl=ttl,
            rotates=bool(body.stride) and len(texts) > 1,
            notes=tuple(notes),
        )
    ttl = min(zone.soa.ttl, zone.soa.minimum)
    return replace(story, ttl=ttl, notes=tuple(_missing(found, zone, story)))


def _static_body(found: Found, zone: ZonePlan) -> Body:
    if found.rrset is None:
        return soa_body(zone, 0)
    return answer_body(found.owner, found.rrset, zone)


def _missing(found: Found, zone: ZonePlan, story: Explanation) -> Iterator[str]:
    """Say why there is nothing; neither health nor the client ever is the reason."""
    if found.outcome is Outcome.NXDOMAIN:
        yield f"no such name in {to_text(zone.apex)}, and no wildcard that covers it"
        return
    types = set(record_types(found.policy, zone.sites)) if found.policy else set()
    types |= {rrset.rtype for rrset in zone.static.get(found.owner, ())}
    names = sorted(dns.rdatatype.to_text(dns.rdatatype.RdataType.make(one)) for one in types)
    has = f"it has {', '.join(names)}" if names else "there are only names below it"
    yield f"the name exists without {story.rtype}: {has}"


@dataclass(frozen=True, slots=True)
class _Steered:
    """One question that a policy decides."""

    plan: Plan
    world: World
    situation: Situation
    found: Found
    asking: Asking
    policy: Policy
    name: bytes

    @property
    def zone(self) -> ZonePlan:
        return self.plan.zones[self.found.zone]

    @property
    def rtype(self) -> int:
        return self.found.rtype

    @property
    def uses_ecs(self) -> bool:
        """Whether the client subnet decides, and not the resolver's address."""
        asking = self.asking
        usable = asking.ecs and asking.bits > 0 and not asking.private[0]
        return usable and self.zone.ecs and not self.policy.ignore_ecs

    @property
    def address(self) -> IPv4Address | IPv6Address:
        """What the class is looked up by."""
        return self.asking.client if self.uses_ecs else self.asking.resolver

    def told(self, story: Explanation) -> Explanation:
        """Return *story* with all that is to be said."""
        cls, scope, whole = self._class()
        stock = self._stock(cls)
        supplies = {site: supply_of(site, found) for site, found in stock.items()}
        decision = decide_supplied(self.policy, cls, self.rtype, supplies)
        pools = self._pools(cls, decision, stock)
        kind, ttl, answers = self._answers(pools)
        refused = not pools
        return replace(
            story,
            client=self._client(scope),
            rcode="REFUSED" if refused else "NOERROR",
            rules=tuple(self._rules(cls)),
            sites=tuple(self._sites(cls, decision)),
            endpoints=tuple(self._endpoints(cls, decision, stock)),
            reason=decision.reason,
            level=decision.level,
            healthy=decision.healthy,
            answers=answers,
            answer_type=kind,
            ttl=None if refused else ttl,
            rotates=any(b.stride and b.answer > 1 for _, pool in pools for b in pool.bodies),
            sticky=sticky(self.policy, cls),
            what_if=what_next(self.policy, cls, self.rtype, decision, stock),
            notes=tuple(self._notes(decision, cls, supplies, whole)),
        )

    def _class(self) -> tuple[ClientClass, int | None, bool]:
        """Return the client's class, the ECS scope, and whether all of its prefix is in it."""
        classes = compile_classes(self.policy, self.zone.sites, self.rtype, self.world)
        view = 0
        if classes.resolvers is not None:
            view = range_of(classes.resolvers, self.asking.resolver)[0]
        number, low, high = range_of(classes.views[view], self.address)
        scope = self._scope(classes, low, high)
        bits = self.asking.bits if self.uses_ecs else BITS[self.address.version]
        return classes.classes[number], scope, scope is None or bits >= scope

    def _scope(self, classes: Classes, low: int, high: int) -> int | None:
        """Return the ECS scope, as the data plane has it; None: the option is not in the answer.

        *low* and *high* bound the range that the decision is by, as prefix maps have it.
        """
        asking = self.asking
        held = any(sticky(self.policy, cls) for cls in classes.classes)
        if not asking.ecs or not self.zone.ecs:
            return None
        if not asking.bits or self.policy.ignore_ecs or not (held or len(classes.classes) > 1):
            return 0
        block, first, behind = asking.private
        if block:
            return block
        if held:
            return asking.cap
        low, high = max(low, first), min(high, behind)
        return scope(asking.family, int(asking.client), low, high, asking.cap)

    def _client(self, scope: int | None) -> ClientLine:
        place = locate(self.world.geo, self.address)
        source = self.asking.source if self.uses_ecs else f"resolver {self.asking.resolver}"
        if not self.asking.ecs and self.asking.client == self.asking.resolver:
            source = "its own address"
        return ClientLine(
            asked=self.asking.text,
            address=str(self.address),
            area=place.area,
            precision=place.precision,
            asn=place.asn,
            source=source,
            scope=scope,
        )

    def _stock(self, cls: ClientClass) -> dict[str, tuple[Candidate, ...]]:
        policy, sites = self.policy, self.zone.sites
        return {
            site: candidates(
                sites[site], policy.checks.get(site), policy.families, self.rtype, self.situation
            )
            for site in rule_sites(policy, sites, cls.rule, self.rtype)
        }

    def _pools(
        self, cls: ClientClass, decision: Decision, stock: Mapping[str, tuple[Candidate, ...]]
    ) -> list[tuple[float, Pool]]:
        """Return every pool that the decision points at, with the chance that it is picked."""
        keys = pool_keys(self.found.zone, self.policy, self.rtype, decision)
        pools = [self._pool(key, stock) for key in keys]
        shares = tuple(decision.shares.items())
        if not shares:
            return [(1.0, pool) for pool in pools]
        if sticky(self.policy, cls):
            held = slots(shares)
            return [(held.count(n) / STICKY_SLOTS, pool) for n, pool in enumerate(pools)]
        return [(share, pool) for (_, share), pool in zip(shares, pools, strict=True)]

    def _pool(self, key: AnyPoolKey, stock: Mapping[str, tuple[Candidate, ...]]) -> Pool:
        negative = negative_body(self.zone, 0)
        if isinstance(key, NoDataKey):
            return Pool((negative,), (1.0,))
        if isinstance(key, LastResortKey):
            return render_last_resort(key, self.zone.apex, negative)
        selection = select(key, stock[key.stock.site])
        return render_pool(key, self.zone.apex, selection, negative)

    def _answers(self, pools: list[tuple[float, Pool]]) -> tuple[str, int, tuple[Alternative, ...]]:
        """Return type, TTL and every set of records with its chance, likeliest first."""
        chances: dict[tuple[str, ...], float] = {}
        kinds: dict[str, int] = {}
        for share, pool in pools:
            for number, body in enumerate(pool.bodies):
                kind, ttl, texts = answer_texts(body, self.name, self.zone.apex, self.rtype)
                kinds[kind] = max(
                    ttl, kinds.get(kind, 0)
                )  # a site in the middle of a drain has less
                chance = (
                    pool.slots.count(number) / STICKY_SLOTS
                    if pool.slots
                    else pool.weights[number] / sum(pool.weights)
                )
                if share * chance > 0:
                    chances[texts] = chances.get(texts, 0.0) + share * chance
        ranked = sorted(chances.items(), key=lambda item: (-item[1], item[0]))
        answers = tuple(Alternative(texts, chance) for texts, chance in ranked)
        return " or ".join(sorted(kinds)), max(kinds.values(), default=0), answers

    def _rules(self, cls: ClientClass) -> Iterator[RuleLine]:
        traces = trace_rules(
            self.policy, self.rtype, self.world, self.address, self.asking.resolver
        )
        for trace in traces:
            rule = self.policy.rules[trace.rule]
            decides = trace.rule == cls.rule
            yield RuleLine(rule.name, trace.matched, decides, rule_words(rule), trace.reasons)
            if decides:
                return

    def _sites(self, cls: ClientClass, decision: Decision) -> Iterator[SiteLine]:
        """Yield the sites that the rule may use: those of ``to`` as they rank, then the others."""
        if cls.rule < 0:
            return
        rule = self.policy.rules[cls.rule]
        ranks = {
            trace.site: trace
            for trace in rank_trace(
                self.policy, cls.rule, self.zone.sites, self.world, self.address, self.rtype
            )
        }
        weights = {target.site: target.share for target in rule.to}
        lines = {line.site: line for line in decision.sites}
        best = next((ranks[site].ms for site in ranks if site in lines), None)
        for site in sorted(lines, key=[*ranks, *lines].index):
            line, rank = lines[site], ranks.get(site)
            ms = rank.ms if rank else None
            yield SiteLine(
                site=site,
                share=line.share,
                reason=line.reason,
                weight=weights.get(site),
                ms=ms,
                km=rank.km if rank else None,
                basis=rank.basis if rank else "",
                slower_ms=None if ms is None or best is None else ms - best,
                capacity=line.capacity,
                needed=1 / (1 + self.policy.headroom.get(site, 0.0)),
                kept=line.kept,
            )

    def _endpoints(
        self,
        cls: ClientClass,
        decision: Decision,
        stock: Mapping[str, tuple[Candidate, ...]],
    ) -> Iterator[EndpointLine]:
        """Yield the endpoints of the sites that are answered, and of those where one is down or drained.

        Of all sites if none is answered.
        """
        told = [site for site, found in stock.items() if not all(map(plain, found))]
        for site in dict.fromkeys([*decision.shares, *told] if decision.shares else stock):
            key = pool_key(self.found.zone, self.policy, cls.rule, site, self.rtype, decision.level)
            served = site in decision.shares
            chances = select(key, stock[site]).chances() if served else {}
            for one in stock[site]:
                yield endpoint_line(site, one, chances.get(one.endpoint.id, 0.0))

    def _notes(
        self,
        decision: Decision,
        cls: ClientClass,
        supplies: Mapping[str, Supply],
        whole: bool,
    ) -> Iterator[str]:
        note = REASON_NOTES.get(decision.reason)
        if decision.reason is Reason.SPILL:
            yield spill_note(self.policy.rules[cls.rule], cls, decision, supplies)
        if cls.rule < 0:
            note = "no rule is for this client, so the query is refused"
        if note:
            yield note.format(
                healthy=percent(decision.healthy), below=percent(self.policy.panic.below)
            )
        if not whole:
            yield f"not all of {self.asking.text} is decided alike: this is for its first address"
        if self.asking.ecs and self.asking.private[0]:
            yield f"{self.asking.text} is private: the resolver's address decides"
        elif self.asking.ecs and not self.uses_ecs:
            yield "client subnets are not used here: the resolver's address decides"
        if self.found.owner != self.name:
            yield f"the name is covered by the wildcard {to_text(self.found.owner)}"
