"""The control socket: one object a line, one answer a line, within bounds."""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import socket
import stat
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from gslb import control, conversation
from gslb.control import ControlError, Message
from gslb.conversation import Conversation
from tests.patience import PATIENCE_SECONDS


async def echo(request: Message) -> Message:
    """Return what was asked; pass the ends of a pipe along if asked to."""
    if request.get("do") == "pass":
        return {"pass": list(os.pipe())}
    if request.get("do") == "refuse":
        return {"ok": False, "error": "no"}
    return {"asked": {key: value for key, value in request.items() if key != "passed"}}


@contextlib.asynccontextmanager
async def served(path: Path) -> AsyncIterator[Path]:
    """Answer at *path* until the block ends."""
    with control.listen_at(path) as listener:
        task = asyncio.create_task(conversation.serve(listener, echo))
        try:
            yield path
        finally:
            task.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await task


async def test_a_request_gets_its_answer(tmp_path: Path) -> None:
    """The answer says that it went well unless the handler says otherwise."""
    async with served(tmp_path / "s") as path:
        answer = await asyncio.to_thread(control.ask, path, {"do": "x"}, 5)
        assert answer == {"ok": True, "asked": {"do": "x"}}
        answer = await asyncio.to_thread(control.ask, path, {"do": "refuse"}, 5)
        assert answer == {"ok": False, "error": "no"}


async def test_a_conversation_has_many_turns(tmp_path: Path) -> None:
    """Requests of one conversation, even at one time, get their own answers."""
    async with served(tmp_path / "s") as path:
        talk = Conversation.open(path)
        answers = await asyncio.gather(*(talk.ask({"n": n}, 5) for n in range(20)))
        assert [answer["asked"]["n"] for answer in answers] == list(range(20))
        talk.close()


async def test_only_the_owner_may_ask(tmp_path: Path) -> None:
    """The socket's mode lets nobody else connect."""
    async with served(tmp_path / "s") as path:
        assert stat.S_IMODE(path.stat().st_mode) == 0o600


async def test_a_path_may_be_longer_than_a_socket_address(tmp_path: Path) -> None:
    """A deep state directory works: addresses hold 108 octets, paths more."""
    folder = tmp_path / ("d" * 100) / ("e" * 100)
    folder.mkdir(parents=True)
    async with served(folder / "s") as path:
        assert (await asyncio.to_thread(control.ask, path, {"do": "x"}, 5))["ok"]


async def test_file_descriptors_come_along(tmp_path: Path) -> None:
    """What a handler passes arrives as open descriptors of the asking process."""
    async with served(tmp_path / "s") as path:
        answer, passed = await asyncio.to_thread(control.ask_passing, path, {"do": "pass"}, 5)
        assert answer == {"ok": True}
        read_end, write_end = passed
        os.write(write_end, b"through")
        assert os.read(read_end, 100) == b"through"
        for descriptor in passed:
            os.close(descriptor)


@pytest.mark.parametrize("line", [b"hello\n", b"[]\n", b"\xff\n", b"\n", b"1\n"])
async def test_what_is_no_request_is_said_to_be_none(tmp_path: Path, line: bytes) -> None:
    """Garbage is answered, and the conversation goes on."""
    loop = asyncio.get_running_loop()
    async with served(tmp_path / "s") as path:
        with control.connect(path, timeout=None) as sock:
            await loop.sock_sendall(sock, line + b'{"do": "x"}\n')
            octets = b""
            while octets.count(b"\n") < 2:
                octets += await loop.sock_recv(sock, 4096)
        first, second = map(json.loads, octets.splitlines())
        assert not first["ok"]
        assert "not a JSON object" in first["error"]
        assert second["ok"]


