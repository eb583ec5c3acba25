"""Every row of the table of failures, on both providers: what goes wrong, and what becomes of it."""

from __future__ import annotations

import asyncio
import sys
from collections.abc import AsyncIterator, Callable
from dataclasses import replace
from typing import Any

import pytest

from gslb.push.apply import UNSEEN, Pusher
from gslb.push.clouddns.client import CloudDnsClient
from gslb.push.outcome import State
from gslb.push.ownership import read_manifest
from gslb.push.pace import ATTEMPTS
from gslb.push.plan import Stopped
from gslb.push.provider import PushError, Unavailable
from gslb.push.route53.client import Route53Client
from tests.doubles.clouddns import double as google
from tests.doubles.faults import Refusal
from tests.doubles.route53 import double as aws
from tests.push import lab
from tests.push.test_plan import SITES, zone_of
from tests.push.venue import MANIFEST, ZONE, AtCloudDns, AtRoute53, Venue, wish

ONE_ZONE = (f"{SITES[0]}/z0",)
MAIL = "mail.example.com."


@pytest.fixture
async def pusher(venue: Venue) -> AsyncIterator[Pusher]:
    made = venue.pusher()
    yield made
    await made.close()


def manifest(venue: Venue) -> tuple[int, int, int]:
    found = read_manifest((venue.text(MANIFEST),))
    assert found is not None
    return found.generation, found.part, found.of


def large(venue: Venue) -> Any:
    """A zone that takes several batches."""
    if isinstance(venue, AtCloudDns):
        venue.double.limits.quota |= {
            "rrsetAdditionsPerChange": 150,
            "rrsetDeletionsPerChange": 150,
        }
        return zone_of(2, 150)
    return zone_of(2, 600)


# Throttling, PriorRequestNotComplete, 429, rateLimitExceeded, 5xx.

IMPATIENT = {
    "route53": [aws.THROTTLED, aws.PRIOR_REQUEST],
    "clouddns": [google.RATE_LIMITED, google.TOO_MANY],
}


@pytest.mark.parametrize("nth", [0, 1])
async def test_throttling_is_waited_out(venue: Venue, pusher: Pusher, nth: int) -> None:
    refusal = IMPATIENT[venue.dialect.name][nth]
    for operation in (venue.commit, venue.create, venue.lists, venue.look):
        venue.double.faults.refuse(operation, refusal, times=3)
    outcome = await pusher.push(wish(zone_of(), 1))
    assert outcome.state is State.INSYNC
    assert venue.called(venue.commit) == 4
    assert venue.double.faults.pending == 0


async def test_a_service_that_is_down_is_waited_out_where_nothing_can_have_happened(
    venue: Venue, pusher: Pusher
) -> None:
    for operation in (venue.create, venue.lists, venue.look):
        venue.double.faults.refuse(operation, venue.down, times=3)
        venue.double.faults.cut(operation, skip=3)
    assert (await pusher.push(wish(zone_of(), 1))).state is State.INSYNC


async def test_patience_ends_and_the_zone_stays_as_it_was(venue: Venue, pusher: Pusher) -> None:
    before = venue.bodies()
    venue.double.faults.refuse(venue.commit, venue.throttled, times=ATTEMPTS)
    outcome = await pusher.push(wish(zone_of(), 1))
    assert (outcome.state, outcome.batches) == (State.UNAVAILABLE, 0)
    assert venue.bodies() == before
    assert (await pusher.push(wish(zone_of(), 1))).state is State.INSYNC


# A reply that is lost after the commit.


async def test_a_lost_reply_is_looked_up_in_the_manifest_not_sent_again(
    venue: Venue, pusher: Pusher
) -> None:
    venue.double.faults.lose_reply(venue.commit)
    outcome = await pusher.push(wish(zone_of(), 1))
    assert outcome.state is State.INSYNC, outcome
    assert venue.called(venue.commit) == 1
    assert venue.timing.clock() >= UNSEEN  # its change has no name: nobody can ask for it


