"""The conversation of two versions: what is asked, what comes along, and how it is refused."""

from __future__ import annotations

import asyncio
import contextlib
import os
import socket
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from gslb import control, conversation
from gslb.control import Message
from gslb.errors import GslbError
from gslb.listen import Listen
from gslb.node import succession
from gslb.node.predecessor import Predecessor
from gslb.node.sockets import OpenSocket
from gslb.node.succession import FORM, Succession
from tests.patience import PATIENCE_SECONDS

LISTEN = Listen(address="127.0.0.1", port=5353)


@pytest.fixture(autouse=True)
def killed(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """The new version is this very process here: what is to be killed is only noted."""
    found: list[int] = []
    monkeypatch.setattr(
        succession.signal, "pidfd_send_signal", lambda _, number: found.append(number)
    )
    monkeypatch.setattr(succession, "KILL_SECONDS", 0.0)
    return found


class FakeIncumbent:
    """A supervisor that notes what is wanted of it."""

    def __init__(self, folder: Path) -> None:
        self.done: list[Any] = []
        self.refusal = ""
        self.told = asyncio.Event()
        self.opened = [socket.socket(socket.AF_INET, socket.SOCK_DGRAM) for _ in range(5)]
        self.door = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        self.file = os.open(folder / "lock", os.O_RDWR | os.O_CREAT)

    def worker_sockets(self) -> list[OpenSocket]:
        return [OpenSocket("udp", LISTEN, sock) for sock in self.opened]

    def other_sockets(self) -> list[tuple[str, socket.socket]]:
        return [("api.sock", self.door)]

    def lock(self) -> int:
        return self.file

    def offer(self) -> Message:
        if self.refusal:
            raise GslbError(self.refusal)
        return {"generation": 7, "serial": 70}

    async def let_go(self) -> Message:
        self.done.append("let go")
        return {"remembered": {"a": 1}}

    async def take_back(self, pid: int) -> None:
        self.done.append(("take back", pid))

    def end(self, pid: int) -> None:
        self.done.append(("end", pid))

    def tell_failure(self, phase: str, reason: str) -> None:
        self.done.append(("tell", phase, reason))
        self.told.set()

    def close(self) -> None:
        for sock in (*self.opened, self.door):
            sock.close()
        os.close(self.file)


@contextlib.asynccontextmanager
async def running(folder: Path) -> AsyncIterator[FakeIncumbent]:
    """Have a supervisor answer in *folder*."""
    fake = FakeIncumbent(folder)
    one = Succession(fake, None)
    with control.listen_at(folder / control.SUPERVISOR_SOCKET) as listener:
        task = asyncio.create_task(conversation.serve(listener, one.hello))
        try:
            yield fake
        finally:
            for background in (task, *one._watching):
                background.cancel()
            await asyncio.gather(task, *one._watching, return_exceptions=True)
            await asyncio.gather(*one._tasks)
            if one._process is not None:
                os.close(one._process)
            fake.close()


async def greet(folder: Path) -> Predecessor:
    found = await asyncio.to_thread(Predecessor.greet, folder)
    assert found is not None
    return found


def inodes(*descriptors: int) -> list[int]:
    return [os.fstat(one).st_ino for one in descriptors]


async def test_sockets_lock_and_knowledge_come_over_in_order(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, killed: list[int]
) -> None:
    """Many sockets come in several pieces."""
    monkeypatch.setattr(succession, "PASSED_AT_ONCE", 2)
    async with running(tmp_path) as fake:
        before = await greet(tmp_path)
        assert (before.pid, before.generation, before.serial) == (os.getpid(), 7, 70)
        await asyncio.to_thread(before.fetch_sockets)
        ours = [one.sock.fileno() for one in before.sockets]
        assert inodes(*ours) == inodes(*(sock.fileno() for sock in fake.opened))
        assert {(one.kind, one.listen) for one in before.sockets} == {("udp", LISTEN)}
        assert inodes(before.doors["api.sock"].fileno()) == inodes(fake.door.fileno())
        assert inodes(before.lock) == inodes(fake.file)
        assert fake.done == []
        assert await before.let_go() == {"ok": True, "remembered": {"a": 1}}
        await before.end({"pid": 8})
        assert fake.done == ["let go", ("end", os.getpid())]
        before.fail(["too late, and nobody is there to hear it"])
        for one in (*(held.sock for held in before.sockets), *before.doors.values()):
            one.close()
        os.close(before.lock)
    assert killed == []


async def test_a_failure_after_letting_go_is_taken_back_and_told_with_its_reason(
    tmp_path: Path, killed: list[int]
) -> None:
    async with running(tmp_path) as fake:
        before = await greet(tmp_path)
        await before.let_go()
        await asyncio.to_thread(before.fail, ["first", "and last"])
        await asyncio.wait_for(fake.told.wait(), PATIENCE_SECONDS)
        taken, told = fake.done[1:]
        assert taken == ("take back", os.getpid())
        assert told == ("tell", "taking over", "first; and last")
        assert killed == [9]
        again = await greet(tmp_path)  # the next one may come
    again.close()


async def test_nobody_there_is_nobody(tmp_path: Path) -> None:
    assert Predecessor.greet(tmp_path) is None


async def test_one_that_does_not_give_way_says_why(tmp_path: Path) -> None:
    async with running(tmp_path) as fake:
        fake.refusal = "not today"
        with pytest.raises(GslbError, match="does not give way: not today"):
            await greet(tmp_path)
        fake.refusal = ""
        first = await greet(tmp_path)
        with pytest.raises(GslbError, match="another replacement is under way"):
            await greet(tmp_path)
    first.close()


async def test_a_version_that_knows_nothing_of_this_refuses(tmp_path: Path) -> None:
    async def older(_: Message) -> Message:
        return {"ok": False, "error": "unknown request"}

    with control.listen_at(tmp_path / control.SUPERVISOR_SOCKET) as listener:
        task = asyncio.create_task(conversation.serve(listener, older))
        with pytest.raises(GslbError, match="does not give way: unknown request"):
            await greet(tmp_path)
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)


@pytest.mark.parametrize("hello", [{}, {"form": FORM}, {"form": FORM + 1, "pid": 1}])
async def test_a_hello_of_another_form_is_refused(tmp_path: Path, hello: Message) -> None:
    async with running(tmp_path) as fake:
        path = tmp_path / control.SUPERVISOR_SOCKET
        answer = await asyncio.to_thread(control.ask, path, hello, 5)
        assert not answer["ok"]
        assert fake.done == []


async def test_one_that_dies_before_it_lets_go_leaves_everything_to_us() -> None:
    ours, theirs = socket.socketpair()
    ours.settimeout(PATIENCE_SECONDS)
    said = {"pid": 1, "version": "1", "generation": 1, "serial": 1, "sockets": 0}
    before = Predecessor(said, ours)
    theirs.close()
    assert await before.let_go() is None
    before.close()
