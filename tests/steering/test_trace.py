"""What the trace says is what the compiled maps do."""

from __future__ import annotations

from ipaddress import IPv4Address, IPv6Address, ip_address, ip_network

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gslb.policy.plan import Condition, Pick, Rule, Target, Term
from gslb.steering.classes import compile_classes
from gslb.steering.latency import Cell, LatencyTable, parse_key
from gslb.steering.trace import age_text, classify, rank_trace, trace_rules
from tests.steering.conftest import HERE, NOW, RANGES, Small

SMALL = Small()
SITES = SMALL.sites("aws/us-east-1", "aws/eu-central-1", "alibaba/cn-shanghai", "gcp/asia-east1")
CELLS = (
    ("198.51.100.64/26", "aws/us-east-1", 10.0),
    ("198.51.100.0/24", "aws/us-east-1", 300.0),
    ("2001:db8:1::/64", "aws/us-east-1", 5.0),
    ("AS64503", "aws/eu-central-1", 200.0),
    ("AS4134/CN-GD", "gcp/asia-east1", 1.0),
    ("US", "alibaba/cn-shanghai", 1.0),
    ("BR-SP", "gcp/asia-east1", 20.0),
)
LATENCY = LatencyTable(
    tuple(Cell(parse_key(key), site, ms, None, 100, NOW, "") for key, site, ms in CELLS)
)
WORLD = SMALL.world(LATENCY)
NETS = (
    "192.0.2.0/24", "192.0.2.64/26", "198.51.100.0/22", "192.0.3.37/32", "0.0.0.0/0",
    "203.0.112.0/20", "::/0", "2001:db8::/32", "2001:db8:1::/48", "2001:db8::/64", "10.0.0.0/8",
)  # fmt: skip


def words(*some: str) -> st.SearchStrategy[tuple[Term, ...]]:
    return st.lists(st.sampled_from(some), max_size=2, unique=True).map(
        lambda texts: tuple(Term(text, HERE) for text in texts)
    )


def conditions(depth: int = 2) -> st.SearchStrategy[Condition]:
    inner = st.lists(conditions(depth - 1), max_size=2).map(tuple) if depth else st.just(())
    return st.builds(
        Condition,
        area=words("US", "US-CA", "DE", "europe", "CN", "CN-GD", "BR", "NA", "ZZ"),
        asn=words("64501", "64503", "4134", "64508", "7"),
        carrier=words("cn-telecom", "example-net"),
        net=words(*NETS),
        resolver=words("192.0.2.0/24", "198.51.100.0/24", "2001:db8::/32", "0.0.0.0/0"),
        qtype=words("A", "AAAA", "HTTPS"),
        excluded=inner,
    )


rules = st.builds(
    Rule,
    name=st.just("r"),
    when=st.none() | conditions(),
    pick=st.sampled_from([Pick.SHARE, Pick.NEAREST, Pick.LATENCY]),
    to=st.lists(st.sampled_from(list(SITES)), min_size=1, max_size=4, unique=True).map(
        lambda names: tuple(Target(name, 1 + len(name) % 3) for name in names)
    ),
    then=st.just(()),
    fence=st.just(False),
    tie_ms=st.sampled_from([0.0, 15.0]),
    where=st.just(HERE),
)
EDGES = sorted(
    {
        int(address) + step
        for text in [
            *NETS,
            *(first for first, _, _ in RANGES),
            *(c[0] for c in CELLS if "." in c[0]),
        ]
        for network in [ip_network(text)]
        if network.version == 4
        for address in (network[0], network[-1])
        for step in (-1, 0, 1)
        if 0 <= int(address) + step < 2**32
    }
)
EDGES6 = sorted(
    {
        (int(address) >> 64) + step
        for text in [*NETS, *(first for first, _, _ in RANGES), "2001:db8:1::/64"]
        for network in [ip_network(text)]
        if network.version == 6
        for address in (network[0], network[-1])
        for step in (-1, 0, 1)
        if 0 <= (int(address) >> 64) + step < 2**64
    }
)
addresses = (
    st.sampled_from(EDGES).map(IPv4Address)
    | st.integers(0, 2**32 - 1).map(IPv4Address)
    | st.sampled_from(EDGES6).map(lambda upper: IPv6Address(upper << 64 | 1))
    | st.integers(0, 2**128 - 1).map(IPv6Address)
)


@settings(max_examples=300)
@given(
    st.lists(rules, min_size=1, max_size=4),
    st.lists(st.tuples(addresses, addresses), min_size=1, max_size=12),
    st.sampled_from([1, 28, 65]),
)
def test_the_first_rule_that_matched_in_the_trace_is_the_rule_of_the_class(
    some, clients, rtype
) -> None:
    policy = SMALL.policy(*some)
    classes = compile_classes(policy, SITES, rtype, WORLD)
    for client, resolver in clients:
        found = classes.classes[classify(policy, SITES, rtype, WORLD, client, resolver)]
        traces = trace_rules(policy, rtype, WORLD, client, resolver)
        assert found.rule == next((one.rule for one in traces if one.matched), -1)
        if found.rule >= 0:
            ranked = rank_trace(policy, found.rule, SITES, WORLD, client, rtype)
            assert found.order == tuple(one.site for one in ranked)


