"""Pushes carried out at both providers' doubles, over HTTP."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from dataclasses import replace

import pytest

from gslb.push.apply import DISCARD_AFTER, Pusher
from gslb.push.outcome import State
from gslb.push.plan import Request
from gslb.push.verify import Drift, Drifted
from tests.push import lab
from tests.push.test_plan import SITES, zone_of
from tests.push.venue import MANIFEST, ZONE, Venue, wish

WWW = "www.example.com."
ONE_ZONE = (f"{SITES[0]}/z0",)


@pytest.fixture
async def pusher(venue: Venue) -> AsyncIterator[Pusher]:
    made = venue.pusher()
    yield made
    await made.close()


async def test_a_push_ends_in_sync_and_the_next_finds_nothing_to_do(
    venue: Venue, pusher: Pusher
) -> None:
    venue.add("mail.example.com.", "A", "192.0.2.9")
    before = venue.find("mail.example.com.", "A")
    first = await pusher.push(wish(zone_of(2, 5), 1))
    assert (first.state, first.batches) == (State.INSYNC, 1)
    assert first.verification is not None
    assert (first.verification.asked > 0, first.verification.wrong) == (True, 0.0)
    again = await pusher.push(wish(zone_of(2, 5), 2))
    assert (again.state, again.batches, again.change) == (State.INSYNC, 0, "")
    assert venue.find("mail.example.com.", "A") == before
    assert venue.called(venue.commit) == 1
    assert [one.state for one in venue.said][:2] == [State.PUSHING] * 2
    assert pusher.status.state is State.INSYNC


async def test_a_drain_is_one_batch_and_its_checks_go_after_the_ttl(
    venue: Venue, pusher: Pusher
) -> None:
    await pusher.push(wish(zone_of(2, 5), 1))
    checks = venue.checks()
    drain = await pusher.push(wish(zone_of(2, 5), 2, ONE_ZONE, drain=True))
    assert (drain.state, drain.batches) == (State.INSYNC, 1)
    assert not any("203.0.1.1'" in str(one) for one in venue.bodies())
    if pusher.provider.dialect.name == "clouddns":
        return  # a check there belongs to no address
    at = pusher.status.discard_at
    assert at is not None
    assert venue.checks() == checks
    assert await pusher.tidy() == 0
    venue.double.manual.advance(DISCARD_AFTER + 60)
    assert venue.timing.clock() >= at
    assert await pusher.tidy() == 3  # A, AAAA and both together
    assert venue.checks() == checks - 3
    assert pusher.status.discard_at is None
    assert await pusher.tidy() == 0


async def test_a_drain_may_go_by_what_is_known_and_is_what_would_have_been_read(
    venue: Venue, pusher: Pusher
) -> None:
    await pusher.push(wish(zone_of(2, 5), 1))
    reads = venue.called(venue.lists)
    for generation, drained in ((2, ONE_ZONE), (3, ()), (4, ONE_ZONE)):
        wanted = wish(zone_of(2, 5), generation, drained, drain=True)
        proposal = await pusher.plan(wanted, trust=True)
        outcome = await pusher.apply(proposal)
        assert (outcome.state, outcome.batches) == (State.INSYNC, 1)
    assert venue.called(venue.lists) == reads
    read = await pusher.plan(wish(zone_of(2, 5), 5, ONE_ZONE))
    assert read.plan.empty
    assert not read.trusted


async def test_a_drain_of_what_was_changed_by_hand_meets_a_conflict_and_then_lands(
    venue: Venue, pusher: Pusher
) -> None:
    await pusher.push(wish(zone_of(2, 5), 1))
    venue.replace_text(MANIFEST, lambda text: text.replace("gen=1", "gen=2"))
    late = await pusher.apply(
        await pusher.plan(wish(zone_of(2, 5), 1, ONE_ZONE, drain=True), trust=True)
    )
    assert late.state is State.STALE
    proposal = await pusher.plan(wish(zone_of(2, 5), 3, ONE_ZONE, drain=True), trust=True)
    assert (await pusher.apply(proposal)).state is State.INSYNC
    assert not any("203.0.1.1'" in str(one) for one in venue.bodies())


async def test_a_drain_whose_reply_is_lost_reads_the_zone(venue: Venue, pusher: Pusher) -> None:
    await pusher.push(wish(zone_of(2, 5), 1))
    proposal = await pusher.plan(wish(zone_of(2, 5), 2, ONE_ZONE, drain=True), trust=True)
    venue.double.faults.lose_reply(venue.commit)
    outcome = await pusher.apply(proposal)
    assert (outcome.state, venue.called(venue.commit)) == (State.INSYNC, 2)  # it had landed
    assert outcome.verification is not None


async def test_a_support_that_is_used_again_is_not_deleted(venue: Venue, pusher: Pusher) -> None:
    await pusher.push(wish(zone_of(), 1))
    checks = venue.checks()
    await pusher.push(wish(zone_of(), 2, ONE_ZONE, drain=True))
    await pusher.push(wish(zone_of(), 3, drain=True))
    venue.double.manual.advance(3600)
    assert await pusher.tidy() == 0
    assert venue.checks() == checks


async def test_a_purge_leaves_what_others_made(venue: Venue, pusher: Pusher) -> None:
    venue.add("mail.example.com.", "A", "192.0.2.9")
    before = venue.bodies()
    assert (await pusher.purge(ZONE, Request(lab.OWNER, 1))).batches == 0
    await pusher.push(wish(zone_of(2, 5), 1))
    outcome = await pusher.purge(ZONE, Request(lab.OWNER, 1))
    assert outcome.state is State.INSYNC, outcome
    assert venue.bodies() == before
    assert await pusher.tidy(at_once=True) > 0
    assert venue.checks() == 0


async def test_drift_tells_what_was_changed_by_hand(venue: Venue, pusher: Pusher) -> None:
    pushed = wish(zone_of(1, 3), 1)
    await pusher.push(pushed)
    assert await pusher.drift(pushed) == ()
    rtype = "A" if venue.holds("n1.example.com.", "A") else "CNAME"
    venue.edit(venue.find("n1.example.com.", rtype), None)
    venue.replace_text(f"_gslb-own.{rtype.lower()}.n2.example.com.", lambda text: text + "x")
    found = await pusher.drift(pushed)
    assert Drift(Drifted.MISSING, f"n1.example.com. {rtype}") in found
    assert {one.kind for one in found} > {Drifted.MISSING}
    verified = await pusher.verify(pushed)
    assert not verified.intact
    healed = await pusher.push(replace(pushed, request=replace(pushed.request, generation=2)))
    assert healed.state is State.DEGRADED  # n2 is somebody else's now
    assert venue.holds("n1.example.com.", rtype)


async def test_a_hand_made_record_is_kept_until_the_name_is_taken_over(
    venue: Venue, pusher: Pusher
) -> None:
    venue.add(WWW, "A", "192.0.2.9")
    outcome = await pusher.push(wish(zone_of(1, 2), 1))
    assert outcome.state is State.DEGRADED
    assert WWW in outcome.reason
    assert "192.0.2.9" in str(venue.find(WWW, "A"))
    taken = await pusher.takeover(wish(zone_of(1, 2), 2, force=True), [WWW])
    assert taken.state is State.INSYNC
    assert not any("192.0.2.9" in str(one) for one in venue.bodies())


async def test_a_zone_of_another_owner_is_left_alone_until_it_is_inherited(venue: Venue) -> None:
    theirs, ours = venue.pusher("them"), venue.pusher()
    try:
        await theirs.push(wish(zone_of(1, 3), 1, owner="them"))
        checks = venue.checks()
        assert checks > 0
        outcome = await ours.push(wish(zone_of(1, 3), 1))
        assert outcome.state is State.CONFLICT
        assert [(one.code, one.owner) for one in outcome.alarms] == [("concurrent-writer", "them")]
        taken = await ours.takeover(wish(zone_of(1, 3), 2, force=True), predecessor="them")
        assert taken.state is State.INSYNC, taken
        assert "gslb/owner=tests" in venue.text(MANIFEST)
        assert not any("them" in str(one) for one in venue.bodies() if "Type" in one)
        again = await ours.push(wish(zone_of(1, 3), 3))
        assert (again.state, again.batches) == (State.INSYNC, 0)
        assert venue.checks() == 2 * checks  # theirs, for whom the old sets are still cached
        venue.double.manual.advance(DISCARD_AFTER + 60)
        assert await ours.tidy() == checks
        assert venue.checks() == checks
        assert (await ours.push(wish(zone_of(1, 3), 4))).batches == 0
    finally:
        await theirs.close()
        await ours.close()


async def test_a_purge_in_the_name_of_an_owner_whose_zone_is_gone_removes_its_checks(
    venue: Venue,
) -> None:
    """The pusher that took the zone over may have died before it could."""
    theirs, ours = venue.pusher("them"), venue.pusher()
    try:
        await theirs.push(wish(zone_of(1, 3), 1, owner="them"))
        checks = venue.checks()
        await ours.takeover(wish(zone_of(1, 3), 2, force=True), predecessor="them")
        before = venue.bodies()
        assert (await theirs.purge(ZONE, Request("them", 1))).state is State.INSYNC
        assert await theirs.tidy(at_once=True) == checks
        assert venue.checks() == checks
        assert venue.bodies() == before
    finally:
        await theirs.close()
        await ours.close()


async def test_a_purge_takes_what_a_former_owner_left_if_it_is_named(venue: Venue) -> None:
    theirs, ours = venue.pusher("them"), venue.pusher()
    try:
        before = venue.bodies()
        await theirs.push(wish(zone_of(1, 3), 1, owner="them"))
        request = Request(lab.OWNER, 1)
        assert (await ours.purge(ZONE, request)).state is State.INSYNC  # nothing of ours
        assert venue.bodies() != before
        outcome = await ours.purge(ZONE, replace(request, predecessor="them"))
        assert outcome.state is State.INSYNC, outcome
        assert venue.bodies() == before
        assert await ours.tidy(at_once=True) > 0
        assert venue.checks() == 0
    finally:
        await theirs.close()
        await ours.close()


async def test_four_at_once_leave_one_winner_and_clean_conflicts(venue: Venue) -> None:
    owners = [f"owner{number}" for number in range(4)]
    pushers = [venue.pusher(owner) for owner in owners]
    try:
        wishes = [wish(zone_of(1, 4), 1, owner=owner) for owner in owners]
        proposals = await asyncio.gather(
            *(one.plan(each) for one, each in zip(pushers, wishes, strict=True))
        )
        outcomes = await asyncio.gather(
            *(one.apply(each) for one, each in zip(pushers, proposals, strict=True))
        )
        states = sorted(one.state for one in outcomes)
        assert states == [State.CONFLICT] * 3 + [State.INSYNC]
        (winner,) = [o for o, r in zip(owners, outcomes, strict=True) if r.state is State.INSYNC]
        alarms = [alarm.owner for one in outcomes for alarm in one.alarms]
        assert alarms == [winner] * 3
        marks = {venue.text(name) for name in (f"_gslb-own.{t}.{WWW}" for t in ("a", "aaaa", "cname"))
                 if venue.holds(name, "TXT")}  # fmt: skip
        assert marks == {f"heritage=gslb,gslb/owner={winner}"}
        assert f"gslb/owner={winner}," in venue.text(MANIFEST)
    finally:
        await asyncio.gather(*(one.close() for one in pushers))
