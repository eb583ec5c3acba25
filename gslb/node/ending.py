"""The end of a process of ours that ends by itself once nobody talks to it any more."""

from __future__ import annotations

import asyncio
import contextlib


async def end(process: asyncio.subprocess.Process, seconds: float) -> None:
    """Have *process* end: by the end of its input, and if that does not do in *seconds*, by force."""
    assert process.stdin is not None
    process.stdin.close()
    with contextlib.suppress(TimeoutError):
        async with asyncio.timeout(seconds):
            await process.wait()
    if process.returncode is None:
        with contextlib.suppress(ProcessLookupError):
            process.kill()
        await process.wait()
