"""Random dynamic records, octoDNS as the judge of files, and what its rules mean for a client."""

from __future__ import annotations

import tempfile
from dataclasses import dataclass
from ipaddress import ip_address, ip_network
from pathlib import Path
from random import Random
from typing import Any

import numpy as np
from octodns.provider.yaml import YamlProvider
from octodns.record import Record
from octodns.record.geo_data import geo_data
from octodns.zone import Zone

from gslb.geo.areas import world_areas
from gslb.geo.regions import coordinates
from gslb.geo.table import UNKNOWN_PLACE, GeoTable
from gslb.geo.world import place
from gslb.policy.compile import compile_policies
from gslb.policy.plan import Plan, ZonePlan
from gslb.policy.problems import Problem, Severity
from gslb.policy.types import TYPE_WORDS
from gslb.push.octodns.convert import policy_of
from gslb.push.octodns.text import dump, in_order
from gslb.push.provider import Client
from gslb.steering.situation import Health, Situation, Status
from gslb.steering.world import World, region_country
from tests.steering.conftest import NOW

STEERED = TYPE_WORDS
ZONE = "example.com"
SERVERS = {"ns1.example.com": ["192.0.2.53"], "ns2.example.net": []}
# Countries that the two sides count to different continents, and parts of countries, among others.
PLACES = (
    "", "US", "US-CA", "US-NY", "CA", "CA-ON", "DE", "FR", "GB", "CY", "XK", "CN", "JP", "TL", "CX",
    "GS", "BR", "ZA", "AU", "PR", "AQ",
)  # fmt: skip
NETS = ("20.0.1.0/24", "20.0.6.0/23", "20.0.6.0/24", "20.0.4.0/22", "2001:db8:6::/48")
GEOS = (
    "EU", "EU-DE", "EU-FR", "EU-GB", "AS", "AS-CY", "AS-CN", "AS-TL", "OC", "OC-AU", "NA", "NA-US",
    "NA-US-CA", "NA-US-NY", "NA-US-PR", "NA-CA", "NA-CA-ON", "SA", "SA-GS", "AF", "AN", "AN-AQ",
)  # fmt: skip
SPACE = {
    "A": [f"203.0.113.{n}" for n in range(1, 12)],
    "AAAA": [f"2001:db8:ffff::{n}" for n in range(1, 12)],
    "CNAME": [f"lb{n}.example.net." for n in range(1, 12)],
}

ALL = ["legacy", "strict"]  # sets of validators; the third, best practice, is about mail
Record.enable_validators(ALL)
Zone.enable_zone_validators(ALL)


def make_world() -> World:
    """Return a world with a /24 and a /48 for every one of `PLACES`, in order."""
    places = tuple(place(*name.split("-")) if name else UNKNOWN_PLACE for name in PLACES)
    numbers = np.arange(len(PLACES))
    starts4 = np.concatenate([[0], (20 << 24) + (numbers << 8), [21 << 24]])
    starts6 = np.concatenate([[0], (0x20010DB8 << 32) + (numbers << 16), [0x20010DB9 << 32]])
    ids = np.concatenate([[0], numbers, [0]])
    table = GeoTable(
        starts4.astype(np.uint32),
        ids.astype(np.uint32),
        starts6.astype(np.uint64),
        ids.astype(np.uint32),
        numbers.astype(np.uint16),
        np.zeros(len(PLACES), np.uint32),
        places,
        {},
    )
    return World(table, world_areas(), {}, coordinates, NOW, region_country, None, None, 60.0)


def write(records: dict[str, Any], folder: Path, zone: str = ZONE) -> Path:
    """Write *records*, by relative name, as a zone file that keeps octoDNS's order."""
    file = folder / f"{zone}.yaml"
    file.write_text(f"---\n{dump(in_order(records))}")
    return file


