"""Work that can rest: stopped to its end, begun anew, and never two at a time."""

from __future__ import annotations

import asyncio

import pytest

from gslb.node.pausable import Pausable


class Work:
    """Something that runs until it is cancelled."""

    def __init__(self) -> None:
        self.begun = self.ended = 0
        self.failure: Exception | None = None
        self.running = asyncio.Event()

    async def run(self) -> None:
        self.begun += 1
        self.running.set()
        try:
            if self.failure is not None:
                raise self.failure
            await asyncio.Event().wait()
        finally:
            await asyncio.sleep(0)  # an end takes its time
            self.running.clear()
            self.ended += 1


async def test_a_pause_ends_the_work_and_a_resumption_begins_it_anew() -> None:
    work = Work()
    task = asyncio.create_task((pausable := Pausable(work.run)).run())
    await work.running.wait()
    await pausable.pause()
    assert (work.begun, work.ended) == (1, 1)
    await asyncio.sleep(0)
    assert not task.done()
    pausable.resume()
    await work.running.wait()
    assert (work.begun, work.ended) == (2, 1)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert work.ended == 2


async def test_a_pause_before_the_start_lets_nothing_begin() -> None:
    work = Work()
    pausable = Pausable(work.run)
    await pausable.pause()
    task = asyncio.create_task(pausable.run())
    await asyncio.sleep(0)
    assert work.begun == 0
    pausable.resume()
    await work.running.wait()
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)


async def test_a_fault_in_the_work_is_seen() -> None:
    work = Work()
    work.failure = ValueError("a fault of ours")
    with pytest.raises(ValueError, match="a fault of ours"):
        await Pausable(work.run).run()
