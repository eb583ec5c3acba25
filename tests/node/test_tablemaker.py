"""The process that makes tables: policies in, a valid table out, then changes of situation."""

from __future__ import annotations

import asyncio
import errno
from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from gslb.answers.patch import ArenaFull, TableWriter
from gslb.answers.table import AnswerTable, SteerView
from gslb.answers.verify import verify
from gslb.errors import GslbError
from gslb.geo.settings import GeoSettings
from gslb.node import tablemaker
from gslb.node.compilation import (
    Change,
    Compiled,
    Describe,
    Explain,
    Failed,
    GoOn,
    Job,
    Mistaken,
    Patched,
    PlanDrain,
    Refused,
    Unchanged,
    Unfinished,
)
from gslb.node.compiler import Compiler
from gslb.node.tablemaker import TableMaker
from gslb.policy.plan import Drained
from gslb.policy.problems import NOWHERE
from gslb.state.tables import TableStore, map_table
from gslb.steering.draineffect import DrainPlan
from gslb.steering.explanation import Explanation
from gslb.steering.situation import AliasAddresses, Situation
from tests.policytext import HEAD

AT = datetime(2026, 1, 1, tzinfo=UTC)
ALIAS = b"\x02lb\x07example\x03net\x00"
ADDRESS = AliasAddresses((bytes([203, 0, 113, 1]),))
NAME = b"\x03www\x07example\x03com\x00"
POLICY = (
    HEAD
    + """\
sites:
  aws/us-east-1:
    zones:
      a: {A: 192.0.2.1}
      b: {A: 192.0.2.2, drained: {why: work, until: "2026-01-02T00:00Z"}}
      c: {alias: lb.example.net}
records:
  www.example.com: {answer: {count: 8}, rules: [{to: aws/us-east-1}]}
"""
)


def job_of(folder: Path, text: str = POLICY, *, generation: int = 1) -> Job:
    policy = folder / "policy.yaml"
    policy.write_text(text)
    state = folder / "state"
    state.mkdir(exist_ok=True)
    return Job((policy,), state, GeoSettings(), generation, 7, Situation(AT))


def addresses_in(path: Path) -> set[bytes]:
    """Return every address that www.example.com may be answered with."""
    octets = map_table(path)
    assert verify(octets) == []
    table = AnswerTable(octets)
    steer = table.entry(table.find(NAME).ref, 1)
    assert isinstance(steer, SteerView)
    bodies = [body.octets for _, body in table.alternatives(steer, 0)]
    return {body[at - 4 : at] for body in bodies for at in range(16, len(body) + 1, 16)}


def planned(maker: TableMaker, drain: PlanDrain) -> object:
    """Return the plan of *drain*, in however many slices it is made."""
    answer = maker.do(drain)
    while isinstance(answer, Unfinished):
        answer = maker.do(GoOn())
    return answer


def do(maker: TableMaker, work: Job | Change) -> Compiled | Patched:
    done = maker.do(work)
    assert isinstance(done, Compiled | Patched), done
    return done


def test_policies_become_a_table_on_disk(tmp_path: Path) -> None:
    """What is said of it is what is in it."""
    made = do(TableMaker(), job_of(tmp_path, generation=5))
    assert isinstance(made, Compiled)
    assert made.path == tmp_path / "state" / "table-5.gslb"
    assert (made.generation, made.serial, made.names) == (5, 7, 1)
    assert made.zones == ("example.com",)
    assert made.aliases == (ALIAS,)
    assert made.ends == (datetime(2026, 1, 2, tzinfo=UTC),)
    table = AnswerTable(map_table(made.path))
    assert (table.generation, table.zones[0].serial, table.origin) == (5, 7, made.policy)
    assert addresses_in(made.path) == {bytes([192, 0, 2, 1])}


def test_a_situation_is_patched_into_the_same_file(tmp_path: Path) -> None:
    """An alias that is resolved, and a drain that has ended, show in the table that is mapped."""
    maker = TableMaker()
    made = do(maker, job_of(tmp_path))
    assert isinstance(made, Compiled)
    resolved = {ALIAS: AliasAddresses((bytes([203, 0, 113, 1]),))}
    patched = do(maker, Change(Situation(AT, aliases=resolved), 2))
    assert isinstance(patched, Patched)
    assert patched.choices + patched.pools > 0
    assert addresses_in(made.path) == {bytes([192, 0, 2, 1]), bytes([203, 0, 113, 1])}
    later = datetime(2026, 1, 3, tzinfo=UTC)
    assert isinstance(do(maker, Change(Situation(later, aliases=resolved), 2)), Patched)
    assert bytes([192, 0, 2, 2]) in addresses_in(made.path)
    assert not (tmp_path / "state" / "table-2.gslb").exists()


