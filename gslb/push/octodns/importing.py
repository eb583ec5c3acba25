"""An octoDNS zone → a policy as plain values, and what of it is lost on the way.

A pool becomes a site, its fallbacks `then`, the record's own values the last resort. The headroom
of a site is such that one value carries everything, as in octoDNS, and panic is off.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from ipaddress import ip_address
from typing import Any, ClassVar

from gslb.policy.model import MAX_ANSWERS
from gslb.policy.problems import Problem, Severity, Where
from gslb.push.octodns.geo import words
from gslb.push.octodns.model import STEERED, Check, Dynamic, Pool, Record, Rule, Value, Zone
from gslb.push.octodns.sites import Group, Sites, slug, unique
from gslb.push.octodns.values import ValueFormError, rdata_text

Steps = tuple[str | int, ...]
_RULE_WORDS = ("pick", "tie")  # of `octodns.gslb.rules`, beside the name


@dataclass(slots=True)
class Imported:
    """A policy in the making."""

    zone: Zone
    problems: list[Problem] = field(default_factory=list)
    sites: Sites = field(default_factory=Sites)
    checks: dict[str, Any] = field(default_factory=dict)
    records: dict[str, Any] = field(default_factory=dict)
    static: list[tuple[str, Where]] = field(default_factory=list)  # lines of zone-file text
    origins: dict[Steps, Where] = field(default_factory=dict)  # what a part was made of

    def note(self, where: Where, code: str, text: str, *, loss: bool = True) -> None:
        """Add something that is lost, or an error."""
        severity = Severity.WARNING if loss else Severity.ERROR
        self.problems.append(Problem(where, code, text, severity))


def import_zone(zone: Zone, servers: Mapping[str, list[str]]) -> tuple[dict[str, Any], Imported]:
    """Return the policy of *zone* as plain values, and how it came about.

    Args:
        zone: what was read.
        servers: name servers with addresses; empty: those of the zone's own NS records.
    """
    made = Imported(zone)
    by_name: dict[str, list[Record]] = {}
    for record in zone.records:
        by_name.setdefault(record.name, []).append(record)
    for records in by_name.values():
        steered = [one for one in records if one.dynamic is not None]
        if steered:
            families = [one for one in records if one.rtype in _Name.TYPES]
            _Name(made, families).record()
        for record in records:
            if steered and record.rtype == "HTTPS":
                _https(record, made)
            elif not (steered and record.rtype in _Name.TYPES):
                _plain(record, made)
    named = dict(servers) or _servers(zone)
    if not named:
        text = f"{zone.name}: no name servers: no NS record of the apex, and none were named"
        made.note(zone.where, "E274", text, loss=False)
    policy: dict[str, Any] = {
        "version": 1,
        "dns": {"zone": zone.name, "nameservers": named},
        "defaults": {"answer": {"count": 1}, "panic": {"below": 0, "serve": "all"}},
        "checks": made.checks,
        "sites": made.sites.made,
        "records": made.records,
    }
    if made.static:
        policy["dns"]["static"] = "".join(f"{line}\n" for line, _ in made.static)
    return {key: value for key, value in policy.items() if value != {}}, made


def _servers(zone: Zone) -> dict[str, list[str]]:
    """Return the name servers of the apex, with the addresses that the zone has of them."""
    addresses: dict[str, list[str]] = {}
    for record in zone.records:
        if record.rtype in {"A", "AAAA"} and record.dynamic is None:
            found = addresses.setdefault(record.name.lower(), [])
            found += [text for text, _ in record.values if _is_address(text)]
    names = [
        str(text).rstrip(".").lower()
        for record in zone.records
        if record.rtype == "NS" and record.owner == "@"
        for text, _ in record.values
    ]
    return {name: addresses.get(name, []) for name in names}


def _is_address(text: object) -> bool:
    try:
        ip_address(str(text))
    except ValueError:
        return False
    return True


def _plain(record: Record, made: Imported) -> None:
    """Add a record as zone-file text; name servers of the apex stand elsewhere."""
    if record.rtype == "NS" and record.owner == "@":
        return
    for value, where in record.values:
        try:
            text = rdata_text(record.rtype, value)
        except ValueFormError as error:
            made.note(where, "E270", f"{record.name} {record.rtype}: {error}", loss=False)
        else:
            line = f"{record.owner} {record.ttl} {record.rtype} {text}"
            made.static.append((line, where))


def _https(record: Record, made: Imported) -> None:
    """Add the HTTPS record of a steered name to its settings, where they can say it."""
    first = record.values[0][0] if record.values else None
    values = first if isinstance(first, dict) else {}
    parameters = values.get("svcparams") or {}
    steered = made.records[record.name]
    if (
        len(record.values) != 1
        or values.get("targetname") != "."
        or set(parameters) - {"alpn", "port"}
    ):
        text = f"{record.name}: only one HTTPS record with alpn and port goes with a steered name"
        made.note(record.where, "W361", text)
        return
    alpn = parameters.get("alpn", [])
    steered["https"] = {
        "priority": values.get("svcpriority", 1),
        "alpn": alpn if isinstance(alpn, list) else [alpn],
        **({"port": parameters["port"]} if "port" in parameters else {}),
        "hints": False,
    }
    if record.ttl != steered["ttl"]:
        made.note(
            record.where,
            "W360",
            f"{record.name}: TTL {record.ttl} of HTTPS becomes {steered['ttl']}",
        )


@dataclass(frozen=True, slots=True)
class _Name:
    """Makes the record of one steered name of its address records, or of its CNAME."""

    TYPES: ClassVar = frozenset(STEERED)

    made: Imported
    records: list[Record]

    def record(self) -> None:
        made, first = self.made, self.steered[0]
        for other in self.steered[1:]:
            if other.ttl != first.ttl:
                text = f"{first.name}: TTL {other.ttl} of {other.rtype} becomes {first.ttl}"
                made.note(other.where, "W360", text)
            if self._dynamic(other).check != self._dynamic(first).check:
                text = f"{first.name}: {other.rtype} is checked as {first.rtype} is"
                made.note(other.where, "W360", text)
        together = len(self.steered) > 1 and _alike(*map(self._dynamic, self.steered))
        fenced = all(_ends_alike(self._dynamic(one)) for one in self.steered)
        rules = (
            self._rules([self.steered], fenced)
            if together
            else self._rules([[one] for one in self.steered], fenced)
        )
        record: dict[str, Any] = {"ttl": first.ttl}
        check = self._check(first)
        if check is not None:
            record["check"] = check
        if isinstance(first.ours.get("count"), int):
            record["answer"] = {"count": first.ours["count"]}
        last = self._last_resort(fenced)
        if last:
            record["last_resort"] = last
            if not fenced:
                record["when_all_down"] = "last_resort"
        record["rules"] = rules
        made.records[first.name] = record
        made.origins["records", first.name] = first.where
        self._unprobed()

    @property
    def steered(self) -> list[Record]:
        return [one for one in self.records if one.dynamic is not None]

    @staticmethod
    def _dynamic(record: Record) -> Dynamic:
        assert record.dynamic is not None
        return record.dynamic

    def _rules(self, parts: list[list[Record]], fenced: bool) -> list[dict[str, Any]]:
        """Return the rules; those of each of *parts* are for its own types, if there are several."""
        plain = [one for one in self.records if one.dynamic is None]
        several = len(parts) + len(plain) > 1
        found: list[dict[str, Any]] = [self._fixed(record) for record in plain]
        for part in parts:
            qtype = part[0].rtype if several else ""
            last = part is parts[-1]
            found += self._part(part, qtype, fenced)
            if last and qtype:
                found[-1].pop("when")
        taken: set[str] = set()
        for rule in found:
            rule["name"] = unique(rule["name"], taken)
            taken.add(rule["name"])
        return found

    def _fixed(self, record: Record) -> dict[str, Any]:
        """Return the rule that answers a plain record of a name whose other records are steered."""
        if len(record.values) > 1:
            text = f"{record.name}: its {record.rtype} values are answered one at a time"
            self.made.note(record.where, "W360", text)
        values = tuple(Value(str(text), 1, "up") for text, _ in record.values)
        pool = Pool(f"{record.owner}-{record.rtype}", values, None, record.where)
        to = self._targets([record], Group({record.rtype: pool}))
        return {"name": slug(pool.name), "when": {"qtype": record.rtype}, "to": to}

    def _part(self, part: list[Record], qtype: str, fenced: bool) -> list[dict[str, Any]]:
        dynamic = self._dynamic(part[0])
        told = part[0].ours.get("rules")
        ours = told if isinstance(told, list) and len(told) == len(dynamic.rules) else None
        rules = [(rule, ours[n] if ours else {}) for n, rule in enumerate(dynamic.rules)]
        # Subnets are looked at before any geo is; a rule with both is one of each.
        found = [
            self._rule(part, rule, {"net": list(rule.subnets)}, words_, qtype, fenced)
            for rule, words_ in rules
            if rule.subnets
        ]
        for rule, words_ in rules:
            if rule.land or not rule.subnets:
                found.append(self._rule(part, rule, _area(rule), words_, qtype, fenced))
        return found

    def _rule(
        self,
        part: list[Record],
        rule: Rule,
        when: dict[str, Any],
        ours: Any,
        qtype: str,
        fenced: bool,
    ) -> dict[str, Any]:
        chains = [self._chain(one, rule, fenced) for one in part]
        groups = [
            Group({one.rtype: pools[n] for one, pools in zip(part, chains, strict=True)})
            for n in range(len(chains[0]))
        ]
        ours = ours if isinstance(ours, dict) else {}
        made: dict[str, Any] = {"name": str(ours.get("name") or slug(rule.pool))}
        if when or qtype:
            made["when"] = {**when, **({"qtype": qtype} if qtype else {})}
        made.update({key: ours[key] for key in _RULE_WORDS if key in ours})
        made["to"] = self._targets(part, groups[0])
        to = made["to"] if isinstance(made["to"], dict) else {made["to"]: 1}
        then = [
            site for group in groups[1:] for site in self._shares(part, group) if site not in to
        ]
        if then:
            made["then"] = list(dict.fromkeys(then))
        if ours.get("fence") is True and not then:
            made["fence"] = True
        return made

    def _chain(self, record: Record, rule: Rule, fenced: bool) -> tuple[Pool, ...]:
        chain = self._dynamic(record).chain(rule.pool)
        return chain[:-1] if fenced and _repeats(chain) else chain

    def _targets(self, part: list[Record], group: Group) -> Any:
        shares = self._shares(part, group)
        return shares if len(shares) > 1 else next(iter(shares))

    def _shares(self, part: list[Record], group: Group) -> dict[str, int]:
        endpoints: dict[str, str] = {}
        for record in part:
            told = record.ours.get("endpoints")
            endpoints |= told if isinstance(told, dict) else {}
        shares = self.made.sites.targets(group, endpoints)
        for site in shares:
            self.made.origins.setdefault(("sites", site), next(iter(group.pools.values())).where)
        return shares

    def _last_resort(self, fenced: bool) -> dict[str, Any]:
        """Return the records' own values; not where they only repeat what the last rule has."""
        found: dict[str, Any] = {}
        for record in self.steered:
            values = [str(text).rstrip(".") for text, _ in record.values]
            dynamic = self._dynamic(record)
            pool = dynamic.pools[dynamic.rules[-1].pool]
            usable = {v.text.rstrip(".") for v in pool.values if v.status != "down"}
            if fenced and set(values) == usable:
                continue
            if len(values) > MAX_ANSWERS:
                text = f"{record.name}: {MAX_ANSWERS} of {len(values)} values are kept for when all is down"
                self.made.note(record.where, "W360", text)
            found[record.rtype] = values[0] if record.rtype == "CNAME" else values[:MAX_ANSWERS]
        return found

    def _check(self, record: Record) -> Any:
        """Return the name of the template that checks as the record says; false: nothing is probed."""
        check = self._dynamic(record).check
        if check.protocol == "UDP":
            text = f"{record.name}: there are no checks over UDP; nothing is probed"
            self.made.note(record.where, "W360", text)
            return False
        fields = _check_fields(check)
        told = record.ours.get("check")
        if isinstance(told, dict):
            fields |= told
        for name, known in self.made.checks.items():
            if known == fields:
                return name
        name = unique(check.protocol.lower(), self.made.checks)
        self.made.checks[name] = fields
        self.made.origins["checks", name] = record.where
        return name

    def _unprobed(self) -> None:
        """Name the values that are probed although octoDNS would not."""
        for record in self.steered:
            for pool in self._dynamic(record).pools.values():
                kinds = {value.status for value in pool.values}
                if {"up", "obey"} <= kinds:
                    up = ", ".join(v.text for v in pool.values if v.status == "up")
                    text = f'pool "{pool.name}": {up} (status: up) is probed like the others of its pool'
                    self.made.note(pool.where, "W360", text)


