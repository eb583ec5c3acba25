"""A process that does not end by itself is ended; one that does is left to it."""

from __future__ import annotations

import asyncio
import signal
import sys

import pytest

from gslb.node.ending import end


@pytest.mark.parametrize(
    ("program", "seconds", "code"),
    [
        ("import sys; sys.stdin.read(); sys.exit(7)", 30.0, 7),
        ("import signal; signal.pause()", 0.01, -signal.SIGKILL),
    ],
)
async def test_a_process_ends_with_its_input_or_by_force(
    program: str, seconds: float, code: int
) -> None:
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-c", program, stdin=asyncio.subprocess.PIPE
    )
    await end(process, seconds)
    assert process.returncode == code
    await end(process, seconds)  # once more does no harm
