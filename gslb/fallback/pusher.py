"""The process that pushes: desired states in, states of the copies out. It ends with its parent.

Started by `gslb.fallback.process`. Nothing that it does or fails to do touches what is served.
"""

from __future__ import annotations

import asyncio
import logging
import os
import pickle
import signal
import sys
import time
from typing import Any

from gslb import logs
from gslb.errors import GslbError
from gslb.fallback.clients import connections
from gslb.fallback.copies import Copy
from gslb.fallback.messages import (
    LENGTH_OCTETS,
    ApplyPush,
    Ask,
    Copies,
    CopyId,
    Happened,
    Moment,
    Order,
    PlanPush,
    Policies,
    Question,
    Refused,
    Report,
    Start,
    Told,
    VerifyPush,
    Which,
)
from gslb.fallback.proposals import PlanRefusedError, Proposals
from gslb.fallback.snapshot import Snapshot
from gslb.fallback.standing import Standing
from gslb.logs import Log
from gslb.node.surroundings import look_around
from gslb.policy.plan import Plan
from gslb.push.provider import PushError
from gslb.steering.world import World

TELL_EVERY = 0.05  # seconds between two reports of states, which come in bursts

_log = Log(__name__)


class PushingProcess:
    """All copies of a node."""

    def __init__(self, start: Start, report: Any) -> None:
        """*report* takes each `Report`."""
        self._start = start
        self._report = report
        self._plan: Plan | None = None
        self._world: World | None = None
        self._news = asyncio.Event()
        self._asking: set[asyncio.Task[None]] = set()
        self._proposals = [
            Proposals(Copy(self._standing(one), start.push, connect))
            for one, connect in connections(start.push)
        ]
        self._news.set()

    def _standing(self, one: CopyId) -> Standing:
        def happened(kind: str, which: CopyId, detail: Any) -> None:
            self._report(Happened(kind, which, detail))

        return Standing(one, self._news.set, happened, time.time)

    async def run(self, orders: asyncio.Queue[Order]) -> None:
        """Do what *orders* say, and keep the copies up, until cancelled."""
        async with asyncio.TaskGroup() as group:
            for one in self._proposals:
                group.create_task(one.copy.run())
            group.create_task(self._tell())
            while True:
                await self._do(await orders.get())

    async def _tell(self) -> None:
        """Report how the copies stand, whenever that changes."""
        while True:
            await self._news.wait()
            await asyncio.sleep(TELL_EVERY)
            self._news.clear()
            self._report(Copies(tuple(one.copy.state for one in self._proposals)))

    async def _do(self, order: Order) -> None:
        match order:
            case Policies(octets):
                self._plan = await asyncio.to_thread(pickle.loads, octets)
                self._world = None
            case Moment():
                await self._want(order)
            case Ask(number, question):
                task = asyncio.create_task(self._answer(number, question))
                self._asking.add(task)
                task.add_done_callback(self._asking.discard)

    async def _want(self, moment: Moment) -> None:
        if self._plan is None:
            return
        if self._world is None:
            start, at = self._start, moment.situation.at
            around = await asyncio.to_thread(look_around, start.geo, start.state_directory, at)
            self._world = around.world
        snapshot = Snapshot(self._plan, self._world, moment.situation, moment.generation)
        for one in self._proposals:
            one.copy.want(snapshot, drain=moment.drain)

    async def _answer(self, number: int, question: Question) -> None:
        try:
            self._report(Told(number, await self._told(question)))
        except GslbError as error:
            self._report(Refused(number, str(error)))

    async def _told(self, question: Question) -> Any:
        match question:
            case PlanPush(which):
                return [await _said(one, one.plan(question)) for one in self._meant(which)]
            case VerifyPush(which, answers):
                return [await _said(one, one.verify(answers=answers)) for one in self._meant(which)]
            case ApplyPush(plan, force):
                for one in self._proposals:
                    if one.has(plan):
                        return await one.apply(plan, force=force)
                raise PlanRefusedError(
                    f"no plan {plan} was made within the last hour: gslb push plan"
                )

    def _meant(self, which: Which) -> list[Proposals]:
        found = [one for one in self._proposals if which.has(one.copy.id)]
        if not found:
            raise PlanRefusedError("no copy is meant by this provider and zone")
        return found


async def _said(one: Proposals, asking: Any) -> dict[str, Any]:
    """Return what was asked of one copy, or why there is no answer, with the copy's id."""
    whose = {
        "provider": one.copy.id.provider,
        "zone": one.copy.id.zone,
        "place": one.copy.id.place,
    }
    try:
        return {**whose, **await asking, "error": None}
    except (PushError, PlanRefusedError) as error:
        return {**whose, "error": str(error)}


async def _serve() -> None:
    out = os.fdopen(os.dup(1), "wb")
    os.dup2(2, 1)  # nothing that prints may end up among the reports

    def report(one: Report) -> None:
        octets = pickle.dumps(one, pickle.HIGHEST_PROTOCOL)
        out.write(len(octets).to_bytes(LENGTH_OCTETS, "big") + octets)
        out.flush()

    reader = asyncio.StreamReader()
    protocol = asyncio.StreamReaderProtocol(reader)
    await asyncio.get_running_loop().connect_read_pipe(lambda: protocol, sys.stdin.buffer)
    start = await _read(reader)
    assert isinstance(start, Start)
    logs.set_up(start.log.level, start.log.format, "pusher")
    for library in (
        "botocore",
        "boto3",
        "urllib3",
        "google",
    ):  # below this they tell requests whole
        logging.getLogger(library).setLevel(logging.WARNING)
    orders: asyncio.Queue[Order] = asyncio.Queue()
    process = asyncio.create_task(PushingProcess(start, report).run(orders))
    while not process.done():
        reading = asyncio.create_task(_read(reader))
        await asyncio.wait({reading, process}, return_when=asyncio.FIRST_COMPLETED)
        if not reading.done():
            break
        orders.put_nowait(reading.result())
    process.result()  # raises


async def _read(reader: asyncio.StreamReader) -> Order:
    """Return the next order. Raises IncompleteReadError at the end."""
    length = int.from_bytes(await reader.readexactly(LENGTH_OCTETS), "big")
    order: Order = pickle.loads(await reader.readexactly(length))  # noqa: S301 - from our own parent
    return order


def main() -> None:
    """Push until standard input ends: with the supervisor, at the latest."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # a terminal's Ctrl-C is the supervisor's
    code = 0
    try:
        asyncio.run(_serve())
    except (asyncio.IncompleteReadError, BrokenPipeError):
        pass
    except Exception as error:  # noqa: BLE001 - the last resort; another process takes the place
        _log.error("pushing has ended by a fault", error=f"{type(error).__name__}: {error}")
        code = 1
    finally:
        # A request in a thread may take a minute to end. What it does is decided by the manifest,
        # so nobody waits for it.
        os._exit(code)
