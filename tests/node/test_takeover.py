"""Workers without a supervisor: seen without being touched, and sent home."""

from __future__ import annotations

import json
import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from gslb import control
from gslb.errors import GslbError
from gslb.listen import Listen
from gslb.node.sendhome import send_home
from gslb.node.sockets import OpenSocket, open_shared
from gslb.node.takeover import (
    check_addresses,
    gather_sockets,
    look_for_workers,
    workers_of,
)
from tests.patience import PATIENCE_SECONDS
from tests.system.nodes import free_port

Answer = Callable[[dict[str, Any]], dict[str, Any]]


@contextmanager
def worker(path: Path, answer: Answer) -> Iterator[list[dict[str, Any]]]:
    """Have somebody answer at *path*; what was asked is yielded."""
    asked: list[dict[str, Any]] = []
    listener = control.listen_at(path)
    listener.setblocking(True)

    def serve() -> None:
        while True:
            sock, _ = listener.accept()
            with sock, sock.makefile("rwb") as stream:
                line = stream.readline()
                if not line:
                    return
                asked.append(json.loads(line))
                stream.write(json.dumps(answer(asked[-1])).encode() + b"\n")

    thread = threading.Thread(target=serve, daemon=True)
    thread.start()
    try:
        yield asked
    finally:
        kept = next(p for p in (path, *path.parent.glob("*.sock")) if p.exists())
        with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as waker:
            waker.connect(str(kept))
        thread.join(PATIENCE_SECONDS)
        listener.close()


def obedient(request: dict[str, Any]) -> dict[str, Any]:
    match request["do"]:
        case "sockets":
            return {"ok": True, "pid": 7, "sockets": []}
        case "status":
            return {"ok": True, "pid": 7, "generation": 3}
    return {"ok": True}


def test_workers_are_seen_without_being_touched(tmp_path: Path) -> None:
    """Files of workers that have gone stay, and count as nobody."""
    left = tmp_path / "worker-1.sock"
    control.listen_at(left).close()
    with worker(tmp_path / "worker-0.sock", obedient) as asked:
        assert look_for_workers(tmp_path) == [{"ok": True, "pid": 7, "generation": 3}]
    assert [request["do"] for request in asked] == ["status"]
    assert sorted(path.name for path in tmp_path.iterdir()) == ["worker-0.sock", "worker-1.sock"]
    assert look_for_workers(tmp_path / "none") == []


def test_workers_are_sent_home(tmp_path: Path) -> None:
    """Each is told to retire; nothing of them is left in the folder."""
    path = tmp_path / "worker-0.sock"
    control.listen_at(path.with_name("worker-1.sock")).close()
    kept: list[Path] = []

    def answer(request: dict[str, Any]) -> dict[str, Any]:
        if request["do"] == "retire":  # a name by which the test ends its thread
            (found,) = tmp_path.glob("orphan-*.sock")
            kept.append(tmp_path / "end.sock")
            kept[0].hardlink_to(found)
        return obedient(request)

    with worker(path, answer) as asked:
        assert send_home(tmp_path) == (1, 0)
        assert not list(tmp_path.glob("worker-*")) + list(tmp_path.glob("orphan-*"))
    assert [request["do"] for request in asked] == ["sockets", "retire"]
    assert send_home(tmp_path) == (0, 0)


def held(listen: Listen, count: int) -> list[OpenSocket]:
    return [open_shared("udp", listen) for _ in range(count)]


def test_sockets_beyond_the_workers_are_read_too_and_others_are_closed() -> None:
    """To close one of an address that is still answered on would lose what is queued in it."""
    place = Listen(address="127.0.0.1", port=free_port())
    gone = Listen(address="127.0.0.2", port=free_port("127.0.0.2"))
    ours, others = held(place, 5), held(gone, 1)
    sets = gather_sockets([place], 2, [*ours, *others])
    found = [one.sock for own in sets for one in own if one.kind == "udp"]
    assert sorted(map(id, found)) == sorted(id(one.sock) for one in ours)
    assert sorted(sum(one.kind == "udp" for one in own) for own in sets) == [2, 3]
    assert [sum(one.kind == "tcp" for one in own) for own in sets] == [1, 1]
    assert others[0].sock.fileno() == -1
    for one in (one for own in sets for one in own):
        one.sock.close()


def test_copies_of_one_socket_are_one() -> None:
    place = Listen(address="127.0.0.1", port=free_port())
    (one,) = held(place, 1)
    copy = OpenSocket("udp", place, one.sock.dup())
    (own,) = gather_sockets([place], 1, [one, copy])
    assert [found.kind for found in own] == ["udp", "tcp"]
    assert copy.sock.fileno() == -1
    for found in own:
        found.sock.close()


def test_an_address_that_another_has_is_found_out_before_anything_is_taken() -> None:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as other:
        other.bind(("127.0.0.1", 0))
        taken = Listen(address="127.0.0.1", port=other.getsockname()[1])
        with pytest.raises(GslbError, match="in use by another program"):
            check_addresses([taken], [])
        mine = OpenSocket("udp", taken, other)
        assert check_addresses([taken], [mine]) == [taken]


def test_the_workers_of_one_supervisor_are_told_from_those_of_another(tmp_path: Path) -> None:
    for name in ("worker-7-0.sock", "worker-7-1.sock", "worker-77-0.sock", "orphan-7.sock"):
        (tmp_path / name).touch()
    assert [one.path.name for one in workers_of(tmp_path, 7)] == [
        "worker-7-0.sock",
        "worker-7-1.sock",
    ]
