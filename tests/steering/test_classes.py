"""Rules become classes and maps: exact, merged, shared, bounded."""

from __future__ import annotations

import numpy as np
import pytest

from gslb.geo.table import empty_table
from gslb.steering import classes as module
from gslb.steering.classes import compile_classes, compile_finely
from gslb.steering.clients import TooManyKindsError
from gslb.steering.latency import Cell, LatencyTable, Level, parse_key
from gslb.steering.model import ClientClass
from gslb.steering.prefixes import look_up
from gslb.steering.world import World, make_world


def cells(small, *rows: tuple[str, str, float]) -> LatencyTable:
    return LatencyTable(
        tuple(
            Cell(parse_key(key), site, ms, None, 100_000, small.now, "") for key, site, ms in rows
        )
    )


@pytest.fixture
def three(small):
    return small.sites("aws/us-east-1", "aws/eu-central-1", "gcp/asia-east1")


def test_maps_begin_at_zero_and_neighbours_differ(small, three) -> None:
    policy = small.policy(
        small.rule("aws/eu-central-1", small.when(area="europe", net="198.51.0.0/16")),
        small.rule("aws/us-east-1 gcp/asia-east1", pick="nearest"),
    )
    for view in compile_classes(policy, three, 1, small.world()).views:
        for starts, ids in ((view.starts4, view.classes4), (view.starts6, view.classes6)):
            assert starts[0] == 0
            assert (starts[1:] > starts[:-1]).all()
            assert (ids[1:] != ids[:-1]).all()
    assert view.starts4.dtype == np.uint32
    assert view.starts6.dtype == np.uint64
    assert view.classes4.dtype == view.classes6.dtype == np.uint16


def test_clients_of_one_rule_are_one_range_whatever_their_countries(small, three) -> None:
    policy = small.policy(
        small.rule("aws/eu-central-1", small.when(area="DE FR CN BR")),
        small.rule("aws/us-east-1"),
    )
    view = compile_classes(policy, three, 1, small.world()).views[0]
    assert [hex(start) for start in view.starts4] == ["0x0", "0xc0000325", "0xcb007300"]


def test_every_class_is_used_and_none_is_there_twice(small, three) -> None:
    policy = small.policy(
        small.rule("aws/eu-central-1", small.when(area="JP", net="10.0.0.0/8")),
        small.rule("aws/us-east-1 gcp/asia-east1", pick="nearest"),
    )
    found = compile_classes(policy, three, 1, small.world())
    view = found.views[0]
    used = set(view.classes4.tolist()) | set(view.classes6.tolist())
    assert used == set(range(len(found.classes)))
    assert len(set(found.classes)) == len(found.classes)
    assert {one.rule for one in found.classes} == {1}


def test_without_a_catch_all_the_rest_has_the_class_of_no_rule(small, three) -> None:
    policy = small.policy(small.rule("aws/eu-central-1", small.when(area="DE")))
    found = compile_classes(policy, three, 1, small.world())
    assert set(found.classes) == {ClientClass(0), ClientClass(-1)}


def test_types_whose_rules_come_to_the_same_share_one_result(small, three) -> None:
    policy = small.policy(
        small.rule("aws/eu-central-1", small.when(area="DE", qtype="A AAAA")),
        small.rule("gcp/asia-east1", small.when(qtype="HTTPS")),
        small.rule("aws/us-east-1"),
    )
    world = small.world()
    v4, v6, https = (compile_classes(policy, three, rtype, world) for rtype in (1, 28, 65))
    assert v4 is v6
    assert https is not v4
    assert [one.rule for one in https.classes] == [1]


def test_rule_lists_that_differ_only_in_targets_share_their_map(small, three) -> None:
    world = small.world()
    one, other = (
        small.policy(small.rule(to, small.when(area="DE")), small.rule("aws/us-east-1"))
        for to in ("aws/eu-central-1", {"gcp/asia-east1": 80, "aws/us-east-1": 20})
    )
    assert compile_classes(one, three, 1, world) is compile_classes(other, three, 1, world)


def test_everything_that_ranks_tells_results_apart(small) -> None:
    world, to = small.world(), "aws/us-east-1 aws/us-east-2"
    plain, biased = small.sites(*to.split()), small.sites(small.site("aws/us-east-1", bias=9))
    biased = plain | biased
    results = [
        compile_classes(small.policy(rule), sites, 1, world)
        for rule, sites in (
            (small.rule(to, pick="latency"), plain),
            (small.rule(to, pick="latency", tie=50.0), plain),
            (small.rule(to, pick="nearest"), plain),
            (small.rule(to, pick="nearest"), biased),
            (small.rule(dict.fromkeys(to.split(), 7), pick="nearest"), biased),
        )
    ]
    assert len({id(one) for one in results}) == len(results)


def test_a_site_that_moves_is_ranked_anew(small) -> None:
    world = small.world()
    policy = small.policy(small.rule("aws/us-east-1 acme/lab", pick="nearest"))
    firsts = []
    for at in ((50.1, 8.7), (-30.0, 140.0)):
        sites = small.sites("aws/us-east-1", small.site("acme/lab", at=at))
        found = compile_classes(policy, sites, 1, world)
        view = found.views[0]
        german = look_up(view.starts4, view.classes4, 0xC6336401)
        firsts.append(found.classes[german].order[0])
    assert firsts == ["acme/lab", "aws/us-east-1"]