def load(
    folder: Path, zone: str = ZONE, *, enforce_order: bool = True
) -> dict[tuple[str, str], Any]:
    """Return what octoDNS loads, strictly, by name and type. Raises what it raises."""
    loaded = Zone(f"{zone}.", [])
    provider = YamlProvider(
        "file", str(folder), enforce_order=enforce_order, escaped_semicolons=True
    )
    provider.populate(loaded, lenient=False)
    loaded.validate()
    return {(record.name, record._type): record for record in loaded.records}


@dataclass
class Read:
    """A zone file as octoDNS understands it, and the policy that was made of it."""

    theirs: dict[tuple[str, str], Any]
    text: str | None
    problems: list[Problem]

    def plan(self) -> Plan:
        assert self.text is not None, [str(one) for one in self.problems]
        with tempfile.TemporaryDirectory() as folder:
            file = Path(folder) / "policy.yaml"
            file.write_text(self.text)
            plan, problems = compile_policies([file])
        assert plan is not None, [str(one) for one in problems]
        return plan

    @property
    def zone(self) -> ZonePlan:
        return self.plan().zones[0]

    @property
    def errors(self) -> list[str]:
        return [str(one) for one in self.problems if one.severity is Severity.ERROR]


def read(records: dict[str, Any], zone: str = ZONE) -> Read:
    """Have octoDNS and us read *records*."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        file = write(records, folder, zone)
        text, problems = policy_of(Path(f"{zone}.yaml"), file.read_bytes(), zone, SERVERS)
        return Read(load(folder, zone), text, problems)


def meaning(record: Any, client: Client, up: set[str]) -> dict[str, float]:
    """Return each value's chance by octoDNS's documented rules; *up* are values that pass checks."""
    dynamic = record.dynamic
    name: str | None = _rule(dynamic.rules, client).data["pool"]
    while name is not None:
        pool = dynamic.pools[name].data
        usable = [
            one for one in pool["values"]
            if one["status"] == "up" or (one["status"] == "obey" and str(one["value"]) in up)
        ]  # fmt: skip
        if usable:
            whole = sum(one["weight"] for one in usable)
            return {plain(one["value"]): one["weight"] / whole for one in usable}
        name = pool["fallback"]
    values = [record.value] if hasattr(record, "value") else record.values
    return {plain(value): 1 / len(values) for value in values}


def plain(value: object) -> str:
    return str(value).rstrip(".").lower()


def _rule(rules: Any, client: Client) -> Any:
    """Subnets are the more specific target; then geos; then the rule for everybody. First wins."""
    address = ip_address(client.address)
    if client.family == 6:
        address = ip_address(client.address.to_bytes(16, "big"))
    for rule in rules:
        if any(address in ip_network(net) for net in rule.data.get("subnets", ())):
            return rule
    for rule in rules:
        if any(_inside(code, client) for code in rule.data.get("geos", ())):
            return rule
    return next(r for r in rules if not (r.data.get("subnets") or r.data.get("geos")))


def _inside(code: str, client: Client) -> bool:
    continent, _, rest = code.partition("-")
    country, _, part = rest.partition("-")
    if (country, part) == ("US", "PR"):
        return client.country == "PR"  # it has a code of its own in geo databases
    if part:
        return (country, part) == (client.country, client.subdivision)
    if country:
        return country == client.country
    if client.country == "XK":  # unknown to octoDNS: left with its continent
        return continent == "EU"
    return client.country in geo_data[continent]


def situation(zone: ZonePlan, up: set[str]) -> Situation:
    """Return the situation in which just the values *up* pass their checks."""
    health = {}
    for policy in zone.policies:
        for name, check in policy.checks.items():
            for endpoint in zone.sites[name].endpoints:
                status = Status.UP if endpoint_text(endpoint) in up else Status.DOWN
                if check is not None:
                    health[endpoint.id, check] = Health(status, status)
    return Situation(NOW, health=health)


def endpoint_text(endpoint: Any) -> str:
    from gslb.wire.names import to_text

    if endpoint.cname is not None:
        return f"{to_text(endpoint.cname).rstrip('.')}."
    return str(ip_address(endpoint.a or endpoint.aaaa))


def dynamic(random: Random, rtype: str) -> dict[str, Any]:
    """Return a dynamic record that octoDNS accepts."""
    names = [f"p{n}" for n in range(random.randint(1, 4))]
    pools: dict[str, Any] = {}
    for number, name in enumerate(names):
        values = random.sample(SPACE[rtype], random.randint(1, 4))
        plainly = random.random() < 0.5  # all alike, or every value as it comes
        status = random.choice([None, "obey", "up"])
        pools[name] = {
            "values": [_value(random, one, len(values), plainly, status) for one in values]
        }
        later = names[number + 1 :]
        if later and random.random() < 0.6:
            pools[name]["fallback"] = random.choice(later)
    geos = sorted(random.sample(GEOS, random.randint(0, 12)), key=lambda code: -code.count("-"))
    nets = sorted(random.sample(NETS, random.randint(0, 3)), key=lambda n: -ip_network(n).prefixlen)
    targets = names[:-1]
    rules: list[dict[str, Any]] = [
        {"pool": targets.pop(0), "subnets": part} for part in _cut(random, nets, len(targets))
    ]
    for number, part in enumerate(_cut(random, geos, len(targets))):
        rules.append({"pool": targets.pop(0), "geos": part})
        if number == 0 and random.random() < 0.3:
            rules[-1]["subnets"] = ["20.0.9.0/24"]
    rules.append({"pool": names[-1]})
    while (
        unused := pools.keys()
        - {r["pool"] for r in rules}
        - {pool.get("fallback") for pool in pools.values()}
    ):
        for name in unused:
            del pools[name]
    kept = random.sample(SPACE[rtype], random.randint(1, 3))
    shown = {"value": kept[0]} if rtype == "CNAME" else {"values": kept}
    return {"type": rtype, "ttl": 60, **shown, "dynamic": {"pools": pools, "rules": rules}}


def _value(random: Random, text: str, of: int, plainly: bool, status: str | None) -> dict[str, Any]:
    value: dict[str, Any] = {"value": text}
    if of > 1:
        value["weight"] = random.choice([1, 1, 2, random.randint(1, 100)])
    status = status if plainly else random.choice(["obey", "obey", "up", "down", None])
    return value if status is None else {**value, "status": status}


def _cut(random: Random, items: list[str], most: int) -> list[list[str]]:
    """Cut *items* into at most *most* runs, the most specific first."""
    if not items or not most:
        return []
    size = -(-len(items) // random.randint(1, min(most, len(items))))
    runs = [items[at : at + size] for at in range(0, len(items), size)]
    return [[one for one in run if not any(_within(one, other) for other in run)] for run in runs]


def _within(one: str, other: str) -> bool:
    if "/" not in one:
        return one.startswith(f"{other}-")
    inner, outer = ip_network(one), ip_network(other)
    return inner != outer and inner.version == outer.version and inner.subnet_of(outer)  # type: ignore[arg-type]


def records_of_a_name(seed: int) -> list[dict[str, Any]]:
    """Return the records of one name: A, AAAA, both (alike or not), or a CNAME."""
    random = Random(seed)
    kind = random.choice(["A", "AAAA", "both", "twins", "CNAME"])
    if kind == "both":
        return [dynamic(random, "A"), dynamic(random, "AAAA")]
    if kind == "twins":
        first = dynamic(random, "A")
        return [first, _twin(first)]
    return [dynamic(random, kind)]


def _twin(record: dict[str, Any]) -> dict[str, Any]:
    def six(text: str) -> str:
        return f"2001:db8:ffff::{text.rsplit('.', 1)[1]}"

    pools = {
        name: {**pool, "values": [{**one, "value": six(one["value"])} for one in pool["values"]]}
        for name, pool in record["dynamic"]["pools"].items()
    }
    return {
        **record,
        "type": "AAAA",
        "values": [six(one) for one in record["values"]],
        "dynamic": {**record["dynamic"], "pools": pools},
    }
