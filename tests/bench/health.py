"""From the checker's word to the changed table: votes fed by hand, everything behind them real."""

from __future__ import annotations

import asyncio
import statistics
import time
from datetime import UTC, datetime
from pathlib import Path

from gslb.node.compilation import Change, Compiled, Patched
from gslb.node.keeper import TableKeeper
from gslb.node.records import Records
from gslb.node.watch import Watch
from gslb.settings import Settings
from gslb.state.tables import ServedTable, TableStore
from healthcheck.messages import Heartbeat, Votes
from healthcheck.model import Status
from healthcheck.votes import Doubt, Vote
from tests.bench.worlds import policy_text

NAME = "bench"
TRIALS = 25
PLAN_BEGINS = 0.002  # seconds, until a plan of a drain is under way


class _Node:
    """A node without workers, and without a checker."""

    def __init__(self, folder: Path, names: int) -> None:
        policy, state = folder / "health.yaml", folder / "health"
        policy.write_text("\n".join(policy_text(names)))
        state.mkdir()
        settings = Settings(state_directory=state, policies=(policy,), nsid=NAME)
        self.records = Records(state, _now)
        self.watch = Watch(self.records, time.monotonic, _now, settings)
        self.keeper = TableKeeper(
            settings,
            TableStore(state),
            _publish,
            now=_now,
            situate=self.watch.situation,
            replan=self.watch.replan,
        )
        self.patched = asyncio.Event()
        self._sequence = 0

    async def start(self) -> None:
        await self.keeper.reload()
        compiler = self.keeper._compiler
        assert compiler is not None
        patch = compiler.patch

        async def timed(change: Change) -> Patched | Compiled:
            result = await patch(change)
            self.patched.set()
            return result

        compiler.patch = timed  # type: ignore[method-assign] # to see when it is over
        self.watch._changed = self.keeper.changed
        targets = list(self.watch._evidence.probing.probes)
        number, count = self.watch.panel.own.generation, len(targets)
        self.watch.hear(NAME, Heartbeat(NAME, 1, number, count, count, 1, 0, 0, 0.0, Doubt.NONE))

    def targets(self) -> dict[str, list[str]]:
        """Return the targets of every endpoint that is probed."""
        probing = self.watch._evidence.probing
        found: dict[str, list[str]] = {}
        for family in (probing.v4, probing.v6):
            for (endpoint, _), targets in family.items():
                found.setdefault(endpoint, []).extend(targets)
        return found

    async def say(self, targets: list[str], status: Status) -> float:
        """Have a checker say *status* of *targets*; return the ms until the table follows."""
        votes = []
        for target in targets:
            self._sequence += 1
            failing = status is Status.DOWN
            votes.append(Vote(NAME, target, status, failing, 1, self._sequence, 0.0))
        self.patched.clear()
        began = time.perf_counter()
        self.watch.hear(NAME, Votes(1, tuple(votes)))
        await self.patched.wait()
        return (time.perf_counter() - began) * 1e3


async def measure(folder: Path, names: int) -> dict[str, float]:
    """Return milliseconds: one endpoint (median, worst; while a drain is planned), and a cloud at once."""
    node = _Node(folder, names)
    await node.start()
    keeping = asyncio.create_task(node.keeper.keep_up())
    ends = node.targets()
    await node.say([target for one in ends.values() for target in one], Status.UP)
    times = []
    for one in list(ends)[:: max(1, len(ends) // TRIALS)]:
        times.append(await node.say(ends[one], Status.DOWN))
        await node.say(ends[one], Status.UP)
    planned = []
    taken = tuple(one for one in ends if one.startswith("aws/"))
    # Others, since those have flapped; together fewer than the limit on removals lets pass.
    for one in list(ends)[1 :: max(2, 2 * len(ends) // TRIALS)]:
        plan = asyncio.create_task(node.keeper.plan_drain(taken))
        await asyncio.sleep(PLAN_BEGINS)
        planned.append(await node.say(ends[one], Status.DOWN))
        await plan
        await node.say(ends[one], Status.UP)
    cloud = [target for one, own in ends.items() if one.startswith("aws/") for target in own]
    whole = await node.say(cloud, Status.DOWN)
    keeping.cancel()
    await asyncio.gather(keeping, return_exceptions=True)
    await node.keeper.close()
    node.records.close()
    return {
        "median": statistics.median(times),
        "worst": max(times),
        "planned": statistics.median(planned),
        "cloud": whole,
    }


def _now() -> datetime:
    return datetime.now(UTC)


async def _publish(_: ServedTable) -> None:
    """There are no workers."""