@settings(max_examples=150)
@given(st.lists(rules, min_size=1, max_size=3), st.data())
def test_bands_hold_the_sites_within_the_tie_of_the_best_one_left(some, data) -> None:
    policy = SMALL.policy(*some)
    client = data.draw(addresses)
    classes = compile_classes(policy, SITES, 1, WORLD)
    found = classes.classes[classify(policy, SITES, 1, WORLD, client, client)]
    if not found.order:
        return
    rule = policy.rules[found.rule]
    ranked = rank_trace(policy, found.rule, SITES, WORLD, client)
    values = [one.ms if rule.pick is Pick.LATENCY else one.km for one in ranked]
    if None in values:
        assert set(found.bands) == {len(values)}
        return
    step, tie = (0.1, rule.tie_ms) if rule.pick is Pick.LATENCY else (1.0, 0.0)
    for at, band in enumerate(found.bands):
        for other, value in enumerate(values):
            if other < band:
                assert value <= values[at] + tie + step
            else:
                assert value >= values[at] + tie - step


def test_a_rule_says_for_each_key_what_was_wanted_and_what_was_found(small) -> None:
    condition = small.when(carrier="cn-telecom", area="CN-GD DE")
    policy = small.policy(small.rule("aws/us-east-1", condition), small.rule("aws/us-east-1"))
    first, last = trace_rules(
        policy, 1, small.world(), ip_address("198.51.102.9"), ip_address("192.0.2.1")
    )
    assert not first.matched
    assert [(r.key, r.wanted, r.got, r.ok) for r in first.reasons] == [
        ("carrier", "cn-telecom", "cn-telecom", True),
        ("area", "CN-GD, DE", "CN", False),
    ]
    assert last.matched
    assert last.reasons == ()


def test_not_is_traced_as_what_it_excludes(small) -> None:
    one = small.when(excluded=[small.when(area="DE")])
    two = small.when(excluded=[small.when(area="US", asn="64501")])
    policy = small.policy(small.rule("aws/us-east-1", one), small.rule("aws/us-east-1", two))
    client = ip_address("198.51.100.1")
    first, last = trace_rules(policy, 1, small.world(), client, client)
    (reason,) = first.reasons
    assert (reason.key, reason.wanted, reason.got, reason.ok) == ("not area", "DE", "DE", False)
    (reason,) = last.reasons
    assert (reason.key, reason.wanted, reason.ok) == ("not", "area US and asn 64501", True)


@pytest.mark.parametrize(
    ("keys", "got"),
    [
        ({"net": "10.0.0.0/8"}, "203.0.116.1"),
        ({"resolver": "10.0.0.0/8"}, "192.0.2.53"),
        ({"qtype": "AAAA"}, "A"),
        ({"area": "DE"}, "unknown"),
        ({"asn": "1"}, "AS64508"),
        ({"carrier": "cn-telecom"}, "no"),
    ],
)
def test_what_the_client_has_is_written_plainly(small, keys, got) -> None:
    policy = small.policy(small.rule("aws/us-east-1", small.when(**keys)))
    (trace,) = trace_rules(
        policy, 1, small.world(), ip_address("203.0.116.1"), ip_address("192.0.2.53")
    )
    assert [(reason.got, reason.ok) for reason in trace.reasons] == [(got, False)]


def test_measured_sites_say_by_what_and_modelled_ones_how_far() -> None:
    policy = SMALL.policy(SMALL.rule(" ".join(SITES), pick="latency"))
    traces = rank_trace(policy, 0, SITES, WORLD, ip_address("198.51.103.1"))
    best = traces[0]
    assert (best.site, best.measured, best.key, best.samples) == (
        "gcp/asia-east1", True, "AS4134/CN-GD", 100,
    )  # fmt: skip
    assert best.basis == "measured, AS4134 in CN-GD, 100 samples, 0 min"
    other = next(one for one in traces if one.site == "aws/us-east-1")
    assert not other.measured
    assert other.basis == f"modelled, {other.km:,.0f} km, no samples"


def test_nearest_says_the_distance_and_what_bias_makes_of_it(small) -> None:
    sites = small.sites(small.site("aws/us-east-1", bias=50), "aws/eu-central-1")
    policy = small.policy(small.rule("aws/us-east-1 aws/eu-central-1", pick="nearest"))
    client = ip_address("198.51.100.1")
    near, far = rank_trace(policy, 0, sites, small.world(), client)
    assert (near.site, near.ms) == ("aws/eu-central-1", None)
    assert far.basis == f"{far.km:,.0f} km, with bias +50 as {far.km / 2:,.0f} km"


def test_what_is_not_known_is_said(small) -> None:
    sites = small.sites("aws/us-east-1", "acme/lab")
    policy = small.policy(small.rule("aws/us-east-1 acme/lab", pick="latency"))
    known = rank_trace(policy, 0, sites, small.world(), ip_address("198.51.100.1"))
    assert (known[1].ms, known[1].basis) == (None, "place of the site not known")
    lost = rank_trace(policy, 0, sites, small.world(), ip_address("203.0.116.1"))
    assert (lost[0].ms, lost[0].basis) == (None, "place of the client not known")


def test_picks_that_do_not_rank_have_no_ranks(small) -> None:
    policy = small.policy(small.rule("aws/us-east-1"))
    assert rank_trace(policy, 0, SITES, WORLD, ip_address("192.0.2.1")) == ()


def test_ages_are_in_their_largest_unit() -> None:
    from datetime import timedelta

    assert age_text(timedelta(minutes=40)) == "40 min"
    assert age_text(timedelta(hours=3, minutes=59)) == "3 h"
    assert age_text(timedelta(seconds=-5)) == "0 min"