async def test_a_lost_request_is_made_again_after_reading(venue: Venue, pusher: Pusher) -> None:
    venue.double.faults.cut(venue.commit)
    assert (await pusher.push(wish(zone_of(), 1))).state is State.INSYNC
    assert venue.called(venue.commit) == 2


async def test_an_error_reply_to_what_was_applied_does_not_mislead(
    venue: Venue, pusher: Pusher
) -> None:
    venue.double.faults.refuse_after(venue.commit, venue.down)
    outcome = await pusher.push(wish(zone_of(), 1))
    assert outcome.state is State.INSYNC
    assert venue.called(venue.commit) == 1


async def test_a_reply_lost_between_batches_goes_on_with_the_rest(
    venue: Venue, pusher: Pusher
) -> None:
    venue.double.faults.lose_reply(venue.commit)
    outcome = await pusher.push(wish(large(venue), 1))
    assert outcome.state is State.INSYNC
    assert outcome.batches == venue.called(venue.commit) - 1
    generation, part, of = manifest(venue)
    assert (generation, part) == (1, of)


async def test_replies_that_are_always_lost_end_the_push(venue: Venue, pusher: Pusher) -> None:
    venue.double.faults.cut(venue.commit, times=20)
    outcome = await pusher.push(wish(zone_of(), 1))
    assert outcome.state is State.UNAVAILABLE
    assert venue.called(venue.commit) == 4


async def test_a_check_whose_reply_was_lost_is_not_made_twice(venue: Venue, pusher: Pusher) -> None:
    venue.double.faults.lose_reply(venue.create, times=2)
    assert (await pusher.push(wish(zone_of(), 1))).state is State.INSYNC
    other = venue.checks()
    await pusher.purge(ZONE, wish(zone_of(), 1).request)
    await pusher.tidy(at_once=True)
    await pusher.push(wish(zone_of(), 3))
    assert venue.checks() == other


# Conflicts.


async def test_an_edit_by_hand_between_reading_and_writing_is_kept(
    venue: Venue, pusher: Pusher
) -> None:
    proposal = await pusher.plan(wish(zone_of(1, 3), 1))
    venue.add("n1.example.com.", "A", "192.0.2.9")
    outcome = await pusher.apply(proposal)
    assert (outcome.state, outcome.conflicts) == (State.DEGRADED, 1)
    assert "192.0.2.9" in str(venue.find("n1.example.com.", "A"))
    assert venue.holds("n2.example.com.", "A") or venue.holds("n2.example.com.", "CNAME")


async def test_a_plan_that_was_agreed_on_is_carried_out_as_it_is_or_not_at_all(
    venue: Venue, pusher: Pusher
) -> None:
    proposal = await pusher.plan(wish(zone_of(1, 3), 1))
    venue.add("n1.example.com.", "A", "192.0.2.9")
    before = venue.bodies()
    outcome = await pusher.apply(proposal, rounds=0)
    assert outcome.state is State.CONFLICT
    assert venue.bodies() == before


async def test_a_writer_who_does_not_stop_ends_the_push_and_alarms(
    venue: Venue, pusher: Pusher
) -> None:
    await pusher.push(wish(zone_of(), 1))

    def meddle() -> None:
        venue.replace_text(MANIFEST, lambda text: text.replace("gen=", "gen=0"))

    for number in range(6):
        venue.double.faults.first(venue.commit, meddle, skip=number)
    outcome = await pusher.push(wish(zone_of(), 2, ONE_ZONE, drain=True))
    assert (outcome.state, outcome.conflicts) == (State.CONFLICT, 4)
    assert [alarm.code for alarm in outcome.alarms] == ["concurrent-writer"]


async def test_another_owner_who_comes_between_is_named(venue: Venue, pusher: Pusher) -> None:
    await pusher.push(wish(zone_of(), 1))

    def usurp() -> None:
        venue.replace_text(MANIFEST, lambda text: text.replace("owner=tests", "owner=them"))

    venue.double.faults.first(venue.commit, usurp)
    outcome = await pusher.push(wish(zone_of(), 2, ONE_ZONE, drain=True))
    assert (outcome.state, outcome.conflicts) == (State.CONFLICT, 1)
    (alarm,) = outcome.alarms
    assert (alarm.code, alarm.owner) == ("concurrent-writer", "them")
    assert [stop.kind for stop in outcome.stops] == [Stopped.OWNER]


