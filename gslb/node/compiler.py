"""The process that compiles policies, as the supervisor has it: started, asked, ended."""

from __future__ import annotations

import asyncio
import contextlib
import os
import pickle
import sys
from collections.abc import Coroutine

from gslb.errors import GslbError
from gslb.node.compilation import (
    LENGTH_OCTETS,
    Answer,
    Change,
    Compiled,
    Describe,
    Explain,
    Failed,
    GivePast,
    GivePlan,
    GoOn,
    Job,
    Look,
    Looked,
    Mistaken,
    MistakenError,
    Patched,
    PlanDrain,
    Refused,
    Unchanged,
    Unfinished,
    Work,
    packed,
)
from gslb.steering.draineffect import DrainPlan
from gslb.steering.explanation import Explanation

# numpy would start a thread a core for linear algebra, of which there is none: 30 ms of CPU on two.
ENVIRONMENT = {"OPENBLAS_NUM_THREADS": "1"}


class Compiler:
    """One reading of the policies, in a process of its own: one `compile`, then any `patch`."""

    def __init__(self) -> None:
        """Nothing is started before the first job."""
        self._process: asyncio.subprocess.Process | None = None
        self._turn = asyncio.Lock()
        self._planning = asyncio.Lock()  # one plan at a time
        self._asking: set[asyncio.Future[Answer]] = set()

    async def compile(self, job: Job) -> Compiled | Refused | Unchanged:
        """Read, check, render and write the table. Raises GslbError (disk, memory)."""
        answer = await self._do(job)
        assert isinstance(answer, Compiled | Refused | Unchanged)
        return answer

    async def describe(self) -> bytes:
        """Return what was compiled as the next `Job.former`; empty if there is nobody to ask."""
        return await self._give(Describe())

    async def past(self) -> bytes:
        """Return how answers were shared out as the next `Job.past`; empty if nobody can tell."""
        return await self._give(GivePast())

    async def _give(self, wish: Describe | GivePast) -> bytes:
        if self._process is None or self.has_ended:
            return b""
        try:
            answer = await self._do(wish)
        except GslbError:
            return b""
        assert isinstance(answer, bytes)
        return answer

    async def look(self) -> Looked:
        """Return what large shifts were found since the last look. Raises GslbError."""
        answer = await self._do(Look())
        assert isinstance(answer, Looked)
        return answer

    async def patch(self, change: Change) -> Patched | Compiled:
        """Bring the table to another situation, or make a new one if it has no room for that.

        Raises GslbError.
        """
        answer = await self._do(change)
        assert isinstance(answer, Patched | Compiled)
        return answer

    async def explain(self, question: Explain) -> Explanation:
        """Return why an answer is what it is. Raises MistakenError, GslbError."""
        answer = await self._ask(self._do(question))
        assert isinstance(answer, Explanation)
        return answer

    async def plan_drain(self, question: PlanDrain) -> DrainPlan:
        """Return what a drain would do. Raises GslbError. A patch does not have to wait for it."""
        answer = await self._ask(self._plan(question))
        assert isinstance(answer, DrainPlan)
        return answer

    async def _plan(self, question: PlanDrain) -> Answer:
        async with self._planning:
            answer = await self._do(question)
            while isinstance(answer, Unfinished):
                answer = await self._do(GoOn())
            return answer

    async def give_plan(self) -> bytes:
        """Return the plan, pickled, for another process of ours. Raises GslbError."""
        answer = await self._ask(self._do(GivePlan()))
        assert isinstance(answer, bytes)
        return answer

    async def _ask(self, question: Coroutine[None, None, Answer]) -> Answer:
        """Ask on behalf of somebody who may go away; the process stays, whatever he does."""
        asking = asyncio.ensure_future(question)
        self._asking.add(asking)
        asking.add_done_callback(self._asked)
        return await asyncio.shield(asking)

    def _asked(self, asking: asyncio.Future[Answer]) -> None:
        self._asking.discard(asking)
        if not asking.cancelled():
            asking.exception()  # whoever asked may not be there to hear it

    async def _do(self, work: Work) -> Answer:
        async with self._turn:
            if self._process is None and not isinstance(work, Job):
                raise GslbError("nothing was compiled yet")
            if self._process is None:
                self._process = await asyncio.create_subprocess_exec(
                    sys.executable,
                    "-P",  # no code from the current folder, which may be another checkout
                    "-c",
                    "from gslb.node.tablemaker import main; main()",
                    stdin=asyncio.subprocess.PIPE,
                    stdout=asyncio.subprocess.PIPE,
                    env={**ENVIRONMENT, **os.environ},
                )
            into, out = self._process.stdin, self._process.stdout
            assert into is not None
            assert out is not None
            try:
                into.write(packed(work))
                await into.drain()
                length = int.from_bytes(await out.readexactly(LENGTH_OCTETS), "big")
                answer = pickle.loads(await out.readexactly(length))  # noqa: S301 - our own child
            except (ConnectionError, asyncio.IncompleteReadError):
                code = await self._process.wait()
                raise GslbError(f"the compiling process ended early (code {code})") from None
            except asyncio.CancelledError:
                self._kill()  # what it answers now would be taken for the next answer
                raise
        if isinstance(answer, Failed):
            raise GslbError(answer.reason)
        if isinstance(answer, Mistaken):
            raise MistakenError(answer.reason)
        assert isinstance(answer, Answer)
        return answer

    @property
    def has_ended(self) -> bool:
        """Whether the process has come to its end, so that nothing more can be asked of it."""
        return self._process is not None and self._process.returncode is not None

    async def close(self) -> None:
        """Let the process go, whatever it does."""
        self._kill()
        if self._process is not None:
            assert self._process.stdin is not None
            self._process.stdin.close()
            await self._process.wait()

    def _kill(self) -> None:
        if self._process is not None and self._process.returncode is None:
            with contextlib.suppress(ProcessLookupError):
                self._process.kill()
