"""The ``exec`` probe: a command's exit code. Off unless the node says otherwise.

The command is an argument list, never a line for a shell. What it is to check it reads from its
environment, so that no address can be taken for an option: CHECK_ADDRESS, CHECK_PORT, CHECK_HOST,
CHECK_TIMEOUT. Its output is not read.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import signal

from healthcheck.model import Kind, Probe
from healthcheck.probes.base import Attempt, CannotTryError, Found

MAX_COMMANDS = 32  # at once; a process costs a thousand times what a connection does
_PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"


async def try_exec(attempt: Attempt) -> Found:
    """Run the command in a process group of its own, which dies with the try.

    Raises OSError (the command cannot be started) and CannotTryError.
    """
    tools = attempt.tools
    command = [value for key, value in attempt.probe.extra if key == "command"]
    if not tools.may_execute:
        raise CannotTryError("commands are not allowed on this node")
    if not command or any("\0" in word for word in command):
        raise CannotTryError("there is no command")
    if tools.commands >= MAX_COMMANDS:
        return Found(Kind.LOCAL, f"more than {MAX_COMMANDS} commands at once")
    tools.commands += 1
    try:
        return await _run(attempt, command)
    finally:
        tools.commands -= 1


async def _run(attempt: Attempt, command: list[str]) -> Found:
    attempt.stage = "running"
    process = await asyncio.create_subprocess_exec(
        *command,
        stdin=asyncio.subprocess.DEVNULL,
        stdout=asyncio.subprocess.DEVNULL,
        stderr=asyncio.subprocess.DEVNULL,
        env=environment(attempt.probe),
        cwd="/",
        start_new_session=True,
    )
    try:
        code = await process.wait()
    except asyncio.CancelledError:
        with contextlib.suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
        await process.wait()  # killed: this is short, and leaves no zombie
        raise
    if code < 0:
        return Found(Kind.STATUS, f"killed by signal {-code}")
    return Found(Kind.OK if code == 0 else Kind.STATUS, f"exit code {code}")


def environment(probe: Probe) -> dict[str, str]:
    """Return all that the command is told: nothing of ours."""
    return {
        "PATH": _PATH,
        "LANG": "C.UTF-8",
        "CHECK_ADDRESS": probe.address,
        "CHECK_PORT": str(probe.port),
        "CHECK_HOST": probe.host,
        "CHECK_TIMEOUT": f"{probe.timeout:g}",
    }