async def test_a_check_that_vanishes_before_the_batch_is_made_again(
    venue: Venue, pusher: Pusher
) -> None:
    other = venue.pusher()
    await other.push(wish(zone_of(), 1))
    await other.push(wish(zone_of(), 2, ONE_ZONE, drain=True))
    proposal = await pusher.plan(wish(zone_of(), 3, drain=True))
    await other.tidy(at_once=True)  # deletes what the proposal counts on
    await other.close()
    outcome = await pusher.apply(proposal)
    assert outcome.state is State.INSYNC
    assert outcome.conflicts == (1 if isinstance(venue, AtRoute53) else 0)


# What the provider refuses.


def complaint(venue: Venue) -> Refusal:
    if isinstance(venue, AtRoute53):
        words = "[RRSet with DNS name n1.example.com., type A is not permitted here]"
        return Refusal(400, "InvalidChangeBatch", words)
    words = "Invalid value for 'entity.change.additions[{}].rrdatas[0]': 'x'"
    return Refusal(400, "invalid", words)


async def test_names_that_are_refused_are_left_out_and_the_rest_is_pushed(
    venue: Venue, pusher: Pusher
) -> None:
    asked = wish(zone_of(1, 4), 1)
    refusal = complaint(venue)
    if isinstance(venue, AtCloudDns):
        proposal = await pusher.plan(asked)
        names = [change.rrset.name for change in proposal.plan.changes]
        text = refusal.message.format(names.index("n1.example.com."))
        refusal = replace(refusal, message=text)
    venue.double.faults.refuse(venue.commit, refusal)
    outcome = await pusher.push(asked)
    assert outcome.state is State.DEGRADED
    assert {name for name, _ in outcome.quarantined} == {"n1.example.com."}
    assert [alarm.code for alarm in outcome.alarms] == ["quarantine"]
    assert not any("n1.example" in venue.read(one).name for one in venue.bodies())
    healed = await pusher.push(asked)  # the same generation: the manifest has the hash of all
    assert (healed.state, healed.quarantined) == (State.INSYNC, ())
    assert any("n1.example" in venue.read(one).name for one in venue.bodies())


async def test_a_refused_node_of_the_tree_takes_out_every_name_that_leads_there(
    venue: Venue, pusher: Pusher
) -> None:
    if not isinstance(venue, AtRoute53):
        pytest.skip("an error of Cloud DNS tells the place in the request")
    asked = wish(zone_of(2, 4), 1)
    proposal = await pusher.plan(asked)
    tops = {
        dict(one.body)["AliasTarget"]["DNSName"]  # type: ignore[index]
        for key, one in proposal.rendered.rrsets.items() if key[0] == "n1.example.com."
        and key[1] == "A"
    }  # fmt: skip
    words = f"[RRSet with DNS name {tops.pop()}, type A is not permitted here]"
    venue.double.faults.refuse(venue.commit, Refusal(400, "InvalidChangeBatch", words))
    outcome = await pusher.push(asked)
    assert {name for name, _ in outcome.quarantined} == {"n1.example.com.", "n3.example.com."}
    assert outcome.state is State.DEGRADED


async def test_a_refusal_without_names_ends_the_push(venue: Venue, pusher: Pusher) -> None:
    before = venue.bodies()
    code = "InvalidInput" if isinstance(venue, AtRoute53) else "badRequest"
    venue.double.faults.refuse(venue.commit, Refusal(400, code, "no"), times=9)
    outcome = await pusher.push(wish(zone_of(), 1))
    assert outcome.state is State.FAILED
    assert code in outcome.reason
    assert venue.bodies() == before


# A crash between batches.


