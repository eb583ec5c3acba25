"""The report says what is exact, what is approximated and by how much, and what is impossible."""

from __future__ import annotations

from dataclasses import replace

import pytest

from gslb.policy.plan import Panic
from gslb.push.compile import desire
from gslb.push.dialects import DIALECTS
from gslb.push.fidelity import Fidelity, Verdict, measure_fidelity
from gslb.push.losses import Code
from gslb.push.provider import Dialect
from tests.push import lab
from tests.push.test_plan import SITES, zone_of
from tests.steering import lab as steering

CALM = replace(steering.situation(check=None), health={})
ALL = [pytest.param(one, id=one.name) for one in DIALECTS.values()]


def reported(dialect: Dialect, zone, situation=CALM) -> list[Fidelity]:
    desired = desire(zone, lab.WORLD, situation)
    rendered = dialect.render(desired, lab.OWNER)
    return list(measure_fidelity(zone, lab.WORLD, situation, desired, rendered, dialect))


def simple():
    """One site for everybody, nothing that a provider cannot do."""
    zone = zone_of()
    plain = replace(
        zone.policies[0], rules=(steering.rule(SITES[0]),), count=1, panic=Panic(0.0, "all")
    )
    sites = {}
    for name, site in zone.sites.items():
        zones = tuple(
            replace(z, endpoints=tuple(replace(e, aaaa=None) for e in z.endpoints))
            for z in site.zones
        )
        sites[name] = replace(site, zones=zones)
    return replace(zone, policies=(plain,), sites=sites)


@pytest.mark.parametrize("dialect", ALL)
def test_a_plain_record_is_exact(dialect: Dialect) -> None:
    (only,) = reported(dialect, simple())
    assert (only.verdict, only.calm, only.sick) == (Verdict.EXACT, 0.0, 0.0)


def test_shares_and_chains_are_exact_on_route53_only_while_sites_are_whole_or_gone() -> None:
    found = reported(DIALECTS["route53"], zone_of())
    assert {one.verdict for one in found} == {Verdict.APPROXIMATED}
    assert {one.calm for one in found} == {0.0}
    assert Code.SPILL in {loss.code for one in found for loss in one.losses}


def test_cloud_dns_tells_the_measured_share() -> None:
    found = reported(DIALECTS["clouddns"], zone_of())
    assert all(one.sick > 0.0 for one in found)  # three steps, and Cloud DNS has two
    assert all(0.0 <= one.calm <= 1.0 for one in found)
    body = found[0].to_json()
    assert body["verdict"] == "approximated"
    assert body["differs"] == {"all_up": found[0].calm, "one_site_down": found[0].sick}


@pytest.mark.parametrize("dialect", ALL)
def test_what_cannot_be_pushed_is_impossible(dialect: Dialect) -> None:
    drained = [f"{SITES[0]}/z{number}" for number in range(4)]
    situation = replace(steering.situation(drained=drained, check=None), health={})
    (only,) = reported(dialect, simple(), situation)
    assert only.verdict is Verdict.IMPOSSIBLE
    assert "no live endpoint" in only.reason