def _area(rule: Rule) -> dict[str, Any]:
    if not rule.land:
        return {}
    areas, taken = words(rule.land)
    return {"area": areas, **({"not": {"area": taken}} if taken else {})}


def _alike(first: Dynamic, *others: Dynamic) -> bool:
    """Return whether records have the same rules and fallbacks, so that only values differ."""

    def shape(one: Dynamic) -> tuple[object, ...]:
        pools = {
            name: (pool.fallback, Group({"": pool}).always) for name, pool in one.pools.items()
        }
        return pools, one.rules, one.check, tuple(len(one.chain(r.pool)) for r in one.rules)

    return all(shape(one) == shape(first) for one in others)


def _repeats(chain: tuple[Pool, ...]) -> bool:
    """Return whether the last pool of *chain* is the first again, unprobed: its clients stay there."""
    if len(chain) < 2:
        return False
    first = [(v.text, v.weight) for v in chain[0].values if v.status != "down"]
    last = [(v.text, v.weight) for v in chain[-1].values if v.status == "up"]
    return first == last and len(last) == len(chain[-1].values)


def _ends_alike(dynamic: Dynamic) -> bool:
    """Return whether every rule ends where it began; a pool that cannot fail needs no such end."""
    chains = [dynamic.chain(rule.pool) for rule in dynamic.rules]
    endless = [any(value.status == "up" for value in chain[0].values) for chain in chains]
    repeats = [_repeats(chain) for chain in chains]
    pairs = list(zip(repeats, endless, strict=True))
    return any(r and not e for r, e in pairs) and all(r or e for r, e in pairs)


def _check_fields(check: Check) -> dict[str, Any]:
    fields: dict[str, Any] = {"type": check.protocol.lower()}
    if check.protocol != "ICMP":
        fields["port"] = check.port
    if check.protocol in {"HTTP", "HTTPS"}:
        fields["path"] = check.path
        fields["expect"] = 200
        if check.host:
            fields["host"] = check.host
    if check.interval is not None:
        fields["every"] = f"{check.interval}s"
    if check.threshold is not None:
        fields["down_after"] = check.threshold
    return fields