async def test_a_request_that_is_too_long_ends_the_conversation(tmp_path: Path) -> None:
    """Nobody makes the server's memory grow."""
    loop = asyncio.get_running_loop()
    async with served(tmp_path / "s") as path:
        with control.connect(path, timeout=None) as sock:
            with contextlib.suppress(ConnectionError):
                for _ in range(8):
                    await loop.sock_sendall(sock, b"x" * (conversation.MAX_REQUEST // 4))
            with contextlib.suppress(ConnectionError):
                assert await loop.sock_recv(sock, 1) == b""


async def test_more_conversations_than_there_is_room_for_wait(tmp_path: Path) -> None:
    """A conversation beyond the limit is taken up when another one ends."""
    async with served(tmp_path / "s") as path:
        talks = [Conversation.open(path) for _ in range(control.MAX_CONVERSATIONS)]
        for talk in talks:
            await talk.ask({"do": "x"}, 5)
        late = Conversation.open(path)
        waiting = asyncio.create_task(late.ask({"do": "late"}, 5))
        assert not (await asyncio.wait({waiting}, timeout=0))[0]
        talks[0].close()
        assert (await waiting)["asked"] == {"do": "late"}
        for talk in [*talks[1:], late]:
            talk.close()


async def test_nobody_there_is_said_in_one_line(tmp_path: Path) -> None:
    """A missing folder, a missing socket and one that nobody listens at are the same trouble."""
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as sock:
        sock.bind(str(tmp_path / "dead"))
    for path in (tmp_path / "none" / "s", tmp_path / "s", tmp_path / "dead"):
        with pytest.raises(ControlError, match=f"^{path}: nobody answers"):
            control.ask(path, {}, 1)


async def test_an_end_without_answer_is_an_error(tmp_path: Path) -> None:
    """Neither form of asking waits for an answer that cannot come."""
    loop = asyncio.get_running_loop()
    path = tmp_path / "s"
    with control.listen_at(path) as listener:
        talk = Conversation.open(path)
        asking = asyncio.create_task(talk.ask({}, 5))
        peer, _ = await loop.sock_accept(listener)
        peer.close()
        with pytest.raises(ControlError):
            await asking
        blocking = asyncio.create_task(asyncio.to_thread(control.ask, path, {}, 5))
        peer, _ = await loop.sock_accept(listener)
        peer.close()
        with pytest.raises(ControlError):
            await blocking


async def test_a_conversation_whose_answer_is_late_is_over(tmp_path: Path) -> None:
    """A late answer must not be taken for that of the next request."""
    with control.listen_at(tmp_path / "s"):
        talk = Conversation.open(tmp_path / "s")
        with pytest.raises(ControlError, match="no answer within"):
            await talk.ask({"do": "x"}, 0.001)
        with pytest.raises(ControlError):
            await talk.ask({"do": "x"}, 1)


async def test_a_conversation_whose_question_is_dropped_is_over(tmp_path: Path) -> None:
    """Nor may the answer to a question that nobody waits for any more (failures F25)."""
    async with served(tmp_path / "s") as path:
        talk = Conversation.open(path)
        dropped = asyncio.create_task(talk.ask({"n": 1}, 5))
        await asyncio.sleep(0)  # it is on its way
        dropped.cancel()
        with pytest.raises(asyncio.CancelledError):
            await dropped
        with pytest.raises(ControlError):
            await talk.ask({"n": 2}, 5)


async def test_a_socket_that_is_left_over_is_replaced(tmp_path: Path) -> None:
    """A server that was killed does not keep the next one from listening."""
    control.listen_at(tmp_path / "s").close()
    async with served(tmp_path / "s") as path:
        assert (await asyncio.to_thread(control.ask, path, {}, 5))["ok"]


def test_a_folder_that_is_missing_is_said(tmp_path: Path) -> None:
    """The error names the path."""
    with pytest.raises(ControlError, match="cannot open the control socket"):
        control.listen_at(tmp_path / "none" / "s")


async def test_descriptors_come_with_a_request_and_are_closed_when_it_is_answered(
    tmp_path: Path,
) -> None:
    """Whoever wants to keep one duplicates it; what is written as passed is not believed."""
    seen: list[list[int]] = []

    async def take(request: Message) -> Message:
        seen.append(list(request["passed"]))
        for descriptor in request["passed"]:
            os.write(descriptor, b"came")
        return {}

    with control.listen_at(tmp_path / "s") as listener:
        task = asyncio.create_task(conversation.serve(listener, take))
        talk = Conversation.open(tmp_path / "s")
        read_end, write_end = os.pipe()
        assert await talk.ask({"passed": [0]}, 5) == {"ok": True}
        await talk.ask({}, 5, [write_end])
        os.close(write_end)
        assert os.read(read_end, 100) == b"came"
        assert os.read(read_end, 100) == b""  # no other end of the pipe is open any more
        await talk.ask({}, 5)
        assert [len(one) for one in seen] == [0, 1, 0]
        os.close(read_end)
        talk.close()
        task.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await task


async def test_descriptors_that_are_given_are_closed_here(tmp_path: Path) -> None:
    """So that the other end sees when the one who has them is gone."""
    ours, theirs = socket.socketpair()

    async def give(_: Message) -> Message:
        return {"give": [theirs.detach()]}

    with control.listen_at(tmp_path / "s") as listener, ours:
        task = asyncio.create_task(conversation.serve(listener, give))
        _, (got,) = await asyncio.to_thread(control.ask_passing, tmp_path / "s", {"do": "x"}, 5)
        assert not os.get_inheritable(got)
        os.close(got)
        ours.settimeout(PATIENCE_SECONDS)
        assert ours.recv(1) == b""
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)


async def test_who_waits_for_an_answer_gets_it_although_the_server_ends(tmp_path: Path) -> None:
    """The one who has asked for the end, above all; who is silent is not waited for."""
    asked = asyncio.Event()

    async def slow(_: Message) -> Message:
        asked.set()
        await asyncio.sleep(0.05)
        return {"said": "last words"}

    with control.listen_at(tmp_path / "s") as listener:
        task = asyncio.create_task(conversation.serve(listener, slow))
        silent = Conversation.open(tmp_path / "s")
        waiting = asyncio.create_task(asyncio.to_thread(control.ask, tmp_path / "s", {}, 5))
        await asked.wait()
        task.cancel()
        assert (await waiting)["said"] == "last words"
        await asyncio.gather(task, return_exceptions=True)
        silent.close()
