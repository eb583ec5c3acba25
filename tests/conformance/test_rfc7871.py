"""RFC 7871: EDNS Client Subnet, row by row of the protocol checklist."""

from __future__ import annotations

import ipaddress
import random

import dns.edns
import dns.message
import dns.rcode
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from gslb.dataplane.counters import Client, Event
from gslb.dataplane.settings import Transport
from tests.dataplane.counted import event


def subnet(message) -> dns.edns.ECSOption | None:
    found = [option for option in message.options if int(option.otype) == 8]
    assert len(found) <= 1
    return found[0] if found else None


def answer(message) -> set[str]:
    return {str(item) for rrset in message.answer for item in rrset}


def ask(world, ecs: str | None, name: str = "www.example.com", **more):
    return world.ask(name, ecs=ecs, **more)


def test_no_option_in_no_option_out_and_the_resolver_decides(world) -> None:
    """S1."""
    response = ask(world, None, host="203.0.113.9")
    assert subnet(response) is None
    assert answer(response) == {"192.0.2.102", "192.0.2.103"}
    assert answer(ask(world, None, host="192.0.2.77")) == {"192.0.2.101"}


@pytest.mark.parametrize(
    ("ecs", "scope", "expected"),
    [
        ("203.0.113.0/24", 24, {"192.0.2.102", "192.0.2.103"}),
        ("203.0.113.128/25", 24, {"192.0.2.102", "192.0.2.103"}),  # seen as its /24
        ("203.0.113.5/32", 24, {"192.0.2.102", "192.0.2.103"}),
        ("198.51.100.0/24", 16, {"192.0.2.104"}),
        ("198.51.0.0/16", 16, {"192.0.2.104"}),
        ("2001:db8:a::/48", 48, {"192.0.2.105"}),
        ("2001:db8:a:1200::/56", 48, {"192.0.2.105"}),
        ("2001:db8:a:1234:5678::1/128", 48, {"192.0.2.105"}),
        ("2001:db8:b::/48", 48, {"192.0.2.101"}),
    ],
)
def test_the_subnet_decides_and_comes_back_with_its_scope(world, ecs, scope, expected) -> None:
    """S2, S6: FAMILY, SOURCE and ADDRESS as they came."""
    response = ask(world, ecs)
    assert answer(response) == expected
    address, _, bits = ecs.partition("/")
    assert subnet(response) == dns.edns.ECSOption(address, int(bits), scope)


@pytest.mark.parametrize("ecs", ["0.0.0.0/0", "::/0"])
def test_source_zero_means_not_my_client(world, ecs: str) -> None:
    """S3: by resolver, scope 0, never refused."""
    response = ask(world, ecs, host="203.0.113.9")
    assert answer(response) == {"192.0.2.102", "192.0.2.103"}
    assert subnet(response).scopelen == 0


@pytest.mark.parametrize(
    "data",
    [
        "00011801cb0071", "00012100cb007100", "00011800cb00", "00011800cb007100",
        "00011700cb0071", "00000000", "00030000", "000118", "",
    ],
)  # fmt: skip
def test_malformed_options_are_formerr(world, data: str) -> None:
    """S4."""
    response = world.ask(
        "www.example.com", options=[dns.edns.GenericOption(8, bytes.fromhex(data))]
    )
    assert response.rcode() == dns.rcode.FORMERR
    assert (response.edns, response.options) == (0, ())


def test_family_zero_is_counted(world) -> None:
    """S4: such clients exist, and somebody should see how many."""
    world.ask("www.example.com", options=[dns.edns.GenericOption(8, b"\0\0\0\0")])
    assert event(world.responder.countings.udp, Event.UNKNOWN_FAMILY) == 1


@pytest.mark.parametrize("kind", ["python"])  # the compiled one counts at once: test_fast.py
@pytest.mark.parametrize(
    ("ecs", "client"),
    [(None, Client.RESOLVER), ("203.0.113.0/24", Client.ECS), ("10.1.2.0/24", Client.PRIVATE)],
)
def test_how_a_client_was_known_is_noted(world, ecs, client) -> None:
    """Who counts sees how many resolvers say where their clients are."""
    world.ask("www.example.com", ecs=ecs)
    assert world.responder.countings.udp.client is client


