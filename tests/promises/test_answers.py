"""What the product promises of its answers, on real policies and real geography, in one process.

Every example policy goes the whole way: YAML → plan → table → octets of a query → octets of the
response. What is checked here holds for any policy; the examples are those that people start from.
"""

from __future__ import annotations

import random
from collections import Counter
from datetime import UTC, datetime
from ipaddress import IPv4Address, IPv6Address
from pathlib import Path

import dns.edns
import dns.message
import dns.rdatatype
import pytest
from scipy.stats import chisquare

from gslb.answers.pack import pack
from gslb.answers.pick import Xorshift
from gslb.answers.table import AnswerTable, SteerView, scope
from gslb.answers.verify import verify
from gslb.dataplane.responder import Responder
from gslb.dataplane.settings import ResponderSettings, Source, Transport
from gslb.geo.load import embedded_table
from gslb.policy.compile import compile_policies
from gslb.policy.plan import Plan
from gslb.steering.explain import explain
from gslb.steering.render import Renderer
from gslb.steering.situation import Situation
from gslb.steering.world import World, make_world
from tests.bench.worlds import policy_text

NOW = datetime(2026, 11, 24, tzinfo=UTC)
SITUATION = Situation(at=NOW)
EXAMPLES = sorted(
    path
    for path in (Path(__file__).parents[2] / "policies").glob("*.yaml")
    if not path.name.endswith(".expect.yaml")
)
SAMPLES = 100_000  # addresses inside returned scopes, over all policies
WIDTHS = {1: (32, 24), 2: (128, 56)}


@pytest.fixture(scope="module")
def world() -> World:
    return make_world(embedded_table(), NOW)


@pytest.fixture(scope="module")
def plans(tmp_path_factory: pytest.TempPathFactory) -> list[Plan]:
    wide = tmp_path_factory.mktemp("wide") / "wide.yaml"
    wide.write_text("\n".join(policy_text(20)))
    found = []
    for path in [*EXAMPLES, wide]:
        plan, problems = compile_policies([path])
        assert plan is not None, problems
        found.append(plan)
    return found


@pytest.fixture(scope="module")
def tables(plans: list[Plan], world: World) -> list[AnswerTable]:
    opened = []
    for plan in plans:
        octets = pack(Renderer(plan, world, 1).content(SITUATION), 1, 0)
        assert verify(octets) == []
        opened.append(AnswerTable(octets))
    return opened


def steers_of(table: AnswerTable, plan: Plan) -> list[SteerView]:
    found: dict[int, SteerView] = {}
    for zone in plan.zones:
        for name, _ in zone.names:
            for entry in table.types(table.find(name).ref).values():
                if isinstance(entry, SteerView):
                    found[entry.number] = entry
    return list(found.values())


def random_client(chance: random.Random) -> tuple[int, int]:
    if chance.random() < 0.7:
        return 1, chance.getrandbits(32)
    return 2, (1 << 125) | chance.getrandbits(125)  # 2000::/3, where addresses are given out


def test_every_address_in_a_scope_gets_the_same_decision(
    tables: list[AnswerTable], plans: list[Plan]
) -> None:
    """RFC 7871 section 7.2.1: a resolver gives one cached answer to the whole block."""
    chance = random.Random(7871)
    steers = [
        (table, steer)
        for table, plan in zip(tables, plans, strict=True)
        for steer in steers_of(table, plan)
    ]
    steers = [(table, steer) for table, steer in steers if steer.tailored]
    assert len(steers) > 20
    resolver = (1, 0xC6336401)
    for _ in range(SAMPLES):
        table, steer = chance.choice(steers)
        family, address = random_client(chance)
        width, cap = WIDTHS[family]
        client = address >> (width - cap) << (width - cap)
        decided, low, high = table.classify(steer, family, client, *resolver)
        bits = scope(family, client, low, high, cap)
        other = client >> (width - bits) << (width - bits) | chance.getrandbits(width) & (
            (1 << (width - bits)) - 1
        )
        masked = other >> (width - cap) << (width - cap)
        assert table.classify(steer, family, masked, *resolver)[0] == decided, (
            hex(client),
            bits,
            hex(other),
        )


def ecs_query(name: str, rtype: str, family: int, address: int, bits: int) -> bytes:
    text = str(IPv4Address(address) if family == 1 else IPv6Address(address))
    option = dns.edns.ECSOption(text, bits)
    return dns.message.make_query(name, rtype, use_edns=0, options=[option], id=1).to_wire()


