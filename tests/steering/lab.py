"""Short ways to write plans and situations, and random ones of every kind."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

from hypothesis import strategies as st

from gslb.policy.plan import (
    AvailabilityZone,
    Check,
    Drained,
    Endpoint,
    Families,
    Https,
    LastResort,
    Panic,
    Pick,
    Plan,
    Policy,
    Protect,
    Rule,
    Site,
    Soa,
    Spread,
    StaticRRset,
    Target,
    WhenAllDown,
    ZonePlan,
)
from gslb.policy.problems import Where
from gslb.steering.model import ClientClass
from gslb.steering.situation import AliasAddresses, Health, HealthKey, Situation, Status
from gslb.wire.names import to_wire

HERE = Where(Path("example.com.yaml"), 33, 7)
NOW = datetime(2026, 11, 24, 12, 0, tzinfo=UTC)
APEX = to_wire("example.com")
SITES = ("aws/us-east-1", "aws/eu-central-1", "gcp/asia-east1", "alibaba/cn-shanghai")
CHECK = Check("tcp", 443, None, None, (), None, None, 5.0, 1.0, 3, 2, None, ())
DRAIN = Drained("CHG-4821 kernel", None, HERE)
SOA = Soa(
    to_wire("ns1.example.com"), to_wire("hostmaster.example.com"), 0, 7200, 900, 1209600, 60, 3600
)


def endpoint(
    name: str,
    weight: int = 1,
    a: bytes | None = b"",
    aaaa: bytes | None = None,
    alias: str | None = None,
    cname: str | None = None,
    drained: Drained | None = None,
) -> Endpoint:
    """One endpoint; *a* empty: an address made of its name."""
    if a == b"":
        a = None if alias or cname else address(name)
    return Endpoint(
        name,
        weight,
        a,
        aaaa,
        None if alias is None else to_wire(alias),
        None if cname is None else to_wire(cname),
        drained,
        HERE,
    )


def address(name: str) -> bytes:
    """A documentation address that depends on *name* only."""
    number = sum((i + 1) * ord(c) for i, c in enumerate(name))
    return bytes((198, 18, number >> 8 & 255, number & 255))


def address6(name: str) -> bytes:
    return bytes.fromhex("20010db8") + bytes(8) + address(name)


def site(name: str, zones: int | Sequence[Sequence[Endpoint]] = 3) -> Site:
    """A site with so many zones of one endpoint each, or with these endpoints zone by zone."""
    if isinstance(zones, int):
        zones = [[endpoint(f"{name}/z{n + 1}")] for n in range(zones)]
    made = tuple(
        AvailabilityZone(group[0].id.split("/")[2], tuple(group)) for group in zones if group
    )
    return Site(name, made, 0, None, HERE)


def sites(*made: Site | str) -> dict[str, Site]:
    found = [site(one) if isinstance(one, str) else one for one in made]
    return {one.name: one for one in found}


def rule(
    to: Mapping[str, int] | str,
    then: Sequence[str] = (),
    pick: str = "share",
    fence: bool = False,
    name: str = "everybody",
    **more: object,
) -> Rule:
    shares = dict.fromkeys(to.split(), 1) if isinstance(to, str) else to
    targets = tuple(Target(name, share) for name, share in shares.items())
    made = Rule(name, None, Pick(pick), targets, tuple(then), fence, 0.0, HERE)
    return replace(made, **more)  # type: ignore[arg-type]


def policy(*rules: Rule, headroom: float = 0.5, **more: object) -> Policy:
    used = [name for one in rules for name in one.sites]
    made = Policy(
        name="www",
        rules=rules,
        ttl=30,
        count=2,
        spread=Spread.ZONE,
        headroom=dict.fromkeys(used, headroom),
        capacity_at={},
        checks=dict.fromkeys(used, CHECK),
        panic=Panic(0.5, "all"),
        when_all_down=WhenAllDown.SERVE_ALL,
        last_resort=None,
        https=None,
        families=Families.TOGETHER,
        protect=Protect(None, False, None),
        ignore_ecs=False,
        where=HERE,
    )
    return replace(made, **more)  # type: ignore[arg-type]


def last_resort(
    a: Iterable[bytes] = (), aaaa: Iterable[bytes] = (), cname: str | None = None
) -> LastResort:
    return LastResort(tuple(a), tuple(aaaa), None if cname is None else to_wire(cname), HERE)


def zone_plan(
    policies: Sequence[Policy],
    where: Mapping[str, Site],
    names: Mapping[str, int] | None = None,
    static: Mapping[str, Sequence[StaticRRset]] | None = None,
    cuts: Iterable[str] = (),
    **more: object,
) -> ZonePlan:
    owners = {"www.example.com": 0} if names is None else names
    made = ZonePlan(
        apex=APEX,
        soa=SOA,
        static={to_wire(owner): tuple(rrsets) for owner, rrsets in (static or {}).items()},
        cuts=frozenset(map(to_wire, cuts)),
        sites=where,
        policies=tuple(policies),
        names=tuple((to_wire(owner), index) for owner, index in owners.items()),
        ecs=True,
        where=HERE,
    )
    return replace(made, **more)  # type: ignore[arg-type]


def plan(*zones: ZonePlan) -> Plan:
    return Plan(zones, "7f3c1e2")


def situation(
    down: Iterable[str] = (),
    drained: Iterable[str] = (),
    ramps: Mapping[str, float] | None = None,
    aliases: Mapping[str, AliasAddresses] | None = None,
    check: Check | None = CHECK,
) -> Situation:
    """The named endpoints down, drained, or ramping; all else unknown."""
    health: dict[HealthKey, Health] = {
        (name, check): Health(Status.UP, Status.UP, ramp) for name, ramp in (ramps or {}).items()
    }
    for name in down:
        health[name, check] = Health(Status.DOWN, Status.DOWN)
    return Situation(
        NOW,
        health,
        dict.fromkeys(drained, DRAIN),
        {to_wire(name): found for name, found in (aliases or {}).items()},
    )


def ids(where: Mapping[str, Site]) -> list[str]:
    return [one.id for place in where.values() for one in place.endpoints]


# ---- random ones --------------------------------------------------------------------------------

weights = st.sampled_from((0, 1, 1, 1, 2, 3, 10, 1000))
statuses = st.sampled_from((Status.UP, Status.UP, Status.UNKNOWN, Status.DOWN, Status.DOWN))


@st.composite
def endpoints(draw: st.DrawFn, name: str, standby: bool = True) -> Endpoint:
    weight = draw(weights if standby else st.integers(1, 1000))
    kind = draw(st.sampled_from(("a", "a", "both", "both", "alias")))
    drained = draw(
        st.sampled_from((None, None, None, DRAIN, replace(DRAIN, until=NOW + timedelta(hours=1))))
    )
    if kind == "alias":
        return endpoint(
            name, weight, alias=f"{name.replace('/', '-')}.example.net", drained=drained
        )
    aaaa = address6(name) if kind == "both" else None
    return endpoint(name, weight, aaaa=aaaa, drained=drained)


@st.composite
def some_sites(draw: st.DrawFn, standby: bool = True) -> dict[str, Site]:
    made = []
    for name in SITES[: draw(st.integers(1, len(SITES)))]:
        zones = [
            [
                draw(endpoints(f"{name}/z{z}" + (f"/{e}" if e > 1 else ""), standby))
                for e in range(1, draw(st.integers(1, 3)) + 1)
            ]
            for z in range(1, draw(st.integers(1, 4)) + 1)
        ]
        made.append(site(name, zones))
    return sites(*made)


@st.composite
def rules(draw: st.DrawFn, names: Sequence[str], standby: bool = True) -> Rule:
    order = draw(st.permutations(names))
    size = draw(st.integers(1, len(order)))
    shares = {name: draw(weights if standby else st.integers(1, 100)) for name in order[:size]}
    return rule(
        shares,
        then=order[size : size + draw(st.integers(0, len(order)))],
        pick=draw(st.sampled_from([pick.value for pick in Pick])),
        fence=draw(st.booleans()),
    )


@st.composite
def policies(draw: st.DrawFn, names: Sequence[str], standby: bool = True) -> Policy:
    made = policy(
        *draw(st.lists(rules(names, standby), min_size=1, max_size=2)),
        headroom=draw(st.sampled_from((0.0, 0.25, 0.5, 1.0))),
    )
    last = last_resort((b"\xcb\x00\x71\x01",), (address6("last"),))
    named = last_resort(cname="sorry.example.net")
    return replace(
        made,
        count=draw(st.integers(1, 8)),
        spread=draw(st.sampled_from(Spread)),
        panic=Panic(
            draw(st.sampled_from((0.0, 0.3, 0.5, 1.0))),
            draw(st.sampled_from(("all", "none", "last_resort"))),
        ),
        when_all_down=draw(st.sampled_from(WhenAllDown)),
        last_resort=draw(st.sampled_from((None, None, last, named))),
        https=draw(st.sampled_from((None, Https(1, ("h2", "h3"), 443, True)))),
        families=draw(st.sampled_from(Families)),
    )


@st.composite
def situations(draw: st.DrawFn, where: Mapping[str, Site]) -> Situation:
    health: dict[HealthKey, Health] = {}
    drains: dict[str, Drained] = {}
    aliases: dict[bytes, AliasAddresses] = {}
    leaving: set[str] = set()
    gloom = draw(st.sampled_from(("calm", "mixed", "dark")))
    for one in (e for place in where.values() for e in place.endpoints):
        fate = {"calm": st.just(Status.UP), "mixed": statuses, "dark": st.just(Status.DOWN)}[gloom]
        ramp = draw(st.sampled_from((1.0, 1.0, 0.1, 0.55)))
        health[one.id, CHECK] = Health(draw(fate), draw(fate), ramp)
        if draw(st.integers(0, 5)) == 0:
            drains[one.id] = replace(DRAIN, until=NOW + timedelta(hours=draw(st.integers(-1, 1))))
        if draw(st.integers(0, 7)) == 0:
            leaving.add(one.id)
        if one.alias is not None:
            v4 = draw(st.integers(0, 3))
            v6 = draw(st.integers(0, 2))
            aliases[one.alias] = AliasAddresses(
                tuple(address(f"{one.id}{n}") for n in range(v4)),
                tuple(address6(f"{one.id}{n}") for n in range(v6)),
            )
    return Situation(NOW, health, drains, aliases, leaving=frozenset(leaving))


@st.composite
def classes(draw: st.DrawFn, of: Policy) -> ClientClass:
    """A class of clients as matching makes them: ranked sites with ties for picks that rank."""
    index = draw(st.integers(0, len(of.rules) - 1))
    chosen = of.rules[index]
    if chosen.pick not in {Pick.NEAREST, Pick.LATENCY}:
        return ClientClass(index)
    order = tuple(draw(st.permutations([target.site for target in chosen.to])))
    bands: list[int] = []
    for position in range(len(order)):
        least = max(position + 1, bands[-1] if bands else 0)
        bands.append(draw(st.integers(least, len(order))))
    return ClientClass(index, order, tuple(bands))