async def test_a_push_that_died_between_batches_is_finished_by_the_next(venue: Venue) -> None:
    zone = large(venue)
    first = venue.pusher()
    task: asyncio.Task[Any] = asyncio.ensure_future(first.push(wish(zone, 1)))
    loop = asyncio.get_running_loop()
    held = venue.double.faults.hold(venue.commit, skip=1)
    await loop.run_in_executor(None, held.wait_for_arrival)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    await asyncio.gather(loop.run_in_executor(None, held.release), first.close())
    second = venue.pusher()
    try:
        outcome = await second.push(wish(zone, 2))
        assert outcome.state is State.INSYNC
        generation, part, of = manifest(venue)
        assert (generation, part) == (2, of)
        assert (await second.push(wish(zone, 3))).batches == 0
    finally:
        await second.close()


# Quotas.


async def test_too_many_checks_are_refused_with_numbers(venue: Venue, pusher: Pusher) -> None:
    if isinstance(venue, AtCloudDns):
        venue.double.limits.quota["internetHealthChecksPerManagedZone"] = 0
    else:
        assert isinstance(venue, AtRoute53)
        venue.double.limits.health_checks = 3
    before = venue.bodies()
    outcome = await pusher.push(wish(zone_of(), 1))
    assert outcome.state is State.BLOCKED
    assert Stopped.CHECKS in {stop.kind for stop in outcome.stops}
    assert "health checks of" in outcome.reason
    assert (venue.bodies(), venue.checks()) == (before, 0)


async def test_a_quota_that_is_met_while_checks_are_made_changes_no_record(
    venue: Venue, pusher: Pusher
) -> None:
    code = "TooManyHealthChecks" if isinstance(venue, AtRoute53) else "quotaExceeded"
    status = 400 if isinstance(venue, AtRoute53) else 403
    before = venue.bodies()
    venue.double.faults.refuse(venue.create, Refusal(status, code, "Limit reached."), times=9)
    outcome = await pusher.push(wish(zone_of(), 1))
    assert outcome.state is State.FAILED
    assert code in outcome.reason
    assert venue.bodies() == before


# Credentials, access, extras.


async def test_credentials_that_expire_make_the_provider_unavailable(
    venue: Venue, pusher: Pusher
) -> None:
    await pusher.push(wish(zone_of(), 1))
    if isinstance(venue, AtRoute53):
        venue.double.credentials_expired = True
    else:
        venue.double.faults.refuse("*", google.EXPIRED, times=99)
    outcome = await pusher.push(wish(zone_of(), 2, ONE_ZONE, drain=True))
    assert outcome.state is State.UNAVAILABLE
    venue.double.faults.clear()
    if isinstance(venue, AtRoute53):
        venue.double.credentials_expired = False
    assert (await pusher.push(wish(zone_of(), 2, ONE_ZONE, drain=True))).state is State.INSYNC


async def test_a_token_that_expires_is_renewed(venue: Venue, pusher: Pusher) -> None:
    await pusher.push(wish(zone_of(), 1))
    if isinstance(venue, AtCloudDns):
        venue.double.expire_tokens()
    assert (await pusher.push(wish(zone_of(), 2, ONE_ZONE, drain=True))).state is State.INSYNC


async def test_access_denied_is_unavailable(venue: Venue, pusher: Pusher) -> None:
    denied = aws.DENIED if isinstance(venue, AtRoute53) else google.DENIED
    venue.double.faults.refuse(venue.commit, denied, times=9)
    outcome = await pusher.push(wish(zone_of(), 1))
    assert outcome.state is State.UNAVAILABLE
    assert denied.code in outcome.reason


async def test_without_sight_of_quotas_the_documented_ones_hold(
    venue: Venue, pusher: Pusher
) -> None:
    for operation, denied in (("GetAccountLimit", aws.DENIED), ("dns.projects.get", google.DENIED)):
        venue.double.faults.refuse(operation, denied, times=9)
    assert (await pusher.push(wish(zone_of(), 1))).state is State.INSYNC