def test_the_same_situation_changes_nothing(tmp_path: Path) -> None:
    """A patch without news is empty."""
    maker = TableMaker()
    do(maker, job_of(tmp_path))
    assert do(maker, Change(Situation(AT), 2)) == Patched(0, 0)


def test_a_table_is_made_anew_on_demand(tmp_path: Path) -> None:
    """It has the spare generation, the situation of now, and takes the later patches."""
    maker = TableMaker()
    do(maker, job_of(tmp_path))
    resolved = {ALIAS: AliasAddresses((bytes([203, 0, 113, 1]),))}
    made = do(maker, Change(Situation(AT, aliases=resolved), 9, rewrite=True))
    assert isinstance(made, Compiled)
    assert made.generation == 9
    assert bytes([203, 0, 113, 1]) in addresses_in(made.path)
    do(maker, Change(Situation(AT), 10))
    assert addresses_in(made.path) == {bytes([192, 0, 2, 1])}


def test_a_table_without_room_for_a_change_is_made_anew(tmp_path: Path) -> None:
    """Changes without end use up the room; then the next generation takes over, and so on."""
    maker = TableMaker()
    made = do(maker, job_of(tmp_path))
    for n in range(20_000):
        addresses = tuple(bytes([10, n // 256, n % 256, host]) for host in range(1, 33))
        done = do(maker, Change(Situation(AT, aliases={ALIAS: AliasAddresses(addresses)}), 2))
        if isinstance(done, Compiled):
            made = done
            break
    assert isinstance(made, Compiled)
    assert made.generation == 2
    assert bytes([192, 0, 2, 1]) in addresses_in(made.path)
    assert addresses_in(made.path) & set(addresses)


@pytest.mark.parametrize(
    ("text", "says"),
    [
        (POLICY.replace("version: 1", "version: 2"), "policy.yaml:1:"),
        (POLICY.replace("{to: aws/us-east-1}", "{to: aws/us-east-9}"), "us-east-9"),
        (
            POLICY.replace("[{to:", "[{when: {area: atlantis}, to: aws/us-east-1}, {to:"),
            "atlantis",
        ),
    ],
)
def test_policies_with_errors_make_nothing(tmp_path: Path, text: str, says: str) -> None:
    """Errors of the language, of references and of geography alike come with their place."""
    refused = TableMaker().do(job_of(tmp_path, text))
    assert isinstance(refused, Refused)
    assert any(says in line and "policy.yaml:" in line for line in refused.lines)
    assert not list((tmp_path / "state").glob("table-*.gslb"))


def test_a_disk_that_takes_nothing_is_a_failure_in_words(tmp_path: Path) -> None:
    """No traceback, and the maker can be asked again."""
    job = job_of(tmp_path)
    job.state_directory.rmdir()
    job.state_directory.write_text("")
    failed = TableMaker().do(job)
    assert isinstance(failed, Failed)
    assert str(job.state_directory) in failed.reason


def test_a_patch_before_any_table_is_a_failure() -> None:
    """It cannot happen, and is said if it does."""
    assert isinstance(TableMaker().do(Change(Situation(AT), 1)), Failed)


@pytest.fixture
async def compiler() -> AsyncIterator[Compiler]:
    """A compiler whose process ends with the test."""
    made = Compiler()
    yield made
    await made.close()


async def test_the_process_answers_as_the_maker_does(tmp_path: Path, compiler: Compiler) -> None:
    """Values go to another process and come back, refusals and all; a patch follows a table."""
    made = await compiler.compile(job_of(tmp_path))
    assert isinstance(made, Compiled)
    assert made.names == 1
    assert await compiler.patch(Change(Situation(AT), 2)) == Patched(0, 0)
    refused = await compiler.compile(job_of(tmp_path, "version: 3\n"))
    assert isinstance(refused, Refused)
    assert not compiler.has_ended


def test_the_same_policies_in_the_same_world_make_no_table(tmp_path: Path) -> None:
    """The next maker is told what is served; it says what there is to say, and writes nothing."""
    maker = TableMaker()
    made = do(maker, job_of(tmp_path))
    former = maker.do(Describe())
    assert isinstance(former, bytes)
    again = TableMaker().do(replace(job_of(tmp_path, generation=2), former=former))
    assert isinstance(again, Unchanged)
    assert isinstance(made, Compiled)
    assert again.warnings == made.warnings
    assert [path.name for path in (tmp_path / "state").glob("table-*.gslb")] == ["table-1.gslb"]
    assert TableStore(tmp_path / "state").latest_generation() == 1
    assert TableMaker().do(Describe()) == b""


def test_other_policies_say_what_is_different(tmp_path: Path) -> None:
    """Without anything to compare with nothing is said."""
    maker = TableMaker()
    made = do(maker, job_of(tmp_path))
    former = maker.do(Describe())
    assert isinstance(former, bytes)
    text = POLICY.replace("www.example.com:", "api.example.com:")
    other = TableMaker().do(replace(job_of(tmp_path, text, generation=2), former=former))
    assert isinstance(made, Compiled)
    assert isinstance(other, Compiled)
    assert made.changes is None
    assert other.changes is not None
    assert other.changes.lines == [
        "1 name added: api.example.com",
        "1 name removed: www.example.com",
    ]


LATENCY = POLICY.replace("{to: aws/us-east-1}", "{pick: latency, to: [aws/us-east-1]}")
ROWS = "key,site,p50_ms,samples,observed_at\nBR,aws/us-east-1,120,500,2025-12-31T12:00:00Z\n"


def test_a_look_around_makes_a_table_only_of_another_world(tmp_path: Path) -> None:
    """Rows that have become too old are another world; policies on disk are not looked at."""
    maker = TableMaker()
    job = job_of(tmp_path, LATENCY)
    (job.state_directory / "latency.csv").write_text(ROWS)
    made = do(maker, job)
    assert isinstance(made, Compiled)
    assert made.measured
    (tmp_path / "policy.yaml").write_text("version: 3")
    soon, late = AT + timedelta(hours=1), AT + timedelta(hours=13)
    assert isinstance(do(maker, Change(Situation(soon), 2, look_around=True)), Patched)
    renewed = do(maker, Change(Situation(late), 2, look_around=True))
    assert isinstance(renewed, Compiled)
    assert (renewed.generation, renewed.serial, renewed.policy) == (2, made.serial, made.policy)
    assert isinstance(do(maker, Change(Situation(late), 3, look_around=True)), Patched)


def test_a_look_around_that_cannot_be_written_changes_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Changes go on into the table that is there, and the next look makes up for it."""
    maker = TableMaker()
    job = job_of(tmp_path, LATENCY)
    (job.state_directory / "latency.csv").write_text(ROWS)
    do(maker, job)
    late = Situation(AT + timedelta(hours=13), aliases={ALIAS: ADDRESS})

    def full(*_: object) -> Path:
        raise GslbError("No space left on device")

    with monkeypatch.context() as patched:
        patched.setattr(TableStore, "write", full)
        assert isinstance(maker.do(Change(late, 2, look_around=True)), Failed)
        assert isinstance(do(maker, Change(late, 2)), Patched)
    assert bytes([203, 0, 113, 1]) in addresses_in(tmp_path / "state" / "table-1.gslb")
    assert isinstance(do(maker, Change(late, 3, look_around=True)), Compiled)


def test_a_change_that_could_not_be_written_is_not_taken_for_served(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Room used up and a full disk at once: the next try shows all of it, not what came since."""
    maker = TableMaker()
    do(maker, job_of(tmp_path))
    resolved = Situation(AT, aliases={ALIAS: ADDRESS})

    def full(*_: object) -> None:
        raise ArenaFull

    def no_space(*_: object) -> Path:
        raise OSError(errno.ENOSPC, "No space left on device")

    with monkeypatch.context() as patched:
        patched.setattr(TableWriter, "patch", full)
        patched.setattr(TableStore, "write", no_space)
        assert isinstance(maker.do(Change(resolved, 2)), Failed)
    made = do(maker, Change(resolved, 3))
    assert isinstance(made, Compiled)
    assert bytes([203, 0, 113, 1]) in addresses_in(made.path)
    assert do(maker, Change(resolved, 4)) == Patched(0, 0)


async def test_the_process_describes_what_it_has_made(tmp_path: Path, compiler: Compiler) -> None:
    """Before it has made anything there is nobody to ask; after its end neither."""
    assert await compiler.describe() == b""
    await compiler.compile(job_of(tmp_path))
    former = await compiler.describe()
    assert former
    other = Compiler()
    job = replace(job_of(tmp_path, generation=2), former=former)
    assert isinstance(await other.compile(job), Unchanged)
    await other.close()
    assert await other.describe() == b""


def test_a_plan_of_a_drain_lets_a_change_of_health_come_first(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Between two slices the table may change; the plan speaks of the situation it was asked for."""
    maker = TableMaker()
    do(maker, job_of(tmp_path))
    drain = PlanDrain(("aws/us-east-1/a",), Situation(AT))
    whole = planned(maker, drain)
    assert isinstance(whole, DrainPlan)
    assert isinstance(maker.do(GoOn()), Failed)
    monkeypatch.setattr(tablemaker, "SLICE_SECONDS", 0.0)
    slices = [maker.do(drain)]
    held = {"aws/us-east-1/a": Drained("x", None, NOWHERE)}
    assert isinstance(do(maker, Change(Situation(AT, drains=held), 2)), Patched)
    monkeypatch.undo()
    slices.append(maker.do(GoOn()))
    while slices[-1] == Unfinished():
        slices.append(maker.do(GoOn()))
    assert slices[0] == Unfinished()
    assert slices[-1] == whole


async def test_whoever_asks_for_a_plan_gets_all_of_it(tmp_path: Path, compiler: Compiler) -> None:
    """Two at a time do not get into each other's way, nor into that of a change."""
    with pytest.raises(GslbError, match="nothing was compiled"):
        await compiler.plan_drain(PlanDrain(("aws/us-east-1/a",), Situation(AT)))
    await compiler.compile(job_of(tmp_path))
    drains = [PlanDrain((f"aws/us-east-1/{zone}",), Situation(AT)) for zone in "ac"]
    plans = [compiler.plan_drain(drain) for drain in drains]
    *found, patched = await asyncio.gather(*plans, compiler.patch(Change(Situation(AT), 2)))
    assert [plan.endpoints for plan in found if isinstance(plan, DrainPlan)] == [
        drain.endpoints for drain in drains
    ]
    assert isinstance(patched, Patched)


def test_what_is_worked_out_ahead_changes_no_plan(tmp_path: Path) -> None:
    """The work has an end, and begins again with another world."""
    maker = TableMaker()
    assert not maker.work_ahead()
    do(maker, job_of(tmp_path))
    drain = PlanDrain(("aws/us-east-1/a",), Situation(AT))
    before = planned(maker, drain)
    pieces = 0
    while maker.work_ahead():
        pieces += 1
    assert pieces == 3  # for the clients of the one policy, and what is served now
    assert planned(maker, drain) == before


def test_questions_are_answered_of_what_was_compiled(tmp_path: Path) -> None:
    """Explanations and plans of drains come from the very plan that is served."""
    maker = TableMaker()
    drain = PlanDrain(("aws/us-east-1/a",), Situation(AT))
    assert isinstance(maker.do(drain), Failed)
    assert isinstance(maker.do(job_of(tmp_path)), Compiled)
    plan = planned(maker, drain)
    assert isinstance(plan, DrainPlan)
    assert plan.endpoints == ("aws/us-east-1/a",)
    assert plan.names_touched == 1

    def explain(client: str, *what_if: str) -> object:
        return maker.do(Explain("www.example.com", client, "A", None, what_if, Situation(AT)))

    story = explain("192.0.2.0/24", "down:aws/us-east-1/a")
    assert isinstance(story, Explanation)
    assert story.answers
    assert isinstance(explain("nobody"), Mistaken)
    assert isinstance(explain("192.0.2.0/24", "down:nowhere"), Mistaken)


def test_the_last_good_plan_makes_the_same_table(tmp_path: Path) -> None:
    """Whatever has become of the files; without one there is a reason and no table."""
    job = job_of(tmp_path)
    first = do(TableMaker(), job)
    assert isinstance(first, Compiled)
    job = replace(job_of(tmp_path, "nonsense", generation=2), last_good=True)
    again = do(TableMaker(), job)
    assert isinstance(again, Compiled)
    assert (again.generation, again.policy) == (2, first.policy)
    assert (again.inventory, again.wishes) == (first.inventory, first.wishes)
    assert addresses_in(again.path) == addresses_in(first.path)
    (tmp_path / "state" / "last-plan").unlink()
    failed = TableMaker().do(replace(job, generation=3))
    assert isinstance(failed, Failed)
    assert "last-plan" in failed.reason


def test_refused_policies_do_not_become_the_last_good_ones(tmp_path: Path) -> None:
    """What is kept is what a table was made of."""
    do(TableMaker(), job_of(tmp_path))
    kept = (tmp_path / "state" / "last-plan").read_bytes()
    assert isinstance(TableMaker().do(job_of(tmp_path, "nonsense", generation=2)), Refused)
    assert (tmp_path / "state" / "last-plan").read_bytes() == kept


def test_a_plan_that_cannot_be_kept_is_told_and_served(tmp_path: Path) -> None:
    """A folder stands in its place."""
    job = job_of(tmp_path)
    (job.state_directory / "last-plan").mkdir()
    made = do(TableMaker(), job)
    assert isinstance(made, Compiled)
    assert "last-plan" in made.unkept
