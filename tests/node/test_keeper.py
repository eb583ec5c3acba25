"""The served table keeps in step with policies and situation; what fails changes nothing."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from gslb.errors import GslbError
from gslb.node.compilation import Change, Compiled, Job, Patched, Refused, Unchanged
from gslb.node.compiler import Compiler
from gslb.node.keeper import TableKeeper
from gslb.node.steps import LOOK_AROUND_EVERY, is_time_to_look
from gslb.policy.plan import Drained
from gslb.policy.problems import Problem, Where
from gslb.settings import Settings
from gslb.state.tables import Newest, ServedTable, TableStore
from gslb.steering.situation import AliasAddresses, Situation

AT = datetime(2026, 1, 1, tzinfo=UTC)
ALIAS = b"\x02lb\x07example\x03net\x00"
ADDRESS = AliasAddresses((bytes([203, 0, 113, 1]),))
REFUSED = Refused((Problem(Where(Path("a.yaml"), 3, 4), "E101", "no such thing"),))


class FakeCompiler(Compiler):
    """Answers as it is told, and remembers what it was asked."""

    def __init__(self, world: World) -> None:
        super().__init__()
        self.world = world
        self.changes: list[Change] = []
        self.closed = False

    async def describe(self) -> bytes:
        return b"" if self.world.died else b"described"

    async def compile(self, job: Job) -> Compiled | Refused | Unchanged:
        self.world.jobs.append(job)
        return await self.world.outcome(job)

    async def patch(self, change: Change) -> Patched | Compiled:
        self.changes.append(change)
        self.world.patched.set()
        if self.world.patch_fails:
            raise GslbError("no patch")
        if change.rewrite or self.world.full:
            return compiled(change.spare_generation, self.world)
        return Patched(1, 1)

    @property
    def has_ended(self) -> bool:
        return self.world.died

    async def close(self) -> None:
        self.closed = True


@dataclass
class World:
    """Everything around a keeper."""

    folder: Path
    now: datetime = AT
    jobs: list[Job] = field(default_factory=list)
    published: list[ServedTable] = field(default_factory=list)
    compilers: list[FakeCompiler] = field(default_factory=list)
    refuses: bool = False
    same: bool = False
    measured: bool = False
    fails: bool = False
    good: bool | None = None  # the last good policies can be used; None: there are none
    full: bool = False
    patch_fails: bool = False
    aliases: tuple[bytes, ...] = ()
    ends: tuple[datetime, ...] = ()
    during: Callable[[], None] = lambda: None
    patched: asyncio.Event = field(default_factory=asyncio.Event)
    told: asyncio.Event = field(default_factory=asyncio.Event)
    died: bool = False

    def keeper(self) -> TableKeeper:
        settings = Settings(state_directory=self.folder, policies=(self.folder / "policies",))
        return TableKeeper(
            settings, TableStore(self.folder), self.publish, self.compiler, lambda: self.now
        )

    def compiler(self) -> FakeCompiler:
        self.compilers.append(FakeCompiler(self))
        return self.compilers[-1]

    async def publish(self, table: ServedTable) -> None:
        self.published.append(table)
        self.told.set()

    async def outcome(self, job: Job) -> Compiled | Refused | Unchanged:
        self.during()
        if self.fails:
            raise GslbError("no disk")
        if self.same and job.former:
            return Unchanged(("a warning",), 1, ("an alarm",), 0.1)
        if job.last_good and self.good is None:
            raise GslbError("last-plan: No such file or directory")
        if not self.good if job.last_good else self.refuses:
            return REFUSED
        TableStore(self.folder).claim(job.generation)
        return compiled(job.generation, self, job.serial)


def compiled(generation: int, world: World, serial: int = 1) -> Compiled:
    return Compiled(
        path=world.folder / f"table-{generation}.gslb",
        generation=generation,
        serial=serial,
        policy="abc",
        zones=("example.com",),
        names=1,
        aliases=world.aliases,
        ends=world.ends,
        warnings=(),
        warning_count=0,
        geo="embedded",
        geo_alarms=(),
        seconds=0.1,
        octets=1,
        measured=world.measured,
    )


@pytest.fixture
def world(tmp_path: Path) -> World:
    return World(tmp_path)


@contextlib.asynccontextmanager
async def keeping_up(keeper: TableKeeper) -> AsyncIterator[None]:
    task = asyncio.create_task(keeper.keep_up())
    try:
        yield
    finally:
        task.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await task


def resolve(keeper: TableKeeper, address: AliasAddresses = ADDRESS) -> None:
    """Have the alias resolved to *address*, as the resolver would."""
    keeper.aliases._schedule.addresses[ALIAS] = address
    keeper.changed()


async def test_a_reload_serves_the_new_table(world: World) -> None:
    """Generations and serials only grow; the former process goes when its successor serves."""
    keeper = world.keeper()
    assert not keeper.take(Newest(None, None, ()))
    await keeper.reload()
    await keeper.reload()
    assert [table.generation for table in world.published] == [1, 2]
    assert keeper.served == world.published[-1]
    assert [compiler.closed for compiler in world.compilers] == [True, False]
    first, second = (job.serial for job in world.jobs)
    assert first == int(AT.timestamp())
    assert second == first + 1


async def test_a_refused_reload_leaves_everything(world: World) -> None:
    """What was served stays, with the process that changes it; the reasons can be read."""
    keeper = world.keeper()
    await keeper.reload()
    world.refuses = True
    assert await keeper.reload() == REFUSED
    assert [table.generation for table in world.published] == [1]
    assert keeper.refusal == ["a.yaml:3:4: error[E101] no such thing"]
    assert [compiler.closed for compiler in world.compilers] == [False, True]
    world.refuses = False
    await keeper.reload()
    assert keeper.refusal == []
    assert [table.generation for table in world.published] == [1, 2]  # the refusal used up none


async def test_a_reload_that_cannot_be_done_leaves_everything_too(world: World) -> None:
    """A full disk is no refusal, and is said all the same."""
    keeper = world.keeper()
    await keeper.reload()
    world.fails = True
    with pytest.raises(GslbError, match="no disk"):
        await keeper.reload()
    assert [table.generation for table in world.published] == [1]
    assert (keeper.refusal, keeper.failures) == ([], ["no disk"])
    assert world.compilers[1].closed
    world.fails = False
    await keeper.reload()
    assert keeper.failures == []
    assert [table.generation for table in world.published] == [1, 2]


async def test_generations_go_on_after_a_restart(world: World) -> None:
    """Whatever an earlier run has given out is not given out again."""
    await world.keeper().reload()
    keeper = world.keeper()
    await keeper.reload()
    assert [table.generation for table in world.published] == [1, 2]


async def test_a_change_is_patched_into_the_served_table(world: World) -> None:
    """The situation that is sent has the alias's new address; the generation stays."""
    world.aliases = (ALIAS,)
    keeper = world.keeper()
    keeper.aliases._schedule.addresses[ALIAS] = ADDRESS  # known from an earlier run
    await keeper.reload()
    async with keeping_up(keeper):
        world.patched.clear()
        other = AliasAddresses((bytes([203, 0, 113, 2]),))
        resolve(keeper, other)
        await world.patched.wait()
    (change,) = world.compilers[0].changes
    assert change.situation.aliases == {ALIAS: other}
    assert [table.generation for table in world.published] == [1]