async def test_missing_credentials_tell_no_secret(
    venue: Venue, pusher: Pusher, monkeypatch: pytest.MonkeyPatch, tmp_path: Any
) -> None:
    broken = tmp_path / "key.json"
    broken.write_text('{"type": "service_account", "private_key": "SECRET-MARKER"}')
    monkeypatch.setenv("GOOGLE_APPLICATION_CREDENTIALS", str(broken))
    monkeypatch.delenv("AWS_ACCESS_KEY_ID", raising=False)
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "SECRET-MARKER")
    outcome = await pusher.push(wish(zone_of(), 1))
    assert outcome.state is State.UNAVAILABLE
    assert outcome.reason
    assert "SECRET" not in str(outcome)


@pytest.mark.parametrize("module", ["boto3", "google.auth"])
async def test_an_extra_that_is_not_installed_is_unavailable(
    venue: Venue, pusher: Pusher, module: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, module, None)
    if (module == "boto3") is not isinstance(venue, AtRoute53):
        assert (await pusher.push(wish(zone_of(), 1))).state is State.INSYNC
        return
    outcome = await pusher.push(wish(zone_of(), 1))
    assert outcome.state is State.UNAVAILABLE
    assert "not installed" in outcome.reason


# The wrong zone.


def wrong(venue: Venue, zone_id: str) -> Route53Client | CloudDnsClient:
    made: Callable[..., Any] = Route53Client if isinstance(venue, AtRoute53) else CloudDnsClient
    found: Route53Client | CloudDnsClient = made(ZONE, zone_id, lab.OWNER, timing=venue.timing)
    return found


async def test_a_wrong_or_private_zone_is_refused_before_anything_else(venue: Venue) -> None:
    if isinstance(venue, AtRoute53):
        other = venue.double.add_zone("example.net")
        private = venue.double.add_zone(ZONE, private=True)
    else:
        assert isinstance(venue, AtCloudDns)
        venue.double.add_zone("other", "example.net.")
        venue.double.add_zone("inside", ZONE, private=True)
        other, private = "other", "inside"
    for zone_id, words in ((other, "is the zone example.net."), (private, "private"),
                           ("Z0NOTHING", "404" if private == "inside" else "NoSuchHostedZone")):  # fmt: skip
        provider = wrong(venue, zone_id)
        with pytest.raises(Unavailable, match=words):
            await provider.read()
        await provider.close()
    assert venue.called(venue.commit) == 0


# A leader whose time is over.


async def test_a_stale_leader_stops(venue: Venue, pusher: Pusher) -> None:
    late = await pusher.plan(wish(zone_of(), 1))
    other = venue.pusher()
    await other.push(wish(zone_of(), 5, ONE_ZONE))
    before = venue.bodies()
    outcome = await pusher.apply(late)
    assert outcome.state is State.STALE
    assert venue.bodies() == before
    assert (await pusher.push(wish(zone_of(), 4))).state is State.STALE
    assert venue.bodies() == before
    await other.close()


async def test_a_slow_cleaner_deletes_nothing_that_is_in_use_again(
    venue: Venue, pusher: Pusher
) -> None:
    await pusher.push(wish(zone_of(), 1))
    await pusher.push(wish(zone_of(), 2, ONE_ZONE, drain=True))  # its checks are due later
    checks = venue.checks()
    other = venue.pusher()
    await other.push(wish(zone_of(), 3, drain=True))
    venue.double.manual.advance(600)
    assert await pusher.tidy() == 0
    assert venue.checks() == checks
    assert (await other.push(wish(zone_of(), 4))).batches == 0
    await other.close()


# Propagation.


async def test_a_change_that_does_not_settle_is_pending_and_later_in_sync(
    venue: Venue, pusher: Pusher
) -> None:
    limits: Any = venue.double.limits  # type: ignore[attr-defined]
    limits.insync_seconds = limits.done_seconds = 400.0
    outcome = await pusher.push(wish(zone_of(), 1))
    assert outcome.state is State.PENDING
    assert 150 < venue.timing.clock() < 400
    venue.double.manual.advance(400)
    assert (await pusher.push(wish(zone_of(), 1))).state is State.INSYNC


async def test_a_zone_that_cannot_be_read_raises_on_plan(venue: Venue, pusher: Pusher) -> None:
    venue.double.faults.cut("*", times=99)
    with pytest.raises(PushError):
        await pusher.plan(wish(zone_of(), 1))