def test_two_options_are_formerr(world) -> None:
    """S5."""
    both = [dns.edns.ECSOption("192.0.2.0", 24), dns.edns.ECSOption("203.0.113.0", 24)]
    assert world.ask("www.example.com", options=both).rcode() == dns.rcode.FORMERR


def test_a_scope_may_be_longer_than_the_source(world) -> None:
    """S8: a /8 is answered for the part where its first address lies."""
    response = ask(world, "203.0.0.0/8")
    assert subnet(response).scopelen > 8
    assert subnet(response).srclen == 8


public4 = st.integers(0x0B000000, 0xDFFFFFFF).filter(
    lambda a: (
        not any(
            ipaddress.IPv4Address(a) in ipaddress.ip_network(n)
            for n in (
                "100.64.0.0/10",
                "127.0.0.0/8",
                "169.254.0.0/16",
                "172.16.0.0/12",
                "192.168.0.0/16",
            )
        )
    )
)
near = st.sampled_from(["203.0.113.0", "203.0.112.0", "203.0.114.0", "198.50.255.0", "198.52.0.0"])
quick = settings(suppress_health_check=[HealthCheck.function_scoped_fixture])


@quick
@given(
    st.one_of(public4, near.map(lambda a: int(ipaddress.IPv4Address(a)))),
    st.integers(1, 32),
    st.randoms(),
)
def test_everyone_inside_the_scope_gets_the_same_answer(
    world, address: int, bits: int, chance: random.Random
) -> None:
    """S6, S8: and no scope passes 24."""
    address = address >> (32 - bits) << (32 - bits)
    response = ask(world, f"{ipaddress.IPv4Address(address)}/{bits}")
    scope = subnet(response).scopelen
    assert scope <= 24
    if scope == 0:
        return
    block = ipaddress.ip_network((address, scope), strict=False)
    for _ in range(5):
        other = int(block[0]) + chance.randrange(block.num_addresses)
        again = ask(world, f"{ipaddress.IPv4Address(other >> 8 << 8)}/24")
        assert answer(again) == answer(response)
        assert subnet(again).scopelen == scope


@quick
@given(st.lists(public4, min_size=2, max_size=6))
def test_scopes_never_overlap(world, addresses: list[int]) -> None:
    """S7: so a resolver's cache is right whatever comes first."""
    blocks = set()
    for address in [*addresses, 0xCB007100, 0xC6330000]:
        text = ipaddress.IPv4Address(address >> 8 << 8)
        scope = subnet(ask(world, f"{text}/24")).scopelen
        blocks.add(ipaddress.ip_network((address, scope), strict=False))
    for one in blocks:
        assert sum(one.overlaps(other) for other in blocks) == 1


@pytest.mark.parametrize(
    ("name", "rtype"),
    [
        ("nowhere.example.com", "A"),
        ("static.example.com", "A"),
        ("www.example.com", "TXT"),
        ("sub.example.com", "A"),
        ("example.com", "SOA"),
        ("everywhere.example.com", "A"),
    ],
)
def test_scope_is_zero_for_all_that_does_not_depend_on_the_client(world, name, rtype) -> None:
    """S9."""
    response = ask(world, "203.0.113.0/24", name, rtype=rtype)
    assert subnet(response) == dns.edns.ECSOption("203.0.113.0", 24, 0)


def test_a_tailored_cname_stands_alone(world) -> None:
    """S10."""
    response = ask(world, "203.0.113.0/24", "tailored-alias.example.com")
    assert answer(response) == {"static.example.com."}
    assert len(response.answer) == 1