async def test_a_change_without_room_is_served_as_a_new_generation(world: World) -> None:
    """The workers are told, and the next reload comes after it."""
    world.aliases = (ALIAS,)
    keeper = world.keeper()
    keeper.aliases._schedule.addresses[ALIAS] = ADDRESS
    await keeper.reload()
    world.full = True
    async with keeping_up(keeper):
        resolve(keeper, AliasAddresses())
        world.told.clear()
        await world.told.wait()
    world.full = False
    await keeper.reload()
    assert [table.generation for table in world.published] == [1, 2, 3]


async def test_a_table_that_was_overtaken_while_it_was_made_is_made_again(world: World) -> None:
    """A change took a newer generation meanwhile: workers would refuse the older one."""
    keeper = world.keeper()
    await keeper.reload()

    def overtake() -> None:
        generation = keeper._generations.next()
        keeper.served = ServedTable(world.folder / "table-3.gslb", generation)

    world.during = overtake
    await keeper.reload()
    assert world.compilers[1].changes[0].rewrite
    assert world.published[-1].generation == 4
    assert keeper.compiled is not None
    assert keeper.compiled.generation == 4


async def test_the_end_of_a_drain_is_a_change(world: World) -> None:
    """When a drain in the files ends, the table is brought to that moment by itself."""
    world.ends = (AT + timedelta(microseconds=1), AT + timedelta(days=1))
    keeper = world.keeper()
    await keeper.reload()
    assert keeper._seconds_to_next_step() == 1e-6
    async with keeping_up(keeper):
        world.now = AT + timedelta(seconds=1)
        await world.patched.wait()
    (change,) = world.compilers[0].changes
    assert change.situation.at == world.now
    assert keeper._seconds_to_next_step() == timedelta(days=1).total_seconds() - 1