def test_resolvers_split_into_views_only_where_the_maps_differ(small, three) -> None:
    policy = small.policy(
        small.rule("aws/eu-central-1", small.when(resolver="192.0.2.0/24 2001:db8::/32")),
        small.rule("gcp/asia-east1", small.when(area="ZZ", resolver="198.51.100.0/24")),
        small.rule("aws/us-east-1"),
    )
    found = compile_classes(policy, three, 1, small.world())
    assert len(found.views) == 2
    resolvers = found.resolvers
    assert [hex(start) for start in resolvers.starts4] == ["0x0", "0xc0000200", "0xc0000300"]
    inside, outside = resolvers.classes4[1], resolvers.classes4[0]
    assert resolvers.classes4.tolist() == [outside, inside, outside]
    assert resolvers.classes6.tolist() == [outside, inside, outside]
    (one,) = found.views[inside].classes4.tolist()
    assert found.classes[one].rule == 0


def test_a_resolver_list_that_decides_nothing_makes_no_views(small, three) -> None:
    policy = small.policy(
        small.rule("aws/us-east-1", small.when(area="ZZ", resolver="192.0.2.0/24")),
        small.rule("aws/us-east-1"),
    )
    found = compile_classes(policy, three, 1, small.world())
    assert found.resolvers is None
    assert len(found.views) == 1


def test_too_many_kinds_of_resolvers_are_refused(small, three) -> None:
    rules = [
        small.rule("aws/us-east-1", small.when(resolver=f"10.{n}.{m}.0/24"))
        for n in range(2)
        for m in range(200)
    ]
    policy = small.policy(*rules, small.rule("aws/us-east-1"))
    with pytest.raises(TooManyKindsError, match="401 kinds of resolvers"):
        compile_classes(policy, three, 1, small.world())


def test_measured_ases_and_prefixes_refine_a_country(small, three) -> None:
    latency = cells(
        small,
        ("AS64503", "gcp/asia-east1", 1.0),
        ("198.51.100.128/25", "aws/us-east-1", 1.0),
        ("JP", "aws/eu-central-1", 400.0),
    )
    policy = small.policy(small.rule(" ".join(three), pick="latency"))
    world = small.world(latency)
    found = compile_classes(policy, three, 1, world)
    view = found.views[0]

    def best(address: int) -> str:
        return found.classes[look_up(view.starts4, view.classes4, address)].order[0]

    assert best(0xC0000325) == "aws/eu-central-1"  # DE, another AS: modelled
    assert best(0xC6336401) == "gcp/asia-east1"  # DE, AS64503
    assert best(0xC6336481) == "aws/us-east-1"  # the measured half of that /24


def test_too_many_classes_leave_the_finest_measurements_out(small, three, monkeypatch) -> None:
    slow = (9, 5, 1), (1, 5, 9), (5, 1, 9)
    latency = cells(
        small,
        *(
            (f"198.51.100.{n}/32", site, 100.0 * ms)
            for n, row in enumerate(slow)
            for site, ms in zip(three, row, strict=True)
        ),
        *(("AS64503", site, 10.0 + n) for n, site in enumerate(three)),
    )
    policy = small.policy(small.rule(" ".join(three), pick="latency"))
    found = []
    for most in (4, 3, 2, 1):
        monkeypatch.setattr(module, "MAX_CLASSES", most)
        one = compile_finely(policy, three, 1, small.world(latency, areas=("",)))
        found.append((one.finest, len(one.classes.classes)))
    assert found == [(Level.PREFIX, 4), (Level.ASN_AREA, 2), (Level.ASN_AREA, 2), (Level.AREA, 1)]


def test_too_many_classes_without_measurements_are_refused(small, three, monkeypatch) -> None:
    monkeypatch.setattr(module, "MAX_CLASSES", 2)
    policy = small.policy(small.rule(" ".join(three), pick="nearest"))
    with pytest.raises(TooManyKindsError, match="kinds of clients"):
        compile_classes(policy, three, 1, small.world())


def test_a_world_that_knows_nothing_has_one_class_of_tied_sites(small, three) -> None:
    world = make_world(empty_table(), small.now)
    to = {"aws/us-east-1": 20, "aws/eu-central-1": 60, "gcp/asia-east1": 20}
    for pick in ("nearest", "latency"):
        found = compile_classes(small.policy(small.rule(to, pick=pick)), three, 1, world)
        order = ("aws/eu-central-1", "aws/us-east-1", "gcp/asia-east1")
        assert found.classes == (ClientClass(0, order, (3, 3, 3)),)
        assert found.views[0].starts4.tolist() == [0]


def test_a_table_that_does_not_begin_at_zero_is_unknown_before_it_begins(small, three) -> None:
    table = small.table()
    short = type(table)(
        table.starts4[1:], table.pairs4[1:], table.starts6[1:], table.pairs6[1:],
        table.pair_place, table.pair_asn, table.places, {},
    )  # fmt: skip
    base = small.world()
    world = World(short, base.areas, base.carriers, base.coordinates, base.at)
    policy = small.policy(
        small.rule("gcp/asia-east1", small.when(area="US")), small.rule("aws/us-east-1")
    )
    one, other = (compile_classes(policy, three, 1, w).views[0] for w in (base, world))
    assert one.starts4.tolist() == other.starts4.tolist()
    assert one.classes4.tolist() == other.classes4.tolist()