@pytest.mark.parametrize(
    ("ecs", "scope"),
    [
        ("10.1.2.0/24", 8),
        ("192.168.1.0/24", 16),
        ("172.20.0.0/16", 12),
        ("127.0.0.1/32", 8),
        ("100.64.0.0/24", 10),
        ("fd00:1::/48", 7),
        ("fe80::/64", 10),
    ],
)
def test_a_private_subnet_leaves_it_to_the_resolver(world, ecs: str, scope: int) -> None:
    """S11."""
    response = ask(world, ecs, host="203.0.113.9")
    assert answer(response) == {"192.0.2.102", "192.0.2.103"}
    assert subnet(response).scopelen == scope


def test_a_policy_may_ignore_the_option(world) -> None:
    """S14: echoed, scope 0, by resolver."""
    response = ask(world, "203.0.113.0/24", "ignoring.example.com")
    assert answer(response) == {"192.0.2.120"}
    assert subnet(response).scopelen == 0
    assert answer(ask(world, None, "ignoring.example.com", host="203.0.113.9")) == {"192.0.2.121"}


def test_a_zone_without_client_subnets_neither_uses_nor_echoes_them(world) -> None:
    response = ask(world, "203.0.113.0/24", "noecs.example.net")
    assert subnet(response) is None
    assert answer(response) == {"192.0.2.104"}


def test_a_foreign_name_gets_no_option(world) -> None:
    assert subnet(ask(world, "203.0.113.0/24", "example.org")) is None


@pytest.mark.parametrize("source", [16, 20, 24, 32])
def test_sticky_answers_are_those_of_one_24(world, source: int) -> None:
    """The scope is the size of the block that the answer is stuck to, also above SOURCE (S8)."""
    base = ipaddress.ip_network(("203.0.113.77", source), strict=False)
    response = ask(world, str(base), "sticky.example.com")
    assert subnet(response).scopelen == 24
    again = ask(world, f"{base[0]}/24", "sticky.example.com")
    assert answer(again) == answer(response)


def test_sticky_clients_stay_and_spread(world) -> None:
    got = {}
    for number in range(200):
        ecs = f"203.0.{number}.0/24"
        got[ecs] = answer(ask(world, ecs, "sticky.example.com"))
        assert answer(ask(world, ecs, "sticky.example.com", host="192.0.2.9")) == got[ecs]
    assert len({next(iter(found)) for found in got.values()}) == 8
    inside = ask(world, None, "sticky.example.com", host="203.0.7.200")
    assert answer(inside) == got["203.0.7.0/24"]


def test_answers_do_not_mix_whoever_asked_before(world) -> None:
    """S15: DO or not, this subnet or that, or none; UDP or TCP; in any order."""
    questions = [
        (ecs, do, transport)
        for ecs in (None, "203.0.113.0/24", "198.51.100.0/24", "10.0.0.0/8", "0.0.0.0/0")
        for do in (0, 0x8000)
        for transport in Transport
    ]

    def one(ecs, do, transport):
        response = ask(world, ecs, ednsflags=do, transport=transport, host="192.0.2.200")
        assert response.ednsflags & 0x8000 == do
        return answer(response), subnet(response)

    first = {question: one(*question) for question in questions}
    chance = random.Random(1)
    for _ in range(400):
        question = chance.choice(questions)
        assert one(*question) == first[question]


@pytest.mark.parametrize(
    ("limits", "ecs", "scope"),
    [
        ({"ecs_max4": 16}, "203.0.113.0/24", 16),
        ({"ecs_max6": 32}, "2001:db8:a::/48", 32),
        ({"ecs_max4": 0}, "203.0.113.0/24", 0),
        ({"ecs_max4": 32}, "203.0.113.128/25", 25),
    ],
)
def test_the_limits_are_settings(make, limits: dict[str, int], ecs: str, scope: int) -> None:
    assert subnet(ask(make(**limits), ecs)).scopelen == scope


def test_ipv6_answers_are_tailored_too(world) -> None:
    response = ask(world, "198.51.100.0/24", rtype="AAAA")
    assert answer(response) == {"2001:db8::104"}
    assert subnet(response).scopelen == 16
