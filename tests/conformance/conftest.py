"""A world for the conformance tests: zones written as zone files, steered names, one responder."""

from __future__ import annotations

import ipaddress
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field, replace

import dns.edns
import dns.flags
import dns.message
import dns.name
import dns.rdata
import dns.rdatatype
import dns.zone
import numpy as np
import pytest

from gslb.answers.model import (
    STICKY_SLOTS,
    Body,
    Choice,
    Pool,
    PrefixMap,
    Steer,
    TableContent,
    Typeset,
    ZoneContent,
)
from gslb.answers.pack import pack
from gslb.dataplane.client import source_of
from gslb.dataplane.settings import ResponderSettings, Transport
from tests.dataplane.planes import KINDS, NOW, SECRET, Plane, plane

RESOLVER = "198.51.100.53"
APEX = b"\xc0\x00"  # overwritten with the pointer: see Body.fixups

EXAMPLE_COM = """
@            3600  SOA   ns1 hostmaster 2026010101 7200 3600 1209600 60
@            86400 NS    ns1
@            86400 NS    ns2.example.net.
@            300   MX    10 mail
@            300   TXT   "v=spf1 -all"
ns1          3600  A     192.0.2.1
ns1          3600  AAAA  2001:db8::1
static       300   A     192.0.2.10
static       300   A     192.0.2.11
static       300   A     192.0.2.12
static       300   TXT   "static"
alias        300   CNAME static
a.b.ent      300   A     192.0.2.20
*.wild       300   A     192.0.2.30
*.wild       300   MX    10 mail
*.wildalias  300   CNAME static
both.wild    300   TXT   "blocks the wildcard"
sub          3600  NS    ns.sub
sub          3600  NS    ns.example.net.
sub          3600  DS    12345 13 2 00112233445566778899AABBCCDDEEFF00112233445566778899AABBCCDDEEFF
ns.sub       3600  A     192.0.2.40
ns.sub       3600  AAAA  2001:db8::40
unknown      300   TYPE65280 \\# 4 0a000001
srv          300   SRV   1 2 443 static
svc          300   HTTPS 1 . alpn=h2,h3 ipv4hint=192.0.2.10
nullmx       300   MX    0 .
"""
EXAMPLE_NET = """
@            3600  SOA   ns2 hostmaster 7 7200 3600 1209600 30
@            86400 NS    ns2
ns2          3600  A     192.0.2.2
"""


def wire(name: str | dns.name.Name) -> bytes:
    if isinstance(name, str):
        name = dns.name.from_text(name)
    return name.canonicalize().to_wire()


def record(owner: bytes, rdata: dns.rdata.Rdata, ttl: int) -> bytes:
    octets = rdata.to_wire()
    head = owner + int(rdata.rdtype).to_bytes(2, "big") + b"\0\1" + ttl.to_bytes(4, "big")
    return head + len(octets).to_bytes(2, "big") + octets


def addresses(*hosts: str, ttl: int = 30) -> Body:
    """A body of address records for the queried name."""
    rtype = dns.rdatatype.AAAA if ":" in hosts[0] else dns.rdatatype.A
    records = [record(b"\xc0\x0c", dns.rdata.from_text("IN", rtype, host), ttl) for host in hosts]
    stride = len(records[0]) if len(records) > 1 else 0
    return Body(b"".join(records), answer=len(records), stride=stride)


def rrset_body(rdataset: Iterable[dns.rdata.Rdata], ttl: int) -> Body:
    records = [record(b"\xc0\x0c", rdata, ttl) for rdata in rdataset]
    equal = len(records) > 1 and len({len(octets) for octets in records}) == 1
    return Body(b"".join(records), answer=len(records), stride=len(records[0]) * equal)


