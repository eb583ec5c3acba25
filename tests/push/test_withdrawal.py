"""Endpoints taken out of a zone by what it holds: as a push with the drain would, and told by it."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from random import Random
from types import SimpleNamespace
from typing import Any, cast

import pytest

from gslb.policy.plan import ZonePlan
from gslb.push.compile import desire
from gslb.push.diff import owned_keys
from gslb.push.objects import Actual, digest, manifest_name
from gslb.push.ownership import Manifest, read_manifest
from gslb.push.plan import Plan, Stopped
from gslb.push.provider import Dialect
from gslb.push.pruning import NothingLeft
from gslb.push.route53.bodies import MAX_WEIGHT
from gslb.push.route53.dialect import Route53
from gslb.push.verify import sample
from gslb.push.withdrawal import MAX_DRAINED, NotWithdrawnError, Withdrawal, restore, withdraw
from gslb.steering.situation import Situation
from tests.push import lab
from tests.push.test_plan import ALL, SITES, applied, planned, stops, zone_of
from tests.steering import lab as steering

ZONE = "example.com."
CASES = 150


def out_of(dialect: Dialect, actual: Actual, gone: Iterable[str]) -> tuple[Actual, Withdrawal]:
    """Return the zone without *gone*, every state between checked, and how it came about."""
    made = withdraw(dialect, ZONE, actual, lab.OWNER, frozenset(gone))
    plan = SimpleNamespace(batches=made.batches, create=(), unused=())
    return applied(dialect, cast("Plan", plan), actual), made


def addresses(zone: ZonePlan, *ids: str) -> set[str]:
    """Return what endpoints are answered as."""
    whole = desire(zone, lab.WORLD, replace(steering.situation(check=None), health={}))
    return {
        target.rdata
        for one in whole.steered for pool in one.pools.values() for target in pool.targets
        if any(target.endpoint == name or target.endpoint.startswith(f"{name}/") for name in ids)
    }  # fmt: skip


def ours(dialect: Dialect, actual: Actual) -> set[str]:
    return {actual.rrsets[key].text for key in owned_keys(dialect, actual, lab.OWNER)}


def manifest(dialect: Dialect, actual: Actual) -> Manifest:
    found = read_manifest(dialect.text_of(actual.rrsets[manifest_name(ZONE), "TXT", ""]))
    assert found is not None
    return found


@pytest.mark.parametrize(
    "drained",
    [
        [f"{SITES[0]}/z0"],
        [f"{SITES[1]}/z3", f"{SITES[2]}/z1"],
        [SITES[0]],
        [SITES[1]],
        [SITES[0], SITES[3]],
        ["aws"],
    ],
    ids=" ".join,
)
def test_route53_is_left_as_a_push_with_the_drain_leaves_it(drained: list[str]) -> None:
    """Endpoints, the first step of chains, later steps, and endings: record set by record set."""
    dialect = Route53()
    zone = zone_of(4, 12)
    actual = applied(dialect, planned(dialect, zone, Actual()), Actual())
    after, made = out_of(dialect, actual, addresses(zone, *drained))
    ids = [one.id for name in drained for site in zone.sites.values() for one in site.endpoints
           if f"{one.id}/".startswith(f"{name}/")]  # fmt: skip
    wanted = applied(dialect, planned(dialect, zone, actual, 2, ids, force=True), actual)
    assert ours(dialect, after) == ours(dialect, wanted)
    assert made.changed > 0
    assert not made.notes


@pytest.mark.parametrize("dialect", ALL)
def test_what_is_left_answers_as_after_a_push_with_the_drain(dialect: Dialect) -> None:
    """Random policies: never the endpoint; on Route 53 every answer is the same.

    Where weights had to be scaled to 255 before, what is left of them is as coarse as that.
    """
    random = Random(20261124)
    compared = refused = 0
    for _ in range(CASES):
        one = lab.case(random)
        left = [e for e in steering.ids(one.sites) if e not in one.drains.drains]
        if not left:
            continue
        actual = pushed(dialect, one.zone, one.drains)
        gone = {text for text, (end, _) in one.owners.items() if end == (drained := left[0])}
        more = replace(one.drains, drains={**one.drains.drains, drained: steering.DRAIN})
        try:
            after, _ = out_of(dialect, actual, gone)
        except NotWithdrawnError:
            continue  # no rule leads there
        except NothingLeft:
            refused += 1
            continue
        wanted = pushed(dialect, one.zone, more)
        scaled = heaviest(one.zone, one.drains) > MAX_WEIGHT
        for question in sample(one.zone, lab.WORLD, more, desire(one.zone, lab.WORLD, more)):
            got, meant = (
                dialect.reader(each.rrsets, each.supports).answer(
                    question.name, question.rtype, question.client, lambda _: True
                )
                for each in (after, wanted)
            )
            assert got.chances
            assert not gone & got.chances.keys()
            if dialect.name == "route53":
                assert got.chances.keys() == meant.chances.keys()
                assert scaled or got.chances == pytest.approx(meant.chances)
            compared += 1
    assert compared > 200
    assert refused < CASES / 4


def heaviest(zone: ZonePlan, situation: Situation) -> int:
    """Return the largest of all weights and shares."""
    whole = desire(zone, lab.WORLD, situation)
    weights = [t.weight for one in whole.steered for p in one.pools.values() for t in p.targets]
    chains = [chain for one in whole.steered for chain in one.chains.values()]
    return max(weights + [s.share for one in chains for step in one.steps for s in step.shares])


def pushed(dialect: Dialect, zone: ZonePlan, situation: Situation) -> Actual:
    desired = desire(zone, lab.WORLD, situation)
    rendered = dialect.render(desired, lab.OWNER)
    found = Manifest(lab.OWNER, 1, "0", 1, 1)
    said = dialect.text(manifest_name(ZONE), 60, found.text())
    return Actual({**rendered.rrsets, said.key: said}, rendered.supports)


@pytest.mark.parametrize("dialect", ALL)
def test_our_servers_hold_their_pushes_until_they_drain_it_too(dialect: Dialect) -> None:
    """The words of the manifest, and what becomes of them."""
    zone, drained = zone_of(2, 5), f"{SITES[0]}/z0"
    actual = applied(dialect, planned(dialect, zone, Actual(), 5), Actual())
    gone = addresses(zone, drained)
    after, _ = out_of(dialect, actual, gone)
    said = manifest(dialect, after)
    assert (said.generation, set(said.drained), said.complete) == (5, gone, True)
    for generation in (5, 6):  # the same server, and one that was started anew
        plan = planned(dialect, zone, after, generation)
        assert stops(plan) == {Stopped.DRAINED}
        assert plan.blocked
        assert all(address in plan.stops[0].text for address in gone)
        assert not planned(dialect, zone, after, generation, force=True).blocked
    assert planned(dialect, zone, after, 6, drain=True).blocked  # another drain does not end this
    agreed = planned(dialect, zone, after, 7, [drained])
    assert not agreed.blocked
    assert not agreed.empty
    settled = applied(dialect, agreed, after)
    assert manifest(dialect, settled).drained == ()
    assert planned(dialect, zone, settled, 8, [drained]).empty
    assert not planned(dialect, zone, settled, 9).blocked  # the drain ends there, as an order


@pytest.mark.parametrize("dialect", ALL)
def test_drains_add_up_and_one_that_is_there_changes_nothing(dialect: Dialect) -> None:
    zone = zone_of(2, 5)
    actual = applied(dialect, planned(dialect, zone, Actual()), Actual())
    first, second = addresses(zone, f"{SITES[0]}/z0"), addresses(zone, f"{SITES[2]}/z1")
    once, _ = out_of(dialect, actual, first)
    twice, _ = out_of(dialect, once, second)
    assert set(manifest(dialect, twice).drained) == first | second
    again, made = out_of(dialect, twice, first)
    assert (made.batches, again) == ((), twice)


@pytest.mark.parametrize("dialect", ALL)
def test_the_last_endpoint_is_never_taken_out(dialect: Dialect) -> None:
    zone = zone_of(2, 5, SITES[:3])
    actual = applied(dialect, planned(dialect, zone, Actual()), Actual())
    with pytest.raises(NothingLeft, match="would have nothing left: nothing is changed"):
        out_of(dialect, actual, addresses(zone, "aws", "gcp"))


@pytest.mark.parametrize("dialect", ALL)
def test_a_zone_that_is_not_ours_is_left_alone(dialect: Dialect) -> None:
    zone = zone_of()
    actual = applied(dialect, planned(dialect, zone, Actual()), Actual())
    with pytest.raises(NotWithdrawnError, match="has no manifest"):
        withdraw(dialect, ZONE, Actual(), lab.OWNER, frozenset({"203.0.1.1"}))
    with pytest.raises(NotWithdrawnError, match='is pushed by "tests", not by "them"'):
        withdraw(dialect, ZONE, actual, "them", frozenset({"203.0.1.1"}))
    with pytest.raises(NotWithdrawnError, match=r"nobody is led to 192\.0\.2\.250 by"):
        withdraw(dialect, ZONE, actual, lab.OWNER, frozenset({"192.0.2.250"}))


def test_a_manifest_has_room_for_so_many_endpoints() -> None:
    """The text is read back as it was written, and fits into a TXT record of Route 53."""
    most = tuple(sorted(f"2001:db8:ffff:ffff:ffff:ffff:ffff:{n:x}" for n in range(MAX_DRAINED)))
    one = Manifest("o" * 32, 10**17, "f" * 16, 1, 1, most)
    assert read_manifest((one.text(),)) == one
    assert len(one.text()) < 4000
    body: Any = Route53().text(manifest_name(ZONE), 60, one.text()).body
    assert (
        read_manifest(Route53().text_of(Route53().text(manifest_name(ZONE), 60, one.text()))) == one
    )
    assert len(body["ResourceRecords"][0]["Value"]) < 4000


def back_in(dialect: Dialect, actual: Actual, before: Actual, back: Iterable[str]) -> Actual:
    """Return the zone with *back* in it again, every state between checked."""
    made = restore(dialect, ZONE, actual, lab.OWNER, before, frozenset(back))
    return applied(
        dialect, cast("Plan", SimpleNamespace(batches=made.batches, create=made.create, unused=())),
        actual,
    )  # fmt: skip


@pytest.mark.parametrize("dialect", ALL)
def test_the_way_back_ends_where_the_way_out_began(dialect: Dialect) -> None:
    """And half way where only what stays out was taken out; a push then finds nothing to do."""
    random = Random(20261125)
    compared = 0
    for _ in range(CASES // 2):
        one = lab.case(random)
        left = [e for e in steering.ids(one.sites) if e not in one.drains.drains]
        whole = pushed(dialect, one.zone, one.drains)
        first, second = (
            {text for text, (end, _) in one.owners.items() if end == each}
            for each in random.sample(left, 2) if len(left) > 1
        ) if len(left) > 1 else (set(), set())  # fmt: skip
        try:
            only, _ = out_of(dialect, whole, second)
            out, _ = out_of(dialect, whole, first)
            out, _ = out_of(dialect, out, second)
        except (NotWithdrawnError, NothingLeft):
            continue
        half = back_in(dialect, out, whole, first)
        assert ours(dialect, half) == ours(dialect, only)
        assert set(manifest(dialect, half).drained) <= second
        again = back_in(dialect, half, whole, second)
        assert ours(dialect, again) == ours(dialect, whole)
        assert replace(manifest(dialect, again), hash="") == replace(
            manifest(dialect, whole), hash=""
        )
        assert manifest(dialect, again).hash == digest(sorted(ours(dialect, whole)))
        compared += 1
    assert compared > CASES / 10


@pytest.mark.parametrize("dialect", ALL)
def test_what_was_not_drained_there_is_not_put_back(dialect: Dialect) -> None:
    zone = zone_of(2, 6)
    whole = applied(dialect, planned(dialect, zone, Actual()), Actual())
    gone = addresses(zone, f"{SITES[0]}/z0")
    out, _ = out_of(dialect, whole, gone)
    with pytest.raises(NotWithdrawnError, match="was not drained past our servers"):
        restore(dialect, ZONE, out, lab.OWNER, whole, frozenset({"192.0.2.99"}))
    twice = restore(dialect, ZONE, whole, lab.OWNER, whole, frozenset(gone))
    assert (twice.batches, twice.changed) == ((), 0)
    newer = applied(dialect, planned(dialect, zone, out, 2, force=True), out)
    more, _ = out_of(dialect, newer, gone)
    with pytest.raises(NotWithdrawnError, match="generation 1, the zone is 2"):
        restore(dialect, ZONE, more, lab.OWNER, whole, frozenset(gone))


@pytest.mark.parametrize("dialect", ALL)
def test_checks_that_went_meanwhile_are_made_again(dialect: Dialect) -> None:
    zone = zone_of(2, 6)
    whole = applied(dialect, planned(dialect, zone, Actual()), Actual())
    gone = addresses(zone, f"{SITES[0]}/z0")
    out, _ = out_of(dialect, whole, gone)
    used = {key for one in out.rrsets.values() for key in dialect.supports_of(one)}
    tidied = replace(out, supports={k: v for k, v in out.supports.items() if k in used})
    made = restore(dialect, ZONE, tidied, lab.OWNER, whole, frozenset(gone))
    lost = whole.supports.keys() - tidied.supports.keys()
    assert {one.key for one in made.create} == lost
    assert bool(lost) is (dialect.name == "route53")
