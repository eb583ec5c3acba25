"""A drain with credentials alone: on both doubles, by address, by identifier, by policies."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Mapping
from dataclasses import replace
from pathlib import Path

import pytest

from gslb.errors import GslbError
from gslb.fallback import rescue
from gslb.fallback.messages import CopyId
from gslb.fallback.rescue import (
    OpenCopy,
    Taken,
    drain_directly,
    take_out,
    undrain_directly,
)
from gslb.policy.compile import compile_policies
from gslb.policy.plan import ZonePlan
from gslb.push.apply import Pusher
from gslb.push.objects import canonical
from gslb.push.outcome import State
from gslb.settings import Settings
from tests.policytext import HEAD
from tests.push import lab
from tests.push.test_plan import SITES, zone_of
from tests.push.venue import MANIFEST, ZONE, AtCloudDns, AtRoute53, Venue, wish

GONE = frozenset({"203.0.1.1", "2001:db8:ffff::1"})


@pytest.fixture
async def pusher(venue: Venue) -> AsyncIterator[Pusher]:
    made = venue.pusher()
    await made.push(wish(zone_of(2, 5), 1))
    yield made
    await made.close()


async def taken(venue: Venue, gone: frozenset[str] = GONE, *, dry: bool = False) -> Taken:
    """Take *gone* out, as somebody who has just come."""
    provider = venue.provider()
    try:
        copy = CopyId(provider.dialect.name, ZONE, "there")
        one = OpenCopy(copy, provider, await provider.read())
        return await take_out(one, lab.OWNER, gone, venue.timing, dry=dry)
    finally:
        await provider.close()


async def test_an_endpoint_is_out_in_one_batch_and_in_sync(venue: Venue, pusher: Pusher) -> None:
    venue.add("mail.example.com.", "A", "192.0.2.9")
    commits = venue.called(venue.commit)
    done = await taken(venue)
    assert (done.error, done.insync) == ("", True)
    assert set(done.drained) == GONE
    assert venue.called(venue.commit) == commits + 1
    bodies = str([one for one in venue.bodies() if "manifest" not in str(one)])
    assert not any(f"'{address}'" in bodies for address in GONE)
    assert venue.holds("mail.example.com.", "A")
    assert "gslb/drained=2001:db8:ffff::1+203.0.1.1" in venue.text(MANIFEST)
    again = await taken(venue)
    assert (again.error, again.changed, again.insync) == ("", 0, True)


async def test_our_server_holds_its_push_until_it_drains_too(venue: Venue, pusher: Pusher) -> None:
    """What comes back does not undo it, says why, and goes on once it has the drain."""
    await taken(venue)
    back = await pusher.push(wish(zone_of(2, 5), 2))
    assert back.state is State.BLOCKED
    assert "203.0.1.1" in back.reason
    assert "drain here, too" in back.reason
    agreed = await pusher.push(wish(zone_of(2, 5), 3, (f"{SITES[0]}/z0",), drain=True))
    assert (agreed.state, agreed.batches) == (State.INSYNC, 1)
    assert "drained" not in venue.text(MANIFEST)
    ended = await pusher.push(wish(zone_of(2, 5), 4))
    assert ended.state is State.INSYNC
    assert "'203.0.1.1'" in str(venue.bodies())


async def test_a_dry_run_changes_nothing(venue: Venue, pusher: Pusher) -> None:
    before = venue.bodies()
    said = await taken(venue, dry=True)
    assert (said.changed > 0, said.change) == (True, "")
    assert venue.bodies() == before


async def test_the_last_endpoints_stay(venue: Venue, pusher: Pusher) -> None:
    before = venue.bodies()
    every = frozenset(f"203.0.1.{n}" for n in range(1, 17))
    said = await taken(venue, every)
    assert "would have nothing left: nothing is changed" in said.error
    assert venue.bodies() == before


async def test_a_lost_reply_and_another_writer_are_met_by_reading_again(
    venue: Venue, pusher: Pusher
) -> None:
    venue.double.faults.lose_reply(venue.commit)
    done = await taken(venue)
    assert (done.error, done.insync) == ("", True)
    assert set(done.drained) == GONE
    provider = venue.provider()
    try:
        one = OpenCopy(CopyId("", ZONE, ""), provider, await provider.read())
        await pusher.push(wish(zone_of(2, 6), 9, (f"{SITES[0]}/z0",)))  # meanwhile
        more = await take_out(one, lab.OWNER, frozenset({"203.0.1.2"}), venue.timing, dry=False)
    finally:
        await provider.close()
    assert (more.error, more.drained) == ("", ("203.0.1.2",))
    assert "gslb/gen=9," in venue.text(MANIFEST)


async def test_the_way_back_goes_by_what_was_kept_or_by_the_policies(
    venue: Venue, pusher: Pusher, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(rescue, "Timing", lambda: venue.timing)
    zone = compile_policies_of(tmp_path)
    await pusher.push(wish(zone, 2, force=True))
    whole = venue.bodies()
    settings = settings_of(venue, tmp_path, BOTH)
    which = rescue.Which()
    for lost in (False, True):
        (done,) = await asyncio.to_thread(drain_directly, settings, which, "aws/us-east-1/z0")
        assert (done.error, done.insync, set(done.drained)) == ("", True, GONE)
        assert venue.bodies() != whole
        (kept,) = (tmp_path / "drained-there").iterdir()
        assert str(kept) in "".join(done.notes)
        if lost:
            kept.unlink()
        (back,) = await asyncio.to_thread(undrain_directly, settings, which, "203.0.1.1")
        assert (back.error, back.insync) == ("", True), back
        (back,) = await asyncio.to_thread(undrain_directly, settings, which, "2001:db8:ffff::1")
        assert (back.error, back.drained) == ("", ())
        assert sorted(map(canonical, venue.bodies())) == sorted(map(canonical, whole))
    (none,) = await asyncio.to_thread(undrain_directly, settings, which, "203.0.1.1")
    assert "nothing was drained there" in none.error


async def test_without_what_was_kept_other_policies_do_not_do(
    venue: Venue, pusher: Pusher, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(rescue, "Timing", lambda: venue.timing)
    await pusher.push(wish(compile_policies_of(tmp_path), 2, force=True))
    there = settings_of(venue, tmp_path, BOTH)
    await asyncio.to_thread(drain_directly, there, rescue.Which(), "203.0.1.1")
    (kept,) = (tmp_path / "drained-there").iterdir()
    kept.unlink()
    other = settings_of(venue, tmp_path, BOTH.replace("ttl: 30s", "ttl: 60s"))
    before = venue.bodies()
    (back,) = await asyncio.to_thread(undrain_directly, other, rescue.Which(), "203.0.1.1")
    assert "was not pushed from the policies here" in back.error
    assert venue.bodies() == before


def compile_policies_of(folder: Path) -> ZonePlan:
    file = folder / "policies.yaml"
    file.write_text(BOTH)
    plan, problems = compile_policies([file])
    assert plan is not None, problems
    return plan.zones[0]


POLICY = (
    HEAD
    + """\
