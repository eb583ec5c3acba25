"""Workers that are kept going; those that answer are in tests/system."""

from __future__ import annotations

import asyncio
import contextlib
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from gslb.control import Message
from gslb.conversation import Conversation
from gslb.node import children
from gslb.node.child import SHORT_LIFE_SECONDS, make_children, socket_path
from gslb.node.children import Workers
from gslb.node.ledger import Ledger
from gslb.node.recruits import Recruits
from gslb.state.tables import ServedTable
from tests.dataplane.test_worker import ORDERS


def _process(code: str) -> subprocess.Popen[bytes]:
    return subprocess.Popen([sys.executable, "-c", code])


async def test_a_worker_that_cannot_be_started_is_not_tried_without_pause(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The machine may be short of processes for long; the one that died had lived long."""
    pauses: list[float] = []

    async def pause(seconds: float) -> None:
        pauses.append(seconds)
        if len(pauses) == 5:
            raise asyncio.CancelledError

    with contextlib.closing(Ledger(tmp_path)) as ledger:
        workers = Workers(tmp_path, ORDERS, ledger, Recruits(), lambda: 10 * SHORT_LIFE_SECONDS)
        (child,) = make_children(tmp_path, [[]])
        with child.listener:
            child.process = _process("")
            child.process.wait()
            workers._table = ServedTable(tmp_path / "none", 1)
            monkeypatch.setattr(sys, "executable", "/nowhere/python")
            monkeypatch.setattr(children.asyncio, "sleep", pause)
            with pytest.raises(asyncio.CancelledError):
                await workers._watch(child)
    assert pauses == [0.0, 0.0, 0.1, 0.2, 0.4]
    assert child.restarts.count == 5


async def test_a_worker_whose_conversation_broke_off_ends_in_peace(tmp_path: Path) -> None:
    """A swap may have been given up on the way out; its connections still come to their end."""
    with contextlib.closing(Ledger(tmp_path)) as ledger:
        workers = Workers(tmp_path, ORDERS, ledger, Recruits())
        workers.children = [child] = make_children(tmp_path, [[]])
        child.conversation = Conversation.open(socket_path(tmp_path, child.number))
        child.conversation.close()
        child.process = _process("import time; time.sleep(60)")
        await workers.stop()
        assert child.process.returncode == -signal.SIGTERM


class Doubtful:
    """A conversation with a worker that takes up a table when it is told a second time."""

    def __init__(self) -> None:
        self.told: list[object] = []

    async def ask(self, request: Message, *_: object) -> Message:
        self.told.append(request["generation"])
        if self.told.count(request["generation"]) < 2:
            return {"ok": False, "error": "no memory"}
        return {"ok": True}


async def test_a_worker_that_refuses_a_table_is_told_of_it_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What has died since is taken out of the newest table only."""
    monkeypatch.setattr(children, "AGAIN_SECONDS", 0.0)
    with contextlib.closing(Ledger(tmp_path)) as ledger:
        workers = Workers(tmp_path, ORDERS, ledger, Recruits())
        workers.children = [child] = make_children(tmp_path, [[]])
        child.conversation = talk = Doubtful()  # type: ignore[assignment]
        again = asyncio.create_task(workers._tell_again())
        with child.listener:
            for generation in (4, 5):
                table = ServedTable(tmp_path / "table", generation)
                assert await workers.swap(table) == ["worker 0: no memory"]
                for _ in range(100):
                    await asyncio.sleep(0)
                assert child.generation == generation
        again.cancel()
    assert talk.told == [4, 4, 5, 5]
