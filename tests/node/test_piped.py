"""Processes beside the workers: their pauses and their ends."""

from __future__ import annotations

import asyncio
import signal
import sys

from gslb.node.piped import SHORT_LIFE_SECONDS, Pauses, end

PATIENCE_SECONDS = 60.0


def test_pauses_double_while_lives_are_short_and_begin_anew_after_a_long_one() -> None:
    pauses = Pauses(0.5, 3.0)
    assert [pauses.after(1.0) for _ in range(4)] == [1.0, 2.0, 3.0, 3.0]
    assert pauses.after(SHORT_LIFE_SECONDS) == 0.5
    assert pauses.after(1.0) == 1.0
    assert [pauses.after(0.0) for _ in range(2000)][-1] == 3.0


async def _process(code: str) -> asyncio.subprocess.Process:
    pipe = asyncio.subprocess.PIPE
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-c", code, stdin=pipe, stdout=pipe
    )
    assert process.stdout is not None
    assert await process.stdout.readline() == b"here\n"
    return process


async def test_the_end_of_its_input_ends_it_in_peace() -> None:
    process = await _process("import sys; print('here', flush=True); sys.stdin.read(); sys.exit(7)")
    await end(process, PATIENCE_SECONDS)
    assert process.returncode == 7


async def test_one_that_does_not_mind_is_killed() -> None:
    process = await _process("import time; print('here', flush=True); time.sleep(60)")
    await end(process, 0.01)
    assert process.returncode == -signal.SIGKILL
    await end(process, 0.01)  # again, for nothing