sites:
  aws/us-east-1: {zones: {z0: {A: 203.0.1.1, AAAA: "2001:db8:ffff::1"}, z1: {A: 203.0.1.2}}}
records:
  www.example.com: {ttl: 30s, rules: [{to: [aws/us-east-1]}]}
"""
)


BOTH = POLICY.replace("{A: 203.0.1.2}", '{A: 203.0.1.2, AAAA: "2001:db8:ffff::2"}')


@pytest.fixture
def said(monkeypatch: pytest.MonkeyPatch) -> list[frozenset[str]]:
    """Return what is to be taken out of each copy; nothing is written."""
    found: list[frozenset[str]] = []

    async def note(
        one: OpenCopy, owner: str, gone: frozenset[str], *_: object, **__: object
    ) -> Taken:
        assert owner == lab.OWNER
        found.append(gone)
        return Taken(one.copy, one.error)

    monkeypatch.setattr(rescue, "take_out", note)
    return found


def settings_of(venue: Venue, folder: Path, policy: str | None) -> Settings:
    if isinstance(venue, AtRoute53):  # what connects here goes by a real clock
        venue.double.limits = replace(venue.double.limits, requests_per_second=None)
    file = folder / "policies.yaml"
    if policy is not None:
        file.write_text(policy)
    place: Mapping[str, object]
    if isinstance(venue, AtRoute53):
        place = {"route53": {"zone": "example.com", "zone_id": venue.zone_id}}
    else:
        assert isinstance(venue, AtCloudDns)
        project = venue.double.project
        place = {"clouddns": {"zone": "example.com", "project": project, "managed_zone": "example"}}
    return Settings.model_validate(
        {
            "push": {"owner": lab.OWNER, **place},
            "policies": str(file),
            "state_directory": str(folder),
        }
    )


def test_an_endpoint_is_known_by_address_by_policies_or_by_what_the_copy_says(
    venue: Venue, said: list[frozenset[str]], tmp_path: Path
) -> None:
    which = rescue.Which()
    there = settings_of(venue, tmp_path, POLICY)
    drain_directly(there, which, "2001:DB8:ffff:0::1")
    drain_directly(there, which, "LB.example.net.")
    drain_directly(there, which, "aws/us-east-1/z0")
    assert said == [frozenset({"2001:db8:ffff::1"}), frozenset({"lb.example.net."}), GONE]
    with pytest.raises(GslbError, match='know an endpoint at "aws/us-east-1/z"'):
        drain_directly(there, which, "aws/us-east-1/z")
    with pytest.raises(GslbError, match="no copy is meant"):
        drain_directly(there, rescue.Which(zone="example.org."), "203.0.1.1")


async def test_identifiers_of_route53_are_enough_where_there_are_no_policies(
    venue: Venue, pusher: Pusher, said: list[frozenset[str]], tmp_path: Path
) -> None:
    nowhere = settings_of(venue, tmp_path, None)
    asked = asyncio.to_thread(drain_directly, nowhere, rescue.Which(), f"{SITES[0]}/z0")
    if venue.dialect.name == "route53":
        await asked
        assert said == [GONE]
    else:
        with pytest.raises(GslbError, match="the policies cannot be read"):
            await asked
