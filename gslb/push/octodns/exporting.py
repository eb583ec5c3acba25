"""A zone's policies → an octoDNS zone file as plain values, and all that it cannot say.

A rule becomes a pool with a chain of fallbacks. Where everything being down means that everything
is answered, the chain ends with the first pool again, unprobed, so that the rule's clients stay
with it. What octoDNS has no word for stands under `octodns.gslb`, which it carries along unread.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from fractions import Fraction
from ipaddress import ip_address
from typing import Any

import dns.rdatatype

from gslb.policy.plan import Endpoint, Pick, Policy, Rule, Site, WhenAllDown, ZonePlan
from gslb.policy.problems import Problem, Severity, Where
from gslb.policy.types import TYPE_WORDS, can_answer, concerned, is_catch_all, record_types
from gslb.push.octodns.checking import check_words
from gslb.push.octodns.geo import codes, uncovered
from gslb.push.octodns.model import SUBTREE
from gslb.push.octodns.poolmaking import ROUNDED, Part, PoolBook, Step
from gslb.push.octodns.selecting import Selected, select
from gslb.push.octodns.text import in_order
from gslb.push.octodns.values import CARRIED, SINGLE, TEXTS, octodns_value, whole_chunks
from gslb.steering.decide import rule_sites
from gslb.steering.records import https_rdata
from gslb.wire.constants import TYPE_A, TYPE_AAAA, TYPE_CNAME, TYPE_HTTPS
from gslb.wire.names import labels, to_text

Losses = list[Problem]


def export_zone(zone: ZonePlan) -> tuple[dict[str, Any], Losses]:
    """Return the records of *zone* by relative name, in octoDNS's order, and what they cannot say.

    Drains are those of the files, as if they had no end; health is not looked at.
    """
    losses: Losses = []
    records: dict[str, list[dict[str, Any]]] = {}
    for owner, rrsets in zone.static.items():
        for rrset in rrsets:
            made = _plain(owner, rrset.rtype, rrset.ttl, rrset.rdatas, zone, losses)
            if made is not None:
                records.setdefault(_relative(owner, zone), []).append(made)
    for index, policy in enumerate(zone.policies):
        names = [name for name, number in zone.names if number == index]
        types = record_types(policy, zone.sites)
        made_here = [
            _Maker(policy, zone.sites, rtype, losses).record()
            for rtype in types
            if rtype != TYPE_HTTPS
        ]
        found = [one for one in made_here if one is not None]
        if TYPE_HTTPS in types and policy.https is not None:
            rdata = https_rdata(policy.https, (), ())
            made = _plain(
                names[0] if names else zone.apex, TYPE_HTTPS, policy.ttl, (rdata,), zone, losses
            )
            found += [made] if made is not None else []
            if policy.https.hints:
                _note(
                    losses, policy.where, "W362", f"{policy.name}: HTTPS records without addresses"
                )
        for name in names:
            records.setdefault(_relative(name, zone), []).extend(found)
    plain = {
        name: found[0] if len(found) == 1 else found for name, found in records.items() if found
    }
    ordered = in_order(plain)
    assert isinstance(ordered, dict)
    return ordered, sorted(set(losses))


def _note(losses: Losses, where: Where, code: str, text: str, hint: str = "") -> None:
    losses.append(Problem(where, code, text, Severity.WARNING, hint))


def _relative(owner: bytes, zone: ZonePlan) -> str:
    count = len(labels(owner)) - len(labels(zone.apex))
    return to_text(owner).rstrip(".").rsplit(".", len(labels(zone.apex)))[0] if count else ""


def _plain(
    owner: bytes, rtype: int, ttl: int, rdatas: tuple[bytes, ...], zone: ZonePlan, losses: Losses
) -> dict[str, Any] | None:
    word = dns.rdatatype.to_text(dns.rdatatype.RdataType.make(rtype))
    name = to_text(owner).rstrip(".")
    if word not in CARRIED:
        _note(losses, zone.where, "W362", f"{name} {word}: octoDNS has no such type")
        return None
    if word in TEXTS and not all(map(whole_chunks, rdatas)):
        text = (
            f"{name} {word}: octoDNS joins the strings of a record and cuts them every 255 octets"
        )
        _note(losses, zone.where, "W362", text)
    values = [octodns_value(word, one) for one in rdatas]
    shown = {"value": values[0]} if word in SINGLE and len(values) == 1 else {"values": values}
    return {"type": word, "ttl": ttl, **shown}


@dataclass(slots=True)
class _Maker:
    """Makes the record of one policy and type."""

    policy: Policy
    sites: Mapping[str, Site]
    rtype: int
    losses: Losses
    book: PoolBook = field(default_factory=PoolBook)
    endpoints: dict[str, str] = field(default_factory=dict)  # value → id
    # of the rules that are kept: what octoDNS has no word for, and the pool
    names: list[tuple[dict[str, Any], str]] = field(default_factory=list)

    def note(self, where: Where, code: str, text: str, hint: str = "") -> None:
        """Name a loss; what is lost for both address families is told once."""
        _note(self.losses, where, code, f"{self.policy.name}: {text}", hint)

    def record(self) -> dict[str, Any] | None:
        """Return the record, or None and why there is none."""
        kept = self._kept()
        rules: list[dict[str, Any]] = []
        for rule, index, chosen in kept:
            steps = self._steps(rule, index)
            if not steps:
                text = f'rule "{rule.name}" has nothing to answer here; its clients fall to later rules'
                self.note(rule.where, "W363", text)
                if rule is kept[-1][0]:
                    self.note(
                        rule.where,
                        "W362",
                        f"no record of type {TYPE_WORDS[self.rtype]}: nothing for everybody",
                    )
                    return None
                continue
            everybody = rule is kept[-1][0]
            made: dict[str, Any] = {"pool": self.book.chain(steps, everybody=everybody)}
            if not everybody:
                made |= {key: value for key, value in self._who(chosen).items() if value}
            rules.append(made)
            self.names.append((self._words(rule), made["pool"]))
        self._settings()
        values = self._values(kept[-1][0], kept[-1][1])
        shown = {"value": values[0]} if self.rtype == TYPE_CNAME else {"values": values}
        return {
            "type": TYPE_WORDS[self.rtype],
            "ttl": self.policy.ttl,
            **shown,
            "dynamic": {"pools": self.book.pools, "rules": rules},
            **({"octodns": meta} if (meta := self._meta()) else {}),
        }

    def _kept(self) -> list[tuple[Rule, int, Selected]]:
        """Return the rules that octoDNS can hold, rules of subnets first, what never matches left out."""
        found: list[tuple[Rule, int, Selected]] = []
        last: tuple[Rule, int, Selected] | None = None
        seen: set[str] = set()
        nets: set[str] = set()
        for index in concerned(self.policy, self.rtype):
            rule = self.policy.rules[index]
            if is_catch_all(rule, self.rtype):
                last = rule, index, Selected()
                break
            chosen, why = select(rule, self.rtype)
            if why:
                hint = "its clients fall to later rules"
                self.note(rule.where, "W363", f'rule "{rule.name}" is left out: {why}', hint)
                continue
            geos, lost = codes(chosen.land)
            if lost:
                text = f'rule "{rule.name}": octoDNS has no code for {", ".join(lost)}'
                self.note(rule.where, "W363", text, "clients there fall to later rules")
            chosen = Selected(
                chosen.land, tuple(chosen.new_nets(nets)), tuple(uncovered(geos, seen))
            )
            nets |= set(chosen.nets)
            seen |= set(chosen.geos)
            if chosen.nets and any(other.geos for _, _, other in found):
                text = f'rule "{rule.name}" now stands before those of areas, as octoDNS wants it'
                self.note(rule.where, "W363", text)
            if chosen.nets or chosen.geos:
                found.append((rule, index, chosen))
        assert last is not None  # the policy was checked: somebody is for everybody
        return [*sorted(found, key=lambda one: not one[2].nets), last]

    @staticmethod
    def _who(chosen: Selected) -> dict[str, list[str]]:
        return {"geos": list(chosen.geos), "subnets": list(chosen.nets)}

    def _words(self, rule: Rule) -> dict[str, Any]:
        """Return what octoDNS has no word for of *rule*."""
        words: dict[str, Any] = {"name": rule.name}
        if rule.pick is not Pick.SHARE:
            words["pick"] = rule.pick.value
            others = {Pick.HASH: "no client keeps its site"}
            text = others.get(rule.pick, "every client gets all of its sites, by share")
            self.note(rule.where, "W364", f'rule "{rule.name}": no pick: {rule.pick.value}: {text}')
        if rule.pick is Pick.LATENCY:
            words["tie"] = f"{rule.tie_ms:g}ms"
        if rule.fence:
            words["fence"] = True
        return words

    def _steps(self, rule: Rule, index: int) -> list[Step]:
        """Return what *rule* tries, in order; the first again at the end where that is meant."""
        usable = rule_sites(self.policy, self.sites, index, self.rtype)
        targets = [one for one in rule.to if one.site in usable]
        heavy = {one.site: one.share for one in targets if one.share}
        steps = [] if not heavy else self._site_steps(rule, heavy)
        if spare := {one.site: 1 for one in targets if not one.share}:
            steps += self._site_steps(rule, spare)
        for site in rule.then if not rule.fence else ():
            if site in usable and all(site != one.site for one in targets):
                steps += self._site_steps(rule, {site: 1})
        stays = self.policy.when_all_down is WhenAllDown.SERVE_ALL
        if steps and stays and any(part.status == "obey" for part in steps[0].parts):
            steps += [] if steps[0].endless else [steps[0].always()]
        return steps

    def _site_steps(self, rule: Rule, shares: Mapping[str, int]) -> list[Step]:
        """Return the step of sites that are used together, and that of their endpoints of weight 0."""
        name = rule.name
        if len(shares) == 1:
            (site,) = shares
            name = site.removeprefix(f"{SUBTREE}/").replace("/", "-")
        found = []
        for suffix, standby in (("", False), ("-standby", True)):
            parts: dict[str, Part] = {}
            for site, share in shares.items():
                for part in self._parts(self.sites[site], share, standby=standby):
                    other = parts.get(part.text)
                    more = part.share if other is None else part.share + other.share
                    parts[part.text] = Part(part.text, more, part.status)
            if parts:
                found.append(Step(f"{name}{suffix}", tuple(parts.values())))
        return found

    def _parts(self, site: Site, share: int, *, standby: bool) -> Iterator[Part]:
        weighed = [
            (one, text)
            for one in site.endpoints
            if (one.weight == 0) is standby and (text := self._text(one)) is not None
        ]
        live = sum(one.weight or 1 for one, _ in weighed if one.drained is None)
        whole = live or sum(one.weight or 1 for one, _ in weighed)
        unprobed = self.policy.checks.get(site.name) is None
        for endpoint, text in weighed:
            if site.name.split("/")[0] != SUBTREE:
                self.endpoints[text] = endpoint.id
            status = "down" if endpoint.drained else "up" if unprobed else "obey"
            yield Part(text, Fraction(share * (endpoint.weight or 1), whole), status)

    def _text(self, endpoint: Endpoint) -> str | None:
        """Return how octoDNS writes *endpoint*; None: not in a record of this type."""
        if self.rtype == TYPE_CNAME:
            return None if endpoint.cname is None else to_text(endpoint.cname).lower()
        octets = endpoint.a if self.rtype == TYPE_A else endpoint.aaaa
        if octets is None and (endpoint.alias or endpoint.cname):
            kind = (
                "its addresses are only known when it is resolved" if endpoint.alias else "a CNAME"
            )
            self.note(endpoint.where, "W362", f"{endpoint.id} is left out: {kind}")
        return None if octets is None else str(ip_address(octets))

    def _values(self, rule: Rule, index: int) -> list[str]:
        """Return what stands in the record itself: the last resort, else what everybody gets."""
        last = self.policy.last_resort
        if last is not None:
            if self.rtype == TYPE_CNAME and last.cname is not None:
                return [to_text(last.cname).lower()]
            octets = {TYPE_A: last.a, TYPE_AAAA: last.aaaa}.get(self.rtype, ())
            if octets:
                return [str(ip_address(one)) for one in octets]
            self.note(
                last.where,
                "W362",
                f"no last resort of type {TYPE_WORDS[self.rtype]}: what everybody gets stands in",
            )
        parts = self._steps(rule, index)[0].parts
        usable = [part.text for part in parts if part.status != "down"]
        return usable or [part.text for part in parts]

    def _settings(self) -> None:
        """Name what holds for the whole policy and is lost."""
        policy = self.policy
        if self.book.error > ROUNDED:
            text = (
                f"shares are up to {float(self.book.error):.1%} off: octoDNS's weights are 1 to 100"
            )
            self.note(policy.where, "W364", text)
        if policy.when_all_down is WhenAllDown.REFUSE:
            text = "when_all_down: refuse cannot be said: the values of the record are answered"
            self.note(policy.where, "W364", text)
        if policy.panic.below:
            text = (
                "health is believed however little is healthy, and capacity is not counted: a site"
            )
            self.note(policy.where, "W364", f"{text} with one endpoint left keeps its whole share")
        for site in self.sites.values():
            for endpoint in site.endpoints:
                if site.name in policy.checks and endpoint.drained and endpoint.drained.until:
                    text = f"{endpoint.id} is down for good: a drain has no end in octoDNS"
                    self.note(endpoint.drained.where, "W364", text)
        if policy.count > 1:
            text = f"{policy.name}: one value an answer, not {policy.count}, with most providers"
            self.losses.append(Problem(policy.where, "N450", text, Severity.NOTE))

    def _meta(self) -> dict[str, Any]:
        used = [site for site in self.policy.checks if can_answer(self.sites[site], self.rtype)]
        check, more, why = check_words([self.policy.checks[site] for site in used])
        for text in why:
            self.note(self.policy.where, "W365", text)
        ours: dict[str, Any] = {}
        if any(words != {"name": pool} for words, pool in self.names):
            ours["rules"] = [words for words, _ in self.names]
        if self.policy.count > 1:
            ours["count"] = self.policy.count
        if more:
            ours["check"] = more
        if self.endpoints:
            ours["endpoints"] = dict(self.endpoints)
        found = {"healthcheck": check, "gslb": ours}
        return {key: value for key, value in found.items() if value}
