"""Addresses that no probe from a cloud gets an answer from are told, with the names that use them."""

from __future__ import annotations

from dataclasses import replace

import pytest

from gslb.policy.plan import ZonePlan
from gslb.push.addresses import reachable, silent
from gslb.push.objects import Actual
from gslb.push.plantext import plan_markdown, plan_text
from gslb.push.provider import Dialect
from gslb.push.warnings import Unanswered
from tests.push import lab
from tests.push.test_plan import ALL, planned
from tests.push.test_plantext import told
from tests.steering import lab as steering

SITE = "aws/us-east-1"
WHY = {
    "127.0.0.1": "loopback", "::1": "loopback", "10.1.2.3": "private", "172.31.0.1": "private",
    "fd00::1": "private", "100.64.1.1": "behind carriers' NAT", "169.254.1.1": "link-local",
    "fe80::1": "link-local", "224.0.0.1": "not unicast", "::": "not unicast",
    "192.0.2.1": "for documentation", "203.0.113.9": "for documentation",
    "2001:db8::1": "for documentation", "3fff::1": "for documentation",
    "198.18.0.1": "for benchmarks",
    "8.8.8.8": "", "203.0.112.9": "", "2001:4860::1": "", "172.32.0.1": "", "lb.example.com.": "",
}  # fmt: skip
RENDERED = {"for documentation", "for benchmarks", ""}


def zone_of(*addresses: tuple[int, int, int, int], check: object = lab.HTTPS) -> ZonePlan:
    ends = [
        steering.endpoint(f"{SITE}/z{number}", a=bytes(octets))
        for number, octets in enumerate(addresses)
    ]
    sites = {SITE: steering.site(SITE, [[one] for one in ends])}
    policy = replace(steering.policy(steering.rule(SITE)), checks={SITE: check})
    return steering.zone_plan([policy], sites, {"www.example.com": 0, "shop.example.com": 0})


@pytest.mark.parametrize("text", WHY)
def test_an_address_is_told_by_what_it_is_for(text: str) -> None:
    assert silent(text) == WHY[text]
    assert reachable(text) is (WHY[text] in RENDERED)


@pytest.mark.parametrize("dialect", ALL)
def test_a_plan_warns_of_each_kind_with_addresses_and_names(dialect: Dialect) -> None:
    zone = zone_of((127, 0, 0, 1), (192, 0, 2, 1), (192, 0, 2, 2), (8, 8, 8, 8))
    names = ("shop.example.com.", "www.example.com.")
    assert planned(dialect, zone, Actual()).warnings == (
        Unanswered("for documentation", ("192.0.2.1", "192.0.2.2"), names),
        Unanswered("loopback", ("127.0.0.1",), names),
    )
    said = told(dialect, zone, Actual())
    assert said["warnings"][1] == {
        "why": "loopback", "addresses": ["127.0.0.1"], "names": list(names)
    }  # fmt: skip
    line = (
        "no probe from the cloud is answered by 192.0.2.1, 192.0.2.2 (for documentation):"
        " shop.example.com. and 1 more"
    )
    assert f"  WARNING      {line}" in plan_text(said)
    assert f"> - {line}" in plan_markdown(said)


@pytest.mark.parametrize("dialect", ALL)
def test_public_addresses_and_those_that_nobody_probes_are_not_told(dialect: Dialect) -> None:
    assert planned(dialect, zone_of((8, 8, 8, 8)), Actual()).warnings == ()
    assert planned(dialect, zone_of((127, 0, 0, 1), check=None), Actual()).warnings == ()
    several = zone_of(*((192, 0, 2, n) for n in range(9)))
    (line,) = (one for one in plan_text(told(dialect, several, Actual())) if "WARNING" in one)
    assert "192.0.2.0, 192.0.2.1, 192.0.2.2, 192.0.2.3, … 5 more (for documentation)" in line
