"""Random policies, drains, health and clients, cheap to make; and what comes of them."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from ipaddress import ip_address
from random import Random

from gslb.policy.plan import (
    Check,
    Families,
    Panic,
    Policy,
    Protect,
    Rule,
    Site,
    Spread,
    StaticRRset,
    WhenAllDown,
    ZonePlan,
)
from gslb.push.objects import Rendered
from gslb.steering.situation import AliasAddresses, Health, Situation, Status
from tests.steering import lab
from tests.steering.conftest import Small

SITES = ("aws/us-east-1", "aws/eu-central-1", "gcp/asia-east1", "alibaba/cn-shanghai")
AREAS = ("US", "US-CA", "DE", "FR", "CN", "CN-GD", "BR", "BR-SP", "JP", "europe", "NA", "asia")
NETS = ("192.0.2.0/25", "198.51.100.0/22", "203.0.113.0/24", "203.0.112.0/20", "2001:db8:1::/48")
HTTPS = Check("https", 443, "/healthz", None, ((200, 399),), None, None, 30.0, 2.0, 3, 2, None, ())
TCP = replace(HTTPS, type="tcp", path=None, expect=())
ICMP = replace(TCP, type="icmp", port=None)
SMALL = Small()
WORLD = SMALL.world()
OWNER = "tests"
NOTE = StaticRRset(16, 300, (b"\x04note",))  # a TXT record: its name cannot be a CNAME


@dataclass
class Addresses:
    """Gives every endpoint an address of its own, and remembers whose it is."""

    owners: dict[str, tuple[str, int]] = field(default_factory=dict)  # text → endpoint, family
    count: int = 0

    def v4(self, endpoint: str) -> bytes:
        self.count += 1
        return self._note(bytes((203, 0, self.count >> 8, self.count & 255)), endpoint, 4)

    def v6(self, endpoint: str) -> bytes:
        self.count += 1
        octets = bytes.fromhex("20010db8ffff") + self.count.to_bytes(10, "big")
        return self._note(octets, endpoint, 6)

    def _note(self, octets: bytes, endpoint: str, family: int) -> bytes:
        self.owners[str(ip_address(octets))] = endpoint, family
        return octets


@dataclass
class Case:
    """One zone with one policy, and a moment of it."""

    zone: ZonePlan
    drains: Situation  # nothing is down
    owners: Mapping[str, tuple[str, int]]

    @property
    def policy(self) -> Policy:
        return self.zone.policies[0]

    @property
    def sites(self) -> Mapping[str, Site]:
        return self.zone.sites

    def at(self, up: Mapping[tuple[str, int], bool], ramps: Mapping[str, float]) -> Situation:
        """Return the situation in which each endpoint and family is up or not."""
        health = {}
        for check in {self.policy.checks.get(site) for site in self.sites}:
            for one in lab.ids(self.sites):
                words = [Status.UP if up[one, family] else Status.DOWN for family in (4, 6)]
                health[one, check] = Health(*words, ramps.get(one, 1.0)) if check else Health()
        return replace(self.drains, health=health)


def case(random: Random, **fixed: object) -> Case:
    """Make a random policy with drains."""
    addresses = Addresses()
    aliases: dict[bytes, AliasAddresses] = {}
    cname = random.random() < 0.08
    where = SITES[: random.choice((1, 2, 3, 4, 4))]
    sites = {name: _site(random, name, addresses, aliases, cname) for name in where}
    rules = [_rule(random, where, index) for index in range(random.choice((1, 2, 3, 4)))]
    rules[-1] = replace(rules[-1], when=None)
    policy = _policy(random, rules, where, cname)
    policy = replace(policy, **fixed)  # type: ignore[arg-type]
    names = {"www.example.com": 0} | ({"shop.example.com": 0} if random.random() < 0.5 else {})
    static = {} if cname or random.random() < 0.6 else {"www.example.com": [NOTE]}
    zone = lab.zone_plan([policy], sites, names, static)
    chance = random.choice((0.0, 0.0, 0.25, 0.6))
    drained = [one for one in lab.ids(sites) if random.random() < chance]
    situation = replace(lab.situation(drained=drained, check=None), health={}, aliases=aliases)
    return Case(zone, situation, addresses.owners)


def _site(
    random: Random,
    name: str,
    addresses: Addresses,
    aliases: dict[bytes, AliasAddresses],
    cname: bool,
) -> Site:
    zones = []
    for number in range(random.choice((1, 2, 3, 3))):
        group = []
        for nth in range(random.choice((1, 1, 1, 2))):
            one = f"{name}/z{number}" + (f"/{nth + 1}" if nth else "")
            weight = random.choice((0, 1, 1, 1, 1, 2, 3, 10, 1000))
            if cname:
                text = f"{one.replace('/', '-')}.example.net"
                addresses.owners[f"{text}."] = one, 4
                group.append(lab.endpoint(one, weight, cname=text))
                continue
            kind = random.choice(("a", "both", "both", "both", "alias"))
            if kind == "alias":
                made = lab.endpoint(one, weight, alias=f"{one.replace('/', '-')}.example.org")
                found = AliasAddresses(
                    tuple(addresses.v4(one) for _ in range(random.choice((1, 1, 2)))),
                    tuple(addresses.v6(one) for _ in range(random.choice((0, 1, 1)))),
                )
                assert made.alias is not None
                aliases[made.alias] = found
            else:
                aaaa = addresses.v6(one) if kind == "both" else None
                made = lab.endpoint(one, weight, a=addresses.v4(one), aaaa=aaaa)
            group.append(made)
        zones.append(group)
    return replace(lab.site(name, zones), bias=random.choice((0, 0, 20, -20)))


def _rule(random: Random, names: tuple[str, ...], index: int) -> Rule:
    order = random.sample(names, len(names))
    size = random.randint(1, len(order))
    shares = {name: random.choice((0, 1, 1, 1, 2, 20, 80, 999)) for name in order[:size]}
    if not any(shares.values()):
        shares[order[0]] = 1
    key = random.choice(("area", "area", "area", "net", "asn", "carrier"))
    words = {
        "area": " ".join(random.sample(AREAS, random.choice((1, 2, 3)))),
        "net": " ".join(random.sample(NETS, random.choice((1, 2)))),
        "asn": random.choice(("64501", "4134", "64503 64506")),
        "carrier": random.choice(("cn-telecom", "example-net")),
    }
    return lab.rule(
        shares,
        then=order[size : size + random.randint(0, len(order))],
        pick=random.choice(("share", "share", "nearest", "latency", "hash")),
        fence=random.random() < 0.25,
        name=f"rule-{index}",
        when=SMALL.when(**{key: words[key]}),
        tie_ms=random.choice((0.0, 15.0, 60.0)),
    )


def _policy(random: Random, rules: list[Rule], names: tuple[str, ...], cname: bool) -> Policy:
    last = lab.last_resort((bytes((203, 0, 255, 1)),), (lab.address6("last"),))
    named = lab.last_resort(cname="sorry.example.net")
    check = random.choice((HTTPS, HTTPS, TCP, ICMP if random.random() < 0.3 else TCP, None))
    made = lab.policy(*rules, headroom=random.choice((0.0, 0.5, 1.0)))
    return replace(
        made,
        count=random.choice((1, 1, 2, 4)),
        spread=random.choice(tuple(Spread)),
        checks={name: check if random.random() < 0.9 else TCP for name in names},
        panic=Panic(random.choice((0.0, 0.5)), random.choice(("all", "none", "last_resort"))),
        when_all_down=random.choice(tuple(WhenAllDown)),
        last_resort=named if cname else random.choice((None, None, last, named)),
        families=random.choice(tuple(Families)),
        protect=Protect(random.choice((None, 60.0)), False, None),
    )


def health(random: Random, one: Case) -> tuple[dict[tuple[str, int], bool], dict[str, float]]:
    """Make a random health: by endpoint and family; and ramps, if the policy has them."""
    level = random.choice((1.0, 0.9, 0.5, 0.2, 0.0))
    up: dict[tuple[str, int], bool] = {}
    ramps: dict[str, float] = {}
    for place in one.sites.values():
        for endpoint in place.endpoints:
            v4 = random.random() < level
            same = endpoint.cname is not None or random.random() < 0.7
            up[endpoint.id, 4] = v4
            up[endpoint.id, 6] = v4 if same else random.random() < level
            if one.policy.protect.slow_start is not None and random.random() < 0.1:
                ramps[endpoint.id] = 0.3
    return up, ramps


def checker(
    one: Case, up: Mapping[tuple[str, int], bool], rendered: Rendered
) -> Callable[[str], bool]:
    """Return which checks pass: of Route 53 by key, of Cloud DNS by key and address."""

    def passes(key: str) -> bool:
        key, _, address = key.partition(" ")
        return up[one.owners[address or rendered.supports[key].address]]

    return passes