def joined(pieces: Sequence[bytes], **counts: int) -> Body:
    """A body whose pieces have a pointer to the apex wherever they hold `APEX`."""
    octets = b"".join(pieces)
    fixups, at = [], 0
    for piece in pieces:
        if piece == APEX:
            fixups.append(at)
        at += len(piece)
    return Body(octets, fixups=tuple(fixups), **counts)


def compressed(name: dns.name.Name, origin: dns.name.Name) -> list[bytes]:
    """The name in pieces, ending in a pointer to the apex if it is within the zone."""
    if not name.is_subdomain(origin):
        return [name.to_wire()]
    return [b"".join(bytes((len(p),)) + p for p in name.relativize(origin).labels), APEX]


def referral(zone: dns.zone.Zone, cut: dns.name.Name) -> Body:
    """NS of the cut and the glue that lies below it; owners end in a pointer to the apex."""
    assert zone.origin is not None

    def owner(name: dns.name.Name) -> list[bytes]:
        return compressed(name, zone.origin)

    pieces: list[bytes] = []
    ns = zone.find_rdataset(cut, "NS")
    glue = 0
    for rdata in ns:
        pieces += [*owner(cut), record(b"", rdata, ns.ttl)]
    for rdata in ns:
        if not rdata.target.is_subdomain(cut):
            continue
        for rtype in ("A", "AAAA"):
            for address in zone.get_rdataset(rdata.target, rtype) or ():
                pieces += [*owner(rdata.target), record(b"", address, ns.ttl)]
                glue += 1
    return joined(pieces, authority=len(ns), additional=glue)


@dataclass
class Builder:
    """Zones as text, with steered names among them, to TableContent."""

    zones: list[ZoneContent] = field(default_factory=list)
    typesets: list[Typeset] = field(default_factory=lambda: [Typeset()])
    steers: list[Steer] = field(default_factory=list)
    maps: list[PrefixMap] = field(default_factory=list)
    choices: list[Choice] = field(default_factory=list)
    pools: list[Pool] = field(default_factory=list)

    def zone(
        self,
        apex: str,
        text: str,
        steered: dict[str, dict[str, int]] | None = None,
        bodies: dict[str, dict[int, Body]] | None = None,
        ecs: bool = True,
    ) -> None:
        """Add a zone; *steered* and *bodies* are by owner name below the apex and by type."""
        zone = dns.zone.from_text(text, apex, relativize=False, check_origin=False)
        origin = dns.name.from_text(apex)
        assert zone.origin == origin
        soa = zone.find_rdataset(origin, "SOA")
        cuts = {name for name in zone.nodes if name != origin and zone.get_rdataset(name, "NS")}
        types: dict[bytes, Typeset] = {}
        for name, node in zone.nodes.items():
            below = any(name.is_subdomain(cut) and name != cut for cut in cuts)
            if not below:
                types[wire(name)] = Typeset(
                    static={
                        int(rdataset.rdtype): rrset_body(rdataset, rdataset.ttl)
                        for rdataset in node
                        if name not in cuts or rdataset.rdtype == dns.rdatatype.DS
                    }
                )
        for owner, found in (bodies or {}).items():
            name = wire(f"{owner}.{apex}")
            base = types.get(name, Typeset())
            types[name] = replace(base, static={**base.static, **found})
        for owner, steers in (steered or {}).items():
            name = wire(f"{owner}.{apex}")
            base = types.get(name, Typeset())
            of = {int(dns.rdatatype.from_text(t)): number for t, number in steers.items()}
            types[name] = replace(base, steered=of)
        names: dict[bytes, int] = {}
        for name, typeset in types.items():
            self.typesets.append(typeset)
            names[name] = len(self.typesets) - 1
            above = name
            while above != wire(origin):  # empty non-terminals
                above = above[1 + above[0] :]
                names.setdefault(above, 0)
        for name, typeset in types.items():
            names[name] = self.typesets.index(typeset)
        serial = soa[0].serial
        negative_ttl = min(soa.ttl, soa[0].minimum)
        numbers = soa[0].to_wire()[-20:]
        labels = [compressed(name, origin) for name in (soa[0].mname, soa[0].rname)]
        length = sum(len(piece) for pieces in labels for piece in pieces) + 20
        head = b"\0\6\0\1" + negative_ttl.to_bytes(4, "big") + length.to_bytes(2, "big")
        negative = joined([APEX, head, *labels[0], *labels[1], numbers], authority=1)
        self.zones.append(
            ZoneContent(
                wire(origin),
                serial,
                negative,
                sorted(names.items()),
                {wire(cut): referral(zone, cut) for cut in cuts},
                ecs,
            )
        )

    def pool(self, *bodies: Body, weights: Sequence[float] | None = None) -> int:
        self.pools.append(Pool(bodies, tuple(weights or (1.0,) * len(bodies))))
        return len(self.pools) - 1

    def steer(self, table: dict[str, tuple[Body, ...] | None], **flags: bool) -> int:
        """Add a steer: prefixes to what their clients get; "else" for the rest; None refuses."""
        kinds = list(dict.fromkeys(["else", *table]))
        chosen = []
        for kind in kinds:
            bodies = table[kind]
            if bodies is None:
                self.choices.append(Choice((), refused=True))
            elif flags.get("sticky"):
                slots = tuple(n % len(bodies) for n in range(STICKY_SLOTS))
                self.pools.append(Pool(bodies, slots=slots))
                self.choices.append(Choice((len(self.pools) - 1,), slots=(0,) * STICKY_SLOTS))
            else:
                self.choices.append(Choice((self.pool(*bodies),), (1.0,)))
            chosen.append(len(self.choices) - 1)
        self.maps.append(prefix_map([kind for kind in kinds if kind != "else"]))
        self.steers.append(Steer((len(self.maps) - 1,), tuple(chosen), **flags))
        return len(self.steers) - 1

    def content(self) -> TableContent:
        return TableContent(
            tuple(self.zones), self.typesets, self.steers, self.maps, self.choices, self.pools
        )