async def test_aliases_of_the_served_table_are_kept_until_the_next_one_is_served(
    world: World,
) -> None:
    """New policies without an alias do not take its addresses away from the old table."""
    world.aliases = (ALIAS,)
    keeper = world.keeper()
    keeper.aliases._schedule.addresses[ALIAS] = ADDRESS
    await keeper.reload()
    world.aliases = ()
    seen: list[object] = []

    async def publish(table: ServedTable) -> None:
        seen.append(dict(keeper.aliases.addresses))

    keeper._publish = publish
    await keeper.reload()
    assert seen == [{ALIAS: ADDRESS}]
    assert keeper.aliases.addresses == {}


async def test_a_change_that_fails_is_tried_again_and_not_in_a_hurry(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    """One try each pause."""
    pauses: list[float] = []

    async def pause(seconds: float) -> None:
        pauses.append(seconds)
        world.patch_fails = len(pauses) < 2

    world.aliases = (ALIAS,)
    keeper = world.keeper()
    keeper.aliases._schedule.addresses[ALIAS] = ADDRESS
    await keeper.reload()
    world.patch_fails = True
    monkeypatch.setattr("gslb.node.keeper.asyncio.sleep", pause)
    resolve(keeper, AliasAddresses())
    async with keeping_up(keeper):
        while len(world.compilers[0].changes) < 3:
            world.patched.clear()
            await world.patched.wait()
    assert len(pauses) == 2
    assert replace(world.compilers[0].changes[-1]).situation.aliases == {ALIAS: AliasAddresses()}


async def test_a_process_that_died_is_replaced(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    """When the one that patches is gone, the policies are compiled by another one."""

    async def pause(_: float) -> None:
        return

    world.aliases = (ALIAS,)
    keeper = world.keeper()
    keeper.aliases._schedule.addresses[ALIAS] = ADDRESS
    await keeper.reload()
    world.patch_fails = world.died = True
    world.told.clear()
    monkeypatch.setattr("gslb.node.keeper.asyncio.sleep", pause)
    resolve(keeper, AliasAddresses())
    async with keeping_up(keeper):
        await world.told.wait()
    assert [table.generation for table in world.published] == [1, 2]
    assert world.jobs[-1].situation.aliases == {ALIAS: AliasAddresses()}


async def test_a_reload_without_news_leaves_the_served_table(world: World) -> None:
    """No generation is used up; what there is to say of the policies is that of now."""
    keeper = world.keeper()
    await keeper.reload()
    world.same = True
    assert isinstance(await keeper.reload(), Unchanged)
    assert [job.former for job in world.jobs] == [b"", b"described"]
    assert [table.generation for table in world.published] == [1]
    assert [compiler.closed for compiler in world.compilers] == [False, True]
    assert keeper.compiled is not None
    assert (keeper.compiled.warnings, keeper.compiled.warning_count) == (("a warning",), 1)
    assert keeper.compiled.geo_alarms == ("an alarm",)
    world.same = False
    await keeper.reload()
    assert [table.generation for table in world.published] == [1, 2]


async def test_a_reload_makes_a_table_when_nobody_is_left_to_change_the_served_one(
    world: World,
) -> None:
    """The process that patches has died: the same policies are compiled all the same."""
    keeper = world.keeper()
    await keeper.reload()
    world.same = world.died = True
    assert isinstance(await keeper.reload(), Compiled)
    assert [table.generation for table in world.published] == [1, 2]


async def test_measurements_are_looked_at_every_hour(world: World) -> None:
    """They age without a reload; policies are not read, and nothing new is no new table."""
    world.measured = True
    keeper = world.keeper()
    await keeper.reload()
    assert keeper._seconds_to_next_step() == LOOK_AROUND_EVERY.total_seconds()
    async with keeping_up(keeper):
        world.now = AT + LOOK_AROUND_EVERY
        keeper._changed.set()
        await world.patched.wait()
    (change,) = world.compilers[0].changes
    assert (change.look_around, change.situation.at) == (True, world.now)
    assert len(world.jobs) == 1
    assert [table.generation for table in world.published] == [1]
    assert keeper._seconds_to_next_step() == LOOK_AROUND_EVERY.total_seconds()


async def test_a_world_that_has_changed_is_served(world: World) -> None:
    """The workers are told of the next generation."""
    world.measured = world.full = True
    keeper = world.keeper()
    await keeper.reload()
    async with keeping_up(keeper):
        world.told.clear()
        world.now = AT + LOOK_AROUND_EVERY
        keeper._changed.set()
        await world.told.wait()
    assert [table.generation for table in world.published] == [1, 2]


async def test_a_look_that_fails_is_told_and_waits_for_the_next_hour(world: World) -> None:
    """What was served stays; the next one that works takes the word back."""
    world.measured = world.patch_fails = True
    keeper = world.keeper()
    await keeper.reload()
    async with keeping_up(keeper):
        world.now = AT + LOOK_AROUND_EVERY
        keeper._changed.set()
        await world.patched.wait()
        await asyncio.sleep(0)  # the keeper's turn, after the fake's answer
        assert keeper.failures == ["geography and measurements could not be renewed: no patch"]
        assert keeper._seconds_to_next_step() == LOOK_AROUND_EVERY.total_seconds()
        world.patch_fails = False
        world.patched.clear()
        world.now += LOOK_AROUND_EVERY
        keeper._changed.set()
        await world.patched.wait()
        await asyncio.sleep(0)
    assert keeper.failures == []
    assert [table.generation for table in world.published] == [1]


async def test_without_measurements_nothing_is_looked_at(world: World) -> None:
    """Geography alone changes at a reload only."""
    keeper = world.keeper()
    await keeper.reload()
    assert keeper._seconds_to_next_step() is None
    world.now = AT + timedelta(days=1)
    assert not is_time_to_look(keeper.compiled, keeper._looked_around, world.now)


async def test_a_plan_that_cannot_be_served_is_not_watched_either(world: World) -> None:
    """Health is that of what is served: a new plan is told before its table, and taken back."""
    told: list[int] = []
    drained = {"aws/us-east-1/a": Drained("why", None, Where(Path("a.yaml"), 1, 1))}
    keeper = TableKeeper(
        Settings(state_directory=world.folder, policies=(world.folder / "policies",)),
        TableStore(world.folder),
        world.publish,
        world.compiler,
        lambda: world.now,
        situate=lambda aliases, at: Situation(at, drains=drained if told else {}, aliases=aliases),
        replan=lambda compiled: told.append(compiled.generation),
    )
    await keeper.reload()
    assert told == [1]
    told.clear()
    world.patch_fails = True
    with pytest.raises(GslbError, match="no patch"):
        await keeper.reload()
    assert told == [2, 1]
    assert keeper.compiled is not None
    assert keeper.compiled.generation == 1


async def test_while_the_first_policies_are_refused_the_last_good_ones_go_on(world: World) -> None:
    """They are compiled and served, so that checks and drains work; the refusal stays to be read."""
    world.refuses = world.good = True
    keeper = world.keeper()
    assert await keeper.reload() is REFUSED
    assert [job.last_good for job in world.jobs] == [False, True]
    assert keeper.compiled is not None
    assert [one.generation for one in world.published] == [1]
    assert await keeper.apply()
    assert (keeper.refusal, keeper.failures) == (REFUSED.lines, [])
    assert await keeper.reload() is REFUSED  # of a later one it is what is served that stays
    assert len(world.jobs) == 3
    assert len(world.published) == 1
    world.refuses = False
    assert isinstance(await keeper.reload(), Compiled)
    assert (keeper.refusal, world.published[-1].generation) == ([], 2)
    assert [one.closed for one in world.compilers] == [True, True, True, False]
    await keeper.close()


@pytest.mark.parametrize("good", [None, False])
async def test_without_good_policies_of_before_that_is_an_alarm(
    world: World, good: bool | None
) -> None:
    """Nothing is served, or the table on disk goes on, unchecked; and the next reload tries again."""
    world.refuses, world.good = True, good
    keeper = world.keeper()
    for tries in (2, 4):
        assert await keeper.reload() is REFUSED
        assert len(world.jobs) == tries
    assert (keeper.compiled, keeper.refusal) == (None, REFUSED.lines)
    (alarm,) = keeper.failures
    assert "last good policies" in alarm
    assert all(one.closed for one in world.compilers)


async def test_a_plan_that_could_not_be_kept_is_told(world: World) -> None:
    """It is served all the same."""
    keeper = world.keeper()
    made = await keeper.reload()
    assert isinstance(made, Compiled)
    assert keeper.failures == []
    keeper.compiled = replace(made, unkept="last-plan: No space left on device")
    assert keeper.failures == ["last-plan: No space left on device"]
    await keeper.close()
