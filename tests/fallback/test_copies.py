"""A copy, kept: nothing before an operator's word, drains first, others' changes told or put back."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Iterable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from typing import Any

import pytest

from gslb.fallback.copies import Copy
from gslb.fallback.messages import CopyId, CopyStateWord, PlanPush, Which
from gslb.fallback.proposals import PlanRefusedError, Proposals
from gslb.fallback.snapshot import Snapshot
from gslb.fallback.standing import Standing
from gslb.policy.plan import Plan
from gslb.push.objects import Actual, Batch, Rrset, Support, manifest_name
from gslb.push.ownership import Manifest
from gslb.push.provider import Conflict, Dialect, Unavailable
from gslb.push.reconcile import GAP
from gslb.push.route53.dialect import Route53
from gslb.push.withdrawal import withdraw
from gslb.settings import PushSection
from tests.patience import PATIENCE_SECONDS
from tests.push import lab
from tests.push.test_plan import zone_of
from tests.steering import lab as steering

ZONE = "example.com."
ID = CopyId("route53", ZONE, "Z1")
PUSH = PushSection.model_validate(
    {"owner": lab.OWNER, "route53": {"zone": "example.com", "zone_id": "Z1"}}
)
SITES = ("aws/us-east-1", "aws/eu-central-1", "gcp/asia-east1")
DRAINED = ("aws/eu-central-1/z0",)


@dataclass
class Memory:
    """A zone in memory."""

    dialect: Dialect = field(default_factory=Route53)
    actual: Actual = field(default_factory=Actual)
    batches: int = 0
    trouble: Exception | None = None
    settling: asyncio.Event | None = None  # changes are not in sync before it is set
    reading: asyncio.Event | None = None  # nothing is read before it is set
    writing: asyncio.Event | None = None  # nothing is taken before it is set
    reads: int = 0  # that were begun

    def inherit(self, owners: frozenset[str]) -> None:
        pass

    async def read(self) -> Actual:
        self.reads += 1
        if self.reading is not None:
            await self.reading.wait()
        if self.trouble is not None:
            raise self.trouble
        return self.actual

    async def create(self, supports: Sequence[Support]) -> None:
        known = {**self.actual.supports, **{one.key: one for one in supports}}
        self.actual = replace(self.actual, supports=known)

    async def commit(self, batch: Batch) -> str:
        if self.writing is not None:
            await self.writing.wait()
        if self.trouble is not None:
            raise self.trouble
        rrsets = dict(self.actual.rrsets)
        for change in batch.changes:
            if change.old is not None:
                found = rrsets.pop(change.old.key, None)
                if found is None or found.text != change.old.text:
                    raise Conflict(f"{change.old.name} is not as it was read")
            if change.new is not None:
                rrsets[change.new.key] = change.new
        self.actual = replace(self.actual, rrsets=rrsets)
        self.batches += 1
        return f"C{self.batches}"

    async def settled(self, _: str) -> bool:
        if self.settling is not None:
            await self.settling.wait()
        return True

    async def discard(self, keys: Sequence[str]) -> None:
        left = {key: one for key, one in self.actual.supports.items() if key not in keys}
        self.actual = replace(self.actual, supports=left)

    async def close(self) -> None:
        pass

    @property
    def addresses(self) -> str:
        """Every body, to be searched."""
        return "".join(one.text for one in self.actual.rrsets.values())

    def drop_one(self) -> Rrset:
        """Delete a record set of ours, as somebody else would."""
        one = next(one for key, one in sorted(self.actual.rrsets.items()) if key[0][:3] == "_v-")
        rrsets = {key: each for key, each in self.actual.rrsets.items() if key != one.key}
        self.actual = replace(self.actual, rrsets=rrsets)
        return one


def snapshot(generation: int, drained: Iterable[str] = ()) -> Snapshot:
    plan = Plan((zone_of(sites=SITES),), "hash")
    situation = replace(steering.situation(drained=drained, check=None), health={})
    return Snapshot(plan, lab.WORLD, situation, generation)


@dataclass
class Kept:
    """A copy that runs, and what was told of it."""

    copy: Copy
    proposals: Proposals
    news: list[tuple[str, Any]]
    running: asyncio.Task[None]

    async def until(self, holds: Callable[[], bool]) -> None:
        async with asyncio.timeout(PATIENCE_SECONDS):
            while not holds():
                assert not self.running.done(), self.running
                await asyncio.sleep(0.002)  # between two looks; what is looked for ends the wait

    async def until_state(self, word: str, generation: int) -> None:
        await self.until(
            lambda: (
                (self.copy.state.state, self.copy.state.generation)
                == (CopyStateWord(word), generation)
                and not self.copy.working
            )
        )

    async def begin(self) -> None:
        """Have the first plan carried out."""
        self.copy.want(snapshot(1), drain=False)
        await self.until_state("held", 1)
        said = await self.proposals.plan(PlanPush(Which()))
        await self.proposals.apply(said["hash"], force=False)
        await self.until_state("insync", 1)


@asynccontextmanager
async def kept(zone: Memory, push: PushSection = PUSH) -> AsyncIterator[Kept]:
    news: list[tuple[str, Any]] = []
    standing = Standing(
        ID, lambda: None, lambda kind, _, detail: news.append((kind, detail)), float
    )
    copy = Copy(standing, push, lambda: zone)
    running = asyncio.create_task(copy.run())
    made = Kept(copy, Proposals(copy), news, running)
    try:
        yield made
    finally:
        running.cancel()
        with pytest.raises(asyncio.CancelledError):
            await running


async def test_nothing_is_written_before_an_operator_has_seen_a_plan() -> None:
    zone = Memory()
    async with kept(zone) as one:
        one.copy.want(snapshot(1), drain=False)
        await one.until_state("held", 1)
        assert "gslb push plan" in one.copy.state.reason
        assert (zone.batches, zone.actual.rrsets) == (0, {})
        said = await one.proposals.plan(PlanPush(Which()))
        assert zone.batches == 0
        await one.proposals.apply(said["hash"], force=False)
        await one.until_state("insync", 1)
        assert one.copy.state.begun
        assert [kind for kind, _ in one.news] == ["push.held", "push.done"]


async def test_a_drain_made_there_holds_pushes_until_it_is_made_here() -> None:
    """What was held is on its way at once when something else is desired: drains wait for it."""
    zone = Memory()
    async with kept(zone) as one:
        await one.begin()
        gone = frozenset({"203.0.1.5", "2001:db8:ffff::5"})  # of the endpoint that is drained below
        for batch in withdraw(zone.dialect, ZONE, zone.actual, lab.OWNER, gone).batches:
            await zone.commit(batch)
        one.copy.look_again()
        await one.until_state("held", 1)
        assert any("drained there while we were away" in stop for stop in one.copy.state.stops)
        one.copy.want(snapshot(2, DRAINED), drain=True)
        assert one.copy.state.state is CopyStateWord.PENDING
        await one.until_state("insync", 2)
        assert not any(f'"{address}"' in zone.addresses for address in gone)


async def test_a_drain_follows_by_itself_and_at_once() -> None:
    zone = Memory()
    async with kept(zone) as one:
        await one.begin()
        assert "203.0.1.5" in zone.addresses
        one.copy.want(snapshot(2, DRAINED), drain=True)
        assert one.copy.state.state is CopyStateWord.PENDING
        await one.until_state("insync", 2)
        assert '"203.0.1.5"' not in zone.addresses
        assert (one.copy.state.pushed, one.copy.state.behind_since) == (2, None)


async def test_a_drain_reads_nothing_and_what_it_left_is_compared_later() -> None:
    zone = Memory()
    async with kept(zone) as one:
        await one.begin()
        before = zone.reads
        one.copy.want(snapshot(2, DRAINED), drain=True)
        await one.until_state("insync", 2)
        one.copy.want(snapshot(3), drain=True)
        await one.until_state("insync", 3)
        assert (zone.reads, zone.batches) == (before, 3)
        assert '"203.0.1.5"' in zone.addresses
        assert one.copy._schedule._compare_at < one.copy.times.clock()  # as soon as the gap allows


async def test_a_drain_of_a_zone_that_is_not_as_we_left_it_reads_it_after_all() -> None:
    zone = Memory()
    async with kept(zone) as one:
        await one.begin()
        before, gone = zone.reads, zone.drop_one()
        one.copy.want(snapshot(2, (gone.body["SetIdentifier"].split("/", 2)[2],)), drain=True)
        await one.until_state("insync", 2)
        assert zone.reads > before
        assert (await one.proposals.verify(answers=False))["intact"]


async def test_a_drain_does_not_wait_for_a_comparison() -> None:
    zone = Memory()
    async with kept(zone) as one:
        await one.begin()
        zone.reading, before = asyncio.Event(), zone.reads
        one.copy._schedule._began_at = -GAP  # as if the first push had been long ago
        one.copy.look_again(doubtful=False)
        await one.until(lambda: zone.reads == before + 1)
        one.copy.want(snapshot(2, DRAINED), drain=True)
        await one.until_state("insync", 2)
        assert '"203.0.1.5"' not in zone.addresses
        assert (zone.reads, one.copy.state.runs["cut"]) == (before + 1, 1)


async def test_a_drain_does_not_wait_until_an_earlier_push_is_in_sync() -> None:
    """What is handed in is handed in: only the waiting is cut."""
    zone = Memory()
    async with kept(zone) as one:
        await one.begin()
        zone.settling = asyncio.Event()
        one.copy.want(snapshot(2, DRAINED), drain=True)
        await one.until(lambda: one.copy.state.part == 1 and zone.batches == 2)
        one.copy.want(snapshot(3, ("aws/us-east-1/z0",)), drain=True)
        await one.until(lambda: zone.batches == 3)
        assert '"203.0.1.1"' not in zone.addresses
        zone.settling.set()
        await one.until_state("insync", 3)
        assert one.copy.state.runs["cut"] == 1


async def test_what_others_change_is_told_and_put_back_only_if_that_is_wanted() -> None:
    for heal in (False, True):
        zone = Memory()
        async with kept(zone, PUSH.model_copy(update={"heal": heal})) as one:
            await one.begin()
            gone = zone.drop_one()
            one.copy.look_again()
            one.copy.want(snapshot(2), drain=True)  # nothing is drained: it only is no later
            await one.until_state("insync", 2)
            assert (gone.key in zone.actual.rrsets) is heal
            assert one.copy.state.drift == ({} if heal else {"missing": 1})
            said = await one.proposals.verify(answers=False)
            assert said["intact"] is heal


async def test_a_provider_that_is_down_is_unavailable_and_comes_back() -> None:
    zone = Memory()
    async with kept(zone) as one:
        await one.begin()
        zone.trouble = Unavailable("no credentials")
        one.copy.want(snapshot(2, DRAINED), drain=True)
        await one.until_state("unavailable", 2)
        assert one.copy.state.reason == "no credentials"
        assert one.news[-1][0] == "push.unavailable"
        assert one.copy.state.behind_since is not None
        zone.trouble = None
        one.copy.want(snapshot(3, DRAINED), drain=True)
        await one.until_state("insync", 3)


async def test_somebody_newer_stops_it() -> None:
    """A manifest above our generation: we are the stale leader (failures F06)."""
    zone = Memory()
    async with kept(zone) as one:
        await one.begin()
        newer = zone.dialect.text(
            manifest_name(ZONE), 60, Manifest(lab.OWNER, 9, "ab", 1, 1).text()
        )
        zone.actual = replace(zone.actual, rrsets={**zone.actual.rrsets, newer.key: newer})
        before = zone.actual
        one.copy.want(snapshot(2, DRAINED), drain=True)
        await one.until_state("failed", 2)
        assert "generation 9" in "".join(one.copy.state.stops)
        assert zone.actual == before


async def test_a_plan_is_for_the_state_that_it_was_made_of() -> None:
    zone = Memory()
    async with kept(zone) as one:
        one.copy.want(snapshot(1), drain=False)
        await one.until_state("held", 1)
        said = await one.proposals.plan(PlanPush(Which()))
        one.copy.want(snapshot(2, DRAINED), drain=True)
        await one.until_state("held", 2)
        with pytest.raises(PlanRefusedError, match="the state has moved"):
            await one.proposals.apply(said["hash"], force=True)
        assert zone.batches == 0


async def test_a_plan_is_carried_out_when_a_comparison_under_way_has_ended() -> None:
    """And nothing else comes between, were it due by then."""
    zone = Memory()
    async with kept(zone) as one:
        one.copy.want(snapshot(1), drain=False)
        await one.until_state("held", 1)
        said = await one.proposals.plan(PlanPush(Which()))
        zone.reading, zone.writing, before = asyncio.Event(), asyncio.Event(), zone.reads
        one.copy.want(snapshot(2), drain=True)  # a comparison at once; the hash is the same
        await one.until(lambda: zone.reads == before + 1)
        applying = asyncio.create_task(one.proposals.apply(said["hash"], force=False))
        await asyncio.sleep(0)
        assert not applying.done()
        one.copy.look_again()
        zone.reading.set()
        await applying
        assert zone.reads == before + 2  # the comparison, and the plan made anew
        zone.writing.set()
        await one.until(lambda: zone.batches == 1)


@pytest.mark.parametrize("handed_in", [False, True])
async def test_a_plan_is_refused_with_what_is_under_way_if_that_does_not_end(
    handed_in: bool,
) -> None:
    zone = Memory()
    async with kept(zone) as one:
        await one.begin()
        said = await one.proposals.plan(PlanPush(Which(), purge=True))
        stopped = asyncio.Event()
        zone.settling, zone.writing = (stopped, None) if handed_in else (None, stopped)
        one.copy.want(snapshot(2, DRAINED), drain=True)
        words = "waits until all name servers have it" if handed_in else "0 of 1 batches handed in"
        await one.until(lambda: words in one.copy.doing)
        hasty = Proposals(one.copy, patience=0.0)
        hasty._kept.update(one.proposals._kept)
        with pytest.raises(PlanRefusedError, match=words):
            await hasty.apply(said["hash"], force=True)
        applying = asyncio.create_task(one.proposals.apply(said["hash"], force=True))
        stopped.set()
        with pytest.raises(PlanRefusedError, match="the state has moved"):
            await applying
        await one.until_state("insync", 2)


async def test_a_drain_goes_before_an_operator_who_waits() -> None:
    zone = Memory()
    async with kept(zone) as one:
        await one.begin()
        said = await one.proposals.plan(PlanPush(Which(), purge=True))
        zone.reading, before = asyncio.Event(), zone.reads
        one.copy.want(snapshot(2), drain=True)
        await one.until(lambda: zone.reads == before + 1)
        applying = asyncio.create_task(one.proposals.apply(said["hash"], force=True))
        await asyncio.sleep(0)
        one.copy.want(snapshot(3, DRAINED), drain=True)
        zone.reading.set()
        with pytest.raises(PlanRefusedError, match="the state has moved"):
            await applying
        await one.until_state("insync", 3)
        assert '"203.0.1.5"' not in zone.addresses


async def test_a_purge_leaves_nothing_and_ends_the_keeping_up() -> None:
    zone = Memory()
    async with kept(zone) as one:
        await one.begin()
        one.copy.want(snapshot(2), drain=True)  # as the node does before it asks
        await one.until_state("insync", 2)
        said = await one.proposals.plan(PlanPush(Which(), purge=True))
        assert said["counts"]["delete"] > 10
        with pytest.raises(PlanRefusedError, match="--force goes on all the same"):
            await one.proposals.apply(said["hash"], force=False)
        await one.proposals.apply(said["hash"], force=True)
        await one.until(lambda: not zone.actual.rrsets and not one.copy.working)
        one.copy.want(snapshot(3), drain=True)
        await one.until_state("held", 3)
        assert not zone.actual.rrsets
        assert not one.copy.state.begun


async def test_a_zone_that_is_not_ours_to_serve_is_said_to_be_none() -> None:
    async with kept(Memory()) as one:
        one.copy.want(replace(snapshot(1), plan=Plan((), "none")), drain=False)
        await one.until_state("held", 1)
        assert "not served here" in one.copy.state.reason