def prefix_map(prefixes: Sequence[str]) -> PrefixMap:
    """Class i + 1 is that of prefix i; prefixes do not overlap."""
    both: list[tuple[np.ndarray, np.ndarray]] = []
    for version, spare, dtype in ((4, 0, np.uint32), (6, 64, np.uint64)):
        edges = {0: 0}
        for number, prefix in enumerate(prefixes, 1):
            network = ipaddress.ip_network(prefix)
            if network.version == version:
                edges[int(network[0]) >> spare] = number
                edges.setdefault((int(network[-1]) >> spare) + 1, 0)
        starts = sorted(edges)
        both.append((np.array(starts, dtype), np.array([edges[s] for s in starts], np.uint16)))
    return PrefixMap(both[0][0], both[0][1], both[1][0], both[1][1])


@dataclass
class World:
    """A responder, and the ways to ask it. Every response is read by dnspython too."""

    responder: Plane
    settings: ResponderSettings

    def send(
        self,
        octets: bytes,
        host: str = RESOLVER,
        port: int = 4242,
        transport: Transport = Transport.UDP,
    ) -> bytes | None:
        """Return the response, which has the query's ID and is QR, or None."""
        response = self.responder.respond(octets, source_of(host), port, transport)
        if response is not None:
            assert response[:2] == octets[:2]
            assert response[2] & 0x80
        return response

    def ask(
        self,
        name: str,
        rtype: str | int = "A",
        rclass: str = "IN",
        *,
        ecs: str | None = None,
        options: Iterable[dns.edns.Option] = (),
        edns: int = 0,
        payload: int = 1232,
        flags: int = 0,
        ednsflags: int = 0,
        host: str = RESOLVER,
        transport: Transport = Transport.UDP,
    ) -> dns.message.Message:
        """Ask a question in the usual way and return the answer; the question comes back as sent."""
        all_options = list(options)
        if ecs is not None:
            address, _, bits = ecs.partition("/")
            all_options.append(dns.edns.ECSOption(address, int(bits)))
        query = dns.message.make_query(
            name, rtype, rclass, use_edns=edns, payload=payload, options=all_options,
            ednsflags=ednsflags,
        )  # fmt: skip
        query.flags |= flags
        octets = query.to_wire()
        response = self.send(octets, host, transport=transport)
        assert response is not None
        parsed = dns.message.from_wire(response)
        end = 12 + len(query.question[0].name.to_wire()) + 4
        if parsed.question:
            assert response[12:end] == octets[12:end]
        return parsed


