"""Pushes one over another at both doubles: a few here, two hundred policies with --long."""

from __future__ import annotations

from random import Random

import pytest

from gslb.push.compile import desire
from gslb.push.outcome import State
from tests.push import lab
from tests.push.test_plan import SITES, zone_of
from tests.push.venue import MANIFEST, AtCloudDns, AtRoute53, Venue, wish

SHORT, LONG = 25, 200  # policies
TRIES = 3  # for each of them: those without a live endpoint are refused
MAIL, TXT = "mail.example.com.", "example.com."


def roomy(venue: Venue) -> None:
    """Let a zone of Cloud DNS probe more addresses than the usual quota allows."""
    if isinstance(venue, AtCloudDns):
        venue.double.limits.quota["internetHealthChecksPerManagedZone"] = 10_000


@pytest.mark.slow
@pytest.mark.timeout(1200)
async def test_random_policies_pushed_one_over_another_are_read_back_equal(
    venue: Venue, long: bool
) -> None:
    policies = LONG if long else SHORT
    roomy(venue)
    venue.add(MAIL, "A", "192.0.2.9", "192.0.2.10")
    venue.add(TXT, "TXT", '"v=spf1 -all"')
    foreign = venue.bodies()
    pusher, random = venue.pusher(), Random(11)
    pushed = 0
    for generation in range(1, TRIES * policies):
        if pushed == policies:
            break
        case = lab.case(random)
        if desire(case.zone, lab.WORLD, case.drains).refusals:
            continue
        pushed += 1
        if pushed % 20 == 0:
            venue.double.manual.advance(86_400)  # a day has a quota of new checks
        asked = wish(case.zone, generation, situation=case.drains, force=True)
        outcome = await pusher.push(asked)
        assert outcome.state is State.INSYNC, (generation, outcome.reason)
        assert outcome.conflicts == 0
        assert outcome.verification is not None
        assert outcome.verification.wrong == 0.0
        again = await pusher.plan(asked)
        assert again.plan.empty
        known = {key[:2] for key in again.rendered.rrsets}
        held = {k: one.text for k, one in again.actual.rrsets.items() if k[:2] in known}
        assert held == {key: one.text for key, one in again.rendered.rrsets.items()}
        assert [one for one in venue.bodies() if one in foreign] == foreign
        others = {k for k in again.actual.rrsets if k[:2] not in known} - {(MANIFEST, "TXT", "")}
        assert len(others) == len(foreign)
        await pusher.tidy(at_once=True)
        assert not (await pusher.plan(asked)).plan.unused
    assert pushed == policies
    await pusher.close()


@pytest.mark.slow
async def test_a_thousand_names_keep_to_the_pace_and_a_drain_is_quick(venue: Venue) -> None:
    names = ("aws/us-west-2", "aws/sa-east-1", "azure/eastus", "azure/japaneast",
             "oci/us-phoenix-1", "gcp/us-central1")  # fmt: skip
    roomy(venue)
    zone = zone_of(20, 1000, (*SITES, *names))
    pusher = venue.pusher()
    first = await pusher.push(wish(zone, 1))
    assert first.state is State.INSYNC, first
    assert len(venue.double.calls) <= 5 * venue.timing.clock() + 1
    calls, began = len(venue.double.calls), venue.timing.clock()
    drain = await pusher.push(wish(zone, 2, (f"{SITES[0]}/z0",), drain=True))
    assert drain.state is State.INSYNC
    assert 1 <= drain.batches <= 2
    assert not any("203.0.1.1'" in str(one) for one in venue.bodies())
    spent = venue.timing.clock() - began
    assert len(venue.double.calls) - calls <= 5 * spent
    if isinstance(venue, AtRoute53):
        refused = [call for call in venue.double.calls if call.code == "Throttling"]
        assert refused == []  # the double throttles above five a second
    await pusher.close()
