"""Workers without a supervisor: seen without being touched, and sent home."""

from __future__ import annotations

import json
import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from gslb import control
from gslb.node.takeover import look_for_workers, send_home

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
        thread.join(10)
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