Make = Callable[..., World]


def build_content() -> TableContent:
    builder = Builder()
    geo = builder.steer(
        {
            "else": (addresses("192.0.2.101"),),
            "203.0.113.0/25": (addresses("192.0.2.102", "192.0.2.103"),),
            "198.51.0.0/16": (addresses("192.0.2.104"),),
            "2001:db8:a::/48": (addresses("192.0.2.105"),),
        }
    )
    geo6 = builder.steer(
        {"else": (addresses("2001:db8::101"),), "198.51.0.0/16": (addresses("2001:db8::104"),)}
    )
    everywhere = builder.steer({"else": (addresses("192.0.2.110"), addresses("192.0.2.111"))})
    ignoring = builder.steer(
        {"else": (addresses("192.0.2.120"),), "203.0.113.0/24": (addresses("192.0.2.121"),)},
        ignore_ecs=True,
    )
    sticky = builder.steer(
        {"else": tuple(addresses(f"192.0.2.{n}") for n in range(130, 138))}, sticky=True
    )
    refusing = builder.steer({"else": None, "203.0.113.0/24": (addresses("192.0.2.140"),)})
    cname = builder.steer(
        {"else": (rrset_body([dns.rdata.from_text("IN", "CNAME", "static.example.com.")], 30),)}
    )
    txt = "x" * 200
    strings = [dns.rdata.from_text("IN", "TXT", f'"{n}{txt}"') for n in range(1, 8)]
    builder.zone(
        "example.com",
        EXAMPLE_COM,
        {
            "www": {"A": geo, "AAAA": geo6},
            "everywhere": {"A": everywhere},
            "ignoring": {"A": ignoring},
            "sticky": {"A": sticky},
            "refusing": {"A": refusing},
            "tailored-alias": {"CNAME": cname},
            "*.dynamic": {"A": geo},
        },
        {
            "big": {16: rrset_body(strings[:3], 300)},
            "huge": {16: rrset_body(strings, 300)},
            "many": {1: addresses(*(f"192.0.2.{n}" for n in range(1, 41)))},
        },
    )
    builder.zone("example.net", EXAMPLE_NET, {"noecs": {"A": geo}}, ecs=False)
    return builder.content()


@pytest.fixture(scope="session")
def usual_octets() -> bytes:
    return bytes(pack(build_content(), 1, NOW))


@pytest.fixture(scope="session")
def builder() -> type[Builder]:
    return Builder


@pytest.fixture(params=KINDS)
def kind(request: pytest.FixtureRequest) -> str:
    """Which data plane: every test runs on both."""
    return str(request.param)


@pytest.fixture
def make(usual_octets: bytes, kind: str) -> Make:
    """Make a world; keyword arguments are settings, `octets` another table, `now` the time."""

    def made(
        *, now: float = NOW, seed: int = 1, octets: bytes = usual_octets, **settings: object
    ) -> World:
        base: dict[str, object] = {"nsid": b"fra1", "cookie_secrets": (SECRET,)}
        chosen = ResponderSettings(**{**base, **settings})
        return World(plane(kind, octets, chosen, seed, lambda: now), chosen)

    return made


@pytest.fixture
def world(make: Make) -> World:
    return make()