def decisions(responder: Responder, query: bytes) -> tuple[frozenset[str], int, int]:
    """Return the addresses of one response, its scope and RCODE."""
    answer = responder.respond(query, Source(1, 0xC6336401), 5353, Transport.TCP)
    assert answer is not None
    message = dns.message.from_wire(answer)
    (echoed,) = [option for option in message.options if isinstance(option, dns.edns.ECSOption)]
    return (
        frozenset(str(rdata) for rrset in message.answer for rdata in rrset),
        echoed.scopelen,
        message.rcode(),
    )


def test_what_is_answered_is_what_explain_allows(
    tables: list[AnswerTable], plans: list[Plan], world: World
) -> None:
    """The octets of a response, against the explanation for the same client; scopes included."""
    chance = random.Random(5)
    seen = 0
    for table, plan in zip(tables, plans, strict=True):
        responder = Responder(table, ResponderSettings(), Xorshift(3).next32, lambda: 0.0)
        names = [(zone, name) for zone in plan.zones if zone.ecs for name, _ in zone.names]
        for _ in range(40 if names else 0):
            _, owner = chance.choice(names)
            name = ".".join(["x" if label == b"*" else label.decode() for label in _labels(owner)])
            rtype = chance.choice(("A", "AAAA", "HTTPS"))
            family, address = random_client(chance)
            width, cap = WIDTHS[family]
            client = address >> (width - cap) << (width - cap)
            text = f"{IPv4Address(client) if family == 1 else IPv6Address(client)}/{cap}"
            story = explain(
                plan,
                world,
                SITUATION,
                name,
                text,
                int(dns.rdatatype.from_text(rtype)),
                "198.51.100.1",
            )
            for _ in range(5):
                answered, scoped, rcode = decisions(
                    responder, ecs_query(name, rtype, family, client, cap)
                )
                assert rcode == 0
                if rtype != "HTTPS":
                    assert answered in (story.allowed or {frozenset()}), story
                    seen += bool(answered)
                if story.client is not None and story.client.scope is not None:
                    assert scoped == story.client.scope
    assert seen > 300


def _labels(name: bytes) -> list[bytes]:
    labels, at = [], 0
    while name[at]:
        labels.append(name[at + 1 : at + 1 + name[at]])
        at += name[at] + 1
    return labels


WEIGHTED = """\
version: 1
dns:
  zone: example.com
  nameservers: {ns1.example.net: [], ns2.example.net: []}
defaults: {answer: {count: COUNT, spread: zone}}
sites:
  aws/us-east-1: {zones: {a: {A: 192.0.2.1, weight: 5}, b: {A: 192.0.2.2, weight: 3}, c: {A: 192.0.2.3, weight: 2}}}
  gcp/us-east1: {zones: {a: {A: 192.0.2.11}, b: [{A: 192.0.2.12}, {A: 192.0.2.13}], c: {A: 192.0.2.14}}}
records:
  www.example.com: {rules: [{to: {aws/us-east-1: 70, gcp/us-east1: 30}}]}
"""


@pytest.mark.parametrize("count", [1, 2])
def test_shares_and_weights_are_kept(count: int, tmp_path: Path, world: World) -> None:
    """The first address of 60 000 real responses follows share × weight: χ², p > 0.001."""
    path = tmp_path / "weighted.yaml"
    path.write_text(WEIGHTED.replace("COUNT", str(count)).replace("[]", "[192.0.2.53]"))
    plan, problems = compile_policies([path])
    assert plan is not None, problems
    table = AnswerTable(pack(Renderer(plan, world, 1).content(SITUATION), 1, 0))
    responder = Responder(table, ResponderSettings(), Xorshift(11).next32, lambda: 0.0)
    query = dns.message.make_query("www.example.com", "A", id=1).to_wire()
    start = len(query)
    drawn = 60_000
    firsts: Counter[str] = Counter()
    for _ in range(drawn):
        answer = responder.respond(query, Source(1, 0xC0000201), 5353, Transport.UDP)
        assert answer is not None
        assert answer[7] == count
        firsts[str(IPv4Address(answer[start + 12 : start + 16]))] += 1
    expected = {
        **{f"192.0.2.{n}": 0.7 * w / 10 for n, w in ((1, 5), (2, 3), (3, 2))},
        **{f"192.0.2.{n}": 0.3 / 4 for n in (11, 12, 13, 14)},
    }
    assert set(firsts) == set(expected)
    observed = [firsts[address] for address in expected]
    assert chisquare(observed, [share * drawn for share in expected.values()]).pvalue > 0.001
