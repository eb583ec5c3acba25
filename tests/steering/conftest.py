"""A world small enough to check by hand, and short ways to write rules about it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import UTC, datetime
from ipaddress import ip_address
from pathlib import Path

import numpy as np
import pytest

from gslb.geo.areas import world_areas
from gslb.geo.regions import coordinates
from gslb.geo.table import UNKNOWN_PLACE, GeoTable
from gslb.geo.world import place
from gslb.policy import plan
from gslb.policy.problems import Where
from gslb.steering.landmarks import load_landmarks
from gslb.steering.latency import LatencyTable
from gslb.steering.world import World, region_country

HERE = Where(Path("example.com.yaml"), 1, 1)
NOW = datetime(2026, 10, 5, 12, 0, tzinfo=UTC)
AREAS = ("", "US", "US-CA", "US-NY", "DE", "FR", "CN", "CN-GD", "BR", "BR-SP", "JP", "NA")
CARRIERS = {"cn-telecom": frozenset({4134, 64500}), "example-net": frozenset({64501, 64502})}
# first address, area, AS; up to the next line
RANGES = (
    ("0.0.0.0", "", 0),
    ("192.0.2.0", "US-CA", 64501),
    ("192.0.2.128", "US-NY", 64501),
    ("192.0.3.0", "US", 64502),
    ("192.0.3.37", "DE", 64502),
    ("198.51.100.0", "DE", 64503),
    ("198.51.101.0", "FR", 64503),
    ("198.51.102.0", "CN", 4134),
    ("198.51.103.0", "CN-GD", 4134),
    ("198.51.104.0", "CN-GD", 64505),
    ("203.0.113.0", "BR-SP", 64506),
    ("203.0.114.0", "BR", 64506),
    ("203.0.115.0", "JP", 64507),
    ("203.0.116.0", "", 64508),
    ("203.0.117.0", "NA", 64509),
    ("203.0.118.0", "", 0),
    ("::", "", 0),
    ("2001:db8::", "US", 64501),
    ("2001:db8:0:1::", "DE", 64503),
    ("2001:db8:1::", "CN-GD", 4134),
    ("2001:db8:2::", "BR", 64506),
    ("2001:db8:3::", "", 0),
)


class Small:
    """The small world, and short spellings of plans."""

    now = NOW
    here = HERE

    def table(self, areas: Iterable[str] = AREAS) -> GeoTable:
        names = list(areas)
        places = tuple(place(*name.split("-")) if name else UNKNOWN_PLACE for name in names)
        pairs: dict[tuple[int, int], int] = {(0, 0): 0}
        starts: dict[int, list[int]] = {4: [], 6: []}
        ids: dict[int, list[int]] = {4: [], 6: []}
        for first, area, asn in RANGES:
            address = ip_address(first)
            known = area if area in names else area.split("-")[0]
            pair = (names.index(known) if known in names else 0, asn)
            starts[address.version].append(int(address) >> (0 if address.version == 4 else 64))
            ids[address.version].append(pairs.setdefault(pair, len(pairs)))
        return GeoTable(
            np.array(starts[4], np.uint32),
            np.array(ids[4], np.uint32),
            np.array(starts[6], np.uint64),
            np.array(ids[6], np.uint32),
            np.array([where for where, _ in pairs], np.uint16),
            np.array([asn for _, asn in pairs], np.uint32),
            places,
            {},
        )

    def world(
        self,
        latency: LatencyTable | None = None,
        areas: Iterable[str] = AREAS,
        landmarks: bool = True,
        penalty: float = 60.0,
    ) -> World:
        return World(
            self.table(areas),
            world_areas(),
            CARRIERS,
            coordinates,
            NOW,
            region_country,
            latency,
            load_landmarks() if landmarks else None,
            penalty,
        )

    def when(self, **keys: object) -> plan.Condition:
        """``when(area="CN FR", excluded=[when(asn="64500")])``: words are separated by space."""
        excluded = tuple(keys.pop("excluded", ()))
        terms = {
            key: tuple(plan.Term(word, HERE) for word in str(words).split())
            for key, words in keys.items()
        }
        return plan.Condition(**terms, excluded=excluded)

    def rule(
        self,
        to: str | Mapping[str, int],
        when: plan.Condition | None = None,
        pick: str = "share",
        tie: float = 0.0,
        name: str = "a rule",
    ) -> plan.Rule:
        shares = dict.fromkeys(to.split(), 1) if isinstance(to, str) else to
        targets = tuple(plan.Target(site, share) for site, share in shares.items())
        return plan.Rule(name, when, plan.Pick(pick), targets, (), False, tie, HERE)

    def site(self, name: str, bias: int = 0, at: tuple[float, float] | None = None) -> plan.Site:
        zone = plan.AvailabilityZone(
            "a",
            (plan.Endpoint(f"{name}/a", 1, bytes(4), bytes(16), None, None, None, HERE),),
        )
        return plan.Site(name, (zone,), bias, at, HERE)

    def sites(self, *sites: plan.Site | str) -> dict[str, plan.Site]:
        made = [self.site(one) if isinstance(one, str) else one for one in sites]
        return {one.name: one for one in made}

    def policy(self, *rules: plan.Rule, ignore_ecs: bool = False) -> plan.Policy:
        return plan.Policy(
            name="www",
            rules=rules,
            ttl=30,
            count=2,
            spread=plan.Spread.ZONE,
            headroom={},
            capacity_at={},
            checks={},
            panic=plan.Panic(0.5, "all"),
            when_all_down=plan.WhenAllDown.SERVE_ALL,
            last_resort=None,
            https=None,
            families=plan.Families.TOGETHER,
            protect=plan.Protect(None, False, None),
            ignore_ecs=ignore_ecs,
            where=HERE,
        )


@pytest.fixture(scope="session")
def small() -> Small:
    return Small()
